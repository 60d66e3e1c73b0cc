//! A block: records of text and where their cells lie.

use crate::{
    MAX_BLOCK_CELLS,
    reject::{Reason, Violation},
    text::CutLine,
};
use std::slice::ChunksExact;
use watershed_contract::Encoding;

/// Where a cell's text lies in the block's bytes. Absent (a missing key, JSON's null) is not the same as empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    start: u32,
    end: u32,
}

impl Cell {
    /// No value.
    pub const ABSENT: Cell = Cell {
        start: u32::MAX,
        end: 0,
    };

    /// First byte and the one behind the last; none where it is absent.
    #[inline]
    pub fn range(self) -> Option<(usize, usize)> {
        (self.start <= self.end).then_some((self.start as usize, self.end as usize))
    }

    /// Bytes `start..end` of the block.
    pub fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end && end < u32::MAX as usize, "a block is smaller than 4 GiB");
        Self {
            start: start as u32,
            end: end as u32,
        }
    }
}

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// First byte in the block.
    pub start: u32,
    /// Byte behind the last, line end not counted.
    pub end: u32,
}

/// Records of text, split into cells. Reused from block to block.
#[derive(Debug, Default)]
pub struct Block {
    /// The records' text, and behind it what was unescaped.
    pub bytes: Vec<u8>,
    /// Offset of `bytes[0]` in the decompressed object.
    pub offset: u64,
    /// What the object is encoded in: `bytes` are UTF-8 made of it.
    pub encoding: Encoding,
    /// Lines end with `\r` alone.
    pub bare_cr: bool,
    /// Line that `bytes[0]` stands on, from 1; where the records have no place, the number of the first one.
    pub line: u64,
    /// The records are not of one text: they are told by their numbers, and not by line and offset.
    pub unplaced: bool,
    /// Length of the only record in the object, where the block holds no more than its beginning.
    pub cut_from: Option<u64>,
    /// The records.
    pub records: Vec<Record>,
    /// Lines between them that are no records: comments, and headers that came again.
    pub skipped: Vec<Record>,
    /// A record had text in a field beyond the width.
    pub surplus: bool,
    /// Row by row, `width` a row.
    pub cells: Vec<Cell>,
    /// Cells of a row.
    pub width: usize,
    /// Records that could not be split (their cells are absent), and cells that could not be read.
    pub violations: Vec<Violation>,
}

impl Block {
    /// The text of a cell; none where it is absent.
    #[inline]
    pub fn text(&self, row: usize, field: usize) -> Option<&[u8]> {
        let (start, end) = self.cells[row * self.width + field].range()?;
        Some(&self.bytes[start..end])
    }

    /// The cells, row by row.
    #[inline]
    pub fn rows(&self) -> ChunksExact<'_, Cell> {
        self.cells.chunks_exact(self.width)
    }

    /// The bytes of a record.
    pub fn raw(&self, row: usize) -> &[u8] {
        let record = self.records[row];
        &self.bytes[record.start as usize..record.end as usize]
    }

    /// What ends a line.
    #[inline]
    pub fn line_end(&self) -> u8 {
        if self.bare_cr { b'\r' } else { b'\n' }
    }

    /// Forgets everything but the memory it has.
    pub fn clear(&mut self, offset: u64, line: u64, width: usize) {
        self.bytes.clear();
        self.records.clear();
        self.skipped.clear();
        self.surplus = false;
        self.cells.clear();
        self.violations.clear();
        self.cut_from = None;
        (self.offset, self.line) = (offset, line);
        self.width = width;
    }

    /// Takes up, as its only record, a line that is too long; `message` says why it is refused.
    pub fn cut(&mut self, line: CutLine, message: String) {
        self.refuse(line, Reason::RecordTooLong, message);
    }

    /// Takes up text of which only the beginning is kept as its only record, which is refused.
    pub fn refuse(&mut self, line: CutLine, reason: Reason, message: String) {
        let CutLine { kept, length } = line;
        self.bytes.extend_from_slice(&kept);
        self.records.push(Record {
            start: 0,
            end: kept.len() as u32,
        });
        self.cut_from = Some(length);
        self.violations.push(Violation {
            row: 0,
            column: None,
            reason,
            message,
        });
        self.pad_row();
    }

    /// True where the next record belongs to another block.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.records.len() * self.width >= MAX_BLOCK_CELLS
    }

    /// Fills the cells of the record that was begun up to its width.
    pub fn pad_row(&mut self) {
        self.cells.resize(self.records.len() * self.width, Cell::ABSENT);
    }
}

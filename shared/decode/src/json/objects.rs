//! Records that are JSON objects into a block's cells.

use super::{parser::Parser, wanted::Wanted};
use crate::{
    block::{Block, Cell, Record},
    reject::{Reason, Violation},
};
use watershed_contract::Dataset;

/// Reads the objects of blocks.
pub struct Objects {
    wanted: Wanted,
    /// For each mark the number of the record that had it last.
    seen: Vec<u64>,
    /// Number of the last record, from 1.
    record: u64,
    unescaped: Vec<u8>,
}

impl Objects {
    /// Of a dataset.
    pub fn new(dataset: &Dataset) -> Self {
        Self::with(
            dataset
                .columns
                .iter()
                .filter(|rule| rule.is_read())
                .map(|rule| rule.source.as_str()),
        )
    }

    /// Of these keys or paths.
    pub fn with<'a>(sources: impl Iterator<Item = &'a str>) -> Self {
        let wanted = Wanted::new(sources);
        Self {
            seen: vec![0; wanted.marks()],
            wanted,
            record: 0,
            unescaped: Vec::new(),
        }
    }

    /// Cells of a row.
    pub fn width(&self) -> usize {
        self.wanted.columns()
    }

    /// Reads every record of the block, whose bytes are their text and nothing more.
    pub fn read(&mut self, block: &mut Block) {
        self.unescaped.clear();
        let width = self.width();
        block.pad_row();
        for row in 0..block.records.len() {
            let Record { start, end } = block.records[row];
            self.record += 1;
            let mut parser = Parser {
                text: &block.bytes[..end as usize],
                start: start as usize,
                at: start as usize,
                wanted: &self.wanted,
                cells: &mut block.cells[row * width..(row + 1) * width],
                seen: (&mut self.seen, self.record),
                unescaped: (&mut self.unescaped, block.bytes.len()),
            };
            if let Err((reason, message)) = parser.record() {
                block.cells[row * width..(row + 1) * width].fill(Cell::ABSENT);
                block.violations.push(Violation {
                    row: row as u32,
                    column: None,
                    reason,
                    message,
                });
            }
        }
        block.bytes.extend_from_slice(&self.unescaped);
    }
}

/// A string between quotes without its escapes; none where it is not well formed.
pub fn unescape(raw: &[u8]) -> Option<Vec<u8>> {
    let quoted = [b"\"", raw, b"\""].concat();
    let mut unescaped = Vec::new();
    let mut parser = Parser {
        text: &quoted,
        start: 0,
        at: 0,
        wanted: &Wanted::new(std::iter::empty()),
        cells: &mut [],
        seen: (&mut [], 0),
        unescaped: (&mut unescaped, quoted.len()),
    };
    let (start, end) = parser.string().ok()?;
    quoted.get(start..end).map(<[u8]>::to_vec).or(Some(unescaped))
}

/// A record that could not be read for another reason than its own text.
pub fn refused(block: &mut Block, record: Record, message: String) {
    block.violations.push(Violation {
        row: block.records.len() as u32,
        column: None,
        reason: Reason::InvalidJson,
        message,
    });
    block.records.push(record);
    block.pad_row();
}

//! Records that are JSON objects into a block's cells.

use super::{parser::Parser, wanted::Wanted};
use crate::{
    block::{Block, Cell, Record},
    drift::OtherNames,
    reject::{Reason, Violation},
};
use watershed_contract::{Dataset, Step, source_path};

/// Reads the objects of blocks.
pub struct Objects {
    wanted: Wanted,
    /// For each mark the number of the record that had it last.
    seen: Vec<u64>,
    /// Number of the last record, from 1.
    record: u64,
    unescaped: Vec<u8>,
    /// Keys of records that are none of the contract's, where anything is done about them.
    others: Option<OtherNames>,
}

impl Objects {
    /// Of a dataset.
    pub fn new(dataset: &Dataset) -> Self {
        let read = dataset.columns.iter().filter(|rule| rule.is_read());
        let sources = read.map(|rule| (rule.source.as_str(), rule.literal));
        Self {
            others: OtherNames::of(dataset, first_key),
            ..Self::of(Wanted::new(sources))
        }
    }

    /// Of these keys or paths.
    pub fn with<'a>(sources: impl Iterator<Item = &'a str>) -> Self {
        Self::of(Wanted::new(sources.map(|source| (source, false))))
    }

    /// Of these keys, whatever they look like.
    pub fn keys<'a>(keys: impl Iterator<Item = &'a str>) -> Self {
        Self::of(Wanted::new(keys.map(|key| (key, true))))
    }

    fn of(wanted: Wanted) -> Self {
        Self {
            seen: vec![0; wanted.marks()],
            wanted,
            record: 0,
            unescaped: Vec::new(),
            others: None,
        }
    }

    /// Keys to be added that were met.
    pub fn met(&self) -> &[String] {
        self.others.as_ref().map_or(&[], OtherNames::met)
    }

    /// Columns that no record had.
    pub fn missing(&self) -> Vec<usize> {
        self.wanted.unseen(&self.seen)
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
            if let Some(others) = &mut self.others {
                others.begin();
            }
            let mut parser = Parser {
                text: &block.bytes[..end as usize],
                start: start as usize,
                at: start as usize,
                wanted: &self.wanted,
                cells: &mut block.cells[row * width..(row + 1) * width],
                seen: (&mut self.seen, self.record),
                unescaped: (&mut self.unescaped, block.bytes.len()),
                others: self.others.as_mut(),
            };
            let read = parser.record();
            if read.is_err() {
                block.cells[row * width..(row + 1) * width].fill(Cell::ABSENT);
            }
            let problem = read.err().or_else(|| self.others.as_mut()?.end());
            if let Some((reason, message)) = problem {
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

/// The key of a record that a source is found by.
fn first_key(source: &str) -> String {
    match source_path(source).as_deref() {
        Some([Step::Key(key), ..]) => key.clone(),
        _ => source.into(),
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
        others: None,
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

//! Records of delimited text whose bounds are known: each is one row, without header.

use super::{
    broken_message,
    escaped::EscapedSplitter,
    ragged,
    split::{Records, Split, Splitter},
};
use crate::{
    block::{Block, Record},
    reject::{Reason, Violation},
};
use watershed_contract::CsvFormat;

/// Fills the cells of the block's records. What is wrong with one is a violation of it, and of no other.
pub fn read(block: &mut Block, format: &CsvFormat) {
    for row in 0..block.records.len() {
        let Record { start, end } = block.records[row];
        let (start, end) = (start as usize, end as usize);
        let end = start + without_line_end(&block.bytes[start..end]).len();
        let unescaped = block.bytes.len();
        let found = match format.escape {
            None => Splitter::<b'\n'>::new(format, true, end).record(block, start),
            Some(escape) => EscapedSplitter::<b'\n'>::new(format, escape, true, end).record(block, start),
        };
        let problem = match found {
            Split::Record { next, .. } if next < end => Some((
                Reason::FieldCount,
                "has more than one line: put each in a record of its own".into(),
            )),
            Split::Record { fields, .. } if fields == block.width => None,
            Split::Record { fields, .. } => ragged(format, block, fields),
            Split::Blank { .. } => Some((Reason::FieldCount, "is empty: put a record that has fields".into())),
            Split::Broken { reason, .. } => Some((reason, broken_message(format, reason))),
            Split::Incomplete => Some((Reason::UnclosedQuote, broken_message(format, Reason::UnclosedQuote))),
        };
        if let Some((reason, message)) = problem {
            block.cells.truncate(row * block.width);
            block.bytes.truncate(unescaped);
            block.violations.push(Violation {
                row: row as u32,
                column: None,
                reason,
                message,
            });
        }
        block.cells.resize((row + 1) * block.width, crate::block::Cell::ABSENT);
    }
}

/// Programs that write lines end each with one.
fn without_line_end(record: &[u8]) -> &[u8] {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    record.strip_suffix(b"\r").unwrap_or(record)
}

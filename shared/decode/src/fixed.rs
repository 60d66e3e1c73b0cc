//! Fixed width: a record a line, its fields at fixed bytes. An empty line is no record; what a line has behind its last column is not read.

use crate::{
    MAX_RECORD_BYTES,
    block::{Block, Cell, Record},
    blocks::Blocks,
    compression::Compression,
    fields::{FieldMap, in_order},
    lines::{Lines, Taken, lines},
    reject::{DecodeError, Reason, Violation},
    resume::{Place, Resume},
};
use std::io::Read;
use watershed_contract::{Dataset, FixedField, FixedFormat, RaggedEnds};

/// Reads blocks of records. The cells of a row stand in the order of the dataset's columns.
pub struct FixedReader<R> {
    lines: Lines<R>,
    format: FixedFormat,
    fields: FieldMap,
    /// Bytes of the shortest line that has every column.
    length: usize,
}

impl<R: Read> FixedReader<R> {
    /// Refuses an object that is no text.
    pub fn open(
        input: R,
        compression: Compression,
        format: &FixedFormat,
        dataset: &Dataset,
    ) -> Result<Self, DecodeError> {
        Ok(Self {
            lines: Lines::open(input, compression, dataset.encoding)?,
            fields: in_order(dataset),
            length: format.columns.iter().map(|field| field.end()).max().unwrap_or(0),
            format: format.clone(),
        })
    }

    fn record(&self, block: &mut Block, (start, end): (usize, usize)) {
        let row = block.records.len();
        block.records.push(Record {
            start: start as u32,
            end: end as u32,
        });
        let line = &block.bytes[start..end];
        let problem = self.problem(line);
        for field in &self.format.columns {
            let cell = if problem.is_some() || field.start >= line.len() {
                Cell::ABSENT
            } else {
                Cell::new(start + field.start, start + field.end().min(line.len()))
            };
            block.cells.push(cell);
        }
        if let Some((reason, message)) = problem {
            block.violations.push(Violation {
                row: row as u32,
                column: None,
                reason,
                message,
            });
        }
    }

    fn problem(&self, line: &[u8]) -> Option<(Reason, String)> {
        if line.len() < self.length && self.format.ragged_ends == RaggedEnds::Refuse {
            let message = format!(
                "has {} bytes where the columns end at {}: write the line whole, or raggedEnds: pad in the contract",
                line.len(),
                self.length
            );
            return Some((Reason::FieldCount, message));
        }
        let field = self
            .format
            .columns
            .iter()
            .find(|field| cuts_a_character(**field, line))?;
        let message = format!(
            "has a character of several bytes across the border of bytes {} to {}: places are counted in bytes",
            field.start + 1,
            field.end()
        );
        Some((Reason::Encoding, message))
    }
}

/// True where a border of the field lies inside a character of UTF-8.
fn cuts_a_character(field: FixedField, line: &[u8]) -> bool {
    let inside = |at: usize| line.get(at).is_some_and(|b| b & 0xc0 == 0x80);
    inside(field.start) || inside(field.end())
}

impl<R: Read> Resume<R> for FixedReader<R> {
    fn resume(mut self, input: R, compression: Compression, at: Place) -> Self {
        self.lines = self.lines.resume(input, compression, at);
        self
    }

    fn place(&self) -> Place {
        self.lines.place()
    }
}

impl<R: Read> Blocks for FixedReader<R> {
    fn fields(&self) -> &FieldMap {
        &self.fields
    }

    fn read(&mut self, block: &mut Block) -> Result<bool, DecodeError> {
        let too_long = || format!("has no end within {MAX_RECORD_BYTES} bytes: write one record a line");
        match self.lines.next(block, self.format.columns.len(), too_long)? {
            Taken::End => return Ok(false),
            Taken::Cut => return Ok(true),
            Taken::Lines => {}
        }
        let found: Vec<(usize, usize)> = lines(&block.bytes).filter(|(start, end)| start < end).collect();
        for line in found {
            self.record(block, line);
        }
        Ok(true)
    }
}

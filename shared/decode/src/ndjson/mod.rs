//! Newline-delimited JSON: one object (RFC 8259) a line. Nested values keep their JSON text.

mod parser;

use crate::{
    BLOCK_BYTES, MAX_RECORD_BYTES,
    block::{Block, Cell, Record},
    compression::{Compression, read_error},
    csv::refuse_other_formats,
    fields::FieldMap,
    reject::{DecodeError, ObjectReject, Reason, Violation, shown},
};
use memchr::memchr;
use parser::{Keys, Parser};
use std::io::Read;
use watershed_contract::Dataset;

/// Bytes of a record that is too long that are kept.
const MAX_CUT_BYTES: usize = 64 * 1024;

/// Reads blocks of records. The cells of a row stand in the order of the dataset's columns.
pub struct NdJsonReader<R> {
    input: R,
    compression: Compression,
    keys: Keys,
    fields: FieldMap,
    rest: Vec<u8>,
    ended: bool,
    offset: u64,
    line: u64,
}

impl<R: Read> NdJsonReader<R> {
    /// Refuses an object whose beginning is no JSON object.
    pub fn open(input: R, compression: Compression, dataset: &Dataset) -> Result<Self, DecodeError> {
        let keys = Keys::new(dataset.columns.iter().map(|rule| rule.source.as_bytes()));
        let fields = (0..keys.len()).map(Some).collect();
        let mut reader = Self {
            input,
            compression,
            keys,
            fields,
            rest: Vec::new(),
            ended: false,
            offset: 0,
            line: 1,
        };
        reader.fill(BLOCK_BYTES)?;
        refuse_other_formats(&reader.rest)?;
        if reader.rest.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
        }
        match reader.rest.iter().find(|b| !b.is_ascii_whitespace()) {
            None | Some(b'{') => Ok(reader),
            Some(_) => {
                let message = format!(
                    "the object is not newline-delimited JSON: it begins {}; send one JSON object a line, or mend the contract's format",
                    shown(&reader.rest)
                );
                Err(ObjectReject::new(Reason::WrongFormat, message).into())
            }
        }
    }

    /// Which cell is which column: each its own.
    pub fn fields(&self) -> &FieldMap {
        &self.fields
    }

    /// The next block; false at the end.
    pub fn read(&mut self, block: &mut Block) -> Result<bool, DecodeError> {
        block.clear(self.offset, self.keys.len());
        self.fill(BLOCK_BYTES)?;
        while !self.rest.is_empty() {
            let end = if self.ended {
                Some(self.rest.len())
            } else {
                memchr::memrchr(b'\n', &self.rest).map(|at| at + 1)
            };
            if let Some(end) = end {
                block.bytes.extend_from_slice(&self.rest[..end]);
                self.consume(end);
                self.split(block, end);
                return Ok(true);
            }
            if self.rest.len() > MAX_RECORD_BYTES {
                self.give_up(block)?;
                return Ok(true);
            }
            self.fill((self.rest.len() * 2).min(MAX_RECORD_BYTES + 1))?;
        }
        Ok(false)
    }

    fn fill(&mut self, wanted: usize) -> Result<(), DecodeError> {
        let missing = wanted.saturating_sub(self.rest.len());
        if self.ended || missing == 0 {
            return Ok(());
        }
        let read = (&mut self.input).take(missing as u64).read_to_end(&mut self.rest);
        let read = read.map_err(|error| read_error(self.compression, self.offset + self.rest.len() as u64, error))?;
        self.ended = read < missing;
        Ok(())
    }

    fn consume(&mut self, bytes: usize) {
        self.rest.drain(..bytes);
        self.offset += bytes as u64;
    }

    fn split(&mut self, block: &mut Block, text: usize) {
        let mut at = 0;
        while at < text {
            let end = memchr(b'\n', &block.bytes[at..text]).map_or(text, |length| at + length);
            let raw_end = if block.bytes[at..end].ends_with(b"\r") {
                end - 1
            } else {
                end
            };
            if !block.bytes[at..raw_end].iter().all(u8::is_ascii_whitespace) {
                self.record(block, at, raw_end);
            }
            self.line += 1;
            at = end + 1;
        }
    }

    fn record(&self, block: &mut Block, start: usize, end: usize) {
        let row = block.records.len();
        block.records.push(Record {
            start: start as u32,
            end: end as u32,
            line: self.line,
            cut_from: None,
        });
        block.pad_row();
        if let Err((reason, message)) = Parser::new(&self.keys, start, end, row).object(block) {
            let width = block.width;
            block.cells[row * width..].fill(Cell::ABSENT);
            block.violations.push(Violation {
                row: row as u32,
                column: None,
                reason,
                message,
            });
        }
    }

    fn give_up(&mut self, block: &mut Block) -> Result<(), DecodeError> {
        let mut length = 0_u64;
        block.bytes.extend_from_slice(&self.rest[..MAX_CUT_BYTES]);
        loop {
            let end = memchr(b'\n', &self.rest);
            length += end.unwrap_or(self.rest.len()) as u64;
            self.consume(end.map_or(self.rest.len(), |end| end + 1));
            if end.is_some() || self.ended {
                break;
            }
            self.fill(BLOCK_BYTES)?;
        }
        block.records.push(Record {
            start: 0,
            end: MAX_CUT_BYTES as u32,
            line: self.line,
            cut_from: Some(length),
        });
        block.violations.push(Violation {
            row: 0,
            column: None,
            reason: Reason::RecordTooLong,
            message: format!("has no end within {MAX_RECORD_BYTES} bytes: write one JSON object a line"),
        });
        block.pad_row();
        self.line += 1;
        Ok(())
    }
}

//! Newline-delimited JSON: one object (RFC 8259) a line. Nested values keep their JSON text.

mod parser;

use crate::{
    BLOCK_BYTES, MAX_RECORD_BYTES,
    block::{Block, Cell, Record},
    compression::Compression,
    fields::FieldMap,
    reject::{DecodeError, ObjectReject, Reason, Violation, shown},
    text::TextInput,
};
use memchr::memchr;
use parser::{Keys, Parser};
use std::io::Read;
use watershed_contract::Dataset;

/// Reads blocks of records. The cells of a row stand in the order of the dataset's columns.
pub struct NdJsonReader<R> {
    input: TextInput<R>,
    keys: Keys,
    fields: FieldMap,
    line: u64,
}

impl<R: Read> NdJsonReader<R> {
    /// Refuses an object whose beginning is no JSON object.
    pub fn open(input: R, compression: Compression, dataset: &Dataset) -> Result<Self, DecodeError> {
        let keys = Keys::new(dataset.columns.iter().map(|rule| rule.source.as_bytes()));
        let fields = (0..keys.len()).map(Some).collect();
        let reader = Self {
            input: TextInput::open(input, compression, dataset.encoding)?,
            keys,
            fields,
            line: 1,
        };
        match reader.input.rest().iter().find(|b| !b.is_ascii_whitespace()) {
            None | Some(b'{') => Ok(reader),
            Some(_) => {
                let message = format!(
                    "the object is not newline-delimited JSON: it begins {}; send one JSON object a line, or mend the contract's format",
                    shown(reader.input.rest())
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
        block.clear(self.input.offset(), self.line, self.keys.len());
        block.encoding = self.input.encoding();
        self.input.fill(BLOCK_BYTES)?;
        while !self.input.rest().is_empty() {
            let rest = self.input.rest();
            let end = if self.input.ended() {
                Some(rest.len())
            } else {
                memchr::memrchr(b'\n', rest).map(|at| at + 1)
            };
            if let Some(end) = end {
                block.bytes.extend_from_slice(&rest[..end]);
                self.input.consume(end);
                self.split(block, end);
                self.line += memchr::memchr_iter(b'\n', &block.bytes[..end]).count() as u64;
                return Ok(true);
            }
            let length = rest.len();
            if length > MAX_RECORD_BYTES {
                self.give_up(block)?;
                return Ok(true);
            }
            self.input.fill((length * 2).min(MAX_RECORD_BYTES + 1))?;
        }
        Ok(false)
    }

    fn split(&self, block: &mut Block, text: usize) {
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
            at = end + 1;
        }
    }

    fn record(&self, block: &mut Block, start: usize, end: usize) {
        let row = block.records.len();
        block.records.push(Record {
            start: start as u32,
            end: end as u32,
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
        let message = format!("has no end within {MAX_RECORD_BYTES} bytes: write one JSON object a line");
        block.cut(&self.input.cut_line(b'\n')?, message);
        self.line += 1;
        Ok(())
    }
}

//! Delimited text: RFC 4180, with any delimiter and quote, `\n` or `\r\n` ends, a byte order mark, with or without header.
//!
//! What RFC 4180 leaves open: a quote inside an unquoted field is an ordinary character; a blank line is no record, but in a file of one
//! column; a record whose quoting is broken is refused as its first line only, so that one stray quote does not swallow
//! the rows behind it.

mod sample;
mod split;

pub use sample::{field_counts, sample};

use crate::{
    BLOCK_BYTES, MAX_RECORD_BYTES,
    block::{Block, Record},
    compression::Compression,
    fields::{self, FieldMap},
    reject::{DecodeError, ObjectReject, Reason, Violation, shown},
    text::TextInput,
};
use split::{Split, Splitter};
use std::io::Read;
use watershed_contract::{CsvFormat, Dataset};

/// Most fields of a record.
pub const MAX_FIELDS: usize = 10_000;
/// Reads blocks of records.
pub struct CsvReader<R> {
    input: TextInput<R>,
    format: CsvFormat,
    fields: FieldMap,
    width: usize,
    line: u64,
}

impl<R: Read> CsvReader<R> {
    /// Reads the header, where there is one. Refuses an object that is no text, or whose header lacks columns.
    pub fn open(
        input: R,
        compression: Compression,
        format: &CsvFormat,
        dataset: &Dataset,
    ) -> Result<Self, DecodeError> {
        let mut reader = Self {
            input: TextInput::open(input, compression)?,
            format: format.clone(),
            fields: dataset.columns.iter().map(|rule| Some(rule.position)).collect(),
            width: dataset.source_columns,
            line: 1,
        };
        if format.header && !reader.input.rest().is_empty() {
            reader.read_header(dataset)?;
        }
        Ok(reader)
    }

    /// Which field is which column.
    pub fn fields(&self) -> &FieldMap {
        &self.fields
    }

    /// The next block; false at the end.
    pub fn read(&mut self, block: &mut Block) -> Result<bool, DecodeError> {
        block.clear(self.input.offset(), self.line, self.width);
        self.input.fill(BLOCK_BYTES)?;
        if self.input.rest().is_empty() {
            return Ok(false);
        }
        loop {
            std::mem::swap(&mut block.bytes, self.input.rest_mut());
            let text = block.bytes.len();
            let used = self.split(block, text);
            let rest = self.input.rest_mut();
            rest.clear();
            rest.extend_from_slice(&block.bytes[used..text]);
            if used > 0 {
                self.line += count_lines(&block.bytes[..used]);
                self.input.advance(used);
                return Ok(true);
            }
            // Not one whole record: read more of it, or give it up.
            block.clear(self.input.offset(), self.line, self.width);
            if text > MAX_RECORD_BYTES {
                self.give_up(block)?;
                return Ok(true);
            }
            self.input.fill((text * 2).min(MAX_RECORD_BYTES + 1))?;
        }
    }

    fn read_header(&mut self, dataset: &Dataset) -> Result<(), DecodeError> {
        let mut block = Block {
            width: MAX_FIELDS,
            bytes: self.input.rest().to_vec(),
            ..Block::default()
        };
        let mut splitter = Splitter::new(&self.format, self.input.ended(), block.bytes.len());
        let (end, fields) = match splitter.record(&mut block, 0) {
            Split::Record { next, fields, .. } if fields <= MAX_FIELDS => (next, fields),
            Split::Blank { next } => (next, 0),
            _ => {
                let message = format!(
                    "the header is not a record of at most {MAX_FIELDS} fields: begins {}",
                    shown(self.input.rest())
                );
                return Err(ObjectReject::new(Reason::Header, message).into());
            }
        };
        let names = (0..fields).map(|field| {
            let text = block.text(0, field).unwrap_or_default();
            String::from_utf8(text.to_vec())
                .map_err(|_| ObjectReject::new(Reason::Encoding, format!("the header is not UTF-8: {}", shown(text))))
        });
        let names = names.collect::<Result<Vec<_>, _>>()?;
        self.fields = fields::by_name(dataset, &names)?;
        self.width = fields;
        self.line += count_lines(&self.input.rest()[..end]);
        self.input.consume(end);
        Ok(())
    }

    /// Splits what stands in the block, up to the last whole record. Returns the bytes used.
    fn split(&self, block: &mut Block, text: usize) -> usize {
        let mut splitter = Splitter::new(&self.format, self.input.ended(), text);
        let mut at = 0;
        while at < text {
            let (end, next, problem) = match splitter.record(block, at) {
                Split::Incomplete => break,
                Split::Blank { next } => {
                    at = next;
                    continue;
                }
                Split::Record { end, next, fields } if fields == self.width => (end, next, None),
                Split::Record { end, next, fields } => {
                    let message = format!(
                        "has {fields} fields where the {} {}",
                        if self.format.header {
                            "header has"
                        } else {
                            "contract has"
                        },
                        self.width
                    );
                    (end, next, Some((Reason::FieldCount, message)))
                }
                Split::Broken { end, next, reason } => (end, next, Some((reason, broken_message(reason)))),
            };
            let row = block.records.len() as u32;
            block.records.push(Record {
                start: at as u32,
                end: end as u32,
            });
            if let Some((reason, message)) = problem {
                block.cells.truncate(row as usize * self.width);
                block.violations.push(Violation {
                    row,
                    column: None,
                    reason,
                    message,
                });
            }
            block.pad_row();
            at = next;
        }
        at
    }

    /// A record longer than the limit: its beginning is kept, its first line is gone over.
    fn give_up(&mut self, block: &mut Block) -> Result<(), DecodeError> {
        let message = format!("has no end within {MAX_RECORD_BYTES} bytes: look for a quote that is not closed");
        block.cut(self.input.cut_line()?, message);
        self.line += 1;
        Ok(())
    }
}

fn broken_message(reason: Reason) -> String {
    match reason {
        Reason::UnclosedQuote => {
            "has a quoted field that does not end: close the quote, or double a quote inside it".into()
        }
        _ => "has text behind a closing quote: double a quote inside a quoted field".into(),
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

//! Delimited text: RFC 4180, with any delimiter and quote, `\n` or `\r\n` ends, a byte order mark, with or without header.
//!
//! What RFC 4180 leaves open: a quote inside an unquoted field is an ordinary character; a blank line is no record, but in a file of one
//! column; a record whose quoting is broken is refused as its first line only, so that one stray quote does not swallow
//! the rows behind it.

mod split;

use crate::{
    BLOCK_BYTES, MAX_RECORD_BYTES,
    block::{Block, Record},
    compression::{Compression, known_format, read_error},
    fields::{self, FieldMap},
    reject::{DecodeError, ObjectReject, Reason, Violation, shown},
};
use memchr::memchr;
use split::{Split, Splitter};
use std::io::Read;
use watershed_contract::{CsvFormat, Dataset};

/// Most fields of a record.
pub const MAX_FIELDS: usize = 10_000;
/// Bytes of a record that is too long that are kept.
const MAX_CUT_BYTES: usize = 64 * 1024;

/// Reads blocks of records.
pub struct CsvReader<R> {
    input: R,
    compression: Compression,
    format: CsvFormat,
    fields: FieldMap,
    width: usize,
    /// Read, not yet split: the beginning of a record.
    rest: Vec<u8>,
    ended: bool,
    offset: u64,
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
            input,
            compression,
            format: format.clone(),
            fields: (0..dataset.columns.len()).map(Some).collect(),
            width: dataset.columns.len(),
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
        if format.header && !reader.rest.is_empty() {
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
        block.clear(self.offset, self.width);
        self.fill(BLOCK_BYTES)?;
        if self.rest.is_empty() {
            return Ok(false);
        }
        loop {
            std::mem::swap(&mut block.bytes, &mut self.rest);
            let text = block.bytes.len();
            let used = self.split(block, text);
            self.rest.clear();
            self.rest.extend_from_slice(&block.bytes[used..text]);
            if used > 0 {
                self.offset += used as u64;
                return Ok(true);
            }
            // Not one whole record: read more of it, or give it up.
            block.clear(self.offset, self.width);
            if text > MAX_RECORD_BYTES {
                self.give_up(block)?;
                return Ok(true);
            }
            self.fill((text * 2).min(MAX_RECORD_BYTES + 1))?;
        }
    }

    /// Reads until `rest` holds so many bytes, or the input ends. Blocks are cut at the same places however the input arrives.
    fn fill(&mut self, wanted: usize) -> Result<(), DecodeError> {
        let missing = wanted.saturating_sub(self.rest.len());
        if self.ended || missing == 0 {
            return Ok(());
        }
        let had = self.rest.len();
        let read = (&mut self.input).take(missing as u64).read_to_end(&mut self.rest);
        let read = read.map_err(|error| read_error(self.compression, self.offset + self.rest.len() as u64, error))?;
        self.ended = read < missing;
        debug_assert_eq!(had + read, self.rest.len(), "read_to_end appends");
        Ok(())
    }

    fn consume(&mut self, bytes: usize) {
        self.rest.drain(..bytes);
        self.offset += bytes as u64;
    }

    fn read_header(&mut self, dataset: &Dataset) -> Result<(), DecodeError> {
        let mut block = Block {
            width: MAX_FIELDS,
            bytes: self.rest.clone(),
            ..Block::default()
        };
        let mut splitter = Splitter::new(&self.format, self.ended, block.bytes.len());
        let (end, fields) = match splitter.record(&mut block, 0) {
            Split::Record { next, fields, .. } if fields <= MAX_FIELDS => (next, fields),
            Split::Blank { next } => (next, 0),
            _ => {
                let message = format!(
                    "the header is not a record of at most {MAX_FIELDS} fields: begins {}",
                    shown(&self.rest)
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
        self.line += count_lines(&self.rest[..end]);
        self.consume(end);
        Ok(())
    }

    /// Splits what stands in the block, up to the last whole record. Returns the bytes used.
    fn split(&mut self, block: &mut Block, text: usize) -> usize {
        let mut splitter = Splitter::new(&self.format, self.ended, text);
        let mut at = 0;
        while at < text {
            let (end, next, problem) = match splitter.record(block, at) {
                Split::Incomplete => break,
                Split::Blank { next } => {
                    self.line += 1;
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
                line: self.line,
                cut_from: None,
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
            self.line += count_lines(&block.bytes[at..next]).max(1);
            at = next;
        }
        at
    }

    /// A record longer than the limit: its beginning is kept, its first line is gone over.
    fn give_up(&mut self, block: &mut Block) -> Result<(), DecodeError> {
        let mut length = 0_u64;
        block
            .bytes
            .extend_from_slice(&self.rest[..self.rest.len().min(MAX_CUT_BYTES)]);
        loop {
            if let Some(end) = memchr(b'\n', &self.rest) {
                length += end as u64;
                self.consume(end + 1);
                break;
            }
            length += self.rest.len() as u64;
            self.consume(self.rest.len());
            if self.ended {
                break;
            }
            self.fill(BLOCK_BYTES)?;
        }
        let kept = (block.bytes.len() as u64).min(length) as u32;
        block.records.push(Record {
            start: 0,
            end: kept,
            line: self.line,
            cut_from: Some(length),
        });
        block.violations.push(Violation {
            row: 0,
            column: None,
            reason: Reason::RecordTooLong,
            message: format!("has no end within {MAX_RECORD_BYTES} bytes: look for a quote that is not closed"),
        });
        block.pad_row();
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

/// Refuses what is no text: known formats by their first bytes, others by NUL bytes.
pub fn refuse_other_formats(beginning: &[u8]) -> Result<(), ObjectReject> {
    const LOOKED_AT_BYTES: usize = 64 * 1024;
    if let Some(name) = known_format(beginning) {
        return Err(ObjectReject::new(
            Reason::WrongFormat,
            format!(
                "the object is {name}, the contract says text: send it in the contract's format, or mend the contract"
            ),
        ));
    }
    let looked_at = &beginning[..beginning.len().min(LOOKED_AT_BYTES)];
    match memchr(0, looked_at) {
        Some(at) => Err(ObjectReject::new(
            Reason::WrongFormat,
            format!(
                "the object is not text: it has a NUL byte at offset {at}; begins {}",
                shown(beginning)
            ),
        )),
        None => Ok(()),
    }
}

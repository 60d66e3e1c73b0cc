//! Delimited text: RFC 4180, with any delimiter and quote, `\n` or `\r\n` ends, a byte order mark, with or without header.
//!
//! What RFC 4180 leaves open: a quote inside an unquoted field is an ordinary character; a blank line is no record, but in a file of one
//! column; a record whose quoting is broken is refused as its first line only, so that one stray quote does not swallow
//! the rows behind it.

use crate::{
    BLOCK_BYTES, MAX_RECORD_BYTES,
    block::{Block, Cell, Record},
    compression::{Compression, known_format, read_error},
    fields::{self, FieldMap},
    reject::{DecodeError, ObjectReject, Reason, Violation, shown},
    scan::{Finder, LANES},
};
use memchr::memchr;
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
        Reason::UnclosedQuote => "a quoted field does not end: close the quote, or double a quote inside it".into(),
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

/// What stands at one place of the text.
enum Split {
    /// A record with its cells; `end` before and `next` behind the line end.
    Record { end: usize, next: usize, fields: usize },
    /// An empty line.
    Blank { next: usize },
    /// A record that cannot be split; only its first line is taken.
    Broken { end: usize, next: usize, reason: Reason },
    /// The record goes on behind the text.
    Incomplete,
}

struct Splitter<'a> {
    format: &'a CsvFormat,
    finder: Finder,
    /// Nothing comes behind the text.
    ended: bool,
    /// Bytes of text in the block; what stands behind is unescaped.
    text: usize,
    /// The last mask, and where it begins: fields are short, so that one mask serves several.
    window: usize,
    mask: u64,
}

impl<'a> Splitter<'a> {
    fn new(format: &'a CsvFormat, ended: bool, text: usize) -> Self {
        let finder = Finder::new([format.delimiter, b'\n', format.quote]);
        Self {
            format,
            finder,
            ended,
            text,
            window: usize::MAX / 2,
            mask: 0,
        }
    }

    /// Appends the cells of the record at `start`, at most the block's width of them.
    #[inline]
    fn record(&mut self, block: &mut Block, start: usize) -> Split {
        let mut fields = 0;
        let mut field_start = start;
        loop {
            if field_start < self.text && block.bytes[field_start] == self.format.quote {
                match self.quoted(block, field_start) {
                    Quoted::Field { cell, next } => {
                        push_cell(block, &mut fields, cell);
                        match self.after_field(block, next) {
                            After::Delimiter => field_start = next + 1,
                            After::End { next: behind } => {
                                return Split::Record {
                                    end: next,
                                    next: behind,
                                    fields,
                                };
                            }
                            After::Other => return self.broken(block, start, Reason::TextAfterQuote),
                        }
                        continue;
                    }
                    Quoted::Unclosed => return self.broken(block, start, Reason::UnclosedQuote),
                    Quoted::Incomplete => return Split::Incomplete,
                }
            }
            let Some(found) = self.next_special(block, field_start) else {
                if !self.ended {
                    return Split::Incomplete;
                }
                return self.last_field(block, start, field_start, self.text, self.text, fields);
            };
            if block.bytes[found] == b'\n' {
                return self.last_field(block, start, field_start, found, found + 1, fields);
            }
            push_cell(block, &mut fields, Cell::new(field_start, found));
            field_start = found + 1;
        }
    }

    /// The delimiter or line end that ends the unquoted field; a quote inside it is an ordinary character.
    #[inline]
    fn next_special(&mut self, block: &Block, field_start: usize) -> Option<usize> {
        let text = &block.bytes[..self.text];
        let mut at = field_start;
        while at < text.len() {
            if at.wrapping_sub(self.window) >= LANES {
                (self.window, self.mask) = (at, self.finder.mask(text, at));
            }
            let mut mask = self.mask & (u64::MAX << (at - self.window));
            while mask != 0 {
                let found = self.window + mask.trailing_zeros() as usize;
                if text[found] != self.format.quote {
                    return Some(found);
                }
                mask &= mask - 1;
            }
            at = self.window + LANES;
        }
        None
    }

    #[inline]
    fn last_field(
        &self,
        block: &mut Block,
        start: usize,
        field_start: usize,
        end: usize,
        next: usize,
        mut fields: usize,
    ) -> Split {
        let end = if end > field_start && block.bytes[end - 1] == b'\r' {
            end - 1
        } else {
            end
        };
        if end == start && fields == 0 && block.width > 1 {
            return Split::Blank { next };
        }
        push_cell(block, &mut fields, Cell::new(field_start, end));
        Split::Record { end, next, fields }
    }

    /// The quoted field at `at`.
    fn quoted(&self, block: &mut Block, at: usize) -> Quoted {
        let quote = self.format.quote;
        let mut from = at + 1;
        let mut unescaped: Option<usize> = None;
        loop {
            let Some(found) = memchr(quote, &block.bytes[from..self.text]).map(|i| from + i) else {
                if let Some(begun) = unescaped {
                    block.bytes.truncate(begun);
                }
                return if self.ended {
                    Quoted::Unclosed
                } else {
                    Quoted::Incomplete
                };
            };
            let doubled = found + 1 < self.text && block.bytes[found + 1] == quote;
            if found + 1 == self.text && !self.ended {
                if let Some(begun) = unescaped {
                    block.bytes.truncate(begun);
                }
                return Quoted::Incomplete;
            }
            if doubled {
                // Keep one of the two quotes.
                unescaped.get_or_insert(block.bytes.len());
                block.bytes.extend_from_within(from..=found);
                from = found + 2;
                continue;
            }
            let cell = match unescaped {
                None => Cell::new(at + 1, found),
                Some(begun) => {
                    block.bytes.extend_from_within(from..found);
                    Cell::new(begun, block.bytes.len())
                }
            };
            return Quoted::Field { cell, next: found + 1 };
        }
    }

    fn after_field(&self, block: &Block, at: usize) -> After {
        match block.bytes[at..self.text] {
            [] => After::End { next: at },
            [b, ..] if b == self.format.delimiter => After::Delimiter,
            [b'\n', ..] => After::End { next: at + 1 },
            [b'\r', b'\n', ..] => After::End { next: at + 2 },
            [b'\r'] if self.ended => After::End { next: at + 1 },
            _ => After::Other,
        }
    }

    fn broken(&self, block: &Block, start: usize, reason: Reason) -> Split {
        match memchr(b'\n', &block.bytes[start..self.text]) {
            Some(length) => Split::Broken {
                end: start + length,
                next: start + length + 1,
                reason,
            },
            None if self.ended => Split::Broken {
                end: self.text,
                next: self.text,
                reason,
            },
            None => Split::Incomplete,
        }
    }
}

enum Quoted {
    Field { cell: Cell, next: usize },
    Unclosed,
    Incomplete,
}

enum After {
    Delimiter,
    End { next: usize },
    Other,
}

#[inline]
fn push_cell(block: &mut Block, fields: &mut usize, cell: Cell) {
    if *fields < block.width {
        block.cells.push(cell);
    }
    *fields += 1;
}

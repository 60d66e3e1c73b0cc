//! Delimited text: RFC 4180, with any delimiter and quote, `\n` or `\r\n` ends, a byte order mark, with or without header; and the
//! dialects of the contract.
//!
//! What RFC 4180 leaves open: a quote inside an unquoted field is an ordinary character; a blank line is no record, but in a file of one
//! column; a record whose quoting is broken is refused as its first line only, so that one stray quote does not swallow
//! the rows behind it. Where the contract says that records are lines, the quoting breaks at the line end. Lines end with `\r` alone where the first block has one outside quotes, and no `\n` there.

mod escaped;
mod lines;
mod record;
mod sample;
mod split;

pub use record::read as read_records;
pub use sample::{field_counts, sample};

use crate::{
    BLOCK_BYTES, MAX_RECORD_BYTES,
    block::{Block, Record},
    compression::Compression,
    drift::Unknown,
    fields::{self, FieldMap, Mapping},
    reject::{DecodeError, ObjectReject, Reason, Violation, shown},
    resume::{Place, Resume},
    text::{BYTE_ORDER_MARK, TextInput},
};
use escaped::EscapedSplitter;
use memchr::memchr;
use split::{Records, Split, Splitter};
use std::io::Read;
use watershed_contract::{CsvFormat, Dataset, RaggedEnds, RepeatedHeader};

/// Most fields of a record.
pub const MAX_FIELDS: usize = 10_000;
/// Reads blocks of records.
pub struct CsvReader<R> {
    input: TextInput<R>,
    format: CsvFormat,
    fields: FieldMap,
    named: Vec<Unknown>,
    width: usize,
    line: u64,
    bare_cr: bool,
    /// The names of a header that is no row where it comes again; empty: every record is a row.
    repeated: Vec<String>,
}

impl<R: Read> CsvReader<R> {
    /// Reads the header, where there is one. Refuses an object that is no text, or whose header lacks columns.
    pub fn open(
        input: R,
        compression: Compression,
        format: &CsvFormat,
        dataset: &Dataset,
    ) -> Result<Self, DecodeError> {
        let input = TextInput::open(input, compression, dataset.encoding)?;
        let mut reader = Self {
            bare_cr: lines::end_with_bare_cr(input.rest(), format),
            input,
            format: format.clone(),
            fields: fields::by_position(dataset),
            named: Vec::new(),
            width: dataset.source_columns,
            line: 1,
            repeated: Vec::new(),
        };
        reader.skip_lines()?;
        if format.header && !reader.input.rest().is_empty() {
            reader.read_header(dataset)?;
        }
        Ok(reader)
    }

    /// Which field is which column.
    pub fn fields(&self) -> &FieldMap {
        &self.fields
    }

    /// Columns to be added. Their fields stand behind those of the dataset.
    pub fn named(&self) -> &[Unknown] {
        &self.named
    }

    /// The next block; false at the end.
    pub fn read(&mut self, block: &mut Block) -> Result<bool, DecodeError> {
        self.begin(block);
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
                self.line += self.count_lines(&block.bytes[..used]);
                self.input.advance(&block.bytes[..used]);
                return Ok(true);
            }
            // Not one whole record: read more of it, or give it up.
            self.begin(block);
            if text > MAX_RECORD_BYTES {
                self.give_up(block)?;
                return Ok(true);
            }
            self.input.fill((text * 2).min(MAX_RECORD_BYTES + 1))?;
        }
    }

    fn begin(&self, block: &mut Block) {
        block.clear(self.input.offset(), self.line, self.width);
        block.encoding = self.input.encoding();
        block.bare_cr = self.bare_cr;
    }

    /// What ends its lines: `\n` (with or without a `\r` before it), or `\r` alone.
    pub fn line_end(&self) -> u8 {
        if self.bare_cr { b'\r' } else { b'\n' }
    }

    fn count_lines(&self, bytes: &[u8]) -> u64 {
        memchr::memchr_iter(self.line_end(), bytes).count() as u64
    }

    /// Goes over what stands before the header: lines that the contract counts, comments, blank lines.
    fn skip_lines(&mut self) -> Result<(), DecodeError> {
        let mut counted = 0;
        loop {
            // All that are at hand at once: each by itself would move the text behind it.
            let (at, lines) = self.skipped_lines(&mut counted);
            if at > 0 {
                self.input.consume(at);
                self.line += lines;
            } else if self.begins_with_comment() || counted < self.format.skip_lines && !self.input.rest().is_empty() {
                counted += 1;
                self.input.cut_line(self.line_end())?;
                self.line += 1;
            } else {
                return Ok(());
            }
            self.input.fill(BLOCK_BYTES)?;
        }
    }

    /// The bytes of such lines that are whole at the beginning of what was read, and how many they are.
    fn skipped_lines(&self, counted: &mut u32) -> (usize, u64) {
        let (rest, end) = (self.input.rest(), self.line_end());
        let (mut at, mut lines) = (0, 0);
        while let Some(length) = memchr(end, &rest[at..]) {
            let line = &rest[at..at + length];
            let is_comment = self.format.comment.is_some() && line.first() == self.format.comment.as_ref();
            let is_blank = self.format.header && matches!(line, b"" | b"\r");
            if *counted < self.format.skip_lines {
                *counted += 1;
            } else if !is_comment && !is_blank {
                break;
            }
            at += length + 1;
            lines += 1;
        }
        (at, lines)
    }

    fn begins_with_comment(&self) -> bool {
        self.format.comment.is_some() && self.input.rest().first() == self.format.comment.as_ref()
    }

    fn read_header(&mut self, dataset: &Dataset) -> Result<(), DecodeError> {
        let mut block = Block {
            width: MAX_FIELDS,
            bytes: self.input.rest().to_vec(),
            bare_cr: self.bare_cr,
            ..Block::default()
        };
        let (end, fields) = match self.first_record(&mut block) {
            Split::Record { next, fields, .. } if fields <= MAX_FIELDS => (next, fields),
            Split::Blank { next } => (next, 0),
            Split::Broken { reason, .. } => {
                return Err(self.no_header(&broken_message(&self.format, reason)).into());
            }
            Split::Record { .. } => {
                return Err(self.no_header(&format!("has more than {MAX_FIELDS} fields")).into());
            }
            Split::Incomplete => {
                let what = format!("has no end within {} bytes", self.input.rest().len());
                return Err(self.no_header(&what).into());
            }
        };
        let encoding = self.input.encoding().name();
        let names = (0..fields).map(|field| {
            let text = block.text(0, field).unwrap_or_default();
            String::from_utf8(text.to_vec()).map_err(|_| {
                let message = format!("the header is not {encoding}: {}", shown(text));
                ObjectReject::new(Reason::Encoding, message)
                    .without(format!("field {} of the header is not {encoding}", field + 1))
            })
        });
        let names = names.collect::<Result<Vec<_>, _>>()?;
        self.map(dataset, &names)?;
        self.width = fields;
        self.line += self.count_lines(&self.input.rest()[..end]);
        self.input.consume(end);
        if self.format.repeated_header == RepeatedHeader::Skip {
            self.repeated = names;
        }
        Ok(())
    }

    #[cold]
    fn no_header(&self, what: &str) -> ObjectReject {
        let message = format!("the header {what}; it begins {}", shown(self.input.rest()));
        ObjectReject::new(Reason::Header, message).without(format!("the header {what}"))
    }

    fn map(&mut self, dataset: &Dataset, names: &[String]) -> Result<(), ObjectReject> {
        let Mapping { fields, unknown } = fields::by_name(dataset, names)?;
        self.fields = fields;
        for at in unknown {
            self.fields.push(Some(at));
            self.named.push(Unknown::text(&names[at]));
        }
        Ok(())
    }

    fn first_record(&self, block: &mut Block) -> Split {
        let (format, ended, text) = (&self.format, self.input.ended(), block.bytes.len());
        match (format.escape, self.bare_cr) {
            (None, false) => Splitter::<b'\n'>::new(format, ended, text).record(block, 0),
            (None, true) => Splitter::<b'\r'>::new(format, ended, text).record(block, 0),
            (Some(escape), false) => EscapedSplitter::<b'\n'>::new(format, escape, ended, text).record(block, 0),
            (Some(escape), true) => EscapedSplitter::<b'\r'>::new(format, escape, ended, text).record(block, 0),
        }
    }

    /// Splits what stands in the block, up to the last whole record. Returns the bytes used.
    fn split(&self, block: &mut Block, text: usize) -> usize {
        let (format, ended) = (&self.format, self.input.ended());
        // Each dialect has a loop of its own, so that the plain one knows of no other.
        match (format.escape, self.bare_cr) {
            (None, false) => self.split_by(Splitter::<b'\n'>::new(format, ended, text), block, text),
            (None, true) => self.split_by(Splitter::<b'\r'>::new(format, ended, text), block, text),
            (Some(escape), false) => {
                let splitter = EscapedSplitter::<b'\n'>::new(format, escape, ended, text);
                self.split_by(splitter, block, text)
            }
            (Some(escape), true) => {
                let splitter = EscapedSplitter::<b'\r'>::new(format, escape, ended, text);
                self.split_by(splitter, block, text)
            }
        }
    }

    #[inline]
    fn split_by(&self, mut splitter: impl Records, block: &mut Block, text: usize) -> usize {
        let mut at = 0;
        while at < text && !block.is_full() {
            if self.format.comment == Some(block.bytes[at]) {
                let Some((end, next)) = self.line(block, at, text) else {
                    break;
                };
                skip(block, at, end);
                at = next;
                continue;
            }
            let (end, next, problem) = match splitter.record(block, at) {
                Split::Incomplete => break,
                Split::Blank { next } => {
                    at = next;
                    continue;
                }
                Split::Record { end, next, fields } if fields == self.width => {
                    if !self.repeated.is_empty() && self.is_header(block) {
                        skip(block, at, end);
                        at = next;
                        continue;
                    }
                    (end, next, None)
                }
                Split::Record { end, next, fields } => (end, next, ragged(&self.format, block, fields)),
                Split::Broken { end, next, reason } => {
                    (end, next, Some((reason, broken_message(&self.format, reason))))
                }
            };
            push_record(block, at, end, problem);
            at = next;
        }
        at
    }

    /// The end of the line at `at`, and what is behind it; none: it goes on behind the text.
    fn line(&self, block: &Block, at: usize, text: usize) -> Option<(usize, usize)> {
        match memchr(self.line_end(), &block.bytes[at..text]) {
            Some(length) => Some((at + length, at + length + 1)),
            None => self.input.ended().then_some((text, text)),
        }
    }

    /// Whether the last cells of the block are the header's. Where files were joined, a byte order mark may stand before them.
    fn is_header(&self, block: &Block) -> bool {
        let row = block.records.len();
        let is = |(field, name): (usize, &String)| {
            let text = block.text(row, field).unwrap_or_default();
            let marked = (field == 0).then(|| text.strip_prefix(BYTE_ORDER_MARK)).flatten();
            text == name.as_bytes() || marked == Some(name.as_bytes())
        };
        self.repeated.iter().enumerate().all(is)
    }

    /// A record longer than the limit: its beginning is kept, its first line is gone over. A comment is a comment, however long.
    fn give_up(&mut self, block: &mut Block) -> Result<(), DecodeError> {
        let is_comment = self.begins_with_comment();
        let line = self.input.cut_line(self.line_end())?;
        if !is_comment {
            let message = format!("has no end within {MAX_RECORD_BYTES} bytes: look for a quote that is not closed");
            block.cut(line, message);
        }
        self.line += 1;
        Ok(())
    }
}

impl<R: Read> Resume<R> for CsvReader<R> {
    fn resume(mut self, input: R, compression: Compression, at: Place) -> Self {
        self.input = self.input.resume(input, compression, at.offset);
        self.line = at.line;
        self
    }

    fn place(&self) -> Place {
        Place {
            offset: self.input.offset(),
            line: self.line,
        }
    }
}

/// What is wrong with a record of `fields` fields, which are not as many as the block's width.
#[cold]
fn ragged(format: &CsvFormat, block: &mut Block, fields: usize) -> Option<(Reason, String)> {
    let surplus = std::mem::take(&mut block.surplus);
    if format.ragged_ends == RaggedEnds::Pad && !surplus {
        return None;
    }
    let has = if format.header { "header has" } else { "contract has" };
    Some((
        Reason::FieldCount,
        format!("has {fields} fields where the {has} {}", block.width),
    ))
}

#[cold]
fn broken_message(format: &CsvFormat, reason: Reason) -> String {
    match reason {
        Reason::UnclosedQuote if format.multiline => {
            "has a quoted field that does not end: close the quote, or double a quote inside it"
        }
        Reason::UnclosedQuote => {
            "has a quoted field that does not end on its line: close the quote, or write multiline: true in the contract"
        }
        _ => "has text behind a closing quote: double a quote inside a quoted field",
    }
    .into()
}

/// Takes up the record `start..end`, whose cells stand at the block's end already. A bad one has none.
fn push_record(block: &mut Block, start: usize, end: usize, problem: Option<(Reason, String)>) {
    let row = block.records.len();
    block.records.push(Record {
        start: start as u32,
        end: end as u32,
    });
    if let Some((reason, message)) = problem {
        block.cells.truncate(row * block.width);
        block.violations.push(Violation {
            row: row as u32,
            column: None,
            reason,
            message,
        });
    }
    block.pad_row();
}

/// Notes that `start..end` is no record, and forgets its cells.
#[cold]
fn skip(block: &mut Block, start: usize, end: usize) {
    block.cells.truncate(block.records.len() * block.width);
    block.skipped.push(Record {
        start: start as u32,
        end: end as u32,
    });
}

//! XML: one document, with an element for each row, where the contract says that it is. Names count without their prefix.
//!
//! Rows are found by their markup and then read one by one, so that a row that is not well formed costs only itself where its end can
//! still be found: an end tag closes the innermost element of its name. What is not well formed around rows ends the document: the
//! rest of it is one refused record. Entities are never expanded, but for the five of XML; a document that declares others is refused.

mod attributes;
mod document;
mod markup;
mod row;

use crate::{
    BLOCK_BYTES, MAX_RECORD_BYTES,
    block::{Block, Record},
    blocks::Blocks,
    compression::Compression,
    drift::OtherNames,
    fields::{FieldMap, in_order},
    reject::{DecodeError, ObjectReject, Reason, Violation, shown},
    text::{CutLine, MAX_CUT_BYTES, TextInput},
};
use document::{Document, Place, RowEnd, Step};
use memchr::memmem;
use row::Rows;
use std::io::Read;
use watershed_contract::{Dataset, XmlFormat};

/// Deepest nesting of elements: of those around rows, and of those of a row.
pub const MAX_DEPTH: usize = 64;

/// Reads blocks of rows. The cells of a row stand in the order of the dataset's columns.
pub struct XmlReader<R> {
    input: TextInput<R>,
    document: Document,
    rows: Rows,
    fields: FieldMap,
    line: u64,
    ended: bool,
}

impl<R: Read> XmlReader<R> {
    /// Refuses an object whose beginning is no XML.
    pub fn open(
        input: R,
        compression: Compression,
        format: &XmlFormat,
        dataset: &Dataset,
    ) -> Result<Self, DecodeError> {
        let reader = Self {
            input: TextInput::open(input, compression, dataset.encoding)?,
            document: Document::new(&format.row),
            rows: Rows::new(&format.columns, OtherNames::of(dataset, str::to_string)),
            fields: in_order(dataset),
            line: 1,
            ended: false,
        };
        let beginning = reader.input.rest();
        match beginning.iter().find(|b| !b.is_ascii_whitespace()) {
            None | Some(b'<') => Ok(reader),
            Some(_) => {
                let message = format!(
                    "the object is not XML: it begins {}; send an XML document, or mend the contract's format",
                    shown(beginning)
                );
                let told = "the object is not XML: send an XML document, or mend the contract's format";
                Err(ObjectReject::new(Reason::WrongFormat, message).without(told).into())
            }
        }
    }

    /// Notes the rows of what was read. Returns the bytes that are dealt with, and what is not well formed behind them.
    fn split(&mut self, block: &mut Block) -> Result<(usize, Option<String>), ObjectReject> {
        let bytes = self.input.rest();
        let mut at = 0;
        while at < bytes.len() && !block.is_full() {
            match self.document.step(bytes, at)? {
                Step::Over(to) => at = to,
                Step::Row { start, end, problem } => {
                    block.violations.extend(problem.map(|message| Violation {
                        row: block.records.len() as u32,
                        column: None,
                        reason: Reason::InvalidXml,
                        message: message.into(),
                    }));
                    block.records.push(Record {
                        start: start as u32,
                        end: end as u32,
                    });
                    at = end;
                }
                Step::More => break,
                Step::Broken(message) => return Ok((at, Some(message))),
            }
        }
        Ok((at, None))
    }

    /// At the end of the text: false, or what is wrong with it as a refused record.
    fn finish(&mut self, block: &mut Block) -> Result<bool, DecodeError> {
        self.document.refuse_without_row()?;
        match self.document.unclosed() {
            Some(message) => self.refuse_rest(block, &message),
            None => Ok(false),
        }
    }

    /// The rest becomes one refused record.
    fn refuse_rest(&mut self, block: &mut Block, message: &str) -> Result<bool, DecodeError> {
        block.refuse(self.input.cut_rest()?, Reason::InvalidXml, rest_message(message));
        self.ended = true;
        Ok(true)
    }

    /// A row longer than the limit: its beginning is kept, the rest is gone over. A tag of that length ends the document.
    fn give_up(&mut self, block: &mut Block) -> Result<bool, DecodeError> {
        let kept = self.input.rest()[..MAX_CUT_BYTES].to_vec();
        let mut message = format!("has no end within {MAX_RECORD_BYTES} bytes: send smaller rows");
        let mut row = RowEnd::default();
        let mut found = self.document.begins_row(self.input.rest());
        while found {
            match row.find(self.input.rest(), 0) {
                Place::End(end) => {
                    self.consume(end);
                    self.document.row_found();
                    break;
                }
                Place::More(to) => {
                    let stuck = to == 0 && (self.input.ended() || self.input.rest().len() > MAX_RECORD_BYTES);
                    found = !stuck || self.go_over()?;
                    self.consume(if stuck { 0 } else { to });
                    let wanted = self.input.rest().len() * 2;
                    self.input.fill(wanted.clamp(BLOCK_BYTES, MAX_RECORD_BYTES + 1))?;
                }
                Place::TooDeep => found = false,
            }
        }
        if !found {
            message.push_str("; what is behind it was not read, because no end was found");
            self.input.cut_rest()?;
            self.ended = true;
        }
        let length = self.input.offset() - block.offset;
        block.cut(CutLine { kept, length }, message);
        Ok(true)
    }

    /// Goes over a comment or the like that the text begins with, however long. False: it is none, or has no end.
    fn go_over(&mut self) -> Result<bool, DecodeError> {
        let Some((mut from, end)) = markup::unread(self.input.rest()) else {
            return Ok(false);
        };
        loop {
            let length = self.input.rest().len();
            if let Some(at) = memmem::find(&self.input.rest()[from..], end) {
                self.consume(from + at + end.len());
                return Ok(true);
            }
            if self.input.ended() {
                return Ok(false);
            }
            // Its end may have begun.
            self.consume(length.saturating_sub(end.len()).max(from));
            from = 0;
            self.input.fill(BLOCK_BYTES)?;
        }
    }

    /// Markup that is longer than a row may be. False: it was gone over.
    fn long(&mut self, block: &mut Block) -> Result<bool, DecodeError> {
        if markup::unread(self.input.rest()).is_none() {
            return self.give_up(block);
        }
        let kept = self.input.rest()[..MAX_CUT_BYTES].to_vec();
        if self.go_over()? {
            self.begin(block);
            return Ok(false);
        }
        self.input.cut_rest()?;
        self.ended = true;
        let length = self.input.offset() - block.offset;
        let message = rest_message("it ends in the middle of a comment or the like");
        block.refuse(CutLine { kept, length }, Reason::InvalidXml, message);
        Ok(true)
    }

    fn begin(&self, block: &mut Block) {
        block.clear(self.input.offset(), self.line, self.rows.width());
        block.encoding = self.input.encoding();
    }

    fn consume(&mut self, bytes: usize) {
        self.line += count_lines(&self.input.rest()[..bytes]);
        self.input.consume(bytes);
    }
}

impl<R: Read> Blocks for XmlReader<R> {
    fn fields(&self) -> &FieldMap {
        &self.fields
    }

    fn met(&self) -> &[String] {
        self.rows.met()
    }

    fn missing(&self) -> Vec<usize> {
        self.rows.missing()
    }

    fn read(&mut self, block: &mut Block) -> Result<bool, DecodeError> {
        self.begin(block);
        if self.ended {
            return Ok(false);
        }
        self.input.fill(BLOCK_BYTES)?;
        loop {
            let (used, broken) = self.split(block)?;
            if used > 0 {
                // What is broken behind it is found again.
                self.input.take(used, &mut block.bytes);
                self.line += count_lines(&block.bytes);
                self.rows.read(block);
                return Ok(true);
            }
            let length = self.input.rest().len();
            if let Some(message) = broken {
                return self.refuse_rest(block, &message);
            }
            if self.input.ended() {
                return if length == 0 {
                    self.finish(block)
                } else {
                    self.refuse_rest(block, "it ends in the middle of an element")
                };
            }
            if length > MAX_RECORD_BYTES && self.long(block)? {
                return Ok(true);
            }
            let length = self.input.rest().len();
            self.input.fill((length * 2).clamp(BLOCK_BYTES, MAX_RECORD_BYTES + 1))?;
        }
    }
}

fn rest_message(problem: &str) -> String {
    format!(
        "is the rest of a document that is not well formed: {problem}; the rows before it were read, what is behind was not: send the object again, whole"
    )
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

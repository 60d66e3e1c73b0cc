//! Newline-delimited JSON: one object (RFC 8259) a line. Nested values keep their JSON text.

use crate::{
    BLOCK_BYTES, MAX_RECORD_BYTES,
    block::{Block, Cell, Record},
    compression::{Compression, read_error},
    csv::refuse_other_formats,
    fields::FieldMap,
    reject::{DecodeError, ObjectReject, Reason, Violation, shown},
};
use memchr::memchr;
use std::{collections::HashMap, io::Read};
use watershed_contract::Dataset;

/// Deepest nesting of a value.
pub const MAX_DEPTH: usize = 64;
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

/// Column by key, and the keys in the contract's order: objects usually have theirs in one order.
struct Keys {
    index: HashMap<Vec<u8>, usize>,
    ordered: Vec<Vec<u8>>,
}

impl<R: Read> NdJsonReader<R> {
    /// Refuses an object whose beginning is no JSON object.
    pub fn open(input: R, compression: Compression, dataset: &Dataset) -> Result<Self, DecodeError> {
        let ordered: Vec<Vec<u8>> = dataset
            .columns
            .iter()
            .map(|rule| rule.source.clone().into_bytes())
            .collect();
        let index = ordered.iter().cloned().zip(0..).collect();
        let fields = (0..ordered.len()).map(Some).collect();
        let keys = Keys { index, ordered };
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
        block.clear(self.offset, self.keys.ordered.len());
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
        let mut parser = Parser {
            at: start,
            end,
            row,
            expected: 0,
            keys: &self.keys,
        };
        if let Err((reason, message)) = parser.object(block) {
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

type Problem = (Reason, String);

struct Parser<'a> {
    at: usize,
    end: usize,
    row: usize,
    /// Column whose key is likely next.
    expected: usize,
    keys: &'a Keys,
}

impl Parser<'_> {
    fn object(&mut self, block: &mut Block) -> Result<(), Problem> {
        self.space(block);
        if self.peek(block) != Some(b'{') {
            return Err((
                Reason::NotAnObject,
                format!("is not a JSON object: begins {}", shown(self.rest(block))),
            ));
        }
        self.at += 1;
        self.space(block);
        if self.peek(block) == Some(b'}') {
            self.at += 1;
            return self.nothing_behind(block);
        }
        loop {
            let key = self.string(block)?;
            self.space(block);
            self.expect(block, b':', "a colon behind a key")?;
            self.space(block);
            let column = self.column(block, key);
            let cell = self.value(block, 0)?;
            if let Some(column) = column {
                self.store(block, column, cell)?;
            }
            self.space(block);
            match self.peek(block) {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return self.nothing_behind(block);
                }
                _ => return Err(self.invalid(block, "a comma or a closing brace")),
            }
            self.space(block);
        }
    }

    fn store(&mut self, block: &mut Block, column: usize, cell: Option<Cell>) -> Result<(), Problem> {
        let at = self.row * block.width + column;
        if self.expected > column && block.cells[at] != Cell::ABSENT {
            let key = String::from_utf8_lossy(&self.keys.ordered[column]).into_owned();
            return Err((Reason::RepeatedKey, format!("has the key `{key}` twice")));
        }
        self.expected = self.expected.max(column + 1);
        block.cells[at] = cell.unwrap_or(Cell::ABSENT);
        Ok(())
    }

    fn column(&self, block: &Block, key: (usize, usize)) -> Option<usize> {
        let key = &block.bytes[key.0..key.1];
        match self.keys.ordered.get(self.expected) {
            Some(expected) if expected == key => Some(self.expected),
            _ => self.keys.index.get(key).copied(),
        }
    }

    /// A value: the text of a scalar without its quotes, the JSON text of anything nested, none for null.
    fn value(&mut self, block: &mut Block, depth: usize) -> Result<Option<Cell>, Problem> {
        let start = self.at;
        match self.peek(block) {
            Some(b'"') => {
                let (start, end) = self.string(block)?;
                return Ok(Some(Cell::new(start, end)));
            }
            Some(b'{' | b'[') => self.nested(block, depth)?,
            Some(b't') => self.word(block, b"true")?,
            Some(b'f') => self.word(block, b"false")?,
            Some(b'n') => {
                self.word(block, b"null")?;
                return Ok(None);
            }
            Some(b'-' | b'0'..=b'9') => self.number(block)?,
            _ => return Err(self.invalid(block, "a value")),
        }
        Ok(Some(Cell::new(start, self.at)))
    }

    fn nested(&mut self, block: &mut Block, depth: usize) -> Result<(), Problem> {
        if depth >= MAX_DEPTH {
            return Err((Reason::InvalidJson, format!("is nested deeper than {MAX_DEPTH}")));
        }
        let object = self.peek(block) == Some(b'{');
        let close = if object { b'}' } else { b']' };
        self.at += 1;
        self.space(block);
        if self.peek(block) == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            if object {
                self.string(block)?;
                self.space(block);
                self.expect(block, b':', "a colon behind a key")?;
                self.space(block);
            }
            self.value(block, depth + 1)?;
            self.space(block);
            match self.peek(block) {
                Some(b',') => self.at += 1,
                Some(b) if b == close => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.invalid(block, "a comma or a closing bracket")),
            }
            self.space(block);
        }
    }

    /// A string's text: where it stands, or where its unescaped copy stands behind the block's text.
    fn string(&mut self, block: &mut Block) -> Result<(usize, usize), Problem> {
        self.expect(block, b'"', "a string")?;
        let start = self.at;
        let text = &block.bytes[start..self.end];
        let plain = text
            .iter()
            .position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f))
            .unwrap_or(text.len());
        self.at += plain;
        match self.peek(block) {
            Some(b'"') => {
                self.at += 1;
                Ok((start, self.at - 1))
            }
            Some(b'\\') => self.escaped(block, start),
            _ => Err(self.invalid(block, "the end of a string, and no control character in it")),
        }
    }

    fn escaped(&mut self, block: &mut Block, start: usize) -> Result<(usize, usize), Problem> {
        let begun = block.bytes.len();
        block.bytes.extend_from_within(start..self.at);
        loop {
            match self.peek(block) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok((begun, block.bytes.len()));
                }
                Some(b'\\') => {
                    self.at += 1;
                    let c = self.escape(block)?;
                    block.bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(b) if b > 0x1f => {
                    block.bytes.push(b);
                    self.at += 1;
                }
                _ => return Err(self.invalid(block, "the end of a string, and no control character in it")),
            }
        }
    }

    fn escape(&mut self, block: &Block) -> Result<char, Problem> {
        let letter = self.peek(block);
        self.at += 1;
        Ok(match letter {
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let high = self.hex(block)?;
                if (0xd800..0xdc00).contains(&high) && self.rest(block).starts_with(b"\\u") {
                    self.at += 2;
                    let low = self.hex(block)?;
                    let code = 0x1_0000 + ((high - 0xd800) << 10) + low.wrapping_sub(0xdc00);
                    let pair = (0xdc00..0xe000).contains(&low).then(|| char::from_u32(code)).flatten();
                    return pair.ok_or_else(|| self.invalid(block, "the second half of a surrogate pair"));
                }
                return char::from_u32(high).ok_or_else(|| self.invalid(block, "a surrogate pair"));
            }
            _ => return Err(self.invalid(block, "an escape that JSON knows")),
        })
    }

    fn hex(&mut self, block: &Block) -> Result<u32, Problem> {
        let digits = self
            .rest(block)
            .get(..4)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let code = digits.and_then(|digits| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        self.at += 4;
        code.ok_or_else(|| self.invalid(block, "four hex digits"))
    }

    fn number(&mut self, block: &Block) -> Result<(), Problem> {
        if self.peek(block) == Some(b'-') {
            self.at += 1;
        }
        let integer = self.digits(block);
        let leading_zero = integer > 1 && block.bytes[self.at - integer] == b'0';
        let mut valid = integer > 0 && !leading_zero;
        if self.peek(block) == Some(b'.') {
            self.at += 1;
            valid &= self.digits(block) > 0;
        }
        if matches!(self.peek(block), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(block), Some(b'+' | b'-')) {
                self.at += 1;
            }
            valid &= self.digits(block) > 0;
        }
        if valid {
            Ok(())
        } else {
            Err(self.invalid(block, "a number"))
        }
    }

    fn digits(&mut self, block: &Block) -> usize {
        let digits = self.rest(block).iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += digits;
        digits
    }

    fn word(&mut self, block: &Block, word: &[u8]) -> Result<(), Problem> {
        if !self.rest(block).starts_with(word) {
            return Err(self.invalid(block, "a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn nothing_behind(&mut self, block: &Block) -> Result<(), Problem> {
        self.space(block);
        if self.at == self.end {
            Ok(())
        } else {
            Err(self.invalid(block, "nothing more behind the object"))
        }
    }

    fn expect(&mut self, block: &Block, byte: u8, what: &str) -> Result<(), Problem> {
        if self.peek(block) != Some(byte) {
            return Err(self.invalid(block, what));
        }
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn space(&mut self, block: &Block) {
        while matches!(self.peek(block), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&self, block: &Block) -> Option<u8> {
        if self.at < self.end {
            block.bytes.get(self.at).copied()
        } else {
            None
        }
    }

    fn rest<'b>(&self, block: &'b Block) -> &'b [u8] {
        &block.bytes[self.at.min(self.end)..self.end]
    }

    fn invalid(&self, block: &Block, expected: &str) -> Problem {
        let start = block.records[self.row].start as usize;
        let at = self.at.min(self.end);
        let found = &block.bytes[at..self.end];
        let found = if found.is_empty() {
            "the end of the line".into()
        } else {
            shown(found)
        };
        (
            Reason::InvalidJson,
            format!("is not JSON: expected {expected} at byte {}, found {found}", at - start),
        )
    }
}

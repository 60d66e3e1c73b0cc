//! One JSON object (RFC 8259) into cells.

use crate::{
    block::{Block, Cell},
    reject::{Reason, shown},
};
use std::collections::HashMap;

/// Deepest nesting of a value.
pub const MAX_DEPTH: usize = 64;
/// Column by key, and the keys in the contract's order: objects usually have theirs in one order.
pub struct Keys {
    index: HashMap<Vec<u8>, usize>,
    ordered: Vec<Vec<u8>>,
}

impl Keys {
    /// In the order of the dataset's columns.
    pub fn new<'a>(keys: impl Iterator<Item = &'a [u8]>) -> Self {
        let ordered: Vec<Vec<u8>> = keys.map(<[u8]>::to_vec).collect();
        Self {
            index: ordered.iter().cloned().zip(0..).collect(),
            ordered,
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.ordered.len()
    }
}

/// What is wrong with a record.
pub type Problem = (Reason, String);

/// Reads one object.
pub struct Parser<'a> {
    at: usize,
    end: usize,
    row: usize,
    /// Column whose key is likely next.
    expected: usize,
    keys: &'a Keys,
}

impl<'a> Parser<'a> {
    /// Of the record in bytes `start..end` of the block, which is its row `row` and has its cells.
    pub fn new(keys: &'a Keys, start: usize, end: usize, row: usize) -> Self {
        Self {
            at: start,
            end,
            row,
            expected: 0,
            keys,
        }
    }

    /// Fills the row's cells.
    pub fn object(&mut self, block: &mut Block) -> Result<(), Problem> {
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

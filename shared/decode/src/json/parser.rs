//! One JSON object (RFC 8259) into cells.

use super::{
    number::number_end,
    wanted::{Node, Target, Wanted},
};
use crate::{
    block::Cell,
    drift::OtherNames,
    reject::{Reason, shown},
    scan::string_special,
};

/// Deepest nesting of a value in a record.
pub const MAX_DEPTH: usize = 64;

/// What is wrong with a record.
pub type Problem = (Reason, String);

/// Reads one object.
pub struct Parser<'a> {
    /// The block's text up to the end of the record.
    pub text: &'a [u8],
    /// Where the record begins.
    pub start: usize,
    /// Where it is read.
    pub at: usize,
    /// What is read of it.
    pub wanted: &'a Wanted,
    /// Its cells, by column.
    pub cells: &'a mut [Cell],
    /// For each mark the number of the record that had it last, and this record's number.
    pub seen: (&'a mut [u64], u64),
    /// Unescaped text, which goes behind the block's text; and where that is.
    pub unescaped: (&'a mut Vec<u8>, usize),
    /// Where the record's own keys that no column is read from are noted, if anywhere.
    pub others: Option<&'a mut OtherNames>,
}

impl Parser<'_> {
    /// Fills the cells.
    pub fn record(&mut self) -> Result<(), Problem> {
        self.space();
        match self.peek() {
            Some(b'{') => {}
            None => return Err((Reason::InvalidJson, "is empty: take the comma beside it away".into())),
            Some(_) => {
                let message = format!("is not a JSON object: begins {}", shown(&self.text[self.at..]));
                return Err((Reason::NotAnObject, message));
            }
        }
        self.object(Some(self.wanted.root()), 0)?;
        self.space();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(self.invalid("nothing more behind the object"))
        }
    }

    /// An object, at its brace. Without a node nothing of it is wanted.
    fn object(&mut self, node: Option<&Node>, depth: usize) -> Result<(), Problem> {
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        let mut expected = node.map_or(0, |node| self.plain_members(node));
        loop {
            let target = if let Some(node) = node {
                self.key(node, &mut expected)?
            } else {
                self.other_key()?;
                None
            };
            self.space();
            self.value(target, depth)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.invalid("a comma or a closing brace")),
            }
            self.space();
        }
    }

    /// Goes over members as most programs write them: the expected keys in their order, each with a number or a string without escape,
    /// and a comma behind it. How many keys that were; the next member, whatever it is, is not read yet.
    fn plain_members(&mut self, node: &Node) -> usize {
        let (text, mut at, mut expected) = (self.text, self.at, 0);
        while let Some((field, start)) = node.expected(expected, text, at) {
            let start = start + usize::from(text.get(start) == Some(&b' '));
            let (cell, end) = match text.get(start) {
                Some(b'"') => {
                    let end = string_special(text, start + 1);
                    if text.get(end) != Some(&b'"') {
                        break;
                    }
                    (Cell::new(start + 1, end), end + 1)
                }
                Some(b'-' | b'0'..=b'9') => match number_end(text, start) {
                    Some(end) => (Cell::new(start, end), end),
                    None => break,
                },
                _ => break,
            };
            let (seen, record) = &mut self.seen;
            let Target { mark, column, .. } = field.target;
            if text.get(end) != Some(&b',') || field.target.literal.is_some() || seen[mark] == *record {
                break;
            }
            seen[mark] = *record;
            if let Some(column) = column {
                self.cells[column] = cell;
            }
            at = end + 1 + usize::from(text.get(end + 1) == Some(&b' '));
            expected += 1;
        }
        self.at = at;
        if expected > 0 {
            self.space();
        }
        expected
    }

    /// An array, at its bracket.
    fn array(&mut self, node: Option<&Node>, depth: usize) -> Result<(), Problem> {
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        for index in 0.. {
            let target = node.and_then(|node| node.item(index));
            if let Some(target) = target {
                let (seen, record) = &mut self.seen;
                seen[target.mark] = *record;
            }
            self.value(target, depth)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.invalid("a comma or a closing bracket")),
            }
            self.space();
        }
        self.at += 1;
        Ok(())
    }

    /// A key and its colon, and what the value behind it is for.
    #[inline]
    fn key<'n>(&mut self, node: &'n Node, expected: &mut usize) -> Result<Option<&'n Target>, Problem> {
        let field = if let Some((field, end)) = node.expected(*expected, self.text, self.at) {
            self.at = end;
            *expected += 1;
            field
        } else {
            let before = self.unescaped.0.len();
            let (start, end) = self.string()?;
            let (copy, base) = &self.unescaped;
            let key = if start < *base {
                &self.text[start..end]
            } else {
                &copy[start - base..]
            };
            let found = node.find(key);
            if let (None, Some(others)) = (&found, &mut self.others)
                && std::ptr::eq(node, self.wanted.root())
                && let Ok(key) = std::str::from_utf8(key)
            {
                others.note(key);
            }
            self.unescaped.0.truncate(before);
            self.colon()?;
            let Some((field, at)) = found else { return Ok(None) };
            *expected = at + 1;
            field
        };
        let (seen, record) = &mut self.seen;
        if std::mem::replace(&mut seen[field.target.mark], *record) == *record {
            return Err((Reason::RepeatedKey, format!("has the key `{}` twice", field.name())));
        }
        Ok(Some(&field.target))
    }

    /// A key of an object of which nothing is wanted.
    fn other_key(&mut self) -> Result<(), Problem> {
        let before = self.unescaped.0.len();
        self.string()?;
        self.unescaped.0.truncate(before);
        self.colon()
    }

    fn colon(&mut self) -> Result<(), Problem> {
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.invalid("a colon behind a key"));
        }
        self.at += 1;
        Ok(())
    }

    /// A value, kept where it is a column's: the text of a scalar without its quotes, the JSON text of anything nested, nothing for null.
    #[inline]
    pub(super) fn value(&mut self, target: Option<&Target>, depth: usize) -> Result<(), Problem> {
        let start = self.at;
        let before = self.unescaped.0.len();
        let mut cell = match self.peek() {
            Some(b'"') => {
                let (start, end) = self.string()?;
                Cell::new(start, end)
            }
            Some(b'-' | b'0'..=b'9') => {
                self.at = number_end(self.text, start).ok_or_else(|| self.invalid("a number"))?;
                Cell::new(start, self.at)
            }
            Some(b't') => self.word(b"true")?,
            Some(b'f') => self.word(b"false")?,
            Some(b'n') => {
                self.word(b"null")?;
                Cell::ABSENT
            }
            Some(bracket @ (b'{' | b'[')) => self.nested(bracket, target, depth + 1)?,
            _ => return Err(self.invalid("a value")),
        };
        let Some(target) = target else {
            self.unescaped.0.truncate(before);
            return Ok(());
        };
        if let Some(column) = target.column {
            let (seen, record) = &self.seen;
            if target.literal.is_some_and(|mark| seen[mark] == *record) {
                cell = self.cells[column];
            }
            self.cells[column] = cell;
        }
        Ok(())
    }

    fn nested(&mut self, bracket: u8, target: Option<&Target>, depth: usize) -> Result<Cell, Problem> {
        if depth > MAX_DEPTH {
            return Err((Reason::InvalidJson, format!("is nested deeper than {MAX_DEPTH}")));
        }
        let start = self.at;
        let wanted = self.wanted;
        let node = target.and_then(|target| wanted.node(target.below));
        if bracket == b'{' {
            self.object(node, depth)?;
        } else {
            self.array(node, depth)?;
        }
        Ok(Cell::new(start, self.at))
    }

    /// A string's text: where it stands, or where its unescaped copy will stand behind the block's text.
    #[inline]
    pub fn string(&mut self) -> Result<(usize, usize), Problem> {
        if self.peek() != Some(b'"') {
            return Err(self.invalid("a string"));
        }
        self.at += 1;
        let start = self.at;
        self.at = string_special(self.text, start);
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                Ok((start, self.at - 1))
            }
            Some(b'\\') => self.escaped(start),
            _ => Err(self.unended()),
        }
    }

    fn escaped(&mut self, start: usize) -> Result<(usize, usize), Problem> {
        let begun = self.unescaped.0.len();
        let mut from = start;
        loop {
            self.unescaped.0.extend_from_slice(&self.text[from..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    let (copy, base) = &self.unescaped;
                    return Ok((base + begun, base + copy.len()));
                }
                Some(b'\\') => {
                    self.at += 1;
                    let c = self.escape()?;
                    let bytes = &mut [0; 4];
                    self.unescaped.0.extend_from_slice(c.encode_utf8(bytes).as_bytes());
                }
                _ => return Err(self.unended()),
            }
            from = self.at;
            self.at = string_special(self.text, from);
        }
    }

    fn escape(&mut self) -> Result<char, Problem> {
        let letter = self.peek();
        self.at += 1;
        Ok(match letter {
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let high = self.hex()?;
                if (0xd800..0xdc00).contains(&high) && self.rest().starts_with(b"\\u") {
                    self.at += 2;
                    let low = self.hex()?;
                    let pair = || char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00));
                    let pair = (0xdc00..0xe000).contains(&low).then(pair).flatten();
                    return pair.ok_or_else(|| self.invalid("the second half of a surrogate pair"));
                }
                return char::from_u32(high).ok_or_else(|| self.invalid("a surrogate pair"));
            }
            _ => return Err(self.invalid("an escape that JSON knows")),
        })
    }

    fn hex(&mut self) -> Result<u32, Problem> {
        let digits = self
            .rest()
            .get(..4)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let code = digits.and_then(|digits| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        let code = code.ok_or_else(|| self.invalid("four hex digits"))?;
        self.at += 4;
        Ok(code)
    }

    fn word(&mut self, word: &[u8]) -> Result<Cell, Problem> {
        let start = self.at;
        if !self.rest().starts_with(word) {
            return Err(self.invalid("a value"));
        }
        self.at += word.len();
        Ok(Cell::new(start, self.at))
    }

    #[inline]
    pub(super) fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        &self.text[self.at.min(self.text.len())..]
    }

    fn unended(&self) -> Problem {
        self.invalid("the end of a string, and no control character in it")
    }

    #[cold]
    pub(super) fn invalid(&self, expected: &str) -> Problem {
        let found = match self.rest() {
            [] => "its end".into(),
            rest => shown(rest),
        };
        let at = self.at.min(self.text.len()) - self.start;
        let message = format!("is not JSON: expected {expected} at byte {at}, found {found}");
        (Reason::InvalidJson, message)
    }
}

//! Text into cells where one character escapes another.
//!
//! An escaped quote, delimiter, line end or escape is part of the value, within quotes and without. An escape before anything else is an
//! ordinary character, so that `\N` and `C:\Temp` stay what they are. Where the contract says that records are lines, a line end is
//! never part of a value.

use super::split::{After, Quoted, Records, Split, after_field, broken, last_field, push_cell};
use crate::{
    block::{Block, Cell},
    reject::Reason,
};
use memchr::{memchr2, memchr3};
use watershed_contract::CsvFormat;

/// Of text whose lines end with `END`.
pub struct EscapedSplitter<const END: u8> {
    delimiter: u8,
    quote: Option<u8>,
    escape: u8,
    /// A line end cannot be escaped, nor quoted.
    one_line: bool,
    /// Nothing comes behind the text.
    ended: bool,
    /// Bytes of text in the block; what stands behind is unescaped.
    text: usize,
}

impl<const END: u8> EscapedSplitter<END> {
    pub fn new(format: &CsvFormat, escape: u8, ended: bool, text: usize) -> Self {
        Self {
            delimiter: format.delimiter,
            quote: format.quote,
            escape,
            one_line: !format.multiline,
            ended,
            text,
        }
    }

    /// Length of what the escape before `at` escapes: none, where it escapes nothing; an error, where that stands behind the text.
    fn escaped(&self, block: &Block, at: usize) -> Result<Option<usize>, Incomplete> {
        let Some(&byte) = block.bytes[..self.text].get(at) else {
            return if self.ended { Ok(None) } else { Err(Incomplete) };
        };
        if byte == self.delimiter || byte == self.escape || Some(byte) == self.quote {
            return Ok(Some(1));
        }
        if self.one_line {
            return Ok(None);
        }
        if byte == END {
            return Ok(Some(1));
        }
        match block.bytes[at..self.text] {
            [b'\r', b'\n', ..] => Ok(Some(2)),
            [b'\r'] if !self.ended => Err(Incomplete),
            _ => Ok(None),
        }
    }

    /// The quoted field at `at`.
    fn quoted(&self, block: &mut Block, at: usize, quote: u8) -> Quoted {
        let mut pieces = Pieces::new(at + 1);
        let mut from = at + 1;
        loop {
            let rest = &block.bytes[from..self.text];
            let found = if self.one_line {
                memchr3(quote, self.escape, END, rest)
            } else {
                memchr2(quote, self.escape, rest)
            };
            let Some(found) = found.map(|i| from + i) else {
                return if self.ended {
                    Quoted::Unclosed
                } else {
                    Quoted::Incomplete
                };
            };
            if self.one_line && block.bytes[found] == END {
                return Quoted::Unclosed;
            }
            let behind = found + 1;
            let is_escape = block.bytes[found] == self.escape;
            let kept = if is_escape {
                self.escaped(block, behind)
            } else if behind == self.text && !self.ended {
                Err(Incomplete)
            } else {
                let doubled = behind < self.text && block.bytes[behind] == quote;
                Ok(doubled.then_some(1))
            };
            match kept {
                Err(Incomplete) => return Quoted::Incomplete,
                Ok(Some(length)) => {
                    pieces.leave_out(block, found);
                    from = behind + length;
                }
                Ok(None) if is_escape => from = behind,
                Ok(None) => {
                    return Quoted::Field {
                        cell: pieces.cell(block, found),
                        next: behind,
                    };
                }
            }
        }
    }

    /// Where the unquoted field at `at` ends.
    fn unquoted(&self, block: &mut Block, at: usize) -> Result<(Pieces, usize), Incomplete> {
        let mut pieces = Pieces::new(at);
        let mut from = at;
        loop {
            let rest = &block.bytes[from..self.text];
            let Some(found) = memchr3(self.delimiter, END, self.escape, rest).map(|i| from + i) else {
                return if self.ended {
                    Ok((pieces, self.text))
                } else {
                    Err(Incomplete)
                };
            };
            if block.bytes[found] != self.escape {
                return Ok((pieces, found));
            }
            from = found + 1;
            if let Some(length) = self.escaped(block, from)? {
                pieces.leave_out(block, found);
                from += length;
            }
        }
    }
}

impl<const END: u8> Records for EscapedSplitter<END> {
    fn record(&mut self, block: &mut Block, start: usize) -> Split {
        let unescaped = block.bytes.len();
        let (mut fields, mut at) = (0, start);
        let broken = |block: &mut Block, reason| broken(block, start..self.text, self.ended, unescaped, reason);
        loop {
            let quote = self.quote.filter(|quote| at < self.text && block.bytes[at] == *quote);
            let Some(quote) = quote else {
                let Ok((pieces, end)) = self.unquoted(block, at) else {
                    return Split::Incomplete;
                };
                if end < self.text && block.bytes[end] == self.delimiter {
                    let cell = pieces.cell(block, end);
                    push_cell(block, &mut fields, cell);
                    at = end + 1;
                    continue;
                }
                let next = self.text.min(end + 1);
                if pieces.begun.is_none() {
                    return last_field::<END>(block, start, at, end, next, fields);
                }
                let stripped = end - usize::from(END == b'\n' && end > pieces.from && block.bytes[end - 1] == b'\r');
                let cell = pieces.cell(block, stripped);
                push_cell(block, &mut fields, cell);
                return Split::Record {
                    end: stripped,
                    next,
                    fields,
                };
            };
            let (cell, next) = match self.quoted(block, at, quote) {
                Quoted::Field { cell, next } => (cell, next),
                Quoted::Unclosed => return broken(block, Reason::UnclosedQuote),
                Quoted::Incomplete => return Split::Incomplete,
            };
            push_cell(block, &mut fields, cell);
            match after_field::<END>(&block.bytes[..self.text], next, self.delimiter, self.ended) {
                After::Delimiter => at = next + 1,
                After::End { next: behind } => {
                    return Split::Record {
                        end: next,
                        next: behind,
                        fields,
                    };
                }
                After::Other => return broken(block, Reason::TextAfterQuote),
            }
        }
    }
}

/// What decides stands behind the text.
struct Incomplete;

/// A value that may have to be put together of pieces: bytes between them are no part of it.
struct Pieces {
    /// Where in the block it is put together, once it is.
    begun: Option<usize>,
    /// Where the last piece begins.
    from: usize,
}

impl Pieces {
    fn new(from: usize) -> Self {
        Self { begun: None, from }
    }

    /// The byte at `at` is no part of the value.
    fn leave_out(&mut self, block: &mut Block, at: usize) {
        self.begun.get_or_insert(block.bytes.len());
        block.bytes.extend_from_within(self.from..at);
        self.from = at + 1;
    }

    /// The value, which ends at `end`.
    fn cell(self, block: &mut Block, end: usize) -> Cell {
        match self.begun {
            None => Cell::new(self.from, end),
            Some(begun) => {
                block.bytes.extend_from_within(self.from..end);
                Cell::new(begun, block.bytes.len())
            }
        }
    }
}

//! Text into cells: one record at a time. This is the plain dialect's, where no character is escaped by another.

use crate::{
    block::{Block, Cell},
    reject::Reason,
    scan::{Finder, LANES},
};
use memchr::{memchr, memchr2};
use std::ops::Range;
use watershed_contract::CsvFormat;

/// Splits one dialect.
pub trait Records {
    /// Appends the cells of the record at `start`, at most the block's width of them.
    fn record(&mut self, block: &mut Block, start: usize) -> Split;
}

/// What stands at one place of the text.
pub enum Split {
    /// A record with its cells; `end` before and `next` behind the line end.
    Record { end: usize, next: usize, fields: usize },
    /// An empty line.
    Blank { next: usize },
    /// A record that cannot be split; only its first line is taken.
    Broken { end: usize, next: usize, reason: Reason },
    /// The record goes on behind the text.
    Incomplete,
}

/// Of text whose lines end with `END`.
pub struct Splitter<const END: u8> {
    delimiter: u8,
    /// A byte, or more than any is: no quote.
    quote: u16,
    finder: Finder,
    /// A line end ends a quoted field, and breaks the record.
    one_line: bool,
    /// Nothing comes behind the text.
    ended: bool,
    /// Bytes of text in the block; what stands behind is unescaped.
    text: usize,
    /// Where the delimiters and line ends are, from `window` on, that were not come to yet: fields are short, so that one mask
    /// serves several.
    mask: u64,
    window: usize,
    /// Before this place all of them were come to.
    at: usize,
}

impl<const END: u8> Records for Splitter<END> {
    #[inline]
    fn record(&mut self, block: &mut Block, start: usize) -> Split {
        let unescaped = block.bytes.len();
        let mut fields = 0;
        let mut field_start = start;
        loop {
            if field_start < self.text && u16::from(block.bytes[field_start]) == self.quote {
                let (cell, next) = match self.quoted(block, field_start) {
                    Quoted::Field { cell, next } => (cell, next),
                    Quoted::Unclosed => {
                        let reason = Reason::UnclosedQuote;
                        return broken(block, start..self.text, self.ended, unescaped, reason);
                    }
                    Quoted::Incomplete => return Split::Incomplete,
                };
                push_cell(block, &mut fields, cell);
                match after_field::<END>(&block.bytes[..self.text], next, self.delimiter, self.ended) {
                    After::Delimiter => field_start = next + 1,
                    After::End { next: behind } => {
                        return Split::Record {
                            end: next,
                            next: behind,
                            fields,
                        };
                    }
                    After::Other => {
                        let reason = Reason::TextAfterQuote;
                        return broken(block, start..self.text, self.ended, unescaped, reason);
                    }
                }
                continue;
            }
            let Some(found) = self.next_special(block, field_start) else {
                if !self.ended {
                    return Split::Incomplete;
                }
                return last_field::<END>(block, start, field_start, self.text, self.text, fields);
            };
            if block.bytes[found] == END {
                return last_field::<END>(block, start, field_start, found, found + 1, fields);
            }
            push_cell(block, &mut fields, Cell::new(field_start, found));
            field_start = found + 1;
        }
    }
}

impl<const END: u8> Splitter<END> {
    pub fn new(format: &CsvFormat, ended: bool, text: usize) -> Self {
        // An unquoted field is ended by no quote: inside one it is an ordinary character.
        let finder = Finder::new([format.delimiter, END]);
        Self {
            delimiter: format.delimiter,
            quote: format.quote.map_or(u16::MAX, u16::from),
            finder,
            one_line: !format.multiline,
            ended,
            text,
            mask: 0,
            window: 0,
            at: usize::MAX,
        }
    }

    /// The delimiter or line end at or behind `from`.
    #[inline]
    fn next_special(&mut self, block: &Block, from: usize) -> Option<usize> {
        let text = &block.bytes[..self.text];
        if from != self.at {
            self.seek(text, from);
        }
        while self.mask == 0 {
            self.window += LANES;
            if self.window >= text.len() {
                self.at = usize::MAX;
                return None;
            }
            self.mask = self.finder.mask(text, self.window);
        }
        let found = self.window + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        self.at = found + 1;
        Some(found)
    }

    /// After a quoted field, or a record that was given up.
    fn seek(&mut self, text: &[u8], from: usize) {
        let inside = from.wrapping_sub(self.window);
        if self.at <= from && inside < LANES {
            self.mask &= u64::MAX << inside;
        } else if from < text.len() {
            (self.window, self.mask) = (from, self.finder.mask(text, from));
        } else {
            (self.window, self.mask) = (from, 0);
        }
    }

    /// The quoted field at `at`.
    fn quoted(&self, block: &mut Block, at: usize) -> Quoted {
        let quote = block.bytes[at];
        let mut from = at + 1;
        let mut unescaped: Option<usize> = None;
        loop {
            let rest = &block.bytes[from..self.text];
            let found = if self.one_line {
                memchr2(quote, END, rest)
            } else {
                memchr(quote, rest)
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
            let doubled = found + 1 < self.text && block.bytes[found + 1] == quote;
            if found + 1 == self.text && !self.ended {
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
}

/// The last field of a record, which ends at `end`; `next` is behind its line end.
#[inline]
pub fn last_field<const END: u8>(
    block: &mut Block,
    start: usize,
    field_start: usize,
    end: usize,
    next: usize,
    mut fields: usize,
) -> Split {
    let end = if END == b'\n' && end > field_start && block.bytes[end - 1] == b'\r' {
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

/// What stands at `at` of the text, behind a quoted field.
pub fn after_field<const END: u8>(text: &[u8], at: usize, delimiter: u8, ended: bool) -> After {
    match text[at..] {
        [] => After::End { next: at },
        [b, ..] if b == delimiter => After::Delimiter,
        [b, ..] if b == END => After::End { next: at + 1 },
        [b'\r', b'\n', ..] if END == b'\n' => After::End { next: at + 2 },
        [b'\r'] if ended => After::End { next: at + 1 },
        _ => After::Other,
    }
}

/// A record that cannot be split, in `text`: its first line. What was unescaped of it is forgotten.
#[cold]
pub fn broken(block: &mut Block, text: Range<usize>, ended: bool, unescaped: usize, reason: Reason) -> Split {
    block.bytes.truncate(unescaped);
    let (end, next) = match memchr(block.line_end(), &block.bytes[text.clone()]) {
        Some(length) => (text.start + length, text.start + length + 1),
        None if ended => (text.end, text.end),
        None => return Split::Incomplete,
    };
    Split::Broken { end, next, reason }
}

pub enum Quoted {
    Field { cell: Cell, next: usize },
    Unclosed,
    Incomplete,
}

pub enum After {
    Delimiter,
    End { next: usize },
    Other,
}

/// Fields beyond the block's width are counted, and looked at, not kept.
#[inline]
pub fn push_cell(block: &mut Block, fields: &mut usize, cell: Cell) {
    if *fields < block.width {
        block.cells.push(cell);
    } else {
        block.surplus |= cell.range().is_some_and(|(start, end)| start < end);
    }
    *fields += 1;
}

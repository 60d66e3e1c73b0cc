//! Formats whose record is a line.

use crate::{
    BLOCK_BYTES, MAX_BLOCK_CELLS, MAX_RECORD_BYTES, block::Block, compression::Compression, reject::DecodeError,
    resume::Place, text::TextInput,
};
use std::io::Read;
use watershed_contract::Encoding;

/// Text, by whole lines.
pub struct Lines<R> {
    input: TextInput<R>,
    line: u64,
}

/// What a block was given.
pub enum Taken {
    /// Nothing: there is no more.
    End,
    /// Whole lines, to be split.
    Lines,
    /// One refused record: a line that is too long.
    Cut,
}

impl<R: Read> Lines<R> {
    /// Refuses what is no text.
    pub fn open(input: R, compression: Compression, encoding: Encoding) -> Result<Self, DecodeError> {
        Ok(Self {
            input: TextInput::open(input, compression, encoding)?,
            line: 1,
        })
    }

    /// The same text, read on from a line's beginning.
    pub fn resume(self, input: R, compression: Compression, at: Place) -> Self {
        Self {
            input: self.input.resume(input, compression, at.offset),
            line: at.line,
        }
    }

    /// Where the next line begins.
    pub fn place(&self) -> Place {
        Place {
            offset: self.input.offset(),
            line: self.line,
        }
    }

    /// What comes next, as far as it was read.
    pub fn beginning(&self) -> &[u8] {
        self.input.rest()
    }

    /// Fills a block of rows of `width` cells; `too_long` says why a line that is too long is refused.
    pub fn next(
        &mut self,
        block: &mut Block,
        width: usize,
        too_long: impl Fn() -> String,
    ) -> Result<Taken, DecodeError> {
        block.clear(self.input.offset(), self.line, width);
        block.encoding = self.input.encoding();
        self.input.fill(BLOCK_BYTES)?;
        while !self.input.rest().is_empty() {
            let rest = self.input.rest();
            let end = if self.input.ended() {
                Some(rest.len())
            } else {
                memchr::memrchr(b'\n', rest).map(|at| at + 1)
            };
            if let Some(end) = end {
                let max_lines = (MAX_BLOCK_CELLS / width.max(1)).max(1);
                let mut lines = memchr::memchr_iter(b'\n', &rest[..end]).count();
                let end = if lines > max_lines {
                    lines = max_lines;
                    let last = memchr::memchr_iter(b'\n', rest).nth(max_lines - 1);
                    last.map_or(end, |at| at + 1)
                } else {
                    end
                };
                self.input.take(end, &mut block.bytes);
                self.line += lines as u64;
                return Ok(Taken::Lines);
            }
            let length = rest.len();
            if length > MAX_RECORD_BYTES {
                block.cut(self.input.cut_line(b'\n')?, too_long());
                self.line += 1;
                return Ok(Taken::Cut);
            }
            self.input.fill((length * 2).min(MAX_RECORD_BYTES + 1))?;
        }
        Ok(Taken::End)
    }
}

/// First byte of each line, and the one behind its last; its end (`\n` or `\r\n`) not counted.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let last = (!bytes.is_empty() && !bytes.ends_with(b"\n")).then_some(bytes.len());
    let mut start = 0;
    memchr::memchr_iter(b'\n', bytes).chain(last).map(move |end| {
        let begun = std::mem::replace(&mut start, end + 1);
        let cr = bytes[begun..end].ends_with(b"\r");
        (begun, end - usize::from(cr))
    })
}

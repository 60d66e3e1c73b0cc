//! Text as it comes in: read ahead as far as a record needs, cut into blocks at places that do not depend on how it arrives.

use crate::{
    BLOCK_BYTES,
    compression::{Compression, known_format, read_error},
    reject::{DecodeError, ObjectReject, Reason, shown},
};
use memchr::memchr;
use std::io::Read;

/// U+FEFF in UTF-8: may stand before the text, and is none of it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Bytes of a record that is too long that are kept.
pub const MAX_CUT_BYTES: usize = 64 * 1024;

/// Decompressed text of an object.
pub struct TextInput<R> {
    input: R,
    compression: Compression,
    rest: Vec<u8>,
    ended: bool,
    offset: u64,
}

/// The first line of a record that is too long.
pub struct CutLine {
    /// Its beginning, at most [`MAX_CUT_BYTES`].
    pub kept: Vec<u8>,
    /// Its bytes, line end not counted.
    pub length: u64,
}

impl<R: Read> TextInput<R> {
    /// Reads the beginning, goes over a byte order mark, and refuses what is no text.
    pub fn open(input: R, compression: Compression) -> Result<Self, DecodeError> {
        let mut text = Self {
            input,
            compression,
            rest: Vec::new(),
            ended: false,
            offset: 0,
        };
        text.fill(BLOCK_BYTES)?;
        refuse_other_formats(&text.rest)?;
        if text.rest.starts_with(BYTE_ORDER_MARK) {
            text.consume(BYTE_ORDER_MARK.len());
        }
        Ok(text)
    }

    /// What was read and not used yet.
    pub fn rest(&self) -> &[u8] {
        &self.rest
    }

    /// The same, to be swapped for a block's: what the caller does not use it gives back.
    pub fn rest_mut(&mut self) -> &mut Vec<u8> {
        &mut self.rest
    }

    /// Nothing comes behind [`TextInput::rest`].
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Where [`TextInput::rest`] begins in the decompressed object.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads until the rest has `wanted` bytes, or the input ends.
    pub fn fill(&mut self, wanted: usize) -> Result<(), DecodeError> {
        let missing = wanted.saturating_sub(self.rest.len());
        if self.ended || missing == 0 {
            return Ok(());
        }
        let read = (&mut self.input).take(missing as u64).read_to_end(&mut self.rest);
        let read = read.map_err(|error| read_error(self.compression, self.offset + self.rest.len() as u64, error))?;
        self.ended = read < missing;
        Ok(())
    }

    /// The first bytes of the rest are used.
    pub fn consume(&mut self, bytes: usize) {
        self.rest.drain(..bytes);
        self.offset += bytes as u64;
    }

    /// Bytes were used that the caller had swapped out.
    pub fn advance(&mut self, bytes: usize) {
        self.offset += bytes as u64;
    }

    /// Puts the first bytes of the rest in place of what `into` holds, mostly without a copy.
    pub fn take(&mut self, bytes: usize, into: &mut Vec<u8>) {
        std::mem::swap(into, &mut self.rest);
        self.rest.clear();
        self.rest.extend_from_slice(&into[bytes..]);
        into.truncate(bytes);
        self.advance(bytes);
    }

    /// Goes over everything that is left; keeps its beginning.
    pub fn cut_rest(&mut self) -> Result<CutLine, DecodeError> {
        let begun = self.offset;
        let kept = self.rest[..self.rest.len().min(MAX_CUT_BYTES)].to_vec();
        while !(self.ended && self.rest.is_empty()) {
            self.consume(self.rest.len());
            self.fill(BLOCK_BYTES)?;
        }
        let length = self.offset - begun;
        Ok(CutLine { kept, length })
    }

    /// Goes over the next line, however long; keeps its beginning.
    pub fn cut_line(&mut self) -> Result<CutLine, DecodeError> {
        let end = memchr(b'\n', &self.rest).unwrap_or(self.rest.len());
        let kept = self.rest[..end.min(MAX_CUT_BYTES)].to_vec();
        let mut length = 0;
        loop {
            let end = memchr(b'\n', &self.rest);
            length += end.unwrap_or(self.rest.len()) as u64;
            self.consume(end.map_or(self.rest.len(), |end| end + 1));
            if end.is_some() || self.ended {
                return Ok(CutLine { kept, length });
            }
            self.fill(BLOCK_BYTES)?;
        }
    }
}

/// Refuses what is no text: known formats by their first bytes, others by NUL bytes.
fn refuse_other_formats(beginning: &[u8]) -> Result<(), ObjectReject> {
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

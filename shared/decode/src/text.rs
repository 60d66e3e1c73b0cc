//! Text as it comes in: read ahead as far as a record needs, cut into blocks at places that do not depend on how it arrives.

use crate::{
    BLOCK_BYTES, binary,
    compression::{Compression, MAX_MAGIC_BYTES, known_format, read_error},
    encoding::{self, Decoding, MAX_MARK_BYTES, Transcoder, source_length},
    reject::{DecodeError, ObjectReject, Reason, shown},
};
use memchr::memchr;
use std::io::Read;
use watershed_contract::Encoding;

/// U+FEFF in UTF-8: may stand before the text, and is none of it.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Bytes of a record that is too long that are kept.
pub const MAX_CUT_BYTES: usize = 64 * 1024;

/// First bytes that are looked at before they are taken for text.
const BEGINNING_BYTES: usize = if MAX_MAGIC_BYTES > MAX_MARK_BYTES {
    MAX_MAGIC_BYTES
} else {
    MAX_MARK_BYTES
};

/// Decompressed text of an object, as UTF-8.
pub struct TextInput<R> {
    input: Input<R>,
    compression: Compression,
    encoding: Encoding,
    rest: Vec<u8>,
    ended: bool,
    offset: u64,
}

enum Input<R> {
    Utf8(R),
    Other(Box<Transcoder<R>>),
}

/// The first line of a record that is too long.
pub struct CutLine {
    /// Its beginning, at most [`MAX_CUT_BYTES`].
    pub kept: Vec<u8>,
    /// Its bytes in the object, line end not counted.
    pub length: u64,
}

impl<R: Read> TextInput<R> {
    /// Reads the beginning, goes over a byte order mark, and refuses what is no text, or none of that encoding.
    pub fn open(mut input: R, compression: Compression, encoding: Encoding) -> Result<Self, DecodeError> {
        let mut beginning = Vec::with_capacity(BEGINNING_BYTES);
        let read = (&mut input).take(BEGINNING_BYTES as u64).read_to_end(&mut beginning);
        read.map_err(|error| read_error(compression, beginning.len() as u64, error))?;
        refuse_other_formats(&beginning)?;
        let encoding = encoding::told(encoding, &beginning)?;
        let (input, rest) = match Decoding::of(encoding) {
            None => (Input::Utf8(input), beginning),
            Some(decoding) => {
                let transcoder = Transcoder::new(beginning, input, decoding);
                (Input::Other(Box::new(transcoder)), Vec::new())
            }
        };
        let mut text = Self {
            input,
            compression,
            encoding,
            rest,
            ended: false,
            offset: 0,
        };
        text.fill(BLOCK_BYTES)?;
        refuse_binary(&text.rest, encoding)?;
        if text.rest.starts_with(BYTE_ORDER_MARK) {
            text.consume(BYTE_ORDER_MARK.len());
        }
        Ok(text)
    }

    /// The same text, read on from a line's beginning: `input` gives what stands at `offset` of the decompressed object.
    pub fn resume(self, input: R, compression: Compression, offset: u64) -> Self {
        let input = match Decoding::of(self.encoding) {
            None => Input::Utf8(input),
            Some(decoding) => Input::Other(Box::new(Transcoder::new(Vec::new(), input, decoding))),
        };
        Self {
            input,
            compression,
            encoding: self.encoding,
            rest: Vec::new(),
            ended: false,
            offset,
        }
    }

    /// What was read and not used yet.
    pub fn rest(&self) -> &[u8] {
        &self.rest
    }

    /// The same, to be swapped for a block's: what the caller does not use it gives back.
    pub fn rest_mut(&mut self) -> &mut Vec<u8> {
        &mut self.rest
    }

    /// What the object is encoded in.
    pub fn encoding(&self) -> Encoding {
        self.encoding
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
        let read = match &mut self.input {
            Input::Utf8(input) => input.take(missing as u64).read_to_end(&mut self.rest),
            Input::Other(input) => input.take(missing as u64).read_to_end(&mut self.rest),
        };
        self.ended = read.map_err(|error| read_error(self.compression, self.taken(), error))? < missing;
        Ok(())
    }

    /// Bytes that were read of the decompressed object.
    fn taken(&self) -> u64 {
        match &self.input {
            Input::Utf8(_) => self.offset + self.rest.len() as u64,
            Input::Other(input) => input.taken(),
        }
    }

    /// The first bytes of the rest are used.
    pub fn consume(&mut self, bytes: usize) {
        self.offset += source_length(self.encoding, &self.rest[..bytes]);
        self.rest.drain(..bytes);
    }

    /// This was used, which the caller had swapped out.
    pub fn advance(&mut self, used: &[u8]) {
        self.offset += source_length(self.encoding, used);
    }

    /// Puts the first bytes of the rest in place of what `into` holds, mostly without a copy.
    pub fn take(&mut self, bytes: usize, into: &mut Vec<u8>) {
        std::mem::swap(into, &mut self.rest);
        self.rest.clear();
        self.rest.extend_from_slice(&into[bytes..]);
        into.truncate(bytes);
        self.advance(into);
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
    pub fn cut_line(&mut self, line_end: u8) -> Result<CutLine, DecodeError> {
        let end = memchr(line_end, &self.rest).unwrap_or(self.rest.len());
        let kept = self.rest[..end.min(MAX_CUT_BYTES)].to_vec();
        let mut length = 0;
        loop {
            let end = memchr(line_end, &self.rest);
            length += source_length(self.encoding, &self.rest[..end.unwrap_or(self.rest.len())]);
            self.consume(end.map_or(self.rest.len(), |end| end + 1));
            if end.is_some() || self.ended {
                return Ok(CutLine { kept, length });
            }
            self.fill(BLOCK_BYTES)?;
        }
    }
}

/// Refuses what is no text, by its first bytes.
fn refuse_other_formats(beginning: &[u8]) -> Result<(), ObjectReject> {
    let Some(name) = known_format(beginning) else {
        return Ok(());
    };
    let message =
        format!("the object is {name}, the contract says text: send it in the contract's format, or mend the contract");
    Err(ObjectReject::safe(Reason::WrongFormat, message))
}

/// Refuses what is no text, by its control characters.
fn refuse_binary(beginning: &[u8], encoding: Encoding) -> Result<(), ObjectReject> {
    let is_utf16 = matches!(encoding, Encoding::Utf16 | Encoding::Utf16Le | Encoding::Utf16Be);
    if let Some(encoding) = encoding::guessed(beginning).filter(|_| !is_utf16) {
        let message = format!(
            "the object has a NUL byte beside every letter, as UTF-16 has: write `encoding: {}` in the contract, or save the \
             object as UTF-8",
            encoding.name()
        );
        return Err(ObjectReject::safe(Reason::Encoding, message));
    }
    let Some(what) = binary::found(beginning) else {
        return Ok(());
    };
    let what = format!("the object is not text: {what}");
    let message = format!("{what}; begins {}", shown(beginning));
    Err(ObjectReject::new(Reason::WrongFormat, message).without(what))
}

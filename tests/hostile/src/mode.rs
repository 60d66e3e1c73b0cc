//! How the bytes of an input become an object.

use std::io::{Read, Write};

/// Longest object that is looked at, decompressed, in bytes: larger ones are for tests of their own.
pub const MAX_OBJECT_BYTES: usize = 4 << 20;

/// What is done with the object before it is read. Inputs are bytes of the object as a decoder sees them, so that a fuzzer gets behind
/// checksums; or the compressed bytes, as they are.
#[derive(Debug, Clone, Copy)]
pub struct Mode {
    compression: u8,
    /// The object comes in pieces of a few bytes.
    pub in_pieces: bool,
}

impl Mode {
    /// Of the byte that says it. `@`: as it is; `A`: gzip; `B`: two members of gzip; `C`: zstd; and the next four in pieces.
    pub fn of(byte: u8) -> Self {
        Self {
            compression: byte & 3,
            in_pieces: byte & 4 != 0,
        }
    }

    /// The object.
    pub fn object(self, bytes: &[u8]) -> Vec<u8> {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        match self.compression {
            0 => bytes.to_vec(),
            1 => gzip(bytes),
            2 => [gzip(first), gzip(second)].concat(),
            _ => zstd::encode_all(bytes, 1).expect("memory can be written to"),
        }
    }

    /// Reads `object`: at once, or in pieces.
    pub fn reader(self, object: &[u8]) -> impl Read + Send + '_ {
        Pieces {
            bytes: object,
            last: if self.in_pieces { 1 } else { usize::MAX },
        }
    }
}

/// RFC 1952.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory can be written to");
    encoder.finish().expect("memory can be written to")
}

struct Pieces<'a> {
    bytes: &'a [u8],
    /// Length of the last piece.
    last: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.last != usize::MAX {
            self.last = self.last * 5 % 23 + 1;
        }
        let length = self.last.min(buffer.len()).min(self.bytes.len());
        buffer[..length].copy_from_slice(&self.bytes[..length]);
        self.bytes = &self.bytes[length..];
        Ok(length)
    }
}

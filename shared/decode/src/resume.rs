//! Text that is read in pieces: each begins where a record does, by a reader that has seen the object's beginning.

pub use crate::ranges::Lines as LineRange;

use crate::{blocks::Blocks, compression::Compression};

/// Where a record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its first byte in the decompressed object.
    pub offset: u64,
    /// Its line, from 1; or from 0, where the lines before the piece are not known.
    pub line: u64,
}

/// A reader that goes on at another place of its object. What it knows of the beginning (header, encoding, line ends) it keeps, so that
/// records come out of pieces as they do of the whole.
pub trait Resume<R>: Blocks + Sized {
    /// The same reader over `input`, which gives what stands at `at`; `compression` is what `input` was made of.
    #[must_use]
    fn resume(self, input: R, compression: Compression, at: Place) -> Self;

    /// Where the next block begins: a record does.
    fn place(&self) -> Place;
}

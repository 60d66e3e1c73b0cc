//! Whole lines of a range of bytes.

use memchr::memchr;
use std::io::{self, Read};

/// Bytes that are looked through at a time for the first line.
const BUFFER_BYTES: usize = 64 * 1024;

/// The lines that begin in a range: every line of an object is of exactly one of the ranges that it is cut into. Of encodings in which
/// a byte `\n` is a line end and nothing else.
pub struct Lines<R> {
    input: R,
    /// Where what `input` gives next stands in the object.
    offset: u64,
    /// Ranges are of bytes before this one.
    end: u64,
    /// Bytes of the first line that were read while its beginning was looked for.
    found: Vec<u8>,
    ended: bool,
}

impl<R: Read> Lines<R> {
    /// The lines that begin in `begins..end`, where one begins at `begins`; `input` gives the object from there.
    pub fn from(input: R, begins: u64, end: u64) -> Self {
        Self {
            input,
            offset: begins,
            end,
            found: Vec::new(),
            ended: begins >= end,
        }
    }

    /// The lines that begin in `start..end`, and where the first of them does; of no meaning, where there is none. `input` gives the
    /// object from [`Lines::opens_at`] `start`.
    pub fn within(input: R, start: u64, end: u64) -> io::Result<(Self, u64)> {
        let mut lines = Self::from(input, Self::opens_at(start), end);
        if start > 0 && !lines.ended {
            lines.find()?;
        }
        let begins = lines.offset - lines.found.len() as u64;
        Ok((lines, begins))
    }

    /// Where `input` must begin: a line begins at `start` if the byte before it is a line end.
    pub fn opens_at(start: u64) -> u64 {
        start.saturating_sub(1)
    }

    /// Goes over the line that the range begins in.
    fn find(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let read = self.fill(&mut buffer)?;
            if read == 0 {
                self.ended = true;
                return Ok(());
            }
            let Some(at) = memchr(b'\n', &buffer[..read]) else {
                continue;
            };
            let begins = self.offset - (read - at - 1) as u64;
            if begins >= self.end {
                self.offset = begins;
                self.ended = true;
                return Ok(());
            }
            let kept = self.kept(begins, &buffer[at + 1..read]);
            self.found = buffer[at + 1..][..kept].to_vec();
            self.offset = begins + kept as u64;
            return Ok(());
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.input.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => {
                    let read = other?;
                    self.offset += read as u64;
                    return Ok(read);
                }
            }
        }
    }

    /// How many of the bytes, which stand at `offset`, are of the range's lines. Notes the end.
    fn kept(&mut self, offset: u64, bytes: &[u8]) -> usize {
        // The last line is the one that the last byte of the range is of.
        let from = (self.end - 1).saturating_sub(offset);
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let end = bytes.get(from..).and_then(|rest| memchr(b'\n', rest));
        match end {
            None => bytes.len(),
            Some(at) => {
                self.ended = true;
                from + at + 1
            }
        }
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.found.is_empty() {
            let length = self.found.len().min(buffer.len());
            buffer[..length].copy_from_slice(&self.found[..length]);
            self.found.drain(..length);
            return Ok(length);
        }
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        let offset = self.offset;
        let read = self.fill(buffer)?;
        self.ended = read == 0;
        Ok(self.kept(offset, &buffer[..read]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A few bytes at a time.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(buffer.len()).min(self.0.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    proptest! {
        #[test]
        fn every_line_is_of_one_range(
            text in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'a'), Just(b'b')], 0..80),
            size in 1_usize..40,
            step in 1_usize..30,
        ) {
            let mut whole = Vec::new();
            for start in (0..text.len()).step_by(size) {
                let from = usize::try_from(Lines::<&[u8]>::opens_at(start as u64)).unwrap();
                let (mut lines, begins) = Lines::within(Dribble(&text[from..], step), start as u64, (start + size) as u64).unwrap();
                let mut of_range = Vec::new();
                lines.read_to_end(&mut of_range).unwrap();
                if !of_range.is_empty() {
                    prop_assert_eq!(begins, whole.len() as u64);
                    prop_assert!(start as u64 <= begins && begins < (start + size) as u64);
                }
                whole.extend(of_range);
            }
            prop_assert_eq!(whole, text);
        }
    }
}

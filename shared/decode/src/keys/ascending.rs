//! Keys that come in ascending order.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
};

/// Differences that are held before they go to the scratch file.
const BUFFER_BYTES: usize = 1 << 20;
/// Bytes of a difference at most (LEB128 of 128 bits).
const MAX_DIFFERENCE_BYTES: usize = 19;

/// Each key is greater than the one before: unique without a look at the others. They are noted down for the case that the
/// order ends.
#[derive(Default)]
pub struct Ascending {
    last: Option<u128>,
    /// Differences as LEB128: the first key, then each less the one before.
    buffer: Vec<u8>,
    spilled: Option<File>,
}

impl Ascending {
    /// False, and nothing is changed, where the key is not greater than the last.
    #[inline]
    pub fn push(&mut self, key: u128, scratch: &Path) -> io::Result<bool> {
        let difference = match self.last {
            Some(last) if key <= last => return Ok(false),
            Some(last) => key - last,
            None => key,
        };
        self.last = Some(key);
        self.note(difference);
        if self.buffer.len() > BUFFER_BYTES - MAX_DIFFERENCE_BYTES {
            self.spill(scratch)?;
        }
        Ok(true)
    }

    #[inline]
    fn note(&mut self, mut difference: u128) {
        while difference >= 0x80 {
            self.buffer.push(difference as u8 | 0x80);
            difference >>= 7;
        }
        self.buffer.push(difference as u8);
    }

    fn spill(&mut self, scratch: &Path) -> io::Result<()> {
        let file = match &mut self.spilled {
            Some(file) => file,
            none => {
                let path = scratch.join("keys-ascending");
                let file = File::options().read(true).write(true).create_new(true).open(&path)?;
                // Without a name nothing stays behind, whatever happens.
                std::fs::remove_file(&path)?;
                none.insert(file)
            }
        };
        file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// The keys, in order.
    pub fn replay(self, take: &mut dyn FnMut(u128) -> io::Result<()>) -> io::Result<()> {
        let spilled: Box<dyn Read> = match self.spilled {
            Some(mut file) => {
                file.seek(SeekFrom::Start(0))?;
                Box::new(BufReader::with_capacity(BUFFER_BYTES, file))
            }
            None => Box::new(io::empty()),
        };
        let mut key = 0;
        let (mut difference, mut shift) = (0_u128, 0);
        let mut bytes = BufReader::new(spilled.chain(&self.buffer[..])).bytes();
        while let Some(byte) = bytes.next().transpose()? {
            difference |= u128::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                key += difference;
                take(key)?;
                (difference, shift) = (0, 0);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_down_is_read_back() {
        let scratch = tempfile::tempdir().unwrap();
        let keys: Vec<u128> = (0..400_000_u128).map(|n| n << 40).chain([u128::MAX]).collect();
        let mut ascending = Ascending::default();
        for key in &keys {
            assert!(ascending.push(*key, scratch.path()).unwrap());
        }
        assert!(!ascending.push(7, scratch.path()).unwrap());
        assert!(ascending.spilled.is_some());
        let mut found = Vec::new();
        let replayed = ascending.replay(&mut |key| {
            found.push(key);
            Ok(())
        });
        replayed.unwrap();
        assert!(found == keys);
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
    }
}

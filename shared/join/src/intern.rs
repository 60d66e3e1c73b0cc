//! Values as dense numbers, in the order in which they first came.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// The number of a value that is null, or is not there.
pub(crate) const NONE: u32 = u32::MAX;

/// A value. Short ones are numbers: neither their hash nor their comparison reads memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key<'a> {
    Word(u64),
    Wide(u128),
    Long(&'a [u8]),
}

impl<'a> Key<'a> {
    pub(crate) fn number(value: i128) -> Self {
        i64::try_from(value).map_or(Self::Wide(value as u128), |value| Self::Word(value as u64))
    }

    /// Up to seven bytes and their count are a word, up to fifteen a wide one. Each byte is read once or twice, by loads of a fixed
    /// size that overlap: a copy of so few bytes would take longer.
    #[inline]
    pub(crate) fn bytes(bytes: &'a [u8]) -> Self {
        let length = bytes.len();
        match length {
            0 => Self::Word(0),
            1..=3 => {
                let at = |at: usize| u64::from(bytes[at]) << (8 * at);
                Self::Word(at(0) | at(length / 2) | at(length - 1) | (length as u64) << 56)
            }
            4..=7 => {
                let (first, last) = (&bytes[..4], &bytes[length - 4..]);
                Self::Word(u64::from(four(first)) | u64::from(four(last)) << (8 * (length - 4)) | (length as u64) << 56)
            }
            8..=15 => {
                let (first, last) = (&bytes[..8], &bytes[length - 8..]);
                let text = u128::from(eight(first)) | u128::from(eight(last)) << (8 * (length - 8));
                Self::Wide(text | (length as u128) << 120)
            }
            _ => Self::Long(bytes),
        }
    }
}

fn four(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn eight(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// A long value: its bytes lie in the interner's, from `start`.
#[derive(Debug)]
struct Long {
    start: usize,
    length: usize,
    number: u32,
}

/// The values of a column. The hash has a seed of its own in each: whoever writes a reference cannot make its values collide. What
/// comes out does not hang on it.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    hasher: RandomState,
    words: HashTable<(u64, u32)>,
    wide: HashTable<(u128, u32)>,
    long: HashTable<Long>,
    bytes: Vec<u8>,
    count: u32,
}

impl Interner {
    /// How many values there are: each has a number below that.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.words.allocation_size() + self.wide.allocation_size() + self.long.allocation_size() + self.bytes.capacity()
    }

    /// The number of a value, or [`NONE`].
    #[inline]
    pub(crate) fn find(&self, key: Key<'_>) -> u32 {
        match key {
            Key::Word(word) => self
                .words
                .find(self.hasher.hash_one(word), |(known, _)| *known == word)
                .map_or(NONE, |(_, number)| *number),
            Key::Wide(wide) => self
                .wide
                .find(self.hasher.hash_one(wide), |(known, _)| *known == wide)
                .map_or(NONE, |(_, number)| *number),
            Key::Long(text) => self
                .long
                .find(self.hasher.hash_one(text), |long| long.of(&self.bytes) == text)
                .map_or(NONE, |long| long.number),
        }
    }

    /// The number of a value, a new one if it has none yet. There are fewer values than [`NONE`]: the caller bounds its rows.
    pub(crate) fn intern(&mut self, key: Key<'_>) -> u32 {
        let known = self.find(key);
        if known != NONE {
            return known;
        }
        let (number, hasher) = (self.count, &self.hasher);
        self.count += 1;
        match key {
            Key::Word(word) => {
                let rehash = |(word, _): &(u64, u32)| hasher.hash_one(*word);
                self.words.insert_unique(hasher.hash_one(word), (word, number), rehash);
            }
            Key::Wide(wide) => {
                let rehash = |(wide, _): &(u128, u32)| hasher.hash_one(*wide);
                self.wide.insert_unique(hasher.hash_one(wide), (wide, number), rehash);
            }
            Key::Long(text) => {
                let (start, length) = (self.bytes.len(), text.len());
                self.bytes.extend_from_slice(text);
                let bytes = &self.bytes;
                let rehash = |long: &Long| hasher.hash_one(long.of(bytes));
                let long = Long { start, length, number };
                self.long.insert_unique(hasher.hash_one(text), long, rehash);
            }
        }
        number
    }

    /// No more values come.
    pub(crate) fn finish(&mut self) {
        let hasher = &self.hasher;
        self.words.shrink_to_fit(|(word, _)| hasher.hash_one(*word));
        self.wide.shrink_to_fit(|(wide, _)| hasher.hash_one(*wide));
        let bytes = &self.bytes;
        self.long.shrink_to_fit(|long| hasher.hash_one(long.of(bytes)));
        self.bytes.shrink_to_fit();
    }
}

impl Long {
    fn of<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        &bytes[self.start..self.start + self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn texts_of_every_length_are_told_apart() {
        // Lengths around each class, and zeros: a text and the same with a zero behind it are two.
        let mut texts: Vec<Vec<u8>> = vec![];
        for length in 0..20 {
            texts.push(vec![0; length]);
            for at in 0..length {
                let mut text = vec![0; length];
                text[at] = 1;
                texts.push(text);
            }
        }
        let mut interner = Interner::default();
        let numbers: HashMap<u32, &Vec<u8>> = texts
            .iter()
            .map(|text| (interner.intern(Key::bytes(text)), text))
            .collect();
        assert_eq!(numbers.len(), texts.len());
        interner.finish();
        for (number, text) in &numbers {
            assert_eq!(interner.find(Key::bytes(text)), *number);
        }
        assert_eq!(interner.find(Key::bytes(b"not there")), NONE);
    }
}

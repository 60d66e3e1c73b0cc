//! A set of words, for the question whether a value is one of them.

use std::{collections::HashSet, ops::Range};

/// Words that are compared one after the other, rather than hashed.
const MAX_COMPARED: usize = 16;
/// Bytes of a word that is compared as one number: the sixteenth holds its length.
const MAX_SHORT_BYTES: usize = 15;

/// Mostly an enumeration of a few short words.
#[derive(Debug, Clone)]
pub enum Words {
    /// Few and short, as numbers.
    Short(Vec<u128>),
    /// Any others.
    Any(HashSet<Vec<u8>>),
}

impl Words {
    /// Of these.
    pub fn new<'a>(words: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        let short: Option<Vec<u128>> = words.clone().map(|word| packed(word, 0..word.len())).collect();
        match short.filter(|short| short.len() <= MAX_COMPARED) {
            Some(short) => Self::Short(short),
            None => Self::Any(words.map(<[u8]>::to_vec).collect()),
        }
    }

    /// True for the empty set.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Short(words) => words.is_empty(),
            Self::Any(words) => words.is_empty(),
        }
    }

    /// Whether the value `around[range]` is one of them.
    #[inline]
    pub fn contain(&self, around: &[u8], range: Range<usize>) -> bool {
        match self {
            Self::Short(words) => packed(around, range).is_some_and(|value| words.contains(&value)),
            Self::Any(words) => words.contains(&around[range]),
        }
    }
}

/// The word `around[range]` and its length in one number. What is behind it makes a load of a fixed width possible.
#[inline]
fn packed(around: &[u8], range: Range<usize>) -> Option<u128> {
    let length = range.len();
    if length > MAX_SHORT_BYTES {
        return None;
    }
    let word = if let Some(bytes) = around[range.start..].first_chunk() {
        u128::from_le_bytes(*bytes) & ((1 << (length * 8)) - 1)
    } else {
        let mut bytes = [0; 16];
        bytes[..length].copy_from_slice(&around[range]);
        u128::from_le_bytes(bytes)
    };
    Some(word | (length as u128) << (MAX_SHORT_BYTES * 8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn are_a_set(words in proptest::collection::vec("[ab\0]{0,17}", 0..20), value in "[ab\0]{0,17}") {
            let set = Words::new(words.iter().map(String::as_bytes));
            prop_assert_eq!(set.is_empty(), words.is_empty());
            let contain = |value: &str| {
                let around = format!("b{value}a\0b").repeat(2);
                let alone = set.contain(value.as_bytes(), 0..value.len());
                prop_assert_eq!(set.contain(around.as_bytes(), 1..1 + value.len()), alone);
                Ok(alone)
            };
            prop_assert_eq!(contain(&value)?, words.contains(&value));
            for word in &words {
                prop_assert!(contain(word)?);
            }
        }
    }
}

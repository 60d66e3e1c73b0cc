//! A set of words, for the question whether a value is one of them.

use std::collections::HashSet;

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
        let short: Option<Vec<u128>> = words.clone().map(packed).collect();
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

    /// Whether the value is one of them.
    #[inline]
    pub fn contain(&self, value: &[u8]) -> bool {
        match self {
            Self::Short(words) => packed(value).is_some_and(|value| words.contains(&value)),
            Self::Any(words) => words.contains(value),
        }
    }
}

/// The word and its length in one number.
#[inline]
fn packed(word: &[u8]) -> Option<u128> {
    if let [byte] = word {
        return Some(u128::from(*byte) | 1 << 120);
    }
    if word.len() > MAX_SHORT_BYTES {
        return None;
    }
    let mut bytes = [0; 16];
    bytes[..word.len()].copy_from_slice(word);
    bytes[MAX_SHORT_BYTES] = word.len() as u8;
    Some(u128::from_le_bytes(bytes))
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
            prop_assert_eq!(set.contain(value.as_bytes()), words.contains(&value));
            prop_assert!(words.iter().all(|word| set.contain(word.as_bytes())));
        }
    }
}

//! Whether the keys of a part ascend, and from where to where.

use std::{fmt, num::ParseIntError, str::FromStr};

/// The first and the last of keys that ascend. Its text is that of two numbers; keys compare as rows do, and are no digests of
/// hidden values: columns that are hidden are texts, whose keys do not compare ([`super::compare`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRange {
    /// The first.
    pub first: u128,
    /// The last.
    pub last: u128,
}

/// A key is not greater than the one before it: whether it is unique is for a look at all of them to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its primary keys do not ascend")]
pub struct NotAscending;

impl fmt::Display for KeyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.first, self.last)
    }
}

impl FromStr for KeyRange {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let (first, last) = text.split_once('-').unwrap_or((text, ""));
        Ok(Self {
            first: u128::from_str_radix(first, 16)?,
            last: u128::from_str_radix(last, 16)?,
        })
    }
}

/// Keys as they come.
#[derive(Debug, Default)]
pub struct InOrder {
    range: Option<KeyRange>,
    broken: bool,
}

impl InOrder {
    /// The next key.
    #[inline]
    pub fn push(&mut self, key: u128) {
        match &mut self.range {
            None => self.range = Some(KeyRange { first: key, last: key }),
            Some(range) => {
                self.broken |= key <= range.last;
                range.last = key;
            }
        }
    }

    /// From where to where they ascend, if they do.
    pub fn range(&self) -> Result<Option<KeyRange>, NotAscending> {
        if self.broken { Err(NotAscending) } else { Ok(self.range) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ascend_or_they_do_not() {
        let range = |keys: &[u128]| {
            let mut order = InOrder::default();
            for key in keys {
                order.push(*key);
            }
            order.range()
        };
        assert_eq!(range(&[]), Ok(None));
        let all = KeyRange {
            first: 0,
            last: u128::MAX,
        };
        assert_eq!(range(&[0, 1, u128::MAX]), Ok(Some(all)));
        assert_eq!(range(&[2, 2, 3]), Err(NotAscending));
        assert_eq!(range(&[2, 1, 3]), Err(NotAscending));
        assert_eq!(all.to_string().parse(), Ok(all));
        assert!("7".parse::<KeyRange>().is_err());
    }
}

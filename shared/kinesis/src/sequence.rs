//! Sequence numbers.

use std::fmt;

/// Digits of a sequence number that are told apart. Kinesis gives 56; its API takes up to 129 (Amazon Kinesis Data Streams API
/// Reference, "Record").
pub const MAX_SEQUENCE_DIGITS: usize = 2 * LIMB_DIGITS;
/// Decimal digits of which every number has 128 bits.
const LIMB_DIGITS: usize = 38;

/// A sequence number: a decimal number of up to [`MAX_SEQUENCE_DIGITS`] digits. Within a shard later records have higher ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence {
    /// The digits before the last 38.
    pub high: u128,
    /// The last 38 digits.
    pub low: u128,
}

impl Sequence {
    /// None where it is no decimal number, or one of more digits.
    pub fn parse(text: &str) -> Option<Self> {
        Self::of_digits(text.as_bytes())
    }

    /// The same of bytes.
    pub(crate) fn of_digits(digits: &[u8]) -> Option<Self> {
        if digits.is_empty() || digits.len() > MAX_SEQUENCE_DIGITS {
            return None;
        }
        let (high, low) = digits.split_at(digits.len().saturating_sub(LIMB_DIGITS));
        Some(Self {
            high: limb(high)?,
            low: limb(low)?,
        })
    }
}

/// Two halves of 64 bits each: that is one wide multiplication, and not one a digit.
fn limb(digits: &[u8]) -> Option<u128> {
    const HALF_DIGITS: usize = LIMB_DIGITS / 2;
    let half = |digits: &[u8]| {
        digits.iter().try_fold(0_u64, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0'))
        })
    };
    let (high, low) = digits.split_at(digits.len().saturating_sub(HALF_DIGITS));
    Some(u128::from(half(high)?) * 10_u128.pow(HALF_DIGITS as u32) + u128::from(half(low)?))
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.high {
            0 => write!(f, "{}", self.low),
            high => write!(f, "{high}{:0LIMB_DIGITS$}", self.low),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_numbers_are_numbers() {
        for text in [
            "",
            "-1",
            "1.0",
            "4959033827149025660855969253836157109592157598913658889a",
            "٣",
            &"9".repeat(77),
        ] {
            assert_eq!(Sequence::parse(text), None, "{text}");
        }
        assert_eq!(
            Sequence::parse(&"9".repeat(76)).map(|most| most.to_string()),
            Some("9".repeat(76))
        );
        assert_eq!(Sequence::parse("0"), Some(Sequence::default()));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn they_are_written_as_they_were_and_ordered_as_numbers(a in "[1-9][0-9]{0,75}", b in "[1-9][0-9]{0,75}") {
            let (left, right) = (Sequence::parse(&a).unwrap(), Sequence::parse(&b).unwrap());
            prop_assert_eq!(left.to_string(), a.clone());
            prop_assert_eq!(left.cmp(&right), (a.len(), a).cmp(&(b.len(), b)));
        }
    }
}

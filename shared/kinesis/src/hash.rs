//! Which shard a key belongs to.

use md5::{Digest, Md5};

/// The hash key of a partition key: its MD5, as a number (Amazon Kinesis Data Streams Developer Guide, "Partition key").
pub fn hash_key(partition_key: &[u8]) -> u128 {
    u128::from_be_bytes(Md5::digest(partition_key).into())
}

/// The hash keys of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashRange {
    /// The first.
    pub first: u128,
    /// The last.
    pub last: u128,
}

impl HashRange {
    /// As `ListShards` writes it (`HashKeyRange`): two decimal numbers. None where they are none, or in the wrong order.
    pub fn parse(starting: &str, ending: &str) -> Option<Self> {
        let (first, last) = (starting.parse().ok()?, ending.parse().ok()?);
        (first <= last).then_some(Self { first, last })
    }

    /// Whether the shard takes records of the hash key.
    pub fn holds(self, hash_key: u128) -> bool {
        (self.first..=self.last).contains(&hash_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lie_where_kinesis_puts_them() {
        // RFC 1321, "Test suite".
        assert_eq!(hash_key(b""), 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e);
        assert_eq!(hash_key(b"abc"), 0x9001_5098_3cd2_4fb0_d696_3f7d_28e1_7f72);
        let half = HashRange::parse("0", "170141183460469231731687303715884105727").expect("the lower half");
        assert!(half.holds(0) && half.holds(u128::MAX / 2) && !half.holds(hash_key(b"abc")));
        assert_eq!(HashRange::parse("2", "1"), None);
        assert_eq!(HashRange::parse("0", "340282366920938463463374607431768211456"), None);
    }
}

//! The 32-bit hash that Iceberg's bucket transform is defined by.

/// Murmur3, x86 variant, 32 bits, seed 0 (Iceberg specification, Appendix B: "32-bit Hash Requirements").
pub fn murmur3_32(bytes: &[u8]) -> u32 {
    const C1: u32 = 0xcc9e_2d51;
    const C2: u32 = 0x1b87_3593;
    let mix = |k: u32| k.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2);
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = 0_u32;
    for block in blocks {
        hash ^= mix(u32::from_le_bytes(*block));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        let mut last = [0; 4];
        last[..tail.len()].copy_from_slice(tail);
        hash ^= mix(u32::from_le_bytes(last));
    }
    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// Integers of any width, dates, times and timestamps hash as a long in little endian.
pub fn hash_long(value: i64) -> u32 {
    murmur3_32(&value.to_le_bytes())
}

/// Decimals hash as the fewest big-endian bytes of the unscaled value in two's complement.
pub fn hash_decimal(unscaled: i128) -> u32 {
    let bytes = unscaled.to_be_bytes();
    let sign = if unscaled < 0 { 0xff } else { 0 };
    let mut start = 0;
    while start < bytes.len() - 1 && bytes[start] == sign && (bytes[start + 1] ^ sign) & 0x80 == 0 {
        start += 1;
    }
    murmur3_32(&bytes[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of Iceberg's Appendix B.
    #[test]
    fn the_examples_of_the_specification() {
        assert_eq!(hash_long(34) as i32, 2_017_239_379);
        assert_eq!(hash_decimal(1420) as i32, -500_754_589);
        assert_eq!(hash_long(17_486) as i32, -653_330_422, "date 2017-11-16");
        assert_eq!(hash_long(81_068_000_000) as i32, -662_762_989, "time 22:31:08");
        assert_eq!(
            hash_long(1_510_871_468_000_000) as i32,
            -2_047_944_441,
            "timestamp 2017-11-16T22:31:08"
        );
        assert_eq!(
            hash_long(1_510_871_468_000_001) as i32,
            -1_207_196_810,
            "timestamp 2017-11-16T22:31:08.000001"
        );
        assert_eq!(murmur3_32(b"iceberg") as i32, 1_210_000_089);
        assert_eq!(murmur3_32(&[0, 1, 2, 3]) as i32, -188_683_207);
    }

    /// SMHasher's verification of murmur3_x86_32: hashes keys of every tail length.
    #[test]
    fn short_keys() {
        assert_eq!(murmur3_32(b""), 0);
        assert_eq!(murmur3_32(b"\0"), 0x514E_28B7);
        assert_eq!(murmur3_32(b"\0\0"), 0x30F4_C306);
        assert_eq!(murmur3_32(b"\0\0\0"), 0x85F0_B427);
        assert_eq!(murmur3_32(&[0x21, 0x43, 0x65, 0x87]), 0xF55B_516B);
    }

    #[test]
    fn decimals_are_cut_to_their_fewest_bytes() {
        for (value, bytes) in [
            (0_i128, &[0_u8][..]),
            (-1, &[0xff]),
            (127, &[0x7f]),
            (128, &[0, 0x80]),
            (-128, &[0x80]),
            (-129, &[0xff, 0x7f]),
            (i128::MAX, &i128::MAX.to_be_bytes()),
        ] {
            assert_eq!(hash_decimal(value), murmur3_32(bytes), "{value}");
        }
    }
}

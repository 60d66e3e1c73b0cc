//! Integers of variable length: seven bits a byte, the low ones first.

/// Bytes of the longest: 128 bits.
const MAX_BYTES: usize = 19;

#[inline]
pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Small numbers of either sign are short.
#[inline]
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

#[inline]
pub(super) fn put_wide(out: &mut Vec<u8>, value: i128) {
    let mut value = ((value << 1) ^ (value >> 127)).cast_unsigned();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// None: the bytes end before it does, or it has more than 128 bits. What is left of `bytes` stands behind it.
pub(super) fn get(bytes: &mut &[u8]) -> Option<u128> {
    let mut value = 0_u128;
    for at in 0..MAX_BYTES {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u128::from(byte & 0x7f);
        if at == MAX_BYTES - 1 && bits > 0b11 {
            return None;
        }
        value |= bits << (7 * at);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

pub(super) fn get_signed(bytes: &mut &[u8]) -> Option<i128> {
    let value = get(bytes)?;
    Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

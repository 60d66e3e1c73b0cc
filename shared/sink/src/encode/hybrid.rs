//! Small numbers in few bits: runs of one value, and else eight at a time (Apache Parquet format, "Run Length Encoding /
//! Bit-Packing Hybrid").

/// Numbers that are packed together.
const GROUP: usize = 8;
/// Equal numbers that are better told as a run. Fewer would break a row of packed groups for nothing.
const MIN_RUN: usize = 16;
/// Widest number.
pub const MAX_WIDTH: u8 = 32;

/// Bits that numbers up to `max` need.
pub fn width(max: u32) -> u8 {
    (u32::BITS - max.leading_zeros()) as u8
}

/// Appends `values`, each of at most `width` bits.
pub fn encode(values: &[u32], width: u8, out: &mut Vec<u8>) {
    debug_assert!(width <= MAX_WIDTH, "a number has at most 32 bits");
    // From `packed` to `at` are whole groups that wait to be packed.
    let (mut packed, mut at) = (0, 0);
    while at < values.len() {
        let first = values[at];
        let run = values[at..].iter().take_while(|value| **value == first).count();
        if run < MIN_RUN {
            // A run that begins inside a group is seen at the group's end.
            at = (at + run.next_multiple_of(GROUP)).min(values.len());
            continue;
        }
        pack(&values[packed..at], width, out);
        self::run(first, run, width, out);
        at += run;
        packed = at;
    }
    pack(&values[packed..], width, out);
}

/// Appends `value` so many times.
pub fn run(value: u32, times: usize, width: u8, out: &mut Vec<u8>) {
    varint((times << 1) as u32, out);
    out.extend_from_slice(&value.to_le_bytes()[..usize::from(width).div_ceil(8)]);
}

/// Whole groups; the last one is filled up with zeros.
fn pack(values: &[u32], width: u8, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    varint((values.len().div_ceil(GROUP) << 1 | 1) as u32, out);
    let mut groups = values.chunks_exact(GROUP);
    for group in &mut groups {
        pack_group(group.try_into().expect("eight"), width, out);
    }
    let rest = groups.remainder();
    if !rest.is_empty() {
        let mut group = [0; GROUP];
        group[..rest.len()].copy_from_slice(rest);
        pack_group(&group, width, out);
    }
}

#[inline]
fn pack_group(group: &[u32; GROUP], width: u8, out: &mut Vec<u8>) {
    let four = |values: &[u32]| {
        let shifted = values.iter().zip(0_u32..);
        shifted.fold(0_u128, |bits, (value, at)| {
            bits | u128::from(*value) << (at * u32::from(width))
        })
    };
    let end = out.len() + usize::from(width);
    if width <= 16 {
        let low = group[..4].iter().zip(0_u32..).fold(0_u64, |bits, (value, at)| {
            bits | u64::from(*value) << (at * u32::from(width))
        });
        let high = group[4..].iter().zip(0_u32..).fold(0_u64, |bits, (value, at)| {
            bits | u64::from(*value) << (at * u32::from(width))
        });
        let bits = u128::from(low) | u128::from(high) << (4 * u32::from(width));
        // A fixed number of bytes, and what is too much is dropped: no call for a copy of a few.
        out.extend_from_slice(&bits.to_le_bytes());
        out.truncate(end);
        return;
    }
    // Two halves of at most 16 bytes, which meet inside a byte where the width is odd.
    let (low, high) = (four(&group[..4]), four(&group[4..]));
    let half_bits = 4 * u32::from(width);
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&low.to_le_bytes());
    let (at, shift) = ((half_bits / 8) as usize, half_bits % 8);
    let joined = u128::from(bytes[at]) | high << shift;
    if at < 16 {
        bytes[at..at + 16].copy_from_slice(&joined.to_le_bytes());
    } else {
        bytes[16..].copy_from_slice(&high.to_le_bytes());
    }
    out.extend_from_slice(&bytes[..usize::from(width)]);
}

/// ULEB128.
fn varint(mut value: u32, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// After the text of the format, bit by bit.
    fn decode(mut bytes: &[u8], width: u8, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let (mut header, mut shift) = (0_u32, 0);
            loop {
                let (byte, rest) = bytes.split_first().unwrap();
                bytes = rest;
                header |= u32::from(byte & 0x7f) << shift;
                shift += 7;
                if *byte < 0x80 {
                    break;
                }
            }
            let (packed, length) = (header & 1 == 1, (header >> 1) as usize);
            let size = if packed {
                length * usize::from(width)
            } else {
                usize::from(width).div_ceil(8)
            };
            let (own, rest) = bytes.split_at(size);
            bytes = rest;
            let bit = |at: usize| u32::from(own[at / 8] >> (at % 8) & 1);
            let value = |first: usize| (0..usize::from(width)).fold(0, |value, n| value | bit(first + n) << n);
            let stored = if packed { length * GROUP } else { length };
            values.extend((0..stored).map(|n| {
                if packed {
                    value(n * usize::from(width))
                } else {
                    value(0)
                }
            }));
        }
        assert!(bytes.is_empty() && values.len() < count + GROUP);
        values.truncate(count);
        values
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(
            width in 0_u8..=32,
            runs in proptest::collection::vec((any::<u32>(), prop_oneof![1_usize..4, 1_usize..40]), 0..60),
        ) {
            let mask = (1_u64 << width) - 1;
            let repeated = runs.iter().flat_map(|(value, times)| std::iter::repeat_n(value & mask as u32, *times));
            let values: Vec<u32> = repeated.collect();
            let mut out = Vec::new();
            encode(&values, width, &mut out);
            prop_assert_eq!(decode(&out, width, values.len()), values);
        }

        #[test]
        fn a_width_is_enough(max: u32) {
            let width = width(max);
            prop_assert!(u64::from(max) < 1 << width && (width == 0 || u64::from(max) >= 1 << (width - 1)));
        }
    }
}

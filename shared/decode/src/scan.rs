//! Where the bytes that mean something are: 64 at a time, as a bit mask.

use wide::u8x16;

/// Bytes that one mask covers.
pub const LANES: usize = 64;

/// Finds either of two bytes.
#[derive(Debug, Clone, Copy)]
pub struct Finder {
    needles: [u8; 2],
}

impl Finder {
    /// Of these bytes.
    pub fn new(needles: [u8; 2]) -> Self {
        Self { needles }
    }

    /// Bit `i` is set where `bytes[at + i]` is one of the needles; nothing is set behind the end.
    #[inline]
    pub fn mask(self, bytes: &[u8], at: usize) -> u64 {
        if let Some(chunk) = bytes[at..].first_chunk::<LANES>() {
            return self.chunk(chunk);
        }
        let rest = &bytes[at..];
        let mut chunk = [0; LANES];
        chunk[..rest.len()].copy_from_slice(rest);
        self.chunk(&chunk) & !(u64::MAX << rest.len())
    }

    #[inline]
    fn chunk(self, chunk: &[u8; LANES]) -> u64 {
        let [a, b] = self.needles.map(u8x16::splat);
        let (quarters, _) = chunk.as_chunks::<16>();
        quarters.iter().rev().fold(0, |mask, quarter| {
            let bytes = u8x16::new(*quarter);
            let hits = bytes.simd_eq(a) | bytes.simd_eq(b);
            mask << 16 | u64::from(hits.to_bitmask())
        })
    }
}

/// Where the next byte is, from `at`, that ends a JSON string or may not stand in one as it is: a quote, a backslash, a control character. The
/// length where there is none.
#[inline]
pub fn string_special(bytes: &[u8], at: usize) -> usize {
    const LAST_CONTROL: u8 = 0x1f;
    let (quote, backslash, control) = (u8x16::splat(b'"'), u8x16::splat(b'\\'), u8x16::splat(LAST_CONTROL));
    let mut at = at;
    while let Some(chunk) = bytes[at..].first_chunk() {
        let chunk = u8x16::new(*chunk);
        let special = chunk.simd_eq(quote) | chunk.simd_eq(backslash) | chunk.min(control).simd_eq(chunk);
        let mask = special.to_bitmask();
        if mask != 0 {
            return at + mask.trailing_zeros() as usize;
        }
        at += 16;
    }
    let rest = bytes[at..].iter();
    at + rest
        .take_while(|b| !matches!(b, b'"' | b'\\' | 0..=LAST_CONTROL))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_end_of_a_string_is_what_a_loop_finds(
            bytes in proptest::collection::vec(prop_oneof![60 => any::<u8>().prop_map(|b| b | 0x80), 1 => any::<u8>()], 0..100), at in 0..100_usize
        ) {
            let at = at.min(bytes.len());
            let expected = (at..bytes.len()).find(|i| matches!(bytes[*i], b'"' | b'\\' | 0..=0x1f)).unwrap_or(bytes.len());
            prop_assert_eq!(string_special(&bytes, at), expected);
        }

        #[test]
        fn the_mask_is_what_a_loop_finds(bytes in proptest::collection::vec(prop_oneof![Just(b','), Just(b'\n'), Just(b'"'), any::<u8>()], 0..200)) {
            let finder = Finder::new([b',', b'\n']);
            for at in (0..bytes.len()).step_by(7) {
                let mask = finder.mask(&bytes, at);
                for i in 0..LANES {
                    let expected = bytes.get(at + i).is_some_and(|b| [b',', b'\n'].contains(b));
                    prop_assert_eq!(mask >> i & 1 == 1, expected);
                }
            }
        }
    }
}

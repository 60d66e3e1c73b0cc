//! Runs of decimal digits, eight at a time: no loop over a number's length, which no processor foresees. After Daniel Lemire,
//! "Quickly parsing eight digits" (2018), and Johnny Lee's and Wojciech Muła's notes that it rests on.

use super::Text;

/// Most digits that are read at once: their value fits an `i64`.
pub const MAX_DIGITS: usize = 16;

const ZEROS: u64 = 0x3030_3030_3030_3030;
const HIGH_HALVES: u64 = 0xf0f0_f0f0_f0f0_f0f0;
const SIXES: u64 = 0x0606_0606_0606_0606;

/// The value of 1 to [`MAX_DIGITS`] digits; none where there are fewer or more, or where one is no digit.
#[inline]
pub fn value(text: Text<'_>) -> Option<i64> {
    let length = text.len();
    if length.wrapping_sub(1) < 8 {
        let low = last_eight(text);
        return all_digits(low).then(|| eight(low) as i64);
    }
    if !(9..=MAX_DIGITS).contains(&length) {
        return None;
    }
    let (high, low) = (
        last_eight(text.part(0, length - 8)),
        last_eight(text.part(length - 8, length)),
    );
    (all_digits(high) && all_digits(low)).then(|| (eight(high) * 100_000_000 + eight(low)) as i64)
}

/// Where the point stands in a number with a fixed number of decimals, at most eight bytes long.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    decimals: usize,
    /// The decimals: the last bytes, which stand highest.
    behind: u64,
    /// Of the bits of the last byte before them.
    shift: u32,
}

impl Point {
    /// Before so many decimals; none where a number of eight bytes has no room for them.
    pub const fn before(decimals: usize) -> Option<Self> {
        if decimals == 0 || decimals > 6 {
            return None;
        }
        Some(Self {
            decimals,
            behind: u64::MAX << ((8 - decimals) * 8),
            shift: (7 - decimals as u32) * 8,
        })
    }

    /// The digits as a whole number; none where the text has more than eight bytes, no point there, or something that is no digit.
    #[inline]
    pub fn value(self, text: Text<'_>) -> Option<i64> {
        let length = text.len();
        if length > 8 || length <= self.decimals {
            return None;
        }
        let bytes = last_eight(text);
        // What is before the point moves up into its place.
        let before = (bytes & !(u64::MAX << self.shift)) << 8 | u64::from(b'0');
        let digits = bytes & self.behind | before;
        let is_point = (bytes >> self.shift) as u8 == b'.';
        (is_point && all_digits(digits)).then(|| eight(digits) as i64)
    }
}

/// `YYYY-MM-` as the number `YYYYMM`.
#[inline]
pub fn year_month(text: [u8; 8]) -> Option<i32> {
    /// Turns the two hyphens into zeros, and nothing else into digits.
    const HYPHENS: u64 = (b'-' ^ b'0') as u64;
    let bytes = u64::from_le_bytes(text) ^ (HYPHENS << 32 | HYPHENS << 56);
    let are_hyphens = text[4] == b'-' && text[7] == b'-';
    (are_hyphens && all_digits(bytes)).then(|| {
        let value = eight(bytes) as i32;
        value / 10_000 * 100 + value % 10_000 / 10
    })
}

/// The text's one to eight bytes, the last one highest, filled up with zeros before the first.
#[inline]
fn last_eight(text: Text<'_>) -> u64 {
    let bytes = match text
        .end
        .checked_sub(8)
        .and_then(|from| text.around[from..].first_chunk())
    {
        Some(bytes) => u64::from_le_bytes(*bytes),
        // At the very beginning of a block.
        None => text.bytes().iter().fold(0, |bytes, b| bytes >> 8 | u64::from(*b) << 56),
    };
    let own = u64::MAX << ((8 - text.len()) * 8);
    bytes & own | ZEROS & !own
}

#[inline]
fn all_digits(bytes: u64) -> bool {
    (bytes & HIGH_HALVES) | ((bytes.wrapping_add(SIXES) & HIGH_HALVES) >> 4) == ZEROS | ZEROS >> 4
}

/// The value of eight digits: pairs, then fours, then all.
#[inline]
fn eight(bytes: u64) -> u64 {
    let ones = bytes & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = (ones.wrapping_mul(10 << 8 | 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100 << 16 | 1) >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000 << 32 | 1) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_year_and_a_month() {
        assert_eq!(year_month(*b"1996-03-"), Some(199_603));
        for text in [b"1996-3-1", b"1996003-", b"1996-030", b"19-6-03-", b"-996-03-"] {
            assert_eq!(year_month(*text), None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn agrees_with_the_standard_library(before in "[0-9]{0,9}", text in "[0-9]{0,18}", behind in "[0-9]{0,9}") {
            let expected = text.parse().ok().filter(|_| text.len() <= MAX_DIGITS);
            let around = format!("{before}{text}{behind}");
            let text = Text::whole(around.as_bytes()).part(before.len(), before.len() + text.len());
            prop_assert_eq!(value(text), expected);
        }

        #[test]
        fn a_point_is_gone_over(whole in "[0-9]{0,8}", decimals in "[0-9]{1,6}", behind in "[0-9.]{0,9}", wanted in 1_usize..=6) {
            let text = format!("{whole}.{decimals}");
            let around = format!("{text}{behind}");
            let point = Point::before(wanted).unwrap();
            let expected = (text.len() <= 8 && decimals.len() == wanted).then(|| format!("{whole}{decimals}").parse().unwrap());
            prop_assert_eq!(point.value(Text::whole(around.as_bytes()).part(0, text.len())), expected);
        }

        #[test]
        fn what_is_no_digit_is_found(mut text in "[0-9]{1,16}".prop_map(String::into_bytes), at in 0_usize..16, byte: u8) {
            let at = at % text.len();
            text[at] = byte;
            prop_assert_eq!(value(Text::whole(&text)).is_some(), byte.is_ascii_digit(), "{:?}", text);
        }
    }
}

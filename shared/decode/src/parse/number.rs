//! Integers, decimals and floats, exactly: nothing is rounded to fit but binary floats.

use super::{Bad, Text, digits};
use crate::reject::{Reason, shown};
use memchr::memchr;

/// Longest text of a number: digits, point, exponent.
const MAX_NUMBER_BYTES: usize = 400;
/// Largest power of ten of an `i128`.
const MAX_POWER: i32 = 38;
/// Powers of ten that fit an `i64`.
const POWERS: [i64; 19] = {
    let mut powers = [1; 19];
    let mut n = 1;
    while n < powers.len() {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};

/// A whole number; `12.0` and `1.2e1` are whole too.
#[inline]
pub fn integer(text: Text<'_>) -> Result<i64, Bad> {
    let (negative, unsigned) = split_sign(text);
    if let Some(value) = digits::value(unsigned) {
        return Ok(if negative { -value } else { value });
    }
    long_integer(text.bytes())
}

#[cold]
#[inline(never)]
fn long_integer(text: &[u8]) -> Result<i64, Bad> {
    let value = scaled(text, 0).map_err(|problem| problem.bad(text, "a whole number", "long"))?;
    value.try_into().map_err(|_| too_large(text, "long"))
}

/// A decimal type: how many digits, how many of them decimals.
#[derive(Debug, Clone, Copy)]
pub struct Decimals {
    precision: u8,
    scale: u8,
    /// What is as large or larger has too many digits.
    limit: u128,
    /// The same for what 64 bits hold.
    short_limit: u64,
    /// Of a number that has all its decimals, as most have.
    point: Option<digits::Point>,
}

impl Decimals {
    /// `decimal(precision,scale)`; at most 38 digits, as Iceberg's.
    pub fn new(precision: u8, scale: u8) -> Self {
        let limit = 10_u128.pow(u32::from(precision));
        Self {
            precision,
            scale,
            limit,
            short_limit: limit.try_into().unwrap_or(u64::MAX),
            point: digits::Point::before(usize::from(scale)),
        }
    }

    /// Value × 10^scale. More decimals than `scale` are an error unless they are zeros.
    #[inline]
    pub fn read(self, text: Text<'_>) -> Result<i128, Bad> {
        let value = match self.point.and_then(|point| point.value(text)) {
            Some(value) => Some(value),
            None => short_decimal(text, usize::from(self.scale)),
        };
        match value {
            Some(value) if value.unsigned_abs() < self.short_limit => Ok(i128::from(value)),
            _ => self.long(text.bytes()),
        }
    }

    #[cold]
    #[inline(never)]
    fn long(self, text: &[u8]) -> Result<i128, Bad> {
        let Self {
            precision,
            scale,
            limit,
            ..
        } = self;
        let value = scaled(text, i32::from(scale)).map_err(|problem| match problem {
            Problem::Inexact => Bad::new(
                Reason::Overflow,
                format!("{} has more than {scale} decimals", shown(text)),
            ),
            other => other.bad(text, "a decimal number", "decimal"),
        })?;
        if value.unsigned_abs() >= limit {
            return Err(too_large(text, &format!("decimal({precision},{scale})")));
        }
        Ok(value)
    }
}

/// Digits with at most one point, and few enough of them; anything else is for [`scaled`].
#[inline(never)]
fn short_decimal(text: Text<'_>, scale: usize) -> Option<i64> {
    let (negative, unsigned) = split_sign(text);
    let bytes = unsigned.bytes();
    let value = match bytes.len().checked_sub(scale + 1) {
        // Most have as many decimals as the column.
        Some(point) if scale > 0 && bytes[point] == b'.' => with_decimals(unsigned, point, scale)?,
        _ => match memchr(b'.', bytes) {
            Some(point) => with_decimals(unsigned, point, scale)?,
            None => digits::value(unsigned)?.checked_mul(*POWERS.get(scale)?)?,
        },
    };
    Some(if negative { -value } else { value })
}

/// `point` is where the point stands.
#[inline]
fn with_decimals(text: Text<'_>, point: usize, scale: usize) -> Option<i64> {
    let (whole, decimals) = (text.part(0, point), text.part(point + 1, text.len()));
    let missing = scale.checked_sub(decimals.len())?;
    let decimals = digits::value(decimals)?.checked_mul(*POWERS.get(missing)?)?;
    let whole = digits::value(whole)?.checked_mul(*POWERS.get(scale)?)?;
    whole.checked_add(decimals)
}

#[inline]
fn split_sign(text: Text<'_>) -> (bool, Text<'_>) {
    match text.bytes() {
        [b'-', ..] => (true, text.part(1, text.len())),
        [b'+', ..] => (false, text.part(1, text.len())),
        _ => (false, text),
    }
}

/// 64-bit float, nearest to the text.
#[inline]
pub fn float64(text: &[u8]) -> Result<f64, Bad> {
    float(text, "double")
}

/// 32-bit float, nearest to the text.
#[inline]
pub fn float32(text: &[u8]) -> Result<f32, Bad> {
    float(text, "float")
}

#[inline]
fn float<T: std::str::FromStr + Into<f64> + Copy>(text: &[u8], kind: &str) -> Result<T, Bad> {
    let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse::<T>().ok());
    let value = parsed.ok_or_else(|| Bad::not_a("a number", text))?;
    let spelled = text.iter().any(|b| matches!(b, b'n' | b'N' | b'i' | b'I'));
    if value.into().is_infinite() && !spelled {
        return Err(too_large(text, kind));
    }
    Ok(value)
}

/// Too large for its type.
pub fn too_large(text: &[u8], kind: &str) -> Bad {
    Bad::new(Reason::Overflow, format!("{} does not fit {kind}", shown(text)))
}

enum Problem {
    NotANumber,
    Inexact,
    TooLarge,
}

impl Problem {
    fn bad(self, text: &[u8], what: &str, kind: &str) -> Bad {
        match self {
            Self::NotANumber | Self::Inexact => Bad::not_a(what, text),
            Self::TooLarge => too_large(text, kind),
        }
    }
}

#[inline]
fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    }
}

/// A number as digits × 10^power, without zeros at the digits' end.
pub fn significant(text: &[u8]) -> Result<(i128, i32), Bad> {
    parts(text).map_err(|problem| problem.bad(text, "a number", "38 digits"))
}

/// `[+-]digits[.digits][e[+-]digits]` × 10^scale, which must be whole.
fn scaled(text: &[u8], scale: i32) -> Result<i128, Problem> {
    let (value, power) = parts(text)?;
    if value == 0 {
        return Ok(0);
    }
    let power = power.saturating_add(scale);
    if power < 0 {
        return Err(Problem::Inexact);
    }
    if power > MAX_POWER {
        return Err(Problem::TooLarge);
    }
    value.checked_mul(10_i128.pow(power as u32)).ok_or(Problem::TooLarge)
}

fn parts(text: &[u8]) -> Result<(i128, i32), Problem> {
    if text.len() > MAX_NUMBER_BYTES {
        return Err(Problem::NotANumber);
    }
    let (negative, rest) = sign(text);
    let (mantissa, exponent) = match rest.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (&rest[..at], exponent(&rest[at + 1..])?),
        None => (rest, 0),
    };
    let point = mantissa.iter().position(|b| *b == b'.');
    let digits: Vec<u8> = mantissa
        .iter()
        .enumerate()
        .filter(|(at, _)| Some(*at) != point)
        .map(|(_, b)| *b)
        .collect();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Problem::NotANumber);
    }
    let decimals = point.map_or(0, |at| (mantissa.len() - at - 1) as i32);
    let significant = digits.len() - digits.iter().rev().take_while(|b| **b == b'0').count();
    let zeros = (digits.len() - significant) as i32;
    let power = exponent.saturating_sub(decimals).saturating_add(zeros);
    let mut value = 0_i128;
    for b in &digits[..significant] {
        value = value
            .checked_mul(10)
            .and_then(|v| v.checked_add(i128::from(b - b'0')))
            .ok_or(Problem::TooLarge)?;
    }
    Ok((if negative { -value } else { value }, power))
}

fn exponent(text: &[u8]) -> Result<i32, Problem> {
    let (negative, digits) = sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Problem::NotANumber);
    }
    let value = digits.iter().fold(0_i32, |value, b| {
        value.saturating_mul(10).saturating_add(i32::from(b - b'0'))
    });
    Ok(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers_are_exact() {
        for (text, value) in [
            ("0", 0),
            ("-0", 0),
            ("+7", 7),
            ("12.0", 12),
            ("1.2e1", 12),
            ("120e-1", 12),
            ("-9223372036854775808", i64::MIN),
            ("000000000000000000000012", 12),
            ("9223372036854775807", i64::MAX),
        ] {
            assert_eq!(integer(Text::whole(text.as_bytes())), Ok(value), "{text}");
        }
        for text in [
            "", "-", "+", "1.5", "abc", "1 2", "0x10", "1_000", "1,000", "1e", "1e+", ".", "--1", "12e-1", "١",
        ] {
            assert_eq!(
                integer(Text::whole(text.as_bytes())).expect_err(text).reason,
                Reason::Type,
                "{text}"
            );
        }
        for text in ["9223372036854775808", "1e30", "1e999999999999"] {
            assert_eq!(
                integer(Text::whole(text.as_bytes())).expect_err(text).reason,
                Reason::Overflow,
                "{text}"
            );
        }
    }

    #[test]
    fn decimals_are_never_rounded() {
        for (text, value) in [
            ("1", 100),
            ("1.5", 150),
            ("-1.25", -125),
            (".5", 50),
            ("5.", 500),
            ("1.2500", 125),
            ("1e1", 1000),
            ("0.000000000000000000000000", 0),
            ("99999.99", 9_999_999),
        ] {
            assert_eq!(
                Decimals::new(7, 2).read(Text::whole(text.as_bytes())),
                Ok(value),
                "{text}"
            );
        }
        for (text, reason) in [
            ("1.255", Reason::Overflow),
            ("100000.00", Reason::Overflow),
            ("x", Reason::Type),
            (".", Reason::Type),
            ("1.2.3", Reason::Type),
            ("", Reason::Type),
            ("1e40", Reason::Overflow),
        ] {
            assert_eq!(
                Decimals::new(7, 2)
                    .read(Text::whole(text.as_bytes()))
                    .expect_err(text)
                    .reason,
                reason,
                "{text}"
            );
        }
        assert_eq!(
            Decimals::new(38, 0).read(Text::whole(b"99999999999999999999999999999999999999")),
            Ok(10_i128.pow(38) - 1)
        );
    }

    #[test]
    fn floats_that_are_too_large_are_told() {
        assert_eq!(float64(b"1e400").expect_err("infinite").reason, Reason::Overflow);
        assert_eq!(float32(b"1e39").expect_err("infinite").reason, Reason::Overflow);
        assert_eq!(float64(b"-inf"), Ok(f64::NEG_INFINITY));
        assert!(float64(b"nan").is_ok_and(f64::is_nan));
        assert!(float64(b"1,5").is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in any::<i64>(), cents in -999_999_999_999_i64..999_999_999_999, x in any::<f64>()) {
            prop_assert_eq!(integer(Text::whole(value.to_string().as_bytes())), Ok(value));
            let text = format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
            prop_assert_eq!(Decimals::new(12, 2).read(Text::whole(text.as_bytes())), Ok(i128::from(cents)));
            if x.is_finite() {
                prop_assert_eq!(float64(x.to_string().as_bytes()), Ok(x));
            }
        }

        #[test]
        fn no_input_panics(text in proptest::collection::vec(prop_oneof![Just(b'1'), Just(b'.'), Just(b'e'), Just(b'-'), any::<u8>()], 0..60), scale in 0_u8..=38) {
            let whole = Text::whole(&text);
            let _ = (integer(whole), Decimals::new(38, scale).read(whole), float64(&text), float32(&text));
        }
    }
}

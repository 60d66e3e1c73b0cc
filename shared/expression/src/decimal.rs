//! Exact numbers: i128 values times 10^-scale.

use crate::error::Why;
use std::cmp::Ordering;

/// Most digits.
pub(crate) const MAX_PRECISION: u8 = 38;

pub(crate) fn power(digits: u8) -> i128 {
    10_i128.pow(u32::from(digits))
}

/// The value with other decimals, exactly.
pub(crate) fn rescale(value: i128, from: u8, to: u8) -> Result<i128, Why> {
    if to >= from {
        return value.checked_mul(power(to - from)).ok_or(Why::Overflow);
    }
    let by = power(from - to);
    if value % by == 0 {
        Ok(value / by)
    } else {
        Err(Why::Inexact)
    }
}

/// The value with fewer decimals, rounded half away from zero.
pub(crate) fn round(value: i128, from: u8, to: u8) -> Result<i128, Why> {
    if to >= from {
        return rescale(value, from, to);
    }
    Ok(divide_rounded(value, power(from - to)))
}

/// The quotient, rounded half away from zero. The divisor is not zero.
fn divide_rounded(dividend: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    let up = rest.unsigned_abs() >= divisor.unsigned_abs().div_ceil(2);
    let away = if (dividend < 0) == (divisor < 0) { 1 } else { -1 };
    quotient + if up && rest != 0 { away } else { 0 }
}

/// `a / b` with `scale` decimals; exact, or rounded where that is asked for.
pub(crate) fn divide(a: (i128, u8), b: (i128, u8), scale: u8, rounded: bool) -> Result<i128, Why> {
    if b.0 == 0 {
        return Err(Why::DivisionByZero);
    }
    // a·10^-sa / (b·10^-sb) = q·10^-scale  ⇒  q = a·10^(scale + sb - sa) / b
    let (up, down) = (u32::from(scale) + u32::from(b.1), u32::from(a.1));
    let scaled = |value: i128, digits: u32| {
        let by = 10_i128.checked_pow(digits).ok_or(Why::Overflow)?;
        value.checked_mul(by).ok_or(Why::Overflow)
    };
    let (dividend, divisor) = if up >= down {
        (scaled(a.0, up - down)?, b.0)
    } else {
        (a.0, scaled(b.0, down - up)?)
    };
    if rounded {
        return Ok(divide_rounded(dividend, divisor));
    }
    if dividend % divisor == 0 {
        Ok(dividend / divisor)
    } else {
        Err(Why::Inexact)
    }
}

/// The value, if it has no more digits than that.
pub(crate) fn within(value: i128, precision: u8) -> Result<i128, Why> {
    if value.unsigned_abs() < power(precision).unsigned_abs() {
        Ok(value)
    } else {
        Err(Why::Overflow)
    }
}

/// Whichever scales they have: whole parts first, then what is behind the point.
pub(crate) fn compare(a: (i128, u8), b: (i128, u8)) -> Ordering {
    let parts = |(value, scale): (i128, u8)| {
        let by = power(scale);
        (
            value.div_euclid(by),
            value.rem_euclid(by) * power(MAX_PRECISION - scale),
        )
    };
    if a.1 == b.1 {
        a.0.cmp(&b.0)
    } else {
        parts(a).cmp(&parts(b))
    }
}

/// An exact number and a double, neither of them made the other. NaN is above all else.
pub(crate) fn compare_double((value, scale): (i128, u8), double: f64) -> Ordering {
    // 2^127: every double below it has a whole part that an i128 holds.
    const BEYOND: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if double.is_nan() || double >= BEYOND {
        return Ordering::Less;
    }
    if double < -BEYOND {
        return Ordering::Greater;
    }
    let by = power(scale);
    let whole = (value / by).cmp(&(double.trunc() as i128));
    whole.then_with(|| match (value % by, double.fract()) {
        (rest, part) if rest >= 0 && part >= 0.0 => compare_parts(rest.unsigned_abs(), by.unsigned_abs(), part),
        (rest, part) if rest <= 0 && part <= 0.0 => {
            compare_parts(rest.unsigned_abs(), by.unsigned_abs(), -part).reverse()
        }
        (rest, _) => rest.cmp(&0),
    })
}

/// `rest / by`, which is below 1 as `part` is, with `part`: bit by bit, so that neither is rounded.
fn compare_parts(mut rest: u128, by: u128, mut part: f64) -> Ordering {
    while part > 0.0 {
        (rest, part) = (2 * rest, 2.0 * part);
        match (rest >= by, part >= 1.0) {
            (true, true) => (rest, part) = (rest - by, part - 1.0),
            (false, false) => {}
            (is_above, _) => return if is_above { Ordering::Greater } else { Ordering::Less },
        }
    }
    rest.cmp(&0)
}

/// `-12.50` with exactly `scale` decimals.
pub(crate) fn text(value: i128, scale: u8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = usize::from(scale) + 1);
    let (whole, decimals) = digits.split_at(digits.len() - usize::from(scale));
    let point = if scale > 0 { "." } else { "" };
    format!("{sign}{whole}{point}{decimals}")
}

/// Digits with an optional sign and point, exactly; decimals that are zeros may be more than `scale`.
pub(crate) fn read(text: &str, scale: u8) -> Option<Result<i128, Why>> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let point = digits.iter().position(|b| *b == b'.');
    let (whole, decimals) = point.map_or((digits, &digits[..0]), |at| (&digits[..at], &digits[at + 1..]));
    let all = || whole.iter().chain(decimals);
    if all().next().is_none() || !all().all(u8::is_ascii_digit) {
        return None;
    }
    let zeros = decimals.iter().rev().take_while(|b| **b == b'0').count();
    let decimals = &decimals[..decimals.len() - zeros];
    if decimals.len() > usize::from(scale) {
        return Some(Err(Why::Inexact));
    }
    let mut value: i128 = 0;
    for byte in whole.iter().chain(decimals) {
        let next = value
            .checked_mul(10)
            .and_then(|v| v.checked_add(i128::from(byte - b'0')));
        match next {
            Some(next) => value = next,
            None => return Some(Err(Why::Overflow)),
        }
    }
    let value = if negative { -value } else { value };
    Some(rescale(value, decimals.len() as u8, scale))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_reads_as_the_same(value in any::<i64>(), scale in 0_u8..19) {
            prop_assert_eq!(read(&text(value.into(), scale), scale), Some(Ok(value.into())));
        }

        #[test]
        fn comparing_is_comparing_with_the_same_decimals(a in any::<i64>(), sa in 0_u8..10, b in any::<i64>(), sb in 0_u8..10) {
            let same = |v: i64, s| i128::from(v) * power(10 - s);
            prop_assert_eq!(compare((a.into(), sa), (b.into(), sb)), same(a, sa).cmp(&same(b, sb)));
        }
    }

    #[test]
    fn doubles_are_compared_as_they_are() {
        use Ordering::{Equal, Greater, Less};
        for (value, scale, double, expected) in [
            (9_007_199_254_740_993, 0, 9_007_199_254_740_992.0, Greater),
            (9_007_199_254_740_992, 0, 9_007_199_254_740_992.0, Equal),
            (1, 1, 0.1, Less),
            (-1, 1, -0.1, Greater),
            (5, 1, 0.5, Equal),
            (-25, 1, -2.5, Equal),
            (-25, 1, 2.5, Less),
            (0, 5, -0.0, Equal),
            (0, 0, 5e-324, Less),
            (0, 0, -5e-324, Greater),
            (1, 38, 1e-38, Greater),
            (i128::MAX, 0, 1e39, Less),
            (i128::MIN, 0, -1e39, Greater),
            (i128::MAX, 0, f64::INFINITY, Less),
            (i128::MIN, 0, f64::NEG_INFINITY, Greater),
            (0, 0, f64::NAN, Less),
        ] {
            assert_eq!(
                compare_double((value, scale), double),
                expected,
                "{value}e-{scale} and {double}"
            );
        }
    }

    #[test]
    fn quotients_are_exact_or_rounded_half_away_from_zero() {
        assert_eq!(divide((10, 0), (4, 0), 1, false), Ok(25));
        assert_eq!(divide((1, 0), (3, 0), 6, false), Err(Why::Inexact));
        assert_eq!(divide((1, 0), (3, 0), 2, true), Ok(33));
        assert_eq!(divide((-5, 0), (2, 0), 0, true), Ok(-3));
        assert_eq!(divide((5, 0), (-2, 0), 0, true), Ok(-3));
        assert_eq!(divide((125, 2), (1, 0), 1, true), Ok(13));
        assert_eq!(divide((1, 0), (0, 0), 1, true), Err(Why::DivisionByZero));
        assert_eq!(round(-149, 2, 0), Ok(-1));
        assert_eq!(round(-150, 2, 0), Ok(-2));
    }

    #[test]
    fn what_is_no_number_is_none() {
        for bad in ["", "-", ".", "1e3", "1,5", "0x1", " 1", "inf"] {
            assert_eq!(read(bad, 2), None, "{bad}");
        }
        assert_eq!(read("1.005", 2), Some(Err(Why::Inexact)));
        assert_eq!(read("1.500", 1), Some(Ok(15)));
        assert_eq!(read(&"9".repeat(60), 0), Some(Err(Why::Overflow)));
    }
}

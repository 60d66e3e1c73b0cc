//! Numbers as people write them, turned into the one spelling that [`super::number`] reads. Nothing is guessed: what the contract does not
//! name is no part of a number.

use super::{Bad, Text};
use crate::reject::shown;
use std::cell::Cell;
use watershed_contract::{Negative, NumberFormat};

/// Digits of a group.
const GROUP_DIGITS: usize = 3;

/// Reads numbers of one format with a reader of plain ones.
pub struct Localised<'a> {
    format: &'a NumberFormat,
    /// Reused from value to value.
    plain: Cell<Vec<u8>>,
}

impl<'a> Localised<'a> {
    pub fn new(format: &'a NumberFormat) -> Self {
        Self {
            format,
            plain: Cell::default(),
        }
    }

    /// `text` by `read`; what is wrong with it is told of the text as it stands.
    pub fn read<T>(&self, text: Text<'_>, read: impl Fn(Text<'_>) -> Result<T, Bad>) -> Result<T, Bad> {
        let mut plain = self.plain.take();
        plain.clear();
        let known = std::str::from_utf8(text.bytes())
            .ok()
            .and_then(|text| normalise(text, self.format, &mut plain));
        let value = match known {
            None => Err(Bad::not_a(&expected(self.format), text.bytes())),
            Some(()) => read(Text::whole(&plain)).map_err(|bad| Bad {
                message: match bad.message.strip_prefix(&shown(&plain)) {
                    Some(rest) => shown(text.bytes()) + rest,
                    None => bad.message,
                },
                ..bad
            }),
        };
        self.plain.set(plain);
        value
    }
}

/// What a number of the format looks like.
fn expected(format: &NumberFormat) -> String {
    let decimal = format.decimal;
    match format.group {
        Some(group) => format!("a number such as 1{group}234{decimal}5"),
        None => format!("a number such as 1234{decimal}5"),
    }
}

/// Appends `text` as `[-]digits[.digits][exponent]`; none where it is no number of the format.
fn normalise(text: &str, format: &NumberFormat, out: &mut Vec<u8>) -> Option<()> {
    let mut affixes: Vec<&str> = format.strip.iter().map(String::as_str).collect();
    let text = stripped(text, &mut affixes);
    let (negative, text) = sign(text, format.negative);
    let text = stripped(text, &mut affixes);
    if negative {
        out.push(b'-');
    }
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        // Not a number, or infinity: the reader knows.
        out.extend_from_slice(text.as_bytes());
        return Some(());
    }
    let (mantissa, exponent) = text.split_at(text.find(['e', 'E']).unwrap_or(text.len()));
    let (whole, decimals) = match mantissa.split_once(format.decimal) {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (mantissa, None),
    };
    digits(whole, format.group, out)?;
    if let Some(decimals) = decimals {
        out.push(b'.');
        digits(decimals, None, out)?;
    }
    out.extend_from_slice(exponent.as_bytes());
    Some(())
}

/// Without each of the texts, once, wherever of the two ends it stands, and without white space beside it. What was found is not looked
/// for again.
fn stripped<'t>(mut text: &'t str, affixes: &mut Vec<&str>) -> &'t str {
    affixes.retain(|affix| {
        let rest = match text.strip_prefix(affix) {
            Some(rest) => Some(rest.trim_start()),
            None => text.strip_suffix(affix).map(str::trim_end),
        };
        text = rest.unwrap_or(text);
        rest.is_none()
    });
    text
}

/// Whether the number is below zero, and what is left of it without its sign.
fn sign(text: &str, negative: Negative) -> (bool, &str) {
    let marked = match negative {
        Negative::Leading => None,
        Negative::Parentheses => text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')),
        Negative::Trailing => text.strip_suffix('-').map(str::trim_end),
    };
    match marked.or_else(|| text.strip_prefix('-')) {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Appends digits, which may stand in groups: one to three in the first, three in each other.
fn digits(text: &str, group: Option<char>, out: &mut Vec<u8>) -> Option<()> {
    let mut groups = match group {
        Some(separator) if text.contains(separator) => text.split(separator),
        _ => {
            out.extend_from_slice(text.as_bytes());
            return text.bytes().all(|b| b.is_ascii_digit()).then_some(());
        }
    };
    let first = groups.next()?;
    let is_digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    if !(1..=GROUP_DIGITS).contains(&first.len()) || !is_digits(first) {
        return None;
    }
    out.extend_from_slice(first.as_bytes());
    for group in groups {
        if group.len() != GROUP_DIGITS || !is_digits(group) {
            return None;
        }
        out.extend_from_slice(group.as_bytes());
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::number::{Decimals, float64, integer};
    use super::*;
    use crate::reject::Reason;
    use proptest::prelude::*;

    fn format(decimal: char, group: Option<char>, negative: Negative, strip: &[&str]) -> NumberFormat {
        NumberFormat {
            decimal,
            group,
            negative,
            strip: strip.iter().map(ToString::to_string).collect(),
            units: None,
        }
    }

    fn cents(text: &str, format: &NumberFormat) -> Result<i128, Bad> {
        let decimals = Decimals::new(12, 2);
        Localised::new(format).read(Text::whole(text.as_bytes()), |text| decimals.read(text))
    }

    #[test]
    fn numbers_of_several_countries() {
        let german = format(',', Some('.'), Negative::Leading, &["€", "%"]);
        let french = format(',', Some('\u{202f}'), Negative::Leading, &[]);
        let swiss = format('.', Some('\''), Negative::Leading, &["CHF"]);
        let american = format('.', Some(','), Negative::Parentheses, &["US$", "$", "%"]);
        let sap = format(',', Some('.'), Negative::Trailing, &["EUR"]);
        for (text, format, value) in [
            ("1.234.567,89", &german, 123_456_789),
            ("1234567,89", &german, 123_456_789),
            ("-0,5", &german, -50),
            (",5", &german, 50),
            ("1.234,50 €", &german, 123_450),
            ("€\u{a0}-1.234,50", &german, -123_450),
            ("-€ 5", &german, -500),
            ("12,5 %", &german, 1250),
            ("1\u{202f}234,5", &french, 123_450),
            ("CHF 1'234.05", &swiss, 123_405),
            ("(1,234.50)", &american, -123_450),
            ("($1,234.50)", &american, -123_450),
            ("$(5)", &american, -500),
            ("US$ -5", &american, -500),
            ("1.234,50-", &sap, -123_450),
            ("1.234,50- EUR", &sap, -123_450),
            ("EUR 5 -", &sap, -500),
            ("-5", &sap, -500),
            ("1,2e3", &german, 120_000),
        ] {
            assert_eq!(cents(text, format), Ok(value), "{text}");
        }
        for (text, format) in [
            ("1.23,5", &german),
            ("1.2345", &german),
            ("1234.567", &german),
            (".123", &german),
            ("1..234", &german),
            ("1.234.", &german),
            ("1,234.5", &german),
            ("1,2,3", &german),
            ("€", &german),
            ("€€5", &german),
            ("5 $", &german),
            ("(5)", &german),
            ("5-", &german),
            ("1\u{a0}234,5", &french),
            ("1,234.5.6", &american),
            ("(-5)", &american),
            ("((5))", &american),
            ("(5", &american),
            ("-5-", &sap),
            ("--5", &sap),
            ("", &sap),
            ("-", &sap),
            ("1,5e3,2", &german),
        ] {
            assert_eq!(cents(text, format).expect_err(text).reason, Reason::Type, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_of_the_text_as_it_stands() {
        let german = format(',', Some('.'), Negative::Leading, &["€"]);
        let told = |text: &str| cents(text, &german).expect_err(text).message;
        assert_eq!(told("1.234,567 €"), "`1.234,567 €` has more than 2 decimals");
        assert_eq!(told("1.23"), "`1.23` is not a number such as 1.234,5");
        let whole = Localised::new(&german).read(Text::whole(b"1.234,5"), integer);
        assert_eq!(whole.expect_err("a half").message, "`1.234,5` is not a whole number");
        assert_eq!(
            Localised::new(&german).read(Text::whole(b"-inf"), |text| float64(text.bytes())),
            Ok(f64::NEG_INFINITY)
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in any::<i64>(), trailing in any::<bool>()) {
            let plain = value.unsigned_abs().to_string();
            let mut grouped = String::new();
            for (at, digit) in plain.chars().enumerate() {
                if at > 0 && (plain.len() - at) % GROUP_DIGITS == 0 {
                    grouped.push('\u{a0}');
                }
                grouped.push(digit);
            }
            let text = match (value < 0, trailing) {
                (true, true) => format!("{grouped}-"),
                (true, false) => format!("-{grouped}"),
                (false, _) => grouped,
            };
            let format = format(',', Some('\u{a0}'), Negative::Trailing, &[]);
            prop_assert_eq!(Localised::new(&format).read(Text::whole(text.as_bytes()), integer), Ok(value));
        }

        #[test]
        fn no_input_panics(text in "[-+()0-9.,e€ \u{a0}n]{0,40}", negative in prop_oneof![Just(Negative::Parentheses), Just(Negative::Trailing)]) {
            let _ = cents(&text, &format(',', Some('.'), negative, &["€", "n"]));
        }
    }
}

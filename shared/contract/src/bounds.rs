//! What a value must be: ranges, lengths, patterns, enumerations.

use crate::{
    dataset::{Bound, BoundValue, Case, Checks},
    diagnostic::shown,
    reader::{At, Map},
    types::Typed,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Timelike as _};
use regex::RegexBuilder;
use std::collections::BTreeSet;
use watershed_lake::ColumnType;

/// Longest regular expression, in bytes.
pub const MAX_PATTERN_BYTES: usize = 1_000;
/// Largest compiled regular expression, in bytes.
pub const MAX_COMPILED_BYTES: usize = 1 << 20;
/// Most values of an enumeration.
pub const MAX_ENUM_VALUES: usize = 10_000;

/// How the column is read, as far as it decides what its checks may say.
pub(crate) struct Reading {
    pub(crate) typed: Typed,
    pub(crate) case: Case,
    pub(crate) zone: Option<chrono_tz::Tz>,
    pub(crate) required: bool,
}

/// The checks of a column. `property` holds the quality rules, `options` is its `logicalTypeOptions`.
pub(crate) fn read(
    reading: &Reading,
    property: &Map<'_>,
    options: Option<&Map<'_>>,
    custom: Option<&Map<'_>>,
) -> Checks {
    let mut checks = Checks {
        required: reading.required,
        ..Checks::default()
    };
    let is_text = reading.typed.kind == ColumnType::String;
    checks.one_of = enumeration(reading, property, custom);
    checks.max_length = reading.typed.max_length;
    let Some(options) = options else { return checks };
    if is_text {
        lengths(options, &mut checks);
        checks.pattern = options.get("pattern").and_then(|at| pattern(&at));
        options.only_checked(&["minLength", "maxLength", "pattern"]);
        return checks;
    }
    let has_no_order = matches!(reading.typed.kind, ColumnType::Boolean | ColumnType::Binary);
    if has_no_order || reading.typed.kind.is_nested() {
        options.only_checked(&[]);
        return checks;
    }
    checks.min = bound(reading, options, "minimum", "exclusiveMinimum");
    checks.max = bound(reading, options, "maximum", "exclusiveMaximum");
    if let (Some(min), Some(max)) = (checks.min, checks.max)
        && is_empty(min, max)
    {
        options.error("no value is between minimum and maximum", "write minimum <= maximum");
    }
    options.only_checked(match reading.typed.kind {
        ColumnType::Timestamp | ColumnType::TimestampTz => &[
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "format",
            "timezone",
            "defaultTimezone",
        ],
        _ => &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"],
    });
    checks
}

fn is_empty(min: Bound, max: Bound) -> bool {
    let open = min.exclusive || max.exclusive;
    match (min.value, max.value) {
        (BoundValue::Exact(a), BoundValue::Exact(b)) => a > b || (a == b && open),
        (BoundValue::Float(a), BoundValue::Float(b)) => a > b || (a >= b && open),
        _ => false,
    }
}

fn bound(reading: &Reading, options: &Map<'_>, inclusive: &str, exclusive: &str) -> Option<Bound> {
    let (closed, open) = (options.get(inclusive), options.get(exclusive));
    if let (Some(_), Some(open)) = (&closed, &open) {
        open.error(format!("{exclusive} beside {inclusive}"), "write one of the two");
    }
    let (at, exclusive) = closed.map(|at| (at, false)).or(open.map(|at| (at, true)))?;
    Some(Bound {
        value: value(reading, &at)?,
        exclusive,
    })
}

fn value(reading: &Reading, at: &At<'_>) -> Option<BoundValue> {
    let kind = reading.typed.kind;
    let (found, help) = match kind {
        ColumnType::Float | ColumnType::Double => {
            let number = at.number()?.parse::<f64>().ok().filter(|n| n.is_finite());
            (number.map(BoundValue::Float), "write a finite number".to_string())
        }
        ColumnType::Int => (
            exact(at.number()?, 0, i128::from(i32::MIN), i128::from(i32::MAX)).map(BoundValue::Exact),
            int_help(kind),
        ),
        ColumnType::Long => (
            exact(at.number()?, 0, i128::from(i64::MIN), i128::from(i64::MAX)).map(BoundValue::Exact),
            int_help(kind),
        ),
        ColumnType::Decimal { precision, scale } => {
            let limit = 10_i128.pow(u32::from(precision)) - 1;
            (
                exact(at.number()?, scale, -limit, limit).map(BoundValue::Exact),
                format!("write a number that is exact in {kind}, without exponent"),
            )
        }
        ColumnType::Date => {
            let days = at
                .text()?
                .parse::<NaiveDate>()
                .ok()
                .map(|d| i128::from(d.to_epoch_days()));
            (days.map(BoundValue::Exact), "write a date as 2013-12-31".into())
        }
        ColumnType::Time => {
            let time =
                at.text()?.parse::<NaiveTime>().ok().map(|t| {
                    i128::from(t.num_seconds_from_midnight()) * 1_000_000 + i128::from(t.nanosecond() / 1_000)
                });
            (time.map(BoundValue::Exact), "write a time as 23:59:59".into())
        }
        ColumnType::Timestamp => {
            let micros = at
                .text()?
                .parse::<NaiveDateTime>()
                .ok()
                .map(|t| i128::from(t.and_utc().timestamp_micros()));
            (
                micros.map(BoundValue::Exact),
                "write a timestamp as 2013-12-31T23:59:59".into(),
            )
        }
        ColumnType::TimestampTz => {
            let micros = instant(at.text()?, reading.zone).map(|t| BoundValue::Exact(t.into()));
            (
                micros,
                "write a timestamp with its offset, as 2013-12-31T23:59:59Z".into(),
            )
        }
        ColumnType::Boolean | ColumnType::String | ColumnType::Binary | ColumnType::Struct | ColumnType::List => {
            return None;
        }
    };
    if found.is_none() {
        at.wrong(help.trim_start_matches("write "));
    }
    found
}

fn int_help(kind: ColumnType) -> String {
    format!("write an integer that fits {kind}")
}

/// A decimal number without exponent, exactly, times 10^scale.
pub(crate) fn exact(text: &str, scale: u8, low: i128, high: i128) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > usize::from(scale) {
        return None;
    }
    let mut value: i128 = 0;
    let padding = std::iter::repeat_n(b'0', usize::from(scale) - fraction.len());
    for byte in whole.bytes().chain(fraction.bytes()).chain(padding) {
        let digit = byte.is_ascii_digit().then(|| i128::from(byte - b'0'))?;
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    let value = sign * value;
    (low..=high).contains(&value).then_some(value)
}

fn instant(text: &str, zone: Option<chrono_tz::Tz>) -> Option<i64> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_micros());
    }
    let local = text.parse::<NaiveDateTime>().ok()?;
    zone?.from_local_datetime(&local).single().map(|t| t.timestamp_micros())
}

fn lengths(options: &Map<'_>, checks: &mut Checks) {
    let read = |key: &str| {
        let at = options.get(key)?;
        let length = at.integer(0, i64::from(i32::MAX))?;
        Some((at, usize::try_from(length).expect("not negative")))
    };
    checks.min_length = read("minLength").map(|(_, length)| length);
    if let Some((at, length)) = read("maxLength") {
        if let Some(physical) = checks.max_length.filter(|physical| length > *physical) {
            at.error(
                format!("maxLength {length} and physicalType of {physical}"),
                "write the same in both",
            );
        }
        checks.max_length = Some(length);
    }
    if let (Some(min), Some(max)) = (checks.min_length, checks.max_length)
        && min > max
    {
        options.error("minLength is above maxLength", "write minLength <= maxLength");
    }
}

/// The regular expression at `at`.
pub(crate) fn pattern(at: &At<'_>) -> Option<regex::Regex> {
    let text = at.text()?;
    if text.len() > MAX_PATTERN_BYTES {
        at.error(
            format!("a pattern of {} bytes", text.len()),
            format!("write at most {MAX_PATTERN_BYTES}"),
        );
        return None;
    }
    match RegexBuilder::new(text).size_limit(MAX_COMPILED_BYTES).build() {
        Ok(regex) => Some(regex),
        Err(error) => {
            let why = error.to_string();
            let why = why
                .lines()
                .last()
                .unwrap_or_default()
                .trim()
                .trim_start_matches("error: ");
            at.error(
                format!("pattern {}: {why}", shown(text)),
                "write a regular expression without look-around and back-references",
            );
            None
        }
    }
}

/// From a quality rule that no value may break, or from ours. For strings: quality rules of other types are not run here.
fn enumeration(reading: &Reading, property: &Map<'_>, custom: Option<&Map<'_>>) -> BTreeSet<String> {
    let mut found: Vec<At<'_>> = Vec::new();
    if let Some(at) = custom.and_then(|c| c.get("enum")) {
        if reading.typed.kind == ColumnType::String {
            found.push(at);
        } else {
            at.error(
                "enum does not apply",
                "only a string has one: write minimum and maximum, or a quality rule",
            );
        }
    }
    if reading.typed.kind == ColumnType::String {
        let rules = property.list("quality");
        found.extend(rules.iter().filter_map(|rule| enumerates(&rule.map()?)));
    }
    if let [_, second, ..] = found.as_slice() {
        second.error("a second enumeration", "join the two");
    }
    let Some(at) = found.first() else {
        return BTreeSet::new();
    };
    let items = at.list();
    if items.is_empty() || items.len() > MAX_ENUM_VALUES {
        at.error(
            format!("{} of {} values", at.name, items.len()),
            format!("write 1 to {MAX_ENUM_VALUES}"),
        );
        return BTreeSet::new();
    }
    let mut values = BTreeSet::new();
    for item in items.iter().filter(|item| !item.is_null()) {
        let Some(value) = item.spelling() else { continue };
        let cased = match reading.case {
            Case::Keep => value.to_string(),
            Case::Upper => value.to_uppercase(),
            Case::Lower => value.to_lowercase(),
        };
        if cased == value {
            values.insert(cased);
        } else {
            item.error(
                format!("no value is ever {}", shown(value)),
                format!("case makes it {}: write that", shown(&cased)),
            );
        }
    }
    values
}

/// `arguments.validValues` of a rule `invalidValues` that must be 0 and refuses rows; none for any other rule.
pub(crate) fn enumerates<'a>(rule: &Map<'a>) -> Option<At<'a>> {
    let custom = rule.custom().and_then(|custom| custom.get("onFailure"));
    let refuses = custom.is_none_or(|at| at.is_text() && at.text() == Some("rejectRow"));
    let is = |key: &str, expected: &str| {
        rule.get(key)
            .is_none_or(|at| at.is_text() && at.text() == Some(expected))
    };
    let enforced = refuses
        && is("type", "library")
        && is("severity", "error")
        && rule.get("metric").is_some()
        && is("metric", "invalidValues");
    let threshold = enforced.then(|| rule.get("mustBe"))??;
    let arguments = (threshold.spelling() == Some("0"))
        .then(|| rule.get("arguments"))??
        .map()?;
    arguments
        .get("pattern")
        .is_none()
        .then(|| arguments.get("validValues"))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly() {
        let read = |text, scale| exact(text, scale, -99_999, 99_999);
        assert_eq!(read("12.5", 2), Some(1250));
        assert_eq!(read("-0.01", 2), Some(-1));
        assert_eq!(read("+7", 0), Some(7));
        assert_eq!(read("7.000", 0), Some(7));
        assert_eq!(read("999.99", 2), Some(99_999));
        for (text, scale) in [
            ("1000", 2),
            ("0.001", 2),
            ("1e3", 0),
            ("1.5", 0),
            ("9".repeat(50).as_str(), 0),
        ] {
            assert_eq!(read(text, scale), None, "{text}");
        }
    }

    #[test]
    fn an_instant_has_an_offset_or_the_columns_zone() {
        assert_eq!(instant("1970-01-01T00:00:01Z", None), Some(1_000_000));
        assert_eq!(instant("1970-01-01T00:00:01", None), None);
        assert_eq!(instant("1970-01-01T01:00:00", Some(chrono_tz::Europe::Paris)), Some(0));
    }
}

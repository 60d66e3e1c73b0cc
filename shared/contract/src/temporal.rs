//! How dates and times are written: Java patterns (the standard's) and `strftime` patterns (ours), zones and epochs.

use crate::{
    dataset::{EpochUnit, Locale, TemporalFormat},
    diagnostic::shown,
    reader::{At, Map},
};
use chrono::{
    DateTime, NaiveDate,
    format::{Item, Parsed, StrftimeItems, parse},
};
use watershed_lake::ColumnType;

/// Most patterns that are tried on a value.
pub const MAX_FORMATS: usize = 8;
/// Longest pattern, in bytes.
pub const MAX_FORMAT_BYTES: usize = 100;

/// How the column's values are written. `options` is `logicalTypeOptions`, `custom` the watershed property, `locale` what its
/// schema object says.
pub(crate) fn read(
    kind: Option<ColumnType>,
    options: Option<&Map<'_>>,
    custom: Option<&Map<'_>>,
    locale: Locale,
) -> TemporalFormat {
    let mut format = TemporalFormat {
        patterns: Vec::new(),
        locale,
        zone: None,
        epoch: None,
    };
    let Some(kind) = kind else { return format };
    let is_stamp = matches!(kind, ColumnType::Timestamp | ColumnType::TimestampTz);
    if !is_stamp && !matches!(kind, ColumnType::Date | ColumnType::Time) {
        if let Some(custom) = custom {
            custom.refuse(
                &["formats", "timeZone", "epoch", "locale"],
                &format!("a column of type {kind} is no date or time"),
            );
        }
        return format;
    }
    format.zone = zone(kind, options, custom);
    let given = |map: Option<&Map<'_>>, key: &str| map.is_some_and(|m| m.get(key).is_some());
    let has_zone = given(options, "defaultTimezone") || given(custom, "timeZone");
    format.patterns = patterns(kind, has_zone, options, custom);
    if let Some((at, own)) = custom.and_then(self::locale) {
        if !format.patterns.iter().any(|pattern| has_names(pattern)) {
            at.error(
                "locale without a month or weekday name",
                "write %b, %B, %a or %A in formats, or remove it",
            );
        }
        format.locale = own;
    }
    if let Some(at) = custom.and_then(|c| c.get("epoch")) {
        if is_stamp {
            format.epoch = at.word(&EPOCHS);
        } else {
            at.error(
                "epoch does not apply",
                format!("a column of type {kind} is no timestamp: remove it"),
            );
        }
    }
    format
}

const LOCALES: [(&str, Locale); 7] = [
    ("en", Locale::En),
    ("de", Locale::De),
    ("fr", Locale::Fr),
    ("es", Locale::Es),
    ("it", Locale::It),
    ("nl", Locale::Nl),
    ("pt", Locale::Pt),
];

/// The language of names, where it is given.
pub(crate) fn locale<'a>(custom: &Map<'a>) -> Option<(At<'a>, Locale)> {
    let at = custom.get("locale")?;
    let locale = at.word(&LOCALES)?;
    Some((at, locale))
}

/// Whether values of the pattern have names of months or weekdays.
fn has_names(pattern: &str) -> bool {
    use chrono::format::Fixed as F;
    StrftimeItems::new(pattern).any(|item| {
        matches!(
            item,
            Item::Fixed(F::ShortMonthName | F::LongMonthName | F::ShortWeekdayName | F::LongWeekdayName)
        )
    })
}

const EPOCHS: [(&str, EpochUnit); 3] = [
    ("second", EpochUnit::Second),
    ("millisecond", EpochUnit::Millisecond),
    ("microsecond", EpochUnit::Microsecond),
];

fn zone(kind: ColumnType, options: Option<&Map<'_>>, custom: Option<&Map<'_>>) -> Option<chrono_tz::Tz> {
    let theirs = options.and_then(|o| o.get("defaultTimezone"));
    let ours = custom.and_then(|c| c.get("timeZone"));
    let read = |at: &At<'_>| {
        let text = at.text()?;
        let found = text.parse().ok();
        if found.is_none() {
            at.error(
                format!("unknown time zone {}", shown(text)),
                "write a name of the IANA Time Zone Database: Etc/UTC, America/New_York",
            );
        }
        found
    };
    let first = theirs.as_ref().or(ours.as_ref())?;
    if kind != ColumnType::TimestampTz {
        first.error(
            format!("{} does not apply", first.name),
            "only a TIMESTAMP_TZ has a time zone: remove it",
        );
        return None;
    }
    let zones = (theirs.as_ref().and_then(read), ours.as_ref().and_then(read));
    if let (Some(a), Some(b), Some(ours)) = (zones.0, zones.1, &ours)
        && a != b
    {
        ours.error(format!("timeZone {b} and defaultTimezone {a}"), "write one of the two");
    }
    zones.1.or(zones.0)
}

fn patterns(kind: ColumnType, has_zone: bool, options: Option<&Map<'_>>, custom: Option<&Map<'_>>) -> Vec<String> {
    let mut found: Vec<(At<'_>, String)> = Vec::new();
    let java = options.and_then(|o| o.get("format"));
    if let Some(at) = &java
        && let Some(text) = at.text()
    {
        match strftime(text) {
            Ok(pattern) => found.push((at.clone(), pattern)),
            Err(letters) => at.error(format!("format {}: {letters}", shown(text)), JAVA_HELP),
        }
    }
    if let Some(at) = custom.and_then(|c| c.get("formats")) {
        if java.is_some() {
            at.error("formats beside logicalTypeOptions.format", "write one of the two");
        }
        let items = at.list();
        if items.len() > MAX_FORMATS {
            at.error(
                format!("{} formats", items.len()),
                format!("write at most {MAX_FORMATS}"),
            );
        }
        found.extend(
            items
                .iter()
                .take(MAX_FORMATS)
                .filter_map(|item| Some((item.clone(), item.text()?.to_string()))),
        );
    }
    found
        .into_iter()
        .filter_map(|(at, p)| check(kind, has_zone, &at, &p).then_some(p))
        .collect()
}

/// A pattern is good when what it writes of a sample can be read back to all that the type needs.
fn check(kind: ColumnType, has_zone: bool, at: &At<'_>, pattern: &str) -> bool {
    let items: Vec<Item<'_>> = StrftimeItems::new(pattern).collect();
    let sample = NaiveDate::from_ymd_opt(2013, 11, 28)
        .and_then(|d| d.and_hms_opt(15, 4, 5))
        .expect("a time")
        .and_utc();
    if pattern.len() > MAX_FORMAT_BYTES || items.is_empty() || items.contains(&Item::Error) {
        at.error(
            format!("no date pattern: {}", shown(pattern)),
            format!("write strftime codes, as in %Y-%m-%d %H:%M:%S, at most {MAX_FORMAT_BYTES} bytes"),
        );
        return false;
    }
    let missing = match read_back(&items, sample) {
        None => Some("cannot be read back"),
        Some(parsed) => lacks(kind, has_zone, &parsed),
    };
    if let Some(missing) = missing {
        at.error(
            format!("pattern {} {missing}", shown(pattern)),
            format!("write one that gives all of a value of type {kind}"),
        );
    }
    missing.is_none()
}

fn read_back(items: &[Item<'_>], sample: DateTime<chrono::Utc>) -> Option<Parsed> {
    let text = {
        use std::fmt::Write as _;
        let mut text = String::new();
        write!(text, "{}", sample.format_with_items(items.iter())).ok()?;
        text
    };
    let mut parsed = Parsed::new();
    parse(&mut parsed, &text, items.iter()).ok()?;
    Some(parsed)
}

fn lacks(kind: ColumnType, has_zone: bool, parsed: &Parsed) -> Option<&'static str> {
    let stamped = parsed.timestamp().is_some();
    let has_date = parsed.to_naive_date().is_ok() || stamped;
    let has_time = parsed.to_naive_time().is_ok() || stamped;
    match kind {
        ColumnType::Time if !has_time => Some("gives no hour and minute"),
        ColumnType::Time => None,
        _ if !has_date => Some("gives no year, month and day"),
        ColumnType::Date => None,
        _ if !has_time => Some("gives no hour and minute"),
        ColumnType::TimestampTz if !has_zone && !stamped && parsed.offset().is_none() => {
            Some("gives no offset, and the column has no timeZone")
        }
        _ => None,
    }
}

const JAVA_HELP: &str = "write letters of yyyy yy MM M MMM MMMM dd d DDD HH H hh h mm m ss s SSS SSSSSS SSSSSSSSS a EEE EEEE \
X XX XXX xx xxx Z, text in 'quotes', or a strftime pattern in watershed.formats";

/// A pattern of Java's `DateTimeFormatter`, which the standard prescribes, as one of `strftime`; the letters that have no
/// counterpart where it has none.
pub(crate) fn strftime(java: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = java;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            rest = quoted(&rest[1..], &mut out)?;
            continue;
        }
        let end = rest.find(|c| c != first).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(end);
        rest = tail;
        match run {
            _ if !first.is_ascii_alphabetic() => {
                for c in run.chars() {
                    literal(c, &mut out)?;
                }
            }
            // After a point chrono reads the fraction with it: any number of digits, as Java's do not.
            "SSS" | "SSSSSS" | "SSSSSSSSS" => out.push_str(&format!("%{}f", run.len())),
            _ => out.push_str(code(run).ok_or_else(|| format!("{run} has no counterpart"))?),
        }
    }
    Ok(out)
}

/// Text up to the closing quote; `''` is a quote, within and without.
fn quoted<'t>(rest: &'t str, out: &mut String) -> Result<&'t str, String> {
    if let Some(rest) = rest.strip_prefix('\'') {
        out.push('\'');
        return Ok(rest);
    }
    let mut chars = rest.char_indices().peekable();
    while let Some((index, c)) = chars.next() {
        if c != '\'' {
            literal(c, out)?;
        } else if chars.next_if(|(_, next)| *next == '\'').is_some() {
            out.push('\'');
        } else {
            return Ok(&rest[index + 1..]);
        }
    }
    Err("a quote is not closed".into())
}

fn literal(c: char, out: &mut String) -> Result<(), String> {
    match c {
        '%' => out.push_str("%%"),
        '[' | ']' | '{' | '}' | '#' => return Err(format!("{c} has no counterpart")),
        c => out.push(c),
    }
    Ok(())
}

fn code(run: &str) -> Option<&'static str> {
    Some(match run {
        "yyyy" | "uuuu" => "%Y",
        "yy" | "uu" => "%y",
        "MM" | "M" => "%m",
        "MMM" => "%b",
        "MMMM" => "%B",
        "dd" | "d" => "%d",
        "DDD" => "%j",
        "HH" | "H" => "%H",
        "hh" | "h" => "%I",
        "mm" | "m" => "%M",
        "ss" | "s" => "%S",
        "a" => "%p",
        "EEE" => "%a",
        "EEEE" => "%A",
        "X" | "XX" | "XXX" => "%#z",
        "x" | "xx" | "Z" => "%z",
        "xxx" => "%:z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDateTime;

    #[test]
    fn java_patterns() {
        for (java, expected) in [
            ("yyyy-MM-dd", "%Y-%m-%d"),
            ("dd.MM.yyyy HH:mm:ss", "%d.%m.%Y %H:%M:%S"),
            ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "%Y-%m-%dT%H:%M:%S.%3f%#z"),
            ("h 'o''clock' a", "%I o'clock %p"),
            ("''yy%", "'%y%%"),
        ] {
            assert_eq!(strftime(java).as_deref(), Ok(expected), "{java}");
        }
        for java in ["yyy", "SSSS", "'open", "YYYY", "[HH]", "G"] {
            assert!(strftime(java).is_err(), "{java}");
        }
    }

    #[test]
    fn translated_patterns_read_what_java_writes() {
        let expected = NaiveDate::from_ymd_opt(2013, 1, 2)
            .and_then(|d| d.and_hms_milli_opt(3, 4, 5, 678))
            .expect("a time");
        let read = |java: &str, text: &str| NaiveDateTime::parse_from_str(text, &strftime(java).expect("known"));
        assert_eq!(read("yyyy-MM-dd HH:mm:ss.SSS", "2013-01-02 03:04:05.678"), Ok(expected));
        assert_eq!(read("d MMM yyyy h:m:s.SSS a", "2 Jan 2013 3:4:5.678 AM"), Ok(expected));
        assert_eq!(read("yyyyMMddHHmmssSSS", "20130102030405678"), Ok(expected));
        for text in ["2013-01-02T03:04:05.678Z", "2013-01-02T05:04:05.678+02:00"] {
            let pattern = strftime("yyyy-MM-dd'T'HH:mm:ss.SSSX").expect("known");
            let found = DateTime::parse_from_str(text, &pattern);
            assert_eq!(found.map(|t| t.naive_utc()), Ok(expected), "{text}");
        }
    }
}

//! Dates and times: ISO 8601 read by hand, since there are many of them; the contract's patterns by chrono.

use super::{Bad, Text, calendar::Month, digits, names, number::Decimals};
use crate::reject::{Reason, shown};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use std::ops::RangeInclusive;
use watershed_contract::{EpochUnit, Locale, TemporalFormat};

const SECOND_US: i64 = 1_000_000;
const DAY_US: i64 = 86_400 * SECOND_US;

/// Days since 1970-01-01.
#[inline]
pub fn date(text: &[u8], format: &TemporalFormat) -> Result<i32, Bad> {
    if format.patterns.is_empty() {
        return match iso_date(text) {
            Some((days, [])) => Ok(days),
            _ => Err(Bad::not_a("a date such as 2013-02-28", text)),
        };
    }
    let date = by_pattern(text, format, |text, pattern| {
        NaiveDate::parse_from_str(text, pattern).ok()
    });
    let date = date.ok_or_else(|| no_pattern("a date", text, format))?;
    let us = in_years(text, NaiveDateTime::from(date).and_utc().timestamp_micros())?;
    Ok(us.div_euclid(DAY_US) as i32)
}

/// Microseconds since midnight.
pub fn time(text: &[u8], format: &TemporalFormat) -> Result<i64, Bad> {
    if format.patterns.is_empty() {
        return match iso_time(text) {
            Some((us, [])) => Ok(us),
            _ => Err(Bad::not_a("a time such as 23:59:59", text)),
        };
    }
    let time = by_pattern(text, format, |text, pattern| {
        NaiveTime::parse_from_str(text, pattern).ok()
    });
    let time = time.ok_or_else(|| no_pattern("a time", text, format))?;
    let midnight = NaiveTime::MIN;
    Ok((time - midnight).num_microseconds().unwrap_or_default())
}

/// Microseconds since 1970-01-01T00:00:00 of a local time; one with a zone is refused.
#[inline]
pub fn local(text: &[u8], format: &TemporalFormat) -> Result<i64, Bad> {
    match stamp(text, format)? {
        Stamp::Local(us) => in_years(text, us),
        Stamp::Utc(_) => Err(Bad::new(
            Reason::Zone,
            format!(
                "{} has a zone and the column has none: give the column physicalType TIMESTAMPTZ",
                shown(text)
            ),
        )),
    }
}

/// Microseconds since 1970-01-01T00:00:00Z.
#[inline]
pub fn utc(text: &[u8], format: &TemporalFormat) -> Result<i64, Bad> {
    match stamp(text, format)? {
        Stamp::Utc(us) => in_years(text, us),
        Stamp::Local(us) => in_years(text, in_zone(text, us, format)?),
    }
}

/// Years that every reader of the tables knows: Python's dates have no others.
pub const YEARS_US: RangeInclusive<i64> = -62_135_596_800 * SECOND_US..=253_402_300_800 * SECOND_US - 1;

/// The same in days since 1970-01-01.
pub const YEARS_DAYS: RangeInclusive<i32> = -719_162..=2_932_896;

#[inline]
fn in_years(text: &[u8], us: i64) -> Result<i64, Bad> {
    if YEARS_US.contains(&us) {
        Ok(us)
    } else {
        let message = format!("{} is not of the years 1 to 9999 in UTC", shown(text));
        Err(Bad::new(Reason::Overflow, message))
    }
}

/// A time with or without its offset from UTC, in microseconds.
enum Stamp {
    Utc(i64),
    Local(i64),
}

fn stamp(text: &[u8], format: &TemporalFormat) -> Result<Stamp, Bad> {
    if format.patterns.is_empty() {
        if let Some(stamp) = iso_stamp(text) {
            return Ok(stamp);
        }
    } else if let Some(stamp) = by_pattern(text, format, pattern_stamp) {
        return Ok(stamp);
    }
    let Some(unit) = format.epoch else {
        return Err(no_pattern("a timestamp", text, format));
    };
    let decimals = match unit {
        EpochUnit::Second => 6,
        EpochUnit::Millisecond => 3,
        EpochUnit::Microsecond => 0,
    };
    let us = Decimals::new(18, decimals)
        .read(Text::whole(text))
        .map_err(|_| Bad::not_a("a timestamp nor a number since 1970", text))?;
    Ok(Stamp::Utc(us as i64))
}

/// What the first of the patterns reads that `read` reads by.
fn by_pattern<T>(text: &[u8], format: &TemporalFormat, read: impl Fn(&str, &str) -> Option<T>) -> Option<T> {
    let text = std::str::from_utf8(text).ok()?;
    format.patterns.iter().find_map(|pattern| match format.locale {
        Locale::En => read(text, pattern),
        locale => names::english(text, pattern, locale).find_map(|text| read(&text, pattern)),
    })
}

fn pattern_stamp(text: &str, pattern: &str) -> Option<Stamp> {
    if let Ok(stamp) = DateTime::parse_from_str(text, pattern) {
        return Some(Stamp::Utc(stamp.timestamp_micros()));
    }
    let local = NaiveDateTime::parse_from_str(text, pattern).ok();
    let local = local.or_else(|| Some(NaiveDate::parse_from_str(text, pattern).ok()?.into()))?;
    Some(Stamp::Local(local.and_utc().timestamp_micros()))
}

fn in_zone(text: &[u8], us: i64, format: &TemporalFormat) -> Result<i64, Bad> {
    let zone = format.zone.ok_or_else(|| {
        let message = format!(
            "{} has no zone: write one, or state `timeZone` in the contract",
            shown(text)
        );
        Bad::new(Reason::Zone, message)
    })?;
    let local = DateTime::from_timestamp_micros(us).map(|utc| utc.naive_utc());
    let local = local.ok_or_else(|| Bad::not_a("a timestamp", text))?;
    match zone.from_local_datetime(&local) {
        chrono::LocalResult::Single(stamp) => Ok(stamp.timestamp_micros()),
        chrono::LocalResult::None => Err(Bad::new(
            Reason::Zone,
            format!("{} does not exist in {zone}: clocks went over it", shown(text)),
        )),
        chrono::LocalResult::Ambiguous(..) => Err(Bad::new(
            Reason::Zone,
            format!("{} happened twice in {zone}: write its offset", shown(text)),
        )),
    }
}

fn no_pattern(what: &str, text: &[u8], format: &TemporalFormat) -> Bad {
    if format.patterns.is_empty() {
        Bad::not_a(&format!("{what} such as 2013-02-28T23:59:59Z"), text)
    } else {
        Bad::not_a(&format!("{what} as any of {}", format.patterns.join(", ")), text)
    }
}

/// `YYYY-MM-DD`, and what stands behind.
#[inline]
fn iso_date(text: &[u8]) -> Option<(i32, &[u8])> {
    let (date, rest) = text.split_first_chunk::<10>()?;
    let (year_month, day) = date.split_first_chunk::<8>()?;
    let year_month = digits::year_month(*year_month)?;
    let (year, month, day) = (year_month / 100, year_month % 100, two(day[0], day[1])?);
    if year < 1 || !(1..=12).contains(&month) {
        return None;
    }
    let Month { before, days } = Month::of(year, month);
    (1..=days).contains(&day).then_some((before + day, rest))
}

/// `hh:mm[:ss[.fraction]]` as microseconds since midnight, and what stands behind. Digits beyond microseconds are cut.
#[inline]
fn iso_time(text: &[u8]) -> Option<(i64, &[u8])> {
    let ([h1, h2, b':', m1, m2], mut rest) = text.split_first_chunk::<5>()? else {
        return None;
    };
    let (hour, minute) = (two(*h1, *h2)?, two(*m1, *m2)?);
    let (mut second, mut fraction_us) = (0, 0);
    if let Some(([b':', s1, s2], behind)) = rest.split_first_chunk::<3>() {
        (second, rest) = (two(*s1, *s2)?, behind);
        if let [b'.' | b',', digits @ ..] = rest {
            let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
            if count == 0 || count > 9 {
                return None;
            }
            for place in 0..6 {
                fraction_us = fraction_us * 10 + digits[..count].get(place).map_or(0, |b| i64::from(b - b'0'));
            }
            rest = &digits[count..];
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some((
        i64::from(hour * 3_600 + minute * 60 + second) * SECOND_US + fraction_us,
        rest,
    ))
}

/// `YYYY-MM-DD[T| ]hh:mm[:ss[.fraction]][Z|±hh[[:]mm]]`, or a date alone for its midnight.
#[inline]
fn iso_stamp(text: &[u8]) -> Option<Stamp> {
    let (days, rest) = iso_date(text)?;
    let midnight = i64::from(days) * DAY_US;
    let [b'T' | b't' | b' ', rest @ ..] = rest else {
        return rest.is_empty().then_some(Stamp::Local(midnight));
    };
    let (us, rest) = iso_time(rest)?;
    let local = midnight + us;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let (sign, digits) = match rest {
        [] => return Some(Stamp::Local(local)),
        [b'Z' | b'z'] | b"UTC" => return Some(Stamp::Utc(local)),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits {
        [h1, h2] => (two(*h1, *h2)?, 0),
        [h1, h2, m1, m2] | [h1, h2, b':', m1, m2] => (two(*h1, *h2)?, two(*m1, *m2)?),
        _ => return None,
    };
    if hours > 18 || minutes > 59 {
        return None;
    }
    Some(Stamp::Utc(
        local - sign * i64::from(hours * 3_600 + minutes * 60) * SECOND_US,
    ))
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<i32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i32::from(tens) * 10 + i32::from(ones))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn iso() -> TemporalFormat {
        TemporalFormat {
            patterns: Vec::new(),
            locale: Locale::En,
            zone: None,
            epoch: None,
        }
    }

    #[test]
    fn zones_become_utc() {
        let ten = 1_357_034_400_000_000;
        for text in [
            "2013-01-01T10:00:00Z",
            "2013-01-01 10:00:00+00",
            "2013-01-01T05:00-05:00",
            "2013-01-01T15:30:00.000+0530",
            "2013-01-01 10:00:00 UTC",
        ] {
            assert_eq!(utc(text.as_bytes(), &iso()), Ok(ten), "{text}");
        }
        let new_york = TemporalFormat {
            zone: Some(chrono_tz::America::New_York),
            ..iso()
        };
        assert_eq!(utc(b"2013-01-01T05:00:00", &new_york), Ok(ten));
        assert_eq!(
            utc(b"2013-03-10T02:30:00", &new_york).expect_err("gap").reason,
            Reason::Zone
        );
        assert_eq!(
            utc(b"2013-11-03T01:30:00", &new_york).expect_err("twice").reason,
            Reason::Zone
        );
        assert_eq!(
            utc(b"2013-01-01T05:00:00", &iso()).expect_err("no zone").reason,
            Reason::Zone
        );
        assert_eq!(
            local(b"2013-01-01T10:00:00Z", &iso()).expect_err("zone").reason,
            Reason::Zone
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "2013-02-29",
            "2013-13-01",
            "2013-00-10",
            "2013-1-1",
            "20130101",
            "2013-01-01T24:00:00Z",
            "2013-01-01T10",
            "2013-01-01T10:60Z",
            "2013-01-01T10:00:00.",
            "2013-01-01T10:00:00+1",
            "2013-01-01x",
            "",
            "0000-00-00",
            "0000-01-01T00:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
        ] {
            assert!(utc(text.as_bytes(), &iso()).is_err(), "{text}");
        }
        assert_eq!(
            date(b"1900-02-29", &iso()).expect_err("no leap year").reason,
            Reason::Type
        );
        assert_eq!(date(b"2000-02-29", &iso()), Ok(11_016));
    }

    #[test]
    fn patterns_and_epochs() {
        let german = TemporalFormat {
            patterns: vec!["%d.%m.%Y".into(), "%d.%m.%y".into()],
            ..iso()
        };
        assert_eq!(date(b"28.02.2013", &german), Ok(15_764));
        assert_eq!(
            date(b"2013-02-28", &german).expect_err("another pattern").reason,
            Reason::Type
        );
        let epoch = TemporalFormat {
            epoch: Some(EpochUnit::Millisecond),
            ..iso()
        };
        assert_eq!(utc(b"1357034400000", &epoch), Ok(1_357_034_400_000_000));
        assert_eq!(utc(b"2013-01-01T10:00:00Z", &epoch), Ok(1_357_034_400_000_000));
        assert_eq!(time(b"23:59:59.5", &iso()), Ok(86_399_500_000));
    }

    proptest! {
        #[test]
        fn agrees_with_chrono(seconds in -62_135_596_800_i64..253_402_300_799, us in 0_u32..1_000_000) {
            let stamp = DateTime::from_timestamp(seconds, us * 1_000).unwrap();
            let text = stamp.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
            prop_assert_eq!(utc(text.as_bytes(), &iso()), Ok(stamp.timestamp_micros()));
            let day = stamp.format("%Y-%m-%d").to_string();
            prop_assert_eq!(i64::from(date(day.as_bytes(), &iso()).unwrap()), seconds.div_euclid(86_400));
        }

        #[test]
        fn no_input_panics(text in "[0-9TZ:+. -]{0,40}") {
            let _ = (utc(text.as_bytes(), &iso()), date(text.as_bytes(), &iso()), time(text.as_bytes(), &iso()));
        }
    }
}

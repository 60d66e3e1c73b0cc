//! Dates, times of day, timestamps. Of the years 1 to 9999, as everywhere in the lake.

use crate::{
    arithmetic::fits,
    error::{Span, Why},
    plan::Plan,
    units::Unit,
    vector::{Vector, strict},
};
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike};
use watershed_lake::ColumnType;

const DAY_MICROS: i64 = 86_400_000_000;

/// In text.
const DATE: &str = "%Y-%m-%d";
const TIME: &str = "%H:%M:%S%.f";

/// Days or microseconds as a date and time; of a time of day, on 1970-01-01.
fn moment(value: i64, kind: ColumnType) -> Option<NaiveDateTime> {
    let micros = match kind {
        ColumnType::Date => value.checked_mul(DAY_MICROS)?,
        _ => value,
    };
    Some(DateTime::from_timestamp_micros(micros)?.naive_utc())
}

/// The date and time as a value of the type; only of the years that there are.
fn value(moment: NaiveDateTime, kind: ColumnType) -> Result<i64, Why> {
    if !(1..=9999).contains(&moment.year()) {
        return Err(Why::Year);
    }
    let micros = moment.and_utc().timestamp_micros();
    Ok(match kind {
        ColumnType::Date => micros.div_euclid(DAY_MICROS),
        ColumnType::Time => micros.rem_euclid(DAY_MICROS),
        _ => micros,
    })
}

/// Between dates, timestamps and times of day.
pub(crate) fn convert(from: i64, kind: ColumnType, to: ColumnType) -> Result<i64, Why> {
    if kind == to || (kind == ColumnType::Int && to == ColumnType::Long) {
        return Ok(from);
    }
    if matches!(to, ColumnType::Int | ColumnType::Long) {
        return fits(from, Some(to));
    }
    value(moment(from, kind).ok_or(Why::Year)?, to)
}

/// ISO 8601; none where it is of no year.
pub(crate) fn text(value: i64, kind: ColumnType) -> Option<String> {
    let moment = moment(value, kind)?;
    Some(match kind {
        ColumnType::Date => moment.format(DATE).to_string(),
        ColumnType::Time => moment.format(TIME).to_string(),
        ColumnType::TimestampTz => format!("{}Z", moment.format("%Y-%m-%dT%H:%M:%S%.f")),
        _ => moment.format("%Y-%m-%dT%H:%M:%S%.f").to_string(),
    })
}

/// ISO 8601, a blank in place of `T` as well; no more digits of a second than six.
pub(crate) fn read(text: &str, kind: ColumnType) -> Option<i64> {
    if text
        .split('.')
        .nth(1)
        .is_some_and(|rest| rest.bytes().take_while(u8::is_ascii_digit).count() > 6)
    {
        return None;
    }
    let date = |text: &str| {
        let padded = text.len() == 10 && text.is_ascii();
        NaiveDate::parse_from_str(text, DATE).ok().filter(|_| padded)
    };
    let time = |text: &str| {
        let padded = text.len() >= 5 && text.as_bytes()[2] == b':';
        let parsed = NaiveTime::parse_from_str(text, TIME).or_else(|_| NaiveTime::parse_from_str(text, "%H:%M"));
        parsed.ok().filter(|_| padded)
    };
    let local = |text: &str| {
        let (day, clock) = (text.get(..10)?, text.get(11..)?);
        let joined = matches!(text.as_bytes()[10], b' ' | b'T');
        Some(date(day)?.and_time(time(clock)?)).filter(|_| joined)
    };
    let moment = match kind {
        ColumnType::Date => date(text)?.and_time(NaiveTime::MIN),
        ColumnType::Time => NaiveDate::from_ymd_opt(1970, 1, 1)?.and_time(time(text)?),
        ColumnType::Timestamp => local(text)?,
        _ => DateTime::parse_from_rfc3339(text).ok()?.naive_utc(),
    };
    value(moment, kind).ok()
}

/// Year, month, day.
pub(crate) fn make_date(arguments: &[Vector], rows: usize, span: Span) -> Vector {
    let [year, month, day] = [0, 1, 2].map(|index| arguments[index].longs());
    strict(arguments, rows, span, |row| {
        let year = i32::try_from(year.at(row))
            .ok()
            .filter(|year| (1..=9999).contains(year));
        let part = |part: i64| u32::try_from(part).unwrap_or(0);
        let date = NaiveDate::from_ymd_opt(year.ok_or(Why::Year)?, part(month.at(row)), part(day.at(row)));
        let date = date.ok_or(Why::NotA(ColumnType::Date))?;
        value(date.and_time(NaiveTime::MIN), ColumnType::Date)
    })
}

/// An integer; of `epoch` a decimal with six decimals.
pub(crate) fn extract(unit: Unit, plan: &Plan, of: &Vector, rows: usize) -> Vector {
    let Some(kind) = plan.arguments[0].kind else {
        return Vector::null();
    };
    let (one, values) = (std::slice::from_ref(of), of.longs());
    if unit == Unit::Epoch {
        let by = if kind == ColumnType::Date { DAY_MICROS } else { 1 };
        return strict(one, rows, plan.span, |row| {
            Ok(i128::from(values.at(row)) * i128::from(by))
        });
    }
    strict(one, rows, plan.span, |row| {
        let at = moment(values.at(row), kind).ok_or(Why::Year)?;
        Ok(match unit {
            Unit::Year => i64::from(at.year()),
            Unit::Quarter => i64::from(at.quarter()),
            Unit::Month => i64::from(at.month()),
            Unit::Week => i64::from(at.iso_week().week()),
            Unit::Day => i64::from(at.day()),
            Unit::Hour => i64::from(at.hour()),
            Unit::Minute => i64::from(at.minute()),
            Unit::DayOfWeek => i64::from(at.weekday().number_from_monday()),
            Unit::DayOfYear => i64::from(at.ordinal()),
            Unit::Second | Unit::Epoch => i64::from(at.second()),
        })
    })
}

/// Down to the beginning of the unit; weeks begin on Monday.
pub(crate) fn truncate(unit: Unit, plan: &Plan, of: &Vector, rows: usize) -> Vector {
    let Some(kind) = plan.kind else { return Vector::null() };
    let values = of.longs();
    strict(std::slice::from_ref(of), rows, plan.span, |row| {
        let at = moment(values.at(row), kind).ok_or(Why::Year)?;
        let first = |month: u32| NaiveDate::from_ymd_opt(at.year(), month, 1);
        let date = match unit {
            Unit::Year => first(1),
            Unit::Quarter => first(at.month0() / 3 * 3 + 1),
            Unit::Month => first(at.month()),
            Unit::Week => {
                let days = u64::from(at.weekday().num_days_from_monday());
                at.date().checked_sub_days(chrono::Days::new(days))
            }
            _ => Some(at.date()),
        };
        let clock = match unit {
            Unit::Hour => at.time().with_minute(0).and_then(|t| t.with_second(0)),
            Unit::Minute => at.time().with_second(0),
            Unit::Second => Some(at.time()),
            _ => Some(NaiveTime::MIN),
        };
        let clock = clock.and_then(|clock| clock.with_nanosecond(0));
        let cut = date
            .zip(clock)
            .map(|(date, clock)| date.and_time(clock))
            .ok_or(Why::Year)?;
        value(cut, kind)
    })
}

/// So many units later; the day of a month that is too short is its last.
pub(crate) fn shift(count: i64, unit: Unit, plan: &Plan, of: &Vector, rows: usize) -> Vector {
    let Some(kind) = plan.kind else { return Vector::null() };
    let values = of.longs();
    strict(std::slice::from_ref(of), rows, plan.span, |row| {
        let at = moment(values.at(row), kind).ok_or(Why::Year)?;
        let later = if let Some(months) = unit.months() {
            let months = count.checked_mul(months).ok_or(Why::Year)?;
            let by = Months::new(u32::try_from(months.unsigned_abs()).map_err(|_| Why::Year)?);
            if months < 0 {
                at.checked_sub_months(by)
            } else {
                at.checked_add_months(by)
            }
        } else {
            let micros = unit
                .micros()
                .and_then(|micros| micros.checked_mul(count))
                .ok_or(Why::Year)?;
            at.checked_add_signed(chrono::TimeDelta::microseconds(micros))
        };
        value(later.ok_or(Why::Year)?, kind)
    })
}

/// An instant as the zone's clocks show it, or what they show as the instant.
pub(crate) fn at_zone(zone: chrono_tz::Tz, plan: &Plan, of: &Vector, rows: usize) -> Vector {
    let Some(kind) = plan.kind else { return Vector::null() };
    let values = of.longs();
    strict(std::slice::from_ref(of), rows, plan.span, |row| {
        let at = moment(values.at(row), ColumnType::Timestamp).ok_or(Why::Year)?;
        let there = if kind == ColumnType::Timestamp {
            zone.from_utc_datetime(&at).naive_local()
        } else {
            let instant = zone.from_local_datetime(&at).single();
            instant.ok_or(Why::LocalTime)?.naive_utc()
        };
        value(there, kind)
    })
}

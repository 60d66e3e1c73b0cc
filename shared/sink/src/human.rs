//! Partition values as people read them in a path: what Iceberg's Java `Transform.toHumanString` gives.

use crate::error::SinkError;
use arrow_array::{Array, ArrayRef, cast::AsArray, types};
use arrow_schema::{DataType, TimeUnit};
use watershed_lake::Transform;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// The value at `row` of a partition column that `transform` made.
pub fn partition_value(array: &ArrayRef, row: usize, transform: Transform) -> Result<String, SinkError> {
    if array.is_null(row) {
        return Ok("null".into());
    }
    let ordinal = || i64::from(array.as_primitive::<types::Int32Type>().value(row));
    Ok(match transform {
        Transform::Year => format!("{:04}", 1970 + ordinal()),
        Transform::Month => format!(
            "{:04}-{:02}",
            1970 + ordinal().div_euclid(12),
            ordinal().rem_euclid(12) + 1
        ),
        Transform::Day => date(ordinal()),
        Transform::Hour => format!("{}-{:02}", date(ordinal().div_euclid(24)), ordinal().rem_euclid(24)),
        Transform::Identity | Transform::Bucket(_) | Transform::Truncate(_) => plain(array, row)?,
    })
}

fn plain(array: &ArrayRef, row: usize) -> Result<String, SinkError> {
    Ok(match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<types::Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<types::Int64Type>().value(row).to_string(),
        DataType::Float32 => format!("{:?}", array.as_primitive::<types::Float32Type>().value(row)),
        DataType::Float64 => format!("{:?}", array.as_primitive::<types::Float64Type>().value(row)),
        DataType::Decimal128(_, _) => array.as_primitive::<types::Decimal128Type>().value_as_string(row),
        DataType::Date32 => date(i64::from(array.as_primitive::<types::Date32Type>().value(row))),
        DataType::Time64(TimeUnit::Microsecond) => {
            time(array.as_primitive::<types::Time64MicrosecondType>().value(row))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = array.as_primitive::<types::TimestampMicrosecondType>().value(row);
            let (day, of_day) = (micros.div_euclid(MICROS_PER_DAY), micros.rem_euclid(MICROS_PER_DAY));
            format!(
                "{}T{}{}",
                date(day),
                time(of_day),
                if zone.is_some() { "Z" } else { "" }
            )
        }
        DataType::Utf8 => array.as_string::<i32>().value(row).to_string(),
        DataType::Binary => base64(array.as_binary::<i32>().value(row)),
        other => {
            return Err(SinkError::Internal(format!(
                "a partition value of type {other} has no text"
            )));
        }
    })
}

fn date(days: i64) -> String {
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// As Java's `LocalTime.toString`: the shortest of `HH:mm`, `HH:mm:ss`, and three or six digits of a second.
fn time(micros: i64) -> String {
    let (seconds, fraction) = (micros / MICROS_PER_SECOND, micros % MICROS_PER_SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (second, fraction) {
        (0, 0) => format!("{hour:02}:{minute:02}"),
        (_, 0) => format!("{hour:02}:{minute:02}:{second:02}"),
        (_, f) if f % 1000 == 0 => format!("{hour:02}:{minute:02}:{second:02}.{:03}", f / 1000),
        (_, f) => format!("{hour:02}:{minute:02}:{second:02}.{f:06}"),
    }
}

/// Year, month (1 to 12) and day (1 to 31) in the proleptic Gregorian calendar of a day since 1970-01-01.
/// Counts in 400-year eras from 0000-03-01, so that the leap day is the last of its year.
pub fn civil(days_since_1970: i64) -> (i64, i64, i64) {
    let days = days_since_1970 + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |w, b| w << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let index = (word >> (18 - 6 * digit)) & 63;
            out.push(if digit <= chunk.len() {
                char::from(ALPHABET[index as usize])
            } else {
                '='
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        for (days, want) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (17_486, "2017-11-16"),
            (11_016, "2000-02-29"),
            (-719_528, "0000-01-01"),
            (-25_509, "1900-02-28"),
            (-25_508, "1900-03-01"),
        ] {
            assert_eq!(date(days), want);
        }
    }

    #[test]
    fn times_are_as_short_as_they_can_be() {
        assert_eq!(time(25_200_000_000), "07:00");
        assert_eq!(time(25_201_000_000), "07:00:01");
        assert_eq!(time(25_201_500_000), "07:00:01.500");
        assert_eq!(time(25_201_500_001), "07:00:01.500001");
    }

    /// RFC 4648, section 10.
    #[test]
    fn binary_is_base64() {
        for (bytes, want) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), want);
        }
    }
}

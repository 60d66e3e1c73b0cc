//! How long a dataset is kept. A value that exists is valid.

use chrono::{DateTime, Months};

/// How long the rows and files of a dataset are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Rows of the table; none: for ever.
    pub rows: Option<RowRetention>,
    /// Snapshots that are no longer current, in milliseconds; none: as the table says.
    pub snapshots_ms: Option<i64>,
    /// Refused rows, by the time of their source, in milliseconds; none: for ever.
    pub quarantine_ms: Option<i64>,
    /// Metadata that the table no longer names, in milliseconds.
    pub orphans_ms: i64,
    /// Data files that the table does not name, or no longer, in milliseconds.
    pub staged_ms: i64,
    /// Raw objects; none: as the bucket says.
    pub raw: Option<RawRetention>,
}

/// When raw objects move to cheaper storage classes, and when they go: in days since they were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RawRetention {
    /// To `STANDARD_IA`.
    pub infrequent_days: Option<u32>,
    /// To `GLACIER_IR`.
    pub archive_days: Option<u32>,
    /// Gone.
    pub expire_days: Option<u32>,
}

/// How long the rows of a table are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowRetention {
    /// Index of the column that says how old a row is: dates or timestamps.
    pub column: usize,
    /// Rows that are older go.
    pub age: Age,
}

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Milliseconds.
    Ms(i64),
    /// Months of the calendar.
    Months(u32),
}

/// What is older at a time is what lies before the day, in UTC, that this gives: microseconds since 1970-01-01T00:00:00Z. Of a whole day it is
/// the same, so that asking again asks the same.
impl Age {
    /// `now_ms`: milliseconds since 1970-01-01T00:00:00Z.
    pub fn before_us(self, now_ms: i64) -> i64 {
        let ms = match self {
            Self::Ms(age_ms) => now_ms.saturating_sub(age_ms),
            Self::Months(months) => DateTime::from_timestamp_millis(now_ms)
                .and_then(|now| now.checked_sub_months(Months::new(months)))
                // Before the calendar begins nothing is older.
                .map_or(i64::MIN, |before| before.timestamp_millis()),
        };
        ms.div_euclid(DAY_MS).saturating_mul(DAY_MS * 1_000)
    }
}

const DAY_MS: i64 = 24 * 3_600 * 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_the_calendar_s_and_days_begin_in_utc() {
        let ms = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
        let before = |age: Age, now: &str| {
            DateTime::from_timestamp_micros(age.before_us(ms(now)))
                .unwrap()
                .to_rfc3339()
        };
        assert_eq!(
            before(Age::Months(1), "2024-03-31T23:59:59+02:00"),
            "2024-02-29T00:00:00+00:00"
        );
        assert_eq!(
            before(Age::Months(36), "2024-02-29T01:00:00+05:00"),
            "2021-02-28T00:00:00+00:00"
        );
        assert_eq!(
            before(Age::Ms(DAY_MS), "2024-03-01T00:00:00Z"),
            "2024-02-29T00:00:00+00:00"
        );
        assert_eq!(Age::Ms(0).before_us(-1), -DAY_MS * 1_000);
        assert!(Age::Months(u32::MAX).before_us(0) <= i64::MIN + DAY_MS * 1_000);
    }
}

//! Rows that were accepted, and missed a window.

use super::{Place, StreamOrigin, Told, micros, of_stream};
use arrow_array::{RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{ArrowError, SchemaRef};
use std::sync::Arc;
use watershed_decode::check::exact_text;
use watershed_lake::ColumnType;
use watershed_stream::{MAX_KEY_BYTES, MAX_TIME_MS, MIN_TIME_MS, Outcome};

/// A row that missed a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateRow {
    /// Where it stood.
    pub place: Place,
    /// Its bytes, as far as they may be shown.
    pub raw: Vec<u8>,
    /// Why it missed the window.
    pub reason: LateReason,
    /// The window; none: all of the stream's.
    pub window: Option<String>,
    /// When what it tells of happened: milliseconds since 1970-01-01T00:00:00Z.
    pub event_ms: i64,
}

/// Why a row missed a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LateReason {
    /// The window was closed.
    Late {
        /// By how long it had been.
        by_ms: i64,
        /// Since which event time.
        closed_ms: i64,
    },
    /// Its event time is too far ahead of its arrival.
    Future {
        /// By how much it is ahead.
        ahead_ms: i64,
    },
    /// Its event time is none that windows take.
    OutOfRange,
    /// The window's key is longer than [`MAX_KEY_BYTES`].
    KeyTooLong,
}

/// The rows as a batch of the table that `watershed_lake::quarantine::late` makes.
///
/// # Errors
/// The schema is not that of the table.
pub fn late(origin: &StreamOrigin, schema: &SchemaRef, rows: &[LateRow]) -> Result<RecordBatch, ArrowError> {
    let messages: Vec<String> = rows.iter().map(|row| row.reason.message()).collect();
    let told: Vec<Told<'_>> = rows
        .iter()
        .zip(&messages)
        .map(|(row, message)| Told {
            place: row.place,
            length: row.raw.len() as u64,
            column: None,
            reason: row.reason.code(),
            message,
            raw: &row.raw,
        })
        .collect();
    let mut columns = of_stream(origin, &told);
    let windows = rows.iter().map(|row| row.window.as_deref());
    columns.push(Arc::new(windows.collect::<StringArray>()));
    let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| micros(row.event_ms)));
    columns.push(Arc::new(times.with_timezone("UTC")));
    RecordBatch::try_new(Arc::clone(schema), columns)
}

impl LateReason {
    /// None: the record is in its windows, was seen before, or is a fault of whoever gave it.
    pub fn of(outcome: Outcome) -> Option<Self> {
        Some(match outcome {
            Outcome::Late { by_ms, closed_ms } => Self::Late { by_ms, closed_ms },
            Outcome::Future { ahead_ms } => Self::Future { ahead_ms },
            Outcome::OutOfRange => Self::OutOfRange,
            Outcome::KeyTooLong => Self::KeyTooLong,
            Outcome::Added | Outcome::Seen | Outcome::Untyped { .. } => return None,
        })
    }

    /// As the table's `reason` has it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Late { .. } => "late",
            Self::Future { .. } => "future",
            Self::OutOfRange => "event_time_range",
            Self::KeyTooLong => "key_too_long",
        }
    }

    /// The same for people, with what to change.
    pub fn message(self) -> String {
        match self {
            Self::Late { by_ms, closed_ms } => format!(
                "its window closed at {} of event time, which the shard had passed by {}: to take such rows in, make lateness or \
                 outOfOrder longer by more than that",
                time(closed_ms),
                span(by_ms)
            ),
            Self::Future { ahead_ms } => {
                let ahead = span(ahead_ms);
                format!(
                    "its event time is {ahead} ahead of its arrival: mend the clock or the time zone of the producer, or write a maxAhead \
                     of {ahead} or more"
                )
            }
            Self::OutOfRange => format!(
                "its event time is none of {} to {}: mend the producer, or the format of the eventTime column",
                time(MIN_TIME_MS),
                time(MAX_TIME_MS)
            ),
            Self::KeyTooLong => {
                format!("its key has more than {MAX_KEY_BYTES} bytes: write a key of columns with shorter values")
            }
        }
    }
}

fn time(ms: i64) -> String {
    exact_text(i128::from(ms) * 1_000, ColumnType::TimestampTz)
}

/// `1h 30m`, in the contract's units, exact.
fn span(ms: i64) -> String {
    const UNITS: [(&str, i64); 5] = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let mut rest = ms;
    let parts: Vec<String> = UNITS
        .iter()
        .filter_map(|(unit, length)| {
            let count = rest / length;
            rest %= length;
            (count != 0).then(|| format!("{count}{unit}"))
        })
        .collect();
    if parts.is_empty() { "0s".into() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::testing::{dataset, origin, place, shown, written};
    use watershed_sink::arrow_schema;

    #[test]
    fn a_late_row_says_by_how_much_and_what_to_change() {
        let dataset = dataset();
        let table = &dataset.stream().unwrap().late;
        let row = |reason, window: Option<&str>, event_ms| LateRow {
            place: place("12", 4),
            raw: b"{}".to_vec(),
            reason,
            window: window.map(Into::into),
            event_ms,
        };
        let late_by = LateReason::Late {
            by_ms: 3_723_004,
            closed_ms: 1_360_321_200_000,
        };
        let rows = [
            row(late_by, Some("all"), 1_360_317_600_000),
            row(LateReason::Future { ahead_ms: 86_400_000 }, None, 1_360_407_600_250),
            row(LateReason::OutOfRange, None, i64::MAX),
            row(LateReason::KeyTooLong, Some("all"), 0),
        ];
        let batch = late(&origin(), &arrow_schema(table), &rows).unwrap();
        let place = "kinesis://t/shardId-000000000000|12|row|0|2|5||";
        let end = "|7b7d|1.0.0|2013-02-08T11:00:00.250Z|shardId-000000000000|12|4|";
        let expected = [
            "late|its window closed at 2013-02-08T11:00:00Z of event time, which the shard had passed by 1h 2m 3s 4ms: to take such rows \
             in, make lateness or outOfOrder longer by more than that",
            "future|its event time is 1d ahead of its arrival: mend the clock or the time zone of the producer, or write a maxAhead of 1d \
             or more",
        ];
        assert_eq!(
            shown(&batch, 0),
            format!("{place}{}{end}all|2013-02-08T10:00:00Z", expected[0])
        );
        assert_eq!(
            shown(&batch, 1),
            format!("{place}{}{end}|2013-02-09T11:00:00.250Z", expected[1])
        );
        let codes: Vec<&str> = rows.iter().map(|row| row.reason.code()).collect();
        assert_eq!(codes, ["late", "future", "event_time_range", "key_too_long"]);
        assert_eq!(written(table, [batch]), 4);
    }

    #[test]
    fn what_is_in_its_windows_is_not_late() {
        for outcome in [Outcome::Added, Outcome::Seen, Outcome::Untyped { input: 0 }] {
            assert_eq!(LateReason::of(outcome), None);
        }
        let late = Outcome::Late { by_ms: 0, closed_ms: 5 };
        assert_eq!(LateReason::of(late), Some(LateReason::Late { by_ms: 0, closed_ms: 5 }));
        assert_eq!(LateReason::of(Outcome::OutOfRange), Some(LateReason::OutOfRange));
        assert_eq!((span(0), span(90_000)), ("0s".into(), "1m 30s".into()));
    }
}

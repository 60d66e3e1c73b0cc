//! A series and its alarms, for people. Holds a bounded part of it, however long it is.

use crate::table::aligned;
use watershed_anomaly::{Reason, Verdict};

/// Columns of the plot.
const WIDTH: usize = 72;
/// Lines of the plot.
const HEIGHT: usize = 8;
/// Alarms that are shown.
const MAX_SHOWN: usize = 10;

/// What is seen of a series.
pub struct Shown {
    rows: u64,
    alarms: u64,
    columns: Vec<Column>,
    /// Rows that the columns hold, the last one not yet all of them.
    rows_per_column: u64,
    worst: Vec<Alarm>,
}

/// Some rows beside each other.
#[derive(Debug, Clone, Copy)]
struct Column {
    low: f64,
    high: f64,
    alarm: bool,
}

struct Alarm {
    timestamp: String,
    score: f32,
    reason: Reason,
}

impl Shown {
    pub fn new() -> Self {
        Self {
            rows: 0,
            alarms: 0,
            columns: Vec::new(),
            rows_per_column: 1,
            worst: Vec::new(),
        }
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub fn alarms(&self) -> u64 {
        self.alarms
    }

    /// Takes in a row.
    pub fn observe(&mut self, timestamp: &str, value: f64, verdict: &Verdict) {
        if self.rows == self.rows_per_column * WIDTH as u64 {
            self.columns = self.columns.chunks(2).map(joined).collect();
            self.rows_per_column *= 2;
        }
        if self.rows.is_multiple_of(self.rows_per_column) {
            self.columns.push(Column {
                low: f64::INFINITY,
                high: f64::NEG_INFINITY,
                alarm: false,
            });
        }
        self.rows += 1;
        if let Some(column) = self.columns.last_mut().filter(|_| value.is_finite()) {
            column.low = column.low.min(value);
            column.high = column.high.max(value);
            column.alarm |= verdict.alarm;
        }
        if let Some(reason) = verdict.reason {
            self.alarms += 1;
            let place = self.worst.partition_point(|alarm| alarm.score >= verdict.score);
            if place < MAX_SHOWN {
                self.worst.insert(
                    place,
                    Alarm {
                        timestamp: timestamp.into(),
                        score: verdict.score,
                        reason,
                    },
                );
                self.worst.truncate(MAX_SHOWN);
            }
        }
    }

    /// Plot and table.
    pub fn text(&self) -> String {
        let mut out = self.plot();
        out.push_str(&format!("{} rows, {} alarms", self.rows, self.alarms));
        if self.alarms > self.worst.len() as u64 {
            out.push_str(&format!("; the {} worst:", self.worst.len()));
        }
        out.push('\n');
        out.push_str(&self.table());
        out
    }

    fn plot(&self) -> String {
        let low = self
            .columns
            .iter()
            .map(|column| column.low)
            .fold(f64::INFINITY, f64::min);
        let high = self
            .columns
            .iter()
            .map(|column| column.high)
            .fold(f64::NEG_INFINITY, f64::max);
        if low > high {
            return String::new();
        }
        let line_height = (high - low).max(f64::MIN_POSITIVE) / HEIGHT as f64;
        let line = |value: f64| (((value - low) / line_height) as usize).min(HEIGHT - 1);
        let mut out = String::new();
        for at in (0..HEIGHT).rev() {
            let label = match at {
                _ if at == HEIGHT - 1 => number(high),
                0 => number(low),
                _ => String::new(),
            };
            let cells = self.columns.iter().map(|column| {
                let covers = column.low <= column.high && (line(column.low)..=line(column.high)).contains(&at);
                if covers { '█' } else { ' ' }
            });
            let cells: String = cells.collect();
            out.push_str(format!("{label:>12} │{cells}").trim_end());
            out.push('\n');
        }
        let marks: String = self
            .columns
            .iter()
            .map(|column| if column.alarm { '▲' } else { ' ' })
            .collect();
        out.push_str(format!("{:>12} └{marks}", "alarms").trim_end());
        out.push('\n');
        out
    }

    fn table(&self) -> String {
        if self.worst.is_empty() {
            return String::new();
        }
        let heads = ["timestamp", "score", "signal", "observed", "expected", "usual", "why"].map(String::from);
        let rows: Vec<[String; 7]> = std::iter::once(heads).chain(self.worst.iter().map(cells)).collect();
        aligned(&rows)
    }
}

fn cells(alarm: &Alarm) -> [String; 7] {
    let reason = &alarm.reason;
    [
        alarm.timestamp.clone(),
        format!("{:.3}", alarm.score),
        reason.signal.to_string(),
        number(reason.observed),
        number(reason.expected),
        format!("{} … {}", number(reason.low), number(reason.high)),
        reason.signal.meaning().into(),
    ]
}

/// As many digits as one looks at.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if !(1e-3..1e9).contains(&size) => format!("{value:.2e}"),
        size if size < 1.0 => format!("{value:.4}"),
        size if size < 1e4 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}

fn joined(columns: &[Column]) -> Column {
    columns.iter().skip(1).fold(columns[0], |a, b| Column {
        low: a.low.min(b.low),
        high: a.high.max(b.high),
        alarm: a.alarm || b.alarm,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use watershed_anomaly::{Detector, Settings};

    #[test]
    fn a_long_series_is_shown_in_a_bounded_plot_with_its_alarm() {
        let mut detector = Detector::new(&Settings::default()).expect("within bounds");
        let mut shown = Shown::new();
        for row in 0..10_000_i64 {
            let value = match row {
                7_000 => 95.0,
                8_000 => f64::NAN,
                _ => 20.0 + (row * 37 % 11) as f64,
            };
            let verdict = detector.observe(row * 60_000, value);
            shown.observe(&format!("row {row}"), value, &verdict);
        }
        let text = shown.text();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() < 160), "{text}");
        assert!(
            lines[0].starts_with("       95.00 │") && lines[0].ends_with('█'),
            "{text}"
        );
        assert!(lines[7].starts_with("       20.00 │█"), "{text}");
        assert_eq!(
            lines[0].chars().count(),
            lines[8].chars().count(),
            "the mark stands under the spike: {text}"
        );
        assert_eq!(lines[9], "10000 rows, 1 alarms");
        assert!(lines[11].starts_with("row 7000   0."), "{text}");
    }

    #[test]
    fn a_series_without_values_is_told_in_words() {
        let mut shown = Shown::new();
        let mut detector = Detector::new(&Settings::default()).expect("within bounds");
        shown.observe("now", f64::NAN, &detector.observe(0, f64::NAN));
        assert_eq!(shown.text(), "1 rows, 0 alarms\n");
    }
}

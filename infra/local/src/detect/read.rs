//! Rows of a series from CSV.

use crate::{Error, Result};
use chrono::{DateTime, NaiveDateTime};
use std::io::{BufRead, Read as _};

/// A line is not longer.
const MAX_LINE_BYTES: u64 = 64 * 1_024;
/// Whole numbers up to this are seconds since 1970 (the year 5138), larger ones milliseconds.
const MOST_SECONDS: i64 = 100_000_000_000;
/// How a missing value may be written, besides an empty cell.
const MISSING: [&str; 4] = ["nan", "null", "none", "na"];
/// How a timestamp without a zone may be written.
const LOCAL: [&str; 4] = [
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
];

/// One after the other.
pub struct Rows<'a, R> {
    name: &'a str,
    input: R,
    line: Vec<u8>,
    number: u64,
    timestamp: usize,
    value: usize,
}

/// A row, and its cells as they stand in the file.
#[derive(Debug, PartialEq)]
pub struct Row<'a> {
    pub timestamp: &'a str,
    pub text: &'a str,
    pub time_ms: i64,
    /// NaN where it is missing.
    pub value: f64,
}

impl<'a, R: BufRead> Rows<'a, R> {
    /// Reads the header. `name` is the file's, for messages.
    pub fn new(name: &'a str, input: R) -> Result<Self> {
        let mut rows = Self {
            name,
            input,
            line: Vec::new(),
            number: 0,
            timestamp: 0,
            value: 0,
        };
        rows.read()?;
        let head = rows.text()?.trim_start_matches('\u{feff}');
        let place = |wanted: &str| cells(head).position(|cell| cell.eq_ignore_ascii_case(wanted));
        match (place("timestamp"), place("value")) {
            (Some(timestamp), Some(value)) => (rows.timestamp, rows.value) = (timestamp, value),
            _ => return Err(rows.wrong(&format!("the header is `{}`", shown(head)), "write `timestamp,value`")),
        }
        Ok(rows)
    }

    /// The next row; none at the end.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>> {
        loop {
            if !self.read()? {
                return Ok(None);
            }
            if !self.line.trim_ascii().is_empty() {
                return self.row().map(Some);
            }
        }
    }

    fn row(&self) -> Result<Row<'_>> {
        let line = self.text()?;
        let cell = |at: usize, name: &str| {
            cells(line).nth(at).ok_or_else(|| {
                self.wrong(
                    &format!("the line has no {name}"),
                    "write as many cells as the header has",
                )
            })
        };
        let timestamp = cell(self.timestamp, "timestamp")?;
        let text = cell(self.value, "value")?;
        let time_ms = time(timestamp).ok_or_else(|| {
            let help = "write 2014-02-14 14:30:00, RFC 3339, or seconds or milliseconds since 1970";
            self.wrong(&format!("timestamp is `{}`", shown(timestamp)), help)
        })?;
        let value = number(text).ok_or_else(|| {
            let help = "write a number, or nothing where it is missing";
            self.wrong(&format!("value is `{}`", shown(text)), help)
        })?;
        Ok(Row {
            timestamp,
            text,
            time_ms,
            value,
        })
    }

    /// Reads a line. False at the end.
    fn read(&mut self) -> Result<bool> {
        self.line.clear();
        self.number += 1;
        let mut limited = self.input.by_ref().take(MAX_LINE_BYTES);
        let read = limited
            .read_until(b'\n', &mut self.line)
            .map_err(Error::doing(self.name))?;
        if read as u64 == MAX_LINE_BYTES {
            return Err(self.wrong("the line does not end", "write a line for each row"));
        }
        Ok(read > 0)
    }

    fn text(&self) -> Result<&str> {
        let text = std::str::from_utf8(&self.line).map_err(|_| self.wrong("the line is not UTF-8", "write UTF-8"))?;
        Ok(text.trim_end_matches(['\n', '\r']))
    }

    fn wrong(&self, what: &str, help: &str) -> Error {
        Error::new(format!("{}:{}: {what}", self.name, self.number)).help(help)
    }
}

/// Of a line; quotes around them are left out.
fn cells(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(|cell| {
        let cell = cell.trim();
        cell.strip_prefix('"')
            .and_then(|cell| cell.strip_suffix('"'))
            .unwrap_or(cell)
    })
}

/// Short enough for a message.
fn shown(text: &str) -> String {
    text.chars()
        .take(40)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Milliseconds since 1970, of a timestamp as people write it.
pub fn time(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        let seconds = (-MOST_SECONDS..=MOST_SECONDS).contains(&number);
        return Some(if seconds { number * 1_000 } else { number });
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_millis());
    }
    let local = LOCAL
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    Some(local.and_utc().timestamp_millis())
}

/// NaN where it is missing; none where it is no number.
fn number(text: &str) -> Option<f64> {
    if text.is_empty() || MISSING.iter().any(|missing| text.eq_ignore_ascii_case(missing)) {
        return Some(f64::NAN);
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Result<Vec<(i64, f64)>> {
        let mut rows = Rows::new("x.csv", text.as_bytes())?;
        let mut all = Vec::new();
        while let Some(row) = rows.next_row()? {
            all.push((row.time_ms, row.value));
        }
        Ok(all)
    }

    #[test]
    fn timestamps_of_many_kinds_are_one_time() {
        for text in [
            "2014-02-14 14:30:00",
            "2014-02-14 14:30:00.000000",
            "2014-02-14T14:30",
            "2014-02-14T14:30:00Z",
            "2014-02-14T15:30:00+01:00",
            "1392388200",
            "1392388200000",
        ] {
            assert_eq!(time(text), Some(1_392_388_200_000), "{text}");
        }
        for text in ["", "14:30", "2014-02-30 00:00:00", "yesterday"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn columns_are_found_by_name_and_missing_values_are_rows() {
        let read =
            rows("\u{feff}\"value\",host,timestamp\r\n1.5,a,0\r\n\r\n,b,60\r\nNaN,c,120\r\n-2e3,d,180").expect("rows");
        assert_eq!(read.len(), 4);
        assert_eq!((read[0], read[3]), ((0, 1.5), (180_000, -2_000.0)));
        assert!(read[1].1.is_nan() && read[2].1.is_nan());
        assert_eq!(rows("timestamp,value\n").expect("no rows"), []);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let long = format!("timestamp,value\n0,{}\n", "1".repeat(MAX_LINE_BYTES as usize));
        for (text, told) in [
            ("", "x.csv:1: the header is ``\n  write `timestamp,value`"),
            (
                "time,value\n0,1\n",
                "x.csv:1: the header is `time,value`\n  write `timestamp,value`",
            ),
            (
                "timestamp,value\n0,1\n60\n",
                "x.csv:3: the line has no value\n  write as many cells as the header has",
            ),
            (
                "timestamp,value\n\n0,one\n",
                "x.csv:3: value is `one`\n  write a number, or nothing where it is missing",
            ),
            (
                "timestamp,value\nnoon,1\n",
                "x.csv:2: timestamp is `noon`\n  write 2014-02-14 14:30:00, RFC 3339, or seconds or milliseconds since 1970",
            ),
            (&long, "x.csv:2: the line does not end\n  write a line for each row"),
        ] {
            assert_eq!(rows(text).expect_err("wrong").to_string(), told);
        }
    }
}

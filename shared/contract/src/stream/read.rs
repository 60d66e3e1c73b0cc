//! What the contract says of a stream: its name, its times, and what a stream does not have.

use super::{Source, Stream, windows};
use crate::{
    dataset::Format,
    diagnostic::shown,
    drift::UnknownColumns,
    duration,
    property::Property,
    quality::{OnFailure, QualityRule},
    reader::{At, Map},
};
use watershed_lake::{ColumnType, TableSpec, quarantine, windows::anomalies};
use watershed_stream::{MIN_PERIOD_MS, Timing};

/// Keys of the watershed property of a schema object that only a stream has.
pub(crate) const KEYS: [&str; 2] = ["stream", "windows"];
/// Longest name of a stream (Amazon Kinesis Data Streams API Reference, "CreateStream").
pub const MAX_STREAM_NAME_BYTES: usize = 128;
/// How far records may be behind the newest of their shard, unless the contract says something else.
pub const DEFAULT_OUT_OF_ORDER_MS: i64 = 10_000;
/// How far an event time may be ahead of the record's arrival, unless the contract says something else.
pub const DEFAULT_MAX_AHEAD_MS: i64 = 300_000;
const TIMES: [&str; 5] = ["eventTime", "outOfOrder", "lateness", "maxAhead", "idle"];
/// Keys that are about an object, of any format; and of CSV, whose keys other formats refuse themselves.
const OF_OBJECTS: [&str; 1] = ["encoding"];
const OF_CSV: [&str; 4] = ["header", "skipRows", "repeatedHeader", "comment"];

/// What is declared of a stream, before there is a table.
pub(crate) struct Declared<'a> {
    event_time: Option<usize>,
    idle_ms: Option<i64>,
    windows: Vec<windows::Declared<'a>>,
}

/// `stream` and `windows` of the watershed property.
pub(crate) fn read<'a>(custom: Option<&Map<'a>>, columns: &[Property<'a>]) -> Declared<'a> {
    let times = custom.and_then(|custom| custom.get("stream")).and_then(|at| at.map());
    if let Some(times) = &times {
        times.only(&TIMES);
    }
    let get = |key: &str| times.as_ref().and_then(|times| times.get(key));
    let time = |key: &str, least_ms: i64| get(key).and_then(|at| duration::read(&at, least_ms));
    let timing = Timing {
        out_of_order_ms: time("outOfOrder", 0).unwrap_or(DEFAULT_OUT_OF_ORDER_MS),
        allowed_lateness_ms: time("lateness", 0).unwrap_or(0),
        early_ms: None,
        max_ahead_ms: time("maxAhead", 0).unwrap_or(DEFAULT_MAX_AHEAD_MS),
    };
    Declared {
        event_time: get("eventTime").and_then(|at| event_time(&at, columns)),
        idle_ms: time("idle", MIN_PERIOD_MS),
        windows: custom.map_or_else(Vec::new, |custom| windows::read(custom, columns, timing)),
    }
}

fn event_time(at: &At<'_>, columns: &[Property<'_>]) -> Option<usize> {
    let index = windows::column(at, columns)?;
    let column = &columns[index];
    let kind = column.kind?;
    if !matches!(kind, ColumnType::Timestamp | ColumnType::TimestampTz) {
        at.error(
            format!("eventTime {}, which is of type {kind}", column.column.name),
            "write a column of timestamps; without eventTime it is when Kinesis got the record",
        );
    } else if !column.column.required {
        at.error(
            format!("eventTime {}, which may be null", column.column.name),
            "write required: true there",
        );
    }
    Some(index)
}

impl Declared<'_> {
    /// The stream of that name, with the tables that stand beside `table`. None where one of them cannot be called so, which is reported.
    pub(crate) fn stream(self, name: String, table: &TableSpec, map: &Map<'_>) -> Option<Source> {
        let long = || map.error("a name too long for the tables beside it", "write a shorter name");
        let watched = self.windows.iter().any(windows::Declared::is_watched);
        let windows = self
            .windows
            .into_iter()
            .map(|window| window.with_table(table, self.event_time));
        let windows: Vec<_> = windows.collect::<Option<_>>()?;
        let tables = quarantine::late(table).and_then(|late| {
            let anomalies = watched.then(|| anomalies(table)).transpose()?;
            Ok((late, anomalies))
        });
        let (late, anomalies) = tables.inspect_err(|_| long()).ok()?;
        Some(Source::Stream(Box::new(Stream {
            name,
            event_time: self.event_time,
            idle_ms: self.idle_ms,
            windows,
            late,
            anomalies,
        })))
    }
}

/// The stream's name, of its server.
pub(crate) fn check_name(at: &At<'_>, datasets: usize) -> Option<String> {
    let text = at.text()?;
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if text.is_empty() || text.len() > MAX_STREAM_NAME_BYTES || !text.bytes().all(is_name_byte) {
        let help = format!("write its name, not its ARN: letters, digits, _ . and -, at most {MAX_STREAM_NAME_BYTES}");
        at.error(format!("stream {}", shown(text)), help);
        return None;
    }
    if datasets > 1 {
        at.error(
            "one stream for several schema objects",
            "write a contract for each stream: a record does not say which one it is of",
        );
        return None;
    }
    Some(text.into())
}

/// Reports what is about objects, and so nothing of a stream.
pub(crate) fn refuse(
    (custom, format): (Option<&Map<'_>>, &Format),
    columns: &[Property<'_>],
    unknown: &UnknownColumns,
    quality: &[(At<'_>, QualityRule)],
) {
    if let Some(custom) = custom {
        let of_format = if matches!(format, Format::Csv(_)) {
            &OF_CSV[..]
        } else {
            &[]
        };
        let keys = [&OF_OBJECTS[..], of_format].concat();
        custom.refuse(&keys, "a record of a stream is one row in UTF-8: remove it");
        if let (UnknownColumns::Add(_), Some(at)) = (unknown, custom.get("unknownColumns")) {
            at.error("unknownColumns: add of a stream", "write ignore or reject");
        }
    }
    for key in columns.iter().filter_map(|column| column.key.as_ref()) {
        key.at.error(
            "a primary key of a stream",
            "remove it: rows of a stream are not compared with each other",
        );
    }
    for (at, _) in quality
        .iter()
        .filter(|(_, rule)| rule.on_failure != OnFailure::RejectRow)
    {
        at.error(
            "a rule about all rows of an object, and a stream has no objects",
            "write onFailure: rejectRow with mustBe: 0 of nullValues, missingValues, invalidValues or a row rule, or remove it",
        );
    }
}

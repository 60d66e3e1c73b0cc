//! How long what is kept: `slaProperties` of the document, and `retention` of a schema object.

use crate::{
    age::{Age, RawRetention, Retention, RowRetention},
    diagnostic::shown,
    property::Property,
    reader::{At, Map},
};
use watershed_lake::{ColumnType, PartitionField, Transform};

/// Shortest time that snapshots are kept: who reads a table has so long to finish. Requests that come again need no snapshot: the
/// ledger of the table knows them.
pub const MIN_SNAPSHOTS_MS: i64 = DAY_MS;
/// Shortest time that metadata which nothing names is kept: it is named within the minutes that a commit takes, or never.
pub const MIN_ORPHANS_MS: i64 = DAY_MS;
/// Shortest time that data files which nothing names are kept. A request that names them may wait 14 days in its queue and dead-letter
/// queue (Amazon SQS, "Using dead-letter queues": the time counts from the first queue), and as many again after its redrive.
pub const MIN_STAGED_MS: i64 = 29 * DAY_MS;
/// Shortest time that refused rows are kept.
pub const MIN_QUARANTINE_MS: i64 = DAY_MS;
/// Shortest time until raw objects move to `STANDARD_IA`, and from there to `GLACIER_IR` (Amazon S3, "Transitioning objects using
/// Amazon S3 Lifecycle").
pub const MIN_RAW_TIER_MS: i64 = 30 * DAY_MS;
/// Shortest time that raw objects are kept: a message that names them may be delivered so late.
pub const MIN_RAW_MS: i64 = MIN_STAGED_MS;
/// Longest of all these times.
pub const MAX_AGE_MS: i64 = 36_500 * DAY_MS;
/// Most units of the standard's retention.
pub const MAX_RETENTION_UNITS: i64 = 36_500;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const DEFAULT_ORPHANS_MS: i64 = 3 * DAY_MS;
const DEFAULT_STAGED_MS: i64 = 30 * DAY_MS;
const DURATION: &str = "hours or days: 36h, 30d";

impl Default for Retention {
    fn default() -> Self {
        Self {
            rows: None,
            snapshots_ms: None,
            quarantine_ms: None,
            orphans_ms: DEFAULT_ORPHANS_MS,
            staged_ms: DEFAULT_STAGED_MS,
            raw: None,
        }
    }
}

/// The entries of the document's `slaProperties` that are kept here, and what each is about.
pub(crate) struct Sla<'a> {
    entries: Vec<Entry<'a>>,
}

/// What an entry promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// How long rows are kept.
    Retention,
    /// How often rows come.
    Frequency,
    /// How old the newest rows are.
    Latency,
}

/// By the standard's words.
const PROMISES: [(&str, Promise); 4] = [
    ("retention", Promise::Retention),
    ("frequency", Promise::Frequency),
    ("latency", Promise::Latency),
    ("freshness", Promise::Latency),
];

pub(crate) struct Entry<'a> {
    pub(crate) promise: Promise,
    pub(crate) map: Map<'a>,
    /// `object`, or `object.column`.
    pub(crate) element: At<'a>,
    pub(crate) object: &'a str,
    pub(crate) column: Option<&'a str>,
}

impl<'a> Sla<'a> {
    /// `objects`: names of the schema objects. Entries about none of them are reported.
    pub(crate) fn read(root: &Map<'a>, objects: &[&str]) -> Self {
        let maps = root.list("slaProperties").into_iter().filter_map(|at| at.map());
        let entries = maps.filter_map(|map| {
            let property = map.get("property").filter(At::is_text)?;
            let known = PROMISES.iter().find(|(word, _)| property.text() == Some(word))?;
            entry(root, objects, map, *known)
        });
        Self {
            entries: entries.collect(),
        }
    }

    /// Those about that schema object.
    pub(crate) fn of<'s>(&'s self, object: &'s str) -> impl Iterator<Item = &'s Entry<'a>> {
        self.entries.iter().filter(move |entry| entry.object == object)
    }

    fn rows(&self, object: &str, columns: &[Property<'_>], partition: &[PartitionField]) -> Option<RowRetention> {
        let mut own = self.of(object).filter(|entry| entry.promise == Promise::Retention);
        let entry = own.next()?;
        if let Some(second) = own.next() {
            second
                .element
                .error(format!("a second retention of {object}"), "remove one");
        }
        let (column, age) = (column(entry, columns, partition), age(&entry.map));
        Some(RowRetention {
            column: column?,
            age: age?,
        })
    }
}

/// None: what it is about was reported.
fn entry<'a>(root: &Map<'a>, objects: &[&str], map: Map<'a>, (word, promise): (&str, Promise)) -> Option<Entry<'a>> {
    const HELP: &str = "write element: the name of a schema object, a point, and its column that says how old a row is";
    let element = map.get("element").or_else(|| root.get("slaDefaultElement"));
    let Some(element) = element else {
        // The standard lets others be said of everything at once: to people.
        if promise == Promise::Retention {
            map.error(format!("a {word} without element"), HELP);
        }
        return None;
    };
    let text = element.text()?;
    let (object, column) = text.split_once('.').map_or((text, None), |(o, c)| (o, Some(c)));
    if !objects.contains(&object) {
        element.error(format!("element {} is of no schema object", shown(text)), HELP);
        return None;
    }
    Some(Entry {
        promise,
        map,
        element,
        object,
        column,
    })
}

/// The column that the element names, or else the one whose time the table is partitioned by.
fn column(entry: &Entry<'_>, columns: &[Property<'_>], partition: &[PartitionField]) -> Option<usize> {
    use Transform::{Day, Hour, Month, Year};
    let help = format!("write element: {}. and a column of dates or timestamps", entry.object);
    let Some(name) = entry.column else {
        let timed = |field: &&PartitionField| matches!(field.transform, Year | Month | Day | Hour);
        let mut timed: Vec<usize> = partition.iter().filter(timed).map(|field| field.column).collect();
        timed.dedup();
        if let [one] = timed[..] {
            return Some(one);
        }
        entry
            .element
            .error("a retention that does not say by which column", help);
        return None;
    };
    let found = columns.iter().position(|column| column.column.name == name);
    let kind = found.and_then(|index| columns[index].kind);
    let is_time = |kind| matches!(kind, ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampTz);
    match (found, kind) {
        (Some(index), Some(kind)) if is_time(kind) => Some(index),
        // Its type was reported.
        (Some(_), None) => None,
        (Some(_), Some(kind)) => {
            entry
                .element
                .error(format!("a retention by {name}, which is {kind}"), help);
            None
        }
        (None, _) => {
            entry
                .element
                .error(format!("no column {} in the table", shown(name)), help);
            None
        }
    }
}

/// `value` and `unit`.
fn age(map: &Map<'_>) -> Option<Age> {
    let value = map
        .need("value", "write value: how many units")?
        .integer(1, MAX_RETENTION_UNITS)?;
    let days = |days: i64| Age::Ms(value * days * DAY_MS);
    let months = |months: u32| Age::Months(u32::try_from(value).unwrap_or(u32::MAX).saturating_mul(months));
    let units = ["d", "day", "days"].map(|unit| (unit, days(1))).into_iter();
    let units = units.chain(["w", "week", "weeks"].map(|unit| (unit, days(7))));
    let units = units.chain(["m", "mo", "month", "months"].map(|unit| (unit, months(1))));
    let units = units.chain(["y", "yr", "year", "years"].map(|unit| (unit, months(12))));
    map.need("unit", "write unit: d, w, m (months) or y")?
        .word(&units.collect::<Vec<_>>())
}

/// Of the schema object `map`, and its watershed property.
pub(crate) fn read(
    (map, custom): (&Map<'_>, Option<&Map<'_>>),
    sla: &Sla<'_>,
    columns: &[Property<'_>],
    partition: &[PartitionField],
) -> Retention {
    let object = map.get("name").filter(At::is_text).and_then(|at| at.text());
    let mut retention = Retention {
        rows: sla.rows(object.unwrap_or_default(), columns, partition),
        ..Retention::default()
    };
    let Some(map) = custom.and_then(|c| c.get("retention")).and_then(|at| at.map()) else {
        return retention;
    };
    map.only(&["snapshots", "quarantine", "orphans", "staged", "raw"]);
    let read = |key: &str, least_ms: i64| map.get(key).and_then(|at| duration(&at, least_ms));
    retention.snapshots_ms = read("snapshots", MIN_SNAPSHOTS_MS);
    retention.quarantine_ms = read("quarantine", MIN_QUARANTINE_MS);
    retention.orphans_ms = read("orphans", MIN_ORPHANS_MS).unwrap_or(retention.orphans_ms);
    retention.staged_ms = read("staged", MIN_STAGED_MS).unwrap_or(retention.staged_ms);
    retention.raw = map.get("raw").and_then(|at| at.map()).map(|map| raw(&map));
    retention
}

/// When raw objects move, and go: each step later than the one before.
fn raw(map: &Map<'_>) -> RawRetention {
    map.only(&["infrequent", "archive", "expire"]);
    let mut before: Option<(&str, i64)> = None;
    let mut step = |key: &'static str, least_ms: i64, apart_ms: i64| {
        let at = map.get(key)?;
        let ms = duration(&at, least_ms)?;
        if ms % DAY_MS != 0 {
            at.wrong("whole days: 90d");
            return None;
        }
        if let Some((earlier, earlier_ms)) = before.replace((key, ms))
            && ms < earlier_ms + apart_ms
        {
            let days = (earlier_ms + apart_ms) / DAY_MS;
            at.wrong(&format!("{days}d or more, after {earlier}"));
            return None;
        }
        Some((ms / DAY_MS) as u32)
    };
    let retention = RawRetention {
        infrequent_days: step("infrequent", MIN_RAW_TIER_MS, 0),
        archive_days: step("archive", DAY_MS, MIN_RAW_TIER_MS),
        expire_days: step("expire", MIN_RAW_MS, DAY_MS),
    };
    if map.is_empty() {
        map.error(
            "raw retention without a step",
            "write infrequent, archive or expire: {archive: 90d, expire: 730d}",
        );
    }
    retention
}

/// `36h` or `30d`, in milliseconds.
fn duration(at: &At<'_>, least_ms: i64) -> Option<i64> {
    let text = at.spelling()?;
    let unit = |suffix: char, unit_ms: i64| {
        let digits = text.strip_suffix(suffix)?;
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        plain
            .then(|| digits.parse::<i64>().ok()?.checked_mul(unit_ms))
            .flatten()
    };
    let Some(ms) = unit('h', HOUR_MS).or_else(|| unit('d', DAY_MS)) else {
        at.wrong(DURATION);
        return None;
    };
    if ms < least_ms || ms > MAX_AGE_MS {
        let (least, most) = (least_ms / DAY_MS, MAX_AGE_MS / DAY_MS);
        at.wrong(&format!("{least}d to {most}d"));
        return None;
    }
    Some(ms)
}

//! What a contract promises of a dataset's table as a whole: how many rows it has, and how fresh it is. A value that exists is valid.

use crate::{
    diagnostic::shown,
    property::Property,
    quality::Threshold,
    reader::{At, Map},
    retention::{Entry, Promise, Sla},
};
use watershed_lake::ColumnType;

/// Most expectations of a dataset.
pub const MAX_EXPECTATIONS: usize = 20;
/// Longest time that a promise of freshness gives.
pub const MAX_PROMISE_MS: i64 = 3_660 * DAY_MS;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// A year is no longer than that.
const YEAR_DAYS: i64 = 366;

/// Something that is promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// As people call it.
    pub name: String,
    /// What is expected.
    pub of: Expected,
}

/// What is expected of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// So many rows.
    Rows(Threshold),
    /// Rows come at least so often: the time since they last did, in milliseconds.
    Frequency(i64),
    /// The newest value of a column, by its index, is no older than that, in milliseconds.
    Latency(usize, i64),
}

/// The expectations of the schema object `map`: rules of its table under `quality`, and the document's promises about it.
pub(crate) fn read(map: &Map<'_>, sla: &Sla<'_>, columns: &[Property<'_>]) -> Vec<Expectation> {
    let rules = map.list("quality");
    let rules = rules.iter().filter_map(|at| at.is_map().then(|| at.map()).flatten());
    let mut found: Vec<Expectation> = rules.filter(is_of_table).filter_map(|rule| rows(&rule)).collect();
    let object = map.get("name").filter(At::is_text).and_then(|at| at.text());
    let promises = sla.of(object.unwrap_or_default());
    found.extend(promises.filter_map(|entry| promise(entry, columns)));
    if found.len() > MAX_EXPECTATIONS {
        map.error(
            format!("{} expectations of the table", found.len()),
            format!("write at most {MAX_EXPECTATIONS}"),
        );
    }
    found
}

/// Whether a rule is about the table as a whole, and not about each object.
pub(crate) fn is_of_table(rule: &Map<'_>) -> bool {
    let custom = rule.custom();
    custom.is_some_and(|custom| custom.get("of").is_some())
}

fn rows(rule: &Map<'_>) -> Option<Expectation> {
    let custom = rule.custom()?;
    custom.only(&["of"]);
    custom.get("of")?.word(&[("table", ())])?;
    let metric = rule.need("metric", "write metric: rowCount: of a table, rows are counted")?;
    metric.word(&[("rowCount", ())])?;
    if let Some(unit) = rule.get("unit") {
        unit.word(&[("rows", ())])?;
    }
    let threshold = crate::rules::needed_threshold(rule)?;
    let name = rule.get("name").and_then(|at| at.text()).map(String::from);
    Some(Expectation {
        name: name.unwrap_or_else(|| "rowCount".into()),
        of: Expected::Rows(threshold),
    })
}

fn promise(entry: &Entry<'_>, columns: &[Property<'_>]) -> Option<Expectation> {
    if entry.promise == Promise::Retention {
        return None;
    }
    let within_ms = within(&entry.map)?;
    let of = match entry.promise {
        Promise::Latency => Expected::Latency(column(entry, columns)?, within_ms),
        _ => Expected::Frequency(within_ms),
    };
    let name = entry.map.text("property").unwrap_or_default();
    let name = match entry.column {
        Some(column) if entry.promise == Promise::Latency => format!("{name} of {column}"),
        _ => name.to_string(),
    };
    Some(Expectation { name, of })
}

/// The column of dates or timestamps that the element names.
fn column(entry: &Entry<'_>, columns: &[Property<'_>]) -> Option<usize> {
    let help = format!("write element: {}. and a column of dates or timestamps", entry.object);
    let Some(name) = entry.column else {
        entry.element.error("a latency that does not say of which column", help);
        return None;
    };
    let found = columns.iter().position(|column| column.column.name == name);
    let Some(index) = found else {
        entry
            .element
            .error(format!("no column {} in the table", shown(name)), help);
        return None;
    };
    match columns[index].kind? {
        ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampTz => Some(index),
        kind => {
            entry
                .element
                .error(format!("a latency of {name}, which is {kind}"), help);
            None
        }
    }
}

/// `value` and `unit`, in milliseconds.
fn within(map: &Map<'_>) -> Option<i64> {
    let at = map.need("value", "write value: how many units")?;
    let value = at.integer(1, MAX_PROMISE_MS / MINUTE_MS)?;
    let minutes = ["min", "minute", "minutes"].map(|unit| (unit, MINUTE_MS)).into_iter();
    let units = minutes.chain(["h", "hr", "hour", "hours"].map(|unit| (unit, HOUR_MS)));
    let units = units.chain(["d", "day", "days"].map(|unit| (unit, DAY_MS)));
    let units = units.chain(["w", "week", "weeks"].map(|unit| (unit, 7 * DAY_MS)));
    let units = units.chain(["y", "yr", "year", "years"].map(|unit| (unit, YEAR_DAYS * DAY_MS)));
    let unit = map.need("unit", "write unit: min, h, d, w or y")?;
    let unit_ms = unit.word(&units.collect::<Vec<_>>())?;
    let within_ms = value.saturating_mul(unit_ms);
    if within_ms > MAX_PROMISE_MS {
        at.wrong(&format!("at most {} days", MAX_PROMISE_MS / DAY_MS));
        return None;
    }
    Some(within_ms)
}

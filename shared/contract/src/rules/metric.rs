//! Rules of the standard's library: `metric`, `arguments`, a threshold.

use super::{Place, is_enumeration, needed_threshold, unit};
use crate::{
    bounds,
    diagnostic::shown,
    quality::{Measure, OnFailure, QualityRule, Unit},
    reader::{At, Map},
};
use watershed_expression::Expression;
use watershed_lake::ColumnType;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Metric {
    Null,
    Missing,
    Invalid,
    Duplicate,
    RowCount,
}

const METRICS: [(&str, Metric); 5] = [
    ("nullValues", Metric::Null),
    ("missingValues", Metric::Missing),
    ("invalidValues", Metric::Invalid),
    ("duplicateValues", Metric::Duplicate),
    ("rowCount", Metric::RowCount),
];

/// The rule at `map`, with what happens by default where it is broken.
pub(super) fn read(map: &Map<'_>, place: &Place<'_, '_>) -> Option<QualityRule> {
    let metric_at = map.get("metric")?;
    let metric = metric_at.word(&METRICS)?;
    check_place(&metric_at, metric, place)?;
    let threshold = needed_threshold(map)?;
    let unit = unit(map)?;
    if metric == Metric::RowCount && unit == Unit::Percent {
        map.get("unit")?.error("percent of all rows", "write unit: rows");
    }
    let arguments = map.get("arguments").and_then(|at| at.map());
    let measure = match metric {
        Metric::RowCount => Measure::RowCount,
        Metric::Duplicate => Measure::Duplicates(duplicates(map, arguments.as_ref(), place)?),
        Metric::Invalid if is_enumeration(map, place) => Measure::Enumeration,
        Metric::Invalid => invalid(map, arguments.as_ref(), place)?,
        Metric::Null | Metric::Missing => missing(metric, arguments.as_ref(), place)?,
    };
    let known: &[&str] = match metric {
        Metric::Invalid => &["validValues", "pattern"],
        Metric::Missing => &["missingValues"],
        Metric::Duplicate => &["properties"],
        Metric::Null | Metric::RowCount => &[],
    };
    if let Some(arguments) = &arguments {
        arguments.only_checked(known);
    }
    let word = METRICS
        .iter()
        .find(|(_, known)| *known == metric)
        .map_or("", |(word, _)| word);
    let of = match &measure {
        Measure::Duplicates(columns) => columns
            .iter()
            .map(|column| place.name(*column))
            .collect::<Vec<_>>()
            .join(", "),
        _ => place.own.map(|own| place.name(own).to_string()).unwrap_or_default(),
    };
    let refuses_rows = metric == Metric::Invalid && threshold.is_none();
    Some(QualityRule {
        name: if of.is_empty() {
            word.into()
        } else {
            format!("{word} of {of}")
        },
        column: place.own,
        measure,
        threshold,
        unit,
        on_failure: if refuses_rows {
            OnFailure::RejectRow
        } else {
            OnFailure::RejectObject
        },
    })
}

/// A row count is of a schema object; what is wrong with values, of a property.
fn check_place(at: &At<'_>, metric: Metric, place: &Place<'_, '_>) -> Option<()> {
    match (metric, place.own) {
        (Metric::RowCount, Some(_)) => {
            at.error("rowCount of a property", "write it under quality of the schema object");
            None
        }
        (Metric::Null | Metric::Missing | Metric::Invalid, None) => {
            at.error(
                "a rule of values without a property",
                "write it under quality of the property",
            );
            None
        }
        _ => Some(()),
    }
}

fn duplicates(map: &Map<'_>, arguments: Option<&Map<'_>>, place: &Place<'_, '_>) -> Option<Vec<usize>> {
    let listed = arguments.and_then(|arguments| arguments.get("properties"));
    let columns = match (listed, place.own) {
        (Some(at), _) => {
            let items = at.list();
            let columns: Vec<usize> = items.iter().filter_map(|item| place.column(item)).collect();
            if columns.len() < items.len() || columns.is_empty() {
                if items.is_empty() {
                    at.wrong("the names of one or more properties");
                }
                return None;
            }
            columns
        }
        (None, Some(own)) => vec![own],
        (None, None) => {
            map.error(
                "duplicateValues of no property",
                "write arguments: {properties: [a, b]}",
            );
            return None;
        }
    };
    if let Some(nested) = columns.iter().find(|column| place.kind(**column).is_nested()) {
        map.error(
            format!(
                "duplicateValues of {}, which is a {}",
                place.name(*nested),
                place.kind(*nested)
            ),
            "read what is in it as a column of its own (source: a.b), and write the rule of that",
        );
        return None;
    }
    let mut seen = columns.clone();
    seen.sort_unstable();
    seen.dedup();
    if seen.len() < columns.len() {
        map.error("a property twice in one rule", "write each of properties once");
    }
    Some(columns)
}

fn missing(metric: Metric, arguments: Option<&Map<'_>>, place: &Place<'_, '_>) -> Option<Measure> {
    let own = place.own?;
    let column = (place.name(own), place.kind(own));
    let null = Expression::is_null(own, column);
    let listed = arguments.and_then(|arguments| arguments.get("missingValues"));
    let condition = match listed.filter(|_| metric == Metric::Missing) {
        None => null,
        Some(at) => null.or(&values(&at, own, column)?),
    };
    Some(Measure::Rows {
        condition,
        bad_when: true,
    })
}

fn invalid(map: &Map<'_>, arguments: Option<&Map<'_>>, place: &Place<'_, '_>) -> Option<Measure> {
    let own = place.own?;
    let column = (place.name(own), place.kind(own));
    let argument = |key: &str| arguments.and_then(|arguments| arguments.get(key));
    let (listed, pattern) = (argument("validValues"), argument("pattern"));
    if listed.is_none() && pattern.is_none() {
        map.error(
            "invalidValues of everything",
            "write arguments: {validValues: [a, b]} or {pattern: …}",
        );
        return None;
    }
    let listed = match listed {
        None => None,
        Some(at) if at.is_list() && at.list().iter().all(At::is_null) => {
            at.error("validValues of no value", "write one or more");
            return None;
        }
        Some(at) => Some(values(&at, own, column)?),
    };
    let matched = match pattern {
        None => None,
        Some(at) if column.1 != ColumnType::String => {
            at.error(
                "pattern does not apply",
                format!("a column of type {} has none: write a row rule", column.1),
            );
            return None;
        }
        Some(at) => Some(Expression::matches(own, column.0, bounds::pattern(&at)?)),
    };
    let condition = match (listed, matched) {
        (Some(listed), Some(matched)) => listed.and(&matched),
        (listed, matched) => listed.or(matched)?,
    };
    Some(Measure::Rows {
        condition,
        bad_when: false,
    })
}

/// Whether a value is one of a list; nulls in it are left out. None: something of it was reported.
fn values(at: &At<'_>, own: usize, column: (&str, ColumnType)) -> Option<Expression> {
    let items = at.list();
    if items.len() > bounds::MAX_ENUM_VALUES {
        at.error(
            format!("{} of {} values", at.name, items.len()),
            format!("write at most {}", bounds::MAX_ENUM_VALUES),
        );
        return None;
    }
    if column.1 == ColumnType::Binary || column.1.is_nested() {
        at.error(
            format!("{} does not apply", at.name),
            format!("a column of type {} has no values to compare: remove it", column.1),
        );
        return None;
    }
    let mut spelled = Vec::with_capacity(items.len());
    for item in items.iter().filter(|item| !item.is_null()) {
        let value = item.spelling()?;
        if let Err(value) = Expression::is_in(own, column, &[value]) {
            item.error(
                format!("no {} is ever {}", column.1, shown(&value)),
                "write values of the column's type; a spelling of null goes under watershed.nulls",
            );
            return None;
        }
        spelled.push(value);
    }
    Expression::is_in(own, column, &spelled).ok()
}

//! Our own rules, `type: custom` with `engine: watershed`: conditions of a row, and how new the newest value is.

use super::{Place, THRESHOLDS, threshold, unit};
use crate::{
    computed,
    diagnostic::shown,
    quality::{MILLIONTHS, Measure, OnFailure, QualityRule, Threshold, Unit},
    reader::{At, Map},
};
use watershed_lake::ColumnType;

/// Longest `maximum` of a freshness, in days.
const MAX_DAYS: i64 = 36_500;

/// The rule at `map`, with what happens by default where it is broken.
pub(super) fn read(map: &Map<'_>, place: &Place<'_, '_>) -> Option<QualityRule> {
    const HELP: &str = "write implementation: {row: a condition}, or {freshness: {column: name, maximum: 36h}}";
    let own = map.need("implementation", HELP)?.map()?;
    own.only(&[&["row", "freshness", "onFailure", "unit"], &THRESHOLDS[..]].concat());
    match (own.get("row"), own.get("freshness")) {
        (Some(at), None) => row(&at, &own, place),
        (None, Some(at)) => {
            own.refuse(&THRESHOLDS, "a freshness has its maximum: remove it");
            own.refuse(&["unit"], "a freshness has its maximum: remove it");
            freshness(&at, place)
        }
        _ => {
            own.error("an implementation of none or of two rules", HELP);
            None
        }
    }
}

fn row(at: &At<'_>, own: &Map<'_>, place: &Place<'_, '_>) -> Option<QualityRule> {
    let names = computed::names(place.columns, place.dropped);
    let condition = computed::parse(at, at.text()?, &names)?;
    if let Some(dropped) = condition
        .columns()
        .into_iter()
        .find(|column| *column >= place.columns.len())
    {
        let message = format!("row reads {}, which is dropped", names[dropped].0);
        at.error(message, "write personal: redact or hash of it, or another condition");
        return None;
    }
    if let Some(kind) = condition.kind().filter(|kind| *kind != ColumnType::Boolean) {
        at.error(
            format!("row is a {kind}"),
            "write a condition, which is true or false: arr_time >= dep_time",
        );
        return None;
    }
    let is_bounded = THRESHOLDS.iter().any(|key| own.get(key).is_some());
    let threshold = if is_bounded { threshold(own)? } else { Threshold::Be(0) };
    Some(QualityRule {
        name: condition.to_string(),
        column: place.own,
        measure: Measure::Rows {
            condition,
            bad_when: false,
        },
        threshold,
        unit: unit(own)?,
        on_failure: if threshold.is_none() {
            OnFailure::RejectRow
        } else {
            OnFailure::RejectObject
        },
    })
}

fn freshness(at: &At<'_>, place: &Place<'_, '_>) -> Option<QualityRule> {
    let map = at.map()?;
    map.only(&["column", "maximum"]);
    let column = match map.get("column") {
        Some(at) => place.column(&at)?,
        None if place.own.is_some() => place.own?,
        None => {
            map.error("no column", "write column: the name of a property");
            return None;
        }
    };
    let kind = place.kind(column);
    if !matches!(kind, ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampTz) {
        map.error(
            format!("the freshness of {}, which is a {kind}", place.name(column)),
            "write a date or a timestamp",
        );
        return None;
    }
    let maximum = map.need("maximum", "write maximum: 36h, in m, h or d")?;
    let seconds = seconds(&maximum)?;
    Some(QualityRule {
        name: format!("freshness of {}", place.name(column)),
        column: Some(column),
        measure: Measure::Freshness,
        threshold: Threshold::LessOrEqualTo(seconds * MILLIONTHS),
        unit: Unit::Seconds,
        on_failure: OnFailure::RejectObject,
    })
}

/// `36h`.
fn seconds(at: &At<'_>) -> Option<i64> {
    let text = at.text()?;
    let (count, unit) = text.split_at_checked(text.len().saturating_sub(1))?;
    let unit = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => 0,
    };
    let count = count.parse::<u32>().ok().filter(|count| *count > 0);
    let seconds = count.map(|count| i64::from(count) * unit);
    let found = seconds.filter(|seconds| (1..=MAX_DAYS * 86_400).contains(seconds));
    if found.is_none() {
        at.error(
            format!("maximum is {}", shown(text)),
            format!("write a number of m, h or d, as 36h, of at most {MAX_DAYS} days"),
        );
    }
    found
}

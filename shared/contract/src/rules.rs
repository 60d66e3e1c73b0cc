//! `quality` of schema objects and properties: the rules that are checked, of ODCS v3.1's library and our own.

mod metric;
mod own;

use crate::{
    bounds,
    diagnostic::shown,
    expectation,
    property::Property,
    quality::{MILLIONTHS, Measure, OnFailure, QualityRule, Threshold, Unit},
    reader::{At, Map},
};
use watershed_lake::ColumnType;

/// Most rules of a dataset that are checked.
pub const MAX_RULES: usize = 200;
/// Most rules of a dataset that look for repeated values: each holds keys.
pub const MAX_DUPLICATE_RULES: usize = 4;
/// Largest bound of a threshold.
const MAX_BOUND: i64 = 1_000_000_000_000;
/// Decimals of a bound at most.
const BOUND_DECIMALS: u8 = 6;

/// Where a rule stands.
struct Place<'p, 'a> {
    columns: &'p [Property<'a>],
    dropped: &'p [Property<'a>],
    /// The property that it is of; none: the schema object.
    own: Option<usize>,
}

/// The rules of the schema object `map` and its columns, and where they stand. Rules of other tools are left alone.
pub(crate) fn read<'a>(
    map: &Map<'a>,
    columns: &[Property<'a>],
    dropped: &[Property<'a>],
) -> Vec<(At<'a>, QualityRule)> {
    let place = |own| Place { columns, dropped, own };
    let mut found = Vec::new();
    let of_object = map.list("quality");
    found.extend(
        of_object
            .iter()
            .filter_map(|at| Some((at.clone(), rule(at, &place(None))?))),
    );
    for (index, column) in columns.iter().enumerate() {
        let rules = column.quality.iter();
        found.extend(rules.filter_map(|at| Some((at.clone(), rule(at, &place(Some(index)))?))));
    }
    for at in dropped.iter().flat_map(|column| &column.quality) {
        if at.map().is_some_and(|rule| kind(&rule).is_some()) {
            at.error("a rule of a column that is dropped", "remove it: no value is read");
        }
    }
    if let Some((at, _)) = found.get(MAX_RULES) {
        at.error(
            format!("{} quality rules", found.len()),
            format!("write at most {MAX_RULES}"),
        );
    }
    let duplicates = found
        .iter()
        .filter(|(_, rule)| matches!(rule.measure, Measure::Duplicates(_)));
    if let Some((at, _)) = duplicates.clone().nth(MAX_DUPLICATE_RULES) {
        at.error(
            format!("{} rules of duplicateValues", duplicates.count()),
            format!("write at most {MAX_DUPLICATE_RULES}"),
        );
    }
    found
}

/// Whose a rule is.
#[derive(Clone, Copy)]
enum Kind {
    /// The standard's library.
    Library,
    /// `type: custom` with `engine: watershed`.
    Own,
}

/// Whether it is a rule that is checked here.
pub(crate) fn is_checked(rule: &Map<'_>) -> bool {
    kind(rule).is_some()
}

/// None: the rule is of another tool, or for people.
fn kind(rule: &Map<'_>) -> Option<Kind> {
    let is = |key: &str, word: &str| rule.get(key).filter(At::is_text).and_then(|at| at.text()) == Some(word);
    if is("type", "custom") && is("engine", "watershed") {
        Some(Kind::Own)
    } else if rule.get("metric").is_some() && (rule.get("type").is_none() || is("type", "library")) {
        Some(Kind::Library)
    } else {
        None
    }
}

fn rule(at: &At<'_>, place: &Place<'_, '_>) -> Option<QualityRule> {
    let map = at.map()?;
    if place.own.is_none() && expectation::is_of_table(&map) {
        return None;
    }
    let kind = kind(&map)?;
    // What a rule says of a column whose type is wrong cannot be looked at.
    if place.columns.iter().any(|column| column.kind.is_none()) {
        return None;
    }
    let name = map.get("name").and_then(|at| at.text()).map(String::from);
    let mut rule = match kind {
        Kind::Library => metric::read(&map, place)?,
        Kind::Own => own::read(&map, place)?,
    };
    rule.name = name.unwrap_or(rule.name);
    if let Some((written, chosen)) = on_failure(&map, kind) {
        if chosen == OnFailure::RejectRow && !tells_rows(&rule) {
            written.error(
                "onFailure: rejectRow of a rule that does not say which row",
                "write rejectObject or warn; rejectRow goes with mustBe: 0 of nullValues, missingValues, invalidValues or a row rule",
            );
        }
        rule.on_failure = chosen;
    } else if is_mild(&map) {
        rule.on_failure = OnFailure::Warn;
    }
    Some(rule)
}

/// Where it is the column's own enumeration, it is checked with the column.
fn is_enumeration(rule: &Map<'_>, place: &Place<'_, '_>) -> bool {
    let is_text = |index: usize| place.columns[index].kind == Some(ColumnType::String);
    place.own.is_some_and(is_text) && bounds::enumerates(rule).is_some()
}

fn tells_rows(rule: &QualityRule) -> bool {
    matches!(rule.measure, Measure::Rows { .. } | Measure::Enumeration) && rule.threshold.is_none()
}

/// `onFailure`, of the rule's watershed property, or of its implementation, and where it stands.
fn on_failure<'a>(rule: &Map<'a>, kind: Kind) -> Option<(At<'a>, OnFailure)> {
    let custom = rule.custom();
    if let Some(custom) = &custom {
        custom.only(&["onFailure"]);
    }
    let own = match kind {
        Kind::Own => rule.get("implementation").and_then(|at| at.map()),
        Kind::Library => None,
    };
    let written = |map: &Option<Map<'a>>| map.as_ref().and_then(|map| map.get("onFailure"));
    let at = match (written(&custom), written(&own)) {
        (Some(_), Some(second)) => {
            second.error("a second onFailure", "write it in one of the two places");
            return None;
        }
        (at, other) => at.or(other)?,
    };
    let word = at.word(&[
        ("rejectRow", OnFailure::RejectRow),
        ("rejectObject", OnFailure::RejectObject),
        ("warn", OnFailure::Warn),
    ])?;
    Some((at, word))
}

/// True where a severity says that nothing is to be refused.
fn is_mild(rule: &Map<'_>) -> bool {
    let severity = rule.get("severity").filter(At::is_text).and_then(|at| at.text());
    severity.is_some_and(|word| matches!(word.to_lowercase().as_str(), "warning" | "info"))
}

/// Words of the thresholds.
const THRESHOLDS: [&str; 8] = [
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
];

/// The one threshold of a rule, where it has one.
fn threshold(map: &Map<'_>) -> Option<Threshold> {
    let found: Vec<At<'_>> = THRESHOLDS.iter().filter_map(|key| map.get(key)).collect();
    if let [_, second, ..] = &found[..] {
        second.error(
            format!("{} beside another threshold", second.name),
            "write one of the two",
        );
    }
    let at = found.first()?;
    Some(match at.name.as_str() {
        "mustBe" => Threshold::Be(bound(at)?),
        "mustNotBe" => Threshold::NotBe(bound(at)?),
        "mustBeGreaterThan" => Threshold::GreaterThan(bound(at)?),
        "mustBeGreaterOrEqualTo" => Threshold::GreaterOrEqualTo(bound(at)?),
        "mustBeLessThan" => Threshold::LessThan(bound(at)?),
        "mustBeLessOrEqualTo" => Threshold::LessOrEqualTo(bound(at)?),
        "mustBeBetween" => between(at).map(|(low, high)| Threshold::Between(low, high))?,
        _ => between(at).map(|(low, high)| Threshold::NotBetween(low, high))?,
    })
}

/// The one that it must have.
pub(crate) fn needed_threshold(map: &Map<'_>) -> Option<Threshold> {
    if !THRESHOLDS.iter().any(|key| map.get(key).is_some()) {
        map.error(
            "a rule without threshold",
            format!("write one of {}", THRESHOLDS.join(", ")),
        );
    }
    threshold(map)
}

/// A number in millionths.
fn bound(at: &At<'_>) -> Option<i64> {
    let limit = i128::from(MAX_BOUND) * i128::from(MILLIONTHS);
    let found = bounds::exact(at.number()?, BOUND_DECIMALS, -limit, limit);
    if found.is_none() {
        at.wrong(&format!(
            "a number of at most {MAX_BOUND}, with at most {BOUND_DECIMALS} decimals"
        ));
    }
    i64::try_from(found?).ok()
}

fn between(at: &At<'_>) -> Option<(i64, i64)> {
    let items = if at.is_list() { at.list() } else { Vec::new() };
    let [low, high] = &items[..] else {
        at.wrong("a list of two numbers, the smaller one first");
        return None;
    };
    let (low, high) = (bound(low)?, bound(high)?);
    if low > high {
        let message = format!("{} of a larger and a smaller number", at.name);
        at.error(message, "write the smaller one first");
    }
    Some((low, high))
}

fn unit(map: &Map<'_>) -> Option<Unit> {
    match map.get("unit") {
        None => Some(Unit::Rows),
        Some(at) => at.word(&[("rows", Unit::Rows), ("percent", Unit::Percent)]),
    }
}

impl Place<'_, '_> {
    /// The column that a rule names.
    fn column(&self, at: &At<'_>) -> Option<usize> {
        let name = at.text()?;
        let found = self.columns.iter().position(|column| column.column.name == name);
        if found.is_none() {
            let names: Vec<&str> = self.columns.iter().map(|column| column.column.name.as_str()).collect();
            at.error(
                format!("no column {}", shown(name)),
                crate::diagnostic::one_of(name, &names),
            );
        }
        found
    }

    fn name(&self, index: usize) -> &str {
        &self.columns[index].column.name
    }

    fn kind(&self, index: usize) -> ColumnType {
        self.columns[index].column.kind
    }
}

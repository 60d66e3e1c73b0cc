//! Which field of the source is which column.

use crate::reject::{ObjectReject, Reason};
use watershed_contract::{ColumnRule, Dataset};

/// Names that an error lists.
const MAX_LISTED: usize = 20;

/// For each column of the dataset the field that holds it; none: the source has no such field.
pub type FieldMap = Vec<Option<usize>>;

/// Where the fields are those of the columns that are read, in their order.
pub fn in_order(dataset: &Dataset) -> FieldMap {
    let mut next = 0..;
    let field = |rule: &ColumnRule| if rule.is_read() { next.next() } else { None };
    dataset.columns.iter().map(field).collect()
}

/// Of a source without header: each column that is read has its place.
pub fn by_position(dataset: &Dataset) -> FieldMap {
    let field = |rule: &ColumnRule| rule.is_read().then_some(rule.position);
    dataset.columns.iter().map(field).collect()
}

/// Maps by name: as the contract spells it, or else standardised (lower case, runs of what is not a letter or digit as one `_`).
pub fn by_name(dataset: &Dataset, names: &[String]) -> Result<FieldMap, ObjectReject> {
    let standard: Vec<String> = names.iter().map(|name| standard_name(name)).collect();
    let mut missing = Vec::new();
    let mut map = FieldMap::new();
    for (rule, column) in dataset.columns.iter().zip(&dataset.table.columns) {
        if !rule.is_read() {
            map.push(None);
            continue;
        }
        let exact = positions(names, &rule.source);
        let found = if exact.is_empty() {
            positions(&standard, &standard_name(&rule.source))
        } else {
            exact
        };
        match found[..] {
            [] if rule.checks.required => missing.push(rule.source.as_str()),
            [] | [_] => {}
            _ => {
                let message = format!(
                    "the header names `{}` {} times: name every column once",
                    rule.source,
                    found.len()
                );
                return Err(ObjectReject::new(Reason::Header, message));
            }
        }
        debug_assert_eq!(rule.checks.required, column.required, "the contract says it once");
        map.push(found.first().copied());
    }
    if !missing.is_empty() || map.iter().all(Option::is_none) {
        let lacks = if missing.is_empty() {
            "every column of the contract".into()
        } else {
            list(&missing)
        };
        let has = match list(&names.iter().map(String::as_str).collect::<Vec<_>>()) {
            nothing if nothing.is_empty() => "nothing".into(),
            names => names,
        };
        let message = format!(
            "the header lacks {lacks}; it has {has}: correct the file, or the columns' `source` names or `header` in the contract"
        );
        return Err(ObjectReject::new(Reason::Header, message));
    }
    Ok(map)
}

fn positions(names: &[String], wanted: &str) -> Vec<usize> {
    names
        .iter()
        .enumerate()
        .filter(|(_, name)| *name == wanted)
        .map(|(at, _)| at)
        .collect()
}

fn list(names: &[&str]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(MAX_LISTED)
        .map(|name| crate::reject::shown(name.as_bytes()))
        .collect();
    let more = names.len().saturating_sub(MAX_LISTED);
    if more > 0 {
        format!("{} and {more} more", shown.join(", "))
    } else {
        shown.join(", ")
    }
}

/// `  Dep Time (UTC)` → `dep_time_utc`.
fn standard_name(name: &str) -> String {
    let mut out = String::new();
    for c in name.trim().chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    out.trim_matches('_').into()
}

#[cfg(test)]
mod tests {
    use super::standard_name;

    #[test]
    fn names_are_standardised() {
        assert_eq!(standard_name("  Dep Time (UTC)"), "dep_time_utc");
        assert_eq!(standard_name("Größe"), "größe");
        assert_eq!(standard_name("a--b"), "a_b");
    }
}

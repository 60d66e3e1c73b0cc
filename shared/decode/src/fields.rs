//! Which field of the source is which column.

use crate::{
    drift,
    reject::{ObjectReject, Reason, listed, shown},
};
use watershed_contract::{ColumnRule, Dataset, UnknownColumns};

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

/// Fields by name.
#[derive(Debug)]
pub struct Mapping {
    /// Of the dataset's columns.
    pub fields: FieldMap,
    /// Fields that are none of its columns, where they are to be added.
    pub unknown: Vec<usize>,
}

/// Maps by name: as the contract spells it, or else standardised (lower case, runs of what is not a letter or digit as one `_`).
pub fn by_name(dataset: &Dataset, names: &[String]) -> Result<Mapping, ObjectReject> {
    let standard: Vec<String> = names.iter().map(|name| standard_name(name)).collect();
    let find = |source: &str| {
        let exact = positions(names, source);
        if exact.is_empty() {
            positions(&standard, &standard_name(source))
        } else {
            exact
        }
    };
    let mut is_known = vec![false; names.len()];
    let mut readers = Readers::new(names.len());
    let mut missing = Vec::new();
    let mut fields = FieldMap::new();
    for (rule, column) in dataset.columns.iter().zip(&dataset.table.columns) {
        if !rule.is_read() {
            fields.push(None);
            continue;
        }
        let found = find(&rule.source);
        match found[..] {
            [] if rule.checks.required => missing.push(rule.source.as_str()),
            [] | [_] => {}
            _ => {
                let message = format!(
                    "the header names `{}` {} times: name every column once",
                    rule.source,
                    found.len()
                );
                return Err(ObjectReject::safe(Reason::Header, message));
            }
        }
        debug_assert_eq!(rule.checks.required, column.required, "the contract says it once");
        for at in &found {
            is_known[*at] = true;
            readers.note(*at, rule.is_private());
        }
        fields.push(found.first().copied());
    }
    for at in dataset.dropped.iter().flat_map(|source| find(source)) {
        is_known[at] = true;
        readers.note(at, true);
    }
    if let Some(at) = readers.shown_and_hidden() {
        let message = format!(
            "the header's {} is a column that is hidden and one that is shown: write the `source` names as the file has them, each once",
            shown(names[at].as_bytes())
        );
        let told = format!(
            "field {} of the header is a column that is hidden and one that is shown: write the `source` names as the file has them, each once",
            at + 1
        );
        return Err(ObjectReject::new(Reason::Header, message).without(told));
    }
    let others: Vec<usize> = (0..names.len()).filter(|at| !is_known[*at]).collect();
    if !missing.is_empty() || fields.iter().all(Option::is_none) {
        return Err(lacks(names, &missing, &others));
    }
    Ok(Mapping {
        fields,
        unknown: unknown(dataset, names, others)?,
    })
}

/// Which fields columns are read from that are shown, and which that are hidden.
struct Readers {
    shown: Vec<bool>,
    hidden: Vec<bool>,
}

impl Readers {
    fn new(fields: usize) -> Self {
        Self {
            shown: vec![false; fields],
            hidden: vec![false; fields],
        }
    }

    fn note(&mut self, field: usize, is_hidden: bool) {
        let readers = if is_hidden { &mut self.hidden } else { &mut self.shown };
        readers[field] = true;
    }

    /// A field that would be shown by one column although another hides it.
    fn shown_and_hidden(&self) -> Option<usize> {
        (0..self.shown.len()).find(|field| self.shown[*field] && self.hidden[*field])
    }
}

/// The fields to be added; refused where the contract wants none.
fn unknown(dataset: &Dataset, names: &[String], others: Vec<usize>) -> Result<Vec<usize>, ObjectReject> {
    match dataset.unknown {
        UnknownColumns::Reject if !others.is_empty() => {
            let names: Vec<&str> = others.iter().map(|at| names[*at].as_str()).collect();
            let told = format!(
                "has {} columns that the contract does not name: name them among its properties, or write watershed.unknownColumns: ignore or add",
                names.len()
            );
            Err(ObjectReject::new(Reason::UnknownColumn, drift::refusal(&names)).without(told))
        }
        UnknownColumns::Ignore | UnknownColumns::Reject => Ok(Vec::new()),
        UnknownColumns::Add(_) => Ok(others),
    }
}

fn lacks(names: &[String], missing: &[&str], others: &[usize]) -> ObjectReject {
    let lacks = if missing.is_empty() {
        "every column of the contract".into()
    } else {
        listed(missing)
    };
    let near: Vec<String> = missing
        .iter()
        .filter_map(|wanted| Some((*wanted, nearest(wanted, names, others)?)))
        .map(|(wanted, near)| format!("; is {} its {}?", shown(near.as_bytes()), shown(wanted.as_bytes())))
        .collect();
    let has = match listed(&names.iter().map(String::as_str).collect::<Vec<_>>()) {
        nothing if nothing.is_empty() => "nothing".into(),
        names => names,
    };
    let message = format!(
        "the header lacks {lacks}; it has {has}{}: correct the file, or the columns' `source` names or `header` in the contract",
        near.join("")
    );
    let told = format!(
        "the header, of {} fields, lacks {lacks}: correct the file, or the columns' `source` names or `header` in the contract",
        names.len()
    );
    ObjectReject::new(Reason::Header, message).without(told)
}

/// The name among those that no column has which is written most like the wanted one, if any is.
fn nearest<'n>(wanted: &str, names: &'n [String], others: &[usize]) -> Option<&'n str> {
    let wanted = standard_name(wanted);
    let most = (wanted.chars().count() / LETTERS_A_SLIP).max(1);
    let near = others.iter().map(|at| names[*at].as_str()).filter_map(|name| {
        // What is longer by more than that is no slip, whatever its length.
        let close = name.len() <= 2 * wanted.len() + most;
        let distance = close.then(|| strsim::osa_distance(&standard_name(name), &wanted))?;
        (distance <= most).then_some((distance, name))
    });
    near.min().map(|(_, name)| name)
}

/// A name is taken for another with a slip of the pen for every so many letters.
const LETTERS_A_SLIP: usize = 3;

fn positions(names: &[String], wanted: &str) -> Vec<usize> {
    names
        .iter()
        .enumerate()
        .filter(|(_, name)| *name == wanted)
        .map(|(at, _)| at)
        .collect()
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

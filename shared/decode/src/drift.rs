//! Columns of a source that the contract does not name: refused, or made columns of the table.

use crate::reject::{ObjectReject, Reason, listed};
use std::collections::{BTreeMap, HashSet};
use watershed_contract::{ColumnRule, Dataset, Format, Personal, UnknownColumns, xml_path};
use watershed_lake::{
    AddedColumn, ColumnType,
    added::{FIRST_ADDED_ID, MAX_ADDED_COLUMNS},
    name::identifier,
};

/// Longest name of an unknown column that is kept, in bytes.
pub const MAX_UNKNOWN_NAME_BYTES: usize = 1_024;

/// A column that the contract does not name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Its name in the source.
    pub source: String,
    /// What its values are.
    pub kind: ColumnType,
}

impl Unknown {
    /// With values of text.
    pub fn text(source: &str) -> Self {
        Self {
            source: source.into(),
            kind: ColumnType::String,
        }
    }
}

/// The columns of the dataset's table that the contract does not name.
pub fn added(dataset: &Dataset) -> Vec<AddedColumn> {
    let columns = dataset.columns.iter().zip(&dataset.table.columns);
    columns
        .filter(|(rule, column)| rule.literal && column.id >= FIRST_ADDED_ID)
        .map(|(_, column)| AddedColumn::new(&column.name, column.kind))
        .collect()
}

/// The dataset with these columns behind its own. Refused where two would have one name or id, or there are too many.
pub fn extended(dataset: &Dataset, unknown: &[Unknown]) -> Result<Dataset, ObjectReject> {
    let mut dataset = dataset.clone();
    let Some(rule) = dataset.unknown.added().cloned() else {
        return Ok(dataset);
    };
    if added(&dataset).len() + unknown.len() > MAX_ADDED_COLUMNS {
        let message = format!(
            "has more than {MAX_ADDED_COLUMNS} columns that the contract does not name: name them, or write watershed.unknownColumns: ignore"
        );
        return Err(ObjectReject::new(Reason::Limit, message));
    }
    let mut taken = Taken::of(&dataset);
    let hidden = Hidden::of(&dataset);
    for Unknown { source, kind } in unknown {
        if rule.personal == Personal::Keep && hidden.may_be(source) {
            let message = format!(
                "the column {} may hold what the contract hides: name it in the contract, with its watershed.source and what is done with it",
                listed(&[source])
            );
            let told = "a column that the contract does not name may hold what the contract hides: name it in the contract, with its watershed.source and what is done with it";
            return Err(ObjectReject::new(Reason::UnknownColumn, message).without(told));
        }
        let column = taken.column(source, hidden_kind(&rule, *kind))?;
        if let Format::Xml(format) = &mut dataset.format {
            let path = xml_path(source).ok_or_else(|| unnameable(source))?;
            format.columns.push(path);
        }
        dataset.columns.push(ColumnRule {
            source: source.clone(),
            ..rule.clone()
        });
        dataset.table.columns.push(column.column());
    }
    Ok(dataset)
}

/// Where the values lie that are hidden or dropped: what is not named may be spelled a little otherwise, or lie around or inside of them.
struct Hidden(Vec<String>);

impl Hidden {
    fn of(dataset: &Dataset) -> Self {
        let columns = dataset.columns.iter().filter(|rule| rule.is_private() && !rule.literal);
        let sources = columns.map(|rule| &rule.source).chain(&dataset.dropped);
        Self(sources.map(|source| spelled(source)).collect())
    }

    fn may_be(&self, source: &str) -> bool {
        let source = spelled(source);
        let lies_in = |inner: &str, outer: &str| {
            inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.0
            .iter()
            .any(|hidden| lies_in(&source, hidden) || lies_in(hidden, &source))
    }
}

/// A name or path with its steps told apart by `/`, in lower case, letters and digits only.
fn spelled(source: &str) -> String {
    let steps = source.split(['.', '/', '[']).map(|step| {
        let kept = step.chars().filter(|c| c.is_alphanumeric());
        kept.flat_map(char::to_lowercase).collect::<String>()
    });
    steps.collect::<Vec<_>>().join("/")
}

/// Only text can be hidden, and every value has one.
fn hidden_kind(rule: &ColumnRule, kind: ColumnType) -> ColumnType {
    if rule.personal == Personal::Keep {
        kind
    } else {
        ColumnType::String
    }
}

/// Names and ids of a table's columns, and what they are read from.
struct Taken {
    names: BTreeMap<String, String>,
    ids: BTreeMap<i32, String>,
}

impl Taken {
    fn of(dataset: &Dataset) -> Self {
        let columns = || dataset.table.columns.iter().zip(&dataset.columns);
        let partition = dataset.table.partition.iter();
        let mut names: BTreeMap<_, _> = partition
            .map(|field| (field.name.clone(), "the partition".to_string()))
            .collect();
        names.extend(columns().map(|(column, rule)| (column.name.clone(), rule.source.clone())));
        Self {
            names,
            ids: columns().map(|(column, _)| (column.id, column.name.clone())).collect(),
        }
    }

    fn column(&mut self, source: &str, kind: ColumnType) -> Result<AddedColumn, ObjectReject> {
        let name = identifier(source).ok_or_else(|| unnameable(source))?;
        let column = AddedColumn::new(&name, kind);
        if let Some(other) = self.names.insert(name.clone(), source.into()) {
            let message = format!(
                "the columns {} would both be `{name}` in the table: name them in the contract, each with its watershed.source",
                listed(&[&other, source])
            );
            let told = "two columns would have one name in the table: name them in the contract, each with its watershed.source";
            return Err(ObjectReject::new(Reason::UnknownColumn, message).without(told));
        }
        if let Some(other) = self.ids.insert(column.id, name.clone()) {
            let message = format!(
                "the columns `{other}` and `{name}` would have one field id, {}: name one of them in the contract",
                column.id
            );
            return Err(ObjectReject::new(Reason::UnknownColumn, message));
        }
        Ok(column)
    }
}

fn unnameable(source: &str) -> ObjectReject {
    let message = format!(
        "no name can be made for the column {}: name it in the contract, with its watershed.source",
        listed(&[source])
    );
    let told = "no name can be made for a column that the contract does not name: name it in the contract, with its watershed.source";
    ObjectReject::new(Reason::UnknownColumn, message).without(told)
}

/// What is wrong with an object or a record that has these columns, and what to write.
pub fn refusal(names: &[&str]) -> String {
    format!(
        "has columns that the contract does not name: {}; name them among its properties, or write watershed.unknownColumns: ignore or add",
        listed(names)
    )
}

/// Names that records have beside those of the contract, where anything is done about them.
#[derive(Debug)]
pub struct OtherNames {
    /// Of columns that are dropped.
    known: HashSet<String>,
    refuses: bool,
    /// Of the record that is read.
    of_record: Vec<String>,
    has_long: bool,
    met: Vec<String>,
    met_set: HashSet<String>,
}

impl OtherNames {
    /// None where nothing is done about them. `known` makes of a dropped column's source the name that records have.
    pub fn of(dataset: &Dataset, known: impl Fn(&str) -> String) -> Option<Self> {
        (!dataset.unknown.is_ignored()).then(|| Self {
            known: dataset.dropped.iter().map(|source| known(source)).collect(),
            refuses: matches!(dataset.unknown, UnknownColumns::Reject),
            of_record: Vec::new(),
            has_long: false,
            met: Vec::new(),
            met_set: HashSet::new(),
        })
    }

    /// A record begins.
    pub fn begin(&mut self) {
        self.of_record.clear();
        self.has_long = false;
    }

    /// The record has this name.
    pub fn note(&mut self, name: &str) {
        if name.len() > MAX_UNKNOWN_NAME_BYTES {
            self.has_long = true;
        } else if self.of_record.len() <= MAX_ADDED_COLUMNS
            && !self.known.contains(name)
            && !self.met_set.contains(name)
        {
            self.of_record.push(name.into());
        }
    }

    /// The record was read whole. What is wrong with it, if its names are.
    pub fn end(&mut self) -> Option<(Reason, String)> {
        if self.has_long {
            let message = format!("has a column whose name is longer than {MAX_UNKNOWN_NAME_BYTES} bytes");
            return Some((Reason::UnknownColumn, message));
        }
        if self.refuses {
            let names: Vec<&str> = self.of_record.iter().map(String::as_str).collect();
            return (!names.is_empty()).then(|| (Reason::UnknownColumn, refusal(&names)));
        }
        for name in self.of_record.drain(..) {
            // One more than may be added is enough to know that there are too many.
            if self.met.len() <= MAX_ADDED_COLUMNS && self.met_set.insert(name.clone()) {
                self.met.push(name);
            }
        }
        None
    }

    /// Names to be added, in the order in which they were met.
    pub fn met(&self) -> &[String] {
        &self.met
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(watershed: &str) -> Dataset {
        let text = format!(
            "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\ndomain: test\n\
             servers:\n  - {{server: raw, type: s3, location: \"s3://{{raw}}/t/*\", format: csv}}\n\
             schema:\n  - name: t\n    customProperties: [{{property: watershed, value: {{{watershed}}}}}]\n    \
             properties:\n      - {{name: id, logicalType: string}}\n"
        );
        watershed_contract::parse("t.odcs.yaml", &text)
            .expect("a contract")
            .remove(0)
            .as_ref()
            .clone()
    }

    fn unknown(sources: &[&str]) -> Vec<Unknown> {
        sources
            .iter()
            .map(|source| Unknown {
                source: (*source).into(),
                kind: ColumnType::String,
            })
            .collect()
    }

    #[test]
    fn unknown_columns_stand_behind_those_of_the_contract() {
        let base = dataset("unknownColumns: add");
        let more = extended(&base, &unknown(&["Tail No", "größe"])).expect("two names");
        let names: Vec<_> = more.table.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["id", "tail_no", "groesse"]);
        assert_eq!(added(&more).len(), 2);
        assert_eq!(added(&base), []);
    }

    #[test]
    fn what_has_no_name_or_the_same_is_refused() {
        let base = dataset("unknownColumns: add");
        for (sources, said) in [
            (vec!["Id "], "would both be `id`"),
            (vec!["a b", "a-b"], "would both be `a_b`"),
            (vec!["名前"], "no name can be made"),
            (vec![""], "no name can be made"),
        ] {
            let refused = extended(&base, &unknown(&sources)).expect_err("refused");
            assert!(refused.message.contains(said), "{sources:?}: {}", refused.message);
        }
        let many: Vec<String> = (0..=MAX_ADDED_COLUMNS).map(|n| format!("c{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(extended(&base, &unknown(&many[1..])).is_ok());
        assert_eq!(
            extended(&base, &unknown(&many)).map(|_| ()).map_err(|e| e.reason),
            Err(Reason::Limit)
        );
    }

    #[test]
    fn what_may_be_hidden_is_not_added() {
        let hidden = Hidden(["o.p", "Mail Address", "tel"].map(spelled).to_vec());
        for source in [
            "o.p",
            "O.P",
            "O",
            "o/p/@kind",
            "mail_address",
            "tel/@k",
            "tel/home",
            "TEL",
        ] {
            assert!(hidden.may_be(source), "{source}");
        }
        for source in ["o.q", "op", "mail", "telephone", "p"] {
            assert!(!hidden.may_be(source), "{source}");
        }
    }

    #[test]
    fn names_are_met_once_a_record_that_was_read() {
        let mut others = OtherNames::of(&dataset("unknownColumns: add"), str::to_string).expect("they are added");
        others.begin();
        others.note("lost with its record");
        others.begin();
        others.note("b");
        others.note("a");
        others.note("b");
        assert_eq!(others.end(), None);
        others.begin();
        others.note(&"x".repeat(MAX_UNKNOWN_NAME_BYTES + 1));
        assert!(others.end().is_some());
        assert_eq!(others.met(), ["b", "a"]);
        assert!(OtherNames::of(&dataset(""), str::to_string).is_none());
    }
}

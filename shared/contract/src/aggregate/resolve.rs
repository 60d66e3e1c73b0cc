//! `aggregate` with what it names looked up: the query, the inputs, their columns and types.

use super::{
    Aggregation, Input,
    read::{Declared, DeclaredPartition, MAX_SQL_BYTES},
};
use crate::{
    dataset::Dataset,
    diagnostic::{Report, one_of, shown},
    spot::{Spot, Word},
};
use std::collections::BTreeMap;
use watershed_lake::{Column, ColumnType, PartitionField, TableName, TableSpec, Transform};

/// Texts of the files beside the contracts, by their names.
pub(crate) type Texts<'f> = BTreeMap<&'f str, &'f str>;

/// The aggregation of `dataset`. None, or incomplete, where something was reported. `all` are all datasets; `reported` are the tables whose
/// making was reported: that they are not there is no further mistake.
pub(crate) fn resolve(
    declared: &Declared,
    dataset: &Dataset,
    (all, texts): (&[&Dataset], &Texts<'_>),
    reported: &[TableName],
    report: &Report,
) -> Option<Aggregation> {
    let scope = Scope { dataset, all, report };
    let sql = scope.sql(&declared.sql, texts);
    let mut inputs: Vec<(TableName, &TableSpec)> = Vec::new();
    let mut complete = true;
    for word in &declared.inputs {
        match scope.input(word, sql, reported) {
            Some(table) if inputs.iter().any(|(name, _)| *name == table.name) => {
                scope.say(&word.spot, format!("{} a second time", table.name), "write it once");
            }
            Some(table) => inputs.push((table.name.clone(), table)),
            None => complete = false,
        }
    }
    let partition = match &declared.partition {
        // What it names may be what was reported.
        Some(_) if !complete => None,
        Some(partition) => Some(scope.partition(partition, &inputs)?),
        None => None,
    };
    let (field, columns) = partition.unzip();
    let columns: BTreeMap<TableName, usize> = columns.unwrap_or_default();
    let inputs = inputs.into_iter().map(|(table, _)| Input {
        column: columns.get(&table).copied(),
        table,
    });
    Some(Aggregation {
        inputs: inputs.collect(),
        sql: sql?.into(),
        file: declared.sql.text.clone(),
        partition: field,
    })
}

/// Whether the query and every table that it names are here.
pub(crate) fn is_complete(declared: &Declared, all: &[&Dataset], texts: &Texts<'_>) -> bool {
    let made = |word: &Word| word.text.parse().is_ok_and(|name| made_by(all, &name).is_some());
    texts.contains_key(&*declared.sql.text) && declared.inputs.iter().all(made)
}

fn made_by<'s>(all: &[&'s Dataset], name: &TableName) -> Option<&'s TableSpec> {
    all.iter().find_map(|dataset| dataset.table_of(name))
}

struct Scope<'s> {
    dataset: &'s Dataset,
    all: &'s [&'s Dataset],
    report: &'s Report,
}

impl<'s> Scope<'s> {
    fn say(&self, spot: &Spot, message: impl Into<String>, help: impl Into<String>) {
        self.report.add(spot.position, &spot.path, message.into(), help.into());
    }

    fn sql<'f>(&self, word: &Word, texts: &Texts<'f>) -> Option<&'f str> {
        let Some(text) = texts.get(&*word.text) else {
            let names: Vec<&str> = texts.keys().copied().collect();
            let help = if names.is_empty() {
                "write the query in that file".into()
            } else {
                one_of(&word.text, &names)
            };
            self.say(
                &word.spot,
                format!("no file {} beside the contract", shown(&word.text)),
                help,
            );
            return None;
        };
        let is_empty = text.trim().is_empty();
        if is_empty || text.len() > MAX_SQL_BYTES {
            let message = format!("{} of {} bytes", word.text, text.len());
            let help = format!("write one SELECT in it, of at most {MAX_SQL_BYTES} bytes");
            self.say(&word.spot, message, help);
        }
        Some(text)
    }

    /// A table of that name, which the query names.
    fn input(&self, word: &Word, sql: Option<&str>, reported: &[TableName]) -> Option<&'s TableSpec> {
        let name: Option<TableName> = word.text.parse().ok();
        if name.as_ref().is_some_and(|name| reported.contains(name)) {
            return None;
        }
        let found = name.and_then(|name| made_by(self.all, &name));
        let Some(table) = found else {
            let tables = self.all.iter().flat_map(|dataset| dataset.tables());
            let tables: Vec<String> = tables.map(|table| table.name.to_string()).collect();
            let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
            self.say(
                &word.spot,
                format!("no contract makes a table {}", shown(&word.text)),
                one_of(&word.text, &tables),
            );
            return None;
        };
        if let Some(sql) = sql.filter(|sql| !names(sql, &word.text)) {
            let message = format!("{} is not in the query of {} bytes", word.text, sql.len());
            self.say(
                &word.spot,
                message,
                format!("name it there as {}, or remove it here", word.text),
            );
        }
        Some(table)
    }

    /// The partition's field, and the columns of inputs that lie in it as our column does.
    fn partition(
        &self,
        declared: &DeclaredPartition,
        inputs: &[(TableName, &TableSpec)],
    ) -> Option<(usize, BTreeMap<TableName, usize>)> {
        let ours = self.column(&declared.column, &self.dataset.table)?;
        let fields = &self.dataset.table.partition;
        let field = fields.iter().position(|field| field.column == ours);
        let Some(field) = field else {
            let names = fields
                .iter()
                .map(|field| &*self.dataset.table.columns[field.column].name);
            let names: Vec<&str> = names.collect();
            let help = if names.is_empty() {
                format!(
                    "write partition: [{{column: {}, transform: month}}] beside aggregate",
                    declared.column.text
                )
            } else {
                one_of(&declared.column.text, &names)
            };
            let message = format!("the table is not partitioned by {}", declared.column.text);
            self.say(&declared.column.spot, message, help);
            return None;
        };
        if !self.check_field(&declared.column, ours, &fields[field]) {
            return None;
        }
        let mut columns = BTreeMap::new();
        for (input, column) in &declared.of {
            let name: Option<TableName> = input.text.parse().ok();
            let Some((name, table)) = inputs.iter().find(|(known, _)| Some(known) == name.as_ref()) else {
                let names: Vec<String> = inputs.iter().map(|(name, _)| name.to_string()).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let message = format!("{} is no input", shown(&input.text));
                self.say(&input.spot, message, one_of(&input.text, &names));
                continue;
            };
            let Some(theirs) = self.column(column, table) else {
                continue;
            };
            self.check_pair(column, &fields[field], (ours, &table.columns[theirs]));
            columns.insert(name.clone(), theirs);
        }
        Some((field, columns))
    }

    fn column(&self, word: &Word, table: &TableSpec) -> Option<usize> {
        let found = table.column(&word.text).map(|(index, _)| index);
        if found.is_none() {
            let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
            let message = format!("{} has no column {}", table.name, shown(&word.text));
            self.say(&word.spot, message, one_of(&word.text, &names));
        }
        found
    }

    /// Whether the values of the field can be told from bounds of columns.
    fn check_field(&self, word: &Word, ours: usize, field: &PartitionField) -> bool {
        let column = &self.dataset.table.columns[ours];
        let transform = field.transform;
        let has_values = has_values(transform, column.kind);
        if !has_values {
            self.say(
                &word.spot,
                format!("{transform} of {}, which is of type {}", column.name, column.kind),
                "partition by the year, month, day or hour of a time, or by a string, integer or date as it is; or remove partition below aggregate, and the table is made as a whole",
            );
        }
        let in_key = self.dataset.primary_key.contains(&ours);
        if !column.required {
            self.say(
                &word.spot,
                format!("{}, which may be null", column.name),
                "write required: true there",
            );
        } else if !in_key {
            self.say(
                &word.spot,
                format!("{} is not in the primary key", column.name),
                "write primaryKey: true there: whether a key comes twice is looked at in each partition by itself",
            );
        }
        has_values && column.required && in_key
    }

    fn check_pair(&self, word: &Word, field: &PartitionField, (ours, theirs): (usize, &Column)) {
        let ours = &self.dataset.table.columns[ours];
        if !same_values(field.transform, ours.kind, theirs.kind) {
            self.say(
                &word.spot,
                format!(
                    "{} of type {}, {} of type {}",
                    ours.name, ours.kind, theirs.name, theirs.kind
                ),
                "write columns of one type; of times, one that has the date",
            );
        } else if !theirs.required {
            self.say(
                &word.spot,
                format!("{}, which may be null", theirs.name),
                "write a column that is required, or leave the input out of it: then what changes there makes the whole table anew",
            );
        }
    }
}

fn is_calendar(transform: Transform) -> bool {
    matches!(
        transform,
        Transform::Year | Transform::Month | Transform::Day | Transform::Hour
    )
}

fn is_date_or_timestamp(kind: ColumnType) -> bool {
    matches!(kind, ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampTz)
}

/// Whether a partition by that is one for each value, or for each span of them.
fn has_values(transform: Transform, kind: ColumnType) -> bool {
    let plain = matches!(
        kind,
        ColumnType::Int | ColumnType::Long | ColumnType::String | ColumnType::Date
    );
    (is_calendar(transform) && is_date_or_timestamp(kind)) || (transform == Transform::Identity && plain)
}

/// Whether values of both types make partitions that are compared. Times are those of UTC.
fn same_values(transform: Transform, ours: ColumnType, theirs: ColumnType) -> bool {
    let is_whole = |kind| matches!(kind, ColumnType::Int | ColumnType::Long);
    let has_hours = |kind| kind != ColumnType::Date || transform != Transform::Hour;
    ours == theirs
        || (is_whole(ours) && is_whole(theirs))
        || (is_calendar(transform) && is_date_or_timestamp(ours) && is_date_or_timestamp(theirs) && has_hours(theirs))
}

/// Whether the query has that name, and not as a part of a longer one.
fn names(sql: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let mut found = sql.match_indices(name);
    found.any(|(at, _)| {
        !sql[..at].ends_with(is_part) && !sql[at + name.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_not_a_part_of_a_longer_one() {
        for (sql, found) in [
            ("SELECT * FROM a.b", true),
            ("SELECT a.b.c FROM a.b", true),
            ("FROM a.bc", false),
            ("FROM x.a.b", false),
            ("FROM aa.b, (a.b)", true),
            ("", false),
        ] {
            assert_eq!(names(sql, "a.b"), found, "{sql}");
        }
    }
}

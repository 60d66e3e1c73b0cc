//! Steps with what they name looked up: columns of the row, tables and columns of references, types.

use super::{
    Enrichment, Step,
    read::{Declared, DeclaredStep, DeclaredWork, MAX_ENRICHED_COLUMNS},
};
use crate::{
    dataset::Dataset,
    diagnostic::{Report, one_of, shown},
    spot::{Spot, Word},
};
use watershed_lake::{Column, TableName, enriched::spec, table::is_identifier};

/// The enrichment of `dataset`. None, or incomplete, where something was reported. `others` are all datasets.
pub(crate) fn resolve<'s>(
    declared: &'s Declared,
    dataset: &'s Dataset,
    others: &'s [&'s Dataset],
    report: &'s Report,
) -> Option<Enrichment> {
    let mut scope = Scope {
        dataset,
        others,
        report,
        columns: dataset.table.columns.clone(),
        unknown: Vec::new(),
    };
    if dataset.stream().is_some() {
        scope.say(
            &declared.spot,
            "rows of a stream are not enriched yet",
            "remove it, or write what it should add to a contract of objects",
        );
    }
    let own = scope.columns.len();
    let steps: Vec<Step> = declared.steps.iter().filter_map(|step| scope.step(step)).collect();
    let new = scope.columns.split_off(own);
    if new.len() > MAX_ENRICHED_COLUMNS {
        scope.say(
            &declared.spot,
            format!("{} columns are added", new.len()),
            format!("add at most {MAX_ENRICHED_COLUMNS}"),
        );
    }
    let mut ids: Vec<i32> = new.iter().flat_map(Column::all).map(|column| column.id).collect();
    ids.sort_unstable();
    // Two of one name were reported.
    if report.count() == 0 && ids.windows(2).any(|pair| pair[0] == pair[1]) {
        scope.say(
            &declared.spot,
            "two new columns whose names make one field id",
            "write another name of one",
        );
    }
    let table = spec(&dataset.table, new).inspect_err(|_| {
        scope.say(
            &declared.spot,
            "a name too long for the enriched table",
            "write a shorter name",
        );
    });
    Some(Enrichment {
        table: table.ok()?,
        steps,
    })
}

/// Whether every table that it names is made by one of these.
pub(crate) fn is_complete(declared: &Declared, dataset: &Dataset, others: &[&Dataset]) -> bool {
    let mut joins = declared.steps.iter().filter_map(|step| match &step.work {
        DeclaredWork::Join(join) => Some(&join.reference.text),
        _ => None,
    });
    joins.all(|text| made_by(others, full_name(dataset, text).as_ref()).is_some())
}

/// The one of these that makes the table of that name.
fn made_by<'s>(others: &[&'s Dataset], name: Option<&TableName>) -> Option<&'s Dataset> {
    others.iter().find(|other| Some(&other.table.name) == name).copied()
}

/// `table` of the dataset's own database, or `database.table`; none: no table can be called so.
fn full_name(dataset: &Dataset, text: &str) -> Option<TableName> {
    match text.split_once('.') {
        Some(_) => text.parse().ok(),
        None => TableName::new(dataset.table.name.database(), text).ok(),
    }
}

/// Columns that a step adds, each with the word that names it.
pub(super) type New = Vec<(Word, Column)>;

/// What can be named at a step.
pub(super) struct Scope<'s> {
    pub(super) dataset: &'s Dataset,
    others: &'s [&'s Dataset],
    report: &'s Report,
    /// Those of the row, with what the steps so far have added.
    pub(super) columns: Vec<Column>,
    /// What would be there, had it not been reported: naming it is no further mistake.
    pub(super) unknown: Vec<&'s str>,
}

impl<'s> Scope<'s> {
    pub(super) fn say(&self, spot: &Spot, message: impl Into<String>, help: impl Into<String>) {
        self.report.add(spot.position, &spot.path, message.into(), help.into());
    }

    /// None: reported, here or at a step before.
    fn step(&mut self, step: &'s DeclaredStep) -> Option<Step> {
        let reported = self.report.count();
        let found = self.resolved(step);
        if found.is_none() || self.report.count() > reported {
            let names = step.work.names().into_iter();
            let names = names.filter(|name| self.columns.iter().all(|column| column.name != *name));
            let names: Vec<&str> = names.collect();
            self.unknown.extend(names);
        }
        found
    }

    fn resolved(&mut self, step: &DeclaredStep) -> Option<Step> {
        let begin = self.columns.len();
        let (label, work, new) = match &step.work {
            DeclaredWork::Join(join) => self.join(join)?,
            DeclaredWork::Derive(columns) => self.derive(columns),
            DeclaredWork::Labels { name, rules } => self.labels(name, rules),
            DeclaredWork::Score { name, conditions } => self.score(name, conditions),
        };
        if step.work.names().is_empty() {
            self.say(
                &step.spot,
                "a step that adds no column",
                "write what it adds, or remove it",
            );
        }
        for (word, column) in new {
            self.add(&word, column);
        }
        Some(Step {
            label,
            work,
            added: begin..self.columns.len(),
        })
    }

    /// One more column, whose name is given there.
    fn add(&mut self, word: &Word, column: Column) {
        if !is_identifier(&column.name) {
            self.say(
                &word.spot,
                format!("a column named {}", shown(&column.name)),
                "write a-z, 0-9 and _, starting with a letter",
            );
        } else if self.columns.iter().any(|other| other.name == column.name) {
            self.say(
                &word.spot,
                format!("a second column {}", shown(&column.name)),
                "write another name",
            );
        }
        self.columns.push(column);
    }

    /// A column of the row.
    pub(super) fn ours(&self, word: &Word) -> Option<usize> {
        self.column(word, &self.columns, &self.dataset.table.name)
    }

    pub(super) fn column(&self, word: &Word, columns: &[Column], table: &TableName) -> Option<usize> {
        let found = columns.iter().position(|column| column.name == word.text);
        if found.is_none() && !self.unknown.contains(&&*word.text) {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let message = format!("{table} has no column {}", shown(&word.text));
            self.say(&word.spot, message, one_of(&word.text, &names));
        }
        found
    }

    pub(super) fn reference(&self, word: &Word) -> Option<&'s Dataset> {
        let own = &self.dataset.table.name;
        let name = full_name(self.dataset, &word.text);
        let found = made_by(self.others, name.as_ref());
        if found.is_none() {
            let tables: Vec<String> = self.others.iter().map(|other| other.table.name.to_string()).collect();
            let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
            let full = name.map_or_else(|| word.text.clone(), |name| name.to_string());
            self.say(
                &word.spot,
                format!("no contract makes a table {}", shown(&full)),
                one_of(&full, &tables),
            );
        } else if found.is_some_and(|found| found.table.name == *own) {
            self.say(&word.spot, "a table that is its own reference", "write another table");
            return None;
        }
        found
    }
}

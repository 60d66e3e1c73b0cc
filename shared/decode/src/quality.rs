//! Quality rules over the rows of one object: what is counted while they pass, and what comes of it at the end. Memory flat in rows.

mod result;

pub use result::{RuleResult, broken};

use crate::{
    keys::{Repeats, keys},
    reject::{Reason, Violation},
};
use arrow_array::{
    Array, ArrayRef,
    cast::AsArray,
    types::{Date32Type, TimestampMicrosecondType},
};
use std::{collections::HashSet, io, path::Path, sync::Arc};
use watershed_contract::{Dataset, Measure, OnFailure, QualityRule};
use watershed_expression::{Expression, RowFailure};
use watershed_lake::ColumnType;

const DAY_MICROS: i64 = 86_400_000_000;

/// Measures the rows of one object.
pub struct Quality {
    dataset: Arc<Dataset>,
    counts: Vec<Count>,
    /// Rows that nothing refused.
    rows: u64,
}

/// What was counted for one rule.
enum Count {
    /// Rows that break it.
    Bad(u64),
    /// Keys so far.
    Repeats(Box<Repeats>),
    /// The newest value, in microseconds since 1970.
    Newest(Option<i64>),
}

impl Quality {
    /// Of the dataset's rules. Repeated values that do not fit in memory go to scratch files in the folder `scratch`, which must be.
    pub fn new(dataset: &Arc<Dataset>, scratch: &Path) -> Self {
        let count = |rule: &QualityRule| match rule.measure {
            Measure::Rows { .. } | Measure::Enumeration | Measure::RowCount => Count::Bad(0),
            Measure::Duplicates(_) => Count::Repeats(Box::new(Repeats::new(scratch))),
            Measure::Freshness => Count::Newest(None),
        };
        Self {
            counts: dataset.quality.iter().map(count).collect(),
            dataset: Arc::clone(dataset),
            rows: 0,
        }
    }

    /// Refuses rows that break a rule which says so. Rows that are not `accepted` are not looked at.
    pub fn refuse(&mut self, columns: &[ArrayRef], accepted: &mut [bool], violations: &mut Vec<Violation>) {
        if self.counts.is_empty() {
            return;
        }
        let dataset = Arc::clone(&self.dataset);
        // Types, ranges and the like, which are no rules.
        let by_others: HashSet<u32> = violations
            .iter()
            .filter(|violation| violation.reason != Reason::Enumeration)
            .map(|violation| violation.row)
            .collect();
        let mut refused = Vec::new();
        for (rule, count) in dataset.quality.iter().zip(&mut self.counts) {
            let Count::Bad(bad) = count else { continue };
            match &rule.measure {
                Measure::Enumeration => {
                    let is_ours =
                        |v: &&Violation| v.reason == Reason::Enumeration && v.column.map(|c| c as usize) == rule.column;
                    let of_rule = violations.iter().filter(is_ours);
                    *bad += of_rule.filter(|v| !by_others.contains(&v.row)).count() as u64;
                }
                Measure::Rows { condition, bad_when } if rule.on_failure == OnFailure::RejectRow => {
                    for (row, failure) in bad_rows(condition, *bad_when, columns, accepted) {
                        *bad += 1;
                        refused.push(violation(rule, row, failure.as_ref()));
                    }
                }
                _ => {}
            }
        }
        // All rules are measured on the same rows: one that is refused by one of them is told by the others too.
        for violation in &refused {
            accepted[violation.row as usize] = false;
        }
        violations.append(&mut refused);
    }

    /// Counts the rows that nothing refused.
    pub fn count(&mut self, columns: &[ArrayRef], accepted: &[bool]) -> io::Result<()> {
        if self.counts.is_empty() {
            return Ok(());
        }
        self.rows += accepted.iter().filter(|accepted| **accepted).count() as u64;
        let dataset = Arc::clone(&self.dataset);
        for (rule, count) in dataset.quality.iter().zip(&mut self.counts) {
            match (&rule.measure, count) {
                (Measure::Rows { condition, bad_when }, Count::Bad(bad)) if rule.on_failure != OnFailure::RejectRow => {
                    *bad += bad_rows(condition, *bad_when, columns, accepted).len() as u64;
                }
                (Measure::Duplicates(of), Count::Repeats(repeats)) => {
                    let key: Vec<ArrayRef> = of.iter().map(|index| Arc::clone(&columns[*index])).collect();
                    for (row, number) in keys(&key).into_iter().enumerate() {
                        if accepted[row] && key.iter().all(|column| column.is_valid(row)) {
                            repeats.insert(number)?;
                        }
                    }
                }
                (Measure::Freshness, Count::Newest(newest)) => {
                    let Some(column) = rule.column else { continue };
                    let of_batch = newest_of(&columns[column], dataset.kind(column), accepted);
                    *newest = (*newest).max(of_batch);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What came of every rule, in the contract's order. `time_us`: when the object was made, in microseconds since 1970.
    pub fn finish(self, time_us: i64) -> io::Result<Vec<RuleResult>> {
        let mut results = Vec::with_capacity(self.counts.len());
        for (rule, count) in self.dataset.quality.iter().zip(self.counts) {
            let column = rule.column.map(|index| self.dataset.table.columns[index].name.as_str());
            let part = match count {
                Count::Bad(_) if matches!(rule.measure, Measure::RowCount) => Some(i128::from(self.rows)),
                Count::Bad(bad) => Some(bad.into()),
                Count::Repeats(repeats) => Some(repeats.finish()?.into()),
                Count::Newest(newest) => newest.map(|newest| i128::from(time_us) - i128::from(newest)),
            };
            // Rows that the rule itself refused are no longer among those that nothing refused.
            let refused = match rule.on_failure {
                OnFailure::RejectRow => part.and_then(|bad| u64::try_from(bad).ok()).unwrap_or(0),
                _ => 0,
            };
            results.push(RuleResult::new(rule, column, part, self.rows + refused));
        }
        Ok(results)
    }
}

fn violation(rule: &QualityRule, row: u32, failure: Option<&RowFailure>) -> Violation {
    let message = match failure {
        None => format!("breaks the rule `{}`", rule.name),
        Some(failure) => format!("cannot be held against the rule `{}`: {}", rule.name, failure.message),
    };
    Violation {
        row,
        column: rule.column.map(|index| index as u32),
        reason: Reason::Quality,
        message,
    }
}

/// Rows among the accepted ones for which the condition is `bad_when`, or cannot be worked out.
fn bad_rows(
    condition: &Expression,
    bad_when: bool,
    columns: &[ArrayRef],
    accepted: &[bool],
) -> Vec<(u32, Option<RowFailure>)> {
    let found = condition.evaluate(columns, accepted.len());
    let values = found.values.as_boolean();
    let mut failures = found.failures.into_iter().peekable();
    let mut bad = Vec::new();
    for (row, accepted) in (0_u32..).zip(accepted) {
        let failure = failures.next_if(|failure| failure.row == row);
        let index = row as usize;
        let is_bad = failure.is_some() || (values.is_valid(index) && values.value(index) == bad_when);
        if *accepted && is_bad {
            bad.push((row, failure));
        }
    }
    bad
}

/// In microseconds since 1970; a date is its midnight in UTC, and so is a timestamp without zone taken.
fn newest_of(column: &ArrayRef, kind: ColumnType, accepted: &[bool]) -> Option<i64> {
    let rows = (0..column.len()).filter(|row| accepted[*row] && column.is_valid(*row));
    if kind == ColumnType::Date {
        let days = column.as_primitive::<Date32Type>().values();
        return rows.map(|row| i64::from(days[row]) * DAY_MICROS).max();
    }
    let micros = column.as_primitive::<TimestampMicrosecondType>().values();
    rows.map(|row| micros[row]).max()
}

//! Steps over a batch: rows of the dataset's table in, the same rows of the enriched table out.

use crate::reference::{Index, Loaded, degrees};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, RecordBatch,
    builder::{ListBuilder, StringBuilder},
    cast::AsArray,
};
use arrow_schema::{ArrowError, DataType, Field, SchemaRef};
use std::{collections::BTreeMap, sync::Arc};
use watershed_contract::enrich::{Around, Enrichment, Join, Matching, Pair, Point, Step, Work};
use watershed_expression::Expression;
use watershed_join::JoinError;
use watershed_lake::TableName;
use watershed_sink::arrow_schema;

/// What an enrichment is done with.
pub struct Steps<'s> {
    enrichment: &'s Enrichment,
    loaded: &'s BTreeMap<TableName, Loaded>,
    indexes: &'s [Option<Index>],
    schema: SchemaRef,
    counts: Vec<Count>,
}

/// What came of a step, in rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Without a match.
    pub unmatched: u64,
    /// For which an expression failed: values, not rows, where there are several.
    pub failed: u64,
}

/// Why a batch cannot be enriched. A bug: types are known when the contract is read.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Of a join.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// Of columns.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

/// Columns that are added, and the rows without a match.
type Added = (Vec<ArrayRef>, u64);

impl<'s> Steps<'s> {
    /// `loaded` has every reference, `indexes` one for each step that joins.
    pub fn new(
        enrichment: &'s Enrichment,
        loaded: &'s BTreeMap<TableName, Loaded>,
        indexes: &'s [Option<Index>],
    ) -> Self {
        Self {
            enrichment,
            loaded,
            indexes,
            schema: arrow_schema(&enrichment.table),
            counts: vec![Count::default(); enrichment.steps.len()],
        }
    }

    /// A batch of the dataset's table as one of the enriched table.
    pub fn apply(&mut self, batch: &RecordBatch) -> Result<RecordBatch, StepError> {
        let mut columns = batch.columns().to_vec();
        for (at, step) in self.enrichment.steps.iter().enumerate() {
            let added = self.step(at, step, &columns, batch.num_rows())?;
            columns.extend(added);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// By the steps, so far.
    pub fn counts(&self) -> &[Count] {
        &self.counts
    }

    fn step(&mut self, at: usize, step: &Step, columns: &[ArrayRef], rows: usize) -> Result<Vec<ArrayRef>, StepError> {
        let count = &mut self.counts[at];
        match &step.work {
            Work::Join(join) => {
                let index = self.indexes[at].as_ref().expect("a step that joins has an index");
                let (added, unmatched) = joined(join, index, &self.loaded[&join.reference], columns)?;
                count.unmatched += unmatched;
                Ok(added)
            }
            Work::Derive(expressions) => {
                let derived = expressions.iter().map(|it| evaluated(it, columns, rows, count));
                Ok(derived.collect())
            }
            Work::Labels(rules) => {
                let field = self.schema.field(step.added.start).clone();
                Ok(vec![labels(rules, &field, columns, rows, count)])
            }
            Work::Score(conditions) => Ok(vec![score(conditions, columns, rows, count)]),
        }
    }
}

fn ours(pairs: &[Pair], columns: &[ArrayRef]) -> Vec<ArrayRef> {
    pairs.iter().map(|pair| Arc::clone(&columns[pair.ours])).collect()
}

fn place(point: &Point, columns: &[ArrayRef]) -> Result<[Float64Array; 2], ArrowError> {
    Ok([
        degrees(&columns[point.latitude.ours])?,
        degrees(&columns[point.longitude.ours])?,
    ])
}

/// Of one row of the reference for each row, the columns that are taken.
fn joined(join: &Join, index: &Index, loaded: &Loaded, columns: &[ArrayRef]) -> Result<Added, StepError> {
    let (rows, theirs) = match (&join.matching, index) {
        (Matching::Lookup { on, columns: theirs }, Index::Lookup(index)) => (index.rows(&ours(on, columns))?, theirs),
        (
            Matching::AsOf {
                on,
                time,
                columns: theirs,
                ..
            },
            Index::AsOf(index, direction, tolerance),
        ) => {
            let rows = index.rows(&ours(on, columns), &columns[time.ours], *direction, *tolerance)?;
            (rows, theirs)
        }
        (
            Matching::Region {
                latitude,
                longitude,
                columns: theirs,
                ..
            },
            Index::Regions(index),
        ) => {
            let rows = index.rows(&degrees(&columns[*latitude])?, &degrees(&columns[*longitude])?)?;
            (rows, theirs)
        }
        (
            Matching::Nearest {
                point,
                within_m,
                columns: theirs,
                distance,
            },
            Index::Points(index),
        ) => {
            let [latitude, longitude] = place(point, columns)?;
            let (rows, away) = index.nearest(&latitude, &longitude, *within_m)?;
            let mut added = loaded.take(theirs, &rows)?;
            added.extend(distance.then(|| Arc::new(away) as ArrayRef));
            return Ok((added, rows.null_count() as u64));
        }
        (
            Matching::Around {
                point,
                within_m,
                aggregates,
            },
            Index::Around(index, measures),
        ) => {
            let [latitude, longitude] = place(point, columns)?;
            return Ok(around(
                aggregates,
                index.around(&latitude, &longitude, *within_m, measures)?,
            ));
        }
        _ => unreachable!("an index is made for the step that it is used by"),
    };
    Ok((loaded.take(theirs, &rows)?, rows.null_count() as u64))
}

/// What was worked out of the rows around each row, as the columns that are added.
fn around(aggregates: &[Around], found: watershed_join::Around) -> Added {
    let unmatched = found.count.null_count() as u64;
    let count: ArrayRef = Arc::new(found.count);
    let mut results = found.measures.into_iter();
    let added = aggregates.iter().map(|aggregate| match aggregate {
        Around::Count => Arc::clone(&count),
        _ => results.next().expect("a measure for each aggregate that is no count"),
    });
    (added.collect(), unmatched)
}

/// The values of an expression; null where it fails.
fn evaluated(expression: &Expression, columns: &[ArrayRef], rows: usize, count: &mut Count) -> ArrayRef {
    let evaluated = expression.evaluate(columns, rows);
    count.failed += evaluated.failures.len() as u64;
    evaluated.values
}

/// True, or anything else.
fn held(condition: &Expression, columns: &[ArrayRef], rows: usize, count: &mut Count) -> BooleanArray {
    evaluated(condition, columns, rows, count).as_boolean().clone()
}

fn labels(
    rules: &[(String, Expression)],
    field: &Field,
    columns: &[ArrayRef],
    rows: usize,
    count: &mut Count,
) -> ArrayRef {
    let held: Vec<(&str, BooleanArray)> = rules
        .iter()
        .map(|(label, condition)| (label.as_str(), held(condition, columns, rows, count)))
        .collect();
    let DataType::List(element) = field.data_type() else {
        unreachable!("labels are a list")
    };
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(Arc::clone(element));
    for row in 0..rows {
        for (label, held) in &held {
            if held.is_valid(row) && held.value(row) {
                lists.values().append_value(label);
            }
        }
        lists.append(true);
    }
    Arc::new(lists.finish())
}

fn score(conditions: &[Expression], columns: &[ArrayRef], rows: usize, count: &mut Count) -> ArrayRef {
    let mut true_of = vec![0_u32; rows];
    for condition in conditions {
        let held = held(condition, columns, rows, count);
        for (row, number) in true_of.iter_mut().enumerate() {
            *number += u32::from(held.is_valid(row) && held.value(row));
        }
    }
    let all = conditions.len() as f64;
    Arc::new(
        true_of
            .into_iter()
            .map(|number| f64::from(number) / all)
            .collect::<Float64Array>(),
    )
}

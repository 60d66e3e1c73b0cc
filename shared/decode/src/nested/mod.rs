//! Structs and lists, a column at a time as everything: what is in them is a block of records of its own, one for each struct or
//! element, read by the same parsers and checked by the same rules as columns are. What is wrong in it is told with its path, and costs
//! the row.

mod arrow;
mod fit;
mod json;
mod text;

pub use arrow::Misfit;
pub use fit::fitted;
pub use json::json;

use crate::{
    check::Checker,
    parse::ColumnParser,
    reject::{Reason, Violation},
};
use arrow_array::{Array, ArrayRef, ListArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field as ArrowField, Fields};
use std::{collections::HashSet, sync::Arc};
use watershed_contract::ColumnRule;
use watershed_lake::{Column, ColumnType, table::ELEMENT};

/// Most values in lists of one row: elements, times the fields of each. Text of a few bytes can be a struct of a hundred nulls.
pub const MAX_LIST_VALUES: usize = 1 << 20;

/// How the values of a struct or list column are read.
#[derive(Debug, Clone)]
pub enum Shape {
    /// By their keys.
    Struct(Vec<Field>),
    /// One after the other.
    List(Box<Field>),
}

/// What is in a struct or list.
#[derive(Debug, Clone)]
pub struct Field {
    source: String,
    parser: ColumnParser,
    checker: Checker,
    /// Itself and the fields in it.
    weight: usize,
}

/// What is wrong somewhere in a value.
#[derive(Debug)]
pub struct Found {
    /// Row of what it is in.
    row: usize,
    /// `.price`, `[2].price`; empty: the value itself.
    path: String,
    reason: Reason,
    message: String,
}

impl Shape {
    /// Of a column, if it is nested.
    pub fn of(rule: &ColumnRule, column: &Column) -> Option<Self> {
        let mut fields = rule.fields.iter().zip(&column.fields).map(|(rule, column)| Field {
            source: rule.source.clone(),
            parser: ColumnParser::of(rule, column),
            checker: Checker::new(&rule.checks, column.kind),
            weight: column.all().count(),
        });
        match column.kind {
            ColumnType::Struct => Some(Self::Struct(fields.collect())),
            ColumnType::List => Some(Self::List(Box::new(fields.next()?))),
            _ => None,
        }
    }
}

impl Field {
    /// Checks the values that were read, but for those of rows in which something was found, or that `skip` tells.
    fn check(&self, array: &ArrayRef, skip: &dyn Fn(usize) -> bool, found: &mut Vec<Found>) {
        let known: HashSet<usize> = found.iter().map(|found| found.row).collect();
        let mut violations = Vec::new();
        let skip = |row: u32| known.contains(&(row as usize)) || skip(row as usize);
        self.checker.check(array, 0, &skip, &mut violations);
        found.extend(violations.into_iter().map(Found::of));
    }
}

impl Found {
    /// At the value itself.
    pub fn of(violation: Violation) -> Self {
        Self {
            row: violation.row as usize,
            path: String::new(),
            reason: violation.reason,
            message: violation.message,
        }
    }

    /// In the row `row` of what it is in, by that step.
    fn inside(self, row: usize, step: &str) -> Self {
        let path = step.to_string() + &self.path;
        Self { row, path, ..self }
    }

    /// As a violation of the column `index`.
    pub fn violation(self, index: u32) -> Violation {
        let message = match self.path.trim_start_matches('.') {
            "" => self.message,
            path => format!("{path}: {}", self.message),
        };
        Violation {
            row: self.row as u32,
            column: Some(index),
            reason: self.reason,
            message,
        }
    }
}

/// A struct array of these columns; fields may all be null until rows that are refused are gone.
fn structs<'f>(
    names: impl Iterator<Item = &'f str>,
    columns: Vec<ArrayRef>,
    valid: Vec<bool>,
) -> Result<ArrayRef, arrow_schema::ArrowError> {
    let fields = names
        .zip(&columns)
        .map(|(name, column)| ArrowField::new(name, column.data_type().clone(), true));
    let (fields, rows): (Fields, usize) = (fields.collect(), valid.len());
    let array = StructArray::try_new_with_length(fields, columns, Some(NullBuffer::from(valid)), rows)?;
    Ok(Arc::new(array))
}

/// A list array of these elements, which may all be null.
fn lists(lengths: Vec<usize>, elements: ArrayRef, valid: Vec<bool>) -> Result<ArrayRef, arrow_schema::ArrowError> {
    let element = Arc::new(ArrowField::new(ELEMENT, elements.data_type().clone(), true));
    let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
    let array = ListArray::try_new(element, offsets, elements, Some(NullBuffer::from(valid)))?;
    Ok(Arc::new(array))
}

/// What was found in elements, told of their lists, which have these offsets.
fn of_lists(found: Vec<Found>, offsets: &[usize]) -> impl Iterator<Item = Found> {
    found.into_iter().map(|found| {
        // The last list that begins no later: those before it with the same beginning are empty.
        let row = offsets.partition_point(|offset| *offset <= found.row) - 1;
        let step = format!("[{}]", found.row - offsets[row]);
        found.inside(row, &step)
    })
}

/// Where each list begins, and the end of the last.
fn offsets(lengths: &[usize]) -> Vec<usize> {
    let mut sum = 0;
    let ends = lengths.iter().map(|length| {
        sum += length;
        sum
    });
    std::iter::once(0).chain(ends).collect()
}

/// Nulls of that type, were every field of it nullable.
fn nulls(target: &DataType, rows: usize) -> ArrayRef {
    arrow_array::new_null_array(&fit::loose(target), rows)
}

//! Parts of an aggregated table: each a value of the field that it is partitioned by, made anew at once. Pure.

use crate::calendar::{first_day, month_of};
use arrow_array::{Array, ArrayRef, cast::AsArray, types};
use arrow_schema::DataType;
use std::collections::BTreeSet;
use watershed_lake::{Column, ColumnType, TableSpec, Transform};
use watershed_table::current::Bound;

/// Name of the one part of a table that is made as a whole: that of no other, for want of a `=`.
pub const WHOLE: &str = "whole";
/// Most values between two bounds that count as values of a file: a month of days and some more. With more, the file itself is asked.
pub const MAX_BETWEEN: usize = 40;
const MICROS_PER_DAY: i128 = 86_400_000_000;
const MICROS_PER_HOUR: i128 = 3_600_000_000;

/// A value of the field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Years, months, days or hours since 1970, or the number itself.
    Number(i64),
    /// The text itself.
    Text(String),
}

/// How a table is divided.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'t> {
    name: &'t str,
    transform: Transform,
    /// Its own column.
    column: &'t Column,
}

impl<'t> Parts<'t> {
    /// By the field of that index of the table's partition.
    pub fn of(table: &'t TableSpec, field: usize) -> Self {
        let field = &table.partition[field];
        Self {
            name: &field.name,
            transform: field.transform,
            column: &table.columns[field.column],
        }
    }

    /// The name of the part of that value: `day_month=516`. Numbers stand as Iceberg has them.
    pub fn name(&self, value: &Value) -> String {
        match value {
            Value::Number(number) => format!("{}={number}", self.name),
            Value::Text(text) => format!("{}={text}", self.name),
        }
    }

    /// The value of the part of that name; none: it is of a table that was divided otherwise.
    pub fn parse(&self, name: &str) -> Option<Value> {
        let text = name.strip_prefix(self.name)?.strip_prefix('=')?;
        if self.column.kind == ColumnType::String {
            return Some(Value::Text(text.into()));
        }
        let number: i64 = text.parse().ok()?;
        (number.to_string() == text).then_some(Value::Number(number))
    }

    /// The part that a number lies in: days of a date, microseconds of a timestamp, or the number itself.
    fn number(&self, kind: ColumnType, number: i128) -> i64 {
        let day = || match kind {
            ColumnType::Date => number,
            _ => number.div_euclid(MICROS_PER_DAY),
        };
        let month = || month_of(day() as i64);
        match self.transform {
            Transform::Year => month().div_euclid(12),
            Transform::Month => month(),
            Transform::Day => day() as i64,
            Transform::Hour => number.div_euclid(MICROS_PER_HOUR) as i64,
            Transform::Identity | Transform::Bucket(_) | Transform::Truncate(_) => number as i64,
        }
    }

    /// The first number of a part, in the same unit: it ends where the next one begins.
    fn start(&self, kind: ColumnType, value: i128) -> i128 {
        let of_day = |day: i128| match kind {
            ColumnType::Date => day,
            _ => day * MICROS_PER_DAY,
        };
        let of_month = |month: i128| of_day(first_day(month as i64).into());
        match self.transform {
            Transform::Year => of_month(value * 12),
            Transform::Month => of_month(value),
            Transform::Day => of_day(value),
            Transform::Hour => value * MICROS_PER_HOUR,
            Transform::Identity | Transform::Bucket(_) | Transform::Truncate(_) => value,
        }
    }

    /// The values that a column of that type can have between these bounds; none: they may be many.
    pub fn between(&self, kind: ColumnType, low: &Bound, high: &Bound) -> Option<Vec<Value>> {
        match (low, high) {
            (Bound::Number(low), Bound::Number(high)) => {
                let (low, high) = (self.number(kind, *low), self.number(kind, *high));
                let few = high.checked_sub(low).is_some_and(|span| span < MAX_BETWEEN as i64);
                few.then(|| (low..=high).map(Value::Number).collect())
            }
            // Where they are the same, neither was cut short.
            (Bound::Text(low), Bound::Text(high)) if low == high => Some(vec![Value::Text(low.clone())]),
            _ => None,
        }
    }

    /// Adds the values of a column of that type.
    pub fn add(&self, kind: ColumnType, values: &ArrayRef, found: &mut BTreeSet<Value>) {
        if let Some(texts) = values.as_string_opt::<i32>() {
            for text in texts.iter().flatten() {
                let value = Value::Text(text.into());
                if !found.contains(&value) {
                    found.insert(value);
                }
            }
            return;
        }
        let mut last = None;
        for number in numbers(values).into_iter().flatten() {
            let value = self.number(kind, number.into());
            // Neighbours mostly share a part.
            if last != Some(value) {
                found.insert(Value::Number(value));
                last = Some(value);
            }
        }
    }

    /// Where a part begins, and the next one.
    fn span(&self, kind: ColumnType, value: i64) -> [i128; 2] {
        [value.into(), i128::from(value) + 1].map(|value| self.start(kind, value))
    }

    /// In SQL: that a column of an input lies in the part.
    pub fn filter(&self, value: &Value, column: &Column) -> String {
        let name = &column.name;
        match value {
            Value::Text(text) => format!("\"{name}\" = '{}'", text.replace('\'', "''")),
            Value::Number(value) => {
                let literal = |number: i128| match column.kind {
                    ColumnType::Date => format!("arrow_cast(arrow_cast({number}, 'Int32'), 'Date32')"),
                    ColumnType::Timestamp => format!("arrow_cast({number}, 'Timestamp(Microsecond, None)')"),
                    ColumnType::TimestampTz => format!("arrow_cast({number}, 'Timestamp(Microsecond, Some(\"UTC\"))')"),
                    _ => number.to_string(),
                };
                let [from, to] = self.span(column.kind, *value).map(literal);
                format!("\"{name}\" >= {from} AND \"{name}\" < {to}")
            }
        }
    }

    /// The first row of the table's own column that does not lie in the part.
    pub fn stranger(&self, value: &Value, values: &ArrayRef) -> Option<usize> {
        match value {
            Value::Text(text) => values.as_string::<i32>().iter().position(|found| found != Some(text)),
            Value::Number(value) => {
                let [from, to] = self.span(self.column.kind, *value);
                let lies = |number: Option<i64>| number.is_some_and(|number| (from..to).contains(&number.into()));
                numbers(values).into_iter().position(|number| !lies(number))
            }
        }
    }

    /// The name of its own column.
    pub fn column(&self) -> &'t str {
        &self.column.name
    }
}

/// The values as they are stored: days, microseconds, whole numbers.
fn numbers(values: &ArrayRef) -> Vec<Option<i64>> {
    match values.data_type() {
        DataType::Int32 => of(values.as_primitive::<types::Int32Type>()),
        DataType::Date32 => of(values.as_primitive::<types::Date32Type>()),
        DataType::Int64 => of(values.as_primitive::<types::Int64Type>()),
        DataType::Timestamp(..) => of(values.as_primitive::<types::TimestampMicrosecondType>()),
        other => unreachable!("the contract has no parts by {other}"),
    }
}

fn of<T: arrow_array::ArrowPrimitiveType>(values: &arrow_array::PrimitiveArray<T>) -> Vec<Option<i64>>
where
    i64: From<T::Native>,
{
    values.iter().map(|value| value.map(i64::from)).collect()
}

#[cfg(test)]
mod tests;

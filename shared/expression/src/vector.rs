//! The values of an expression's part for the rows of a batch: one type, and for each row a value, null, or why it failed.
//!
//! That a row failed is a state like null, and what is made of it fails as well, unless it is not asked for it: so an arm of `case`
//! that is not taken does not fail its row.

mod made;

pub(crate) use made::{Made, MadeTexts, Room, strict, strict_texts};

use crate::error::Failure;
use arrow_array::{
    Array, ArrayRef, StringArray,
    cast::AsArray,
    types::{
        Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, Time64MicrosecondType,
        TimestampMicrosecondType,
    },
};
use arrow_buffer::ScalarBuffer;
use watershed_lake::ColumnType;

/// Text that one part of an expression may hold for the rows of a batch, in bytes. A row beyond fails.
pub const MAX_TEXT_BYTES: usize = 64 * 1024 * 1024;

/// Values, one a row, or one for all rows. Where a row has none, what stands here means nothing.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    Booleans(Vec<bool>),
    /// Integers, days, microseconds.
    Longs(ScalarBuffer<i64>),
    /// Decimals, times 10^scale.
    Wides(ScalarBuffer<i128>),
    Doubles(ScalarBuffer<f64>),
    Texts(StringArray),
    /// Of bytes, and of null: only whether there is a value is known.
    Nothing,
}

/// Whether a row has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Value,
    Null,
    Failed,
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Vector {
    pub(crate) data: Data,
    /// None: every row has a value.
    states: Option<Vec<State>>,
    /// Of the rows that failed, in their order.
    failures: Vec<(u32, Failure)>,
    /// One value for all rows.
    constant: bool,
}

/// Values as a slice, whatever the row: a constant has one.
#[derive(Clone, Copy)]
pub(crate) struct Values<'v, T> {
    values: &'v [T],
    constant: bool,
}

impl<T: Copy> Values<'_, T> {
    #[inline]
    pub(crate) fn at(&self, row: usize) -> T {
        self.values[if self.constant { 0 } else { row }]
    }
}

/// Texts, as [`Values`].
#[derive(Clone, Copy)]
pub(crate) struct Texts<'v> {
    values: &'v StringArray,
    constant: bool,
}

impl<'v> Texts<'v> {
    #[inline]
    pub(crate) fn at(&self, row: usize) -> &'v str {
        self.values.value(if self.constant { 0 } else { row })
    }
}

/// A plain value.
pub(crate) trait Native: Copy + Default {
    fn data(values: Vec<Self>) -> Data;
}

impl Native for bool {
    fn data(values: Vec<Self>) -> Data {
        Data::Booleans(values)
    }
}
impl Native for i64 {
    fn data(values: Vec<Self>) -> Data {
        Data::Longs(values.into())
    }
}
impl Native for i128 {
    fn data(values: Vec<Self>) -> Data {
        Data::Wides(values.into())
    }
}
impl Native for f64 {
    fn data(values: Vec<Self>) -> Data {
        Data::Doubles(values.into())
    }
}

impl Vector {
    /// A column of a batch.
    pub(crate) fn of(array: &ArrayRef, kind: ColumnType) -> Self {
        let longs = |values: &[i32]| Data::Longs(values.iter().map(|v| i64::from(*v)).collect());
        let data = match kind {
            ColumnType::Boolean => Data::Booleans(array.as_boolean().values().iter().collect()),
            ColumnType::Int => longs(array.as_primitive::<Int32Type>().values()),
            ColumnType::Date => longs(array.as_primitive::<Date32Type>().values()),
            ColumnType::Long => Data::Longs(array.as_primitive::<Int64Type>().values().clone()),
            ColumnType::Time => Data::Longs(array.as_primitive::<Time64MicrosecondType>().values().clone()),
            ColumnType::Timestamp | ColumnType::TimestampTz => {
                Data::Longs(array.as_primitive::<TimestampMicrosecondType>().values().clone())
            }
            ColumnType::Float => {
                let values = array.as_primitive::<Float32Type>().values();
                Data::Doubles(values.iter().map(|v| f64::from(*v)).collect())
            }
            ColumnType::Double => Data::Doubles(array.as_primitive::<Float64Type>().values().clone()),
            ColumnType::Decimal { .. } => Data::Wides(array.as_primitive::<Decimal128Type>().values().clone()),
            ColumnType::String => Data::Texts(array.as_string::<i32>().clone()),
            ColumnType::Binary | ColumnType::Struct | ColumnType::List => Data::Nothing,
        };
        let state = |row| {
            if array.is_null(row) { State::Null } else { State::Value }
        };
        let states = (array.null_count() > 0).then(|| (0..array.len()).map(state).collect());
        Self {
            data,
            states,
            failures: Vec::new(),
            constant: false,
        }
    }

    /// The same value for all rows.
    pub(crate) fn constant(data: Data) -> Self {
        Self {
            data,
            states: None,
            failures: Vec::new(),
            constant: true,
        }
    }

    /// Null for all rows.
    pub(crate) fn null() -> Self {
        Self {
            states: Some(vec![State::Null]),
            ..Self::constant(Data::Nothing)
        }
    }

    /// What was worked out for one row, for all rows.
    pub(crate) fn for_all(self) -> Self {
        Self { constant: true, ..self }
    }

    fn place(&self, row: usize) -> usize {
        if self.constant { 0 } else { row }
    }

    #[inline]
    pub(crate) fn state(&self, row: usize) -> State {
        self.states
            .as_ref()
            .map_or(State::Value, |states| states[self.place(row)])
    }

    /// Why the row failed; asked for only where it did.
    pub(crate) fn failure(&self, row: usize) -> Failure {
        let row = self.place(row) as u32;
        let at = self.failures.binary_search_by_key(&row, |(row, _)| *row);
        self.failures[at.expect("a row that failed has its failure")].1
    }

    pub(crate) fn failures(&self) -> &[(u32, Failure)] {
        &self.failures
    }

    pub(crate) fn booleans(&self) -> Values<'_, bool> {
        match &self.data {
            Data::Booleans(values) => self.values(values),
            _ => self.values(&[false]).for_nothing(),
        }
    }

    pub(crate) fn longs(&self) -> Values<'_, i64> {
        match &self.data {
            Data::Longs(values) => self.values(values),
            _ => self.values(&[0]).for_nothing(),
        }
    }

    pub(crate) fn wides(&self) -> Values<'_, i128> {
        match &self.data {
            Data::Wides(values) => self.values(values),
            _ => self.values(&[0]).for_nothing(),
        }
    }

    pub(crate) fn doubles(&self) -> Values<'_, f64> {
        match &self.data {
            Data::Doubles(values) => self.values(values),
            _ => self.values(&[0.0]).for_nothing(),
        }
    }

    /// The texts; none where all rows are null.
    pub(crate) fn texts(&self) -> Option<Texts<'_>> {
        match &self.data {
            Data::Texts(values) => Some(Texts {
                values,
                constant: self.constant,
            }),
            _ => None,
        }
    }

    /// The text of a row that has one.
    pub(crate) fn text(&self, row: usize) -> &str {
        self.texts().map_or("", |texts| texts.at(row))
    }

    fn values<'v, T>(&self, values: &'v [T]) -> Values<'v, T> {
        Values {
            values,
            constant: self.constant,
        }
    }

    /// Rows that failed are null.
    pub(crate) fn failed_as_null(mut self) -> Self {
        for state in self.states.iter_mut().flatten() {
            if *state == State::Failed {
                *state = State::Null;
            }
        }
        self.failures.clear();
        self
    }
}

impl<T> Values<'_, T> {
    /// Of data that has no values: every row is null, and none is asked for.
    fn for_nothing(self) -> Self {
        Self { constant: true, ..self }
    }
}

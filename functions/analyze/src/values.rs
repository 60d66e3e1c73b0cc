//! What windows are given of a row: when it happened, its key, and the values that are aggregated.

use crate::rows::keys::KeyWriter;
use arrow_array::{
    Array, BinaryArray, BooleanArray, RecordBatch, StringArray,
    cast::AsArray,
    types::{
        ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type,
        Time64MicrosecondType, TimestampMicrosecondType,
    },
};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use watershed_contract::Window;
use watershed_stream::Value;

const MICROS_A_MS: i64 = 1_000;

/// When what the rows tell of happened, in milliseconds: the timestamps in that column, of which none is null.
pub fn event_times(batch: &RecordBatch, column: usize) -> Vec<i64> {
    let times = batch.column(column).as_primitive::<TimestampMicrosecondType>();
    times.values().iter().map(|us| us.div_euclid(MICROS_A_MS)).collect()
}

/// The window's inputs, row by row. Dates, times and timestamps stand in their own unit.
pub fn inputs<'b>(window: &Window, batch: &'b RecordBatch) -> Vec<Value<'b>> {
    let width = window.inputs.len();
    let mut values = vec![Value::Null; width * batch.num_rows()];
    for (at, column) in window.inputs.iter().enumerate() {
        let cells = values.iter_mut().skip(at).step_by(width.max(1));
        fill(batch.column(*column).as_ref(), cells);
    }
    values
}

/// The keys of rows, one behind the other.
pub struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Keys {
    /// Of a window, of all rows.
    pub fn of(window: &Window, batch: &RecordBatch) -> Result<Self, ArrowError> {
        let (writer, rows) = (KeyWriter::new(window, batch)?, batch.num_rows());
        let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(rows));
        for row in 0..rows {
            writer.write(row, &mut bytes);
            ends.push(bytes.len());
        }
        Ok(Self { bytes, ends })
    }

    /// That of a row.
    pub fn get(&self, row: usize) -> &[u8] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[row]]
    }
}

fn fill<'b, 'v>(array: &'b dyn Array, cells: impl Iterator<Item = &'v mut Value<'b>>)
where
    'b: 'v,
{
    match array.data_type() {
        DataType::Int32 => primitive::<Int32Type>(array, cells, |value| Value::Int(value.into())),
        DataType::Int64 => primitive::<Int64Type>(array, cells, Value::Int),
        DataType::Float32 => primitive::<Float32Type>(array, cells, |value| Value::Float(value.into())),
        DataType::Float64 => primitive::<Float64Type>(array, cells, Value::Float),
        DataType::Decimal128(..) => primitive::<Decimal128Type>(array, cells, Value::Decimal),
        DataType::Date32 => primitive::<Date32Type>(array, cells, |value| Value::Timestamp(value.into())),
        DataType::Time64(_) => primitive::<Time64MicrosecondType>(array, cells, Value::Timestamp),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            primitive::<TimestampMicrosecondType>(array, cells, Value::Timestamp);
        }
        DataType::Boolean => {
            let array: &BooleanArray = array.as_boolean();
            each(array.iter(), cells, Value::Bool);
        }
        DataType::Utf8 => {
            let array: &'b StringArray = array.as_string();
            each(array.iter(), cells, |value: &'b str| Value::Text(value.as_bytes()));
        }
        DataType::Binary => {
            let array: &'b BinaryArray = array.as_binary();
            each(array.iter(), cells, Value::Text);
        }
        other => unreachable!("the contract lets no {other} be aggregated"),
    }
}

fn primitive<'b, 'v, T: ArrowPrimitiveType>(
    array: &dyn Array,
    cells: impl Iterator<Item = &'v mut Value<'b>>,
    value: impl Fn(T::Native) -> Value<'b>,
) where
    'b: 'v,
{
    let array = array.as_primitive::<T>();
    if array.null_count() > 0 {
        return each(array.iter(), cells, value);
    }
    for (cell, found) in cells.zip(array.values()) {
        *cell = value(*found);
    }
}

fn each<'b, 'v, N>(
    found: impl Iterator<Item = Option<N>>,
    cells: impl Iterator<Item = &'v mut Value<'b>>,
    value: impl Fn(N) -> Value<'b>,
) where
    'b: 'v,
{
    for (cell, found) in cells.zip(found) {
        *cell = found.map_or(Value::Null, &value);
    }
}

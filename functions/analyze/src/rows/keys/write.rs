//! Keys of a batch's rows.

use super::tag;
use arrow_array::{
    Array, ArrowPrimitiveType, BinaryArray, BooleanArray, PrimitiveArray, RecordBatch, StringArray,
    cast::AsArray,
    types::{Date32Type, Decimal128Type, Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType},
};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use watershed_contract::Window;
use watershed_stream::codec::{put_bytes, put_signed, put_signed_wide};

/// Writes the keys of the rows of one batch: each column's type is looked at once, and nothing is allocated for a row.
#[derive(Debug)]
pub struct KeyWriter<'b> {
    columns: Vec<KeyColumn<'b>>,
}

#[derive(Debug)]
enum KeyColumn<'b> {
    Bool(&'b BooleanArray),
    Int(&'b PrimitiveArray<Int32Type>),
    Long(&'b PrimitiveArray<Int64Type>),
    Decimal(&'b PrimitiveArray<Decimal128Type>, u8),
    Date(&'b PrimitiveArray<Date32Type>),
    Time(&'b PrimitiveArray<Time64MicrosecondType>),
    Timestamp(&'b PrimitiveArray<TimestampMicrosecondType>, u8),
    Text(&'b StringArray),
    Binary(&'b BinaryArray),
}

impl<'b> KeyWriter<'b> {
    /// Of a window's key. `batch` is of the dataset's own table.
    ///
    /// # Errors
    /// A column is missing, or is none that a key may have.
    pub fn new(window: &Window, batch: &'b RecordBatch) -> Result<Self, ArrowError> {
        let missing = |index| {
            ArrowError::SchemaError(format!(
                "the key of {} is of column {index}, which is not there",
                window.name
            ))
        };
        let columns: Result<Vec<&dyn Array>, ArrowError> = window
            .key
            .iter()
            .map(|index| {
                batch
                    .columns()
                    .get(*index)
                    .map(AsRef::as_ref)
                    .ok_or_else(|| missing(*index))
            })
            .collect();
        Self::of(&columns?)
    }

    /// Of columns of one length, in the order of the key.
    ///
    /// # Errors
    /// A column is none that a key may have.
    pub fn of(columns: &[&'b dyn Array]) -> Result<Self, ArrowError> {
        let columns = columns.iter().map(|column| KeyColumn::of(*column));
        Ok(Self {
            columns: columns.collect::<Result<_, _>>()?,
        })
    }

    /// Appends the key of a row.
    ///
    /// # Panics
    /// There is no such row.
    #[inline]
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        for column in &self.columns {
            column.write(row, out);
        }
    }
}

impl<'b> KeyColumn<'b> {
    fn of(column: &'b dyn Array) -> Result<Self, ArrowError> {
        Ok(match column.data_type() {
            DataType::Boolean => Self::Bool(column.as_boolean()),
            DataType::Int32 => Self::Int(column.as_primitive()),
            DataType::Int64 => Self::Long(column.as_primitive()),
            DataType::Decimal128(_, scale) if *scale >= 0 => {
                Self::Decimal(column.as_primitive(), scale.cast_unsigned())
            }
            DataType::Date32 => Self::Date(column.as_primitive()),
            DataType::Time64(TimeUnit::Microsecond) => Self::Time(column.as_primitive()),
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                let tag = if zone.is_some() {
                    tag::TIMESTAMP_TZ
                } else {
                    tag::TIMESTAMP
                };
                Self::Timestamp(column.as_primitive(), tag)
            }
            DataType::Utf8 => Self::Text(column.as_string()),
            DataType::Binary => Self::Binary(column.as_binary()),
            other => return Err(ArrowError::SchemaError(format!("a key of a column of type {other}"))),
        })
    }

    #[inline]
    fn write(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Bool(column) if column.is_valid(row) => {
                out.push(if column.value(row) { tag::TRUE } else { tag::FALSE });
            }
            Self::Int(column) => integer(column, tag::INTEGER, row, out),
            Self::Long(column) => integer(column, tag::INTEGER, row, out),
            Self::Date(column) => integer(column, tag::DATE, row, out),
            Self::Time(column) => integer(column, tag::TIME, row, out),
            Self::Timestamp(column, tag) => integer(column, *tag, row, out),
            Self::Decimal(column, scale) if column.is_valid(row) => {
                out.extend_from_slice(&[tag::DECIMAL, *scale]);
                put_signed_wide(out, column.value(row));
            }
            Self::Text(column) if column.is_valid(row) => bytes(tag::TEXT, column.value(row).as_bytes(), out),
            Self::Binary(column) if column.is_valid(row) => bytes(tag::BINARY, column.value(row), out),
            Self::Bool(_) | Self::Decimal(..) | Self::Text(_) | Self::Binary(_) => out.push(tag::NULL),
        }
    }
}

#[inline]
fn integer<T: ArrowPrimitiveType<Native: Into<i64>>>(
    column: &PrimitiveArray<T>,
    tag: u8,
    row: usize,
    out: &mut Vec<u8>,
) {
    if column.is_null(row) {
        out.push(tag::NULL);
    } else {
        out.push(tag);
        put_signed(out, column.value(row).into());
    }
}

#[inline]
fn bytes(tag: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    put_bytes(out, value);
}

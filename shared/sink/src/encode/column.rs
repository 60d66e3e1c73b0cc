//! One column of a row group, of a type that is encoded here.

use super::{
    numbers::{Number, Numbers},
    pages::{Chunk, Compressor},
    texts::Texts,
};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType,
    cast::AsArray,
    types::{Date32Type, Decimal128Type, Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType},
};
use arrow_schema::DataType;
use bytes::Bytes;
use parquet::{
    basic::{ConvertedType, LogicalType, Type},
    column::writer::ColumnCloseResult,
    errors::ParquetError,
    file::properties::WriterProperties,
    schema::types::ColumnDescPtr,
};

/// Rows that go to a page at once, before it is asked whether it is full.
const STEP_ROWS: usize = 1_024;

/// Encodes one column.
pub enum ColumnEncoder {
    /// INT32: integers, dates, decimals of up to 9 digits.
    Int(Chunk<Numbers<i32>>),
    /// INT64: integers, times, decimals of up to 18 digits.
    Long(Chunk<Numbers<i64>>),
    /// UTF-8 strings.
    Text(Chunk<Texts>),
}

impl ColumnEncoder {
    /// None, where the column is nested or of another type.
    pub fn new(column: ColumnDescPtr, properties: &WriterProperties) -> Option<Self> {
        if column.path().parts().len() > 1 || column.max_rep_level() > 0 {
            return None;
        }
        let dictionary = properties.dictionary_enabled(column.path());
        match column.physical_type() {
            Type::INT32 => {
                let numbers = Numbers::new(dictionary);
                Some(Self::Int(Chunk::new(column, numbers, dictionary, properties)))
            }
            Type::INT64 => {
                let numbers = Numbers::new(dictionary);
                Some(Self::Long(Chunk::new(column, numbers, dictionary, properties)))
            }
            Type::BYTE_ARRAY if column.logical_type_ref() == Some(&LogicalType::String) => {
                debug_assert_eq!(column.converted_type(), ConvertedType::UTF8, "as the logical type");
                let max_shown = properties.statistics_truncate_length().unwrap_or(usize::MAX);
                let texts = Texts::new(dictionary, max_shown);
                Some(Self::Text(Chunk::new(column, texts, dictionary, properties)))
            }
            _ => None,
        }
    }

    /// Adds values.
    pub fn write(&mut self, array: &ArrayRef, codec: &mut Compressor) -> Result<(), ParquetError> {
        match self {
            Self::Int(chunk) => match array.data_type() {
                DataType::Int32 => numbers::<Int32Type, _>(chunk, array, codec, |value| value),
                DataType::Date32 => numbers::<Date32Type, _>(chunk, array, codec, |value| value),
                DataType::Decimal128(..) => numbers::<Decimal128Type, _>(chunk, array, codec, |value| value as i32),
                other => Err(unexpected(other)),
            },
            Self::Long(chunk) => match array.data_type() {
                DataType::Int64 => numbers::<Int64Type, _>(chunk, array, codec, |value| value),
                DataType::Time64(_) => numbers::<Time64MicrosecondType, _>(chunk, array, codec, |value| value),
                DataType::Timestamp(..) => numbers::<TimestampMicrosecondType, _>(chunk, array, codec, |value| value),
                DataType::Decimal128(..) => numbers::<Decimal128Type, _>(chunk, array, codec, |value| value as i64),
                other => Err(unexpected(other)),
            },
            Self::Text(chunk) => texts(chunk, array, codec),
        }
    }

    /// Bytes that the column takes so far, in memory and later in the file.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Int(chunk) => chunk.bytes(),
            Self::Long(chunk) => chunk.bytes(),
            Self::Text(chunk) => chunk.bytes(),
        }
    }

    /// The column chunk, and what the footer says of it.
    pub fn finish(self, codec: &mut Compressor) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        match self {
            Self::Int(chunk) => chunk.finish(codec),
            Self::Long(chunk) => chunk.finish(codec),
            Self::Text(chunk) => chunk.finish(codec),
        }
    }
}

fn unexpected(kind: &DataType) -> ParquetError {
    ParquetError::General(format!("a column of {kind} that Parquet's schema has another type for"))
}

fn numbers<T: ArrowPrimitiveType, N: Number>(
    chunk: &mut Chunk<Numbers<N>>,
    array: &ArrayRef,
    codec: &mut Compressor,
    stored: impl Fn(T::Native) -> N,
) -> Result<(), ParquetError> {
    let array = array.as_primitive::<T>();
    let mut dense: Vec<N> = Vec::with_capacity(STEP_ROWS);
    let mut start = 0;
    while start < array.len() {
        let part = array.slice(start, STEP_ROWS.min(chunk.room()).min(array.len() - start));
        dense.clear();
        if part.null_count() == 0 {
            dense.extend(part.values().iter().map(|value| stored(*value)));
        } else {
            dense.extend(part.iter().flatten().map(&stored));
        }
        let to_dictionary = chunk.to_dictionary();
        chunk.values.push(&dense, to_dictionary);
        chunk.rows(part.len(), part.nulls(), codec)?;
        start += part.len();
    }
    Ok(())
}

fn texts(chunk: &mut Chunk<Texts>, array: &ArrayRef, codec: &mut Compressor) -> Result<(), ParquetError> {
    let array = array
        .as_string_opt::<i32>()
        .ok_or_else(|| unexpected(array.data_type()))?;
    let mut start = 0;
    while start < array.len() {
        let part = array.slice(start, STEP_ROWS.min(chunk.room()).min(array.len() - start));
        let to_dictionary = chunk.to_dictionary();
        chunk.values.push(&part, to_dictionary);
        chunk.rows(part.len(), part.nulls(), codec)?;
        start += part.len();
    }
    Ok(())
}

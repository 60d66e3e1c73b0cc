//! Refused rows, read back from a quarantine file.

use arrow_array::{Array, cast::AsArray, types::Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::{fs::File, path::Path};
use watershed_lake::quarantine::column;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Line it starts on, from 1.
    pub line: i64,
    /// Its first byte, from 0.
    pub byte_offset: i64,
    /// Every violation.
    pub message: String,
}

/// The first `limit` rows of the file.
pub fn read(path: &Path, limit: usize) -> Result<Vec<Refused>, Box<dyn std::error::Error + Send + Sync>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?
        .with_limit(limit)
        .build()?;
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch?;
        let numbers = |at: usize| batch.column(at).as_primitive::<Int64Type>();
        let (lines, offsets) = (numbers(column::LINE), numbers(column::BYTE_OFFSET));
        let messages = batch.column(column::MESSAGE).as_string::<i32>();
        rows.extend((0..messages.len()).map(|row| Refused {
            line: lines.value(row),
            byte_offset: offsets.value(row),
            message: messages.value(row).into(),
        }));
    }
    Ok(rows)
}

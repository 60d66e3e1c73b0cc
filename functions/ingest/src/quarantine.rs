//! Rows of the quarantine table.

use arrow_array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{ArrowError, SchemaRef};
use std::sync::Arc;
use watershed_decode::{ObjectReject, RejectedRow};

/// Where the refused rows came from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// `s3://bucket/key`, or a file's name.
    pub source: String,
    /// Version id or entity tag.
    pub version: String,
    /// When the source was made: microseconds since 1970-01-01T00:00:00Z.
    pub time_us: i64,
    /// Version of the contract.
    pub contract_version: String,
}

/// The rows as a batch of the quarantine table; column order as in `watershed_lake::quarantine::column`.
pub fn rows(origin: &Origin, schema: &SchemaRef, rows: &[RejectedRow]) -> Result<RecordBatch, ArrowError> {
    let numbers =
        |of: fn(&RejectedRow) -> u64| Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| of(row) as i64)));
    let middle: [ArrayRef; 8] = [
        Arc::new(StringArray::from_iter_values(rows.iter().map(|_| "row"))),
        numbers(|row| row.offset),
        numbers(|row| row.length),
        numbers(|row| row.line),
        Arc::new(rows.iter().map(|row| row.column.as_deref()).collect::<StringArray>()),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.reason.code()))),
        Arc::new(StringArray::from_iter_values(
            rows.iter().map(|row| row.message.as_str()),
        )),
        Arc::new(BinaryArray::from_iter_values(rows.iter().map(|row| row.raw.as_slice()))),
    ];
    batch(origin, schema, rows.len(), middle)
}

/// The whole object as one row. `beginning` is shown as its bytes.
pub fn object(
    origin: &Origin,
    schema: &SchemaRef,
    reject: &ObjectReject,
    beginning: &[u8],
    bytes: u64,
) -> Result<RecordBatch, ArrowError> {
    let number = |value: i64| Arc::new(Int64Array::from(vec![value]));
    let text = |value: &str| Arc::new(StringArray::from(vec![value]));
    let middle: [ArrayRef; 8] = [
        text("object"),
        number(0),
        number(bytes as i64),
        number(1),
        Arc::new(StringArray::from(vec![None::<&str>])),
        text(reject.reason.code()),
        text(&reject.message),
        Arc::new(BinaryArray::from_vec(vec![beginning])),
    ];
    batch(origin, schema, 1, middle)
}

fn batch(origin: &Origin, schema: &SchemaRef, rows: usize, middle: [ArrayRef; 8]) -> Result<RecordBatch, ArrowError> {
    let same = |text: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))) };
    let mut columns = vec![same(&origin.source), same(&origin.version)];
    columns.extend(middle);
    columns.push(same(&origin.contract_version));
    columns.push(Arc::new(
        TimestampMicrosecondArray::from(vec![origin.time_us; rows]).with_timezone("UTC"),
    ));
    RecordBatch::try_new(Arc::clone(schema), columns)
}

//! Rows of the quarantine table, as arrow has them.

use crate::reject::{ObjectReject, RejectedRow};
use arrow_array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{ArrowError, SchemaRef};
use std::sync::Arc;

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

/// What the quarantine says of a row or an object: the columns that every such table has, see `watershed_lake::quarantine::column`.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'r> {
    /// Where it came from.
    pub source: &'r str,
    /// Which version of that.
    pub version: &'r str,
    /// [`ROW`] or [`OBJECT`].
    pub scope: &'static str,
    /// Its first byte.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
    /// Its line, from 1.
    pub line: u64,
    /// The column that is wrong; none: all of it.
    pub column: Option<&'r str>,
    /// Code of what is wrong.
    pub reason: &'r str,
    /// The same for people.
    pub message: &'r str,
    /// What is shown of its bytes.
    pub raw: &'r [u8],
    /// Version of the contract.
    pub contract_version: &'r str,
    /// When the source was made: microseconds since 1970-01-01T00:00:00Z.
    pub time_us: i64,
}

/// Scope of a row.
pub const ROW: &str = "row";
/// Scope of a whole object.
pub const OBJECT: &str = "object";

/// The rows as a batch of the quarantine table.
///
/// # Errors
/// The schema is not that of the table.
pub fn rows(origin: &Origin, schema: &SchemaRef, rows: &[RejectedRow]) -> Result<RecordBatch, ArrowError> {
    let entries: Vec<Entry<'_>> = rows
        .iter()
        .map(|row| Entry {
            scope: ROW,
            offset: row.offset,
            length: row.length,
            line: row.line,
            column: row.column.as_deref(),
            reason: row.reason.code(),
            message: &row.message,
            raw: &row.raw,
            ..origin.entry()
        })
        .collect();
    RecordBatch::try_new(Arc::clone(schema), columns(&entries))
}

/// The whole object as one row. `beginning` is shown as its bytes.
///
/// # Errors
/// The schema is not that of the table.
pub fn object(
    origin: &Origin,
    schema: &SchemaRef,
    reject: &ObjectReject,
    beginning: &[u8],
    bytes: u64,
) -> Result<RecordBatch, ArrowError> {
    let entry = Entry {
        length: bytes,
        reason: reject.reason.code(),
        message: &reject.message,
        raw: beginning,
        ..origin.entry()
    };
    RecordBatch::try_new(Arc::clone(schema), columns(&[entry]))
}

/// The columns that every quarantine has, in the order of `watershed_lake::quarantine::column`.
pub fn columns(entries: &[Entry<'_>]) -> Vec<ArrayRef> {
    let texts = |of: for<'a> fn(&'a Entry<'a>) -> &'a str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(entries.iter().map(of)))
    };
    let numbers = |of: fn(&Entry<'_>) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(
            entries.iter().map(|entry| of(entry) as i64),
        ))
    };
    let times = TimestampMicrosecondArray::from_iter_values(entries.iter().map(|entry| entry.time_us));
    vec![
        texts(|entry| entry.source),
        texts(|entry| entry.version),
        texts(|entry| entry.scope),
        numbers(|entry| entry.offset),
        numbers(|entry| entry.length),
        numbers(|entry| entry.line),
        Arc::new(entries.iter().map(|entry| entry.column).collect::<StringArray>()),
        texts(|entry| entry.reason),
        texts(|entry| entry.message),
        Arc::new(BinaryArray::from_iter_values(entries.iter().map(|entry| entry.raw))),
        texts(|entry| entry.contract_version),
        Arc::new(times.with_timezone("UTC")),
    ]
}

impl Origin {
    /// Of the object as a whole, before anything is said of it.
    fn entry(&self) -> Entry<'_> {
        Entry {
            source: &self.source,
            version: &self.version,
            scope: OBJECT,
            offset: 0,
            length: 0,
            line: 1,
            column: None,
            reason: "",
            message: "",
            raw: &[],
            contract_version: &self.contract_version,
            time_us: self.time_us,
        }
    }
}

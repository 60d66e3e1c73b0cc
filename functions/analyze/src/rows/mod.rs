//! What is known of a stream's rows, as batches of its tables.
//!
//! | module | rows of |
//! |---|---|
//! | `refused` | the quarantine |
//! | `late` | the table of late rows |
//! | `windows` | a window's table |
//! | `anomalies` | the table of anomalies |
//!
//! `keys` knows the bytes of a window's key, `cells` how values of all kinds become columns.

mod anomalies;
mod cells;
pub mod keys;
mod late;
mod refused;
mod windows;

pub use anomalies::{AnomalyRow, anomalies, anomaly_id};
pub use late::{LateReason, LateRow, late};
pub use refused::refused;
pub use windows::{MAX_BATCH_FIRINGS, MAX_BATCH_PARTIAL_BYTES, windows};

use arrow_array::{ArrayRef, Int64Array, StringArray};
use std::sync::Arc;
use watershed_decode::quarantine::{Entry, ROW, columns};
use watershed_kinesis::Sequence;

/// Where a row stood in its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Number of its record.
    pub sequence: Sequence,
    /// Its number in an aggregated record, from 0.
    pub sub: u32,
    /// When Kinesis got the record: milliseconds since 1970-01-01T00:00:00Z.
    pub arrival_ms: i64,
}

/// Where rows came from.
#[derive(Debug, Clone)]
pub struct StreamOrigin {
    /// `kinesis://STREAM/SHARD`.
    pub source: String,
    /// The shard.
    pub shard: String,
    /// Version of the contract.
    pub contract_version: String,
}

/// What a table of rows that did not get where they should says of one.
struct Told<'r> {
    place: Place,
    length: u64,
    column: Option<&'r str>,
    reason: &'static str,
    message: &'r str,
    raw: &'r [u8],
}

/// The columns of a stream's quarantine, in the order of `watershed_lake::quarantine::column`.
fn of_stream(origin: &StreamOrigin, told: &[Told<'_>]) -> Vec<ArrayRef> {
    let numbers: Vec<String> = told.iter().map(|row| row.place.sequence.to_string()).collect();
    let entries: Vec<Entry<'_>> = told
        .iter()
        .zip(&numbers)
        .map(|(row, number)| Entry {
            source: &origin.source,
            version: number,
            scope: ROW,
            offset: 0,
            length: row.length,
            line: u64::from(row.place.sub) + 1,
            column: row.column,
            reason: row.reason,
            message: row.message,
            raw: row.raw,
            contract_version: &origin.contract_version,
            time_us: micros(row.place.arrival_ms),
        })
        .collect();
    let mut columns = columns(&entries);
    let shard = std::iter::repeat_n(&origin.shard, told.len());
    columns.push(Arc::new(StringArray::from_iter_values(shard)));
    columns.push(Arc::new(StringArray::from_iter_values(&numbers)));
    let subs = told.iter().map(|row| i64::from(row.place.sub));
    columns.push(Arc::new(Int64Array::from_iter_values(subs)));
    columns
}

/// As timestamps of tables are. What is beyond their years is the first or last that they have.
fn micros(ms: i64) -> i64 {
    ms.saturating_mul(1_000)
}

#[cfg(test)]
mod testing;

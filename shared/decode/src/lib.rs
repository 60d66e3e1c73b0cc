//! Raw bytes to typed columns: decompress, split into records, standardise, check. Every record of the input comes out once,
//! as a row of a batch or as a [`RejectedRow`] that says why not.
//!
//! ```text
//! bytes ─compression─▶ encoding ─▶ text ─csv│json│xml│fixed─▶ Block (cells) ─parse─▶ typed columns ─check─▶ rows, rejected rows
//! records of a stream ────────────────────json│csv───────┘
//!                      Parquet file ─────────────────────────────────────────────▶ typed columns ─┘
//! ```
//! Pure: no clock, no environment; input is a `Read` (or, for Parquet, a file). Works a block at a time: parsing goes column by column
//! over a block of records, so that each loop knows one type, and a bad value costs only its row.

mod arrays;
pub mod binary;
pub mod block;
pub mod blocks;
pub mod check;
pub mod compression;
pub mod csv;
pub mod drift;
pub mod encoding;
pub mod fields;
pub mod fixed;
pub mod json;
pub mod keys;
mod lines;
pub mod nested;
pub mod parquet_footer;
pub mod parquet_pages;
pub mod parquet_source;
pub mod parse;
pub mod personal;
pub mod quality;
pub mod quarantine;
mod ranges;
pub mod records;
pub mod reject;
pub mod resume;
mod scan;
pub mod standardise;
mod text;
mod words;
pub mod xml;

pub use compression::{Compression, decompress};
pub use keys::KeyIndex;
pub use personal::{HashKey, Treatment};
pub use quality::{Quality, RuleResult};
pub use records::{DecodedRecords, RecordReader, Records, RefusedRecord};
pub use reject::{ObjectReject, Reason, RejectedRow, Violation};
pub use standardise::{Decoded, Standardiser};

/// Longest record, in bytes, line end not counted. A longer one is refused, and its lines are gone over to find the next.
pub const MAX_RECORD_BYTES: usize = 8 * 1024 * 1024;
/// Text that one block holds, unless a record is longer. Fits the second-level cache together with its cells.
pub const BLOCK_BYTES: usize = 512 * 1024;
/// Cells that one block holds, and those of one record more: short lines under a wide header would have billions.
pub const MAX_BLOCK_CELLS: usize = 1 << 20;

//! What a Parquet file's footer says, in Iceberg's terms (Apache Parquet format: "File Format", "Logical Types";
//! Iceberg specification, Appendix A "Parquet" and Appendix D "Single-value serialization").

use crate::{
    object,
    way::{self, Step},
};
use bytes::Bytes;
use iceberg::spec::{Datum, PrimitiveType};
use parquet::{
    basic::{LogicalType, Repetition, TimeUnit, Type as Physical},
    file::{
        metadata::{ColumnChunkMetaData, FooterTail, ParquetMetaData, ParquetMetaDataReader},
        statistics::Statistics,
    },
    schema::types::ColumnDescriptor,
};
use watershed_ports::{ObjectStore, PortError};

/// Bytes of a file's end that are read first; a footer that fits needs no second read.
pub const FIRST_READ_BYTES: u64 = 64 * 1024;
/// Largest footer, in bytes.
pub const MAX_FOOTER_BYTES: u64 = 64 * 1024 * 1024;
/// Footer length and magic.
const TAIL_BYTES: usize = 8;

/// A data file by its footer.
#[derive(Debug, Clone, PartialEq)]
pub struct Footer {
    /// Rows in the file.
    pub rows: u64,
    /// Where each row group begins, ascending, in bytes.
    pub split_offsets: Vec<i64>,
    /// Columns in the file's order.
    pub columns: Vec<FileColumn>,
}

/// A column of a data file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileColumn {
    /// Field id, if the file gives one.
    pub id: Option<i32>,
    /// Path in the file's schema, joined with dots.
    pub name: String,
    /// The same step by step: one of a column that is in no other.
    pub way: Vec<Step>,
    /// The Iceberg type that the file's type stands for; none where there is none of ours.
    pub kind: Option<PrimitiveType>,
    /// The file's own types, for messages.
    pub spelled: String,
    /// The file's schema forbids null.
    pub required: bool,
    /// Bytes on disk.
    pub bytes: u64,
    /// Values, null included.
    pub values: u64,
    /// Nulls, if known; of what is in lists it is not said.
    pub nulls: Option<u64>,
    /// Smallest and largest value, if known for every row group that has values; of what is in lists it is not said, as other writers
    /// do not either: no reader could leave out a row by it.
    pub bounds: Option<Bounds>,
}

/// Smallest and largest value of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// At most the smallest.
    pub lower: Datum,
    /// At least the largest.
    pub upper: Datum,
    /// Both are values of the column, not cut ones.
    pub exact: bool,
}

/// Reads the footer of the object at `uri` of exactly `size` bytes. That the object is not there is a fault.
pub async fn read(store: &dyn ObjectStore, uri: &str, size: u64) -> Result<Footer, PortError> {
    let metadata = metadata(store, uri, size).await.map_err(object::as_fault)?;
    Ok(facts(&metadata))
}

/// The footer as Parquet has it, by one range read, or two where it is large.
///
/// Errors: [`Kind::Rejected`](watershed_ports::Kind::Rejected) where the object is not there.
pub async fn metadata(store: &dyn ObjectStore, uri: &str, size: u64) -> Result<ParquetMetaData, PortError> {
    let reading = |error: PortError| error.context(format!("reading {uri}"));
    let id = object::id(uri)?;
    let bad = |what: String| PortError::fault(format!("{uri}: {what}"));
    let start = size.saturating_sub(FIRST_READ_BYTES);
    // One byte more than there should be: that it does not come proves the size.
    let end = store.read_range(&id, start, size + 1).await.map_err(reading)?;
    if end.len() as u64 != size - start || end.len() < TAIL_BYTES {
        return Err(bad(format!("is not the {size} bytes that the request says")));
    }
    let tail: &[u8; TAIL_BYTES] = end[end.len() - TAIL_BYTES..].try_into().expect("eight bytes");
    let tail = FooterTail::try_new(tail).map_err(|e| bad(format!("does not end as Parquet does: {e}")))?;
    let length = tail.metadata_length() as u64;
    let whole = length + TAIL_BYTES as u64;
    if tail.is_encrypted_footer() || whole > size || length > MAX_FOOTER_BYTES {
        return Err(bad(format!(
            "has a footer of {length} bytes that cannot be read (encrypted, or too long)"
        )));
    }
    let footer: Bytes = if whole <= end.len() as u64 {
        end.slice(end.len() - whole as usize..end.len() - TAIL_BYTES)
    } else {
        let range = store.read_range(&id, size - whole, size - TAIL_BYTES as u64).await;
        range.map_err(reading)?
    };
    ParquetMetaDataReader::decode_metadata(&footer).map_err(|e| bad(format!("has a broken footer: {e}")))
}

/// What counts of the footer.
pub fn facts(metadata: &ParquetMetaData) -> Footer {
    let schema = metadata.file_metadata().schema_descr();
    let columns = schema.columns().iter().enumerate();
    Footer {
        rows: metadata.file_metadata().num_rows().unsigned_abs(),
        split_offsets: metadata
            .row_groups()
            .iter()
            .filter_map(|group| group.columns().first().map(|column| column.byte_range().0 as i64))
            .collect(),
        columns: columns
            .map(|(index, descriptor)| {
                column(
                    (descriptor, way::in_file(schema, index)),
                    metadata.row_groups().iter().map(|group| group.column(index)),
                )
            })
            .collect(),
    }
}

fn column<'a>(
    (descriptor, way): (&ColumnDescriptor, Vec<Step>),
    chunks: impl Iterator<Item = &'a ColumnChunkMetaData>,
) -> FileColumn {
    let is_repeated = descriptor.max_rep_level() > 0;
    let info = descriptor.self_type().get_basic_info();
    let kind = kind(descriptor);
    let mut column = FileColumn {
        id: info.has_id().then(|| info.id()),
        name: descriptor.path().string(),
        way,
        spelled: spelled(descriptor),
        required: info.repetition() == Repetition::REQUIRED,
        bytes: 0,
        values: 0,
        nulls: Some(0),
        bounds: None,
        kind,
    };
    let mut bounds_known = true;
    for chunk in chunks {
        column.bytes += chunk.compressed_size().unsigned_abs();
        let values = chunk.num_values().unsigned_abs();
        column.values += values;
        let statistics = chunk.statistics();
        let nulls = statistics
            .and_then(Statistics::null_count_opt)
            .or(column.required.then_some(0));
        column.nulls = column.nulls.zip(nulls).map(|(sum, more)| sum + more);
        if nulls == Some(values) {
            continue;
        }
        match column.kind.as_ref().and_then(|kind| bounds(kind, statistics?)) {
            Some(more) => column.bounds = Some(column.bounds.take().map_or(more.clone(), |known| wider(known, more))),
            None => bounds_known = false,
        }
    }
    if !bounds_known || is_repeated {
        column.bounds = None;
    }
    if is_repeated {
        column.nulls = None;
    }
    column
}

fn wider(known: Bounds, more: Bounds) -> Bounds {
    Bounds {
        lower: if more.lower < known.lower {
            more.lower
        } else {
            known.lower
        },
        upper: if more.upper > known.upper {
            more.upper
        } else {
            known.upper
        },
        exact: known.exact && more.exact,
    }
}

fn bounds(kind: &PrimitiveType, statistics: &Statistics) -> Option<Bounds> {
    if statistics.is_min_max_deprecated() {
        return None;
    }
    let datum = |bytes: &[u8]| {
        // Decimals in integers are little-endian in Parquet; Iceberg's are big-endian everywhere.
        let integer = matches!(statistics, Statistics::Int32(_) | Statistics::Int64(_));
        let is_decimal = matches!(kind, PrimitiveType::Decimal { .. });
        let reversed: Vec<u8> = if integer && is_decimal {
            bytes.iter().rev().copied().collect()
        } else {
            bytes.into()
        };
        Datum::try_from_bytes(&reversed, kind.clone())
            .ok()
            .filter(|datum| !datum.is_nan())
    };
    Some(Bounds {
        lower: datum(statistics.min_bytes_opt()?)?,
        upper: datum(statistics.max_bytes_opt()?)?,
        exact: statistics.min_is_exact() && statistics.max_is_exact(),
    })
}

/// The Iceberg type of a column's values.
fn kind(column: &ColumnDescriptor) -> Option<PrimitiveType> {
    let physical = column.physical_type();
    Some(match (physical, column.logical_type_ref()) {
        (Physical::BOOLEAN, None) => PrimitiveType::Boolean,
        (Physical::INT32, None) => PrimitiveType::Int,
        (Physical::INT32, Some(logical)) if *logical == LogicalType::integer(32, true) => PrimitiveType::Int,
        (Physical::INT32, Some(LogicalType::Date)) => PrimitiveType::Date,
        (Physical::INT64, None) => PrimitiveType::Long,
        (Physical::INT64, Some(logical)) if *logical == LogicalType::integer(64, true) => PrimitiveType::Long,
        (Physical::INT64, Some(LogicalType::Time(time))) if time.unit == TimeUnit::MICROS => PrimitiveType::Time,
        (Physical::INT64, Some(LogicalType::Timestamp(time))) if time.unit == TimeUnit::MICROS => {
            if time.is_adjusted_to_u_t_c {
                PrimitiveType::Timestamptz
            } else {
                PrimitiveType::Timestamp
            }
        }
        (Physical::FLOAT, None) => PrimitiveType::Float,
        (Physical::DOUBLE, None) => PrimitiveType::Double,
        (Physical::BYTE_ARRAY, Some(LogicalType::String)) => PrimitiveType::String,
        (Physical::BYTE_ARRAY, None) => PrimitiveType::Binary,
        (Physical::INT32 | Physical::INT64 | Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Decimal(decimal))) => {
            PrimitiveType::Decimal {
                precision: decimal.precision.unsigned_abs(),
                scale: decimal.scale.unsigned_abs(),
            }
        }
        _ => return None,
    })
}

fn spelled(column: &ColumnDescriptor) -> String {
    match column.logical_type_ref() {
        Some(logical) => format!("{} {logical:?}", column.physical_type()),
        None => column.physical_type().to_string(),
    }
}

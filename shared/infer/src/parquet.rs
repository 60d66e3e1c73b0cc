//! Parquet: types by its schema, and as many rows as the bytes at hand hold, as text.

use crate::{
    MAX_ROWS, Refusal, Sure,
    sample::{Layout, Sample, max_rows},
};
use ::parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder},
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};
use arrow_array::{Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field};
use bytes::{Buf, Bytes};
use watershed_contract::{
    Encoding,
    limits::{MAX_COLUMNS, MAX_PRECISION},
};
use watershed_decode::{
    block::{Block, Cell, Record},
    parquet_footer, parquet_pages,
    parquet_source::texts,
};
use watershed_lake::ColumnType;

/// First and last bytes of every Parquet file (Apache Parquet, "File Format").
const MAGIC: &[u8] = b"PAR1";
/// Bytes at the end that say how long the footer is.
pub const FOOTER_END_BYTES: u64 = 8;
/// Largest footer that is read.
const MAX_FOOTER_BYTES: u64 = 16 * 1024 * 1024;
/// Text of a sample: longer values make fewer rows.
const MAX_TEXT_BYTES: usize = 16 * 1024 * 1024;
/// Rows read at a time.
const BATCH_ROWS: usize = 1_024;

/// True where the bytes begin a Parquet file.
pub fn is_parquet(beginning: &[u8]) -> bool {
    beginning.starts_with(MAGIC)
}

/// How many bytes at the end of a file of so many are its footer, by its last [`FOOTER_END_BYTES`].
pub fn footer_bytes(end: &[u8], file_bytes: u64) -> Option<u64> {
    let (length, magic) = end.split_first_chunk::<4>()?;
    let footer = u64::from(u32::from_le_bytes(*length)) + FOOTER_END_BYTES;
    (magic == MAGIC && footer <= file_bytes && footer <= MAX_FOOTER_BYTES).then_some(footer)
}

/// A file of which only beginning and end are at hand.
#[derive(Debug, Clone)]
pub struct Sparse {
    bytes: u64,
    beginning: Bytes,
    end: Bytes,
}

impl Sparse {
    /// A file of `bytes` bytes.
    pub fn new(bytes: u64, beginning: Bytes, end: Bytes) -> Self {
        Self { bytes, beginning, end }
    }

    fn from(&self, start: u64) -> Option<Bytes> {
        let end_starts = self.bytes.saturating_sub(self.end.len() as u64);
        let (part, at) = if start >= end_starts {
            (&self.end, start - end_starts)
        } else {
            (&self.beginning, start)
        };
        let at = usize::try_from(at).ok().filter(|at| *at <= part.len())?;
        Some(part.slice(at..))
    }
}

impl Length for Sparse {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Sparse {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let bytes = self
            .from(start)
            .ok_or_else(|| ParquetError::EOF("not at hand".into()))?;
        Ok(bytes.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.from(start).filter(|bytes| bytes.len() >= length);
        let bytes = bytes.ok_or_else(|| ParquetError::EOF("not at hand".into()))?;
        Ok(bytes.slice(..length))
    }
}

/// Of a file that can be read at any place.
pub fn sample(file: impl ChunkReader + 'static, label: &str) -> Result<Sample, Refusal> {
    let damaged = |error: ParquetError| {
        Refusal::new(
            format!("the Parquet file is damaged or cut ({error})"),
            "send it again, whole",
        )
    };
    let metadata = parquet_footer::read(&file).map_err(damaged)?;
    parquet_pages::check(&file, metadata.metadata(), |_| true)
        .map_err(|reject| Refusal::new(reject.message, "send it with smaller pages"))?;
    let mut notes = Vec::new();
    let fields: Vec<(usize, Field, ColumnType)> = metadata
        .schema()
        .fields()
        .iter()
        .enumerate()
        .filter_map(|(index, field)| {
            let kind = kind(field.data_type());
            if kind.is_none() {
                notes.push(format!(
                    "column {} of type {} is left out: no column can have it",
                    field.name(),
                    field.data_type()
                ));
            }
            kind.map(|kind| (index, field.as_ref().clone(), kind))
        })
        .collect();
    if fields.is_empty() || fields.len() > MAX_COLUMNS {
        let message = format!("the Parquet file has {} columns that a table can have", fields.len());
        return Err(Refusal::new(message, format!("send 1 to {MAX_COLUMNS}")));
    }
    let total = metadata.metadata().file_metadata().num_rows();
    let wanted = max_rows(fields.len());
    // Pages that are not at hand, or damaged: the schema alone says enough.
    let read = parquet_footer::caught(|| rows(file, metadata, &fields, wanted));
    let block = read.map_err(Into::into).flatten().unwrap_or_else(|error| {
        notes.push(format!("types are those of the schema, rows were not read ({error})"));
        empty(fields.len())
    });
    Ok(Sample {
        label: label.into(),
        layout: Layout::Parquet,
        layout_sure: Sure::Certain,
        encoding: Encoding::Utf8,
        complete: block.records.len() as i64 == total,
        names: fields.iter().map(|(_, field, _)| field.name().clone()).collect(),
        kinds: Some(fields.iter().map(|(_, _, kind)| *kind).collect()),
        text_bytes: block.bytes.len(),
        block,
        first_row: 0,
        left_out: 0,
        notes,
    })
}

fn empty(width: usize) -> Block {
    Block {
        width,
        ..Block::default()
    }
}

fn rows(
    file: impl ChunkReader + 'static,
    metadata: ArrowReaderMetadata,
    fields: &[(usize, Field, ColumnType)],
    wanted: usize,
) -> Result<Block, Box<dyn std::error::Error>> {
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let reader = builder
        .with_batch_size(BATCH_ROWS.min(wanted.max(1)))
        .with_limit(wanted.min(MAX_ROWS))
        .build()?;
    let mut block = empty(fields.len());
    for batch in reader {
        append(&mut block, &batch?, fields);
        if block.bytes.len() > MAX_TEXT_BYTES {
            break;
        }
    }
    Ok(block)
}

fn append(block: &mut Block, batch: &RecordBatch, fields: &[(usize, Field, ColumnType)]) {
    // Bytes are no text: of them nothing is shown.
    let text = |(index, _, kind): &(usize, Field, ColumnType)| match kind {
        ColumnType::Binary => None,
        _ => texts(batch.column(*index)),
    };
    let columns: Vec<Option<StringArray>> = fields.iter().map(text).collect();
    for row in 0..batch.num_rows() {
        let start = block.bytes.len();
        for column in &columns {
            let value = column
                .as_ref()
                .and_then(|column| column.is_valid(row).then(|| column.value(row)));
            let cell = value.map_or(Cell::ABSENT, |value| {
                let start = block.bytes.len();
                block.bytes.extend_from_slice(value.as_bytes());
                Cell::new(start, block.bytes.len())
            });
            block.cells.push(cell);
        }
        block.records.push(Record {
            start: start as u32,
            end: block.bytes.len() as u32,
        });
    }
}

/// The column's type for one of Arrow's; none for those that no column can have.
fn kind(data_type: &DataType) -> Option<ColumnType> {
    Some(match data_type {
        DataType::Boolean => ColumnType::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => ColumnType::Int,
        DataType::Int64 | DataType::UInt32 => ColumnType::Long,
        DataType::UInt64 => ColumnType::Decimal {
            precision: 20,
            scale: 0,
        },
        DataType::Float16 | DataType::Float32 => ColumnType::Float,
        DataType::Float64 => ColumnType::Double,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => ColumnType::Decimal {
            precision: Some(*precision).filter(|precision| *precision <= MAX_PRECISION)?,
            scale: u8::try_from(*scale).ok().filter(|scale| scale <= precision)?,
        },
        DataType::Date32 | DataType::Date64 => ColumnType::Date,
        DataType::Time32(_) | DataType::Time64(_) => ColumnType::Time,
        DataType::Timestamp(_, None) => ColumnType::Timestamp,
        DataType::Timestamp(_, Some(_)) => ColumnType::TimestampTz,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnType::String,
        DataType::Dictionary(_, value) => return kind(value),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            ColumnType::Binary
        }
        _ => return None,
    })
}

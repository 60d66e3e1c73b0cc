//! A few columns of a Parquet file in the store: only their bytes are read.

use arrow_array::RecordBatch;
use bytes::{Buf, Bytes, buf::Reader};
use futures::{StreamExt, TryStreamExt, stream};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    },
    errors::{ParquetError, Result as ParquetResult},
    file::{
        metadata::{FooterTail, ParquetMetaDataReader},
        reader::{ChunkReader, Length},
    },
};
use std::{collections::BTreeMap, sync::Arc};
use watershed_lake::layout::split_uri;
use watershed_ports::{Kind, ObjectId, ObjectStore, PortError};

/// Bytes of the file's end that are read first.
const FIRST_READ_BYTES: u64 = 64 * 1024;
/// Footer length and magic.
const TAIL_BYTES: u64 = 8;
/// Column chunks that are read at the same time.
const MAX_CONCURRENT_READS: usize = 8;
/// Rows of a batch.
const BATCH_ROWS: usize = 16 * 1024;

/// Reads the root columns of these numbers, a row group at a time, and hands each batch to `take`.
pub async fn read(
    store: &dyn ObjectStore,
    uri: &str,
    bytes: u64,
    columns: &[usize],
    take: &mut dyn FnMut(&RecordBatch),
) -> Result<(), PortError> {
    let file = File::of(store, uri, bytes)?;
    let metadata = file.metadata().await?;
    let mask = ProjectionMask::roots(metadata.parquet_schema(), columns.iter().copied());
    for group in 0..metadata.metadata().num_row_groups() {
        let chunks = metadata.metadata().row_group(group).columns().iter().enumerate();
        let ranges = chunks
            .filter(|(index, _)| mask.leaf_included(*index))
            .map(|(_, chunk)| {
                let (start, length) = chunk.byte_range();
                (start, start + length)
            });
        let sparse = file.ranges(ranges).await?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(sparse, metadata.clone())
            .with_row_groups(vec![group])
            .with_projection(mask.clone())
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|e| file.broken(&e))?;
        for batch in reader {
            take(&batch.map_err(|e| file.broken(&e))?);
        }
    }
    Ok(())
}

struct File<'a> {
    store: &'a dyn ObjectStore,
    uri: &'a str,
    id: ObjectId,
    bytes: u64,
}

impl<'a> File<'a> {
    fn of(store: &'a dyn ObjectStore, uri: &'a str, bytes: u64) -> Result<Self, PortError> {
        let (bucket, key) = split_uri(uri).ok_or_else(|| PortError::fault(format!("`{uri}` is no s3://bucket/key")))?;
        let id = ObjectId::current(bucket, key);
        Ok(Self { store, uri, id, bytes })
    }

    fn broken(&self, error: &dyn std::fmt::Display) -> PortError {
        PortError::fault(format!("{} cannot be read as Parquet: {error}", self.uri))
    }

    async fn range(&self, start: u64, end: u64) -> Result<Bytes, PortError> {
        let read = self.store.read_range(&self.id, start, end).await;
        let bytes = read.map_err(|mut error| {
            // The table names it: that it is gone is nothing about the data in it.
            if error.kind == Kind::Rejected {
                error.kind = Kind::Transient;
            }
            error.context(format!("reading {}", self.uri))
        })?;
        if bytes.len() as u64 == end - start {
            Ok(bytes)
        } else {
            Err(self.broken(&format!("it ends before byte {end}")))
        }
    }

    async fn metadata(&self) -> Result<ArrowReaderMetadata, PortError> {
        let broken = |error: ParquetError| self.broken(&error);
        let end = self
            .range(self.bytes.saturating_sub(FIRST_READ_BYTES), self.bytes)
            .await?;
        let tail = end.last_chunk::<{ TAIL_BYTES as usize }>();
        let tail = FooterTail::try_new(tail.ok_or_else(|| self.broken(&"it is too short"))?).map_err(broken)?;
        let whole = tail.metadata_length() as u64 + TAIL_BYTES;
        if whole > self.bytes {
            return Err(self.broken(&"its footer is longer than it is"));
        }
        let footer = self.range(self.bytes - whole, self.bytes - TAIL_BYTES).await?;
        let metadata = ParquetMetaDataReader::decode_metadata(&footer).map_err(broken)?;
        ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new()).map_err(broken)
    }

    async fn ranges(&self, ranges: impl Iterator<Item = (u64, u64)>) -> Result<Sparse, PortError> {
        let reads = ranges.map(|(start, end)| async move { Ok((start, self.range(start, end).await?)) });
        let pieces = stream::iter(reads).buffered(MAX_CONCURRENT_READS).try_collect().await?;
        Ok(Sparse {
            bytes: self.bytes,
            pieces,
        })
    }
}

/// The parts of a file that are there.
struct Sparse {
    bytes: u64,
    pieces: BTreeMap<u64, Bytes>,
}

impl Length for Sparse {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl Sparse {
    fn from(&self, start: u64) -> ParquetResult<Bytes> {
        let piece = self.pieces.range(..=start).next_back();
        let rest = piece.and_then(|(begin, piece)| {
            let at = (start - begin) as usize;
            (at <= piece.len()).then(|| piece.slice(at..))
        });
        rest.ok_or_else(|| ParquetError::General(format!("byte {start} is of no chosen column")))
    }
}

impl ChunkReader for Sparse {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let bytes = self.from(start)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!(
                "byte {start} and {length} more are of no chosen column"
            )));
        }
        Ok(bytes.slice(..length))
    }
}

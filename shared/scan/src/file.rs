//! An object of the store as the `parquet` crate reads a file: only the bytes of the columns that are asked for are there.

use crate::BATCH_ROWS;
use bytes::{Buf, Bytes, buf::Reader};
use futures::{StreamExt, TryStreamExt, stream};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
            RowSelection,
        },
    },
    errors::{ParquetError, Result as ParquetResult},
    file::reader::{ChunkReader, Length},
};
use std::{collections::BTreeMap, sync::Arc};
use watershed_ports::{ObjectStore, PortError};
use watershed_table::{footer, object};

/// Column chunks that are read at the same time.
const MAX_CONCURRENT_READS: usize = 8;

/// A data file.
pub(crate) struct File<'a> {
    store: &'a dyn ObjectStore,
    uri: &'a str,
    bytes: u64,
}

impl<'a> File<'a> {
    /// Of that address and size.
    pub(crate) fn of(store: &'a dyn ObjectStore, uri: &'a str, bytes: u64) -> Self {
        Self { store, uri, bytes }
    }

    /// A fault of the file's.
    pub(crate) fn broken(&self, error: &dyn std::fmt::Display) -> PortError {
        PortError::fault(format!("{} cannot be read as Parquet: {error}", self.uri))
    }

    async fn range(&self, start: u64, end: u64) -> Result<Bytes, PortError> {
        object::range(self.store, self.uri, start, end).await
    }

    /// Its footer.
    pub(crate) async fn metadata(&self) -> Result<ArrowReaderMetadata, PortError> {
        let footer = footer::metadata(self.store, self.uri, self.bytes).await;
        let footer = footer.map_err(object::still_named)?;
        ArrowReaderMetadata::try_new(Arc::new(footer), ArrowReaderOptions::new()).map_err(|e| self.broken(&e))
    }

    /// The rows of a row group, or those of it that are selected: the root columns of these numbers.
    pub(crate) async fn row_group(
        &self,
        metadata: &ArrowReaderMetadata,
        group: usize,
        roots: &[usize],
        selected: Option<RowSelection>,
    ) -> Result<ParquetRecordBatchReader, PortError> {
        let mask = ProjectionMask::roots(metadata.parquet_schema(), roots.iter().copied());
        let chunks = metadata.metadata().row_group(group).columns().iter().enumerate();
        // All at once: what borrows of the footer would make the future of whoever waits for it one that cannot go to another thread.
        let ranges = chunks
            .filter(|(index, _)| mask.leaf_included(*index))
            .map(|(_, chunk)| {
                let (start, length) = chunk.byte_range();
                (start, start + length)
            })
            .collect();
        let sparse = self.ranges(ranges).await?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(sparse, metadata.clone())
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS);
        let builder = match selected {
            Some(rows) => builder.with_row_selection(rows),
            None => builder,
        };
        builder.build().map_err(|error| self.broken(&error))
    }

    async fn ranges(&self, ranges: Vec<(u64, u64)>) -> Result<Sparse, PortError> {
        let reads = ranges
            .into_iter()
            .map(|(start, end)| async move { Ok((start, self.range(start, end).await?)) });
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

//! The bytes of data files that a query needs, counted.

use crate::{SqlError, error::Limit};
use bytes::Bytes;
use datafusion::{
    common::{DataFusionError, Result},
    datasource::listing::PartitionedFile,
    datasource::physical_plan::ParquetFileReaderFactory,
    physical_plan::metrics::ExecutionPlanMetricsSet,
};
use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream};
use parquet::{
    arrow::{arrow_reader::ArrowReaderOptions, async_reader::AsyncFileReader},
    errors::{ParquetError, Result as ParquetResult},
    file::metadata::ParquetMetaData,
};
use std::{
    collections::{HashMap, VecDeque},
    fmt,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use watershed_ports::ObjectStore;
use watershed_table::{footer, object};

/// Memory for footers that are kept from query to query. A file is never written over, so they stay true.
const MAX_FOOTER_BYTES: usize = 64 << 20;
/// Reads of one file at the same time.
const MAX_CONCURRENT_READS: usize = 8;
/// Two ranges with less than that between them are read as one: a request costs more than these bytes.
const MAX_GAP_BYTES: u64 = 256 << 10;

/// Address of a file, as the engine hands it back.
#[derive(Debug, Clone)]
pub(crate) struct Address(pub(crate) String);

/// Footers, the oldest forgotten first.
#[derive(Debug, Default)]
pub(crate) struct Footers {
    known: HashMap<String, Arc<ParquetMetaData>>,
    order: VecDeque<String>,
    bytes: usize,
}

impl Footers {
    fn insert(&mut self, uri: &str, footer: &Arc<ParquetMetaData>) {
        if self.known.insert(uri.into(), Arc::clone(footer)).is_none() {
            self.order.push_back(uri.into());
            self.bytes += footer.memory_size();
        }
        while self.bytes > MAX_FOOTER_BYTES {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(gone) = self.known.remove(&oldest) {
                self.bytes -= gone.memory_size();
            }
        }
    }
}

/// The lake for one query.
pub(crate) struct Lake {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) footers: Arc<Mutex<Footers>>,
    pub(crate) max_bytes: u64,
    read: AtomicU64,
    planned: AtomicU64,
    failure: Mutex<Option<SqlError>>,
}

impl fmt::Debug for Lake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lake")
    }
}

impl Lake {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, footers: Arc<Mutex<Footers>>, max_bytes: u64) -> Self {
        Self {
            store,
            footers,
            max_bytes,
            read: AtomicU64::new(0),
            planned: AtomicU64::new(0),
            failure: Mutex::default(),
        }
    }

    /// Bytes that were read of files.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// A plan was made that reads so many more.
    pub(crate) fn will_read(&self, bytes: u64) {
        self.planned.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes that the plan reads, before what row groups tell.
    pub(crate) fn planned(&self) -> u64 {
        self.planned.load(Ordering::Relaxed)
    }

    /// Why reading failed, where it did: the engine's own words for it say less.
    pub(crate) fn failure(&self) -> Option<SqlError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fail(&self, error: SqlError) -> ParquetError {
        let text = error.to_string();
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(error);
        ParquetError::External(text.into())
    }

    /// The plan would read more than it may.
    pub(crate) fn too_much(&self, bytes: u64) -> SqlError {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        SqlError::Limit(
            Limit::Scan,
            format!(
                "it reads {} MiB of data files, more than {} MiB: name fewer columns, or fewer partitions in WHERE",
                mib(bytes),
                mib(self.max_bytes)
            ),
        )
    }

    fn footers(&self) -> std::sync::MutexGuard<'_, Footers> {
        self.footers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Factory(Arc<Lake>);

pub(crate) fn factory(lake: &Arc<Lake>) -> Arc<dyn ParquetFileReaderFactory> {
    Arc::new(Factory(Arc::clone(lake)))
}

impl ParquetFileReaderFactory for Factory {
    fn create_reader(
        &self,
        _partition: usize,
        file: PartitionedFile,
        _metadata_size_hint: Option<usize>,
        _metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let Address(uri) = file
            .extension::<Address>()
            .cloned()
            .ok_or_else(|| DataFusionError::Internal("a file without address".into()))?;
        Ok(Box::new(Reader {
            lake: Arc::clone(&self.0),
            uri,
            bytes: file.object_meta.size,
        }))
    }
}

struct Reader {
    lake: Arc<Lake>,
    uri: String,
    bytes: u64,
}

impl Reader {
    async fn read(&self, range: Range<u64>) -> ParquetResult<Bytes> {
        let length = range.end - range.start;
        let read = self.lake.read.fetch_add(length, Ordering::Relaxed) + length;
        if read > self.lake.max_bytes {
            return Err(self.lake.fail(self.lake.too_much(read)));
        }
        let bytes = object::range(&*self.lake.store, &self.uri, range.start, range.end).await;
        bytes.map_err(|error| self.lake.fail(error.into()))
    }
}

/// Ranges that lie near each other as one.
fn together(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut made: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match made.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(MAX_GAP_BYTES) => last.end = last.end.max(range.end),
            _ => made.push(range),
        }
    }
    made
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.read(range).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        let this = &*self;
        async move {
            let read = |range: Range<u64>| async move {
                let start = range.start;
                this.read(range).await.map(|bytes| (start, bytes))
            };
            let reads = stream::iter(together(ranges.clone()).into_iter().map(read));
            let pieces: Vec<(u64, Bytes)> = reads.buffered(MAX_CONCURRENT_READS).try_collect().await?;
            let of = |range: &Range<u64>| {
                let piece = &pieces[pieces.partition_point(|(start, _)| *start <= range.start) - 1];
                let at = (range.start - piece.0) as usize;
                piece.1.slice(at..at + (range.end - range.start) as usize)
            };
            Ok(ranges.iter().map(of).collect())
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        let this = &*self;
        async move {
            if let Some(known) = this.lake.footers().known.get(&this.uri) {
                return Ok(Arc::clone(known));
            }
            let read = footer::metadata(&*this.lake.store, &this.uri, this.bytes).await;
            let footer = read.map_err(|error| this.lake.fail(object::still_named(error).into()))?;
            let footer = Arc::new(footer);
            this.lake.footers().insert(&this.uri, &footer);
            Ok(footer)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_near_is_read_at_once() {
        let far = MAX_GAP_BYTES + 11;
        for (ranges, expected) in [
            (vec![5..10, 0..3, far..far + 1], vec![(0, 10), (far, far + 1)]),
            // Just near enough.
            (vec![far - 1..far, 0..10], vec![(0, far)]),
            (vec![0..10, 2..4], vec![(0, 10)]),
            (vec![], vec![]),
        ] {
            let found = together(ranges).into_iter().map(|range| (range.start, range.end));
            assert_eq!(found.collect::<Vec<_>>(), expected);
        }
    }
}

//! A lake in memory for tests: tables of real Parquet files, made by the writer and the committer that make all others.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod log;
mod rows;

pub use log::Log;
pub use rows::{Row, batch, rows, shown, stage};

use arrow_array::RecordBatch;
use std::{collections::BTreeMap, sync::Arc};
use watershed_lake::{CommitRequest, LakeLocation, SourceOrder, TableSpec, layout::source_prefix};
use watershed_ports::{
    faults::Faults,
    memory::{MemoryCatalog, MemoryStore},
};
use watershed_table::{Ports, commit, memory::MemoryHost};

/// Bucket of the lake.
pub const BUCKET: &str = "lake";

/// A lake.
pub struct TestLake {
    /// Of every call that is not the lake's own.
    pub faults: Faults,
    /// Its objects.
    pub store: Arc<MemoryStore>,
    /// Its tables.
    pub catalog: Arc<MemoryCatalog>,
    /// Its clock.
    pub host: MemoryHost,
}

impl Default for TestLake {
    fn default() -> Self {
        let faults = Faults::default();
        Self {
            store: Arc::new(MemoryStore::new(faults.clone())),
            catalog: Arc::new(MemoryCatalog::new(faults.clone())),
            faults,
            host: MemoryHost::default(),
        }
    }
}

impl TestLake {
    /// Makes these rows, as text with `null` for null, what the table holds of a source.
    pub async fn put(&self, spec: &TableSpec, source: &str, version: u64, rows: &[&[&str]]) {
        self.put_batch(spec, source, version, batch(spec, rows)).await;
    }

    /// The same of a batch of the table.
    pub async fn put_batch(&self, spec: &TableSpec, source: &str, version: u64, batch: RecordBatch) {
        self.put_batches(spec, source, version, [batch]).await;
    }

    /// The same of several.
    pub async fn put_batches(
        &self,
        spec: &TableSpec,
        source: &str,
        version: u64,
        batches: impl IntoIterator<Item = RecordBatch>,
    ) {
        let lake = LakeLocation::bucket(BUCKET);
        let prefix = format!("{}{version}/", source_prefix(&lake.table(spec), source));
        let files = stage(&self.store, spec, &prefix, &BTreeMap::new(), batches);
        let order = SourceOrder::epoch(version);
        let request = CommitRequest::new(spec.name.clone(), "c".into(), source.into(), order, prefix, files, None);
        let ports = Ports {
            store: &*self.store,
            catalog: &*self.catalog,
            host: &self.host,
        };
        let committed = commit(ports, &lake, spec, std::slice::from_ref(&request)).await;
        committed.outcomes[0].as_ref().unwrap();
    }
}

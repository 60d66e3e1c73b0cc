//! What the tests of `index` share: a table in memory, the function over it, and its queue.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use serde_json::json;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, SystemTime},
};
use watershed_contract::Contracts;
use watershed_index::{Config, Indexer, Ports, handle};
use watershed_lake::{LakeLocation, TableSpec, layout::IndexPlaces};
use watershed_ops::Invocation;
use watershed_ports::{faults::Faults, memory::MemoryQueue};
use watershed_search::{Index, Query, Statistics};
use watershed_table::{current::Current, indexed};
use watershed_test_lake::{Log, TestLake};

pub const CONTRACT: &str = include_str!("notes.odcs.yaml");
/// Deliveries after which a message counts as never acknowledged.
const MAX_DELIVERIES: usize = 12;

/// The function, and everything around it. Faults are those of its own calls.
pub struct World {
    pub faults: Faults,
    pub lake: TestLake,
    pub own: Arc<MemoryQueue>,
    pub log: Log,
    pub spec: TableSpec,
    /// Messages that are to be delivered, and how often each was.
    pub waiting: VecDeque<(String, usize)>,
    scratch: tempfile::TempDir,
    indexer: Indexer,
}

/// The event that a table has changed.
pub fn changed(table: &str) -> String {
    json!({"detail-type": "TableChanged", "source": "watershed", "detail": {
        "table": table, "role": "data", "contract": "notes", "snapshot_id": 1, "parent_snapshot_id": null, "sequence_number": 1,
        "timestamp_ms": 1, "operation": "append", "added_files": 1, "removed_files": 0, "added_rows": 1, "removed_rows": 0,
        "total_rows": 1, "partitions": []}})
    .to_string()
}

fn config(scratch: &tempfile::TempDir) -> Config {
    Config {
        contracts: ".".into(),
        own_queue_url: "own".into(),
        scratch: scratch.path().into(),
    }
}

impl World {
    pub fn new() -> Self {
        Self::of(CONTRACT)
    }

    pub fn of(contract: &str) -> Self {
        let contracts = Contracts::parse([("c", contract)]).unwrap_or_else(|errors| panic!("{errors}"));
        let scratch = tempfile::tempdir().unwrap();
        let mut world = Self {
            faults: Faults::default(),
            lake: TestLake::default(),
            own: Arc::new(MemoryQueue::default()),
            log: Log::default(),
            spec: contracts.by_id("notes").unwrap().table.clone(),
            waiting: VecDeque::new(),
            indexer: Indexer::new(config(&scratch), contracts),
            scratch,
        };
        world.deploy(contract);
        world
    }

    /// A new process, with that contract.
    pub fn deploy(&mut self, contract: &str) {
        let contracts = Contracts::parse([("c", contract)]).unwrap_or_else(|errors| panic!("{errors}"));
        self.spec = contracts.by_id("notes").unwrap().table.clone();
        self.own = Arc::new(MemoryQueue::new(self.faults.clone()));
        let ports = Ports {
            store: Arc::new(self.lake.store.shared_with(self.faults.clone())),
            catalog: Arc::new(self.lake.catalog.shared_with(self.faults.clone())),
            own: self.own.clone(),
        };
        self.indexer = Indexer::with_ports(config(&self.scratch), contracts, ports);
    }

    /// These rows are what the table holds of the source; the function is told.
    pub async fn put(&mut self, source: &str, version: u64, rows: &[&[&str]]) {
        self.lake.put(&self.spec, source, version, rows).await;
        self.waiting.push_back((changed("test.notes"), 0));
    }

    /// How many messages are to be delivered again.
    pub async fn invoke(&self, bodies: &[&str]) -> usize {
        let message = |(number, body): (usize, &&str)| json!({"messageId": number.to_string(), "body": body});
        let records: Vec<_> = bodies.iter().enumerate().map(message).collect();
        let deadline = SystemTime::now() + Duration::from_secs(60);
        let invocation = Invocation::begin("index", "dev", "r", None, deadline, Box::new(self.log.clone()));
        let response = handle(&self.indexer, invocation, json!({"Records": records})).await;
        response.unwrap().failures.len()
    }

    /// Everything that waits is delivered until it is acknowledged.
    pub async fn settle(&mut self) {
        while let Some((body, before)) = self.waiting.pop_front() {
            if self.invoke(&[&body]).await > 0 {
                assert!(before < MAX_DELIVERIES, "never acknowledged: {body}");
                self.waiting.push_back((body, before + 1));
            }
            self.waiting.extend(self.own.drain().into_iter().map(|body| (body, 0)));
        }
    }

    pub fn places(&self) -> IndexPlaces {
        let location = LakeLocation::bucket("lake").table(&self.spec);
        IndexPlaces::new(&location, &self.spec.search_declaration().unwrap())
    }

    /// Index objects, whosever they are.
    pub fn indexes(&self) -> BTreeMap<String, bytes::Bytes> {
        let mut all = self.lake.store.snapshot();
        all.retain(|uri, _| uri.contains("/search/"));
        all
    }

    /// Of the live files: how many rows have these words, and how many files have no index.
    pub async fn find(&self, words: &str) -> (u64, usize) {
        let (query, places) = (Query::parse(words).unwrap(), self.places());
        let store = &*self.lake.store;
        let current = Current::load(store, &*self.lake.catalog, &self.spec.name)
            .await
            .unwrap()
            .unwrap();
        let done = indexed::list(store, &places, &places.prefix()).await.unwrap();
        let (mut rows, mut unindexed) = (0, 0);
        for file in current.files(store).await.unwrap() {
            if !done.contains_key(file.uri()) {
                unindexed += 1;
            }
            let prefix = places.of_file(file.uri()).unwrap();
            let key = prefix.strip_prefix("s3://").unwrap();
            for (uri, bytes) in self.indexes() {
                if uri.strip_prefix("s3://").unwrap_or(&uri).starts_with(key) {
                    let index = Index::open(&bytes).unwrap();
                    let columns: Vec<usize> = (0..index.columns().len()).collect();
                    let all: Statistics = index.statistics(&query).unwrap();
                    rows += index.search(&query, &columns, &all, 10).unwrap().rows;
                }
            }
        }
        (rows, unindexed)
    }
}

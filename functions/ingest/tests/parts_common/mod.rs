//! What the tests of large objects share: a world in memory, whose raw queue is delivered in any order, and what the committer would see.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use arrow_array::{Array, RecordBatch, cast::AsArray};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU64,
    sync::Arc,
    time::{Duration, SystemTime},
};
use watershed_contract::Contracts;
use watershed_ingest::{Config, Ingest, Ports, handle, parts::Sizes};
use watershed_lake::CommitRequest;
use watershed_ops::{Invocation, Parameters};
use watershed_ports::{
    ObjectMeta,
    faults::Faults,
    memory::{MemoryQueue, MemorySecrets, MemoryStore},
};

/// Deliveries of one message after which it counts as never acknowledged.
const MAX_DELIVERIES: usize = 20;
pub const KEY: &str = "things/large";

/// A contract with these servers and schema lines.
pub fn contract(format: &str, schema: &str) -> String {
    format!(
        "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: things\nstatus: active\ndomain: test\n\
         servers:\n  - {{server: raw, type: s3, location: \"s3://{{raw}}/things/*\", {format}}}\n\
         schema:\n  - name: things\n{schema}"
    )
}

/// Nothing is large.
pub fn whole() -> Sizes {
    Sizes::default()
}

/// Everything is large, and has parts of that many bytes.
pub fn parts_of(bytes: u64) -> Sizes {
    let one = NonZeroU64::MIN;
    Sizes {
        split_above: one,
        part: NonZeroU64::new(bytes).unwrap(),
        chain_above: one,
        link: NonZeroU64::new(bytes).unwrap(),
    }
}

pub struct World {
    pub faults: Faults,
    pub store: Arc<MemoryStore>,
    pub commits: Arc<MemoryQueue>,
    pub raw: Arc<MemoryQueue>,
    pub ingest: Ingest,
    pub meta: ObjectMeta,
    scratch: tempfile::TempDir,
}

impl World {
    pub fn new(contract: &str, object: &[u8], sizes: Sizes) -> Self {
        let faults = Faults::default();
        let store = Arc::new(MemoryStore::new(faults.clone()));
        let commits = Arc::new(MemoryQueue::new(faults.clone()));
        let raw = Arc::new(MemoryQueue::new(faults.clone()));
        let scratch = tempfile::tempdir().unwrap();
        let mut world = Self {
            meta: store.insert("raw", KEY, object.to_vec()),
            ingest: ingest(contract, sizes, &scratch, &store, [&commits, &raw], &faults),
            faults,
            store,
            commits,
            raw,
            scratch,
        };
        world.faults.clear();
        world.meta.bytes = object.len() as u64;
        world
    }

    /// Another deployment over the same lake and queues.
    pub fn deploy(&mut self, contract: &str, sizes: Sizes) {
        let queues = [&self.commits, &self.raw];
        self.ingest = ingest(contract, sizes, &self.scratch, &self.store, queues, &self.faults);
    }

    /// The event of the object.
    pub fn event(&self) -> String {
        Self::event_of(&self.meta, "001")
    }

    pub fn event_of(meta: &ObjectMeta, sequencer: &str) -> String {
        json!({
            "version": "0", "id": "e", "detail-type": "Object Created", "source": "aws.s3", "account": "1",
            "time": "2013-01-01T10:00:00Z", "region": "us-east-1", "resources": [],
            "detail": {"version": "0", "bucket": {"name": "raw"}, "reason": "PutObject",
                "object": {"key": KEY, "size": meta.bytes, "etag": meta.etag, "sequencer": sequencer}}
        })
        .to_string()
    }

    /// One delivery; false where it was not acknowledged.
    pub async fn invoke(&self, body: &str) -> bool {
        let record: Value = json!({"messageId": "m", "eventSource": "aws:sqs", "body": body});
        let deadline = SystemTime::now() + Duration::from_secs(60);
        let invocation = Invocation::begin("ingest", "dev-ingest", "r", None, deadline, Box::new(std::io::sink()));
        let answer = handle(&self.ingest, invocation, json!({"Records": [record]})).await;
        answer.expect("a batch never fails whole").failures.is_empty()
    }

    /// Delivers these and what comes of them until all is acknowledged. `pick` says which of so many waiting messages is next, and how
    /// often it is delivered.
    pub async fn deliver(&self, bodies: Vec<String>, mut pick: impl FnMut(usize) -> (usize, usize)) {
        let mut waiting: Vec<(String, usize)> = bodies.into_iter().map(|body| (body, 0)).collect();
        while !waiting.is_empty() {
            let (next, times) = pick(waiting.len());
            let (body, deliveries) = waiting.swap_remove(next % waiting.len().max(1));
            let mut acknowledged = true;
            for _ in 0..times.max(1) {
                acknowledged = self.invoke(&body).await;
            }
            assert!(deliveries < MAX_DELIVERIES, "never acknowledged: {body}");
            if !acknowledged {
                waiting.push((body, deliveries + 1));
            }
            waiting.extend(self.raw.drain().into_iter().map(|body| (body, 0)));
        }
    }

    /// In the order they came, each once.
    pub async fn run(&self) {
        self.deliver(vec![self.event()], |_| (0, 1)).await;
    }

    /// What the committer would see: each request once.
    pub fn requests(&self) -> BTreeSet<String> {
        self.commits.messages().into_iter().collect()
    }

    /// The rows that the tables would hold. Every request for a table says the same.
    pub fn tables(&self) -> Tables {
        let mut tables = Tables::default();
        let objects = self.store.snapshot();
        for body in self.requests() {
            let request: CommitRequest = serde_json::from_str(&body).unwrap();
            let mut rows: Vec<Vec<String>> = Vec::new();
            for file in &request.files {
                let uri = request.uri(file);
                let bytes = &objects[uri.strip_prefix("s3://").unwrap()];
                assert_eq!(bytes.len() as u64, file.bytes);
                let found = rows_of(bytes);
                assert_eq!(found.len() as u64, file.rows);
                rows.extend(found);
            }
            rows.sort();
            let before = tables.0.insert(request.table.to_string(), rows);
            assert_eq!(before, None, "two requests for {}", request.table);
        }
        tables
    }

    /// How many objects lie under a prefix of the lake.
    pub fn count(&self, prefix: &str) -> usize {
        let prefix = format!("lake/{prefix}");
        self.store
            .snapshot()
            .keys()
            .filter(|key| key.starts_with(&prefix))
            .count()
    }
}

/// The rows of each table, every value as text, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tables(pub BTreeMap<String, Vec<Vec<String>>>);

fn ingest(
    contract: &str,
    sizes: Sizes,
    scratch: &tempfile::TempDir,
    store: &Arc<MemoryStore>,
    [commits, raw]: [&Arc<MemoryQueue>; 2],
    faults: &Faults,
) -> Ingest {
    let secrets = Arc::new(MemorySecrets::new(faults.clone()));
    secrets.insert("hash", b"a key of the tests");
    let config = Config {
        contracts: ".".into(),
        lake_bucket: "lake".into(),
        commit_queue_url: "commit".into(),
        raw_queue_url: "raw".into(),
        sizes,
        hash_secret: Some("hash".into()),
        scratch: scratch.path().into(),
        sink_memory_bytes: 1 << 20,
    };
    let ports = Ports {
        store: store.clone(),
        commits: commits.clone(),
        parts: raw.clone(),
        secrets: Arc::new(Parameters::new(secrets)),
    };
    let contracts = Contracts::parse([("things.odcs.yaml", contract)]).unwrap_or_else(|e| panic!("{e}\n{contract}"));
    Ingest::with_ports(config, contracts, ports)
}

fn rows_of(bytes: &[u8]) -> Vec<Vec<String>> {
    let bytes = bytes::Bytes::copy_from_slice(bytes);
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    reader
        .build()
        .unwrap()
        .flat_map(|batch| texts(&batch.unwrap()))
        .collect()
}

fn texts(batch: &RecordBatch) -> Vec<Vec<String>> {
    let columns: Vec<Vec<String>> = batch.columns().iter().map(column_texts).collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| column[row].clone()).collect())
        .collect()
}

fn column_texts(column: &arrow_array::ArrayRef) -> Vec<String> {
    if let Some(binary) = column.as_binary_opt::<i32>() {
        return binary.iter().map(|value| format!("{value:?}")).collect();
    }
    let text = arrow_cast::cast(column, &arrow_schema::DataType::Utf8).unwrap();
    let text = text.as_string::<i32>();
    (0..text.len())
        .map(|row| {
            if text.is_null(row) {
                "null".into()
            } else {
                format!("{:?}", text.value(row))
            }
        })
        .collect()
}

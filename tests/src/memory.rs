//! The functions together, on ports in memory: queues deliver at least once, and everything is over when they are empty.

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};
use watershed_commit::{Commit, host::Machine};
use watershed_contract::Contracts;
use watershed_ingest::{Ingest, parts::Sizes};
use watershed_lake::layout::split_uri;
use watershed_ops::{BatchResponse, Invocation, Parameters};
use watershed_ports::{
    ObjectStore as _,
    faults::Faults,
    memory::{MemoryBus, MemoryCatalog, MemoryQueue, MemorySecrets, MemoryStore},
};
use watershed_replay::Replay;
use watershed_table::current::Current;

/// Bucket of the raw zone.
pub const RAW: &str = "raw";
/// Bucket of the lake.
pub const LAKE: &str = "lake";
/// When everything is written: 2026-01-01T00:00:00Z.
const NOW_MS: i64 = 1_767_225_600_000;
/// Messages of a batch, but of commit requests, which come in large ones.
const BATCH: usize = 10;
/// Commit requests of a batch.
const COMMIT_BATCH: usize = 100;
/// Rounds over the queues after which they count as never empty.
const MAX_ROUNDS: usize = 10_000;

/// What is outside the functions.
pub struct Memory {
    /// Of every port.
    pub faults: Faults,
    /// Raw zone and lake.
    pub store: Arc<MemoryStore>,
    /// The lake's tables.
    pub catalog: Arc<MemoryCatalog>,
    /// What was announced.
    pub bus: Arc<MemoryBus>,
    /// Events of raw files.
    pub raw: Arc<MemoryQueue>,
    /// Objects to be done again.
    pub objects: Arc<MemoryQueue>,
    /// Commit requests.
    pub commits: Arc<MemoryQueue>,
    /// What `replay` has to do.
    pub replays: Arc<MemoryQueue>,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// What is a large object.
    pub sizes: Sizes,
    sequence: AtomicU64,
    scratch: tempfile::TempDir,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// The functions under some contracts.
pub struct Functions {
    ingest: Ingest,
    commit: Commit,
    replay: Replay,
}

impl Memory {
    /// Empty.
    ///
    /// # Panics
    /// Where no scratch folder can be made.
    pub fn new() -> Self {
        let faults = Faults::default();
        let queue = || Arc::new(MemoryQueue::new(faults.clone()));
        let store = Arc::new(MemoryStore::new(faults.clone()));
        store.set_now_ms(NOW_MS);
        Self {
            store,
            catalog: Arc::new(MemoryCatalog::new(faults.clone())),
            bus: Arc::new(MemoryBus::new(faults.clone())),
            raw: queue(),
            objects: queue(),
            commits: queue(),
            replays: queue(),
            timeout: Duration::from_mins(1),
            sizes: Sizes::default(),
            sequence: AtomicU64::new(1),
            scratch: tempfile::tempdir().expect("a folder can be made"),
            faults,
        }
    }

    /// The functions as they are deployed with this contract.
    ///
    /// # Panics
    /// Where the contract is wrong.
    pub fn deploy(&self, contract: &str) -> Functions {
        let contracts = || Contracts::parse([("test.odcs.yaml", contract)]).unwrap_or_else(|error| panic!("{error}"));
        Functions {
            ingest: Ingest::with_ports(
                watershed_ingest::Config {
                    contracts: ".".into(),
                    lake_bucket: LAKE.into(),
                    commit_queue_url: "commits".into(),
                    raw_queue_url: "raw".into(),
                    sizes: self.sizes,
                    hash_secret: None,
                    scratch: self.scratch.path().into(),
                    sink_memory_bytes: 1 << 20,
                },
                contracts(),
                watershed_ingest::Ports {
                    store: self.store.clone(),
                    commits: self.commits.clone(),
                    parts: self.raw.clone(),
                    secrets: Arc::new(Parameters::new(Arc::new(MemorySecrets::new(self.faults.clone())))),
                },
            ),
            commit: Commit::with_ports(
                watershed_commit::Config {
                    contracts: ".".into(),
                    lake_bucket: LAKE.into(),
                    event_bus: "bus".into(),
                    sends_lineage: false,
                },
                contracts(),
                watershed_commit::Ports {
                    store: self.store.clone(),
                    catalog: self.catalog.clone(),
                    bus: self.bus.clone(),
                    host: Arc::new(Machine),
                },
            ),
            replay: Replay::with_ports(
                watershed_replay::Config {
                    contracts: ".".into(),
                    lake_bucket: LAKE.into(),
                    raw_bucket: RAW.into(),
                    own_queue_url: "replays".into(),
                    objects_queue_url: "objects".into(),
                    event_bus: "bus".into(),
                    look_s: 1,
                },
                contracts(),
                watershed_replay::Ports {
                    store: self.store.clone(),
                    catalog: self.catalog.clone(),
                    own: self.replays.clone(),
                    objects: self.objects.clone(),
                    bus: self.bus.clone(),
                },
            ),
        }
    }

    /// Writes a file in the raw zone; gives the event of it, which nobody has sent yet.
    pub fn put(&self, key: &str, body: impl Into<Bytes>) -> String {
        let meta = self.store.insert(RAW, key, body);
        let sequencer = self.sequence.fetch_add(1, Ordering::Relaxed);
        json!({
            "detail-type": "Object Created", "source": "aws.s3", "time": "2026-01-01T00:00:00Z",
            "detail": {"bucket": {"name": RAW}, "object": {
                "key": key, "size": meta.bytes, "etag": meta.etag, "sequencer": format!("{sequencer:016X}")}}
        })
        .to_string()
    }

    /// Writes files and lets their events be sent.
    pub fn drop_files<'a>(&self, files: impl IntoIterator<Item = (&'a str, String)>) {
        for (key, body) in files {
            let event = self.put(key, body);
            self.raw.push(event);
        }
    }

    /// Delivers until every queue is empty. What is not acknowledged is delivered again.
    ///
    /// # Panics
    /// Where that never is.
    pub async fn run(&self, functions: &Functions) {
        for _ in 0..MAX_ROUNDS {
            let mut idle = true;
            for queue in [&self.raw, &self.objects, &self.commits, &self.replays] {
                idle &= self.step(functions, queue).await == 0;
            }
            if idle {
                return;
            }
        }
        panic!("queues are not empty after {MAX_ROUNDS} rounds");
    }

    /// Delivers what stands in one queue now; gives the number of those messages.
    pub async fn step(&self, functions: &Functions, queue: &Arc<MemoryQueue>) -> usize {
        let messages = queue.drain();
        let size = if Arc::ptr_eq(queue, &self.commits) {
            COMMIT_BATCH
        } else {
            BATCH
        };
        for batch in messages.chunks(size) {
            for again in self.deliver(functions, queue, batch).await {
                queue.push(batch[again].clone());
            }
        }
        messages.len()
    }

    /// Invokes `replay` directly.
    ///
    /// # Errors
    /// Its own.
    pub async fn invoke_replay(&self, functions: &Functions, request: &Value) -> Result<(), lambda_runtime::Error> {
        watershed_replay::handle(&functions.replay, self.invocation(), request.clone())
            .await
            .map(drop)
    }

    fn invocation(&self) -> Invocation {
        let deadline = SystemTime::now() + self.timeout;
        Invocation::begin("test", "test", "r", None, deadline, Box::new(std::io::sink()))
    }

    /// One batch to the function of the queue; gives the numbers of the messages to be delivered again.
    async fn deliver(&self, functions: &Functions, queue: &Arc<MemoryQueue>, messages: &[String]) -> Vec<usize> {
        let record = |(number, body): (usize, &String)| json!({"messageId": number.to_string(), "eventSource": "aws:sqs", "body": body});
        let event = json!({"Records": messages.iter().enumerate().map(record).collect::<Vec<Value>>()});
        let invocation = self.invocation();
        let answer = if Arc::ptr_eq(queue, &self.commits) {
            watershed_commit::handle(&functions.commit, invocation, event).await
        } else if Arc::ptr_eq(queue, &self.replays) {
            watershed_replay::handle(&functions.replay, invocation, event).await
        } else {
            watershed_ingest::handle(&functions.ingest, invocation, event).await
        };
        match answer {
            Ok(BatchResponse { failures }) => failures.iter().filter_map(|failure| failure.id.parse().ok()).collect(),
            Err(_) => (0..messages.len()).collect(),
        }
    }

    /// The rows of a table, each as text, sorted. `without`: columns that are left out.
    ///
    /// # Panics
    /// Where the table cannot be read.
    pub async fn rows(&self, table: &str, without: &[&str]) -> Vec<String> {
        let name = table.parse().expect("a table's name");
        let table = Current::load(&*self.store, &*self.catalog, &name)
            .await
            .expect("a table");
        let Some(table) = table else { return Vec::new() };
        let mut rows = Vec::new();
        for file in table.files(&*self.store).await.expect("its files") {
            let (bucket, key) = split_uri(file.uri()).expect("an address");
            let id = watershed_ports::ObjectId::current(bucket, key);
            let bytes = self.store.read(&id).await.expect("a data file");
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
                .expect("Parquet")
                .build();
            for batch in reader.expect("Parquet") {
                rows.extend(texts(&batch.expect("rows"), without));
            }
        }
        rows.sort();
        rows
    }
}

fn texts(batch: &RecordBatch, without: &[&str]) -> Vec<String> {
    let schema = batch.schema();
    let kept: Vec<usize> = (0..batch.num_columns())
        .filter(|index| !without.contains(&schema.field(*index).name().as_str()))
        .collect();
    let options = FormatOptions::default().with_null("NULL");
    let formatters: Vec<ArrayFormatter<'_>> = kept
        .iter()
        .map(|index| ArrayFormatter::try_new(batch.column(*index), &options).expect("a column as text"))
        .collect();
    let text = |row: usize| {
        let cells: Vec<String> = formatters.iter().map(|cell| cell.value(row).to_string()).collect();
        cells.join("|")
    };
    (0..batch.num_rows()).map(text).collect()
}

//! A lake in memory with a committer, a queue between, and a clock that the tests turn.
#![allow(dead_code, reason = "each test binary uses its part")]

use arrow_array::{RecordBatch, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use async_trait::async_trait;
use bytes::Bytes;
use iceberg::spec::{Manifest, ManifestList};
use parquet::arrow::ArrowWriter;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};
use uuid::Uuid;
use watershed_contract::Contracts;
use watershed_housekeep::{Config, Housekeep, Ports, handle};
use watershed_lake::{
    CommitRequest, LakeLocation, SourceOrder, StagedFile, TableRequest, TableSpec,
    layout::{source_prefix, split_uri},
};
use watershed_ops::Invocation;
use watershed_ports::{
    ByteStream, Catalog, Listed, ObjectId, ObjectMeta, ObjectStore, PortError,
    faults::Faults,
    memory::{MemoryCatalog, MemoryLifecycle, MemoryQueue, MemoryStore},
};
use watershed_table::{Batch, Host, Outcome, document::Document, ledger::Ledger};

pub const LAKE: &str = "lake";
pub const RAW: &str = "raw";
pub const DAY_MS: i64 = 86_400_000;
const DAY_US: i64 = 86_400_000_000;
/// The day on which a world begins, since 1970.
pub const FIRST_DAY: i64 = 19_000;

/// Rows go after 40 days, refused ones after 20, snapshots after 5.
pub const CONTRACT: &str = r#"
version: 1.0.0
kind: DataContract
apiVersion: v3.1.0
id: seen
status: active
domain: shop
servers: [{server: raw, type: s3, location: "s3://{raw}/seen/*.csv", format: csv}]
slaProperties: [{property: retention, value: 40, unit: d, element: seen.at}]
schema:
  - name: seen
    customProperties: [{property: watershed, value: {retention: {snapshots: 5d, quarantine: 20d, orphans: 2d, staged: 30d, raw: {archive: 60d, expire: 400d}}}}]
    properties: [{name: at, logicalType: timestamp, required: true}]
"#;

/// The clock of everything, and names that count up.
#[derive(Default)]
pub struct Clock {
    now_ms: AtomicI64,
    names: AtomicU64,
}

#[async_trait]
impl Host for Clock {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::Relaxed)
    }
    fn uuid(&self) -> Uuid {
        let n = self.names.fetch_add(1, Ordering::Relaxed) + 1;
        Uuid::from_u64_pair(n.wrapping_mul(0x9E37_79B9_7F4A_7C15), n)
    }
    async fn sleep_ms(&self, _: u64) {}
}

pub struct World {
    pub faults: Faults,
    pub store: Arc<MemoryStore>,
    pub catalog: Arc<MemoryCatalog>,
    pub queue: Arc<MemoryQueue>,
    pub lifecycle: Arc<MemoryLifecycle>,
    pub clock: Arc<Clock>,
    /// The data table, and the quarantine table.
    pub specs: [TableSpec; 2],
}

impl World {
    pub fn new() -> Self {
        let faults = Faults::default();
        let store = Arc::new(MemoryStore::new(faults.clone()));
        let catalog = Arc::new(MemoryCatalog::new(faults.clone()));
        let queue = Arc::new(MemoryQueue::new(faults.clone()));
        let lifecycle = Arc::new(MemoryLifecycle::new(faults.clone()));
        let clock = Arc::new(Clock::default());
        let contracts = Contracts::parse([("seen.odcs.yaml", CONTRACT)]).unwrap();
        let dataset = contracts.by_id("seen").unwrap();
        let specs = [dataset.table.clone(), dataset.quarantine.clone()];
        let world = Self {
            faults,
            store,
            catalog,
            queue,
            lifecycle,
            clock,
            specs,
        };
        world.pass(FIRST_DAY * DAY_MS);
        world
    }

    /// Another world, in which everything is as it is in this one.
    pub async fn copy(&self) -> Self {
        let (world, now_ms) = (Self::new(), self.clock.now_ms());
        let bodies = self.store.snapshot();
        for (uri, modified_ms) in self.objects().await {
            let (bucket, key) = split_uri(&uri).unwrap();
            world.store.set_now_ms(modified_ms);
            world
                .store
                .insert(bucket, key, bodies[&format!("{bucket}/{key}")].clone());
        }
        for table in self.catalog.snapshot().values() {
            world.catalog.create(table).await.unwrap();
        }
        let names = self.clock.names.load(Ordering::Relaxed);
        world.clock.names.store(names, Ordering::Relaxed);
        world.pass(now_ms - world.clock.now_ms());
        world.faults.clear();
        world
    }

    /// Time goes by.
    pub fn pass(&self, ms: i64) {
        let now_ms = self.clock.now_ms.fetch_add(ms, Ordering::Relaxed) + ms;
        self.store.set_now_ms(now_ms);
    }

    pub fn now_day(&self) -> i64 {
        self.clock.now_ms() / DAY_MS
    }

    /// Stages a file for each day, of one row, and gives the request that names them.
    pub fn stage(&self, source: &str, version: u32, days: &[i64]) -> CommitRequest {
        let spec = &self.specs[0];
        let uri = format!("s3://raw/seen/{source}.csv");
        let location = LakeLocation::bucket(LAKE).table(spec);
        let prefix = format!("{}v{version}/", source_prefix(&location, &uri));
        let mut files = Vec::new();
        for (n, day) in days.iter().enumerate() {
            let path = format!("{n:05}.parquet");
            let bytes = parquet(*day);
            let size = bytes.len() as u64;
            let full = format!("{prefix}{path}");
            self.store.insert(LAKE, split_uri(&full).unwrap().1, bytes);
            files.push(StagedFile {
                path,
                bytes: size,
                rows: 1,
            });
        }
        let order = SourceOrder::s3(&format!("{version:08X}"), (1, 0, 0));
        CommitRequest::new(spec.name.clone(), "seen".into(), uri, order, prefix, files, None)
    }

    /// What the committer does with a request.
    pub async fn commit(&self, requests: &[CommitRequest]) -> Vec<Result<Outcome, PortError>> {
        self.work(0, requests.into()).await.outcomes
    }

    async fn work(&self, table: usize, batch: Batch<'_>) -> watershed_table::Committed {
        let ports = watershed_table::Ports {
            store: &*self.store,
            catalog: &*self.catalog,
            host: &*self.clock,
        };
        watershed_table::commit(ports, &LakeLocation::bucket(LAKE), &self.specs[table], batch).await
    }

    /// What stands in the committer's queue reaches it.
    pub async fn deliver(&self) {
        for body in self.queue.drain() {
            let TableRequest::Maintain(request) = TableRequest::parse(&body).unwrap() else {
                panic!("housekeep asks for maintenance only: {body}");
            };
            let table = self.specs.iter().position(|spec| spec.name == request.table).unwrap();
            let batch = Batch {
                requests: &[],
                maintenance: &[request],
            };
            let done = self.work(table, batch).await;
            assert!(done.maintained.iter().all(Result::is_ok), "{:?}", done.maintained);
        }
    }

    pub async fn housekeep(&self, remaining: Duration, event: Value) -> Result<Value, lambda_runtime::Error> {
        let contracts = Contracts::parse([("seen.odcs.yaml", CONTRACT)]).unwrap();
        invoke(&self.housekeeper(contracts), remaining, event).await
    }

    /// The function over this lake.
    pub fn housekeeper(&self, contracts: Contracts) -> Housekeep {
        let now = self.clock.clone();
        let ports = Ports {
            store: self.store.clone(),
            catalog: self.catalog.clone(),
            lifecycle: self.lifecycle.clone(),
            commits: self.queue.clone(),
            now_ms: Arc::new(move || now.now_ms()),
        };
        let config = Config {
            contracts: "/opt".into(),
            commit_queue_url: "queue".into(),
            lake_bucket: LAKE.into(),
            raw_bucket: RAW.into(),
        };
        Housekeep::with_ports(config, contracts, ports)
    }

    /// A day's run, with what it asks for.
    pub async fn run(&self) -> Value {
        let answer = self.housekeep(Duration::from_mins(15), serde_json::json!({})).await;
        self.deliver().await;
        answer.unwrap()
    }

    /// Every object that is needed, found without the code that is tested, and read; rows by snapshot.
    pub async fn needed(&self) -> (BTreeSet<String>, BTreeMap<i64, u64>) {
        let mut needed = BTreeSet::new();
        let mut rows = BTreeMap::new();
        let objects = self.store.snapshot();
        let body = |uri: &str| {
            let name = uri.strip_prefix("s3://").unwrap();
            objects.get(name).unwrap_or_else(|| panic!("{uri} is gone")).clone()
        };
        for table in self.catalog.snapshot().values() {
            let uri = &table.metadata_location;
            needed.insert(uri.clone());
            let document = Document::parse(uri, &body(uri)).unwrap();
            for former in document.log() {
                needed.insert(former.to_string());
            }
            let roots = std::iter::once(uri.as_str()).chain(document.log()).filter_map(|uri| {
                Document::parse(uri, &body(uri))
                    .unwrap()
                    .property("watershed.ledger")
                    .map(String::from)
            });
            for root in roots.collect::<BTreeSet<_>>() {
                needed.extend(Ledger::objects(&*self.store, &root).await.unwrap());
            }
            let metadata = document.typed().unwrap();
            for snapshot in metadata.snapshots() {
                needed.insert(snapshot.manifest_list().into());
                let list = body(snapshot.manifest_list());
                let list = ManifestList::parse_with_version(&list, metadata.format_version()).unwrap();
                let mut count = 0;
                for file in list.entries() {
                    needed.insert(file.manifest_path.clone());
                    for entry in Manifest::parse_avro(&body(&file.manifest_path)).unwrap().entries() {
                        let by = entry.snapshot_id().unwrap_or(file.added_snapshot_id);
                        if entry.is_alive() {
                            count += entry.record_count();
                        }
                        // What a snapshot removed is read by who reads its changes.
                        if entry.is_alive() || metadata.snapshot_by_id(by).is_some() {
                            needed.insert(entry.file_path().into());
                        }
                    }
                }
                let total = &snapshot.summary().additional_properties["total-records"];
                assert_eq!(*total, count.to_string());
                rows.insert(snapshot.snapshot_id(), count);
            }
        }
        for uri in &needed {
            body(uri);
        }
        (needed, rows)
    }

    /// Every object below the tables, and when it was written.
    pub async fn objects(&self) -> BTreeMap<String, i64> {
        let mut found = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.store.list(LAKE, "", after.as_deref()).await.unwrap();
            let Some(last) = page.last() else { return found };
            after = Some(last.key.clone());
            found.extend(
                page.into_iter()
                    .map(|o| (format!("s3://{LAKE}/{}", o.key), o.modified_ms)),
            );
        }
    }

    /// The keys of files that a request names and that are not there.
    pub fn missing(&self, request: &CommitRequest) -> Vec<String> {
        let objects = self.store.snapshot();
        let uris = request.files.iter().map(|file| request.uri(file));
        uris.filter(|uri| !objects.contains_key(uri.strip_prefix("s3://").unwrap()))
            .collect()
    }
}

pub async fn invoke(housekeep: &Housekeep, remaining: Duration, event: Value) -> Result<Value, lambda_runtime::Error> {
    let deadline = SystemTime::now() + remaining;
    let out = Box::new(std::io::sink());
    let invocation = Invocation::begin("housekeep", "dev-housekeep", "r-1", None, deadline, out);
    handle(housekeep, invocation, event).await
}

/// A file with one row at noon of that day.
fn parquet(day: i64) -> Vec<u8> {
    let id = HashMap::from([("PARQUET:field_id".to_string(), "1".to_string())]);
    let kind = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let schema = Schema::new(vec![Field::new("at", kind, false).with_metadata(id)]);
    let at = TimestampMicrosecondArray::from(vec![day * DAY_US + DAY_US / 2]).with_timezone("UTC");
    let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(at)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// What happens.
pub type Meddling = Box<dyn FnOnce() + Send>;

/// A store in which something happens once, before a listing whose prefix ends so.
pub struct Meddled {
    pub store: Arc<MemoryStore>,
    pub before: &'static str,
    pub event: Mutex<Option<Meddling>>,
}

#[async_trait]
impl ObjectStore for Meddled {
    async fn open(&self, id: &ObjectId, offset: u64) -> Result<(ObjectMeta, ByteStream), PortError> {
        self.store.open(id, offset).await
    }
    async fn read_range(&self, id: &ObjectId, start: u64, end: u64) -> Result<Bytes, PortError> {
        self.store.read_range(id, start, end).await
    }
    async fn read(&self, id: &ObjectId) -> Result<Bytes, PortError> {
        self.store.read(id).await
    }
    async fn put(&self, bucket: &str, key: &str, body: Bytes) -> Result<(), PortError> {
        self.store.put(bucket, key, body).await
    }
    async fn put_if(&self, bucket: &str, key: &str, body: Bytes, expected: Option<&str>) -> Result<String, PortError> {
        self.store.put_if(bucket, key, body, expected).await
    }
    async fn put_file(&self, bucket: &str, key: &str, path: &std::path::Path) -> Result<(), PortError> {
        self.store.put_file(bucket, key, path).await
    }
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, PortError> {
        let event = prefix
            .ends_with(self.before)
            .then(|| self.event.lock().unwrap().take())
            .flatten();
        if let Some(event) = event {
            std::thread::spawn(event).join().unwrap();
        }
        self.store.list(bucket, prefix, after).await
    }
    async fn delete(&self, bucket: &str, key: &str) -> Result<(), PortError> {
        self.store.delete(bucket, key).await
    }
}

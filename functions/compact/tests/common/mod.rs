//! What the tests of `compact` share: a table in memory, the function over it, its queue, and the committer.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, SystemTime},
};
use watershed_compact::{Compact, Config, Ports, handle};
use watershed_contract::Contracts;
use watershed_lake::{
    CommitRequest, LakeLocation, SourceOrder, StagedFile, TableChanged, TableRequest, TableSpec,
    layout::{position_prefix, source_prefix},
};
use watershed_ops::Invocation;
use watershed_ports::{
    faults::Faults,
    memory::{MemoryCatalog, MemoryQueue, MemoryStore},
};
use watershed_sink::arrow_schema;
use watershed_table::{Batch, Committed, Outcome, current::Current, memory::MemoryHost};
pub use watershed_test_lake::Row;
use watershed_test_lake::{batch, rows, stage};

/// Things by month, in the order of their numbers.
pub const CONTRACT: &str = r#"
version: 1.0.0
kind: DataContract
apiVersion: v3.1.0
id: things
status: active
domain: test
servers:
  - {server: raw, type: s3, location: "s3://{raw}/things/*.csv", format: csv}
schema:
  - name: things
    properties:
      - {name: day, logicalType: date, required: true}
      - {name: name, logicalType: string}
      - {name: n, logicalType: integer}
    customProperties:
      - property: watershed
        value:
          partition: [{column: day, transform: month}]
          sort: [n]
"#;
/// Deliveries after which a message counts as never acknowledged.
const MAX_DELIVERIES: usize = 12;

/// The function, and everything around it. Faults are those of its own calls.
pub struct World {
    pub faults: Faults,
    pub store: Arc<MemoryStore>,
    pub catalog: Arc<MemoryCatalog>,
    pub own: Arc<MemoryQueue>,
    pub commits: Arc<MemoryQueue>,
    pub contracts: Contracts,
    /// Messages that are to be delivered, and how often each was.
    pub waiting: VecDeque<(String, usize)>,
    /// Requests that wait for the committer.
    pub requests: Vec<String>,
    /// What the committer told.
    pub told: Vec<TableChanged>,
    /// What came of swaps.
    pub swapped: Vec<Outcome>,
    host: MemoryHost,
    scratch: tempfile::TempDir,
    compact: Compact,
}

/// A file's rows.
pub type File<'f> = Vec<[&'f str; 3]>;

impl World {
    pub fn new() -> Self {
        Self::on(Arc::default(), Arc::default())
    }

    /// Over a lake that others work on, too.
    pub fn on(store: Arc<MemoryStore>, catalog: Arc<MemoryCatalog>) -> Self {
        let faults = Faults::default();
        let scratch = tempfile::tempdir().unwrap();
        let contracts = Contracts::parse([("c", CONTRACT)]).unwrap_or_else(|errors| panic!("{errors}"));
        let (own, commits) = (MemoryQueue::new(faults.clone()), MemoryQueue::new(faults.clone()));
        let (own, commits) = (Arc::new(own), Arc::new(commits));
        let config = Config {
            contracts: ".".into(),
            lake_bucket: "lake".into(),
            commit_queue_url: "commits".into(),
            own_queue_url: "own".into(),
            scratch: scratch.path().into(),
        };
        let ports = Ports {
            store: Arc::new(store.shared_with(faults.clone())),
            catalog: Arc::new(catalog.shared_with(faults.clone())),
            own: own.clone(),
            commits: commits.clone(),
        };
        Self {
            compact: Compact::with_ports(config, contracts.clone(), ports),
            store,
            catalog,
            own,
            commits,
            contracts,
            waiting: VecDeque::new(),
            requests: Vec::new(),
            told: Vec::new(),
            swapped: Vec::new(),
            host: MemoryHost::default(),
            scratch,
            faults,
        }
    }

    pub fn spec(&self) -> TableSpec {
        let name = "test.things".parse().unwrap();
        self.contracts.by_table(&name).unwrap().table.clone()
    }

    fn location(&self) -> String {
        LakeLocation::bucket("lake").table(&self.spec())
    }

    /// Puts files of these rows under the prefix, as `ingest` does.
    pub fn stage(&self, spec: &TableSpec, prefix: &str, said: &[(&str, &str)], files: &[Vec<Row>]) -> Vec<StagedFile> {
        let said: BTreeMap<String, String> = said.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        let of = |(number, rows): (usize, &Vec<Row>)| {
            let files = stage(
                &self.store,
                spec,
                &format!("{prefix}{number}/"),
                &said,
                [batch(spec, rows)],
            );
            files.into_iter().map(move |file| StagedFile {
                path: format!("{number}/{}", file.path),
                ..file
            })
        };
        files.iter().enumerate().flat_map(of).collect()
    }

    /// "The table shall hold these files of the source."
    pub fn replace(&self, source: &str, version: u64, files: &[File<'_>]) -> CommitRequest {
        let prefix = format!("{}{version}/", source_prefix(&self.location(), source));
        let staged = self.stage(&self.spec(), &prefix, &[("watershed.source", source)], &owned(files));
        self.request(source, SourceOrder::epoch(version), prefix, staged)
    }

    /// "Behind position `number - 1` of the shard lie these files."
    pub fn append(&self, shard: &str, number: u64, files: &[File<'_>]) -> CommitRequest {
        let order = |number: u64| SourceOrder::kinesis(&number.to_string(), 0).unwrap();
        let prefix = position_prefix(&self.location(), shard, &order(number));
        let staged = self.stage(&self.spec(), &prefix, &[("watershed.source", shard)], &owned(files));
        let request = self.request(shard, order(number), prefix, staged);
        request.appending((number > 1).then(|| order(number - 1)))
    }

    pub fn request(&self, source: &str, order: SourceOrder, prefix: String, files: Vec<StagedFile>) -> CommitRequest {
        let name = self.spec().name;
        CommitRequest::new(name, "things".into(), source.into(), order, prefix, files, None)
    }

    /// The committer does these, and those that wait; what it tells, and what failed, waits.
    pub async fn commit(&mut self, requests: &[CommitRequest]) -> Committed {
        let ports = watershed_table::Ports {
            store: &*self.store,
            catalog: &*self.catalog,
            host: &self.host,
        };
        let (mut all, mut maintenance) = (requests.to_vec(), Vec::new());
        for body in self.requests.drain(..) {
            match TableRequest::parse(&body).unwrap() {
                TableRequest::Commit(request) => all.push(request),
                TableRequest::Maintain(request) => maintenance.push(request),
            }
        }
        let lake = LakeLocation::bucket("lake");
        let batch = Batch {
            requests: &all,
            maintenance: &maintenance,
        };
        let spec = self.contracts.by_id("things").unwrap().table.clone();
        let committed = watershed_table::commit(ports, &lake, &spec, batch).await;
        let swapped = committed.maintained.iter().map(|outcome| *outcome.as_ref().unwrap());
        self.swapped.extend(swapped);
        if let Some(changed) = &committed.changed {
            let event = json!({"detail-type": "TableChanged", "source": "watershed", "detail": changed});
            self.waiting.push_back((event.to_string(), 0));
            self.told.push(changed.clone());
        }
        committed
    }

    /// Lets the function look, as its schedule does.
    pub fn tick(&mut self) {
        self.waiting.push_back((r#"{"tick": {}}"#.into(), 0));
    }

    /// One message is delivered; what the function sends waits. Gives the message, if it is to be delivered again.
    pub async fn step(&mut self, at: usize) -> bool {
        let (body, before) = self.waiting.remove(at).expect("a message waits");
        let failed = self.failures(&[&body]).await > 0;
        if failed {
            assert!(before < MAX_DELIVERIES, "never acknowledged: {body}");
            self.waiting.push_back((body, before + 1));
        }
        self.waiting.extend(self.own.drain().into_iter().map(|body| (body, 0)));
        self.requests.extend(self.commits.drain());
        failed
    }

    /// How many of the messages are to be delivered again.
    pub async fn failures(&self, bodies: &[&str]) -> usize {
        let record = |(n, body): (usize, &&str)| json!({"messageId": n.to_string(), "body": body});
        let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
        let deadline = SystemTime::now() + Duration::from_secs(60);
        let invocation = Invocation::begin("compact", "dev", "r", None, deadline, Box::new(std::io::sink()));
        let response = handle(&self.compact, invocation, json!({"Records": records}))
            .await
            .unwrap();
        response.failures.len()
    }

    /// Everything that waits is delivered until it is acknowledged, and committed.
    pub async fn settle(&mut self) {
        while !self.waiting.is_empty() || !self.requests.is_empty() {
            for _ in 0..self.waiting.len() {
                self.step(0).await;
            }
            if !self.requests.is_empty() {
                self.commit(&[]).await;
            }
        }
    }

    pub async fn table(&self) -> Current {
        let table = Current::load(&*self.store, &*self.catalog, &self.spec().name).await;
        table.unwrap().unwrap()
    }

    /// Addresses and rows of the files that live.
    pub async fn files(&self) -> BTreeMap<String, u64> {
        let files = self.table().await.files(&*self.store).await.unwrap();
        files.iter().map(|file| (file.uri().into(), file.rows())).collect()
    }

    /// All columns that the table has, of all rows, sorted.
    pub async fn rows(&self) -> Vec<Row> {
        let table = self.table().await;
        let spec = TableSpec {
            columns: table.columns().unwrap(),
            ..self.spec()
        };
        rows(&self.store, &table, &arrow_schema(&spec)).await
    }
}

pub fn owned(files: &[File<'_>]) -> Vec<Vec<Row>> {
    let row = |row: &[&str; 3]| row.iter().map(|cell| (*cell).into()).collect();
    files.iter().map(|rows| rows.iter().map(row).collect()).collect()
}

//! What the tests of `aggregate` share: tables in memory, the function over them, its queue, and the committer.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, SystemTime},
};
use watershed_aggregate::{Aggregate, Config, Ports, SqlBounds, fit::Fit, handle, sql};
use watershed_contract::Contracts;
use watershed_lake::{CommitRequest, LakeLocation, SourceOrder, TableSpec, layout::source_prefix};
use watershed_ops::Invocation;
use watershed_ports::{
    faults::Faults,
    memory::{MemoryCatalog, MemoryQueue, MemoryStore},
};
use watershed_sink::arrow_schema;
use watershed_sql::{Input, Query, Reference, Snapshot};
use watershed_table::{current::Current, memory::MemoryHost};
pub use watershed_test_lake::{Log, Row};
use watershed_test_lake::{batch, rows, shown, stage};

/// Trips by day, stations, and three aggregates.
pub const CONTRACT: &str = include_str!("trips.odcs.yaml");
/// Their queries.
pub const QUERIES: [(&str, &str); 3] = [
    ("daily.sql", include_str!("daily.sql")),
    ("by_station.sql", include_str!("by_station.sql")),
    ("totals.sql", include_str!("totals.sql")),
];
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
    pub log: Log,
    /// Messages that are to be delivered, and how often each was.
    pub waiting: VecDeque<(String, usize)>,
    /// What was asked of the committer.
    pub requests: Vec<CommitRequest>,
    host: MemoryHost,
    scratch: tempfile::TempDir,
    aggregate: Aggregate,
}

/// Contracts of that text, with the queries.
pub fn contracts(contract: &str, queries: &[(&str, &str)]) -> Contracts {
    let files = [&[("c", contract)], queries].concat();
    Contracts::parse(files).unwrap_or_else(|errors| panic!("{errors}"))
}

impl World {
    /// Of the sample contract.
    pub fn new() -> Self {
        Self::of(contracts(CONTRACT, &QUERIES))
    }

    /// Of those contracts.
    pub fn of(contracts: Contracts) -> Self {
        let faults = Faults::default();
        let scratch = tempfile::tempdir().unwrap();
        let mut world = Self {
            store: Arc::new(MemoryStore::default()),
            catalog: Arc::new(MemoryCatalog::default()),
            own: Arc::new(MemoryQueue::new(faults.clone())),
            commits: Arc::new(MemoryQueue::new(faults.clone())),
            log: Log::default(),
            waiting: VecDeque::new(),
            requests: Vec::new(),
            host: MemoryHost::default(),
            aggregate: Aggregate::new(config(&scratch), contracts.clone()),
            contracts,
            faults,
            scratch,
        };
        world.restart();
        world
    }

    /// A new process: nothing is warm.
    pub fn restart(&mut self) {
        self.aggregate = self.instance();
    }

    /// One more process.
    pub fn instance(&self) -> Aggregate {
        let ports = Ports {
            store: Arc::new(self.store.shared_with(self.faults.clone())),
            catalog: Arc::new(self.catalog.shared_with(self.faults.clone())),
            own: self.own.clone(),
            commits: self.commits.clone(),
        };
        Aggregate::with_ports(config(&self.scratch), self.contracts.clone(), ports)
    }

    /// Other contracts are deployed.
    pub fn deploy(&mut self, contracts: Contracts) {
        self.contracts = contracts;
        self.restart();
    }

    pub fn spec(&self, table: &str) -> TableSpec {
        let name = format!("test.{table}").parse().unwrap();
        let dataset = self.contracts.by_table(&name).unwrap();
        dataset.table_of(&name).unwrap().clone()
    }

    /// Makes these rows what the table holds of the source, as `ingest` and `commit` do, and tells that the table changed.
    pub async fn put(&mut self, table: &str, source: &str, version: u64, rows: &[&[&str]]) {
        let spec = self.spec(table);
        let location = LakeLocation::bucket("lake").table(&spec);
        let prefix = format!("{}{version}/", source_prefix(&location, source));
        let files = stage(&self.store, &spec, &prefix, &BTreeMap::new(), [batch(&spec, rows)]);
        let contract = self.contracts.by_table(&spec.name).unwrap().id.clone();
        let order = SourceOrder::epoch(version);
        let request = CommitRequest::new(spec.name, contract, source.into(), order, prefix, files, None);
        self.commit(&request).await;
    }

    /// As the committer does it, and tells that the table changed.
    pub async fn commit(&mut self, request: &CommitRequest) {
        let ports = watershed_table::Ports {
            store: &*self.store,
            catalog: &*self.catalog,
            host: &self.host,
        };
        let spec = self.spec(request.table.table());
        let lake = LakeLocation::bucket("lake");
        let requests = std::slice::from_ref(request);
        let committed = watershed_table::commit(ports, &lake, &spec, requests).await;
        committed.outcomes[0].as_ref().unwrap();
        if let Some(changed) = committed.changed {
            let event = json!({"detail-type": "TableChanged", "source": "watershed", "detail": changed});
            self.waiting.push_back((event.to_string(), 0));
        }
    }

    /// One message is delivered. What the function sends waits behind it; what it asks of the committer is done.
    pub async fn step(&mut self, at: usize) -> Option<String> {
        let (body, before) = self.waiting.remove(at).expect("a message waits");
        let failed = self.invoke(&body).await;
        if failed {
            assert!(
                before < MAX_DELIVERIES,
                "never acknowledged: {body}: {}",
                self.log.error()
            );
            self.waiting.push_back((body.clone(), before + 1));
        }
        self.collect().await;
        failed.then_some(body)
    }

    /// What was sent waits; what was asked of the committer is done.
    pub async fn collect(&mut self) {
        let asked = self.own.drain();
        self.waiting.extend(asked.into_iter().map(|body| (body, 0)));
        for body in self.commits.drain() {
            let request: CommitRequest = serde_json::from_str(&body).unwrap();
            self.commit(&request).await;
            self.requests.push(request);
        }
    }

    /// Whether the message is to be delivered again.
    pub async fn invoke(&self, body: &str) -> bool {
        let event = json!({"Records": [{"messageId": "m", "body": body}]});
        self.failures(event).await > 0
    }

    /// How many messages of the event are to be delivered again.
    pub async fn failures(&self, event: Value) -> usize {
        failures(&self.aggregate, &self.log, event).await
    }

    /// Everything that waits is delivered until it is acknowledged.
    pub async fn settle(&mut self) {
        while !self.waiting.is_empty() {
            self.step(0).await;
        }
    }

    /// The parts that were made since it was asked last, of that table: names and rows.
    pub fn parts(&mut self, table: &str) -> Vec<(String, u64)> {
        let (ours, others) = std::mem::take(&mut self.requests)
            .into_iter()
            .partition(|request| request.table.table() == table);
        self.requests = others;
        let ours: Vec<CommitRequest> = ours;
        let mut parts: Vec<_> = ours
            .iter()
            .map(|request| {
                let part = request.source.rsplit_once('/').unwrap().1.to_string();
                (part, request.files.iter().map(|file| file.rows).sum())
            })
            .collect();
        parts.sort();
        parts
    }

    /// Rows of a table, sorted: all its columns.
    pub async fn rows(&self, table: &str) -> Vec<Row> {
        let spec = self.spec(table);
        let schema = arrow_schema(&spec);
        let Some(current) = Current::load(&*self.store, &*self.catalog, &spec.name).await.unwrap() else {
            return Vec::new();
        };
        rows(&self.store, &current, &schema).await
    }

    /// What the query of an aggregate gives over its inputs as they are, all at once.
    pub async fn by_query(&self, table: &str) -> Vec<Row> {
        let name = format!("test.{table}").parse().unwrap();
        let dataset = self.contracts.by_table(&name).unwrap();
        let aggregation = dataset.aggregation.as_ref().unwrap();
        let mut inputs = BTreeMap::new();
        for input in &aggregation.inputs {
            let Some(current) = Current::load(&*self.store, &*self.catalog, &input.table).await.unwrap() else {
                return Vec::new();
            };
            let snapshot = Snapshot::load(&*self.store, &current).await.unwrap();
            let reference = Reference {
                name: input.table.clone(),
                as_of_ms: None,
            };
            inputs.insert(reference, Input::whole(Arc::new(snapshot)));
        }
        let engine = sql::engine(self.store.clone(), &config(&self.scratch).sql, self.scratch.path()).unwrap();
        let query = Query::parse(&aggregation.sql).unwrap();
        let mut answer = engine.run(&query, &inputs).await.unwrap();
        let fit = Fit::of(answer.schema(), &dataset.table).unwrap();
        let mut rows = Vec::new();
        while let Some(batch) = answer.next().await.unwrap() {
            rows.extend(shown(&fit.apply(&batch).unwrap()));
        }
        rows.sort();
        rows
    }
}

/// How many messages of the event are to be delivered again, by that process.
pub async fn failures(aggregate: &Aggregate, log: &Log, event: Value) -> usize {
    let deadline = SystemTime::now() + Duration::from_secs(60);
    let invocation = Invocation::begin("aggregate", "dev", "r", None, deadline, Box::new(log.clone()));
    let response = handle(aggregate, invocation, event).await.unwrap();
    response.failures.len()
}

fn config(scratch: &tempfile::TempDir) -> Config {
    Config {
        contracts: ".".into(),
        lake_bucket: "lake".into(),
        commit_queue_url: "commits".into(),
        own_queue_url: "own".into(),
        scratch: scratch.path().into(),
        sql: SqlBounds {
            memory_bytes: 64 << 20,
            spill_bytes: 0,
            scan_bytes: 1 << 30,
            time: Duration::from_secs(60),
        },
    }
}

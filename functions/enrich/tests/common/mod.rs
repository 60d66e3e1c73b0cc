//! What the tests of `enrich` share: tables in memory, the function over them, its queue, and the committer.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, SystemTime},
};
use watershed_contract::Contracts;
use watershed_enrich::{Config, Enrich, Ports, handle};
use watershed_lake::{
    CommitRequest, LakeLocation, Maintain, MaintenanceRequest, SourceOrder, StagedFile, Swap, TableSpec,
    layout::source_prefix,
};
use watershed_ops::Invocation;
use watershed_ports::{
    Catalog,
    faults::Faults,
    memory::{MemoryCatalog, MemoryQueue, MemoryStore},
};
use watershed_sink::arrow_schema;
use watershed_table::{Batch, current::Current, memory::MemoryHost};
pub use watershed_test_lake::{Log, Row};
use watershed_test_lake::{batch, rows, stage};

/// Trips by month, and four references.
pub const CONTRACT: &str = include_str!("trips.odcs.yaml");
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
    host: MemoryHost,
    reference_bytes: usize,
    scratch: tempfile::TempDir,
    enrich: Enrich,
}

/// A contract by objects whose `schema:` is that.
pub fn contract(schema: &str) -> String {
    format!(
        "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: journeys\nstatus: active\ndomain: test\nservers:\n\
         - {{server: raw, type: s3, location: \"s3://{{raw}}/travel/{{model}}/*.csv\", format: csv}}\nschema:\n{schema}"
    )
}

impl World {
    /// Of the sample contract.
    pub fn new() -> Self {
        Self::of(CONTRACT, 64 << 20)
    }

    /// Of that contract, with so much memory for references.
    pub fn of(contract: &str, reference_bytes: usize) -> Self {
        let faults = Faults::default();
        let scratch = tempfile::tempdir().unwrap();
        let contracts = Contracts::parse([("c", contract)]).unwrap_or_else(|errors| panic!("{errors}"));
        let mut world = Self {
            store: Arc::new(MemoryStore::default()),
            catalog: Arc::new(MemoryCatalog::default()),
            own: Arc::new(MemoryQueue::new(faults.clone())),
            commits: Arc::new(MemoryQueue::new(faults.clone())),
            log: Log::default(),
            waiting: VecDeque::new(),
            host: MemoryHost::default(),
            enrich: Enrich::new(config(&scratch, reference_bytes), contracts.clone()),
            contracts,
            faults,
            reference_bytes,
            scratch,
        };
        world.restart();
        world
    }

    /// A new process: nothing is warm.
    pub fn restart(&mut self) {
        self.enrich = self.instance(Arc::new(self.catalog.shared_with(self.faults.clone())));
    }

    /// One more process, with that catalog.
    pub fn instance(&self, catalog: Arc<dyn Catalog>) -> Enrich {
        let ports = Ports {
            store: Arc::new(self.store.shared_with(self.faults.clone())),
            catalog,
            own: self.own.clone(),
            commits: self.commits.clone(),
        };
        Enrich::with_ports(
            config(&self.scratch, self.reference_bytes),
            self.contracts.clone(),
            ports,
        )
    }

    /// Another contract is deployed.
    pub fn deploy(&mut self, contract: &str) {
        self.contracts = Contracts::parse([("c", contract)]).unwrap_or_else(|errors| panic!("{errors}"));
        self.restart();
    }

    fn spec(&self, table: &str) -> TableSpec {
        let name = format!("test.{table}").parse().unwrap();
        let dataset = self.contracts.by_table(&name).unwrap();
        dataset.table_of(&name).unwrap().clone()
    }

    /// Makes these rows what the table holds of the source, as `ingest` and `commit` do, and tells that the table changed.
    pub async fn put(&mut self, table: &str, source: &str, version: u64, rows: &[&[&str]]) {
        let spec = self.spec(table);
        let location = LakeLocation::bucket("lake").table(&spec);
        let prefix = format!("{}{version}/", source_prefix(&location, source));
        let files = self.stage(&spec, &prefix, rows);
        let contract = self.contracts.by_table(&spec.name).unwrap().id.clone();
        let order = SourceOrder::epoch(version);
        let request = CommitRequest::new(spec.name, contract, source.into(), order, prefix, files, None);
        self.commit(&request).await;
    }

    /// Puts files of these rows under the prefix.
    fn stage(&self, spec: &TableSpec, prefix: &str, rows: &[&[&str]]) -> Vec<StagedFile> {
        let batch = (!rows.is_empty()).then(|| batch(spec, rows));
        stage(&self.store, spec, prefix, &BTreeMap::new(), batch)
    }

    /// Packs the files of the source, which have these rows, as `compact` and `commit` do, and tells that the table changed.
    pub async fn pack(&mut self, table: &str, source: &str, rows: &[&[&str]]) {
        let spec = self.spec(table);
        let prefix = source_prefix(&LakeLocation::bucket("lake").table(&spec), source);
        let current = Current::load(&*self.store, &*self.catalog, &spec.name)
            .await
            .unwrap()
            .unwrap();
        let live = current.files(&*self.store).await.unwrap();
        let replaced = live.iter().filter_map(|file| file.uri().strip_prefix(&prefix));
        // Each time another.
        let folder = self.store.snapshot().len();
        let staged = self
            .stage(&spec, &format!("{prefix}packed-{folder}/"), rows)
            .into_iter();
        let swap = Swap {
            replaced: replaced.map(Into::into).collect(),
            files: staged
                .map(|file| StagedFile {
                    path: format!("packed-{folder}/{}", file.path),
                    ..file
                })
                .collect(),
            prefix,
            erased_rows: 0,
        };
        let request = MaintenanceRequest {
            table: spec.name.clone(),
            contract: self.contracts.by_table(&spec.name).unwrap().id.clone(),
            maintain: Maintain::Swap(swap),
            trace: None,
        };
        let maintenance = std::slice::from_ref(&request);
        self.work(
            &spec,
            Batch {
                requests: &[],
                maintenance,
            },
        )
        .await;
    }

    /// As the committer does it, and tells that the table changed.
    pub async fn commit(&mut self, request: &CommitRequest) {
        let spec = self.spec(request.table.table());
        self.work(&spec, std::slice::from_ref(request).into()).await;
    }

    async fn work(&mut self, spec: &TableSpec, batch: Batch<'_>) {
        let ports = watershed_table::Ports {
            store: &*self.store,
            catalog: &*self.catalog,
            host: &self.host,
        };
        let lake = LakeLocation::bucket("lake");
        let committed = watershed_table::commit(ports, &lake, spec, batch).await;
        let mut outcomes = committed.outcomes.iter().chain(&committed.maintained);
        assert!(outcomes.all(Result::is_ok), "{committed:?}");
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
            assert!(before < MAX_DELIVERIES, "never acknowledged: {body}");
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
            self.commit(&serde_json::from_str(&body).unwrap()).await;
        }
    }

    /// Whether the message is to be delivered again.
    pub async fn invoke(&self, body: &str) -> bool {
        self.failures(json!({"Records": [{"messageId": "m", "body": body}]}))
            .await
            > 0
    }

    /// How many messages of the event are to be delivered again.
    pub async fn failures(&self, event: Value) -> usize {
        failures(&self.enrich, &self.log, event).await
    }

    /// Everything that waits is delivered until it is acknowledged.
    pub async fn settle(&mut self) {
        while !self.waiting.is_empty() {
            self.step(0).await;
        }
    }

    /// Rows of a table, sorted: its columns of these names.
    pub async fn rows(&self, table: &str, columns: &[&str]) -> Vec<Row> {
        let spec = self.spec(table);
        let indexes: Vec<usize> = columns.iter().map(|name| spec.column(name).unwrap().0).collect();
        let schema = Arc::new(arrow_schema(&spec).project(&indexes).unwrap());
        let Some(current) = Current::load(&*self.store, &*self.catalog, &spec.name).await.unwrap() else {
            return Vec::new();
        };
        rows(&self.store, &current, &schema).await
    }

    /// Every column of the enriched table.
    pub async fn enriched(&self) -> Vec<Row> {
        let spec = self.spec("trips_enriched");
        let names: Vec<&str> = spec.columns.iter().map(|column| column.name.as_str()).collect();
        self.rows("trips_enriched", &names).await
    }
}

/// How many messages of the event are to be delivered again, by that process.
pub async fn failures(enrich: &Enrich, log: &Log, event: Value) -> usize {
    let deadline = SystemTime::now() + Duration::from_secs(60);
    let invocation = Invocation::begin("enrich", "dev", "r", None, deadline, Box::new(log.clone()));
    let response = handle(enrich, invocation, event).await.unwrap();
    response.failures.len()
}

fn config(scratch: &tempfile::TempDir, reference_bytes: usize) -> Config {
    Config {
        contracts: ".".into(),
        lake_bucket: "lake".into(),
        commit_queue_url: "commits".into(),
        own_queue_url: "own".into(),
        scratch: scratch.path().into(),
        reference_bytes,
    }
}

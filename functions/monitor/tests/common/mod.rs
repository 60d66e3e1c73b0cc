//! A lake in memory, two datasets that promise something, and a clock that the tests turn.
#![allow(dead_code, reason = "each test binary uses its part")]

use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime},
};
use watershed_contract::Contracts;
use watershed_monitor::{Config, Monitor, Ports, handle};
use watershed_ops::Invocation;
use watershed_ports::{faults::Faults, memory::MemoryBus};
use watershed_test_lake::{BUCKET, TestLake};

pub const HOUR_MS: i64 = 3_600_000;
/// Close to when the time of a lake in memory begins: 2023-11-14T22:13:20Z.
pub const BEGIN_MS: i64 = 1_700_000_000_000;

const CONTRACT: &str = r#"
version: 1.0.0
kind: DataContract
apiVersion: v3.1.0
id: seen
status: active
servers: [{server: raw, type: s3, location: "s3://{raw}/{model}/*.csv", format: csv}]
slaProperties:
  - {property: frequency, value: 2, unit: h, element: trips}
  - {property: latency, value: 1, unit: d, element: trips.at}
  - {property: frequency, value: 1, unit: w, element: stops}
schema:
  - name: trips
    quality:
      - {name: some trips, metric: rowCount, mustBeGreaterThan: 1, customProperties: [{property: watershed, value: {of: table}}]}
    customProperties: [{property: watershed, value: {database: travel}}]
    properties: [{name: at, logicalType: timestamp, required: true}]
  - name: stops
    customProperties: [{property: watershed, value: {database: travel}}]
    properties: [{name: code, logicalType: string}]
"#;

/// What an invocation printed.
#[derive(Clone, Default)]
pub struct Printed(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub struct World {
    pub lake: TestLake,
    /// Of the function's calls.
    pub faults: Faults,
    pub bus: Arc<MemoryBus>,
    pub contracts: Contracts,
    pub printed: Printed,
    monitor: Monitor,
    now_ms: Arc<AtomicI64>,
}

impl World {
    pub fn new() -> Self {
        let lake = TestLake::default();
        let faults = Faults::default();
        let bus = Arc::new(MemoryBus::new(faults.clone()));
        let now_ms = Arc::new(AtomicI64::new(BEGIN_MS));
        let clock = Arc::clone(&now_ms);
        let ports = Ports {
            store: Arc::new(lake.store.shared_with(faults.clone())),
            catalog: Arc::new(lake.catalog.shared_with(faults.clone())),
            bus: bus.clone(),
            now_ms: Arc::new(move || clock.load(Ordering::Relaxed)),
        };
        let contracts = Contracts::parse([("seen.odcs.yaml", CONTRACT)]).unwrap();
        let config = Config {
            contracts: "/opt".into(),
            lake_bucket: BUCKET.into(),
            event_bus: "default".into(),
        };
        Self {
            monitor: Monitor::with_ports(config, contracts.clone(), ports),
            lake,
            faults,
            bus,
            contracts,
            printed: Printed::default(),
            now_ms,
        }
    }

    /// Time goes by, of the lake as well.
    pub fn pass(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
        self.lake.host.pass(ms as u64);
    }

    /// A source of trips, at these times.
    pub async fn deliver(&self, source: &str, version: u64, times: &[&str]) {
        let dataset = self.contracts.by_id("seen/trips").unwrap();
        let rows: Vec<Vec<&str>> = times.iter().map(|time| vec![*time]).collect();
        let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
        self.lake.put(&dataset.table, source, version, &rows).await;
    }

    pub async fn look(&self, event: Value) -> Result<Value, String> {
        let deadline = SystemTime::now() + Duration::from_secs(60);
        let printed = Box::new(self.printed.clone());
        let invocation = Invocation::begin("monitor", "dev-monitor", "r", None, deadline, printed);
        handle(&self.monitor, invocation, event)
            .await
            .map_err(|error| error.to_string())
    }

    /// Lines of the log, as JSON.
    pub fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.printed.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Kind and id of what was announced, each once, in the order of the ids' first coming.
    pub fn announced(&self) -> Vec<(String, Value)> {
        let mut ids = BTreeSet::new();
        let events = self.bus.events().into_iter();
        let events = events.map(|(_, kind, detail)| (kind, serde_json::from_str::<Value>(&detail).unwrap()));
        events
            .filter(|(_, detail)| ids.insert(detail["id"].to_string()))
            .collect()
    }

    /// Everything that the function left in the lake.
    pub fn left(&self) -> Vec<(String, Value)> {
        let objects = self.lake.store.snapshot().into_iter();
        let own = objects.filter(|(name, _)| name.starts_with("lake/lineage/") || name.starts_with("lake/monitor/"));
        own.map(|(name, body)| (name, serde_json::from_slice(&body).unwrap()))
            .collect()
    }

    /// What the schedule sends.
    pub fn tick() -> Value {
        json!({"source": "aws.events", "detail": {}})
    }
}

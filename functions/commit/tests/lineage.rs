//! What was committed is told, once: whatever call fails, and however often requests come.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use common::{LAKE, append, contracts, event, invocation, parquet, request};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use watershed_commit::{Commit, Config, Ports, handle};
use watershed_lake::{
    CommitRequest, LakeLocation, Maintain, MaintenanceRequest, Run, StagedFile, Swap, TableSpec,
    layout::source_prefix,
    lineage::{LINEAGE, PERIOD_MS, RunRule},
};
use watershed_ports::{
    faults::{Fault, Faults},
    memory::{MemoryBus, MemoryCatalog, MemoryStore},
};
use watershed_table::memory::MemoryHost;

/// Deliveries after which a message that is still not acknowledged is one too many.
const MAX_DELIVERIES: usize = 6;

struct World {
    faults: Faults,
    store: Arc<MemoryStore>,
    bus: Arc<MemoryBus>,
    host: Arc<MemoryHost>,
    commit: Commit,
    data: TableSpec,
    quarantine: TableSpec,
}

fn world() -> World {
    let faults = Faults::default();
    let store = Arc::new(MemoryStore::new(faults.clone()));
    let (bus, host) = (
        Arc::new(MemoryBus::new(faults.clone())),
        Arc::new(MemoryHost::default()),
    );
    let ports = Ports {
        store: store.clone(),
        catalog: Arc::new(MemoryCatalog::new(faults.clone())),
        bus: bus.clone(),
        host: host.clone(),
    };
    let contracts = contracts();
    let dataset = contracts.by_id("nycflights13-airlines").unwrap().clone();
    let config = Config {
        contracts: "/opt".into(),
        lake_bucket: LAKE.into(),
        event_bus: "default".into(),
        sends_lineage: true,
    };
    World {
        commit: Commit::with_ports(config, contracts, ports),
        faults,
        store,
        bus,
        host,
        data: dataset.table.clone(),
        quarantine: dataset.quarantine.clone(),
    }
}

impl World {
    fn staged(&self, (request, objects): (CommitRequest, Vec<(String, Vec<u8>)>), run: Run) -> String {
        for (key, bytes) in objects {
            self.store.insert(LAKE, &key, bytes);
        }
        request.made_by(run).body().unwrap()
    }

    /// The one file of source `a`, packed: the same rows under another name.
    fn packed(&self, rows: &[[&str; 2]]) -> String {
        let location = LakeLocation::bucket(LAKE).table(&self.data);
        let prefix = source_prefix(&location, "s3://raw/nycflights13/airlines/a.csv");
        let (bytes, path) = (parquet(&self.data, rows), "packed/00000-00000.parquet");
        let key = format!("{prefix}{path}").replace("s3://lake/", "");
        let file = StagedFile {
            path: path.into(),
            bytes: bytes.len() as u64,
            rows: rows.len() as u64,
        };
        self.store.insert(LAKE, &key, bytes);
        let request = MaintenanceRequest {
            table: self.data.name.clone(),
            contract: "nycflights13-airlines".into(),
            maintain: Maintain::Swap(Swap {
                prefix,
                replaced: vec!["v1/00000-00000.parquet".into()],
                files: vec![file],
                erased_rows: 0,
            }),
            trace: None,
        };
        serde_json::to_string(&request).unwrap()
    }

    /// Everything that is told, an hour or two, and everything again.
    async fn happen(&self) {
        let (data, quarantine) = (&self.data, &self.quarantine);
        let rows = [["AA", "American"], ["UA", "United"]];
        let rule = RunRule {
            name: "rowCount".into(),
            column: None,
            holds: true,
        };
        let ingest = || Run::of("ingest");
        let whole = self.staged(request(data, LAKE, "a", 1, &rows), ingest().checked([rule]));
        let refused = ingest().failing(Some("damaged".into()));
        let first = [
            whole.clone(),
            self.staged(append(data, (0, 5), &[["EV", "ExpressJet"]]), Run::of("analyze")),
            self.staged(
                append(data, (5, 7), &[["F9", "Frontier"], ["DL", "Delta"]]),
                Run::of("analyze"),
            ),
            // What refused rows have of a column is of no meaning here.
            self.staged(request(quarantine, LAKE, "b", 1, &[]), refused),
            self.staged(request(data, LAKE, "b", 1, &[]), ingest()),
        ];
        self.deliver(&first).await;
        let packed = self.packed(&rows);
        self.deliver(std::slice::from_ref(&packed)).await;
        self.host.pass(PERIOD_MS as u64);
        let later = self.staged(append(data, (7, 8), &[["FL", "AirTran"]]), Run::of("analyze"));
        let newer = self.staged(request(data, LAKE, "a", 2, &[["AA", "American Airlines"]]), ingest());
        self.deliver(std::slice::from_ref(&later)).await;
        self.deliver(&[newer]).await;
        self.deliver(&[whole, packed, later]).await;
    }

    async fn deliver(&self, bodies: &[String]) {
        let named = bodies.iter().enumerate();
        let mut batch: Vec<(String, String)> = named.map(|(n, body)| (format!("m{n}"), body.clone())).collect();
        for _ in 0..MAX_DELIVERIES {
            let response = handle(&self.commit, invocation(), event(&batch)).await.unwrap();
            let failed: Vec<String> = response.failures.into_iter().map(|failure| failure.id).collect();
            batch.retain(|(id, _)| failed.contains(id));
            if batch.is_empty() {
                return;
            }
        }
        panic!("never acknowledged: {batch:?}");
    }

    /// By their keys.
    fn told(&self) -> BTreeMap<String, Value> {
        let objects = self.store.snapshot().into_iter();
        let told = objects.filter(|(name, _)| name.starts_with("lake/lineage/"));
        told.map(|(name, body)| (name, serde_json::from_slice(&body).unwrap()))
            .collect()
    }

    fn sent(&self) -> BTreeSet<String> {
        let events = self.bus.events().into_iter();
        let sent = events.filter(|(_, kind, _)| kind == LINEAGE);
        sent.map(|(_, _, detail)| run_id(&serde_json::from_str(&detail).unwrap()))
            .collect()
    }
}

fn run_id(event: &Value) -> String {
    event["run"]["runId"].as_str().unwrap().to_string()
}

/// Job, state, rows of each event. What hangs on when snapshots were made is left out.
fn meanings(told: &BTreeMap<String, Value>) -> Vec<(String, String, String, Value)> {
    let meaning = |(key, event): (&String, &Value)| {
        let job = event["job"]["name"].as_str().unwrap().to_string();
        let statistics = &event["outputs"][0]["outputFacets"]["outputStatistics"];
        (
            job,
            event["eventType"].to_string(),
            key.clone(),
            statistics["rowCount"].clone(),
        )
    };
    told.iter().map(meaning).collect()
}

#[tokio::test]
async fn each_run_is_told_once_whatever_fails() {
    let world = self::world();
    world.happen().await;
    let calls = world.faults.calls();
    let told = world.told();
    let expected = meanings(&told);
    let short: Vec<(&str, &str, u64)> = expected
        .iter()
        .map(|(job, state, _, rows)| (job.as_str(), state.as_str(), rows.as_u64().unwrap()))
        .collect();
    let complete = "\"COMPLETE\"";
    let mut wanted = vec![
        // All that the table got in that hour, which of a stream is its own.
        ("analyze.nyc.airlines", complete, 5),
        ("compact.nyc.airlines", complete, 2),
        ("ingest.nyc.airlines", complete, 1),
        ("ingest.nyc.airlines", complete, 2),
    ];
    wanted.sort_unstable();
    let mut short = short;
    short.sort_unstable();
    assert_eq!(short, wanted);
    assert_eq!(world.sent(), told.values().map(run_id).collect());
    for (number, call) in calls.iter().enumerate() {
        for fault in Fault::ALL {
            let world = self::world();
            world.faults.plan(number, fault);
            world.happen().await;
            let told = world.told();
            assert_eq!(meanings(&told), expected, "{fault:?} at call {number}: {call}");
            assert_eq!(
                world.sent(),
                told.values().map(run_id).collect(),
                "{fault:?} at call {number}: {call}"
            );
        }
    }
}

#[tokio::test]
async fn an_event_says_what_was_made_of_what() {
    let world = self::world();
    world.happen().await;
    let told = world.told();
    let of = |job: &str, rows: u64| {
        let is_it = |event: &&Value| {
            event["job"]["name"] == job && event["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == rows
        };
        told.values().find(is_it).unwrap()
    };
    let ingested = of("ingest.nyc.airlines", 2);
    let input = &ingested["inputs"][0];
    assert_eq!(input["name"], "nycflights13/airlines/a.csv");
    assert_eq!(
        input["inputFacets"]["dataQualityAssertions"]["assertions"][0]["success"],
        true
    );
    let output = &ingested["outputs"][0];
    assert_eq!(
        (&output["namespace"], &output["name"]),
        (&"s3://lake".into(), &"preprocessed/nyc/airlines".into())
    );
    let origin = &output["facets"]["columnLineage"]["fields"]["name"]["inputFields"][0];
    assert_eq!(
        (&origin["namespace"], &origin["field"]),
        (&"s3://raw".into(), &"name".into())
    );
    let hour = of("analyze.nyc.airlines", 5);
    assert_eq!(hour["inputs"][0]["name"], "carriers");
    assert_eq!(
        hour["run"]["facets"]["nominalTime"]["nominalStartTime"],
        "2023-11-14T22:00:00.000Z"
    );
    assert_eq!(hour["eventTime"], "2023-11-14T23:00:00.000Z");
}

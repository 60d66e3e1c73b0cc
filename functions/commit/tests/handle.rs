//! The function, in memory: partial batches, and every fault at every call.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use common::{LAKE, SHARD, append, contracts, event, invocation, request};
use std::{collections::BTreeMap, sync::Arc};
use watershed_commit::{Commit, Config, Ports, handle};
use watershed_contract::Contracts;
use watershed_lake::{CommitRequest, TableChanged, TableRequest, TableSpec};
use watershed_ports::{
    faults::{Fault, Faults},
    memory::{MemoryBus, MemoryCatalog, MemoryStore},
};
use watershed_table::{ledger::Ledger, memory::MemoryHost};

/// Deliveries after which a message that is still not acknowledged is one too many.
const MAX_DELIVERIES: usize = 6;

struct World {
    faults: Faults,
    store: Arc<MemoryStore>,
    catalog: Arc<MemoryCatalog>,
    bus: Arc<MemoryBus>,
    commit: Commit,
    specs: [TableSpec; 2],
}

fn config() -> Config {
    Config {
        contracts: "/opt".into(),
        lake_bucket: LAKE.into(),
        event_bus: "default".into(),
        sends_lineage: false,
    }
}

fn world() -> World {
    let faults = Faults::default();
    let store = Arc::new(MemoryStore::new(faults.clone()));
    let catalog = Arc::new(MemoryCatalog::new(faults.clone()));
    let bus = Arc::new(MemoryBus::new(faults.clone()));
    let ports = Ports {
        store: store.clone(),
        catalog: catalog.clone(),
        bus: bus.clone(),
        host: Arc::new(MemoryHost::default()),
    };
    let contracts = contracts();
    let dataset = contracts.by_id("nycflights13-airlines").unwrap();
    let specs = [dataset.table.clone(), dataset.quarantine.clone()];
    World {
        commit: Commit::with_ports(config(), contracts, ports),
        faults,
        store,
        catalog,
        bus,
        specs,
    }
}

impl World {
    fn body(&self, table: usize, source: &str, version: u32, rows: &[[&str; 2]]) -> String {
        self.staged(request(&self.specs[table], LAKE, source, version, rows))
    }

    fn append(&self, table: usize, range: (u32, u32), rows: &[[&str; 2]]) -> String {
        self.staged(append(&self.specs[table], range, rows))
    }

    fn staged(&self, (request, objects): (CommitRequest, Vec<(String, Vec<u8>)>)) -> String {
        for (key, bytes) in objects {
            self.store.insert(LAKE, &key, bytes);
        }
        serde_json::to_string(&request).unwrap()
    }

    async fn failures(&self, bodies: &[(String, String)]) -> Vec<String> {
        let response = handle(&self.commit, invocation(), event(bodies)).await.unwrap();
        response.failures.into_iter().map(|failure| failure.id).collect()
    }

    fn metadata(&self, table: usize) -> Option<serde_json::Value> {
        let entry = self
            .catalog
            .snapshot()
            .get(&self.specs[table].name.to_string())?
            .clone();
        let name = entry.metadata_location.strip_prefix("s3://").unwrap().to_string();
        Some(serde_json::from_slice(&self.store.snapshot()[&name]).unwrap())
    }

    /// Total rows, orders by source, and whether the current snapshot was announced: of both tables.
    async fn outcome(&self) -> Vec<(u64, BTreeMap<String, String>)> {
        self.faults.clear();
        let announced: Vec<i64> = self
            .bus
            .events()
            .iter()
            .map(|(_, _, detail)| serde_json::from_str::<TableChanged>(detail).unwrap().snapshot_id)
            .collect();
        let mut outcome = Vec::new();
        for table in 0..2 {
            let Some(metadata) = self.metadata(table) else { continue };
            let current = &metadata["current-snapshot-id"];
            let snapshots = metadata["snapshots"].as_array().unwrap();
            let snapshot = snapshots.iter().find(|s| s["snapshot-id"] == *current);
            if let Some(id) = current.as_i64() {
                assert!(announced.contains(&id), "snapshot {id} was never announced");
            }
            let rows = snapshot.map_or(0, |s| s["summary"]["total-records"].as_str().unwrap().parse().unwrap());
            let sources = ["a", "b"].map(|name| format!("s3://raw/nycflights13/airlines/{name}.csv"));
            let sources = sources.iter().map(String::as_str).chain([SHARD]);
            let root = metadata["properties"]["watershed.ledger"].as_str();
            let ledger = Ledger::load(&*self.store, root, sources).await.unwrap();
            let orders = ledger
                .holdings()
                .into_iter()
                .map(|(source, h)| (source, h.order.to_string()))
                .collect();
            outcome.push((rows, orders));
        }
        outcome
    }
}

fn messages(bodies: Vec<String>) -> Vec<(String, String)> {
    bodies
        .into_iter()
        .enumerate()
        .map(|(n, body)| (format!("m{n}"), body))
        .collect()
}

#[tokio::test]
async fn each_message_is_its_own() {
    let world = world();
    let good = world.body(0, "a", 1, &[["AA", "American"]]);
    let unknown = good.replace("nyc.airlines", "nyc.nothing");
    let gone = world
        .body(0, "b", 1, &[["UA", "United"]])
        .replace("00000-00000", "00000-00009");
    let expire = |table: &str| {
        let maintain = r#"{"expire_snapshots":{"as_of_ms":0}}"#;
        format!(r#"{{"table":"{table}","contract":"nycflights13-airlines","maintain":{maintain}}}"#)
    };
    let bodies = vec![
        good,
        "{".into(),
        unknown,
        gone,
        expire("nyc.airlines"),
        expire("nyc.nothing"),
    ];
    let failures = world.failures(&messages(bodies)).await;
    assert_eq!(failures, ["m1", "m2", "m3", "m5"]);
    let outcome = world.outcome().await;
    assert_eq!(outcome[0].0, 1);
    let events = world.bus.events();
    let (source, kind, detail) = &events[0];
    assert_eq!(
        (events.len(), source.as_str(), kind.as_str()),
        (1, "watershed", "TableChanged")
    );
    let changed: TableChanged = serde_json::from_str(detail).unwrap();
    assert_eq!(
        (changed.role.as_str(), changed.contract.as_str()),
        ("data", "nycflights13-airlines")
    );
    let table = &world.catalog.snapshot()["nyc.airlines"];
    assert_eq!(table.parameters["watershed.domain"], "aviation");
    assert_eq!(table.columns[0].parameters["watershed.classification"], "public");
}

#[tokio::test]
async fn an_append_that_is_too_early_is_left_in_the_queue() {
    let world = world();
    let [first, next, last] = [
        world.append(0, (0, 3), &[["AA", "American"]]),
        world.append(0, (3, 5), &[["UA", "United"]]),
        world.append(0, (5, 9), &[["B6", "JetBlue"]]),
    ];
    let failures = world
        .failures(&messages(vec![last.clone(), first, world.append(1, (0, 9), &[])]))
        .await;
    assert_eq!(failures, ["m0"]);
    assert_eq!(world.outcome().await[0].0, 1);
    assert_eq!(world.failures(&messages(vec![last, next])).await, [""; 0]);
    let outcome = world.outcome().await;
    assert_eq!((outcome[0].0, outcome[0].1.len(), outcome[1].1.len()), (3, 1, 1));
    let events = world.bus.events();
    let changed: TableChanged = serde_json::from_str(&events.last().unwrap().2).unwrap();
    assert_eq!((changed.operation.as_str(), changed.added_rows), ("append", 2));
}

/// A contract that says of a table what it cannot become stops that table, and no other.
#[tokio::test]
async fn a_contract_that_narrows_stops_its_own_table() {
    let contract = |version: &str, kind: &str| {
        format!(
            "version: {version}\nkind: DataContract\napiVersion: v3.1.0\nid: shop\nstatus: active\ndomain: shop\n\
             servers:\n  - {{server: raw, type: s3, location: \"s3://{{raw}}/{{model}}/*.csv\", format: csv}}\nschema:\n\
             - name: numbers\n  properties: [{{name: n, logicalType: integer, physicalType: {kind}}}]\n\
             - name: words\n  properties: [{{name: a, logicalType: string}}, {{name: b, logicalType: string}}]\n"
        )
    };
    let world = world();
    let deploy = |version: &str, kind: &str| {
        let contracts = Contracts::parse([("shop.odcs.yaml", contract(version, kind).as_str())]).unwrap();
        let ports = Ports {
            store: world.store.clone(),
            catalog: world.catalog.clone(),
            bus: world.bus.clone(),
            host: Arc::new(MemoryHost::from(version.len() as u64 * 1_000_000)),
        };
        let specs = ["numbers", "words"].map(|table| {
            let name = format!("shop.{table}").parse().unwrap();
            contracts.by_table(&name).unwrap().table.clone()
        });
        (Commit::with_ports(config(), contracts, ports), specs)
    };
    let bodies = |specs: &[TableSpec; 2], version: u32| {
        let empty = |spec: &TableSpec| request(spec, LAKE, "a", version, &[]).0;
        let (mut words, objects) = request(&specs[1], LAKE, "a", version, &[["x", "y"]]);
        words.contract = "shop/words".into();
        for (key, bytes) in objects {
            world.store.insert(LAKE, &key, bytes);
        }
        messages(vec![
            serde_json::to_string(&empty(&specs[0])).unwrap(),
            serde_json::to_string(&words).unwrap(),
        ])
    };
    let failures = async |commit: &Commit, bodies: &[(String, String)]| -> Vec<String> {
        let response = handle(commit, invocation(), event(bodies)).await.unwrap();
        response.failures.into_iter().map(|failure| failure.id).collect()
    };
    let (wide, specs) = deploy("1.0.0", "BIGINT");
    assert_eq!(failures(&wide, &bodies(&specs, 1)).await, [""; 0]);
    let (narrow, specs) = deploy("1.0.10", "INTEGER");
    assert_eq!(failures(&narrow, &bodies(&specs, 2)).await, ["m0"]);
    let words = &world.catalog.snapshot()["shop.words"];
    assert_eq!(words.parameters["watershed.contract-version"], "1.0.10");
}

fn scenario(world: &World) -> Vec<Vec<(String, String)>> {
    vec![
        messages(vec![
            world.body(0, "a", 1, &[["AA", "American"], ["UA", "United"]]),
            world.body(1, "a", 1, &[]),
            world.body(0, "b", 2, &[["B6", "JetBlue"]]),
            world.append(0, (5, 7), &[["DL", "Delta"]]),
            world.append(0, (0, 5), &[["EV", "ExpressJet"], ["F9", "Frontier"]]),
            world.append(1, (0, 7), &[]),
        ]),
        messages(vec![
            world.append(0, (0, 5), &[["EV", "ExpressJet"], ["F9", "Frontier"]]),
            world.append(0, (7, 8), &[["FL", "AirTran"]]),
            world.body(0, "a", 2, &[["AA", "American Airlines"]]),
            world.body(0, "b", 1, &[["ZZ", "late"]]),
        ]),
    ]
}

async fn deliver(world: &World, batches: Vec<Vec<(String, String)>>) {
    for mut batch in batches {
        for delivery in 0..=MAX_DELIVERIES {
            assert!(delivery < MAX_DELIVERIES, "never acknowledged: {batch:?}");
            let failures = world.failures(&batch).await;
            batch.retain(|(id, _)| failures.contains(id));
            if batch.is_empty() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn every_fault_at_every_call_ends_as_the_run_without() {
    let world = self::world();
    let batches = scenario(&world);
    deliver(&world, batches).await;
    let calls = world.faults.calls().len();
    assert!(world.faults.calls().iter().any(|call| call == "publish"));
    let expected = world.outcome().await;
    assert_eq!(expected.iter().map(|table| table.0).collect::<Vec<_>>(), [6, 0]);
    for fault in Fault::ALL {
        for call in 0..calls {
            let world = self::world();
            let batches = scenario(&world);
            world.faults.plan(call, fault);
            deliver(&world, batches).await;
            let name = world.faults.calls().get(call).cloned();
            assert_eq!(world.outcome().await, expected, "{fault:?} at call {call}: {name:?}");
        }
    }
}

#[tokio::test]
async fn the_event_files_are_events() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/commit");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let event: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap_or_default();
        let bodies = event["Records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["body"].as_str().unwrap());
        let parsed: Vec<_> = bodies.map(TableRequest::parse).collect();
        assert_eq!(parsed.iter().all(Result::is_ok), name != "malformed", "{parsed:?}");
        let response = handle(&world().commit, invocation(), event).await.unwrap();
        // Only an event that names no files can be done without a lake that has them.
        let is_empty = name == "empty-version" || name == "maintenance" || name == "stream-without-rows";
        assert_eq!(response.failures.is_empty(), is_empty, "{}", path.display());
        files += 1;
    }
    assert!(files >= 4);
}

//! That an epoch is of newer states than the one before it, and asks for all that differs, whoever makes it and whatever became of the last.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use async_trait::async_trait;
use common::{World, contract};
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::Notify;
use watershed_ports::{
    Catalog, CatalogEntry, CatalogTable, Kind, PortError,
    faults::{Fault, Faults},
    memory::MemoryCatalog,
};

const EPOCH: &str = "enrich/test/trips_enriched.json";

/// Trips that are looked up among stations.
const SCHEMA: &str = r#"
  - name: trips
    properties:
      - {name: at, logicalType: timestamp, required: true}
      - {name: station, logicalType: string}
      - {name: minutes, logicalType: integer}
    customProperties:
      - property: watershed
        value:
          partition: [{column: at, transform: month}]
          sort: [at]
          enrich:
            - lookup: stations
              on: {station: code}
              add: {station_name: name}
            - derive:
                - {name: late, expression: "minutes > 15"}
  - name: stations
    properties:
      - {name: code, logicalType: string, required: true, primaryKey: true}
      - {name: name, logicalType: string}
"#;

const JFK: &[&str] = &["2013-01-05T10:20:00Z", "JFK", "10"];
const SJU: &[&str] = &["2013-02-05T10:20:00Z", "SJU", "20"];

/// One trip from JFK, which is a station.
async fn settled() -> World {
    let mut world = World::of(&contract(SCHEMA), 64 << 20);
    world.put("stations", "s", 1, &[&["JFK", "Kennedy"]]).await;
    world.put("trips", "t", 1, &[JFK]).await;
    world.settle().await;
    world
}

async fn names(world: &World) -> Vec<String> {
    let rows = world.rows("trips_enriched", &["station_name"]).await;
    rows.into_iter().flatten().collect()
}

/// A catalog whose answer, once, is long on its way.
struct Slow {
    catalog: MemoryCatalog,
    armed: AtomicBool,
    asked: Notify,
    go_on: Notify,
}

#[async_trait]
impl Catalog for Slow {
    async fn load(&self, database: &str, table: &str) -> Result<Option<CatalogEntry>, PortError> {
        let answer = self.catalog.load(database, table).await;
        if table == "stations" && self.armed.swap(false, Ordering::SeqCst) {
            self.asked.notify_one();
            self.go_on.notified().await;
        }
        answer
    }
    async fn create(&self, table: &CatalogTable) -> Result<(), PortError> {
        self.catalog.create(table).await
    }
    async fn swap(&self, expected: &CatalogEntry, table: &CatalogTable) -> Result<(), PortError> {
        self.catalog.swap(expected, table).await
    }
}

#[tokio::test]
async fn who_looked_before_another_planned_does_not_go_back() {
    let mut world = settled().await;
    let slow = Arc::new(Slow {
        catalog: world.catalog.shared_with(Faults::default()),
        armed: AtomicBool::new(true),
        asked: Notify::new(),
        go_on: Notify::new(),
    });
    let late = world.instance(slow.clone());
    world.put("trips", "t", 2, &[JFK, JFK]).await;
    let (told, _) = world.waiting.pop_front().unwrap();
    let log = world.log.clone();
    let planned = async {
        let event = json!({"Records": [{"messageId": "m", "body": told}]});
        common::failures(&late, &log, event).await
    };
    let meanwhile = async {
        slow.asked.notified().await;
        world.put("stations", "s", 2, &[&["JFK", "John F. Kennedy"]]).await;
        world.settle().await;
        slow.go_on.notify_one();
    };
    let (failed, ()) = tokio::join!(planned, meanwhile);
    assert_eq!(failed, 0);
    world.collect().await;
    world.settle().await;
    assert_eq!(names(&world).await, ["John F. Kennedy"; 2]);
}

#[tokio::test]
async fn where_the_epoch_is_deleted_all_is_made_anew() {
    let mut world = settled().await;
    world.store.remove("lake", EPOCH);
    world.put("stations", "s", 2, &[&["JFK", "Second"]]).await;
    world.settle().await;
    assert_eq!(names(&world).await, ["Second"]);
}

#[tokio::test]
async fn an_epoch_that_cannot_be_read_is_told_and_mended_as_is_told() {
    for damaged in ["", "{", r#"{"version":0}"#] {
        let mut world = settled().await;
        world.store.insert("lake", EPOCH, damaged);
        world.put("stations", "s", 2, &[&["JFK", "Mended"]]).await;
        assert!(world.step(0).await.is_some(), "{damaged}");
        let failed = world.log.lines("message failed");
        let error = failed.last().unwrap()["error"].as_str().unwrap();
        assert!(error.contains("delete it, and all is made anew"), "{error}");
        world.store.remove("lake", EPOCH);
        world.settle().await;
        assert_eq!(names(&world).await, ["Mended"], "{damaged}");
    }
}

#[tokio::test]
async fn an_instance_of_another_contract_makes_nothing_of_an_epoch() {
    let mut world = settled().await;
    let old = world.instance(world.catalog.clone());
    world.deploy(&contract(SCHEMA).replace("minutes > 15", "minutes > 5"));
    world.put("stations", "s2", 1, &[&["SJU", "San Juan"]]).await;
    world.step(0).await;
    let (unit, _) = world.waiting[0].clone();
    let event = json!({"Records": [{"messageId": "m", "body": unit}]});
    let failed = common::failures(&old, &world.log, event).await;
    world.collect().await;
    assert_eq!(failed, 1, "it is delivered again, to another instance in the end");
    world.settle().await;
    assert_eq!(world.rows("trips_enriched", &["late"]).await, [["true"]]);
}

/// Something comes; the call that says that its epoch is sent fails, and what was asked for is made nevertheless. Then it goes again, before
/// who was to say it comes back.
async fn comes_and_goes(table: &str, rows: &[&[&str]]) -> Vec<String> {
    let begun = || async {
        let mut world = settled().await;
        world.put("trips", "sju", 1, &[SJU]).await;
        world.settle().await;
        world.faults.clear();
        world.put(table, "more", 1, rows).await;
        world
    };
    let mut world = begun().await;
    world.step(0).await;
    let calls = world.faults.calls();
    let says_sent = calls.iter().rposition(|call| call.starts_with("put_if")).unwrap();

    let mut world = begun().await;
    world.faults.plan(says_sent, Fault::Refused(Kind::Transient));
    assert!(world.step(0).await.is_some(), "that all is sent could not be said");
    let planner = world.waiting.pop_front().unwrap();
    world.settle().await;
    world.put(table, "more", 2, &[]).await;
    world.settle().await;
    world.waiting.push_back(planner);
    world.settle().await;
    names(&world).await
}

#[tokio::test]
async fn what_came_before_an_epoch_was_sent_and_went_after_leaves_nothing() {
    assert_eq!(comes_and_goes("trips", &[SJU, SJU]).await, ["Kennedy", "null"]);
    assert_eq!(
        comes_and_goes("stations", &[&["SJU", "San Juan"]]).await,
        ["Kennedy", "null"]
    );
}

#[tokio::test]
async fn files_that_were_packed_ask_for_nothing_and_what_comes_with_them_is_not_missed() {
    let mut world = settled().await;
    world.put("stations", "more", 1, &[&["SJU", "San Juan"]]).await;
    world.settle().await;
    let before = world.enriched().await;
    let sources = world.log.lines("source").len();
    world.pack("trips", "t", &[JFK]).await;
    world.pack("stations", "s", &[&["JFK", "Kennedy"]]).await;
    assert_eq!(world.waiting.len(), 2, "of both it is told");
    world.settle().await;
    assert_eq!(
        (world.enriched().await, world.log.lines("source").len()),
        (before, sources)
    );
    // Packed again, and between a newer version: the look comes after all of it.
    world.pack("trips", "t", &[JFK]).await;
    world.put("trips", "t", 2, &[SJU]).await;
    world.pack("trips", "t", &[SJU]).await;
    world.settle().await;
    assert_eq!(names(&world).await, ["San Juan"]);
    world.put("stations", "more", 2, &[&["SJU", "Puerto Rico"]]).await;
    world.pack("stations", "more", &[&["SJU", "Puerto Rico"]]).await;
    world.settle().await;
    assert_eq!(names(&world).await, ["Puerto Rico"]);
}

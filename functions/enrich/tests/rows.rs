//! What stands in the enriched table, and what is done for it.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{CONTRACT, World};
use serde_json::json;

type Rows = &'static [&'static [&'static str]];

/// Each reference with its source and its rows.
const REFERENCES: [(&str, &str, Rows); 4] = [
    (
        "stations",
        "s",
        &[
            &["JFK", "Kennedy", "40.64", "-73.78"],
            &["SJU", "San Juan", "18.44", "-66.0"],
        ],
    ),
    ("weather", "w1", &[&["JFK", "2013-01-05T10:00:00Z", "0.5"]]),
    (
        "cities",
        "c",
        &[
            &["New York", "40.71", "-74.0", "8000000"],
            &["Newark", "40.73", "-74.17", "300000"],
        ],
    ),
    (
        "zones",
        "z",
        &[&["east", "POLYGON ((-80 30, -70 30, -70 50, -80 50, -80 30))"]],
    ),
];

async fn references(world: &mut World) {
    for (table, source, rows) in REFERENCES {
        world.put(table, source, 1, rows).await;
    }
}

const TRIPS: [&[&str]; 4] = [
    &["2013-01-05T10:20:00Z", "JFK", "10"],
    &["2013-01-05T13:01:00Z", "JFK", "20"],
    &["2013-02-05T13:01:00Z", "SJU", "0"],
    &["2013-02-05T14:01:00Z", "null", "null"],
];

#[tokio::test]
async fn every_step_adds_its_columns() {
    let mut world = World::new();
    references(&mut world).await;
    world.put("trips", "t", 1, &TRIPS).await;
    world.settle().await;
    let rows = world.enriched().await;
    let rows: Vec<String> = rows.iter().map(|row| row.join(" | ")).collect();
    insta::assert_snapshot!(rows.join("\n"));
    let lines = world.log.lines("source");
    assert_eq!(lines.len(), 1, "one source, once: {lines:?}");
    let unmatched = json!({
        "lookup stations on station": 1, "asOf weather on at": 3, "nearest cities on lat": 2, "around cities at lat": 1,
        "region zones on lat": 2,
    });
    assert_eq!(lines[0]["unmatched"], unmatched);
    assert_eq!(
        (&lines[0]["rows"], &lines[0]["failed"]),
        (&json!(4), &json!({"derive late": 1}))
    );
}

/// How many sources were made since the last time this was asked.
fn made(world: &World, before: &mut usize) -> Vec<u64> {
    let lines = world.log.lines("source");
    let new = lines[*before..]
        .iter()
        .map(|line| line["rows"].as_u64().unwrap())
        .collect();
    *before = lines.len();
    new
}

#[tokio::test]
async fn a_reference_makes_anew_what_it_can_have_changed_once() {
    let mut world = World::new();
    let mut before = 0;
    references(&mut world).await;
    world.put("trips", "january", 1, &TRIPS[..2]).await;
    world.put("trips", "february", 1, &TRIPS[2..3]).await;
    world.settle().await;
    assert_eq!(made(&world, &mut before), [2, 1]);

    world
        .put("weather", "w2", 1, &[&["SJU", "2013-02-05T12:00:00Z", "3"]])
        .await;
    let told = world.waiting.clone();
    world.settle().await;
    assert_eq!(made(&world, &mut before), [1], "only what is of February");
    assert_eq!(
        world.rows("trips_enriched", &["rain"]).await,
        [["0.5"], ["3.0"], ["null"]]
    );
    world.waiting.extend(told);
    world.settle().await;
    assert_eq!(made(&world, &mut before), [0; 0], "told again, nothing is done");

    world
        .put("weather", "w3", 1, &[&["LGA", "2013-02-05T12:00:00Z", "3"]])
        .await;
    world.settle().await;
    assert_eq!(made(&world, &mut before), [0; 0], "a station that nobody came from");

    world
        .put("cities", "c2", 1, &[&["Santurce", "18.44", "-66.05", "95000"]])
        .await;
    world.settle().await;
    let mut again = made(&world, &mut before);
    again.sort_unstable();
    assert_eq!(again, [1, 2], "near whom a city is, bounds do not tell");
    assert_eq!(
        world.rows("trips_enriched", &["city"]).await,
        [["New York"], ["New York"], ["Santurce"]]
    );
}

#[tokio::test]
async fn another_contract_makes_all_anew() {
    let mut world = World::new();
    references(&mut world).await;
    world.put("trips", "t", 1, &TRIPS).await;
    world.settle().await;
    world.deploy(&CONTRACT.replace("minutes > 15", "minutes >= 10"));
    world
        .put("stations", "s2", 1, &[&["EWR", "Newark", "40.7", "-74.17"]])
        .await;
    world.settle().await;
    let late = world.rows("trips_enriched", &["minutes", "late"]).await;
    assert_eq!(late, [["0", "false"], ["10", "true"], ["20", "true"], ["null", "null"]]);
    let planned = world.log.lines("planned");
    assert_eq!(planned.last().unwrap()["everything"], "the contract is another");
}

/// An instance with the older contract that still runs leaves the work to the others; so does one whose unit the newer one asked for.
#[tokio::test]
async fn of_two_contracts_the_newer_one_goes_on() {
    let newer = CONTRACT
        .replace("version: 1.0.0", "version: 1.1.0")
        .replace("minutes > 15", "minutes >= 10");
    let mut world = World::of(&newer, 64 << 20);
    references(&mut world).await;
    world.put("trips", "t", 1, &TRIPS).await;
    while world.own.messages().is_empty() && !world.waiting.is_empty() {
        let (body, _) = world.waiting.pop_front().unwrap();
        assert!(!world.invoke(&body).await);
    }
    let unit = world.own.drain().remove(0);
    world.deploy(CONTRACT);
    assert!(world.invoke(&unit).await);
    assert!(world.commits.messages().is_empty());
    let failed = world.log.lines("message failed");
    let error = failed[0]["error"].as_str().unwrap();
    assert!(
        error.contains("version 1.0.0 of contract journeys/trips is older than 1.1.0"),
        "{error}"
    );
    world.deploy(&newer);
    world.waiting.push_back((unit, 0));
    world.settle().await;
    let late = world.rows("trips_enriched", &["minutes", "late"]).await;
    assert_eq!(late, [["0", "false"], ["10", "true"], ["20", "true"], ["null", "null"]]);
    assert_eq!(world.log.lines("source").len(), 1);
}

#[tokio::test]
async fn what_is_missing_is_waited_for() {
    let mut world = World::new();
    world.put("trips", "t", 1, &TRIPS).await;
    world.settle().await;
    assert!(world.enriched().await.is_empty());
    assert_eq!(world.log.lines("planned")[0]["waits_for"], "test.stations");
    references(&mut world).await;
    world.settle().await;
    assert_eq!(world.enriched().await.len(), 4);
}

#[tokio::test]
async fn a_key_that_stands_twice_is_told_and_mended_by_a_new_snapshot() {
    let mut world = World::new();
    references(&mut world).await;
    world
        .put("stations", "twice", 1, &[&["JFK", "Another", "1", "1"]])
        .await;
    world.put("trips", "t", 1, &TRIPS).await;
    for _ in 0..8 {
        world.step(0).await;
    }
    let failed = world.log.lines("message failed");
    let error = failed.last().unwrap()["error"].as_str().unwrap();
    assert!(
        error.contains("lookup stations on station: test.stations cannot be a reference: (\"JFK\") stands twice"),
        "{error}"
    );
    world.put("stations", "twice", 2, &[]).await;
    world.settle().await;
    assert_eq!(world.enriched().await.len(), 4);
}

#[tokio::test]
async fn references_that_do_not_fit_are_told() {
    let mut world = World::of(CONTRACT, 1 << 10);
    references(&mut world).await;
    world.put("trips", "t", 1, &TRIPS).await;
    for _ in 0..8 {
        world.step(0).await;
    }
    let failed = world.log.lines("message failed");
    let error = failed.last().unwrap()["error"].as_str().unwrap();
    assert!(
        error.contains("references do not fit in 1 MiB: test.") && error.contains("WATERSHED_REFERENCE_MB"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_none_of_ours_goes_to_the_dead_letters() {
    let world = World::new();
    for body in ["", "{}", r#"{"enrich": "test.trips", "source": "x", "epoch": 1}"#] {
        assert!(world.invoke(body).await, "{body}");
    }
    let other = json!({"detail-type": "TableChanged", "detail": {
        "table": "other.table", "role": "data", "contract": "c", "snapshot_id": 1, "sequence_number": 1, "timestamp_ms": 1,
        "operation": "append", "added_files": 0, "removed_files": 0, "added_rows": 0, "removed_rows": 0, "total_rows": 0}});
    assert!(
        !world.invoke(&other.to_string()).await,
        "another table is nothing to us"
    );
}

/// The events of `events/enrich`, each to a function whose tables are there: how many sources are asked for, made, and messages that fail.
#[tokio::test]
async fn every_event_is_answered() {
    let expected = [
        ("another-table", [0, 0, 0]),
        ("malformed", [0, 0, 1]),
        ("reference-changed", [1, 0, 0]),
        ("source", [1, 0, 1]),
        ("table-changed", [1, 0, 0]),
    ];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/enrich");
    let mut found = Vec::new();
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for path in files {
        let mut world = World::new();
        references(&mut world).await;
        world.put("trips", "t", 1, &TRIPS).await;
        let event = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let failed = world.failures(event).await;
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        found.push((
            name,
            [world.own.messages().len(), world.commits.messages().len(), failed],
        ));
    }
    found.sort();
    assert_eq!(found, expected.map(|(name, counts)| (name.to_string(), counts)));
}

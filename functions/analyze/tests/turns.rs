//! What a shard's turn does beside the plain way: other processes, splits and merges, bounds, contracts that change, personal data.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{ARRIVAL_MS, CONTRACT, Put, SHARD, STREAM, World, event, put, reading, shard};
use serde_json::json;
use std::collections::BTreeMap;

const MIDDLE: u128 = u128::MAX / 2;

fn id(number: u32) -> String {
    format!("shardId-{number:012}")
}

/// What a window holds over all its parts: the sum of `total`, of the highest revision of each part, in its decimal places.
fn totals(world: &World) -> BTreeMap<(String, String), i64> {
    let tables = world.tables();
    let mut parts = BTreeMap::new();
    for row in tables.get("test.readings_minutely").into_iter().flatten() {
        let (start, kind, revision, id, device, total) = (&row[0], &row[2], &row[3], &row[4], &row[9], &row[11]);
        let revision: u32 = revision.parse().unwrap();
        let hundredths = total.parse::<f64>().map_or(0, |total| (total * 100.0).round() as i64);
        let part = (
            revision,
            (start.clone(), device.clone()),
            if kind == "retracted" { 0 } else { hundredths },
        );
        let known: &mut (u32, (String, String), i64) = parts.entry(id.clone()).or_insert_with(|| part.clone());
        if known.0 <= revision {
            *known = part;
        }
    }
    let mut totals = BTreeMap::new();
    for (_, window, hundredths) in parts.into_values() {
        *totals.entry(window).or_default() += hundredths;
    }
    totals.retain(|_, hundredths| *hundredths != 0);
    totals
}

#[tokio::test]
async fn two_processes_that_take_turns_are_as_one() {
    let records: Vec<Put> = (0..120)
        .map(|at| reading(at + 1, ["a1", "b2"][at as usize % 2], at as i64 * 9_000, "1.5"))
        .collect();
    let (alone, first) = (World::new(), World::new());
    let second = first.beside();
    for (turn, batch) in records.chunks(10).enumerate() {
        alone.deliver(SHARD, batch).await;
        [&first, &second][turn % 3 % 2].deliver(SHARD, batch).await;
    }
    assert_eq!(first.tables(), alone.tables());
    assert_eq!(first.checkpoint(SHARD), alone.checkpoint(SHARD));
    assert_eq!(totals(&alone).values().sum::<i64>() % 150, 0);
}

/// Splits and merges, some of shards that never had a record, move open windows whole: what windows hold over all their parts is what one shard
/// that had every record would hold.
#[tokio::test]
async fn splits_and_merges_lose_and_double_nothing() {
    let devices = ["a1", "b2", "c3", "d4", "e5"];
    let minute = |sequence: u128, minute: i64| -> Vec<Put> {
        let place = |at: usize| sequence + at as u128;
        (0..5)
            .map(|at| reading(place(at), devices[at], minute * 60_000 + at as i64 * 1_000, "2.25"))
            .collect()
    };
    let whole = World::new();
    for at in 0..6 {
        whole.deliver(SHARD, &minute(10 * at as u128 + 1, at)).await;
    }
    whole.deliver(SHARD, &[reading(1_000, "z", 3_600_000, "0")]).await;

    let world = World::new();
    // Records are put by something else than what windows are keyed by: any device comes by any shard.
    world.deliver(SHARD, &minute(1, 0)).await;
    world.deliver(SHARD, &minute(11, 1)[..3]).await;
    let split = vec![
        shard(SHARD, &[], (0, u128::MAX)),
        shard(&id(1), &[SHARD], (0, MIDDLE)),
        shard(&id(2), &[SHARD], (MIDDLE + 1, u128::MAX)),
    ];
    world.shards.set(STREAM, split.clone());
    world.deliver(&id(1), &minute(11, 1)[3..]).await;
    world.deliver(&id(1), &minute(21, 2)).await;
    // The second half never has a record; its quarters do, then all are merged.
    let mut quarters = split;
    quarters.push(shard(&id(3), &[&id(2)], (MIDDLE + 1, MIDDLE + MIDDLE / 2)));
    quarters.push(shard(&id(4), &[&id(2)], (MIDDLE + MIDDLE / 2 + 1, u128::MAX)));
    world.shards.set(STREAM, quarters.clone());
    world.deliver(&id(3), &minute(31, 3)[..2]).await;
    world.deliver(&id(4), &minute(31, 3)[2..]).await;
    let mut merged = quarters;
    merged.push(shard(&id(5), &[&id(3), &id(4)], (MIDDLE + 1, u128::MAX)));
    merged.push(shard(&id(6), &[&id(1), &id(5)], (0, u128::MAX)));
    world.shards.set(STREAM, merged);
    for at in 4..6 {
        world.deliver(&id(6), &minute(10 * at as u128 + 1, at)).await;
    }
    world.deliver(&id(6), &[reading(1_000, "z", 3_600_000, "0")]).await;

    assert_eq!(
        world.tables()["test.readings"].len(),
        whole.tables()["test.readings"].len()
    );
    assert_eq!(totals(&world), totals(&whole));
    assert_eq!(totals(&whole).len(), 30);
}

#[tokio::test]
async fn a_shard_that_was_handed_over_takes_nothing_more() {
    let world = World::new();
    world.deliver(SHARD, &[reading(1, "a1", 0, "1")]).await;
    let children = vec![
        shard(SHARD, &[], (0, u128::MAX)),
        shard(&id(1), &[SHARD], (0, MIDDLE)),
        shard(&id(2), &[SHARD], (MIDDLE + 1, u128::MAX)),
    ];
    world.shards.set(STREAM, children);
    world.deliver(&id(1), &[reading(2, "a1", 1_000, "1")]).await;
    let error = world
        .invoke(&event(SHARD, &[reading(3, "a1", 2_000, "1")]))
        .await
        .unwrap_err();
    assert!(
        error.contains("got records after a shard that was made of it did"),
        "{error}"
    );
    assert_eq!(world.invoke(&event(SHARD, &[])).await, Ok(None));
    let before = world.checkpoint(SHARD);
    assert_eq!(world.invoke(&json!({"tick": {"stream": STREAM}})).await, Ok(None));
    assert_eq!(world.checkpoint(SHARD), before);
    let unlisted = world.invoke(&event(&id(9), &[reading(1, "a1", 0, "1")])).await;
    assert_eq!(unlisted, Ok(Some("1".into())), "Kinesis may list it later");
}

#[tokio::test]
async fn beyond_its_bounds_the_least_recent_keys_fire_what_they_hold() {
    let bounded = CONTRACT.replace(
        "              early: 30s\n",
        "              early: 30s\n              bounds: {keys: 2}\n",
    );
    let world = World::of(&bounded);
    let records: Vec<Put> = (0..30)
        .map(|at| reading(at + 1, &format!("d{at}"), at as i64 * 100, "1"))
        .collect();
    world.deliver(SHARD, &records).await;
    world.deliver(SHARD, &[reading(100, "z", 3_600_000, "0")]).await;
    let tables = world.tables();
    let evicted = tables["test.readings_minutely"]
        .iter()
        .filter(|row| row[2] == "evicted")
        .count();
    assert_eq!(evicted, 28, "the last two closed");
    assert_eq!(totals(&world).len(), 30, "each is told");
}

#[tokio::test]
async fn a_window_that_is_declared_otherwise_begins_anew_under_another_origin() {
    let mut world = World::new();
    world.deliver(SHARD, &[reading(1, "a1", 0, "1")]).await;
    world.contracts = CONTRACT
        .replace("lateness: 20s", "lateness: 21s")
        .replace("version: 1.0.0", "version: 1.1.0");
    world.restart();
    world
        .deliver(SHARD, &[reading(2, "a1", 1_000, "2"), reading(3, "a1", 600_000, "4")])
        .await;
    let rows = &world.tables()["test.readings_minutely"];
    assert!(rows.iter().all(|row| row[5] == format!("{SHARD}#1")), "{rows:?}");
    assert_eq!(world.tables()["test.readings"].len(), 3);
}

#[tokio::test]
async fn what_is_hidden_is_nowhere() {
    let hidden = CONTRACT.replace(
        "      - {name: site, logicalType: string}",
        "      - {name: site, logicalType: string, classification: personal, customProperties: [{property: watershed, value: {personal: hash}}]}",
    );
    let world = World::of(&hidden);
    let secret = |sequence: u128, at: &str, value: &str| {
        let body = format!(r#"{{"device": "a1", "at": "{at}", "site": "Jane Doe", "value": {value}}}"#);
        Put {
            arrival_ms: ARRIVAL_MS + 7_200_000,
            ..put(sequence, "a1", body)
        }
    };
    let records = [
        secret(1, "2023-11-14T23:00:00Z", "1"),
        secret(2, "2023-11-14T22:00:00Z", "2"),
        secret(3, "2023-11-14T23:00:00Z", "\"x\""),
        put(4, "a1", r#"{"site": "Jane Doe""#),
    ];
    world.deliver(SHARD, &records).await;
    let tables = world.tables();
    let counts: Vec<usize> = ["", "_late", "_quarantine"]
        .iter()
        .map(|suffix| tables[&format!("test.readings{suffix}")].len())
        .collect();
    assert_eq!(counts, [2, 1, 2]);
    let raw = &tables["test.readings_late"][0][9];
    assert!(!raw.is_empty());
    for (name, body) in world.store.snapshot() {
        let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert!(!body.windows(8).any(|window| window == b"Jane Doe"), "{name}");
        let rows = if name.ends_with(".parquet") {
            common::rows(&body)
        } else {
            Vec::new()
        };
        assert!(
            rows.iter()
                .flatten()
                .all(|cell| !cell.contains("Jane Doe") && !cell.contains(&hex("Jane Doe"))),
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_is_no_event_of_the_stream_is_said() {
    let world = World::new();
    let mut other = event(SHARD, &[reading(1, "a1", 0, "1")]);
    other["Records"][0]["eventSourceARN"] = json!("arn:aws:kinesis:us-east-1:000000000000:stream/others");
    let error = world.invoke(&other).await.unwrap_err();
    assert!(
        error.contains("no contract is of stream others: write one with"),
        "{error}"
    );
    let mut two = event(SHARD, &[reading(1, "a1", 0, "1"), reading(2, "a1", 0, "1")]);
    two["Records"][1]["eventID"] = json!(format!("{}:2", id(7)));
    let error = world.invoke(&two).await.unwrap_err();
    assert!(error.contains("records of several shards"), "{error}");
    let error = world.invoke(&json!({"hello": 1})).await.unwrap_err();
    assert!(error.contains("not an event of Kinesis"), "{error}");
    world
        .store
        .insert("lake", &format!("streams/{STREAM}/checkpoints/{SHARD}"), "rubbish");
    let error = world
        .invoke(&event(SHARD, &[reading(1, "a1", 0, "1")]))
        .await
        .unwrap_err();
    assert!(
        error.contains("is no checkpoint: its 7 bytes do not begin with `WSCP`"),
        "{error}"
    );
}

/// The events of `events/analyze`, each to a function that has seen nothing: how many rows come to the archive, and how many to quarantine.
#[tokio::test]
async fn events_as_they_are_shipped_are_worked_on() {
    let contract = include_str!("../../../infra/contracts/departures.odcs.yaml");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/analyze");
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let world = World::of(contract);
        let shards = (0..4).map(|number| shard(&id(number), &[], (0, u128::MAX))).collect();
        world.shards.set("departures", shards);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let answer = world.invoke(&serde_json::from_str(&text).unwrap()).await;
        assert_eq!(answer.is_err(), name == "stream-without-contract", "{name}: {answer:?}");
        let tables = world.tables();
        let rows = |table: &str| tables.get(table).map_or(0, Vec::len);
        found.insert(name, (rows("nyc.departures"), rows("nyc.departures_quarantine")));
    }
    let shown: Vec<String> = found.iter().map(|(name, rows)| format!("{name} {rows:?}")).collect();
    let expected = [
        "aggregated-by-kpl (12, 0)",
        "delivered-again (4, 0)",
        "gzip (3, 0)",
        "late-and-from-the-future (3, 0)",
        "poison (2, 4)",
        "records (4, 0)",
        "stream-without-contract (0, 0)",
        "tick (0, 0)",
    ];
    assert_eq!(shown, expected);
}

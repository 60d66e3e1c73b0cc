//! The fault sweep: whatever port call fails, in whatever way, records are delivered again until they are acknowledged, and the lake ends equal
//! to the run without faults.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{ARRIVAL_MS, Put, SHARD, STREAM, World, event, put, reading, shard};
use serde_json::json;
use std::collections::BTreeMap;
use watershed_ports::faults::Fault;

const CHILDREN: [&str; 2] = ["shardId-000000000001", "shardId-000000000002"];

/// Three batches of the first shard: minutes of three devices, one of which jumps; a poison record, a damaged gzip stream, a late record, and one
/// from the future.
fn batches() -> Vec<Vec<Put>> {
    let mut sequence = 100;
    let mut next = || {
        sequence += 1;
        sequence
    };
    let mut records = Vec::new();
    for minute in 0..30 {
        for (at, device) in ["a1", "a2", "b1"].into_iter().enumerate() {
            let value = if device == "b1" && minute == 25 {
                "900.5"
            } else {
                ["10.25", "10.5", "9.75"][minute as usize % 3]
            };
            records.push(reading(next(), device, minute * 60_000 + at as i64 * 7_000, value));
        }
        match minute {
            5 => records.push(put(next(), "x", r#"{"device": "a1", "at": "yesterday"}"#)),
            12 => records.push(put(next(), "x", b"\x1f\x8b\x08\x00broken".to_vec())),
            20 => records.push(reading(next(), "a1", 60_000, "1")),
            21 => records.push(Put {
                arrival_ms: ARRIVAL_MS,
                ..reading(next(), "a2", 86_400_000, "1")
            }),
            _ => {}
        }
    }
    let third = records.len() / 3;
    records.chunks(third + 1).map(<[Put]>::to_vec).collect()
}

/// Everything that happens: batches, one of them twice, then the shard is split, and both halves get records.
async fn happen(world: &World) {
    let batches = batches();
    for batch in &batches {
        world.deliver(SHARD, batch).await;
    }
    world.deliver(SHARD, &batches[1]).await;
    let middle = u128::MAX / 2;
    world.shards.set(
        STREAM,
        vec![
            shard(SHARD, &[], (0, u128::MAX)),
            shard(CHILDREN[0], &[SHARD], (0, middle)),
            shard(CHILDREN[1], &[SHARD], (middle + 1, u128::MAX)),
        ],
    );
    for (at, child) in CHILDREN.into_iter().enumerate() {
        let records: Vec<Put> = (0..4)
            .map(|minute| reading(1_000 + minute, ["a1", "b1"][at], (30 + minute as i64) * 60_000, "10.5"))
            .collect();
        world.deliver(child, &records).await;
    }
}

#[tokio::test]
async fn every_fault_at_every_call_ends_in_the_same_tables() {
    let world = World::new();
    happen(&world).await;
    let (expected, alerts, calls) = (world.tables(), world.alerts(), world.faults.calls());
    let counts: BTreeMap<&str, usize> = expected
        .iter()
        .map(|(table, rows)| (table.as_str(), rows.len()))
        .collect();
    assert_eq!(counts["test.readings"], 30 * 3 + 2 + 8, "{counts:?}");
    assert_eq!(counts["test.readings_quarantine"], 2);
    assert_eq!(counts["test.readings_late"], 2);
    assert!(
        counts["test.readings_anomalies"] > 0 && !alerts.is_empty(),
        "{counts:?}"
    );
    for name in ["open", "list", "put_file", "put_if", "send", "publish", "shards"] {
        assert!(
            calls.iter().any(|call| call.starts_with(name)),
            "{name} is among {calls:?}"
        );
    }
    for (number, call) in calls.iter().enumerate() {
        for fault in Fault::ALL {
            let world = World::new();
            world.faults.plan(number, fault);
            happen(&world).await;
            for (table, rows) in &world.tables() {
                assert_eq!(
                    Some(rows),
                    expected.get(table),
                    "{table}: call {number} ({call}) failed as {fault:?}"
                );
            }
            assert_eq!(
                world.tables().len(),
                expected.len(),
                "call {number} ({call}) failed as {fault:?}"
            );
            assert_eq!(world.alerts(), alerts, "call {number} ({call}) failed as {fault:?}");
        }
    }
}

#[tokio::test]
async fn batches_and_processes_make_no_difference() {
    let world = World::new();
    happen(&world).await;
    let expected = (world.tables(), world.alerts());
    for size in [1, 7, 1_000] {
        let mut world = World::new();
        let records: Vec<Put> = batches().concat();
        for batch in records.chunks(size) {
            world.restart();
            world.deliver(SHARD, batch).await;
        }
        let found = world.tables();
        assert!(found["test.readings"].len() < expected.0["test.readings"].len());
        happen(&world).await;
        assert!((world.tables(), world.alerts()) == expected, "batches of {size}");
    }
}

#[tokio::test]
async fn a_shard_that_was_split_takes_its_records_again_and_no_others() {
    let world = World::new();
    happen(&world).await;
    let (expected, alerts) = (world.tables(), world.alerts());
    for batch in &batches() {
        assert_eq!(world.invoke(&event(SHARD, batch)).await, Ok(None));
    }
    assert!((world.tables(), world.alerts()) == (expected, alerts));
    let error = world
        .invoke(&event(SHARD, &[reading(900, "a1", 0, "1")]))
        .await
        .unwrap_err();
    assert!(error.contains("after a shard that was made of it"), "{error}");
}

#[tokio::test]
async fn the_clock_closes_what_is_open() {
    let world = World::new();
    world
        .deliver(SHARD, &[reading(1, "a1", 0, "1"), reading(2, "a1", 1_000, "2")])
        .await;
    assert!(!world.tables().contains_key("test.readings_minutely"));
    let tick = json!({"tick": {"stream": STREAM}});
    for _ in 0..3 {
        assert_eq!(world.invoke(&tick).await, Ok(None));
    }
    let tables = world.tables();
    let finals = tables["test.readings_minutely"]
        .iter()
        .filter(|row| row[2] == "final")
        .count();
    assert_eq!((finals, tables["test.readings_visits"].len()), (1, 1));
    // What comes then follows on it.
    world.deliver(SHARD, &[reading(3, "a1", 3_600_000, "3")]).await;
    assert_eq!(world.tables()["test.readings"].len(), 3);
}

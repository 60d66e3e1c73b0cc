//! The fault sweep over large objects: whatever port call fails, in whatever way, the lake ends equal to the run without faults.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod parts_common;

use bytes::Bytes;
use parts_common::{World, contract, parts_of};
use std::collections::{BTreeMap, BTreeSet};
use watershed_ingest::parts::Message;
use watershed_ports::faults::Fault;

const SCHEMA: &str = r"    customProperties: [{property: watershed, value: {multiline: MULTILINE}}]
    properties:
      - {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: who, logicalType: string, classification: personal, customProperties: [{property: watershed, value: {personal: hash}}]}
";

fn world(multiline: bool, object: &[u8], bytes: u64) -> World {
    let schema = SCHEMA.replace("MULTILINE", &multiline.to_string());
    World::new(&contract("format: csv", &schema), object, parts_of(bytes))
}

/// What is left: each request once, and every object.
fn left(world: &World) -> (BTreeSet<String>, BTreeMap<String, Bytes>) {
    (world.requests(), world.store.snapshot())
}

async fn sweep(make: impl Fn() -> World, wanted: &[&str]) {
    let world = make();
    world.run().await;
    let (expected, calls) = (left(&world), world.faults.calls());
    assert_eq!(expected.0.len(), 2, "a request for each table");
    for name in wanted {
        assert!(
            calls.iter().any(|call| call.starts_with(name)),
            "{name} is among {calls:?}"
        );
    }
    for (number, call) in calls.iter().enumerate() {
        for fault in Fault::ALL {
            let world = make();
            world.faults.plan(number, fault);
            world.run().await;
            assert!(left(&world) == expected, "call {number} ({call}) failed as {fault:?}");
        }
    }
}

const PARTS: &[u8] = b"id,who\n1,a\nx,b\n3,c\n4,d\ny,e\n6,f\n";

#[tokio::test]
async fn every_fault_at_every_call_of_parts_ends_in_the_same_lake() {
    let calls = [
        "read_range",
        "open",
        "stream",
        "list",
        "put ",
        "put_file",
        "send",
        "read ",
        "delete",
        "secret",
    ];
    sweep(|| world(false, PARTS, 12), &calls).await;
}

#[tokio::test]
async fn every_fault_at_every_call_of_a_chain_ends_in_the_same_lake() {
    // Two links: the second begins where the first block ends, with the object.
    sweep(
        || world(true, PARTS, 12),
        &["read_range", "open", "list", "put ", "send", "read "],
    )
    .await;
}

#[tokio::test]
async fn every_fault_at_every_call_of_what_cannot_stay_in_parts_ends_in_the_same_lake() {
    let object = String::from_utf8_lossy(PARTS).replace("6,f", "1,f");
    sweep(
        || world(false, object.as_bytes(), 16),
        &["read_range", "list", "send", "put_file"],
    )
    .await;
}

#[tokio::test]
async fn messages_that_come_ten_times_ask_for_the_same() {
    let once = world(false, PARTS, 5);
    once.run().await;
    let often = world(false, PARTS, 5);
    often.deliver(vec![often.event(); 3], |waiting| (waiting * 7, 10)).await;
    assert!(left(&often) == left(&once));
}

#[tokio::test]
async fn a_join_is_made_once_and_again_where_the_event_is_sent_again() {
    let world = world(false, PARTS, 5);
    assert!(world.invoke(&world.event()).await);
    let messages = world.raw.drain();
    for message in &messages {
        assert!(world.invoke(message).await);
    }
    assert_eq!(world.commits.drain().len(), 2);
    for message in &messages {
        assert!(world.invoke(message).await);
    }
    assert_eq!(world.commits.drain(), Vec::<String>::new());
    world.run().await;
    assert_eq!(world.commits.drain().len(), 2);
    // Another contract does not read what was joined by the one before.
    let mut world = world;
    let newer = SCHEMA.replace("MULTILINE", "false, nulls: [a]");
    world.deploy(&contract("format: csv", &newer), parts_of(5));
    world.deliver(messages, |_| (0, 1)).await;
    assert_eq!(world.commits.drain(), Vec::<String>::new());
}

#[tokio::test]
async fn a_contract_that_is_not_for_parts_any_more_is_read_in_one_pass_once() {
    let mut world = world(false, PARTS, 5);
    assert!(world.invoke(&world.event()).await);
    let messages = world.raw.drain();
    let schema = SCHEMA
        .replace("MULTILINE", "false")
        .replace("integer, physicalType: BIGINT", "string");
    world.deploy(&contract("format: csv", &schema), parts_of(5));
    for message in &messages {
        assert!(world.invoke(message).await);
    }
    let asked = world.raw.drain();
    assert_eq!(asked.len(), 1);
    assert!(matches!(serde_json::from_str(&asked[0]), Ok(Message::Whole(_))));
    world.deliver(asked, |_| (0, 1)).await;
    assert_eq!(world.tables().0["test.things"].len(), 6);
}

/// A record that is gone says nothing of the object: it must not be taken for overwritten.
#[tokio::test]
async fn a_record_that_is_gone_is_a_fault() {
    let world = world(true, PARTS, 5);
    assert!(world.invoke(&world.event()).await);
    let first = world.raw.drain().remove(0);
    assert!(world.invoke(&first).await);
    let second = world.raw.drain().remove(0);
    let objects = world.store.snapshot();
    let record = objects.keys().find(|key| key.ends_with("/records/00000.json")).unwrap();
    let key = record.strip_prefix("lake/").unwrap();
    watershed_ports::ObjectStore::delete(world.store.as_ref(), "lake", key)
        .await
        .unwrap();
    assert!(!world.invoke(&second).await);
    assert_eq!(world.requests().len(), 0);
    // The first part, sent again, makes it again.
    world.deliver(vec![first, second], |_| (0, 1)).await;
    assert_eq!(world.requests().len(), 2);
}

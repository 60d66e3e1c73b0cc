//! Every data file that lives gets an index of its searchable columns, whatever fails meanwhile.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use bytes::Bytes;
use common::{CONTRACT, World, changed};
use std::collections::BTreeMap;
use watershed_follow::Unit as _;
use watershed_index::message::Unit;
use watershed_ports::{Kind, faults::Fault};

type Rows = &'static [&'static [&'static str]];

const FIRST: Rows = &[
    &["1", "John F. Kennedy", "Ann", "an airport"],
    &["2", "Newark", "Bob", "null"],
];
const SECOND: Rows = &[&["3", "São Paulo", "Ann", "has an airport, too"]];
const MENDED: Rows = &[&["1", "Idlewild", "Ann", "an airport"]];

/// What happens to the table, one after the other: source, version, rows. Index objects after each.
async fn one_by_one(world: &mut World) -> Vec<BTreeMap<String, Bytes>> {
    let mut states = Vec::new();
    for (source, version, rows) in [("a", 1, FIRST), ("b", 1, SECOND), ("a", 2, MENDED)] {
        world.put(source, version, rows).await;
        world.settle().await;
        // All of it is told again.
        world.waiting.push_back((changed("test.notes"), 0));
        world.waiting.push_back((r#"{"tick": {}}"#.into(), 0));
        world.settle().await;
        states.push(world.indexes());
    }
    states
}

#[tokio::test]
async fn rows_are_found_by_the_words_of_searchable_columns() {
    let mut world = World::new();
    world.put("a", 1, FIRST).await;
    assert_eq!(world.find("airport").await, (0, 1));
    world.settle().await;
    assert_eq!(world.find("airport").await, (1, 0));
    world.put("b", 1, SECOND).await;
    world.settle().await;
    for (words, rows) in [
        ("airport", 2),
        ("sao", 1),
        ("\"f kennedy\"", 1),
        ("ann", 0),
        ("airport -paulo", 1),
    ] {
        assert_eq!(world.find(words).await, (rows, 0), "{words}");
    }
    world.put("a", 2, MENDED).await;
    world.settle().await;
    assert_eq!(world.find("kennedy").await, (0, 0));
    assert_eq!(world.find("idlewild").await, (1, 0));
    assert_eq!(world.log.lines("file").len(), 3, "each file once");
}

#[tokio::test]
async fn other_columns_get_other_indexes() {
    let mut world = World::new();
    world.put("a", 1, FIRST).await;
    world.settle().await;
    let before = world.indexes();
    let author = "name: author, logicalType: string";
    world.deploy(&CONTRACT.replace(
        author,
        &format!("{author}, customProperties: [{{property: watershed, value: {{searchable: true}}}}]"),
    ));
    assert_eq!(world.find("bob").await, (0, 1));
    world.waiting.push_back((r#"{"tick": {}}"#.into(), 0));
    world.settle().await;
    assert_eq!(world.find("bob").await, (1, 0));
    let after = world.indexes();
    assert!(before.keys().all(|uri| after.contains_key(uri)) && after.len() == 2);
}

#[tokio::test]
async fn what_cannot_be_indexed_is_told_and_holds_up_nothing_else() {
    let mut world = World::new();
    world.put("a", 1, FIRST).await;
    world.invoke(&[&changed("test.notes")]).await;
    let asked: Unit = serde_json::from_str(&world.own.drain()[0]).unwrap();
    let unit = |files: Vec<String>| Unit { files, ..asked.clone() }.body();
    let broken = "data/0a/broken.parquet";
    let location = world.places().file("");
    let key = location.strip_prefix("s3://lake/").unwrap();
    world.lake.store.insert("lake", &format!("{key}{broken}"), "no parquet");
    let gone = unit(vec!["data/0a/gone.parquet".into()]);
    assert_eq!(world.invoke(&[&gone]).await, 0, "what is gone needs none");
    let mixed = unit(vec![broken.into(), asked.files[0].clone()]);
    assert_eq!(world.invoke(&[&mixed]).await, 1);
    assert!(world.log.error().contains(broken), "{}", world.log.error());
    assert_eq!(world.find("kennedy").await, (1, 0));
}

#[tokio::test]
async fn every_refused_call_ends_in_the_same_indexes() {
    sweep(Fault::Refused(Kind::Transient)).await;
}

#[tokio::test]
async fn every_fault_ends_in_the_same_indexes() {
    sweep(Fault::Refused(Kind::Fault)).await;
}

#[tokio::test]
async fn every_lost_answer_ends_in_the_same_indexes() {
    sweep(Fault::AnswerLost).await;
}

async fn sweep(fault: Fault) {
    let mut world = World::new();
    let expected = one_by_one(&mut world).await;
    let calls = world.faults.calls();
    assert_eq!(expected.iter().map(BTreeMap::len).collect::<Vec<_>>(), [1, 2, 3]);
    for name in ["read", "read_range", "load", "put_file", "list", "send"] {
        assert!(calls.iter().any(|call| call.starts_with(name)), "{name} is called");
    }
    for (number, call) in calls.iter().enumerate() {
        let mut world = World::new();
        world.faults.plan(number, fault);
        let found = one_by_one(&mut world).await;
        assert!(found == expected, "call {number} ({call}) failed as {fault:?}");
    }
}

/// The events of `events/index`, each to a function whose table has a file: how many messages it sends itself, index objects, and messages that
/// fail.
#[tokio::test]
async fn every_event_is_answered() {
    let expected = [
        ("file-gone", [0, 0, 0]),
        ("malformed", [0, 0, 1]),
        ("table-changed", [1, 0, 0]),
        ("tick", [1, 0, 0]),
        ("unknown-table", [0, 0, 1]),
    ];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/index");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut world = World::new();
        world.put("a", 1, FIRST).await;
        let event: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let failed = world.invoke(&[event["Records"][0]["body"].as_str().unwrap()]).await;
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        found.push((name, [world.own.messages().len(), world.indexes().len(), failed]));
    }
    found.sort();
    assert_eq!(found, expected.map(|(name, counts)| (name.to_string(), counts)));
}

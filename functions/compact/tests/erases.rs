//! Rows with a key are gone when the message is done with, whatever happens meanwhile, and no other row is.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use bytes::Bytes;
use common::{File, World};
use watershed_lake::{
    LakeLocation,
    erasure::{CleanTable, Erased},
};
use watershed_ports::{Kind, faults::Fault};
use watershed_table::Outcome;

const ONE: &str = "s3://raw/things/1.csv";
const TWO: &str = "s3://raw/things/2.csv";
const SHARD: &str = "kinesis://things/1";
const ERASE_ANN: &str = r#"{"erase": {"dataset": "test.things", "key": {"name": "ann"}}}"#;

fn first() -> Vec<File<'static>> {
    vec![
        vec![["2013-01-05", "ann", "1"], ["2013-01-05", "bob", "2"]],
        vec![["2013-01-06", "ann", "3"]],
        vec![["2013-01-07", "zoe", "4"], ["2013-01-07", "null", "5"]],
        vec![["2013-02-01", "amy", "6"], ["2013-02-01", "ben", "7"]],
    ]
}

async fn world() -> World {
    let mut world = World::new();
    let one = world.replace(ONE, 1, &first());
    let shard = world.append(
        SHARD,
        1,
        &[vec![["2013-01-01", "ann", "8"]], vec![["2013-01-01", "bob", "9"]]],
    );
    world.commit(&[one, shard]).await;
    world.waiting.clear();
    world
}

async fn numbers(world: &World) -> Vec<String> {
    let mut numbers: Vec<String> = world.rows().await.into_iter().map(|row| row[2].clone()).collect();
    numbers.sort();
    numbers
}

#[tokio::test]
async fn rows_with_the_key_go_and_no_other() {
    let mut world = world().await;
    let before = world.files().await;
    world.waiting.push_back((ERASE_ANN.into(), 0));
    world.settle().await;
    assert_eq!(numbers(&world).await, ["2", "4", "5", "6", "7", "9"]);
    let after = world.files().await;
    assert_eq!(
        after.keys().filter(|uri| before.contains_key(*uri)).count(),
        3,
        "what has no such row is as it was"
    );
    assert!(after.keys().all(|uri| !uri.contains("ann")));
    assert_eq!(world.swapped, [Outcome::Applied; 3]);
    let one = world.replace(ONE, 1, &first());
    assert_eq!(world.commit(&[one]).await.outcomes, [Ok(Outcome::AlreadyApplied)]);
    assert_eq!(
        numbers(&world).await.len(),
        6,
        "a request that comes again does not bring them back"
    );
    // A newer version replaces what is left; what it brings is erased when it is asked for.
    let one = world.replace(ONE, 2, &first()[..1]);
    world.commit(&[one]).await;
    world.waiting.push_back((ERASE_ANN.into(), 0));
    world.settle().await;
    assert_eq!(numbers(&world).await, ["2", "9"]);
}

#[tokio::test]
async fn what_is_done_is_remembered_without_the_values() {
    let mut world = world().await;
    let ask = r#"{"erase": {"dataset": "test.things", "key": {"name": "ann"}, "request": "ticket 7"}}"#;
    world.waiting.push_back((ask.into(), 0));
    world.settle().await;
    let objects = world.store.snapshot();
    let records: Vec<(&String, &Bytes)> = objects
        .iter()
        .filter(|(key, _)| key.starts_with("lake/erasures/"))
        .collect();
    let [(key, body)] = records[..] else {
        panic!("{records:?}")
    };
    let erased: Erased = serde_json::from_slice(body).unwrap();
    let made_ms = world.table().await.made_ms().unwrap();
    let table = world.spec().name;
    let expected = Erased {
        request: Some("ticket 7".into()),
        dataset: table.clone(),
        columns: vec!["name".into()],
        tables: vec![CleanTable { table, made_ms }],
        gone_ms: None,
    };
    assert_eq!(erased, expected);
    assert!(
        LakeLocation::bucket("lake")
            .open_erasure(&erased)
            .ends_with(key.as_str())
    );
    assert!(!String::from_utf8_lossy(body).contains("ann"));
}

#[tokio::test]
async fn a_key_has_any_columns_and_two_of_them_go_from_one_file() {
    let mut world = World::new();
    let rows = vec![
        ["2013-01-01", "ann", "1"],
        ["2013-01-01", "ann", "2"],
        ["2013-01-02", "bob", "1"],
        ["2013-01-02", "bob", "3"],
    ];
    let one = world.replace(ONE, 1, &[rows]);
    world.commit(&[one]).await;
    for key in [r#"{"name": "ann", "n": 2}"#, r#"{"n": "1", "day": "2013-01-02"}"#] {
        let erase = format!(r#"{{"erase": {{"dataset": "test.things", "key": {key}}}}}"#);
        world.waiting.push_back((erase, 0));
    }
    // Both are at work on the file before either is committed.
    for _ in 0..world.waiting.len() * 3 {
        world.step(0).await;
    }
    world.settle().await;
    let left: Vec<Vec<String>> = world.rows().await.into_iter().map(|row| row[1..].to_vec()).collect();
    assert_eq!(left, [["ann", "1"], ["bob", "3"]]);
    assert!(
        world.swapped.contains(&Outcome::Superseded),
        "the slower of them was asked for again"
    );
}

#[tokio::test]
async fn files_that_are_packed_meanwhile_are_looked_at_again() {
    let mut world = world().await;
    world.waiting.push_back((ERASE_ANN.into(), 0));
    world.step(0).await;
    let two = world.append(
        SHARD,
        2,
        &[vec![["2013-01-01", "cat", "10"]], vec![["2013-01-01", "dan", "11"]]],
    );
    world.commit(&[two]).await;
    // The table is packed before one row is erased.
    let erasing = std::mem::take(&mut world.waiting);
    world.tick();
    world.settle().await;
    assert_eq!(world.swapped, [Outcome::Applied], "the shard's four are one");
    world.waiting = erasing;
    world.settle().await;
    assert_eq!(numbers(&world).await, ["10", "11", "2", "4", "5", "6", "7", "9"]);
}

#[tokio::test]
async fn only_what_may_have_the_key_is_read() {
    let world = world().await;
    let reads = |world: &World| {
        world
            .faults
            .calls()
            .iter()
            .filter(|call| call.starts_with("read_range"))
            .count()
    };
    let nobody = r#"{"erase": {"dataset": "test.things", "key": {"name": "zzz"}}}"#;
    assert_eq!(world.failures(&[nobody]).await, 0);
    assert_eq!(
        (reads(&world), world.own.messages().len()),
        (0, 0),
        "by the bounds of files"
    );
    let absent = r#"{"erase": {"dataset": "test.things", "key": {"name": "b"}}}"#;
    assert_eq!(world.failures(&[absent]).await, 0);
    assert!(reads(&world) > 0);
    assert_eq!(world.own.messages().len(), 0, "it is in no file, though it might be");
}

#[tokio::test]
async fn what_is_no_key_is_a_fault() {
    let world = world().await;
    let erase = |table: &str, key: &str| format!(r#"{{"erase": {{"dataset": "test.{table}", "key": {key}}}}}"#);
    for (table, key) in [
        ("things", "{}"),
        ("things", r#"{"colour": "red"}"#),
        ("things", r#"{"n": "many"}"#),
        ("things", r#"{"name": null}"#),
        ("things_quarantine", r#"{"name": "ann"}"#),
        ("nothing", r#"{"name": "ann"}"#),
    ] {
        assert_eq!(world.failures(&[&erase(table, key)]).await, 1, "{table} {key}");
    }
    assert_eq!(numbers(&world).await.len(), 9);
    assert!(
        !format!(
            "{:?}",
            watershed_compact::key::Key([("n".into(), "secret".into())].into())
        )
        .contains("secret")
    );
}

#[tokio::test]
async fn whatever_fails_they_are_gone_in_the_end() {
    let run = async |fault: Option<(usize, Fault)>| {
        let mut world = World::new();
        let two = world.replace(TWO, 1, &first()[..2]);
        world.commit(&[two]).await;
        world.waiting.clear();
        if let Some((call, fault)) = fault {
            world.faults.plan(call, fault);
        }
        world.waiting.push_back((ERASE_ANN.into(), 0));
        world.settle().await;
        (numbers(&world).await, world.faults.calls())
    };
    let (expected, calls) = run(None).await;
    assert_eq!(expected, ["2"]);
    for fault in [
        Fault::Refused(Kind::Transient),
        Fault::Refused(Kind::Fault),
        Fault::AnswerLost,
    ] {
        for (number, call) in calls.iter().enumerate() {
            let (found, _) = run(Some((number, fault))).await;
            assert_eq!(found, expected, "call {number} ({call}) failed as {fault:?}");
        }
    }
}

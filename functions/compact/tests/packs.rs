//! What is packed, how it lies then, and what is left alone.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{File, World};
use std::collections::{BTreeMap, BTreeSet};
use watershed_lake::{AddedColumn, ColumnType, SourceOrder, TableSpec, added::added_id, layout::source_prefix};
use watershed_sink::arrow_schema;
use watershed_table::{Outcome, footer};
use watershed_test_lake::shown;

const ONE: &str = "s3://raw/things/1.csv";
const SHARD: &str = "kinesis://things/1";

/// Five files of January and four of February.
fn parts() -> Vec<File<'static>> {
    let mut files: Vec<File<'_>> = vec![
        vec![["2013-01-05", "e", "5"], ["2013-01-05", "a", "1"]],
        vec![["2013-01-06", "d", "4"]],
        vec![["2013-01-07", "null", "2"]],
        vec![["2013-01-08", "b", "null"]],
        vec![["2013-01-31", "c", "3"]],
    ];
    files.extend((0..4).map(|_| vec![["2013-02-01", "x", "7"]]));
    files
}

async fn packed(world: &mut World) {
    world.tick();
    world.settle().await;
}

#[tokio::test]
async fn the_small_files_of_a_partition_become_one_in_order() {
    let mut world = World::new();
    let request = world.replace(ONE, 1, &parts());
    world.commit(std::slice::from_ref(&request)).await;
    world.settle().await;
    assert_eq!(
        world.files().await.len(),
        9,
        "they are not many enough to be packed at once"
    );
    let before = world.rows().await;
    packed(&mut world).await;
    assert_eq!(world.rows().await, before);
    let files = world.files().await;
    assert_eq!(files.values().copied().collect::<BTreeSet<_>>(), BTreeSet::from([4, 6]));
    let prefix = source_prefix("s3://lake/preprocessed/test/things", ONE);
    assert!(files.keys().all(|uri| uri.starts_with(&prefix)), "{files:?}");
    assert_eq!(world.swapped, [Outcome::Applied, Outcome::Applied]);
    let told = world.told.last().unwrap();
    assert_eq!(
        (told.operation.as_str(), told.total_rows, told.removed_files),
        ("replace", 10, 9)
    );

    let january = files.iter().find(|(_, rows)| **rows == 6).unwrap().0.clone();
    let table = world.table().await;
    let file = table.files(&*world.store).await.unwrap();
    let file = file.iter().find(|file| file.uri() == january).unwrap();
    let mut numbers = Vec::new();
    let mut take = |batch| {
        numbers.extend(shown(&batch).into_iter().map(|row| row[2].clone()));
        Ok(())
    };
    let schema = arrow_schema(&world.spec());
    watershed_scan::read(&*world.store, file.uri(), file.bytes(), &schema, &mut take)
        .await
        .unwrap();
    assert_eq!(numbers, ["null", "1", "2", "3", "4", "5"]);
    let footer = footer::metadata(&*world.store, file.uri(), file.bytes()).await.unwrap();
    let said = footer.file_metadata().key_value_metadata().unwrap().iter();
    let said: BTreeMap<&str, &str> = said
        .map(|entry| (entry.key.as_str(), entry.value.as_deref().unwrap()))
        .collect();
    assert_eq!((said["watershed.source"], said["watershed.packed-files"]), (ONE, "5"));

    let swaps = world.swapped.len();
    packed(&mut world).await;
    assert_eq!(
        (world.files().await, world.swapped.len()),
        (files, swaps),
        "a second look finds nothing to do"
    );
}

#[tokio::test]
async fn a_table_with_very_many_small_files_is_looked_at_when_it_changes() {
    let mut world = World::new();
    for number in 1..=40 {
        let request = world.append(SHARD, number, &[vec![["2013-01-01", "x", "1"]]]);
        world.commit(&[request]).await;
        world.settle().await;
    }
    let files = world.files().await;
    assert_eq!(
        (files.len(), files.values().sum::<u64>()),
        (9, 40),
        "32 became one, and eight came after"
    );
    packed(&mut world).await;
    assert_eq!(world.files().await.len(), 1);
    let again: Vec<_> = (1..=40)
        .map(|n| world.append(SHARD, n, &[vec![["2013-01-01", "x", "1"]]]))
        .collect();
    let outcomes = world.commit(&again).await.outcomes;
    assert!(outcomes.iter().all(|outcome| *outcome == Ok(Outcome::AlreadyApplied)));
    let next = world.append(SHARD, 41, &[vec![["2013-01-01", "y", "1"]]]);
    assert_eq!(
        world.commit(&[next]).await.outcomes,
        [Ok(Outcome::Applied)],
        "the position is where it was"
    );
    assert_eq!(world.rows().await.len(), 41);
}

#[tokio::test]
async fn the_newer_version_of_a_source_wins_whenever_it_comes() {
    let mut world = World::new();
    let first = world.replace(ONE, 1, &parts());
    let second = world.replace(ONE, 2, &[vec![["2013-01-01", "new", "1"]]]);
    world.commit(std::slice::from_ref(&first)).await;
    world.tick();
    while !world.waiting.is_empty() {
        world.step(0).await;
    }
    // The swaps wait, and the newer version comes with them.
    assert_eq!(world.requests.len(), 2);
    let done = world.commit(&[second]).await;
    assert_eq!(done.maintained, [Ok(Outcome::Superseded), Ok(Outcome::Superseded)]);
    world.settle().await;
    assert_eq!(world.rows().await, [["2013-01-01", "new", "1"]]);
    assert_eq!(world.commit(&[first]).await.outcomes, [Ok(Outcome::Superseded)]);
    let third = world.replace(ONE, 3, &parts());
    world.commit(&[third]).await;
    packed(&mut world).await;
    let fourth = world.replace(ONE, 4, &[]);
    world.commit(&[fourth]).await;
    assert!(
        world.files().await.is_empty(),
        "what was packed is the source's, and goes with it"
    );
}

#[tokio::test]
async fn a_group_of_which_a_file_went_is_done_with() {
    let mut world = World::new();
    let first = world.replace(ONE, 1, &parts());
    world.commit(&[first]).await;
    world.waiting.clear();
    world.waiting.push_back((r#"{"look": "test.things"}"#.into(), 0));
    world.step(0).await;
    assert_eq!(world.waiting.len(), 2, "a message a group");
    let second = world.replace(ONE, 2, &[vec![["2013-01-01", "new", "1"]]]);
    world.commit(&[second]).await;
    let before = world.store.snapshot().len();
    world.settle().await;
    assert_eq!(
        (world.swapped.len(), world.store.snapshot().len()),
        (0, before),
        "nothing was written"
    );
}

#[tokio::test]
async fn columns_that_came_later_and_those_that_no_contract_names_are_carried() {
    let mut world = World::new();
    let old = world.replace(ONE, 1, &parts()[..3]);
    world.commit(&[old]).await;
    // A source brings a column of its own.
    let added = AddedColumn {
        id: added_id("colour"),
        name: "colour".into(),
        kind: ColumnType::String,
    };
    let mut spec: TableSpec = world.spec();
    spec.columns.push(added.column());
    let prefix = format!("{}2/", source_prefix("s3://lake/preprocessed/test/things", ONE));
    let row = |n: &str| vec![vec!["2013-01-09".to_string(), "r".into(), n.into(), "red".into()]];
    let mut files = world.stage(&spec, &prefix, &[], &[row("1"), row("2")]);
    let without = world.stage(
        &world.spec(),
        &format!("{prefix}without/"),
        &[],
        &common::owned(&parts()[..3]),
    );
    files.extend(without.into_iter().map(|mut file| {
        file.path = format!("without/{}", file.path);
        file
    }));
    let request = world
        .request(ONE, SourceOrder::epoch(2), prefix, files)
        .with_added(vec![added]);
    assert_eq!(world.commit(&[request]).await.outcomes, [Ok(Outcome::Applied)]);
    let before = world.rows().await;
    assert!(before.iter().any(|row| row[3] == "red") && before.iter().any(|row| row[3] == "null"));
    packed(&mut world).await;
    assert_eq!((world.files().await.len(), world.rows().await), (1, before));
}

#[tokio::test]
async fn all_tables_of_all_contracts_are_looked_at_and_what_is_no_table_is_a_fault() {
    let mut world = World::new();
    world.tick();
    world.step(0).await;
    let looks: Vec<&str> = world.waiting.iter().map(|(body, _)| body.as_str()).collect();
    assert_eq!(
        looks,
        [r#"{"look":"test.things"}"#, r#"{"look":"test.things_quarantine"}"#]
    );
    world.settle().await;
    let unit = r#"{"compact": "test.nothing", "source": "0a", "files": ["a", "b"]}"#;
    let good = r#"{"look": "test.things"}"#;
    assert_eq!(
        world.failures(&[r#"{"look": "test.nothing"}"#, unit, "x", good]).await,
        3
    );
}

/// The events of `events/compact`, each to a function whose table is there: how many messages it sends itself, swaps, and messages that fail.
#[tokio::test]
async fn every_event_is_answered() {
    let expected = [
        ("erase", [2, 0, 0]),
        ("group", [0, 1, 0]),
        ("group-gone", [0, 0, 0]),
        ("look", [2, 0, 0]),
        ("malformed", [0, 0, 1]),
        ("swapped", [0, 0, 0]),
        ("table-changed", [0, 0, 0]),
        ("tick", [2, 0, 0]),
        ("unknown-table", [0, 0, 1]),
    ];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/compact");
    let mut found = Vec::new();
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for path in files {
        let mut world = World::new();
        let request = world.replace(ONE, 1, &parts());
        world.commit(&[request]).await;
        let event: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let failed = world.failures(&[event["Records"][0]["body"].as_str().unwrap()]).await;
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let sent = [world.own.messages().len(), world.commits.messages().len(), failed];
        found.push((name, sent));
    }
    found.sort();
    assert_eq!(found, expected.map(|(name, counts)| (name.to_string(), counts)));
}

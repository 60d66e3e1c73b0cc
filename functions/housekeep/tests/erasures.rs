//! Rows that were erased are said to be gone when they are, and not before.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use common::{DAY_MS, LAKE, World};
use serde_json::json;
use std::time::Duration;
use watershed_lake::{
    CommitRequest, LakeLocation,
    erasure::{CleanTable, Erased},
    layout::split_uri,
};
use watershed_ports::{Kind, ObjectStore, faults::Fault};
use watershed_table::current::Current;

/// Days after which a data file that nothing names is swept, and some for who looks but daily.
const SWEPT_DAYS: usize = 35;

async fn table(world: &World) -> Current {
    let table = Current::load(&*world.store, &*world.catalog, &world.specs[0].name).await;
    table.unwrap().unwrap()
}

/// The one row that was not erased can be read.
async fn is_whole(world: &World) {
    let files = table(world).await.files(&*world.store).await.unwrap();
    let objects = world.store.snapshot();
    let there = files
        .iter()
        .filter(|file| objects.contains_key(file.uri().strip_prefix("s3://").unwrap()));
    assert_eq!(there.map(watershed_table::current::LiveFile::rows).sum::<u64>(), 1);
}

/// A table that had rows in `first`, and has not any more; and the record of that.
async fn erased(world: &World) -> (CommitRequest, Erased) {
    let today = world.now_day();
    let first = world.stage("a", 1, &[today, today]);
    world.commit(std::slice::from_ref(&first)).await;
    world.pass(3_600_000);
    world.commit(&[world.stage("a", 2, &[today])]).await;
    world.pass(60_000);
    let erased = Erased {
        request: Some("ticket 7".into()),
        dataset: world.specs[0].name.clone(),
        columns: vec!["at".into()],
        tables: vec![CleanTable {
            table: world.specs[0].name.clone(),
            made_ms: table(world).await.made_ms().unwrap(),
        }],
        gone_ms: None,
    };
    let place = LakeLocation::bucket(LAKE).open_erasure(&erased);
    let (bucket, key) = split_uri(&place).unwrap();
    let body = serde_json::to_vec(&erased).unwrap();
    world.store.put(bucket, key, body.into()).await.unwrap();
    (first, erased)
}

/// What the record says that is done; none: it is open.
fn done(world: &World, erased: &Erased) -> Option<Erased> {
    let lake = LakeLocation::bucket(LAKE);
    let objects = world.store.snapshot();
    let at = |uri: String| objects.get(uri.strip_prefix("s3://").unwrap()).cloned();
    let done = at(lake.done_erasure(erased)).map(|body| serde_json::from_slice(&body).unwrap());
    assert!(
        done.is_some() || at(lake.open_erasure(erased)).is_some(),
        "it stands somewhere"
    );
    done
}

#[tokio::test]
async fn rows_are_gone_when_no_snapshot_and_no_file_has_them() {
    let world = World::new();
    let (first, erased) = erased(&world).await;
    let mut days = 0;
    let found = loop {
        let answer = world.run().await;
        if let Some(found) = done(&world, &erased) {
            assert_eq!(
                (&answer["erasures_open"], &answer["erasures_gone"]),
                (&json!(0), &json!(1))
            );
            break found;
        }
        assert_eq!(answer["erasures_open"], 1);
        assert!(days < SWEPT_DAYS, "{answer}: {:?}", world.missing(&first));
        world.pass(DAY_MS);
        days += 1;
    };
    assert_eq!(world.missing(&first).len(), 2, "they are gone from disk");
    // No other commit came, and the table keeps ten snapshots whatever their age: but not those.
    assert_eq!(table(&world).await.snapshots().len(), 1);
    is_whole(&world).await;
    let gone_ms = found.gone_ms.unwrap();
    assert_eq!(
        found,
        Erased {
            gone_ms: Some(gone_ms),
            ..erased
        }
    );
    assert_eq!(world.run().await["erasures_open"], 0);
}

#[tokio::test]
async fn what_was_written_while_it_was_erased_counts() {
    let world = World::new();
    let (_, erased) = erased(&world).await;
    world.pass(1_800_000);
    let straggler = world.stage("late", 1, &[world.now_day()]);
    for _ in 0..SWEPT_DAYS {
        world.run().await;
        if done(&world, &erased).is_some() {
            break;
        }
        assert_eq!(world.missing(&straggler), [""; 0]);
        world.pass(DAY_MS);
    }
    assert!(done(&world, &erased).is_some());
    assert_eq!(world.missing(&straggler).len(), 1);
}

#[tokio::test]
async fn one_that_waits_holds_up_no_other() {
    let world = World::new();
    let (_, erased) = erased(&world).await;
    let missing = Erased {
        tables: vec![CleanTable {
            table: "shop.nothing".parse().unwrap(),
            made_ms: 0,
        }],
        ..erased.clone()
    };
    let place = LakeLocation::bucket(LAKE).open_erasure(&missing);
    let (bucket, key) = split_uri(&place).unwrap();
    world
        .store
        .put(bucket, key, serde_json::to_vec(&missing).unwrap().into())
        .await
        .unwrap();
    for _ in 0..SWEPT_DAYS {
        world.run().await;
        world.pass(DAY_MS);
    }
    assert!(done(&world, &erased).is_some(), "one that waits holds up no other");
    assert_eq!(
        done(&world, &missing),
        None,
        "of a table that is not there nothing is known"
    );
    let bad = LakeLocation::bucket(LAKE).open_erasures() + "x.json";
    let (bucket, key) = split_uri(&bad).unwrap();
    world.store.put(bucket, key, b"{}"[..].into()).await.unwrap();
    let failed = world.housekeep(Duration::from_mins(15), json!({})).await.unwrap_err();
    assert!(failed.to_string().contains("the records of erasures"), "{failed}");
}

#[tokio::test]
async fn whatever_fails_it_is_never_said_too_early_and_is_said_in_the_end() {
    // A fault hits one call of one day's run.
    let run = async |fault: Option<(usize, usize, Fault)>| {
        let world = World::new();
        let (first, erased) = erased(&world).await;
        for day in 0..2 * SWEPT_DAYS {
            world.faults.clear();
            if let Some((_, call, fault)) = fault.filter(|(on, ..)| *on == day) {
                world.faults.plan(call, fault);
            }
            drop(world.housekeep(Duration::from_mins(15), json!({})).await);
            let calls = world.faults.calls().len();
            world.faults.clear();
            world.deliver().await;
            if done(&world, &erased).is_some() {
                assert_eq!(world.missing(&first).len(), 2, "{fault:?}");
                is_whole(&world).await;
                return (day, calls);
            }
            world.pass(DAY_MS);
        }
        panic!("it is never said: {fault:?}");
    };
    let (day, calls) = run(None).await;
    for fault in [
        Fault::Refused(Kind::Transient),
        Fault::Refused(Kind::Fault),
        Fault::AnswerLost,
    ] {
        for call in 0..calls {
            run(Some((day, call, fault))).await;
        }
    }
}

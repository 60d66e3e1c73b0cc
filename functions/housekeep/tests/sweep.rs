//! The sweep takes what is not needed, and nothing else, whatever happens between.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use common::{DAY_MS, LAKE, Meddled, Meddling, RAW, World};
use proptest::prelude::*;
use serde_json::json;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use watershed_housekeep::sweep::{self, Budget, Grace, Kept, Swept, sweep};
use watershed_lake::CommitRequest;
use watershed_ports::{Kind, LifecycleRule, faults::Fault};
use watershed_table::Outcome;

/// Days after which a request is delivered no more: 14 in its queue and the dead-letter queue, and as many after a redrive.
const REQUEST_DAYS: i64 = 28;

#[tokio::test]
async fn what_is_replaced_goes_when_no_snapshot_has_it_and_it_is_old() {
    let world = World::new();
    let today = world.now_day();
    let first = world.stage("a", 1, &[today, today]);
    let lost = world.stage("lost", 1, &[today]);
    let second = world.stage("a", 2, &[today]);
    world.commit(std::slice::from_ref(&first)).await;
    world.commit(std::slice::from_ref(&second)).await;
    let answer = world.run().await;
    assert_eq!(
        (
            &answer["deleted"],
            &answer["tables"],
            &answer["absent"],
            &answer["whole"]
        ),
        (&json!(0), &json!(2), &json!(1), &json!(1))
    );
    for _ in 0..10 {
        world.pass(DAY_MS);
        world
            .commit(&[world.stage("b", world.now_day() as u32, &[today])])
            .await;
    }
    world.run().await;
    world.run().await;
    assert_eq!(world.missing(&first), [""; 0], "its snapshot is gone, but it is young");
    assert_eq!(world.missing(&lost), [""; 0]);
    world.pass(21 * DAY_MS);
    let answer = world.run().await;
    assert_eq!(world.missing(&first).len(), 2, "{answer}");
    assert_eq!(world.missing(&lost).len(), 1);
    assert_eq!(world.missing(&second), [""; 0]);
    world.needed().await;
    assert_eq!(world.run().await["deleted"], 0, "nothing is left to do");
}

#[tokio::test]
async fn rows_go_by_the_contract_and_their_files_after_their_snapshots() {
    let world = World::new();
    let today = world.now_day();
    let request = world.stage("a", 1, &[today - 39, today]);
    world.commit(std::slice::from_ref(&request)).await;
    let current = |rows: std::collections::BTreeMap<i64, u64>| rows.into_values().min();
    world.run().await;
    assert_eq!(current(world.needed().await.1), Some(2));
    world.pass(2 * DAY_MS);
    world.run().await;
    assert_eq!(current(world.needed().await.1), Some(1), "older than 40 days");
    let again = world.commit(std::slice::from_ref(&request)).await;
    assert_eq!(again, [Ok(Outcome::AlreadyApplied)]);
    assert_eq!(current(world.needed().await.1), Some(1), "does not come back");
    assert_eq!(world.missing(&request), [""; 0], "an older snapshot has it");
    // The ten newest snapshots stay: others come.
    for n in 0..10 {
        world.commit(&[world.stage(&format!("b{n}"), 1, &[today])]).await;
    }
    world.pass(40 * DAY_MS);
    world.run().await;
    world.run().await;
    assert_eq!(world.missing(&request).len(), 1);
}

#[tokio::test]
async fn a_request_under_way_finds_its_files_and_one_that_comes_too_late_says_so() {
    let world = World::new();
    let today = world.now_day();
    world.commit(&[world.stage("a", 1, &[today])]).await;
    let waiting = world.stage("late", 1, &[today]);
    for _ in 0..REQUEST_DAYS {
        world.pass(DAY_MS);
        world.run().await;
    }
    assert_eq!(world.commit(&[waiting]).await, [Ok(Outcome::Applied)]);
    let forgotten = world.stage("forgotten", 1, &[today]);
    world.pass(31 * DAY_MS);
    world.run().await;
    let error = world.commit(&[forgotten]).await.remove(0).unwrap_err();
    assert_eq!(error.kind, Kind::Fault);
    assert!(error.message.contains("is not there"), "{error}");
}

#[tokio::test]
async fn a_table_that_the_catalog_does_not_know_is_left_alone() {
    let world = World::new();
    let staged = world.stage("a", 1, &[world.now_day()]);
    world.pass(100 * DAY_MS);
    assert_eq!(world.run().await["absent"], 2);
    assert_eq!(world.missing(&staged), [""; 0]);
    assert_eq!(world.queue.messages(), [""; 0], "nor is anything asked for it");
}

#[tokio::test]
async fn by_hand_one_table_and_no_longer_than_there_is_time() {
    let world = World::new();
    world.commit(&[world.stage("a", 1, &[world.now_day()])]).await;
    let orphan = world.stage("b", 1, &[world.now_day()]);
    world.pass(31 * DAY_MS);
    let hour = Duration::from_hours(1);
    let one = |name: &str| json!({"table": name});
    let answer = world
        .housekeep(Duration::from_secs(20), one("shop.seen"))
        .await
        .unwrap();
    assert_eq!(
        (&answer["tables"], &answer["whole"], &answer["deleted"]),
        (&json!(1), &json!(0), &json!(0))
    );
    assert_eq!(world.missing(&orphan), [""; 0], "no time was left");
    assert_eq!(world.queue.drain().len(), 2, "old snapshots, old rows");
    let unknown = world.housekeep(hour, one("shop.nothing")).await.unwrap_err();
    assert!(
        unknown.to_string().contains("no contract describes table shop.nothing"),
        "{unknown}"
    );
    let odd = world.housekeep(hour, one("x")).await.unwrap_err();
    assert!(odd.to_string().contains("is not a table name"), "{odd}");
    let answer = world.housekeep(hour, one("shop.seen")).await.unwrap();
    assert_eq!(answer["deleted"], 1);
    assert_eq!(world.missing(&orphan).len(), 1);
}

#[tokio::test]
async fn the_event_files_are_events_of_the_shipped_contracts() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let contracts = || watershed_contract::Contracts::load(&root.join("infra/contracts")).unwrap();
    let world = World::new();
    let mut tables = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(root.join("events/housekeep")).unwrap() {
        let path = entry.unwrap().path();
        let event = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let housekeep = world.housekeeper(contracts());
        let answer = common::invoke(&housekeep, Duration::from_mins(15), event)
            .await
            .unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        tables.insert(name, answer["tables"].as_u64().unwrap());
    }
    let all = contracts().iter().flat_map(|dataset| dataset.tables()).count() as u64;
    let expected = [("one-table", 1), ("quarantine", 1), ("schedule", all)];
    assert_eq!(tables, expected.map(|(name, tables)| (name.to_string(), tables)).into());
}

#[tokio::test]
async fn more_than_a_page_is_listed_from_any_day_on() {
    let world = World::new();
    world.commit(&[world.stage("a", 1, &[world.now_day()])]).await;
    for n in 0..1_500 {
        let key = format!("preprocessed/shop/seen/data/{:020x}/x.parquet", (n * 7_919_u64) << 40);
        world.store.insert(LAKE, &key, "x");
    }
    world.pass(31 * DAY_MS);
    let before = world.objects().await.len();
    let answer = world.run().await;
    assert_eq!(
        (&answer["deleted"], &answer["deleted_bytes"]),
        (&json!(1_500), &json!(1_500))
    );
    assert_eq!(answer["listed"], before, "each object once");
    world.needed().await;
}

#[tokio::test]
async fn every_fault_at_every_call_ends_as_the_run_without() {
    let scene = World::new();
    let today = scene.now_day();
    for n in 0..11 {
        scene.commit(&[scene.stage("a", n + 1, &[today - 30])]).await;
    }
    scene.stage("lost", 1, &[today]);
    scene.pass(31 * DAY_MS);
    // What the committer is asked for is done: the sweep has old snapshots to sweep.
    scene.housekeep(Duration::from_secs(0), json!({})).await.unwrap();
    scene.deliver().await;
    // What is left and what was asked for, after a run that may fail and, if it does, the next.
    let runs = |world: World| async move {
        let run = || world.housekeep(Duration::from_mins(15), json!({}));
        if run().await.is_err() {
            run().await.unwrap();
        }
        let asked: BTreeSet<String> = world.queue.drain().into_iter().collect();
        let left: BTreeSet<String> = world.store.snapshot().into_keys().collect();
        (left, asked, world.lifecycle.rules(RAW))
    };
    let world = scene.copy().await;
    let before = world.store.snapshot().len();
    world.housekeep(Duration::from_mins(15), json!({})).await.unwrap();
    let calls = world.faults.calls();
    for name in ["lifecycle", "load", "send", "read", "list", "delete"] {
        assert!(
            calls.iter().any(|call| call.starts_with(name)),
            "{name} is among {calls:?}"
        );
    }
    let (needed, _) = world.needed().await;
    let expected = runs(scene.copy().await).await;
    let rule = LifecycleRule {
        id: "contract:seen".into(),
        prefix: "seen/".into(),
        infrequent_days: None,
        archive_days: Some(60),
        expire_days: Some(400),
    };
    assert_eq!(expected.2, [rule]);
    let left: BTreeSet<String> = expected.0.iter().map(|name| format!("s3://{name}")).collect();
    assert!(needed.is_subset(&left) && left.len() < before, "what is needed is left");
    assert!(!left.iter().any(|uri| uri.contains("/v1/")), "{left:?}");
    for (number, call) in calls.iter().enumerate() {
        for fault in Fault::ALL {
            let world = scene.copy().await;
            world.faults.plan(number, fault);
            assert_eq!(
                runs(world).await,
                expected,
                "{fault:?} at call {number} of {}: {call}",
                calls.len()
            );
        }
    }
}

#[derive(Debug, Clone)]
enum Event {
    /// A version of a source, with rows of so many days ago, is staged, and committed after so many days.
    Version { source: u8, files: Vec<u8>, delay: u8 },
    /// So many days go by.
    Days(u8),
    /// The function runs; the committer hears of it at once, or with the next run.
    Run { heard: bool },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0_u8..3, proptest::collection::vec(0_u8..60, 0..3), 0_u8..REQUEST_DAYS as u8)
            .prop_map(|(source, files, delay)| Event::Version { source, files, delay: delay.saturating_sub(10) }),
        2 => (0_u8..15).prop_map(Event::Days),
        3 => any::<bool>().prop_map(|heard| Event::Run { heard }),
    ]
}

/// Nothing that is needed, or may be by a request under way, is gone.
async fn check(world: &World, waiting: &[(i64, CommitRequest)]) {
    world.needed().await;
    for (_, request) in waiting {
        assert_eq!(world.missing(request), [""; 0]);
    }
}

async fn due(world: &World, waiting: &mut Vec<(i64, CommitRequest)>) {
    let today = world.now_day();
    let due: Vec<(i64, CommitRequest)> = waiting.extract_if(.., |(day, _)| *day <= today).collect();
    for (_, request) in due {
        let outcomes = world.commit(&[request]).await;
        assert!(outcomes[0].is_ok(), "{outcomes:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_what_is_needed_stays_and_what_is_not_goes(
        events in proptest::collection::vec(event(), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let mut waiting: Vec<(i64, CommitRequest)> = Vec::new();
            for (version, event) in (1..).zip(events) {
                match event {
                    Event::Version { source, files, delay } => {
                        let days: Vec<i64> = files.iter().map(|ago| world.now_day() - i64::from(*ago)).collect();
                        let request = world.stage(&format!("s{source}"), version, &days);
                        waiting.push((world.now_day() + i64::from(delay), request));
                    }
                    Event::Days(days) => {
                        for _ in 0..days {
                            world.pass(DAY_MS);
                            due(&world, &mut waiting).await;
                        }
                    }
                    Event::Run { heard } => {
                        world.housekeep(Duration::from_mins(15), json!({})).await.unwrap();
                        if heard {
                            world.deliver().await;
                        }
                    }
                }
                due(&world, &mut waiting).await;
                check(&world, &waiting).await;
            }
            // In the end everything has arrived and is old.
            world.pass(REQUEST_DAYS * DAY_MS);
            due(&world, &mut waiting).await;
            world.run().await;
            world.pass(31 * DAY_MS);
            // What the committer takes out after one run, the next one of the same day sweeps.
            world.run().await;
            world.run().await;
            let (needed, _) = world.needed().await;
            let now_ms = world.now_day() * DAY_MS;
            if world.catalog.snapshot().is_empty() {
                return;
            }
            for (uri, modified_ms) in world.objects().await {
                assert!(needed.contains(&uri) || modified_ms > now_ms - 2 * DAY_MS, "{uri} is left");
            }
        });
    }
}

/// Sweeps the data table while that happens, once, before a listing of a prefix that ends so.
async fn sweep_while(world: &Arc<World>, before: &'static str, event: Meddling) -> Swept {
    let store = Meddled {
        store: world.store.clone(),
        before,
        event: Mutex::new(Some(event)),
    };
    let ports = sweep::Ports {
        store: &store,
        catalog: &*world.catalog,
    };
    let grace = Grace {
        metadata_ms: 2 * DAY_MS,
        data_ms: 30 * DAY_MS,
    };
    let budget = Budget {
        deletes: 100,
        deadline: Instant::now() + Duration::from_mins(5),
    };
    let swept = sweep(
        ports,
        Kept {
            table: &world.specs[0].name,
            searched: None,
            erased_before_ms: None,
        },
        grace,
        budget,
        world.now_day() * DAY_MS,
    )
    .await;
    assert!(store.event.lock().unwrap().is_none(), "it happened");
    swept.unwrap().unwrap()
}

#[tokio::test]
async fn what_is_written_or_named_anew_during_the_sweep_stays() {
    let world = Arc::new(World::new());
    let day = world.now_day();
    world.commit(&[world.stage("a", 1, &[day])]).await;
    let anew = world.stage("b", 1, &[day]);
    world.pass(31 * DAY_MS);
    // `ingest` does it again, with the same bytes at the same keys, between the listing and the last look.
    let meddler = world.clone();
    let again = Box::new(move || drop(meddler.stage("b", 1, &[day])));
    let swept = sweep_while(&world, ".parquet", again).await;
    assert_eq!((swept.orphaned, swept.deleted), (1, 0));
    assert_eq!(world.missing(&anew), [""; 0]);

    world.pass(31 * DAY_MS);
    // A request that waited too long is committed after the table was read, and before it is listed.
    let (meddler, named) = (world.clone(), anew.clone());
    let late = Box::new(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcomes = runtime.block_on(meddler.commit(&[named]));
        assert_eq!(outcomes, [Ok(Outcome::Applied)]);
    });
    let swept = sweep_while(&world, "/seen/", late).await;
    assert_eq!((swept.orphaned, swept.deleted), (1, 0));
    assert_eq!(world.missing(&anew), [""; 0]);
    world.needed().await;
}

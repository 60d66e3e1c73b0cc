//! What a commit makes of a table, fault by fault and schedule by schedule.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use common::{World, Yielding, spec};
use proptest::prelude::*;
use std::collections::BTreeMap;
use watershed_lake::CommitRequest;
use watershed_ports::{Kind, faults::Fault};
use watershed_table::Outcome;

/// Deliveries after which a request that is still not acknowledged is one too many.
const MAX_DELIVERIES: usize = 8;

fn ok(outcomes: &[Result<Outcome, watershed_ports::PortError>]) -> Vec<Outcome> {
    outcomes.iter().map(|outcome| outcome.clone().unwrap()).collect()
}

#[tokio::test]
async fn a_table_is_made_appended_to_replaced_and_emptied() {
    let (world, spec) = (World::new(), spec());
    let a1 = world.request(&spec, "a.csv", 1, &[&[(1, "x"), (2, "y")], &[(11, "z")]]);
    let done = world.commit(&spec, std::slice::from_ref(&a1)).await;
    assert_eq!(ok(&done.outcomes), [Outcome::Applied]);
    let first = done.changed.unwrap();
    assert_eq!(
        (
            first.operation.as_str(),
            first.added_files,
            first.added_rows,
            first.total_rows
        ),
        ("append", 2, 3, 3)
    );
    assert_eq!(
        first.partitions.as_deref(),
        Some(&["n_trunc=0".to_string(), "n_trunc=10".into()][..])
    );
    assert_eq!(first.parent_snapshot_id, None);

    let b1 = world.request(&spec, "b.csv", 1, &[&[(21, "b")]]);
    let a2 = world.request(&spec, "a.csv", 2, &[&[(5, "new")]]);
    let done = world.commit(&spec, &[b1.clone(), a2.clone(), a1.clone()]).await;
    assert_eq!(
        ok(&done.outcomes),
        [Outcome::Applied, Outcome::Applied, Outcome::AlreadyApplied]
    );
    let second = done.changed.unwrap();
    assert_eq!(
        (second.operation.as_str(), second.removed_files, second.removed_rows),
        ("overwrite", 2, 3)
    );
    assert_eq!(
        (second.added_rows, second.total_rows, second.sequence_number),
        (2, 2, 2)
    );
    assert_eq!(second.parent_snapshot_id, Some(first.snapshot_id));

    let again = world.commit(&spec, &[a2.clone(), b1]).await;
    assert_eq!(ok(&again.outcomes), [Outcome::AlreadyApplied; 2]);
    assert_eq!(
        again.changed.map(|c| (c.snapshot_id, c.total_rows)),
        Some((second.snapshot_id, 2)),
        "announced again"
    );
    let old = world.commit(&spec, &[a1]).await;
    assert_eq!((ok(&old.outcomes), old.changed), (vec![Outcome::Superseded], None));

    let a3 = world.request(&spec, "a.csv", 3, &[]);
    let done = world.commit(&spec, &[a3]).await;
    assert_eq!(
        done.changed.as_ref().map(|c| (c.operation.as_str(), c.total_rows)),
        Some(("delete", 1))
    );
    let late = world.commit(&spec, &[a2]).await;
    assert_eq!(
        ok(&late.outcomes),
        [Outcome::Superseded],
        "an empty version counts as a version"
    );
    assert_eq!(world.live(&spec, None).len(), 1);
    assert_eq!(
        world.live(&spec, Some(first.snapshot_id)).values().sum::<u64>(),
        3,
        "time travel"
    );

    let empty = world.request(&spec, "c.csv", 1, &[]);
    let done = world.commit(&spec, &[empty]).await;
    assert_eq!(
        (ok(&done.outcomes), done.changed),
        (vec![Outcome::Applied], None),
        "remembered without a snapshot"
    );
    assert_eq!(world.metadata(&spec).unwrap().snapshots().len(), 3);
}

#[tokio::test]
async fn the_same_version_made_anew_replaces_and_common_files_stay() {
    let (world, spec) = (World::new(), spec());
    let one = world.request(&spec, "a", 1, &[&[(1, "x")], &[(11, "y")]]);
    world.commit(&spec, std::slice::from_ref(&one)).await;
    let fewer = CommitRequest::new(
        one.table.clone(),
        one.contract.clone(),
        one.source.clone(),
        one.order.clone(),
        one.prefix.clone(),
        one.files[..1].to_vec(),
        None,
    );
    let done = world.commit(&spec, &[fewer]).await.changed.unwrap();
    assert_eq!(
        (
            done.operation.as_str(),
            done.added_files,
            done.removed_files,
            done.total_rows
        ),
        ("delete", 0, 1, 1)
    );
}

#[tokio::test]
async fn a_faulty_request_fails_alone() {
    let (world, spec) = (World::new(), spec());
    let good = world.request(&spec, "good", 1, &[&[(1, "x")]]);
    let old = world.request(&spec, "bad", 1, &[&[(2, "x")]]);
    let mixed = world.request(&spec, "bad", 2, &[&[(9, "x"), (10, "y")]]);
    let mut elsewhere = world.request(&spec, "far", 1, &[&[(3, "x")]]);
    elsewhere.prefix = good.prefix.clone();
    let mut gone = world.request(&spec, "gone", 1, &[&[(4, "x")]]);
    gone.files[0].path = "missing.parquet".into();
    let done = world.commit(&spec, &[mixed, good, old, elsewhere, gone]).await;
    let message = |n: usize| done.outcomes[n].clone().map_err(|e| (e.kind, e.message));
    let (kind, text) = message(0).unwrap_err();
    assert_eq!(kind, Kind::Fault);
    assert!(
        text.contains("00000.parquet: partition `n_trunc`: rows from 9 to 10 of column `n`"),
        "{text}"
    );
    assert_eq!(
        (message(1), message(2)),
        (Ok(Outcome::Applied), Ok(Outcome::Applied)),
        "the older version counts again"
    );
    assert_eq!(message(3).unwrap_err().0, Kind::Fault);
    assert_eq!(message(4).unwrap_err().0, Kind::Fault);
    assert_eq!(world.live(&spec, None).len(), 2);
}

/// Three versions of two sources in two batches, with all that may happen to a source.
fn scenario(world: &World) -> Vec<Vec<CommitRequest>> {
    let spec = spec();
    let request = |source, version, files: &[&[(i64, &str)]]| world.request(&spec, source, version, files);
    vec![
        vec![
            request("a", 1, &[&[(1, "x")], &[(12, "y"), (13, "z")]]),
            request("b", 1, &[&[(1, "b")]]),
        ],
        vec![
            request("a", 3, &[&[(7, "new")]]),
            request("a", 2, &[&[(2, "mid")]]),
            request("b", 2, &[]),
        ],
        vec![
            request("c", 1, &[&[(30, "c")]]),
            request("a", 1, &[&[(1, "x")], &[(12, "y"), (13, "z")]]),
        ],
    ]
}

/// What a reader sees in the end: rows by path, and the ledger.
type Final = (BTreeMap<String, u64>, BTreeMap<String, (String, String, u64)>);

async fn outcome(world: &World) -> Final {
    let sources = ["a", "b", "c"].map(|name| format!("s3://raw/{name}"));
    (world.live(&spec(), None), world.ledger(&spec(), &sources).await)
}

/// Delivers what was not acknowledged again, as the queue does.
async fn deliver(world: &World, batches: &[Vec<CommitRequest>]) {
    for batch in batches {
        let mut waiting = batch.clone();
        for delivery in 0..=MAX_DELIVERIES {
            assert!(delivery < MAX_DELIVERIES, "never acknowledged: {waiting:?}");
            let done = world.commit(&spec(), &waiting).await;
            let left = waiting
                .into_iter()
                .zip(&done.outcomes)
                .filter(|(_, outcome)| outcome.is_err());
            waiting = left.map(|(request, _)| request).collect();
            if waiting.is_empty() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn every_fault_at_every_call_ends_as_the_run_without() {
    let world = World::new();
    let batches = scenario(&world);
    world.faults.clear();
    deliver(&world, &batches).await;
    let calls = world.faults.calls().len();
    let expected = outcome(&world).await;
    assert_eq!(expected.0.len(), 2);
    assert!(calls > 30, "{calls}");
    for fault in Fault::ALL {
        for call in 0..calls {
            let world = World::new();
            let batches = scenario(&world);
            world.faults.plan(call, fault);
            deliver(&world, &batches).await;
            let name = world.faults.calls().get(call).cloned();
            assert_eq!(outcome(&world).await, expected, "{fault:?} at call {call}: {name:?}");
            let metadata = world.metadata(&spec()).unwrap();
            let mut tokens: Vec<String> = metadata
                .snapshots()
                .flat_map(|s| {
                    s.summary().additional_properties["watershed.tokens"]
                        .split(',')
                        .map(String::from)
                        .collect::<Vec<_>>()
                })
                .collect();
            let count = tokens.len();
            tokens.sort();
            tokens.dedup();
            assert_eq!(
                tokens.len(),
                count,
                "{fault:?} at call {call}: a token was applied twice"
            );
        }
    }
}

#[tokio::test]
async fn committers_that_meet_all_land() {
    const WRITERS: usize = 6;
    const COMMITS: u32 = 5;
    let world = common::World::new();
    let spec = spec();
    let store = Yielding(&world.store);
    let all = (0..WRITERS).map(|writer| {
        let (world, spec, store) = (&world, &spec, &store);
        async move {
            let mut conflicts = 0;
            for n in 0..COMMITS {
                let request = world.request(spec, &format!("w{writer}-{n}"), 1, &[&[(1, "x")]]);
                let ports = watershed_table::Ports {
                    store,
                    catalog: &world.catalog,
                    host: &world.host,
                };
                let lake = watershed_lake::LakeLocation::bucket(common::LAKE);
                let done = watershed_table::commit(ports, &lake, spec, &[request][..]).await;
                assert_eq!(done.outcomes, [Ok(Outcome::Applied)]);
                conflicts += done.effort.conflicts;
            }
            conflicts
        }
    });
    let conflicts: u32 = futures::future::join_all(all).await.into_iter().sum();
    assert!(conflicts > 0, "they did meet");
    assert_eq!(world.live(&spec, None).len(), WRITERS * COMMITS as usize);
    let metadata = world.metadata(&spec).unwrap();
    assert_eq!(metadata.snapshots().len(), WRITERS * COMMITS as usize);
    // What lost races had staged is gone: every manifest list in the lake is one of a snapshot.
    let lists = world
        .store
        .snapshot()
        .keys()
        .filter(|key| key.contains("/snap-"))
        .count();
    assert_eq!(lists, WRITERS * COMMITS as usize);
}

#[tokio::test]
async fn many_small_manifests_become_one() {
    let (world, spec) = (World::new(), spec());
    let commits = watershed_table::plan::MERGE_AT_MANIFESTS + 4;
    for n in 0..commits {
        let request = world.request(&spec, &format!("s{n}"), 1, &[&[(n as i64, "x")]]);
        world.commit(&spec, &[request]).await;
    }
    assert_eq!(world.live(&spec, None).len(), commits);
    let metadata = world.metadata(&spec).unwrap();
    let list = world.bytes(metadata.current_snapshot().unwrap().manifest_list());
    let list = iceberg::spec::ManifestList::parse_with_version(&list, metadata.format_version()).unwrap();
    assert!(list.entries().len() < 10, "{}", list.entries().len());
    let replaced = world.request(&spec, "s3", 2, &[]);
    world.commit(&spec, &[replaced]).await;
    assert_eq!(
        world.live(&spec, None).len(),
        commits - 1,
        "files in a merged manifest are found"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_schedule_ends_as_the_newest_of_each_source(
        schedule in proptest::collection::vec((0_u8..3, 1_u32..5, any::<bool>()), 1..14),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (world, spec) = (World::new(), spec());
            let mut newest: BTreeMap<u8, u32> = BTreeMap::new();
            let mut batch = Vec::new();
            for (position, (source, version, cut)) in schedule.iter().enumerate() {
                // Version 4 is empty; others have as many files as their number.
                let rows: Vec<[(i64, &str); 1]> = (0..version % 4).map(|n| [(i64::from(n) * 10, "r")]).collect();
                let files: Vec<&[(i64, &str)]> = rows.iter().map(|row| &row[..]).collect();
                batch.push(world.request(&spec, &format!("s{source}"), *version, &files));
                let best = newest.entry(*source).or_default();
                *best = (*best).max(*version);
                if *cut || position + 1 == schedule.len() {
                    let done = world.commit(&spec, &batch).await;
                    assert!(done.outcomes.iter().all(Result::is_ok));
                    batch.clear();
                }
            }
            let expected: u64 = newest.values().map(|version| u64::from(version % 4)).sum();
            let live = world.live(&spec, None);
            assert_eq!(live.values().sum::<u64>(), expected);
            for path in live.keys() {
                assert!(newest.values().any(|version| path.contains(&format!("/v{version}/"))), "{path}");
            }
        });
    }
}

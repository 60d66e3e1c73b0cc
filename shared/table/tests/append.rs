//! Appends of a stream's shards: each file comes once, in whatever order and however often its request does, and whatever fails.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use common::{LAKE, World, Yielding, parquet, shard_uri, spec};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use watershed_lake::{CommitRequest, LakeLocation};
use watershed_ports::{Kind, PortError, faults::Fault};
use watershed_table::{MAX_WAITS, Outcome};

/// Deliveries after which a request that is still not acknowledged is one too many.
const MAX_DELIVERIES: usize = 12;

/// A request with so many files of a row each.
fn append(world: &World, shard: &str, range: (u32, u32), files: u32) -> CommitRequest {
    let files = (0..files).map(|n| parquet(&[(i64::from(n) * 10, shard)]));
    world.append(&spec(), shard, range, files.collect())
}

fn kinds(outcomes: &[Result<Outcome, PortError>]) -> Vec<Result<Outcome, Kind>> {
    outcomes
        .iter()
        .map(|outcome| outcome.clone().map_err(|error| error.kind))
        .collect()
}

fn files_of(requests: &[CommitRequest]) -> BTreeSet<String> {
    let files = requests
        .iter()
        .flat_map(|request| request.files.iter().map(|file| request.uri(file)));
    files.collect()
}

fn live(world: &World) -> BTreeSet<String> {
    world.live(&spec(), None).into_keys().collect()
}

#[tokio::test]
async fn requests_of_several_shards_become_one_snapshot_beside_files_that_replace() {
    let (world, spec) = (World::new(), spec());
    let requests = [
        append(&world, "0", (7, 9), 1),
        append(&world, "0", (0, 3), 2),
        world.request(&spec, "a.csv", 1, &[&[(1, "x")]]),
        append(&world, "1", (0, 5), 1),
        append(&world, "0", (3, 7), 1),
        append(&world, "0", (3, 7), 1),
    ];
    let done = world.commit(&spec, &requests).await;
    assert_eq!(kinds(&done.outcomes), [Ok(Outcome::Applied); 6]);
    let changed = done.changed.unwrap();
    assert_eq!((changed.operation.as_str(), changed.added_files), ("append", 6));
    assert_eq!((done.effort.snapshots, done.effort.waits), (1, 0));
    assert_eq!(live(&world), files_of(&requests));

    let newer = world.request(&spec, "a.csv", 2, &[&[(2, "y")]]);
    let next = append(&world, "0", (9, 12), 1);
    let done = world.commit(&spec, &[next.clone(), newer, requests[1].clone()]).await;
    assert_eq!(
        kinds(&done.outcomes),
        [Ok(Outcome::Applied), Ok(Outcome::Applied), Ok(Outcome::AlreadyApplied)]
    );
    let changed = done.changed.unwrap();
    assert_eq!(
        (changed.added_files, changed.removed_files, changed.total_rows),
        (2, 1, 7)
    );

    let ledger = world.ledger(&spec, &[shard_uri("0"), shard_uri("1")]).await;
    let (order, token, files) = &ledger[&shard_uri("0")];
    assert_eq!((order, token, *files), (&next.order.to_string(), &next.token, 0));
    assert_eq!(world.sources(&spec).len(), 3);
}

#[tokio::test]
async fn an_append_reads_no_manifest_of_the_files_before() {
    let (world, spec) = (World::new(), spec());
    for n in 0..4 {
        world.commit(&spec, &[append(&world, "0", (n, n + 1), 1)]).await;
    }
    world.faults.clear();
    world.commit(&spec, &[append(&world, "0", (4, 5), 1)]).await;
    let reads = world.faults.calls();
    assert!(reads.iter().any(|call| call.contains("snap-")), "{reads:?}");
    assert!(
        !reads
            .iter()
            .any(|call| call.starts_with("read ") && call.contains("-m0.avro")),
        "{reads:?}"
    );
}

#[tokio::test]
async fn a_gap_waits_and_then_goes() {
    let (world, spec) = (World::new(), spec());
    let all = [
        append(&world, "0", (0, 3), 1),
        append(&world, "0", (3, 7), 1),
        append(&world, "0", (7, 9), 1),
    ];
    let other = append(&world, "1", (0, 1), 1);
    let done = world.commit(&spec, &[all[1].clone(), all[2].clone(), other]).await;
    assert_eq!(
        kinds(&done.outcomes),
        [Err(Kind::Transient), Err(Kind::Transient), Ok(Outcome::Applied)]
    );
    assert_eq!((done.effort.waits, done.effort.waiting), (MAX_WAITS, 2));
    assert_eq!(live(&world).len(), 1, "others are not held up");
    let done = world.commit(&spec, &all[2..]).await;
    assert_eq!(kinds(&done.outcomes), [Err(Kind::Transient)]);
    let done = world.commit(&spec, &[all[2].clone(), all[0].clone()]).await;
    assert_eq!(kinds(&done.outcomes), [Err(Kind::Transient), Ok(Outcome::Applied)]);
    let done = world.commit(&spec, &all[1..]).await;
    assert_eq!(kinds(&done.outcomes), [Ok(Outcome::Applied); 2]);
    assert_eq!(live(&world).len(), 4);
    assert!(files_of(&all).is_subset(&live(&world)));
}

#[tokio::test]
async fn what_fails_holds_up_what_follows_on_it_and_nothing_else() {
    let (world, spec) = (World::new(), spec());
    let mut gone = append(&world, "0", (3, 7), 1);
    gone.files[0].path = "missing.parquet".into();
    let requests = [
        append(&world, "0", (7, 9), 1),
        gone,
        append(&world, "0", (0, 3), 1),
        append(&world, "1", (0, 3), 1),
    ];
    let done = world.commit(&spec, &requests).await;
    assert_eq!(
        kinds(&done.outcomes),
        [
            Err(Kind::Transient),
            Err(Kind::Fault),
            Ok(Outcome::Applied),
            Ok(Outcome::Applied)
        ]
    );
    assert_eq!(live(&world), files_of(&requests[2..]));
}

#[tokio::test]
async fn what_the_sender_may_not_send_is_a_fault_and_changes_nothing() {
    let (world, spec) = (World::new(), spec());
    let replaced = world.request(&spec, "a.csv", 1, &[&[(1, "x")]]);
    let appended = append(&world, "0", (0, 5), 1);
    world.commit(&spec, &[replaced.clone(), appended.clone()]).await;
    let version = world.version(&spec).await;
    // Files of a position that is not the request's could come by two requests.
    let mut elsewhere = append(&world, "0", (5, 6), 1);
    elsewhere.prefix = appended.prefix.clone();
    let mut other_kind = append(&world, "0", (5, 6), 1);
    other_kind.append = None;
    for (wrong, message) in [
        (append(&world, "0", (3, 9), 1), "must follow on each other"),
        (append(&world, "0", (0, 9), 1), "must follow on each other"),
        (append(&world, "0", (9, 9), 1), "must be less than `order`"),
        (elsewhere, "must lie under"),
        (other_kind, "is appended to, and this request replaces"),
        (
            replaced.appending(None),
            "is replaced as a whole, and this request appends",
        ),
    ] {
        let error = world.commit(&spec, &[wrong]).await.outcomes.remove(0).unwrap_err();
        assert_eq!(error.kind, Kind::Fault, "{error}");
        assert!(error.message.contains(message), "{error}");
    }
    assert_eq!(world.version(&spec).await, version);
    assert_eq!(live(&world).len(), 2);
}

#[tokio::test]
async fn positions_without_rows_are_remembered_without_a_snapshot() {
    let (world, spec) = (World::new(), spec());
    world.commit(&spec, &[append(&world, "0", (0, 3), 1)]).await;
    let done = world.commit(&spec, &[append(&world, "0", (3, 7), 0)]).await;
    assert_eq!(
        (kinds(&done.outcomes), done.changed),
        (vec![Ok(Outcome::Applied)], None)
    );
    let done = world.commit(&spec, &[append(&world, "0", (7, 9), 1)]).await;
    assert_eq!(kinds(&done.outcomes), [Ok(Outcome::Applied)]);
    assert_eq!(world.metadata(&spec).unwrap().snapshots().len(), 2);
}

#[tokio::test]
async fn a_ledger_that_was_lost_does_not_bring_a_file_twice() {
    let (world, spec) = (World::new(), spec());
    let (first, next) = (append(&world, "0", (0, 3), 2), append(&world, "0", (3, 7), 1));
    world.commit(&spec, &[first.clone(), next.clone()]).await;
    let location = world.catalog.snapshot()[&spec.name.to_string()]
        .metadata_location
        .clone();
    let mut metadata: serde_json::Value = serde_json::from_slice(&world.bytes(&location)).unwrap();
    metadata["properties"]
        .as_object_mut()
        .unwrap()
        .remove("watershed.ledger")
        .unwrap();
    let (bucket, key) = watershed_lake::layout::split_uri(&location).unwrap();
    world.store.insert(bucket, key, metadata.to_string());
    let done = world.commit(&spec, &[next.clone(), first.clone()]).await;
    assert_eq!(kinds(&done.outcomes), [Ok(Outcome::Applied); 2]);
    assert_eq!(live(&world), files_of(&[first, next]));
}

#[tokio::test]
async fn committers_that_get_every_other_request_wait_for_each_other() {
    const REQUESTS: u32 = 12;
    let (world, spec) = (World::new(), spec());
    let all: Vec<CommitRequest> = (0..REQUESTS).map(|n| append(&world, "0", (n, n + 1), 1)).collect();
    let committer = |parity: usize| {
        let (world, spec, mine) = (&world, &spec, all.iter().skip(parity).step_by(2));
        async move {
            let store = Yielding(&world.store);
            let ports = watershed_table::Ports {
                store: &store,
                catalog: &world.catalog,
                host: &world.host,
            };
            let mut waits = 0;
            for request in mine {
                let request = std::slice::from_ref(request);
                let done = watershed_table::commit(ports, &LakeLocation::bucket(LAKE), spec, request).await;
                assert_eq!(kinds(&done.outcomes), [Ok(Outcome::Applied)], "at the first delivery");
                waits += done.effort.waits;
            }
            waits
        }
    };
    let (even, odd) = futures::join!(committer(0), committer(1));
    assert!(even + odd > 0, "they did wait");
    assert_eq!(live(&world), files_of(&all));
    assert_eq!(world.sources(&spec).len(), 1);
}

/// A queue: what fails comes again, behind the others.
async fn deliver(world: &World, requests: Vec<CommitRequest>, batch: usize) {
    let mut queue: VecDeque<(CommitRequest, usize)> = requests.into_iter().map(|request| (request, 0)).collect();
    while !queue.is_empty() {
        let (batch, deliveries): (Vec<CommitRequest>, Vec<usize>) = queue.drain(..batch.min(queue.len())).unzip();
        let done = world.commit(&spec(), &batch).await;
        for ((request, deliveries), outcome) in batch.into_iter().zip(deliveries).zip(done.outcomes) {
            if let Err(error) = outcome {
                assert!(deliveries < MAX_DELIVERIES, "never acknowledged: {error}");
                queue.push_back((request, deliveries + 1));
            }
        }
    }
}

fn scenario(world: &World) -> Vec<CommitRequest> {
    vec![
        append(world, "0", (0, 3), 2),
        append(world, "1", (0, 8), 1),
        world.request(&spec(), "a", 1, &[&[(1, "x")], &[(12, "y")]]),
        append(world, "0", (7, 9), 1),
        append(world, "0", (3, 7), 1),
        world.request(&spec(), "a", 2, &[&[(7, "new")]]),
        append(world, "1", (8, 9), 0),
        append(world, "0", (3, 7), 1),
    ]
}

#[tokio::test]
async fn every_fault_at_every_call_ends_as_the_run_without() {
    let sources = [shard_uri("0"), shard_uri("1"), "s3://raw/a".into()];
    let world = World::new();
    let requests = scenario(&world);
    deliver(&world, requests.clone(), 4).await;
    let calls = world.faults.calls().len();
    let expected = (live(&world), world.ledger(&spec(), &sources).await);
    let appends: Vec<CommitRequest> = requests.into_iter().filter(|r| r.append.is_some()).collect();
    assert!(files_of(&appends).is_subset(&expected.0));
    assert_eq!(expected.0.len(), 6);
    assert!(calls > 30, "{calls}");
    for fault in Fault::ALL {
        for call in 0..calls {
            let world = World::new();
            let requests = scenario(&world);
            world.faults.plan(call, fault);
            deliver(&world, requests, 4).await;
            let name = world.faults.calls().get(call).cloned();
            let found = (live(&world), world.ledger(&spec(), &sources).await);
            assert_eq!(found, expected, "{fault:?} at call {call}: {name:?}");
        }
    }
}

/// Requests of three shards and of two objects, each some times, shuffled.
fn any_requests() -> impl Strategy<Value = Vec<(u8, u8)>> {
    let lengths = proptest::collection::vec(1_u8..7, 5);
    let copies = proptest::collection::vec(1_usize..4, 35);
    (lengths, copies)
        .prop_map(|(lengths, copies)| {
            let each = (0_u8..)
                .zip(lengths)
                .flat_map(|(source, length)| (0..length).map(move |n| (source, n)));
            each.zip(copies)
                .flat_map(|(request, copies)| std::iter::repeat_n(request, copies))
                .collect::<Vec<_>>()
        })
        .prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_delivery_of_any_requests_brings_each_file_once(
        requests in any_requests(),
        batch in 1_usize..9,
        fault in proptest::option::of((0_usize..400, 0_usize..3)),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let made: Vec<CommitRequest> = requests
                .iter()
                .map(|&(source, n)| {
                    let files = u32::from(n % 3);
                    let positions = (u32::from(n) * 10, u32::from(n) * 10 + 10);
                    if source < 3 {
                        return append(&world, &source.to_string(), positions, files);
                    }
                    let files = (0..files).map(|n| parquet(&[(i64::from(n) * 10, "r")]));
                    world.request_of(&spec(), &source.to_string(), u32::from(n) + 1, files.collect())
                })
                .collect();
            if let Some((call, kind)) = fault {
                world.faults.plan(call, Fault::ALL[kind]);
            }
            deliver(&world, made.clone(), batch).await;
            world.faults.clear();
            let (appends, replaces): (Vec<_>, Vec<_>) = made.into_iter().partition(|r| r.append.is_some());
            let mut newest: BTreeMap<String, CommitRequest> = BTreeMap::new();
            for request in &replaces {
                let best = newest.entry(request.source.clone()).or_insert_with(|| request.clone());
                if best.order < request.order {
                    *best = request.clone();
                }
            }
            let mut expected = files_of(&appends);
            expected.extend(files_of(&newest.into_values().collect::<Vec<_>>()));
            // `World::live` checks that no file is there twice.
            assert_eq!(live(&world), expected);
            let sources: BTreeSet<String> = requests.iter().map(|(source, _)| source.to_string()).collect();
            assert_eq!(world.sources(&spec()).len(), sources.len());
        });
    }
}

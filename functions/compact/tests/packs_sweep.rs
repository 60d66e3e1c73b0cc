//! Whatever port call fails, in whatever way, and in whatever order messages come: the table has the rows that it would have without packing.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{File, Row, World};
use proptest::prelude::*;
use std::collections::BTreeMap;
use watershed_lake::CommitRequest;
use watershed_ports::{Kind, faults::Fault};

const SHARD: &str = "kinesis://things/1";
const OTHER_SHARD: &str = "kinesis://things/2";
const SOURCES: [&str; 2] = ["s3://raw/things/1.csv", "s3://raw/things/2.csv"];
/// Looks after which a table counts as never packed to the end.
const MAX_LOOKS: usize = 4;

/// So many files, each with a row of January and one of February.
fn files(count: usize, mark: &'static str) -> Vec<File<'static>> {
    (0..count)
        .map(|_| vec![["2013-01-01", mark, "1"], ["2013-02-01", mark, "2"]])
        .collect()
}

/// Rows and number of files after each of: a source comes and is packed; it is replaced, and a shard goes on. A run for each call and fault is to
/// stay short.
async fn one_by_one(world: &mut World) -> Vec<(Vec<Row>, usize)> {
    let january = |count| vec![vec![["2013-01-01", "x", "1"]]; count];
    let batches = [
        vec![world.replace(SOURCES[0], 1, &january(4))],
        vec![
            world.replace(SOURCES[0], 2, &january(1)),
            world.append(SHARD, 1, &january(3)),
            world.append(SHARD, 2, &january(1)),
        ],
    ];
    let mut states = Vec::new();
    for requests in batches {
        world.commit(&requests).await;
        let told = world.waiting.clone();
        world.tick();
        world.settle().await;
        // All of it comes again.
        world.waiting.extend(told);
        world.tick();
        world.settle().await;
        states.push((world.rows().await, world.files().await.len()));
    }
    states
}

#[tokio::test]
async fn every_refused_call_ends_in_the_same_table() {
    sweep(Fault::Refused(Kind::Transient)).await;
}

#[tokio::test]
async fn every_fault_ends_in_the_same_table() {
    sweep(Fault::Refused(Kind::Fault)).await;
}

#[tokio::test]
async fn every_lost_answer_ends_in_the_same_table() {
    sweep(Fault::AnswerLost).await;
}

async fn sweep(fault: Fault) {
    let mut world = World::new();
    let expected = one_by_one(&mut world).await;
    let calls = world.faults.calls();
    let counts: Vec<(usize, usize)> = expected.iter().map(|(rows, files)| (rows.len(), *files)).collect();
    assert_eq!(counts, [(4, 1), (5, 2)]);
    for name in ["read", "read_range", "load", "put_file", "send"] {
        assert!(calls.iter().any(|call| call.starts_with(name)), "{name} is called");
    }
    for (number, call) in calls.iter().enumerate() {
        let mut world = World::new();
        world.faults.plan(number, fault);
        let found = one_by_one(&mut world).await;
        assert!(
            found == expected,
            "call {number} ({call}) failed as {fault:?}: {found:?}"
        );
    }
}

#[derive(Debug, Clone)]
enum Move {
    /// A shard goes on.
    Append(bool, usize),
    /// A source gets a newer version; without files it is removed.
    Replace(usize, usize),
    /// An old request comes again.
    Again(prop::sample::Index),
    Tick,
    /// One of the messages that wait is delivered.
    Deliver(prop::sample::Index),
    /// It is delivered, and stays.
    Twice(prop::sample::Index),
    /// The committer does what is asked of it; one of the requests comes again later, too.
    Commit(Option<prop::sample::Index>),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let index = any::<prop::sample::Index>;
    let one = prop_oneof![
        3 => (any::<bool>(), 1_usize..3).prop_map(|(other, files)| Move::Append(other, files)),
        2 => (0..SOURCES.len(), 0_usize..7).prop_map(|(source, files)| Move::Replace(source, files)),
        1 => index().prop_map(Move::Again),
        2 => Just(Move::Tick),
        5 => index().prop_map(Move::Deliver),
        1 => index().prop_map(Move::Twice),
        2 => prop::option::of(index()).prop_map(Move::Commit),
    ];
    prop::collection::vec(one, 10..70)
}

/// What came so far, and the rows that there are to be.
#[derive(Default)]
struct Model {
    requests: Vec<CommitRequest>,
    replaced: BTreeMap<&'static str, (u64, usize)>,
    appended: BTreeMap<&'static str, (u64, usize)>,
}

impl Model {
    async fn apply(&mut self, world: &mut World, what: Move) {
        let request = match what {
            Move::Append(other, count) => {
                let shard = if other { OTHER_SHARD } else { SHARD };
                let (number, held) = self.appended.entry(shard).or_default();
                (*number, *held) = (*number + 1, *held + count);
                world.append(shard, *number, &files(count, shard))
            }
            Move::Replace(source, count) => {
                let (version, held) = self.replaced.entry(SOURCES[source]).or_default();
                (*version, *held) = (*version + 1, count);
                world.replace(SOURCES[source], *version, &files(count, SOURCES[source]))
            }
            Move::Again(_) if self.requests.is_empty() => return,
            Move::Again(at) => {
                let again = at.get(&self.requests).clone();
                world.commit(&[again]).await;
                return;
            }
            Move::Tick => return world.tick(),
            Move::Deliver(_) | Move::Twice(_) if world.waiting.is_empty() => return,
            Move::Deliver(at) => {
                assert!(!world.step(at.index(world.waiting.len())).await);
                return;
            }
            Move::Twice(at) => {
                let at = at.index(world.waiting.len());
                let again = world.waiting[at].clone();
                world.step(at).await;
                world.waiting.push_back(again);
                return;
            }
            Move::Commit(again) => {
                let again = again.filter(|_| !world.requests.is_empty());
                let again = again.map(|at| at.get(&world.requests).clone());
                world.commit(&[]).await;
                world.requests.extend(again);
                return;
            }
        };
        self.requests.push(request.clone());
        world.commit(&[request]).await;
    }

    fn rows(&self) -> Vec<Row> {
        let held = self.replaced.iter().chain(&self.appended);
        let mut rows: Vec<Row> = held
            .flat_map(|(source, (_, count))| common::owned(&files(*count, source)).into_iter().flatten())
            .collect();
        rows.sort();
        rows
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn in_whatever_order_things_happen(moves in moves()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (found, expected, left) = runtime.block_on(async {
            let (mut world, mut model) = (World::new(), Model::default());
            model.apply(&mut world, Move::Append(false, 1)).await;
            for what in moves {
                model.apply(&mut world, what).await;
            }
            world.settle().await;
            // Looks find less and less to do, and in the end nothing.
            for look in 0..=MAX_LOOKS {
                assert!(look < MAX_LOOKS, "groups are made again and again");
                let (swaps, told) = (world.swapped.len(), world.told.len());
                world.tick();
                world.settle().await;
                if world.swapped.len() == swaps {
                    assert_eq!(world.told.len(), told);
                    break;
                }
            }
            let mut left: BTreeMap<String, usize> = BTreeMap::new();
            for file in world.table().await.files(&*world.store).await.unwrap() {
                let source = file.uri().split("/data/").nth(1).unwrap().split('/').next().unwrap().to_string();
                *left.entry(source + &file.partition()).or_default() += 1;
            }
            (world.rows().await, model.rows(), left)
        });
        prop_assert_eq!(found, expected);
        prop_assert!(left.values().all(|files| *files < watershed_compact::plan::MIN_FILES), "{left:?}");
    }
}

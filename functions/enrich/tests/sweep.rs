//! Whatever port call fails, in whatever way, and in whatever order messages come: the enriched table ends as one that was made at once of the
//! tables as they are in the end.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{CONTRACT, World};
use proptest::prelude::*;
use watershed_ports::{Kind, faults::Fault};

type Rows = &'static [&'static [&'static str]];

const STATIONS: Rows = &[
    &["JFK", "Kennedy", "40.64", "-73.78"],
    &["SJU", "San Juan", "18.44", "-66.0"],
];
const RENAMED: Rows = &[
    &["JFK", "John F. Kennedy", "40.64", "-73.78"],
    &["SJU", "San Juan", "18.44", "-66.0"],
];
const CITIES: Rows = &[
    &["New York", "40.71", "-74.0", "8000000"],
    &["Newark", "40.73", "-74.17", "300000"],
];
const ZONES: Rows = &[&["east", "POLYGON ((-80 30, -70 30, -70 50, -80 50, -80 30))"]];
const JANUARY: Rows = &[
    &["JFK", "2013-01-05T10:00:00Z", "0.5"],
    &["JFK", "2013-01-05T11:00:00Z", "0"],
];
const FEBRUARY: Rows = &[
    &["JFK", "2013-02-05T10:00:00Z", "2.5"],
    &["SJU", "2013-02-05T10:00:00Z", "1"],
];
/// In two months.
const FIRST: Rows = &[
    &["2013-01-05T10:20:00Z", "JFK", "10"],
    &["2013-02-05T12:59:00Z", "JFK", "20"],
    &["2013-02-05T13:01:00Z", "JFK", "0"],
];
const SECOND: Rows = &[
    &["2013-01-05T10:59:00Z", "LGA", "null"],
    &["2013-01-05T14:00:00Z", "JFK", "7"],
];
const THIRD: Rows = &[
    &["2013-02-05T10:00:00Z", "SJU", "3"],
    &["2013-02-07T10:00:00Z", "null", "4"],
];
const MENDED: Rows = &[&["2013-01-05T10:20:00Z", "JFK", "11"]];

type Happening = (&'static str, &'static str, u64, Rows);

/// Everything that happens to tables, one after the other: table, source, version, rows.
const HAPPENS: [Happening; 10] = [
    ("trips", "s3://raw/1", 1, FIRST),
    ("stations", "s3://raw/s", 1, STATIONS),
    ("weather", "s3://raw/w1", 1, JANUARY),
    ("cities", "s3://raw/c", 1, CITIES),
    ("zones", "s3://raw/z", 1, ZONES),
    ("trips", "s3://raw/2", 1, SECOND),
    ("weather", "s3://raw/w2", 1, FEBRUARY),
    ("trips", "s3://raw/3", 1, THIRD),
    ("trips", "s3://raw/1", 2, MENDED),
    ("stations", "s3://raw/s", 2, RENAMED),
];
/// And then a source of trips has no rows any more.
const REMOVED: Happening = ("trips", "s3://raw/3", 2, &[]);

/// What the sweep lets happen: of each kind once. A run for each call and fault is to stay short.
const FEW: [Happening; 6] = [
    ("stations", "s3://raw/s", 1, STATIONS),
    ("weather", "s3://raw/w1", 1, JANUARY),
    ("trips", "s3://raw/1", 1, FIRST),
    ("weather", "s3://raw/w2", 1, FEBRUARY),
    ("trips", "s3://raw/1", 2, MENDED),
    ("trips", "s3://raw/1", 3, &[]),
];

async fn happen(world: &mut World, (table, source, version, rows): Happening) {
    world.put(table, source, version, rows).await;
}

/// The enriched table, made at once of all that is there in the end.
async fn at_once(mut world: World, happenings: impl IntoIterator<Item = Happening>) -> Vec<common::Row> {
    for what in happenings {
        happen(&mut world, what).await;
    }
    world.settle().await;
    world.enriched().await
}

/// Each happens, and everything that comes of it; then all of it is told again. The table after each.
async fn one_by_one(world: &mut World) -> Vec<Vec<common::Row>> {
    let mut tables = Vec::new();
    for what in FEW {
        happen(world, what).await;
        let told = world.waiting.clone();
        world.settle().await;
        world.waiting.extend(told);
        world.settle().await;
        tables.push(world.enriched().await);
    }
    tables
}

/// The sample contract with two of its references.
fn small() -> World {
    let (steps, rest) = CONTRACT.split_once("            - nearest").unwrap();
    let (_, rest) = rest.split_once("            - derive").unwrap();
    let rest = rest.replace(", crowded: \"people_around > 1000000\"", "");
    World::of(&format!("{steps}            - derive{rest}"), 64 << 20)
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
    let mut world = small();
    let expected = one_by_one(&mut world).await;
    let calls = world.faults.calls();
    assert_eq!(expected.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 3, 3, 1, 0]);
    for (at, table) in expected.iter().enumerate() {
        assert_eq!(*table, at_once(small(), FEW.into_iter().take(at + 1)).await);
    }
    for name in ["read", "read_range", "load", "put_file", "put_if", "list", "send"] {
        assert!(calls.iter().any(|call| call.starts_with(name)), "{name} is called");
    }
    for (number, call) in calls.iter().enumerate() {
        let mut world = small();
        world.faults.plan(number, fault);
        let found = one_by_one(&mut world).await;
        assert!(found == expected, "call {number} ({call}) failed as {fault:?}");
    }
}

#[derive(Debug, Clone)]
enum Move {
    /// The next thing happens to a table.
    Happen,
    /// One of the messages that wait is delivered.
    Deliver(prop::sample::Index),
    /// It is delivered, and stays.
    Twice(prop::sample::Index),
    /// The process ends.
    Restart,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => Just(Move::Happen),
        4 => any::<prop::sample::Index>().prop_map(Move::Deliver),
        1 => any::<prop::sample::Index>().prop_map(Move::Twice),
        1 => Just(Move::Restart),
    ];
    prop::collection::vec(one, 10..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn in_whatever_order_messages_come(moves in moves()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (found, expected) = runtime.block_on(async {
            let mut world = World::new();
            let mut rest = HAPPENS.into_iter().chain([REMOVED]);
            for what in moves {
                match what {
                    Move::Happen => {
                        if let Some(what) = rest.next() {
                            happen(&mut world, what).await;
                        }
                    }
                    Move::Restart => world.restart(),
                    Move::Deliver(_) | Move::Twice(_) if world.waiting.is_empty() => {}
                    Move::Deliver(at) => drop(world.step(at.index(world.waiting.len())).await),
                    Move::Twice(at) => {
                        let at = at.index(world.waiting.len());
                        let again = world.waiting[at].clone();
                        world.step(at).await;
                        world.waiting.push_back(again);
                    }
                }
            }
            for what in rest {
                happen(&mut world, what).await;
            }
            world.settle().await;
            let all = HAPPENS.into_iter().chain([REMOVED]);
            (world.enriched().await, at_once(World::new(), all).await)
        });
        prop_assert_eq!(found, expected);
    }
}

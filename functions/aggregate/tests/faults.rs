//! Whatever port call fails, in whatever way, and in whatever order messages come: aggregated tables end as what their queries give over the
//! tables as they are in the end.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{CONTRACT, QUERIES, Row, World, contracts};
use proptest::prelude::*;
use watershed_ports::{Kind, faults::Fault};

type Rows = &'static [&'static [&'static str]];
type Happening = (&'static str, &'static str, u64, Rows);

const AGGREGATES: [&str; 3] = ["daily", "by_station", "totals"];
/// Those of the sweep.
const SWEPT: [&str; 2] = ["daily", "totals"];
const STATIONS: Rows = &[&["JFK", "Kennedy"]];
const RENAMED: Rows = &[&["JFK", "John F. Kennedy"], &["LGA", "La Guardia"]];
const FIRST: Rows = &[
    &["2013-01-05T10:20:00Z", "JFK", "10"],
    &["2013-02-05T12:59:00Z", "JFK", "20"],
    &["2013-02-05T13:01:00Z", "LGA", "0"],
];
const SECOND: Rows = &[
    &["2013-02-28T23:59:59Z", "LGA", "null"],
    &["2013-03-01T00:00:00Z", "JFK", "7"],
];
const MENDED: Rows = &[&["2013-01-05T10:20:00Z", "JFK", "11"]];
const THIRD: Rows = &[
    &["2013-05-05T10:20:00Z", "EWR", "12"],
    &["2013-03-05T10:20:00Z", "JFK", "1"],
];

/// Everything that happens to tables, one after the other: table, source, version, rows.
const HAPPENS: [Happening; 8] = [
    ("stations", "s", 1, STATIONS),
    ("trips", "1", 1, FIRST),
    ("trips", "2", 1, SECOND),
    ("trips", "1", 2, MENDED),
    ("stations", "s", 2, RENAMED),
    ("trips", "3", 1, THIRD),
    ("trips", "2", 2, &[]),
    ("trips", "3", 2, MENDED),
];

/// What the sweep lets happen: a run for each call and fault is to stay short.
const FEW: [Happening; 3] = [
    ("stations", "s", 1, STATIONS),
    ("trips", "1", 1, FIRST),
    ("trips", "1", 2, MENDED),
];

async fn happen(world: &mut World, (table, source, version, rows): Happening) {
    world.put(table, source, version, rows).await;
}

/// The sample contracts without one of the aggregates.
fn small() -> World {
    let (before, rest) = CONTRACT.split_once("  - name: by_station\n").unwrap();
    let (_, after) = rest.split_once("  - name: totals\n").unwrap();
    World::of(contracts(&format!("{before}  - name: totals\n{after}"), &QUERIES))
}

async fn tables(world: &World, names: &[&str]) -> Vec<Vec<Row>> {
    let mut tables = Vec::new();
    for table in names {
        tables.push(world.rows(table).await);
    }
    tables
}

async fn by_queries(world: &World, names: &[&str]) -> Vec<Vec<Row>> {
    let mut tables = Vec::new();
    for table in names {
        tables.push(world.by_query(table).await);
    }
    tables
}

/// Each happens, and everything that comes of it; then all of it is told again. The tables after each.
async fn one_by_one(world: &mut World) -> Vec<Vec<Vec<Row>>> {
    let mut found = Vec::new();
    for what in FEW {
        happen(world, what).await;
        let told = world.waiting.clone();
        world.settle().await;
        world.waiting.extend(told);
        world.settle().await;
        found.push(tables(world, &SWEPT).await);
    }
    found
}

#[tokio::test]
async fn every_refused_call_ends_in_the_same_table() {
    Box::pin(sweep(Fault::Refused(Kind::Transient))).await;
}

#[tokio::test]
async fn every_fault_ends_in_the_same_table() {
    Box::pin(sweep(Fault::Refused(Kind::Fault))).await;
}

#[tokio::test]
async fn every_lost_answer_ends_in_the_same_table() {
    Box::pin(sweep(Fault::AnswerLost)).await;
}

async fn sweep(fault: Fault) {
    let mut world = small();
    let expected = one_by_one(&mut world).await;
    let calls = world.faults.calls();
    let rows = |tables: &Vec<Vec<Row>>| tables.iter().map(Vec::len).sum::<usize>();
    assert_eq!(expected.iter().map(rows).collect::<Vec<_>>(), [0, 5, 2]);
    assert_eq!(expected.last(), Some(&by_queries(&world, &SWEPT).await));
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
        5 => any::<prop::sample::Index>().prop_map(Move::Deliver),
        1 => any::<prop::sample::Index>().prop_map(Move::Twice),
        1 => Just(Move::Restart),
    ];
    prop::collection::vec(one, 10..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn in_whatever_order_messages_come(moves in moves()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (found, expected) = runtime.block_on(async {
            let mut world = World::new();
            let mut rest = HAPPENS.into_iter();
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
            (tables(&world, &AGGREGATES).await, by_queries(&world, &AGGREGATES).await)
        });
        prop_assert_eq!(found, expected);
    }
}

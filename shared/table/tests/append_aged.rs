//! Files of a stream that go for their age do not come back, and nobody counts them.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use arrow_array::{Date32Array, Int64Array};
use arrow_schema::{DataType, Schema};
use common::{World, column, field, shard_uri, write};
use std::sync::Arc;
use watershed_lake::{ColumnType, CommitRequest, Maintain, MaintenanceRequest, TableSpec};
use watershed_ports::faults::Fault;
use watershed_table::{Batch, Outcome, reach::Reachable};

const DAY_US: i64 = 86_400_000_000;
/// Deliveries after which what is still not acknowledged is one too many.
const MAX_DELIVERIES: usize = 6;

/// `n` long, `day` date; not partitioned.
fn spec() -> TableSpec {
    let mut spec = common::spec();
    spec.columns[1] = column(2, "day", ColumnType::Date, false);
    spec.partition.clear();
    spec
}

/// An append of one file with one row of that day.
fn append(world: &World, range: (u32, u32), day: i32) -> CommitRequest {
    let schema = Schema::new(vec![
        field("n", DataType::Int64, false, 1),
        field("day", DataType::Date32, true, 2),
    ]);
    let file = write(
        schema,
        vec![
            Arc::new(Int64Array::from(vec![1])),
            Arc::new(Date32Array::from(vec![day])),
        ],
    );
    world.append(&spec(), "0", range, vec![file])
}

fn remove(day: i64) -> MaintenanceRequest {
    MaintenanceRequest {
        table: spec().name,
        contract: "c".into(),
        maintain: Maintain::RemoveBefore {
            column: "day".into(),
            before_us: day * DAY_US,
        },
        trace: None,
    }
}

/// Until both are acknowledged.
async fn work(world: &World, requests: &[CommitRequest], maintenance: &[MaintenanceRequest]) {
    for _ in 0..MAX_DELIVERIES {
        let done = world.work(&spec(), Batch { requests, maintenance }).await;
        if done.outcomes.iter().chain(&done.maintained).all(Result::is_ok) {
            return;
        }
    }
    panic!("never acknowledged");
}

fn rows(world: &World) -> u64 {
    world.live(&spec(), None).values().sum()
}

#[tokio::test]
async fn what_went_for_its_age_does_not_come_back() {
    let (world, spec) = (World::new(), spec());
    let (old, newer) = (append(&world, (0, 3), 1), append(&world, (3, 7), 20));
    work(&world, &[old.clone(), newer.clone()], &[]).await;
    work(&world, &[append(&world, (7, 9), 2)], &[remove(10)]).await;
    assert_eq!(rows(&world), 2, "what came in this very batch goes with the next");
    let held = world.ledger(&spec, &[shard_uri("0")]).await;
    work(&world, &[], &[remove(15)]).await;
    assert_eq!(rows(&world), 1);
    assert_eq!(
        world.ledger(&spec, &[shard_uri("0")]).await,
        held,
        "no files are counted"
    );

    let done = world.commit(&spec, &[old.clone(), newer.clone()]).await;
    assert_eq!(
        done.outcomes,
        [Ok(Outcome::AlreadyApplied), Ok(Outcome::AlreadyApplied)]
    );
    assert_eq!(rows(&world), 1, "nothing came back");
    work(&world, &[append(&world, (9, 12), 30)], &[]).await;
    assert_eq!(rows(&world), 2);

    // The sweep may take what is gone once no snapshot has it, and never what lives.
    let entry = watershed_ports::Catalog::load(&world.catalog, spec.name.database(), spec.name.table()).await;
    let reachable = Reachable::of(&world.store, &entry.unwrap().unwrap(), None)
        .await
        .unwrap();
    assert!(world.live(&spec, None).keys().all(|uri| reachable.contains(uri)));
    assert!(reachable.contains(&old.uri(&old.files[0])), "an older snapshot has it");
}

#[tokio::test]
async fn every_fault_at_every_call_ends_as_the_run_without() {
    async fn run(world: &World) {
        work(world, &[append(world, (3, 7), 20), append(world, (0, 3), 1)], &[]).await;
        work(
            world,
            &[append(world, (0, 3), 1), append(world, (7, 9), 2)],
            &[remove(10)],
        )
        .await;
        work(world, &[append(world, (7, 9), 2)], &[remove(10)]).await;
    }
    async fn outcome(world: &World) -> impl PartialEq + std::fmt::Debug + use<> {
        let held = world.ledger(&spec(), &[shard_uri("0")]).await;
        (world.live(&spec(), None), held)
    }
    let world = World::new();
    run(&world).await;
    let calls = world.faults.calls().len();
    assert_eq!(rows(&world), 1);
    let expected = outcome(&world).await;
    for fault in Fault::ALL {
        for call in 0..calls {
            let world = World::new();
            world.faults.plan(call, fault);
            run(&world).await;
            let name = world.faults.calls().get(call).cloned();
            assert_eq!(outcome(&world).await, expected, "{fault:?} at call {call}: {name:?}");
        }
    }
}

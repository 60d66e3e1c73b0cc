//! Swaps, commits and each other: whatever fails and whoever is faster, the table ends the same.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use common::{
    LAKE, World, parquet, spec,
    swaps::{asked, packed, parts, rows, swap_of, work},
};
use watershed_lake::{CommitRequest, LakeLocation, MaintenanceRequest};
use watershed_ports::faults::Fault;
use watershed_table::{Batch, Outcome};

/// Deliveries after which a request that is still not acknowledged is one too many.
const MAX_DELIVERIES: usize = 8;

/// Batches in which swaps meet what they lose to, what they stand beside, and themselves.
fn scenario(world: &World) -> Vec<(Vec<CommitRequest>, Vec<MaintenanceRequest>)> {
    let (first, second) = (parts(world, 1), parts(world, 2));
    let append = |after: u32| world.append(&spec(), "1", (after, after + 1), vec![parquet(&[(after.into(), "x")])]);
    let appends = [append(0), append(1), append(2)];
    let two: Vec<&CommitRequest> = appends[..2].iter().collect();
    let of_shard = asked(&swap_of(world, &two[0].source, &two, &[&[(0, "x"), (1, "x")]]));
    let (of_first, of_second) = (asked(&packed(world, &first)), asked(&packed(world, &second)));
    vec![
        (vec![first.clone(), appends[0].clone(), appends[1].clone()], vec![]),
        (vec![appends[2].clone()], vec![of_first.clone(), of_shard.clone()]),
        (vec![second], vec![of_shard, of_first]),
        (vec![first], vec![of_second.clone()]),
        (appends[..2].to_vec(), vec![of_second]),
    ]
}

async fn deliver(world: &World, batches: &[(Vec<CommitRequest>, Vec<MaintenanceRequest>)]) {
    for (requests, maintenance) in batches {
        let (mut requests, mut maintenance) = (requests.clone(), maintenance.clone());
        for delivery in 0..=MAX_DELIVERIES {
            assert!(delivery < MAX_DELIVERIES, "never acknowledged");
            let done = work(world, &requests, &maintenance).await;
            let mut outcomes = done.outcomes.iter();
            requests.retain(|_| outcomes.next().is_some_and(Result::is_err));
            let mut outcomes = done.maintained.iter();
            maintenance.retain(|_| outcomes.next().is_some_and(Result::is_err));
            if requests.is_empty() && maintenance.is_empty() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn every_fault_at_every_call_ends_as_the_run_without() {
    let world = World::new();
    deliver(&world, &scenario(&world)).await;
    let calls = world.faults.calls().len();
    let sources = ["s3://raw/a".to_string(), common::shard_uri("1")];
    let expected = (world.live(&spec(), None), world.ledger(&spec(), &sources).await);
    assert_eq!(
        expected.0.len(),
        4,
        "a's two, the packed one of the shard, and what was appended then"
    );
    assert_eq!(expected.0.values().sum::<u64>(), 8);
    for fault in Fault::ALL {
        for call in 0..calls {
            let world = World::new();
            let batches = scenario(&world);
            world.faults.plan(call, fault);
            deliver(&world, &batches).await;
            let name = world.faults.calls().get(call).cloned();
            let found = (world.live(&spec(), None), world.ledger(&spec(), &sources).await);
            assert_eq!(found, expected, "{fault:?} at call {call}: {name:?}");
        }
    }
}

#[tokio::test]
async fn swaps_and_writers_that_meet_all_land_or_lose_cleanly() {
    let world = World::new();
    let first = parts(&world, 1);
    world.commit(&spec(), std::slice::from_ref(&first)).await;
    let ports = watershed_table::Ports {
        store: &common::Yielding(&world.store),
        catalog: &world.catalog,
        host: &world.host,
    };
    let lake = LakeLocation::bucket(LAKE);
    let requests: Vec<[CommitRequest; 1]> = (0..4_u32)
        .map(|n| [world.append(&spec(), &n.to_string(), (0, 1), vec![parquet(&[(n.into(), "x")])])])
        .chain([[parts(&world, 2)]])
        .collect();
    let swap = [asked(&packed(&world, &first))];
    let batch = Batch {
        requests: &[],
        maintenance: &swap,
    };
    let table = spec();
    let writers = requests
        .iter()
        .map(|request| watershed_table::commit(ports, &lake, &table, &request[..]));
    let packers = (0..2).map(|_| watershed_table::commit(ports, &lake, &table, batch));
    let (written, packed) = futures::join!(futures::future::join_all(writers), futures::future::join_all(packers));
    assert!(written.iter().all(|done| done.outcomes == [Ok(Outcome::Applied)]));
    assert!(packed.iter().all(|done| done.maintained[0].is_ok()), "{packed:?}");
    let conflicts: u32 = written.iter().chain(&packed).map(|done| done.effort.conflicts).sum();
    assert!(conflicts > 0, "they did meet");
    assert_eq!(rows(&world), 9);
    assert_eq!(
        world.live(&spec(), None).len(),
        8,
        "the newer version's four, and what was appended"
    );
}

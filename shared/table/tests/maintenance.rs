//! What goes for its age, and what does not, beside requests of every kind.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use arrow_array::{Date32Array, Int64Array, TimestampMicrosecondArray};
use arrow_schema::{DataType, Schema, TimeUnit};
use common::{LAKE, World, column, field, write};
use std::sync::Arc;
use watershed_lake::{ColumnType, CommitRequest, LakeLocation, Maintain, MaintenanceRequest, TableSpec};
use watershed_ports::{Kind, faults::Fault};
use watershed_table::{Batch, Committed, Outcome};

const DAY_US: i64 = 86_400_000_000;
const DAY_MS: i64 = 86_400_000;
/// Deliveries after which a request that is still not acknowledged is one too many.
const MAX_DELIVERIES: usize = 8;

/// `n` long, `at` timestamp with zone, `day` date; not partitioned.
fn spec() -> TableSpec {
    let mut spec = common::spec();
    spec.columns = vec![
        column(1, "n", ColumnType::Long, true),
        column(2, "at", ColumnType::TimestampTz, false),
        column(3, "day", ColumnType::Date, false),
    ];
    spec.partition.clear();
    spec
}

/// A file with a row for each of these times, in days since 1970.
fn file(days: &[Option<f64>]) -> (Vec<u8>, u64) {
    let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let schema = Schema::new(vec![
        field("n", DataType::Int64, false, 1),
        field("at", micros, true, 2),
        field("day", DataType::Date32, true, 3),
    ]);
    let numbers: Int64Array = (0..days.len() as i64).map(Some).collect();
    let at: TimestampMicrosecondArray = days
        .iter()
        .map(|day| day.map(|day| (day * DAY_US as f64) as i64))
        .collect();
    let day: Date32Array = days.iter().map(|day| day.map(|day| day.floor() as i32)).collect();
    write(
        schema,
        vec![Arc::new(numbers), Arc::new(at.with_timezone("UTC")), Arc::new(day)],
    )
}

fn request(world: &World, source: &str, version: u32, files: &[&[f64]]) -> CommitRequest {
    let files = files
        .iter()
        .map(|days| file(&days.iter().copied().map(Some).collect::<Vec<_>>()));
    world.request_of(&spec(), source, version, files.collect())
}

fn remove(column: &str, before_us: i64) -> MaintenanceRequest {
    maintain(Maintain::RemoveBefore {
        column: column.into(),
        before_us,
    })
}

fn maintain(maintain: Maintain) -> MaintenanceRequest {
    MaintenanceRequest {
        table: spec().name,
        contract: "c".into(),
        maintain,
        trace: None,
    }
}

async fn keep(world: &World, maintenance: &[MaintenanceRequest]) -> Committed {
    let batch = Batch {
        requests: &[],
        maintenance,
    };
    world.work(&spec(), batch).await
}

fn rows(world: &World) -> u64 {
    world.live(&spec(), None).values().sum()
}

#[tokio::test]
async fn old_files_go_and_their_requests_do_not_bring_them_back() {
    let (world, spec) = (World::new(), spec());
    let a = request(&world, "a", 1, &[&[1.0, 2.5], &[9.0], &[20.0]]);
    let b = request(&world, "b", 1, &[&[3.0]]);
    world.commit(&spec, &[a.clone(), b.clone()]).await;
    let done = keep(&world, &[remove("at", 10 * DAY_US)]).await;
    assert_eq!(done.maintained, [Ok(Outcome::Applied)]);
    let changed = done.changed.unwrap();
    assert_eq!(
        (
            changed.operation.as_str(),
            changed.removed_files,
            changed.removed_rows,
            changed.total_rows
        ),
        ("delete", 3, 4, 1)
    );
    assert_eq!(rows(&world), 1);
    let ledger = world.ledger(&spec, &[a.source.clone(), b.source.clone()]).await;
    assert_eq!((ledger[&a.source].2, ledger[&b.source].2), (1, 0));
    assert_eq!(ledger[&a.source].1, a.token, "the version is remembered");

    let again = world.commit(&spec, &[a.clone(), b.clone()]).await;
    assert_eq!(
        again.outcomes,
        [Ok(Outcome::AlreadyApplied), Ok(Outcome::AlreadyApplied)]
    );
    assert_eq!(rows(&world), 1, "nothing came back");
    let version = world.version(&spec).await;
    let again = keep(&world, &[remove("at", 10 * DAY_US)]).await;
    assert_eq!(again.maintained, [Ok(Outcome::AlreadyApplied)]);
    assert_eq!(
        again.changed.map(|again| again.snapshot_id),
        Some(changed.snapshot_id),
        "announced again: the announcement may have been lost"
    );
    let other = keep(&world, &[remove("at", 11 * DAY_US)]).await;
    assert_eq!(
        (other.maintained, other.changed),
        (vec![Ok(Outcome::AlreadyApplied)], None)
    );
    assert_eq!(world.version(&spec).await, version, "nothing to do, nothing is swapped");

    let newer = request(&world, "a", 2, &[&[21.0], &[22.0]]);
    let done = world.commit(&spec, &[newer]).await;
    assert_eq!(done.outcomes, [Ok(Outcome::Applied)]);
    assert_eq!(rows(&world), 2, "what was left of the older version is replaced");
}

#[tokio::test]
async fn files_removed_for_their_age_are_not_taken_for_files_that_another_engine_rewrote() {
    let (world, spec) = (World::new(), spec());
    let a = request(&world, "a", 1, &[&[1.0], &[20.0]]);
    let b = request(&world, "b", 1, &[&[30.0]]);
    world.commit(&spec, &[a, b]).await;
    keep(&world, &[remove("at", 10 * DAY_US)]).await;
    // Another engine compacts, that is, a snapshot of the operation `replace`.
    let location = world.catalog.snapshot()[&spec.name.to_string()]
        .metadata_location
        .clone();
    let text = String::from_utf8(world.bytes(&location)).unwrap();
    let rewritten = text.replacen(r#""operation":"delete""#, r#""operation":"replace""#, 1);
    assert_ne!(text, rewritten);
    let rewritten = rewritten.replace("watershed.tokens", "engine.tokens");
    let (bucket, key) = watershed_lake::layout::split_uri(&location).unwrap();
    world.store.insert(bucket, key, rewritten);
    let done = world.commit(&spec, &[request(&world, "a", 2, &[&[21.0]])]).await;
    assert_eq!(done.outcomes, [Ok(Outcome::Applied)]);
    // The rewriting is remembered after its snapshot.
    for n in 0..12 {
        world
            .commit(&spec, &[request(&world, &format!("c{n}"), 1, &[&[40.0]])])
            .await;
    }
    world.host.pass(100 * DAY_MS as u64);
    keep(
        &world,
        &[maintain(Maintain::ExpireSnapshots {
            as_of_ms: i64::MAX,
            erased_before_ms: None,
        })],
    )
    .await;
    let metadata = world.metadata(&spec).unwrap();
    assert!(
        metadata
            .snapshots()
            .all(|s| s.summary().operation.as_str() != "replace")
    );
    assert!(metadata.properties().contains_key("watershed.rewritten"));
}

#[tokio::test]
async fn what_has_a_row_that_is_young_or_of_no_known_age_stays() {
    let (world, spec) = (World::new(), spec());
    let files = vec![
        file(&[Some(1.0), None]),
        file(&[None]),
        file(&[Some(1.0), Some(10.0)]),
        file(&[Some(10.0)]),
        file(&[Some(9.999)]),
    ];
    let request = world.request_of(&spec, "a", 1, files);
    world.commit(&spec, &[request]).await;
    // 10.5 days: of dates, day 10 is not over and stays; of timestamps, 10.0 is older.
    let done = keep(&world, &[remove("day", 10 * DAY_US + DAY_US / 2)]).await;
    assert_eq!(done.changed.map(|changed| changed.removed_rows), Some(1));
    let done = keep(&world, &[remove("at", 10 * DAY_US)]).await;
    assert_eq!(done.maintained, [Ok(Outcome::AlreadyApplied)], "the bound itself stays");
    let done = keep(&world, &[remove("at", 10 * DAY_US + 1)]).await;
    assert_eq!(done.changed.map(|changed| changed.removed_rows), Some(3));
    assert_eq!(rows(&world), 3);
}

#[tokio::test]
async fn snapshots_are_forgotten_without_a_new_one() {
    let (world, spec) = (World::new(), spec());
    for n in 0..13 {
        let done = world
            .commit(&spec, &[request(&world, &format!("s{n}"), 1, &[&[1.0]])])
            .await;
        assert_eq!(done.outcomes, [Ok(Outcome::Applied)]);
    }
    let expire = maintain(Maintain::ExpireSnapshots {
        as_of_ms: i64::MAX,
        erased_before_ms: None,
    });
    let done = keep(&world, std::slice::from_ref(&expire)).await;
    assert_eq!(
        done.maintained,
        [Ok(Outcome::AlreadyApplied)],
        "a time to come counts as now"
    );
    world.host.pass(31 * DAY_MS as u64);
    let before = world.metadata(&spec).unwrap();
    // A request that comes again beside it is announced again, though nothing new is.
    let repeated = [request(&world, "s12", 1, &[&[1.0]])];
    let batch = Batch {
        requests: &repeated,
        maintenance: std::slice::from_ref(&expire),
    };
    let mut done = world.work(&spec, batch).await;
    assert_eq!(done.outcomes, [Ok(Outcome::AlreadyApplied)]);
    let told = done.changed.take().map(|changed| changed.snapshot_id);
    assert_eq!(told, before.current_snapshot_id());
    assert_eq!(
        (done.maintained, done.changed, done.effort.snapshots),
        (vec![Ok(Outcome::Applied)], None, 0)
    );
    let after = world.metadata(&spec).unwrap();
    assert_eq!((before.snapshots().len(), after.snapshots().len()), (13, 10));
    assert_eq!(before.current_snapshot_id(), after.current_snapshot_id());
    assert_eq!(rows(&world), 13);
    let version = world.version(&spec).await;
    assert_eq!(keep(&world, &[expire]).await.maintained, [Ok(Outcome::AlreadyApplied)]);
    assert_eq!(world.version(&spec).await, version);
}

#[tokio::test]
async fn what_cannot_be_done_fails_alone_and_no_table_is_made_of_nothing() {
    let (world, spec) = (World::new(), spec());
    let done = keep(&world, &[remove("at", DAY_US), remove("nothing", 0)]).await;
    assert_eq!(
        done.maintained,
        [Ok(Outcome::AlreadyApplied), Ok(Outcome::AlreadyApplied)]
    );
    assert_eq!(world.metadata(&spec), None);
    world.commit(&spec, &[request(&world, "young", 1, &[&[50.0]])]).await;
    let requests = [request(&world, "a", 1, &[&[1.0]])];
    let maintenance = [remove("n", DAY_US), remove("nothing", 0), remove("at", 5 * DAY_US)];
    let batch = Batch {
        requests: &requests,
        maintenance: &maintenance,
    };
    let done = world.work(&spec, batch).await;
    assert_eq!(done.outcomes, [Ok(Outcome::Applied)]);
    let errors: Vec<_> = done.maintained.into_iter().filter_map(Result::err).collect();
    assert_eq!(errors.len(), 2);
    assert!(errors.iter().all(|error| error.kind == Kind::Fault));
    assert!(
        errors[0].message.contains("it is long; name a date or a timestamp"),
        "{}",
        errors[0]
    );
    assert!(errors[1].message.contains("has no such column"), "{}", errors[1]);
    assert_eq!(rows(&world), 2, "what came in this very batch goes with the next");
    keep(&world, &[remove("at", 5 * DAY_US)]).await;
    assert_eq!(rows(&world), 1);
}

/// Requests and maintenance, two at a time, that all touch the same files.
fn scenario(world: &World) -> Vec<(Vec<CommitRequest>, Vec<MaintenanceRequest>)> {
    let expire = maintain(Maintain::ExpireSnapshots {
        as_of_ms: 5 * DAY_MS,
        erased_before_ms: None,
    });
    vec![
        (
            vec![
                request(world, "a", 1, &[&[1.0], &[11.0]]),
                request(world, "b", 1, &[&[2.0]]),
            ],
            vec![],
        ),
        (
            vec![request(world, "a", 2, &[&[3.0], &[12.0]])],
            vec![remove("at", 5 * DAY_US), expire.clone()],
        ),
        (
            vec![
                request(world, "c", 1, &[&[30.0]]),
                request(world, "a", 1, &[&[1.0], &[11.0]]),
            ],
            vec![remove("at", 5 * DAY_US)],
        ),
        (vec![], vec![remove("day", 12 * DAY_US), expire]),
    ]
}

async fn deliver(world: &World, batches: &[(Vec<CommitRequest>, Vec<MaintenanceRequest>)]) {
    for (requests, maintenance) in batches {
        let (mut requests, mut maintenance) = (requests.clone(), maintenance.clone());
        for delivery in 0..=MAX_DELIVERIES {
            assert!(delivery < MAX_DELIVERIES, "never acknowledged");
            let batch = Batch {
                requests: &requests,
                maintenance: &maintenance,
            };
            let done = world.work(&spec(), batch).await;
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
    let batches = scenario(&world);
    deliver(&world, &batches).await;
    let calls = world.faults.calls().len();
    let sources = ["a", "b", "c"].map(|name| format!("s3://raw/{name}"));
    let expected = (world.live(&spec(), None), world.ledger(&spec(), &sources).await);
    assert_eq!(expected.0.len(), 2, "a's day 12, and c");
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
async fn maintenance_and_requests_that_meet_all_land() {
    let (world, spec) = (World::new(), spec());
    world
        .commit(&spec, &[request(&world, "old", 1, &[&[1.0], &[2.0]])])
        .await;
    let ports = watershed_table::Ports {
        store: &common::Yielding(&world.store),
        catalog: &world.catalog,
        host: &world.host,
    };
    let lake = LakeLocation::bucket(LAKE);
    let requests: Vec<[CommitRequest; 1]> = (0..4)
        .map(|n| [request(&world, &format!("w{n}"), 1, &[&[20.0]])])
        .collect();
    let chores = [remove("at", 5 * DAY_US)];
    let maintenance = Batch {
        requests: &[],
        maintenance: &chores,
    };
    let writers = requests
        .iter()
        .map(|request| watershed_table::commit(ports, &lake, &spec, &request[..]));
    let (written, kept) = futures::join!(
        futures::future::join_all(writers),
        watershed_table::commit(ports, &lake, &spec, maintenance)
    );
    assert!(written.iter().all(|done| done.outcomes == [Ok(Outcome::Applied)]));
    assert_eq!(kept.maintained, [Ok(Outcome::Applied)]);
    let conflicts: u32 = written.iter().chain([&kept]).map(|done| done.effort.conflicts).sum();
    assert!(conflicts > 0, "they did meet");
    assert_eq!(rows(&world), 4);
}

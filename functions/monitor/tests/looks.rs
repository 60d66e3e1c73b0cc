//! What the function finds and tells, in memory.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{HOUR_MS, World};
use serde_json::json;

/// Some days before the clock of the tests, and an hour before it.
const OLD: &str = "2023-11-10T00:00:00Z";
const FRESH: &str = "2023-11-14T21:00:00Z";

#[tokio::test]
async fn broken_expectations_are_told_once_and_so_is_that_they_hold_again() {
    let world = World::new();
    world.deliver("s3://raw/1", 1, &[OLD]).await;
    let answer = json!({"datasets": 2, "expectations": 4, "broken": 2, "failed": 0});
    for _ in 0..3 {
        assert_eq!(world.look(World::tick()).await, Ok(answer.clone()));
        world.pass(HOUR_MS / 4);
    }
    let told = world.bus.events();
    assert_eq!(told.len(), 1, "{told:?}");
    let (kind, detail) = &world.announced()[0];
    let what = "some trips is 1 rows, expected greater than 1; latency of at is 4 d, expected at most 24 h";
    assert_eq!((kind.as_str(), &detail["what"]), ("ExpectationFailed", &json!(what)));
    assert_eq!(detail["table"], "travel.trips");
    // Enough of them now; then fresh ones, too.
    world.deliver("s3://raw/2", 1, &[OLD]).await;
    world.look(World::tick()).await.unwrap();
    world.deliver("s3://raw/3", 1, &[FRESH]).await;
    world.look(World::tick()).await.unwrap();
    world.look(World::tick()).await.unwrap();
    let kinds: Vec<String> = world.announced().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["ExpectationFailed", "ExpectationFailed", "ExpectationHeld"]);
    assert_eq!(world.bus.events().len(), 3);
    // Nothing comes any more.
    world.pass(3 * HOUR_MS);
    world.look(World::tick()).await.unwrap();
    let (kind, detail) = world.announced().pop().unwrap();
    assert_eq!(
        (kind.as_str(), &detail["broken"][0]["name"]),
        ("ExpectationFailed", &json!("frequency"))
    );
    assert_eq!(detail["broken"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_never_delivered_is_late_from_the_first_look_on() {
    let world = World::new();
    world.look(World::tick()).await.unwrap();
    world.pass(2 * HOUR_MS);
    world.look(World::tick()).await.unwrap();
    assert_eq!(world.announced(), []);
    world.pass(1);
    world.look(World::tick()).await.unwrap();
    let (kind, detail) = world.announced().pop().unwrap();
    assert_eq!(
        (kind.as_str(), &detail["broken"][0]["found"]),
        ("ExpectationFailed", &json!("nothing for 2 h"))
    );
}

#[tokio::test]
async fn metrics_are_told_by_dataset() {
    let world = World::new();
    world.deliver("s3://raw/1", 1, &[FRESH, FRESH]).await;
    world.look(json!({"dataset": "seen/trips"})).await.unwrap();
    let lines = world.lines();
    let line = lines.iter().find(|line| line["message"] == "expectations").unwrap();
    assert_eq!(
        (&line["dataset"], &line["Rows"], &line["ExpectationsFailed"]),
        (&json!("travel.trips"), &json!(2.0), &json!(0.0))
    );
    // The clock stands 73 minutes and 20 seconds behind the newest trip.
    assert_eq!(line["FreshnessSeconds"], json!(4_400.0));
    let all = lines.last().unwrap();
    assert_eq!(
        (&all["message"], &all["ExpectationsFailed"]),
        (&json!("monitored"), &json!(0.0))
    );
    assert!(
        world
            .look(json!({"dataset": "other"}))
            .await
            .unwrap_err()
            .contains("other")
    );
}

#[tokio::test]
async fn a_dataset_that_cannot_be_looked_at_fails_alone() {
    let world = World::new();
    world.deliver("s3://raw/1", 1, &[OLD]).await;
    world
        .lake
        .store
        .insert("lake", "monitor/travel/stops.json", b"{".to_vec());
    let error = world.look(World::tick()).await.unwrap_err();
    assert!(error.contains("seen/stops") && !error.contains("seen/trips"), "{error}");
    assert_eq!(world.announced().len(), 1);
}

#[tokio::test]
async fn a_table_is_read_again_only_if_it_changed() {
    let world = World::new();
    world.deliver("s3://raw/1", 1, &[FRESH, OLD]).await;
    world.look(World::tick()).await.unwrap();
    world.faults.clear();
    world.look(World::tick()).await.unwrap();
    let calls = world.faults.calls();
    assert!(
        calls.len() <= 6 && !calls.iter().any(|call| call.starts_with("put")),
        "{calls:?}"
    );
    world.deliver("s3://raw/2", 1, &[FRESH]).await;
    world.faults.clear();
    world.look(World::tick()).await.unwrap();
    assert!(world.faults.calls().iter().any(|call| call.starts_with("put_if")));
}

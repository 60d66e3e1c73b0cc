//! Everything is delivered at least once and in no order: the table is as if the last version had come once.

use crate::{cloud, csv};
use serde_json::{Value, json};
use std::{sync::PoisonError, thread};
use watershed_tests::{Cloud, invoke};

/// Deliveries of each event.
const DELIVERIES: usize = 10;
/// Invocations at a time.
const CROWD: u64 = 50;
/// Rows of each of their files.
const ROWS_EACH: u64 = 3;
/// Rounds of redelivery that a crowd may need.
const MAX_ROUNDS: usize = 20;

/// An `Object Created` event as EventBridge puts it in the queue (Amazon S3, "EventBridge event message structure").
fn created(cloud: &Cloud, key: &str, body: &str, version: &(Option<String>, String), sequencer: &str) -> String {
    json!({
        "version": "0", "id": format!("{sequencer}-{key}"), "detail-type": "Object Created", "source": "aws.s3",
        "account": "000000000000", "time": "2026-01-01T00:00:00Z", "region": "us-east-1", "resources": [],
        "detail": {
            "version": "0", "bucket": {"name": cloud.output("RawBucket")}, "reason": "PutObject", "request-id": sequencer,
            "object": {"key": key, "size": body.len(), "etag": version.1, "version-id": version.0, "sequencer": sequencer}
        }
    })
    .to_string()
}

#[test]
fn the_last_version_stands_once_however_events_come() {
    let cloud = cloud();
    let _flowing = cloud.deliveries.read().unwrap_or_else(PoisonError::into_inner);
    let key = "flow/duplicates/a.csv";
    let bodies = [csv(1..=5, "one"), csv(1..=9, "two"), csv(3..=7, "three")];
    let mut events = Vec::new();
    for (body, sequencer) in bodies.iter().zip(["F1", "F2", "F3"]) {
        let version = cloud.put(key, body.as_bytes());
        events.push(created(cloud, key, body, &version, sequencer));
    }
    // A fixed shuffle: every version comes before and after every other.
    for round in 0..DELIVERIES {
        for nth in 0..events.len() {
            cloud.send(
                "RawQueueUrl",
                &events[(round * 2 + nth * (round % 2 + 1)) % events.len()],
            );
        }
    }
    cloud.until_rows("flow", "duplicates", 5);
    cloud.settle();
    let found = cloud.ask("SELECT id, note FROM flow.duplicates ORDER BY id");
    let wanted: Vec<Value> = (3..=7).map(|id| json!({"id": id, "note": "three"})).collect();
    assert_eq!(found, Value::Array(wanted));
}

#[test]
fn an_object_that_is_overwritten_twice_ends_as_its_last_version() {
    let cloud = cloud();
    let _flowing = cloud.deliveries.read().unwrap_or_else(PoisonError::into_inner);
    for (ids, note) in [(1..=40, "one"), (1..=30, "two"), (1..=20, "three")] {
        cloud.put("flow/overwritten/a.csv", csv(ids, note));
    }
    cloud.until_rows("flow", "overwritten", 20);
    cloud.settle();
    assert_eq!(
        cloud.ask("SELECT note, count(*) AS n FROM flow.overwritten GROUP BY note"),
        json!([{"note": "three", "n": 20}])
    );
}

#[test]
fn fifty_commits_at_once_on_one_table_lose_nothing() {
    let cloud = cloud();
    let _alone = cloud.deliveries.write().unwrap_or_else(PoisonError::into_inner);
    cloud.settle();
    let (port, commit) = (cloud.emulator.port(), cloud.output("CommitFunction"));
    let mut requests = {
        let _held = invoke::Held::deliveries(port, commit);
        for nth in 0..CROWD {
            cloud.put(
                &format!("flow/crowded/{nth}.csv"),
                csv(nth * ROWS_EACH..(nth + 1) * ROWS_EACH, "crowd"),
            );
        }
        cloud.until("ingest has made every request", |cloud| {
            cloud.depth("RawQueueUrl") == 0 && cloud.depth("CommitQueueUrl") >= CROWD
        });
        cloud.drain("CommitQueueUrl")
    };
    // Those of the quarantine say that there is nothing in it.
    requests.retain(|request| request.contains("\"flow.crowded\""));
    assert_eq!(requests.len() as u64, CROWD);
    for round in 0.. {
        assert!(
            round < MAX_ROUNDS,
            "{} requests are left after {MAX_ROUNDS} rounds",
            requests.len()
        );
        requests = at_once(port, commit, &requests);
        if requests.is_empty() {
            break;
        }
    }
    let found = cloud.ask("SELECT count(*) AS rows, count(DISTINCT id) AS ids FROM flow.crowded");
    assert_eq!(found, json!([{"rows": CROWD * ROWS_EACH, "ids": CROWD * ROWS_EACH}]));
}

/// An invocation for each request, all at the same time; gives back those to be delivered again.
fn at_once(port: u16, commit: &str, requests: &[String]) -> Vec<String> {
    thread::scope(|scope| {
        let started: Vec<_> = requests
            .iter()
            .map(|request| scope.spawn(move || commit_one(port, commit, request)))
            .collect();
        started
            .into_iter()
            .filter_map(|commit| commit.join().expect("a commit answers"))
            .collect()
    })
}

/// One invocation with one request; gives the request back where it is to be delivered again.
fn commit_one(port: u16, commit: &str, request: &str) -> Option<String> {
    let event = json!({"Records": [{
        "messageId": "m-1", "receiptHandle": "r-1", "body": request, "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {}, "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q",
        "awsRegion": "us-east-1", "md5OfBody": ""}]});
    let answer = invoke::invoke(port, commit, &event);
    assert!(answer.get("errorMessage").is_none(), "{answer}");
    let failures = answer["batchItemFailures"].as_array().map_or(0, Vec::len);
    (failures > 0).then(|| request.to_string())
}

//! Streams without an emulator: the poller against Lambda's documentation, sentence by sentence, in virtual time; and the producer.
//!
//! Quoted are "Process Amazon Kinesis Data Streams records with Lambda", "Configuring partial batch response with Kinesis Data Streams and
//! Lambda", "Retain discarded batch records for a Kinesis Data Streams event source in Lambda" and the API's "CreateEventSourceMapping".

#[path = "kinesis/documented.rs"]
mod documented;
#[path = "kinesis/nothing_is_lost.rs"]
mod nothing_is_lost;
#[path = "kinesis/producer.rs"]
mod producer;

use watershed_local::kinesis::{
    answer::Answer,
    discard::Discarded,
    lane::Work,
    record::Record,
    settings::{Settings, Start},
    shard::Shard,
};

/// Longer than any test.
const RETENTION_MS: i64 = 86_400_000;

fn settings() -> Settings {
    Settings {
        batch_size: 100,
        window_ms: 0,
        lanes: 1,
        bisects: false,
        max_retries: None,
        max_age_ms: None,
        reports: false,
        start: Start::TrimHorizon,
        on_failure: None,
    }
}

/// A record that came at this time, of so many bytes.
fn record(number: u64, key: &str, arrival_ms: i64, bytes: usize) -> Record {
    Record {
        sequence: number.to_string().parse().expect("digits"),
        partition_key: key.into(),
        arrival_ms,
        // A width of format! has 16 bits.
        event: format!("{}{number}", " ".repeat(bytes - number.to_string().len())),
    }
}

fn records(numbers: impl IntoIterator<Item = u64>) -> Vec<Record> {
    numbers.into_iter().map(|number| record(number, "k", 0, 8)).collect()
}

/// What a shard wants, in words: the numbers of the records that it invokes with, or that it gives up.
#[derive(Debug, PartialEq, Eq)]
enum Wants {
    Invoke(Vec<u64>),
    Discard(Discarded),
}

/// What it wants now, in its only lane.
fn wants(shard: &mut Shard, now_ms: i64) -> Option<Wants> {
    let mut work = shard.work(now_ms);
    assert!(work.len() <= 1, "{work:?}");
    work.pop().map(|(_, work)| said(work))
}

fn said(work: Work) -> Wants {
    match work {
        Work::Discard(discarded) => Wants::Discard(discarded),
        Work::Invoke(event, count) => {
            let numbers = numbers(&event);
            assert_eq!(numbers.len(), count);
            Wants::Invoke(numbers)
        }
    }
}

fn numbers(event: &str) -> Vec<u64> {
    let list = event
        .strip_prefix("{\"Records\":[")
        .and_then(|rest| rest.strip_suffix("]}"));
    let list = list.expect("an event").split(',');
    list.map(|number| number.trim().parse().expect("a number")).collect()
}

/// To compare with [`wants`].
#[allow(clippy::unnecessary_wraps)]
fn invoke(numbers: impl IntoIterator<Item = u64>) -> Option<Wants> {
    Some(Wants::Invoke(numbers.into_iter().collect()))
}

fn ok() -> Answer {
    Answer::Returned(b"null".to_vec())
}

fn failed() -> Answer {
    Answer::Failed("Unhandled".into())
}

fn failed_at(number: u64) -> Answer {
    Answer::Returned(format!(r#"{{"batchItemFailures": [{{"itemIdentifier": "{number}"}}]}}"#).into_bytes())
}

/// Later than any backoff.
const LATER_MS: i64 = 60_000;

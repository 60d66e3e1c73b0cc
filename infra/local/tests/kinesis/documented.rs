//! What the documentation says, a test a sentence.

use super::{LATER_MS, RETENTION_MS, Wants, failed, failed_at, invoke, ok, record, records, settings, wants};
use watershed_local::kinesis::{
    answer::Answer,
    discard::{Condition, Discarded},
    lane::MAX_PAYLOAD_BYTES,
    settings::Settings,
    shard::{Position, Shard},
};

fn shard(settings: &Settings) -> Shard {
    Shard::new(settings, RETENTION_MS)
}

/// What is wanted is a discard of these.
fn discard(wanted: Option<Wants>) -> Discarded {
    match wanted {
        Some(Wants::Discard(discarded)) => discarded,
        other => panic!("{other:?}"),
    }
}

/// "By default, Lambda invokes your function as soon as records are available."
#[test]
fn without_window_at_once() {
    let mut shard = shard(&settings());
    assert_eq!(wants(&mut shard, 0), None);
    shard.read(records(1..=3), 0);
    assert_eq!(wants(&mut shard, 0), invoke(1..=3));
}

/// "The maximum number of records in each batch": what is more waits for the next.
#[test]
fn a_batch_has_no_more_than_its_size() {
    let mut shard = shard(&Settings {
        batch_size: 2,
        ..settings()
    });
    shard.read(records(1..=5), 0);
    for expected in [vec![1, 2], vec![3, 4], vec![5]] {
        assert_eq!(wants(&mut shard, 0), invoke(expected));
        assert_eq!(wants(&mut shard, 0), None, "one invocation at a time");
        shard.answered(0, &ok(), 0);
    }
    assert_eq!(wants(&mut shard, 0), None);
}

/// "Lambda continues to read records … until it has gathered a full batch, the batching window expires, or the batch reaches the payload
/// limit of 6 MB."
#[test]
fn a_window_ends_with_a_full_batch_with_its_time_or_with_a_full_payload() {
    let gathering = Settings {
        batch_size: 3,
        window_ms: 5_000,
        ..settings()
    };
    let mut full = shard(&gathering);
    full.read(records(1..=2), 0);
    assert_eq!(wants(&mut full, 4_999), None);
    full.read(records(3..=3), 4_999);
    assert_eq!(wants(&mut full, 4_999), invoke(1..=3));

    let mut late = shard(&gathering);
    late.read(records(1..=1), 1_000);
    late.read(records(2..=2), 4_000);
    assert_eq!((wants(&mut late, 5_999), late.wake_ms()), (None, Some(6_000)));
    assert_eq!(wants(&mut late, 6_000), invoke(1..=2));

    let half = MAX_PAYLOAD_BYTES / 2;
    let mut heavy = shard(&gathering);
    heavy.read(vec![record(1, "k", 0, half)], 0);
    assert_eq!(wants(&mut heavy, 0), None);
    heavy.read(vec![record(2, "k", 0, half)], 0);
    // Both and what stands around them are too much for one event.
    assert_eq!(wants(&mut heavy, 0), invoke([1]));
}

/// "The next window begins as soon as the previous function invocation completes."
#[test]
fn the_next_window_begins_when_the_invocation_is_over() {
    let mut shard = shard(&Settings {
        batch_size: 2,
        window_ms: 5_000,
        ..settings()
    });
    shard.read(records(1..=3), 0);
    assert_eq!(wants(&mut shard, 0), invoke(1..=2));
    shard.answered(0, &ok(), 20_000);
    assert_eq!(wants(&mut shard, 24_999), None);
    assert_eq!(wants(&mut shard, 25_000), invoke([3]));
}

/// "By default, if your function returns an error, the event source mapping reprocesses the entire batch until the function succeeds, or the
/// items in the batch expire. To ensure in-order processing, the event source mapping pauses processing for the affected shard."
#[test]
fn a_failed_batch_comes_again_whole_and_nothing_passes_it() {
    let mut shard = shard(&settings());
    shard.read(records(1..=3), 0);
    let mut now_ms = 0;
    for attempt in 0..50 {
        assert_eq!(wants(&mut shard, now_ms), invoke(1..=3), "attempt {attempt}");
        shard.read(records(4 + attempt..=4 + attempt), now_ms);
        shard.answered(0, &failed(), now_ms);
        let wake_ms = shard.wake_ms().unwrap();
        assert!(wake_ms > now_ms && wake_ms <= now_ms + LATER_MS, "with backoff");
        assert_eq!(wants(&mut shard, wake_ms - 1), None);
        now_ms = wake_ms;
    }
    assert_eq!(shard.position(), Some(Position::At("1".into())));
    assert!(matches!(wants(&mut shard, now_ms), Some(Wants::Invoke(_))));
    let expired = now_ms + RETENTION_MS;
    shard.answered(0, &failed(), expired);
    let discarded = discard(wants(&mut shard, expired));
    assert_eq!(
        (discarded.condition, discarded.records),
        (Condition::RecordAgeExceeded, 3)
    );
}

/// "Discard records after the specified number of retries": the first attempt is none.
#[test]
fn retries_are_counted_and_then_the_batch_is_told_of_and_left() {
    for retries in [0, 1, 3] {
        let mut shard = shard(&Settings {
            batch_size: 2,
            max_retries: Some(retries),
            ..settings()
        });
        shard.read(
            vec![record(1, "k", 10, 4), record(2, "k", 20, 4), record(3, "k", 30, 4)],
            50,
        );
        let mut now_ms = 50;
        for _ in 0..=retries {
            assert_eq!(wants(&mut shard, now_ms), invoke(1..=2));
            shard.answered(0, &failed(), now_ms);
            now_ms += LATER_MS;
        }
        let expected = Discarded {
            condition: Condition::RetryAttemptsExhausted,
            invocations: retries + 1,
            function_error: Some("Unhandled".into()),
            first: "1".parse().unwrap(),
            last: "2".parse().unwrap(),
            first_arrival_ms: 10,
            last_arrival_ms: 20,
            records: 2,
        };
        assert_eq!(discard(wants(&mut shard, now_ms)), expected);
        // Until the destination knows, a restart begins with them.
        assert_eq!(wants(&mut shard, now_ms), None);
        assert_eq!(shard.position(), Some(Position::At("1".into())));
        shard.discarded(0, now_ms);
        assert_eq!(shard.position(), Some(Position::At("3".into())));
        assert_eq!(wants(&mut shard, now_ms), invoke([3]));
    }
}

/// "Service errors or throttles where the batch does not reach your function do not count toward retry attempts."
#[test]
fn throttles_do_not_count() {
    let mut shard = shard(&Settings {
        max_retries: Some(0),
        bisects: true,
        ..settings()
    });
    shard.read(records(1..=2), 0);
    let mut now_ms = 0;
    for _ in 0..20 {
        assert_eq!(wants(&mut shard, now_ms), invoke(1..=2));
        shard.answered(0, &Answer::Unreached("HTTP 429".into()), now_ms);
        assert_eq!(wants(&mut shard, now_ms), None, "with backoff");
        now_ms += LATER_MS;
    }
    assert_eq!(wants(&mut shard, now_ms), invoke(1..=2));
    shard.answered(0, &ok(), now_ms);
    assert_eq!(shard.position(), Some(Position::After("2".into())));
}

/// "If a Lambda event source mapping is unable to invoke the function …, it retries until the records expire or exceed the maximum age
/// configured": only those that do.
#[test]
fn records_that_are_too_old_are_told_of_and_left() {
    let mut shard = shard(&Settings {
        max_age_ms: Some(60_000),
        ..settings()
    });
    shard.read(
        vec![
            record(1, "k", 0, 4),
            record(2, "k", 5_000, 4),
            record(3, "k", 50_000, 4),
        ],
        50_000,
    );
    assert_eq!(wants(&mut shard, 50_000), invoke(1..=3));
    shard.answered(0, &Answer::Unreached("HTTP 503".into()), 65_001);
    let discarded = discard(wants(&mut shard, 65_001));
    let expected = (Condition::RecordAgeExceeded, 0, "1".to_string(), "2".to_string());
    assert_eq!(
        (
            discarded.condition,
            discarded.invocations,
            discarded.first.to_string(),
            discarded.last.to_string()
        ),
        expected
    );
    shard.discarded(0, 65_001);
    assert_eq!(wants(&mut shard, 70_000), invoke([3]));
    // Read when they were too old already.
    shard.answered(0, &ok(), 70_000);
    shard.read(vec![record(4, "k", 1_000, 4)], 90_000);
    assert_eq!(discard(wants(&mut shard, 90_000)).invocations, 0);
}

/// "If the function returns an error, split the batch in two and retry": isolates the bad record. "Splitting a batch does not count towards the
/// retry quota."
#[test]
fn bisecting_isolates_a_bad_record() {
    let mut shard = shard(&Settings {
        bisects: true,
        max_retries: Some(1),
        ..settings()
    });
    shard.read(records(1..=5), 0);
    let (mut now_ms, mut seen, mut given_up) = (0, Vec::new(), Vec::new());
    while let Some(wanted) = wants(&mut shard, now_ms) {
        match wanted {
            Wants::Invoke(batch) => {
                let answer = if batch.contains(&2) { failed() } else { ok() };
                seen.push(batch);
                shard.answered(0, &answer, now_ms);
            }
            Wants::Discard(discarded) => {
                given_up.push((discarded.first.to_string(), discarded.records));
                shard.discarded(0, now_ms);
            }
        }
        now_ms += LATER_MS;
    }
    let expected: [&[u64]; 7] = [&[1, 2, 3, 4, 5], &[1, 2, 3], &[1, 2], &[1], &[2], &[2], &[3]];
    assert_eq!(seen[..7], expected);
    assert_eq!(seen[7..], [vec![4, 5]]);
    assert_eq!(given_up, [("2".to_string(), 1)]);
}

/// "Lambda uses the record with the lowest sequence number as the checkpoint. Lambda then retries all records starting from that
/// checkpoint." And "Lambda retries failures based on your retry strategy".
#[test]
fn a_reported_failure_is_where_the_retry_begins() {
    let mut shard = shard(&Settings {
        reports: true,
        max_retries: Some(2),
        ..settings()
    });
    shard.read(records(1..=5), 0);
    assert_eq!(wants(&mut shard, 0), invoke(1..=5));
    shard.answered(0, &failed_at(3), 0);
    assert_eq!(shard.position(), Some(Position::At("3".into())));
    assert_eq!(wants(&mut shard, LATER_MS), invoke(3..=5));
    shard.answered(0, &failed_at(4), LATER_MS);
    assert_eq!(wants(&mut shard, 2 * LATER_MS), invoke(4..=5));
    shard.answered(0, &failed_at(4), 2 * LATER_MS);
    let discarded = discard(wants(&mut shard, 3 * LATER_MS));
    assert_eq!((discarded.invocations, discarded.records), (3, 2));
    assert_eq!(discarded.function_error, None);
}

/// Without `ReportBatchItemFailures` what the function returns means nothing.
#[test]
fn what_is_returned_means_nothing_unless_it_reports() {
    let mut shard = shard(&settings());
    shard.read(records(1..=5), 0);
    assert_eq!(wants(&mut shard, 0), invoke(1..=5));
    shard.answered(0, &failed_at(3), 0);
    assert_eq!(shard.position(), Some(Position::After("5".into())));
}

/// "When … both BisectBatchOnFunctionError and ReportBatchItemFailures are turned on, the batch is bisected at the returned sequence number and
/// Lambda retries only the remaining records."
#[test]
fn with_both_the_batch_is_bisected_at_the_reported_record() {
    let mut shard = shard(&Settings {
        reports: true,
        bisects: true,
        max_retries: Some(0),
        ..settings()
    });
    shard.read(records(1..=6), 0);
    assert_eq!(wants(&mut shard, 0), invoke(1..=6));
    shard.answered(0, &failed_at(4), 0);
    assert_eq!(wants(&mut shard, LATER_MS), invoke(4..=6));
    // Nothing stands before it: the batch failed whole, and is halved.
    shard.answered(0, &failed_at(4), LATER_MS);
    assert_eq!(wants(&mut shard, 2 * LATER_MS), invoke(4..=5));
    shard.answered(0, &failed_at(4), 2 * LATER_MS);
    assert_eq!(wants(&mut shard, 2 * LATER_MS), invoke([4]));
    shard.answered(0, &failed_at(4), 2 * LATER_MS);
    assert_eq!(discard(wants(&mut shard, 3 * LATER_MS)).first.to_string(), "4");
    shard.discarded(0, 3 * LATER_MS);
    assert_eq!(wants(&mut shard, 3 * LATER_MS), invoke([5]));
}

/// "Process multiple batches from each shard concurrently … Lambda still ensures in-order processing at the partition-key level."
#[test]
fn lanes_run_side_by_side_and_a_key_has_one() {
    let mut shard = shard(&Settings { lanes: 4, ..settings() });
    let keys = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let all = (0..40).map(|number| record(number + 1, keys[number as usize % 8], 0, 4));
    shard.read(all.collect(), 0);
    let work = shard.work(0);
    assert!(work.len() > 1, "{work:?}");
    let held: Vec<Vec<u64>> = work
        .into_iter()
        .map(|(_, work)| match super::said(work) {
            Wants::Invoke(numbers) => numbers,
            Wants::Discard(discarded) => panic!("{discarded:?}"),
        })
        .collect();
    for key in 0..8 {
        let lanes = held
            .iter()
            .filter(|numbers| numbers.iter().any(|number| (number - 1) % 8 == key));
        assert_eq!(lanes.count(), 1, "{}", keys[key as usize]);
    }
    assert_eq!(shard.position(), Some(Position::At("1".into())));
}

/// A closed shard has no more to wait for; it ends when the work of all its records is done.
#[test]
fn a_shard_that_is_closed_does_not_wait_for_its_window() {
    let mut shard = shard(&Settings {
        window_ms: 300_000,
        ..settings()
    });
    shard.read(records(1..=2), 0);
    assert_eq!(wants(&mut shard, 0), None);
    shard.close();
    assert!(!shard.wants_records() && !shard.ended());
    assert_eq!(wants(&mut shard, 0), invoke(1..=2));
    assert!(!shard.ended());
    shard.answered(0, &ok(), 0);
    assert!(shard.ended());
}

/// Memory is bounded: what is read ahead is a payload a lane.
#[test]
fn reading_stops_while_there_is_enough() {
    let mut shard = shard(&settings());
    assert!(shard.wants_records());
    let mega = 1_024 * 1_024;
    shard.read((1..=7).map(|number| record(number, "k", 0, mega)).collect(), 0);
    assert!(!shard.wants_records());
    assert_eq!(wants(&mut shard, 0), invoke(1..=5));
    shard.answered(0, &ok(), 0);
    assert!(shard.wants_records());
}

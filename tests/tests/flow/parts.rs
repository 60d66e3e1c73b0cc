//! Large objects on the local cloud: cut into parts, joined, committed once.

use crate::cloud;
use serde_json::json;
use std::{
    fmt::Write as _,
    sync::PoisonError,
    thread,
    time::{Duration, Instant},
};
use watershed_tests::{Cloud, processes::kill_functions};

/// Rows of the object: about 37 MB, in five parts by what the local cloud sets; each makes a file.
const ROWS: u64 = 600_000;
/// Of so many rows one is refused.
const BAD_EVERY: u64 = 1_000;
/// Times that every running invocation is killed.
const KILLS: u32 = 3;
/// Between two kills.
const KILL_EVERY: Duration = Duration::from_secs(2);
/// Longest until an object stands in its table whose invocations were killed: messages come again after two minutes, some of them
/// more than once.
const KILLED_TIMEOUT: Duration = Duration::from_mins(40);

/// A CSV of so many rows; and the lines of its bad ones, summed up.
fn large(rows: u64) -> (String, u64) {
    let (mut text, mut lines) = ("id,note\n".to_string(), 0);
    let note = "a note that makes the row as long as rows mostly are";
    for id in 1..=rows {
        let bad = id % BAD_EVERY == 0;
        lines += if bad { id + 1 } else { 0 };
        let _ = writeln!(text, "{}{id},{note}", if bad { "x" } else { "" });
    }
    (text, lines)
}

/// Each good row once, each bad one on its line, read in parts.
fn check(cloud: &Cloud, table: &str, rows: u64, lines: u64) {
    let bad = rows / BAD_EVERY;
    assert_eq!(
        cloud.ask(&format!(
            "SELECT count(*) AS n, count(DISTINCT id) AS ids, sum(id)::BIGINT AS sum FROM flow.{table}"
        )),
        json!([{"n": rows - bad, "ids": rows - bad, "sum": rows * (rows + 1) / 2 - BAD_EVERY * bad * (bad + 1) / 2}])
    );
    assert_eq!(
        cloud.ask(&format!(
            "SELECT count(DISTINCT line) AS n, sum(line)::BIGINT AS lines FROM flow.{table}_quarantine"
        )),
        json!([{"n": bad, "lines": lines}])
    );
    let keys = cloud.lake_keys("parts/");
    let records = keys.iter().filter(|key| key.contains("/records/0")).count();
    assert!(records >= 3, "{keys:?}");
}

#[test]
fn an_object_in_parts_stands_in_its_table_once_and_its_bad_rows_on_their_lines() {
    let cloud = cloud();
    let _flowing = cloud.deliveries.read().unwrap_or_else(PoisonError::into_inner);
    let (text, lines) = large(ROWS);
    cloud.put("flow/large/a.csv", text);
    let bad = ROWS / BAD_EVERY;
    cloud.until_rows("flow", "large", ROWS - bad);
    cloud.until_rows("flow", "large_quarantine", bad);
    cloud.settle();
    check(cloud, "large", ROWS, lines);
    let before = cloud.current("flow", "large").expect("the table");
    cloud.send("CompactQueueUrl", r#"{"look": "flow.large"}"#);
    cloud.until("its files are packed", |cloud| {
        let now = cloud.current("flow", "large").expect("the table");
        now.snapshot != before.snapshot && now.rows == before.rows
    });
    check(cloud, "large", ROWS, lines);
    let erase = r#"{"erase": {"dataset": "flow.large", "key": {"id": 7}}}"#;
    cloud.send("CompactQueueUrl", erase);
    cloud.until_rows("flow", "large", before.rows - 1);
    let left = cloud.ask("SELECT min(id) AS id FROM flow.large WHERE id > 6");
    assert_eq!(left, json!([{"id": 8}]));
}

/// Alone: it kills what other tests wait for. `WATERSHED_LARGE_ROWS` makes it larger: 66 million rows are 4 GB, which the local cloud holds in
/// memory.
#[test]
#[ignore = "kills invocations and waits until their messages come again: cargo test --workspace --test flow -- --ignored killed"]
fn an_object_whose_invocations_are_killed_stands_in_its_table_once() {
    let cloud = cloud();
    let _alone = cloud.deliveries.write().unwrap_or_else(PoisonError::into_inner);
    let rows = std::env::var("WATERSHED_LARGE_ROWS").map_or(1_000_000, |rows| rows.parse().expect("a number of rows"));
    let (text, lines) = large(rows);
    cloud.put("flow/killed/a.csv", text);
    let begun = Instant::now();
    let mut killed = 0;
    for _ in 0..KILLS {
        thread::sleep(KILL_EVERY);
        killed += kill_functions(cloud, |path| path.ends_with("/bootstrap"));
    }
    assert!(killed > 0, "nothing was running");
    let bad = rows / BAD_EVERY;
    let has = |table: &str, rows: u64| cloud.current("flow", table).is_some_and(|current| current.rows == rows);
    while !(has("killed", rows - bad) && has("killed_quarantine", bad)) {
        assert!(
            begun.elapsed() < KILLED_TIMEOUT,
            "{killed} were killed, and nothing came"
        );
        thread::sleep(KILL_EVERY);
    }
    check(cloud, "killed", rows, lines);
}

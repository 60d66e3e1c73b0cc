//! Large objects on the local cloud: cut into parts, joined, committed once.

use crate::cloud;
use serde_json::json;
use std::{fmt::Write as _, sync::PoisonError};

/// Rows of the object.
const ROWS: u64 = 400_000;
/// Of so many rows one is refused.
const BAD_EVERY: u64 = 1_000;

/// A CSV of about 25 MB, in three parts by what the local cloud sets; and the lines of its bad rows, summed up.
fn large() -> (String, u64) {
    let (mut text, mut lines) = ("id,note\n".to_string(), 0);
    let note = "a note that makes the row as long as rows mostly are";
    for id in 1..=ROWS {
        let bad = id % BAD_EVERY == 0;
        lines += if bad { id + 1 } else { 0 };
        let _ = writeln!(text, "{}{id},{note}", if bad { "x" } else { "" });
    }
    (text, lines)
}

#[test]
fn an_object_in_parts_stands_in_its_table_once_and_its_bad_rows_on_their_lines() {
    let cloud = cloud();
    let _flowing = cloud.deliveries.read().unwrap_or_else(PoisonError::into_inner);
    let (text, lines) = large();
    cloud.put("flow/large/a.csv", text);
    let bad = ROWS / BAD_EVERY;
    cloud.until_rows("flow", "large", ROWS - bad);
    cloud.until_rows("flow", "large_quarantine", bad);
    cloud.settle();
    assert_eq!(
        cloud.ask("SELECT count(*) AS n, count(DISTINCT id) AS ids, sum(id)::BIGINT AS sum FROM flow.large"),
        json!([{"n": ROWS - bad, "ids": ROWS - bad, "sum": ROWS * (ROWS + 1) / 2 - BAD_EVERY * bad * (bad + 1) / 2}])
    );
    assert_eq!(
        cloud.ask("SELECT count(DISTINCT line) AS n, sum(line)::BIGINT AS lines FROM flow.large_quarantine"),
        json!([{"n": bad, "lines": lines}])
    );
    let keys = cloud.lake_keys("parts/");
    let records = keys.iter().filter(|key| key.contains("/records/0")).count();
    assert!(records >= 3, "{keys:?}");
}

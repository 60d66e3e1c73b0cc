//! What the tables hold, and what DuckDB works out of what was sent.

use crate::{DATABASE, TABLE};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use watershed_local::lake::Format;
use watershed_tests::Cloud;

/// Begins of windows are compared as milliseconds since 1970: of those of a minute, and of those of a quarter of an hour that begin every five minutes.
const MINUTES: &str = "SELECT *, epoch_ms(happened) // 60000 * 60000 AS start FROM";
const SLIDES: &str = "SELECT *, epoch_ms(happened) // 300000 * 300000 - back * 300000 AS start FROM (VALUES (0), (1), (2)) AS slides(back),";

/// Asserts that both are the same: `files` are what was sent, and what of it is refused.
pub fn tables(cloud: &Cloud, (input, refused): &(PathBuf, PathBuf)) {
    let sent = sent(input);
    let queries = [
        ("rows", rows(&sent)),
        ("quarantine", quarantine(refused)),
        ("late", late(&sent)),
        ("minutely", windows(&sent, "minutely", "device", MINUTES)),
        ("sliding", windows(&sent, "sliding", "metric", SLIDES)),
        ("minutely kinds", kinds("minutely")),
        ("sliding kinds", kinds("sliding")),
    ];
    let titled: Vec<(&str, &str)> = queries.iter().map(|(title, query)| (*title, query.as_str())).collect();
    let answer = cloud
        .reader
        .report(&titled, Format::Json)
        .unwrap_or_else(|error| panic!("{error}"));
    let answer: Value = serde_json::from_str(&answer).expect("the reader prints JSON");
    println!("{answer:#}");
    for (title, _) in &queries[..5] {
        let found = &answer[title][0];
        assert!(found["expected"].as_u64() > Some(0), "{title}: {found}");
        assert_eq!(found["found"], found["expected"], "{title}");
        assert_eq!(
            (&found["other"], &found["repeated"]),
            (&json!(0), &json!(0)),
            "{title}: {found}"
        );
    }
    let of = |window: &str, kind: &str| {
        let kinds = answer[format!("{window} kinds")]
            .as_array()
            .cloned()
            .unwrap_or_default();
        kinds.iter().any(|row| row["kind"] == kind)
    };
    // Or the run had nothing of what is hard.
    for (window, kind) in [
        ("minutely", "correction"),
        ("minutely", "retracted"),
        ("sliding", "early"),
    ] {
        assert!(of(window, kind), "{window}: {kind}: {answer:#}");
    }
}

/// What was sent and is not refused. Values are taken as they stand there, so that none is rounded.
fn sent(input: &Path) -> String {
    format!(
        "(SELECT json ->> 'fate' AS fate, json ->> 'device_id' AS device, CAST(json ->> 'ts' AS TIMESTAMPTZ) AS happened, \
         json ->> 'metric' AS metric, CAST(json ->> 'value' AS DECIMAL(9, 3)) AS value, CAST(json ->> 'seq' AS BIGINT) AS seq \
         FROM read_ndjson_objects('{}'))",
        input.display()
    )
}

fn rows(sent: &str) -> String {
    let table = format!("{DATABASE}.{TABLE}");
    format!(
        "SELECT (SELECT count(*) FROM {table}) AS found, (SELECT count(*) FROM {sent}) AS expected, \
         (SELECT count(*) - count(DISTINCT seq) FROM {table}) AS repeated, \
         (SELECT CAST(sum(value) AS VARCHAR) FROM {table}) AS total, (SELECT CAST(sum(seq) AS BIGINT) FROM {table}) AS numbers, \
         (SELECT count(*) FROM {table} f FULL JOIN {sent} e ON f.seq = e.seq WHERE (f.device, f.\"at\", f.metric, f.value) \
         IS DISTINCT FROM (e.device, e.happened, e.metric, e.value)) AS other"
    )
}

/// Each by its place in the stream. The emulator's sequence numbers begin with zeros, those of Kinesis do not.
fn quarantine(refused: &Path) -> String {
    let table = format!("{DATABASE}.{TABLE}_quarantine");
    let expected = format!(
        "(SELECT json ->> 'shard' AS shard, ltrim(json ->> 'sequence', '0') AS sequence, CAST(json ->> 'sub' AS BIGINT) AS sub, \
         json ->> 'reason' AS reason FROM read_ndjson_objects('{}'))",
        refused.display()
    );
    format!(
        "SELECT (SELECT count(*) FROM {table}) AS found, (SELECT count(*) FROM {expected}) AS expected, \
         (SELECT count(*) - count(DISTINCT (shard, sequence_number, sub_sequence_number)) FROM {table}) AS repeated, \
         (SELECT count(*) FROM {table} f FULL JOIN {expected} e ON f.shard = e.shard AND f.sequence_number = e.sequence \
         AND f.sub_sequence_number = e.sub WHERE f.reason IS DISTINCT FROM e.reason) AS other"
    )
}

/// Each late row once: it missed the windows of both kinds.
fn late(sent: &str) -> String {
    let found = format!(
        "(SELECT *, CAST(json_extract(decode(raw), '$.seq') AS BIGINT) AS seq FROM {DATABASE}.{TABLE}_late WHERE \"window\" IS NULL)"
    );
    let expected = format!("(SELECT * FROM {sent} WHERE fate <> 'in time')");
    format!(
        "SELECT (SELECT count(*) FROM {DATABASE}.{TABLE}_late) AS found, (SELECT count(*) FROM {expected}) AS expected, \
         (SELECT count(*) - count(DISTINCT seq) FROM {found}) AS repeated, \
         (SELECT count(*) FROM {found} f FULL JOIN {expected} e ON f.seq = e.seq WHERE (f.reason, f.event_time) \
         IS DISTINCT FROM (e.fate, e.happened)) AS other"
    )
}

/// Windows that the closing readings have closed: of each part the highest revision, parts put together.
fn windows(sent: &str, window: &str, key: &str, starts: &str) -> String {
    let table = format!("{DATABASE}.{TABLE}_{window}");
    let found = format!(
        "(SELECT {key} AS key, epoch_ms(window_start) AS start, CAST(sum(readings) AS BIGINT) AS readings, \
         CAST(sum(measured) AS BIGINT) AS measured, sum(total) AS total, min(lowest) AS lowest, max(highest) AS highest \
         FROM (SELECT * FROM {table} QUALIFY row_number() OVER (PARTITION BY id ORDER BY revision DESC) = 1) \
         WHERE kind <> 'retracted' AND window_end <= (SELECT min(happened) FROM {sent} WHERE device = 'closing') GROUP BY ALL)"
    );
    let expected = format!(
        "(SELECT {key} AS key, start, count(*) AS readings, count(value) AS measured, sum(value) AS total, min(value) AS lowest, \
         max(value) AS highest FROM ({starts} {sent}) WHERE fate = 'in time' AND device <> 'closing' GROUP BY ALL)"
    );
    format!(
        "SELECT (SELECT count(*) FROM {found}) AS found, (SELECT count(*) FROM {expected}) AS expected, \
         (SELECT count(*) - count(DISTINCT (id, revision)) FROM {table}) AS repeated, \
         (SELECT count(*) FROM {found} f FULL JOIN {expected} e ON f.key = e.key AND f.start = e.start \
         WHERE (f.readings, f.measured, f.total, f.lowest, f.highest) \
         IS DISTINCT FROM (e.readings, e.measured, e.total, e.lowest, e.highest)) AS other"
    )
}

fn kinds(window: &str) -> String {
    format!(
        "SELECT kind, count(*) AS firings, count(DISTINCT shard) AS shards FROM {DATABASE}.{TABLE}_{window} GROUP BY kind ORDER BY kind"
    )
}

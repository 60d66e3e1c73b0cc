//! Other engines: pyiceberg appends in between, and reads the past.

use crate::{cloud, csv};
use serde_json::{Value, json};
use std::{fs, path::Path, sync::PoisonError};
use watershed_local::lake::Format;
use watershed_tests::Cloud;

fn snapshots(cloud: &Cloud) -> Vec<Value> {
    let text = cloud
        .reader
        .snapshots("flow.shared", Format::Json)
        .unwrap_or_else(|error| panic!("{error}"));
    serde_json::from_str(&text).expect("the reader prints JSON")
}

#[test]
fn pyiceberg_appends_in_between_and_reads_the_past() {
    let cloud = cloud();
    let _flowing = cloud.deliveries.read().unwrap_or_else(PoisonError::into_inner);
    cloud.put("flow/shared/a.csv", csv(1..=10, "first"));
    cloud.until_rows("flow", "shared", 10);
    let first = cloud.current("flow", "shared").expect("a snapshot").snapshot;

    let rows = Path::new(env!("CARGO_TARGET_TMPDIR")).join("append.json");
    fs::write(
        &rows,
        r#"[{"id": 1001, "note": "theirs"}, {"id": 1002, "note": "theirs"}]"#,
    )
    .expect("it can be written");
    cloud
        .reader
        .append("flow.shared", &rows)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(cloud.current("flow", "shared").expect("a snapshot").rows, 12);

    // A new version of the file takes the place of the old one, and leaves the rows of others alone.
    cloud.put("flow/shared/a.csv", csv(1..=4, "second"));
    cloud.put("flow/shared/b.csv", csv(21..=23, "second"));
    cloud.until_rows("flow", "shared", 4 + 3 + 2);
    cloud.settle();
    let by_note = "SELECT note, count(*) AS n FROM flow.shared GROUP BY note ORDER BY note";
    assert_eq!(
        cloud.ask(by_note),
        json!([{"note": "second", "n": 7}, {"note": "theirs", "n": 2}])
    );

    let past = format!("SELECT note, count(*) AS n FROM flow.\"shared@{first}\" GROUP BY note");
    assert_eq!(cloud.ask(&past), json!([{"note": "first", "n": 10}]));
    let history = snapshots(cloud);
    assert!(history.len() >= 3, "{history:?}");
    assert_eq!(history[0]["snapshot"], first);
}

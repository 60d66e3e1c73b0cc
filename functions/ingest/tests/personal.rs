//! Personal data never gets out: not in the table, not in quarantine, not in a message.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{Files, dataset, raws, rows, run, texts};
use watershed_decode::{
    HashKey, Reason,
    personal::{REDACTED, WITHHELD},
};
use watershed_ingest::pipeline::Report;

const SCHEMA: &str = r#"
    properties:
      - {name: id, logicalType: integer, physicalType: BIGINT, required: true}
      - name: email
        logicalType: string
        classification: personal
        logicalTypeOptions: {pattern: "@"}
        customProperties: [{property: watershed, value: {personal: hash, case: lower, nulls: [""]}}]
      - name: name
        logicalType: string
        classification: personal
        customProperties: [{property: watershed, value: {personal: redact, nulls: [""]}}]
      - name: born
        logicalType: date
        classification: personal
        customProperties: [{property: watershed, value: {personal: drop}}]
      - {name: note, logicalType: string}
"#;

/// What must not be found anywhere.
const PRIVATE: [&str; 4] = ["ann@example.org", "Ann", "1990-05-01", "not-an-address"];

fn nothing_is_told(report: &Report, files: &Files) {
    let mut told = format!("{report:?}");
    for table in ["data", "quarantine"] {
        for batch in rows(files, table) {
            for column in batch.columns() {
                told.push_str(&format!("{column:?}"));
            }
            told.push_str(&batch.schema().to_string());
        }
    }
    told.push_str(
        &raws(&rows(files, "quarantine"))
            .iter()
            .map(|raw| String::from_utf8_lossy(raw).into_owned())
            .collect::<String>(),
    );
    for private in PRIVATE {
        assert!(!told.contains(private), "{private} is told: {told}");
    }
}

#[test]
fn columns_are_hashed_redacted_and_dropped() {
    let dataset = dataset("format: csv", SCHEMA);
    let csv =
        "id,name,email,born,note\n1,Ann, Ann@Example.org,1990-05-01,x\n2,,,,\n3,Ann,ann@example.org,1990-05-01,y\n";
    let (report, files) = run(&dataset, csv.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (3, 0));
    let data = rows(&files, "data");
    let hash = HashKey::new(b"a key of the tests").hash(b"ann@example.org");
    assert_eq!(texts(&data, "email"), [Some(hash.clone()), None, Some(hash)]);
    assert_eq!(
        texts(&data, "name"),
        [Some(REDACTED.into()), None, Some(REDACTED.into())]
    );
    assert!(data[0].column_by_name("born").is_none());
    nothing_is_told(&report, &files);
}

#[test]
fn refused_rows_show_what_is_not_personal() {
    let dataset = dataset("format: csv", SCHEMA);
    let csv = "id,name,email,born,note\nx,Ann,ann@example.org,1990-05-01,why\n2,Ann,not-an-address,1990-05-01,z\n\
        3,Ann,ann@example.org,1990-05-01\n4,\"Ann\" ann@example.org,,,\n";
    let (report, files) = run(&dataset, csv.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (0, 4));
    let refused = rows(&files, "quarantine");
    let raws: Vec<String> = raws(&refused)
        .into_iter()
        .map(|raw| String::from_utf8(raw).unwrap())
        .collect();
    assert_eq!(
        raws[0],
        r#"{"id": "x", "email": "[redacted]", "name": "[redacted]", "note": "why"}"#
    );
    assert_eq!(raws[2..], [WITHHELD, WITHHELD]);
    let messages = texts(&refused, "message");
    assert_eq!(messages[0].as_deref(), Some("id: `x` is not a whole number"));
    assert_eq!(
        messages[1].as_deref(),
        Some("email: pattern; personal data is not shown")
    );
    nothing_is_told(&report, &files);
}

#[test]
fn a_refused_object_shows_nothing() {
    let dataset = dataset("format: csv", SCHEMA);
    let (report, files) = run(&dataset, b"Ann,ann@example.org,1990-05-01\n1,2,3\n").unwrap();
    assert_eq!(report.object.as_ref().map(|reject| reject.reason), Some(Reason::Header));
    nothing_is_told(&report, &files);
}

#[test]
fn a_refused_object_tells_what_holds_no_value() {
    let lines = "newline-delimited JSON; send one JSON object a line, or mend the contract's format";
    for (format, bytes, told) in [
        (
            "format: csv",
            &b"Ann,ann@example.org,1990-05-01\n1,2,3\n"[..],
            "the header, of 3 fields, lacks `id`: correct the file, or the columns' `source` names or `header` in the contract; personal data is not shown",
        ),
        (
            "format: csv",
            b"id,id,email,Ann\n",
            "the header names `id` 2 times: name every column once",
        ),
        (
            "format: csv",
            b"\"Ann\n",
            "the header has a quoted field that does not end: close the quote, or double a quote inside it; personal data is not shown",
        ),
        (
            "format: csv",
            b"id,Ann\xff\n",
            "field 2 of the header is not utf-8; personal data is not shown",
        ),
        (
            "format: csv",
            b"\xff\xfea\0",
            "the object begins with the byte order mark of utf-16, the contract says utf-8: write `encoding: utf-16` in the contract, or save the object as utf-8",
        ),
        (
            "format: json",
            b"Ann\n",
            &format!("the object is not {lines}; personal data is not shown"),
        ),
        (
            "format: parquet",
            b"Ann ann@example.org",
            "the object is not Parquet; personal data is not shown",
        ),
    ] {
        let (report, files) = run(&dataset(format, SCHEMA), bytes).unwrap();
        assert_eq!(texts(&rows(&files, "quarantine"), "message"), [Some(told.to_string())]);
        nothing_is_told(&report, &files);
    }
}

#[test]
fn json_and_files_without_header_are_treated_alike() {
    let json = "{\"id\": 1, \"name\": \"Ann\", \"email\": \"ann@example.org\", \"born\": \"1990-05-01\"}\n\
        {\"id\": \"x\", \"name\": \"Ann\", \"born\": \"1990-05-01\"}\n{\"id\": 1, \"name\": \"Ann\n";
    let (report, files) = run(&dataset("format: json", SCHEMA), json.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (1, 2));
    nothing_is_told(&report, &files);

    let schema = format!("    customProperties: [{{property: watershed, value: {{header: false}}}}]{SCHEMA}");
    let csv = "1,ann@example.org,Ann,1990-05-01,x\n";
    let (report, files) = run(&dataset("format: csv", &schema), csv.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (1, 0));
    assert_eq!(texts(&rows(&files, "data"), "note"), [Some("x".into())]);
    nothing_is_told(&report, &files);
}

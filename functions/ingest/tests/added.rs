//! Whatever keys records have, the table has their values.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{dataset, rows, run, texts};
use proptest::prelude::*;

const SCHEMA: &str = r"    customProperties: [{property: watershed, value: {unknownColumns: add, nulls: [NA]}}]
    properties:
      - {name: id, logicalType: integer, required: true, primaryKey: true}
      - {name: name, logicalType: string}
      - {name: city, logicalType: string, customProperties: [{property: watershed, value: {source: City Name}}]}
";

/// Keys of the records below: two of the contract, and some that it does not name.
const KEYS: [&str; 5] = ["name", "City Name", "a.b", "C", "d_e"];
/// The columns that they are.
const NAMES: [&str; 5] = ["name", "city", "a_b", "c", "d_e"];

/// For each record which keys it has, with which values; values are no null and have no white space at an end.
fn records() -> impl Strategy<Value = Vec<[Option<String>; 5]>> {
    let value = || proptest::option::of("[a-z0-9é\\\\\"{,:]{1,8}");
    proptest::collection::vec([value(), value(), value(), value(), value()], 1..20)
}

fn json_lines(records: &[[Option<String>; 5]]) -> String {
    let line = |(id, record): (usize, &[Option<String>; 5])| {
        let values = KEYS
            .iter()
            .zip(record)
            .filter_map(|(key, value)| Some((key, value.as_ref()?)));
        let fields: String = values
            .map(|(key, value)| format!(", {}: {}", serde_json::json!(key), serde_json::json!(value)))
            .collect();
        format!("{{\"id\": {id}{fields}}}\n")
    };
    records.iter().enumerate().map(line).collect()
}

fn csv(records: &[[Option<String>; 5]]) -> String {
    let quoted = |value: &Option<String>| match value {
        Some(value) => format!("\"{}\"", value.replace('"', "\"\"")),
        None => "NA".into(),
    };
    let line = |(id, record): (usize, &[Option<String>; 5])| {
        let fields: Vec<String> = record.iter().map(quoted).collect();
        format!("{id},{}\n", fields.join(","))
    };
    let lines: String = records.iter().enumerate().map(line).collect();
    format!("id,{}\n{lines}", KEYS.join(","))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_of_every_key_is_in_the_table(records in records()) {
        for (format, bytes) in [("format: json", json_lines(&records)), ("format: csv", csv(&records))] {
            let (report, files) = run(&dataset(format, SCHEMA), bytes.as_bytes()).unwrap();
            prop_assert_eq!((report.accepted, report.rejected), (records.len() as u64, 0), "{}", format);
            let data = rows(&files, "data");
            for (at, name) in NAMES.iter().enumerate() {
                let expected: Vec<Option<String>> = records.iter().map(|record| record[at].clone()).collect();
                let is_there = at < 2 || format == "format: csv" || expected.iter().any(Option::is_some);
                prop_assert_eq!(data[0].column_by_name(name).is_some(), is_there, "{} of {}", name, format);
                if is_there {
                    prop_assert_eq!(texts(&data, name), expected, "{} of {}", name, format);
                }
            }
        }
    }
}

//! What contracts promise of tables as a whole: rows, and freshness.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use watershed_contract::{Expectation, Expected, MILLIONTHS, Threshold, parse};

const HOUR_MS: i64 = 3_600_000;

/// A contract with these entries of `slaProperties` and `quality`.
fn contract(sla: &str, quality: &str) -> String {
    format!(
        "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: seen\nstatus: active\ndomain: d\n\
         servers: [{{server: raw, type: s3, location: \"s3://{{raw}}/seen/*.csv\", format: csv}}]\n\
         slaProperties: [{sla}]\n\
         schema:\n- name: seen\n  quality: [{quality}]\n\
         \x20 properties: [{{name: at, logicalType: timestamp}}, {{name: n, logicalType: integer}}]\n"
    )
}

fn read(sla: &str, quality: &str) -> (Vec<Expectation>, usize) {
    let datasets = parse("seen.odcs.yaml", &contract(sla, quality)).unwrap();
    (datasets[0].expectations.clone(), datasets[0].quality.len())
}

const OF_TABLE: &str = "customProperties: [{property: watershed, value: {of: table}}]";

#[test]
fn promises_of_freshness_are_read_by_the_standards_words() {
    let (found, _) = read(
        "{property: frequency, value: 90, unit: min, element: seen}, {property: latency, value: 4, unit: h, element: seen.at}, \
         {property: freshness, value: 2, unit: weeks, element: seen.at}, {property: availability, value: 99.9, unit: percent}, \
         {property: latency, value: 4, unit: d}",
        "",
    );
    let expected = |name: &str, of| Expectation { name: name.into(), of };
    assert_eq!(
        found,
        [
            expected("frequency", Expected::Frequency(90 * 60_000)),
            expected("latency of at", Expected::Latency(0, 4 * HOUR_MS)),
            expected("freshness of at", Expected::Latency(0, 14 * 24 * HOUR_MS)),
        ]
    );
}

#[test]
fn a_row_count_is_of_each_object_unless_it_says_of_the_table() {
    let of_objects = "{metric: rowCount, mustBeGreaterThan: 0}";
    let (found, rules) = read(
        "",
        &format!("{of_objects}, {{name: all, metric: rowCount, mustBe: 5, {OF_TABLE}}}"),
    );
    let rows = Expected::Rows(Threshold::Be(5 * MILLIONTHS));
    assert_eq!(
        (found, rules),
        (
            vec![Expectation {
                name: "all".into(),
                of: rows
            }],
            1
        )
    );
}

#[test]
fn what_is_wrong_is_told_with_what_to_write() {
    let latency = |element: &str| format!("{{property: latency, value: 1, unit: d, element: {element}}}");
    let table = |rule: &str| format!("{{{rule}, {OF_TABLE}}}");
    for (sla, quality, message) in [
        (latency("seen"), String::new(), "does not say of which column"),
        (latency("seen.n"), String::new(), "a latency of n, which is long"),
        (latency("seen.x"), String::new(), "no column \"x\""),
        (latency("other"), String::new(), "is of no schema object"),
        ("{property: frequency, value: 1, unit: m, element: seen}".into(), String::new(), "unit"),
        ("{property: frequency, value: 11, unit: y, element: seen}".into(), String::new(), "at most 3660 days"),
        (String::new(), table("metric: nullValues, mustBe: 0"), "metric"),
        (String::new(), table("metric: rowCount"), "without threshold"),
        (
            String::new(),
            "{metric: rowCount, mustBe: 1, customProperties: [{property: watershed, value: {of: table, onFailure: warn}}]}".into(),
            "onFailure",
        ),
        (
            String::new(),
            "{metric: rowCount, mustBe: 1, customProperties: [{property: watershed, value: {of: object}}]}".into(),
            "of",
        ),
    ] {
        let errors = parse("seen.odcs.yaml", &contract(&sla, &quality)).expect_err(&format!("{sla}{quality}"));
        assert!(errors.to_string().contains(message), "{sla}{quality}: {errors}");
    }
}

//! Quality rules, through the whole pipeline: rows refused, objects refused, warnings, bounds.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{Files, dataset, raws, rows, run, texts};
use std::collections::BTreeMap;
use watershed_contract::OnFailure;
use watershed_decode::Reason;
use watershed_ingest::pipeline::Report;

/// A number, a text and a date, with these rules of the object and of `n`.
fn ruled(object: &str, column: &str) -> String {
    format!(
        r#"
    quality: [{object}]
    properties:
      - {{name: id, logicalType: integer, required: true}}
      - {{name: n, logicalType: integer, quality: [{column}]}}
      - {{name: s, logicalType: string, customProperties: [{{property: watershed, value: {{nulls: [""]}}}}]}}
      - {{name: day, logicalType: date}}
"#
    )
}

const CSV: &str = "id,n,s,day\n1,5,a,2012-12-31\n2,,b,2012-12-30\n3,7,a,\n4,7,,2012-12-29\n";

fn of(object: &str, column: &str) -> (Report, Files) {
    run(&dataset("format: csv", &ruled(object, column)), CSV.as_bytes()).unwrap()
}

fn row_rule(row: &str) -> String {
    format!("{{name: a rule, type: custom, engine: watershed, implementation: {{row: \"{row}\"}}}}")
}

/// Rule, found, wanted, whether it holds.
fn told(report: &Report) -> Vec<(&str, &str, &str, bool)> {
    let results = report.quality.iter();
    results
        .map(|result| {
            (
                result.rule.as_str(),
                result.found.as_str(),
                result.wanted.as_str(),
                result.passed,
            )
        })
        .collect()
}

#[test]
fn a_row_that_breaks_a_rule_is_refused_with_its_name() {
    let (report, files) = of(&row_rule("n < 7 or s is not null"), "");
    assert_eq!((report.accepted, report.rejected), (3, 1));
    assert_eq!(report.by_reason, BTreeMap::from([(Reason::Quality, 1)]));
    let refused = rows(&files, "quarantine");
    assert_eq!(texts(&refused, "reason"), [Some("quality".into())]);
    assert_eq!(
        texts(&refused, "message"),
        [Some("the row breaks the rule `a rule`".into())]
    );
    assert_eq!(texts(&refused, "column"), [None]);
    assert_eq!(raws(&refused), [b"4,7,,2012-12-29"]);
    // Row 2 has neither: null is not false.
    assert_eq!(told(&report), [("a rule", "1 row", "0 rows", false)]);
    assert_eq!(report.quality[0].on_failure, OnFailure::RejectRow);
}

#[test]
fn a_rule_that_cannot_be_worked_out_refuses_the_row() {
    let (report, files) = of("", &row_rule("div(id, n - 5) >= 0"));
    assert_eq!((report.accepted, report.rejected), (3, 1));
    let message = texts(&rows(&files, "quarantine"), "message")[0].clone().unwrap();
    assert_eq!(
        message,
        "n: cannot be held against the rule `a rule`: `div(id, n - 5)` divides by zero"
    );
}

#[test]
fn rules_of_the_object_hold_at_their_bounds_exactly() {
    let rule = |metric: &str, threshold: &str| format!("{{metric: {metric}, {threshold}}}");
    // Metric, where it stands, threshold at which it just holds, and the next at which it does not.
    let cases = [
        ("rowCount", false, "mustBeGreaterOrEqualTo: 4", "mustBeGreaterThan: 4"),
        ("rowCount", false, "mustBeBetween: [4, 9]", "mustBeBetween: [5, 9]"),
        (
            "rowCount",
            false,
            "mustNotBeBetween: [5, 9]",
            "mustNotBeBetween: [4, 9]",
        ),
        ("nullValues", true, "mustBe: 1", "mustBe: 0"),
        (
            "nullValues",
            true,
            "mustBeLessOrEqualTo: 25, unit: percent",
            "mustBeLessThan: 25, unit: percent",
        ),
        (
            "missingValues, arguments: {missingValues: [5]}",
            true,
            "mustBeLessThan: 3",
            "mustBeLessThan: 2",
        ),
        (
            "invalidValues, arguments: {validValues: [5]}",
            true,
            "mustBeLessOrEqualTo: 50, unit: percent",
            "mustBeLessOrEqualTo: 49.999999, unit: percent",
        ),
        ("duplicateValues", true, "mustBe: 1", "mustNotBe: 1"),
        (
            "duplicateValues, arguments: {properties: [n, s]}",
            false,
            "mustBe: 0",
            "mustBeGreaterThan: 0",
        ),
    ];
    for (metric, is_of_column, holds, breaks) in cases {
        for (threshold, expected) in [(holds, true), (breaks, false)] {
            let rule = rule(metric, threshold);
            let (report, files) = if is_of_column { of("", &rule) } else { of(&rule, "") };
            assert_eq!(report.quality[0].passed, expected, "{rule}: {report:?}");
            assert_eq!(report.object.is_none(), expected, "{rule}");
            let accepted = rows(&files, "data")
                .iter()
                .map(arrow_array::RecordBatch::num_rows)
                .sum::<usize>();
            assert_eq!(accepted, if expected { 4 } else { 0 }, "{rule}");
        }
    }
}

#[test]
fn an_object_that_breaks_a_rule_is_one_row_of_quarantine() {
    let rules = "{metric: rowCount, mustBeGreaterThan: 1000}, {name: known, metric: duplicateValues, mustBe: 0, arguments: {properties: [n]}}";
    let schema = ruled(rules, "").replace("{name: s,", "{name: s, logicalTypeOptions: {maxLength: 0},");
    let (report, files) = run(&dataset("format: csv", &schema), CSV.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (0, 0));
    assert!(rows(&files, "data").is_empty());
    let refused = rows(&files, "quarantine");
    // Rows that had been refused by themselves are in it: the object's row only.
    assert_eq!(texts(&refused, "scope"), [Some("object".into())]);
    assert_eq!(texts(&refused, "reason"), [Some("quality".into())]);
    let message = texts(&refused, "message")[0].clone().unwrap();
    assert_eq!(
        message,
        "rule `rowCount`: 1 row, where it must be greater than 1000 rows"
    );
    assert_eq!(told(&report)[1], ("known", "0 rows", "0 rows", true));
}

#[test]
fn a_warning_refuses_nothing() {
    for mild in [
        "severity: warning",
        "customProperties: [{property: watershed, value: {onFailure: warn}}]",
    ] {
        let (report, _) = of(&format!("{{metric: rowCount, mustBe: 5, {mild}}}"), "");
        assert_eq!((report.accepted, report.rejected), (4, 0));
        assert_eq!(told(&report), [("rowCount", "4 rows", "5 rows", false)]);
        assert_eq!(report.quality[0].on_failure, OnFailure::Warn);
    }
    let invalid = "{metric: invalidValues, arguments: {validValues: [7]}, mustBe: 0, severity: info}";
    let (report, _) = of("", invalid);
    assert_eq!((report.accepted, report.rejected), (4, 0));
    assert_eq!(told(&report), [("invalidValues of n", "1 row", "0 rows", false)]);
}

#[test]
fn values_of_every_type_are_refused_by_the_row() {
    let rule = "{metric: invalidValues, arguments: {validValues: [7, 9]}, mustBe: 0}";
    let (report, files) = of("", rule);
    assert_eq!((report.accepted, report.rejected), (3, 1));
    assert_eq!(
        texts(&rows(&files, "quarantine"), "message"),
        [Some("n: breaks the rule `invalidValues of n`".into())]
    );
    let null =
        "{metric: nullValues, mustBe: 0, customProperties: [{property: watershed, value: {onFailure: rejectRow}}]}";
    let (report, _) = of("", null);
    assert_eq!((report.accepted, report.rejected), (3, 1));
}

#[test]
fn an_enumeration_is_told_among_the_rules() {
    let schema = "    properties:\n      - {name: s, logicalType: string, quality: [{metric: invalidValues, arguments: {validValues: [a]}, mustBe: 0}]}\n";
    let (report, _) = run(&dataset("format: csv", schema), b"s\na\nb\nc\n").unwrap();
    assert_eq!(report.by_reason, BTreeMap::from([(Reason::Enumeration, 2)]));
    assert_eq!(told(&report), [("invalidValues of s", "2 rows", "0 rows", false)]);
}

#[test]
fn a_freshness_is_measured_to_the_time_of_the_object() {
    // The object is of 2013-01-01T10:00:00Z; its newest day begins 34 hours before.
    let rule = |maximum: &str| {
        format!(
            "{{type: custom, engine: watershed, implementation: {{freshness: {{column: day, maximum: {maximum}}}}}}}"
        )
    };
    let (report, _) = of(&rule("34h"), "");
    assert_eq!(told(&report), [("freshness of day", "34 h", "at most 34 h", true)]);
    let (report, _) = of(&rule("2039m"), "");
    assert_eq!(told(&report), [("freshness of day", "34 h", "at most 33.98 h", false)]);
    assert_eq!(report.object.map(|reject| reject.reason), Some(Reason::Quality));
    let (report, _) = run(&dataset("format: csv", &ruled(&rule("34h"), "")), b"id,n,s,day\n1,,,\n").unwrap();
    assert_eq!(told(&report), [("freshness of day", "no value", "at most 34 h", false)]);
}

#[test]
fn rows_that_something_else_refused_are_not_counted() {
    let rule = "{metric: rowCount, mustBe: 2}";
    let schema = ruled(rule, "{metric: nullValues, mustBe: 0, unit: percent}");
    let (report, _) = run(&dataset("format: csv", &schema), b"id,n,s,day\n1,1,,\nx,,,\n2,2,,\n").unwrap();
    assert_eq!((report.accepted, report.rejected), (2, 1));
    assert!(report.quality.iter().all(|result| result.passed), "{report:?}");
}

#[test]
fn rules_are_measured_again_where_an_object_is_read_twice() {
    // Repeated keys far apart: the first pass finds them too late.
    let schema = "
    quality: [{metric: rowCount, mustBe: 1000000}]
    properties: [{name: id, logicalType: integer, required: true, primaryKey: true}]
";
    let mut csv = String::from("id\n");
    for id in (0..1_000_000).rev() {
        csv.push_str(&format!("{id}\n"));
    }
    csv.push_str("3\n");
    let (report, _) = run(&dataset("format: csv", schema), csv.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected, report.passes), (1_000_000, 1, 2));
    assert_eq!(told(&report), [("rowCount", "1000000 rows", "1000000 rows", true)]);
}

#[test]
fn personal_data_is_computed_with_and_not_shown() {
    let schema = r#"
    quality:
      - {name: people have addresses, type: custom, engine: watershed, implementation: {row: "email like '%@%'"}}
      - {metric: duplicateValues, arguments: {properties: [email]}, mustBe: 0}
    properties:
      - name: email
        logicalType: string
        classification: personal
        customProperties: [{property: watershed, value: {personal: redact}}]
      - name: user
        logicalType: string
        classification: personal
        transformLogic: split_part(email, '@', 1)
        customProperties: [{property: watershed, value: {personal: hash}}]
      - name: age
        logicalType: string
        classification: personal
        transformLogic: cast(cast(email as int) as string)
        customProperties: [{property: watershed, value: {personal: redact}}]
"#;
    let computed = dataset("format: csv", schema);
    let (report, files) = run(&computed, b"email\nann@example.org\nmallory\n").unwrap();
    let mut all = format!("{report:?}");
    let refused = rows(&files, "quarantine");
    all.extend(texts(&refused, "message").into_iter().flatten());
    for raw in raws(&refused) {
        all.push_str(&String::from_utf8(raw).unwrap());
    }
    assert!(!all.contains("ann") && !all.contains("mallory"), "{all}");
    assert!(all.contains("age: `cast(email as int)` is no int"), "{all}");
    assert!(all.contains(r#"{"email": "[redacted]"}"#), "{all}");

    let whole = schema.replace("cast(cast(email as int) as string)", "lower(email)");
    let twice = b"email\nann@example.org\nann@example.org\nmallory\n";
    let (report, files) = run(&dataset("format: csv", &whole), twice).unwrap();
    let message = texts(&rows(&files, "quarantine"), "message")[0].clone().unwrap();
    assert_eq!(
        message,
        "rule `duplicateValues of email`: 1 row, where it must be 0 rows"
    );
    assert_eq!(report.object.map(|reject| reject.reason), Some(Reason::Quality));
    assert_eq!(raws(&rows(&files, "quarantine")), [b""]);
}

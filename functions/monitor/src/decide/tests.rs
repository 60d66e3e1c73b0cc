use super::*;
use watershed_contract::Contracts;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// 2013-02-09T12:00:00Z.
const NOW_MS: i64 = 1_360_411_200_000;
const CONTRACT: &str = r#"
version: 1.0.0
kind: DataContract
apiVersion: v3.1.0
id: seen
status: active
servers: [{server: raw, type: s3, location: "s3://{raw}/seen/*.csv", format: csv}]
slaProperties:
  - {property: frequency, value: 90, unit: min, element: seen}
  - {property: latency, value: 1, unit: d, element: seen.day}
schema:
  - name: seen
    quality:
      - {metric: rowCount, mustBeBetween: [2, 3], customProperties: [{property: watershed, value: {of: table}}]}
    customProperties: [{property: watershed, value: {database: shop}}]
    properties: [{name: day, logicalType: date}]
"#;

fn dataset() -> std::sync::Arc<Dataset> {
    let contracts = Contracts::parse([("seen.odcs.yaml", CONTRACT)]).unwrap();
    contracts.by_id("seen").unwrap().clone()
}

/// Whether rows, frequency and latency hold.
fn holds(facts: &Facts, since_ms: i64) -> Vec<(String, bool)> {
    let findings = decide(&dataset(), facts, since_ms, NOW_MS).findings;
    findings
        .into_iter()
        .map(|finding| (finding.name, finding.holds))
        .collect()
}

fn facts(rows: u64, delivered_ms: i64, newest_ms: Option<i64>) -> Facts {
    Facts {
        rows,
        delivered_ms: Some(delivered_ms),
        newest_ms: newest_ms.map(|ms| ("day".to_string(), ms)).into_iter().collect(),
        ..Facts::default()
    }
}

fn all(rows: bool, frequency: bool, latency: bool) -> Vec<(String, bool)> {
    let names = ["rowCount", "frequency", "latency of day"].map(String::from);
    names.into_iter().zip([rows, frequency, latency]).collect()
}

#[test]
fn what_is_exactly_at_a_bound_holds() {
    let at = facts(3, NOW_MS - 90 * MINUTE_MS, Some(NOW_MS - DAY_MS));
    assert_eq!(holds(&at, 0), all(true, true, true));
    let beyond = facts(4, NOW_MS - 90 * MINUTE_MS - 1, Some(NOW_MS - DAY_MS - 1));
    assert_eq!(holds(&beyond, 0), all(false, false, false));
    assert_eq!(holds(&facts(2, NOW_MS, Some(NOW_MS)), 0), all(true, true, true));
}

#[test]
fn what_lies_ahead_is_not_old() {
    let decision = decide(&dataset(), &facts(2, NOW_MS + DAY_MS, Some(NOW_MS + DAY_MS)), 0, NOW_MS);
    assert_eq!((decision.failed(), decision.age_ms), (vec![], Some(0)));
}

#[test]
fn an_empty_table_has_no_rows_and_no_newest_value() {
    let emptied = facts(0, NOW_MS, None);
    assert_eq!(holds(&emptied, NOW_MS - DAY_MS), all(false, true, true));
    assert_eq!(holds(&emptied, NOW_MS - DAY_MS - 1), all(false, true, false));
}

#[test]
fn what_was_never_delivered_is_late_once_its_time_is_over() {
    let never = Facts::default();
    let late = |frequency, latency| all(true, frequency, latency)[1..].to_vec();
    assert_eq!(holds(&never, NOW_MS), late(true, true));
    assert_eq!(holds(&never, NOW_MS - 91 * MINUTE_MS), late(false, true));
    assert_eq!(holds(&never, NOW_MS - 2 * DAY_MS), late(false, false));
    let decision = decide(&dataset(), &never, NOW_MS - 2 * DAY_MS, NOW_MS);
    assert_eq!(decision.findings[0].found, "nothing for 2 d");
    assert_eq!(decision.findings[0].wanted, "at most 90 min");
}

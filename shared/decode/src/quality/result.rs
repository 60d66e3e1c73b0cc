//! What came of a rule, for people.

use crate::reject::{ObjectReject, Reason};
use watershed_contract::{MILLIONTHS, OnFailure, QualityRule, Threshold, Unit};

const HOUR_SECONDS: f64 = 3_600.0;

/// What came of one rule. It holds numbers and names of the contract, and no value of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleResult {
    /// The rule, as people call it.
    pub rule: String,
    /// The column that it is of.
    pub column: Option<String>,
    /// What was wanted: `at most 5 percent`.
    pub wanted: String,
    /// What was found: `7.25 percent`.
    pub found: String,
    /// It holds.
    pub passed: bool,
    /// What happens where it does not.
    pub on_failure: OnFailure,
}

impl RuleResult {
    /// `part`: rows that were counted, or microseconds of a freshness; none: there was no value. `rows`: all that were looked at.
    pub(super) fn new(rule: &QualityRule, column: Option<&str>, part: Option<i128>, rows: u64) -> Self {
        let (passed, found) = match (rule.unit, part) {
            (_, None) => (false, "no value".into()),
            (Unit::Rows, Some(part)) => (rule.threshold.holds(part, 1), counted(part)),
            (Unit::Percent, Some(part)) => {
                // Of no rows, none is bad.
                let (part, whole) = if rows == 0 { (0, 1) } else { (100 * part, rows) };
                let percent = part as f64 / whole as f64;
                (
                    rule.threshold.holds(part, whole),
                    format!("{} percent", rounded(percent)),
                )
            }
            (Unit::Seconds, Some(micros)) => {
                let seconds = micros as f64 / MILLIONTHS as f64;
                (rule.threshold.holds(micros, MILLIONTHS as u64), hours(seconds))
            }
        };
        let wanted = match (rule.unit, rule.threshold) {
            (Unit::Seconds, Threshold::LessOrEqualTo(micros)) => {
                format!("at most {}", hours(micros as f64 / MILLIONTHS as f64))
            }
            (unit, threshold) => format!("{threshold} {unit}"),
        };
        Self {
            rule: rule.name.clone(),
            column: column.map(Into::into),
            wanted,
            found,
            passed,
            on_failure: rule.on_failure,
        }
    }

    /// ``rule `rowCount`: 12 rows, where it must be at least 1000 rows``.
    pub fn told(&self) -> String {
        format!("rule `{}`: {}, where it must be {}", self.rule, self.found, self.wanted)
    }
}

/// Why the object is refused, if a rule that it breaks says so.
pub fn broken(results: &[RuleResult]) -> Option<ObjectReject> {
    let breaks = |result: &&RuleResult| !result.passed && result.on_failure == OnFailure::RejectObject;
    let told: Vec<String> = results.iter().filter(breaks).map(RuleResult::told).collect();
    (!told.is_empty()).then(|| ObjectReject::new(Reason::Quality, told.join("; ")))
}

fn counted(rows: i128) -> String {
    format!("{rows} {}", if rows == 1 { "row" } else { "rows" })
}

fn hours(seconds: f64) -> String {
    format!("{} h", rounded(seconds / HOUR_SECONDS))
}

/// With two decimals at most.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

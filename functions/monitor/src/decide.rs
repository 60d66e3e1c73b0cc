//! Whether expectations hold, of facts and the time. Pure.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use watershed_contract::{Dataset, Expectation, Expected};

/// What is known of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Its metadata; none: there is no such table yet.
    pub metadata: Option<String>,
    /// Its snapshot.
    pub snapshot_id: Option<i64>,
    /// Its rows.
    pub rows: u64,
    /// When rows came last, in milliseconds since 1970-01-01T00:00:00Z; none: they never did.
    pub delivered_ms: Option<i64>,
    /// By columns of dates and timestamps, the end of their newest values, in milliseconds since 1970-01-01T00:00:00Z. A column without a value is
    /// left out.
    pub newest_ms: BTreeMap<String, i64>,
    /// The columns that were looked at for it.
    pub asked: Vec<String>,
}

/// What came of an expectation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The expectation, as people call it.
    pub name: String,
    /// The column that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// It holds.
    pub holds: bool,
    /// What was found: `5 rows`, `90 min`.
    pub found: String,
    /// What was wanted.
    pub wanted: String,
}

/// What came of them, in the contract's order, and the age that is told as the table's freshness: the greatest of those that are promised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// By expectation. Rows of a table that nothing was ever delivered to are not looked at: that it should have been, freshness says.
    pub findings: Vec<Finding>,
    /// In milliseconds; none: no freshness is promised.
    pub age_ms: Option<i64>,
}

impl Decision {
    /// The names of those that do not hold.
    pub fn failed(&self) -> Vec<&str> {
        let failed = self.findings.iter().filter(|finding| !finding.holds);
        failed.map(|finding| finding.name.as_str()).collect()
    }
}

/// `since_ms`: when these expectations were first looked at, from which a first delivery is waited for; all times are milliseconds since
/// 1970-01-01T00:00:00Z. What is exactly as old as it may be is not too old.
pub fn decide(dataset: &Dataset, facts: &Facts, since_ms: i64, now_ms: i64) -> Decision {
    let mut decision = Decision::default();
    for Expectation { name, of } in &dataset.expectations {
        let column = match of {
            Expected::Latency(index, _) => Some(dataset.table.columns[*index].name.clone()),
            Expected::Rows(_) | Expected::Frequency(_) => None,
        };
        let finding = |holds: bool, found: String, wanted: String| Finding {
            name: name.clone(),
            column: column.clone(),
            holds,
            found,
            wanted,
        };
        let last_ms = match of {
            Expected::Rows(threshold) => {
                if facts.delivered_ms.is_some() {
                    let holds = threshold.holds(facts.rows.into(), 1);
                    let found = finding(holds, format!("{} rows", facts.rows), threshold.to_string());
                    decision.findings.push(found);
                }
                continue;
            }
            Expected::Frequency(_) => facts.delivered_ms,
            Expected::Latency(..) => column.as_ref().and_then(|column| facts.newest_ms.get(column)).copied(),
        };
        let (Expected::Frequency(within_ms) | Expected::Latency(_, within_ms)) = *of else {
            continue;
        };
        // What lies ahead of the clock is not old.
        let age_ms = now_ms.saturating_sub(last_ms.unwrap_or(since_ms)).max(0);
        decision.age_ms = decision.age_ms.max(Some(age_ms));
        let found = match last_ms {
            Some(_) => shown(age_ms),
            None => format!("nothing for {}", shown(age_ms)),
        };
        let wanted = format!("at most {}", shown(within_ms));
        decision.findings.push(finding(age_ms <= within_ms, found, wanted));
    }
    decision
}

/// For people, in minutes or the next larger unit that it has two of.
fn shown(ms: i64) -> String {
    const UNITS: [(i64, &str); 3] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min")];
    let unit = UNITS.iter().find(|(unit_ms, _)| ms >= 2 * unit_ms).unwrap_or(&UNITS[2]);
    format!("{} {}", ms / unit.0, unit.1)
}

#[cfg(test)]
mod tests;

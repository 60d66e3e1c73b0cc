//! What a run was: whoever asks for a commit says so in its request, and the committer, who alone knows that it is done and in which snapshot,
//! tells it.

use crate::{replay::ReplayId, table::TableName};
use serde::{Deserialize, Serialize};

/// Quality rules that a run tells at most: those that do not hold come first.
pub const MAX_TOLD_RULES: usize = 50;
/// Longest text of a failure or of a rule that a run tells, in bytes.
pub const MAX_TOLD_BYTES: usize = 1_000;
/// Appends are told of together, an hour at a time: of a stream they come every few seconds.
pub const PERIOD_MS: i64 = 3_600_000;
/// `detail-type` of the event that hands an OpenLineage event on; its source is [`crate::message::EVENT_SOURCE`].
pub const LINEAGE: &str = "LineageEvent";

/// Where the files of a request are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Landed {
    /// The snapshot that brought them.
    pub snapshot_id: i64,
    /// When it was made, in milliseconds since 1970-01-01T00:00:00Z.
    pub made_ms: i64,
    /// What came before, where the snapshot is the first that brought rows in its period.
    pub before: Option<Period>,
}

/// What a table got from one full hour to the next, the last in which it got something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// Its beginning, in milliseconds since 1970-01-01T00:00:00Z.
    pub start_ms: i64,
    /// The last snapshot in it.
    pub snapshot_id: i64,
    /// Files that came.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Who made the files of a request, of what. It is told, and changes nothing: it is no part of what the request means.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The function: `ingest`.
    pub job: String,
    /// Tables that were read, and their snapshots. Beside them the source is read that the request names, where it is no table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<RunInput>,
    /// What came of the rules that the rows were checked by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RunRule>,
    /// Why nothing of the source is in its table; none: it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// The replay that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayId>,
}

/// A table that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunInput {
    /// Its name.
    pub table: TableName,
    /// Its snapshot; none: it had none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<i64>,
}

/// A rule, and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRule {
    /// As people call it.
    pub name: String,
    /// The column that it is of; none: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// It holds.
    pub holds: bool,
}

impl Run {
    /// Of that function.
    pub fn of(job: &str) -> Self {
        Self {
            job: job.into(),
            ..Self::default()
        }
    }

    /// The same, which read these tables.
    #[must_use]
    pub fn reading(mut self, inputs: impl IntoIterator<Item = (TableName, Option<i64>)>) -> Self {
        let inputs = inputs.into_iter();
        self.inputs
            .extend(inputs.map(|(table, snapshot_id)| RunInput { table, snapshot_id }));
        self
    }

    /// The same, whose rows were checked by these rules.
    #[must_use]
    pub fn checked(mut self, rules: impl IntoIterator<Item = RunRule>) -> Self {
        self.rules.extend(rules);
        self.rules.sort_by_key(|rule| rule.holds);
        self.rules.truncate(MAX_TOLD_RULES);
        for rule in &mut self.rules {
            shorten(&mut rule.name);
        }
        self
    }

    /// The same, of which nothing is in the table, for that reason.
    #[must_use]
    pub fn failing(mut self, why: Option<String>) -> Self {
        self.failed = why;
        if let Some(why) = &mut self.failed {
            shorten(why);
        }
        self
    }
}

fn shorten(text: &mut String) {
    text.truncate(text.floor_char_boundary(MAX_TOLD_BYTES));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_rules_are_told_first_and_what_is_told_is_bounded() {
        let rule = |name: &str, holds| RunRule {
            name: name.into(),
            column: None,
            holds,
        };
        let long = "é".repeat(MAX_TOLD_BYTES);
        let many = (0..MAX_TOLD_RULES).map(|_| rule("fine", true));
        let run = Run::of("ingest")
            .checked(many.chain([rule(&long, false)]))
            .failing(Some(long.clone()));
        assert_eq!((run.rules.len(), run.rules[0].holds), (MAX_TOLD_RULES, false));
        for text in [&run.rules[0].name, run.failed.as_ref().expect("it failed")] {
            assert!(text.len() <= MAX_TOLD_BYTES && long.starts_with(text.as_str()));
        }
    }
}

//! Doing it again, after a contract was mended: what a person asks for, and what came of each source.
//!
//! A source is ingested again as a whole, in the order that its table holds it in. So its rows are replaced in one snapshot, and are
//! in table and quarantine once, whatever is delivered how often; and a newer version of the object wins as ever.

use crate::{layout::SourceVersion, message::SourceOrder, table::TableName};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// Longest name of a replay, in bytes.
pub const MAX_ID_BYTES: usize = 64;
/// `detail-type` of the event that asks for a replay; its source is [`crate::message::EVENT_SOURCE`], its detail a [`ReplayRequest`].
pub const REPLAY_REQUESTED: &str = "ReplayRequested";
/// `detail-type` of the event that tells of its end; its detail is the report.
pub const REPLAY_FINISHED: &str = "ReplayFinished";
/// `detail-type` of what S3 sends, and of what `replay` sends in its place.
const OBJECT_CREATED: &str = "Object Created";

/// What a person calls a replay. The same name is the same replay, however often it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReplayId(String);

/// A name that could not be part of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` does not name a replay: write lower-case letters, digits and `-`, at most {MAX_ID_BYTES}, beginning with a letter or digit"
)]
pub struct BadReplayId(String);

impl FromStr for ReplayId {
    type Err = BadReplayId;
    fn from_str(text: &str) -> Result<Self, BadReplayId> {
        let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let fits = text.len() <= MAX_ID_BYTES
            && text.bytes().next().is_some_and(is_word)
            && text.bytes().all(|b| is_word(b) || b == b'-');
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(BadReplayId(text.into()))
        }
    }
}

impl TryFrom<String> for ReplayId {
    type Error = BadReplayId;
    fn try_from(text: String) -> Result<Self, BadReplayId> {
        text.parse()
    }
}

impl From<ReplayId> for String {
    fn from(id: ReplayId) -> String {
        id.0
    }
}

impl fmt::Display for ReplayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// "Ingest these sources again." One of `quarantine` and `objects` is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// Its name.
    pub replay: ReplayId,
    /// The sources of quarantined rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<QuarantineSelection>,
    /// Objects of the raw zone: a backfill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<ObjectSelection>,
}

/// Sources that have at least one quarantined row (or are quarantined whole) of which all this holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuarantineSelection {
    /// The dataset's table, or its quarantine.
    pub table: TableName,
    /// Its reason is one of these; none: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// The key of its source begins so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// Its source was made then or later (RFC 3339, or a date in UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Its source was made before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Objects of the raw bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectSelection {
    /// Their keys begin so; empty: all.
    pub prefix: String,
    /// Written then or later (RFC 3339, or a date in UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Written before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// The message that makes `ingest` do an object again: as S3 would send it, with the replay's name beside. `time` is RFC 3339.
pub fn object_created(replay: &ReplayId, source: &SourceVersion, bytes: u64, time: &str) -> Value {
    json!({
        "source": crate::message::EVENT_SOURCE, "detail-type": OBJECT_CREATED, "time": time, "replay": replay,
        "detail": {
            "bucket": {"name": source.bucket},
            "object": {"key": source.key, "size": bytes, "etag": source.etag, "sequencer": source.sequencer}
        }
    })
}

/// What came of a source. `ingest` puts it among the objects of the replay, `replay` counts them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// `s3://bucket/key`.
    pub source: String,
    /// None: the object is gone or was overwritten; a newer version has an event of its own.
    pub ingested: Option<Reingested>,
}

/// A source that was ingested again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reingested {
    /// In which order its tables hold it once its requests are committed, or a later one.
    pub order: SourceOrder,
    /// Token of the request to the dataset's table.
    pub data_token: String,
    /// Token of the request to its quarantine.
    pub quarantine_token: String,
    /// Rows in the table.
    pub accepted: u64,
    /// Rows in the quarantine (1 where the whole object is).
    pub quarantined: u64,
    /// Those, by reason.
    pub by_reason: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_part_of_a_key() {
        for good in ["a", "2026-11-mended", &"x".repeat(MAX_ID_BYTES)] {
            assert!(good.parse::<ReplayId>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "A", "a/b", "a b", "ä", &"x".repeat(MAX_ID_BYTES + 1)] {
            assert!(bad.parse::<ReplayId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_misspelled_in_a_request_is_told() {
        let error = |text: &str| serde_json::from_str::<ReplayRequest>(text).unwrap_err().to_string();
        let unknown = error(r#"{"replay": "a", "objects": {"prefix": "x", "since": "2013-01-01"}}"#);
        assert!(unknown.contains("since") && unknown.contains("from"), "{unknown}");
        assert!(error(r#"{"replay": "A b", "objects": {"prefix": ""}}"#).contains("does not name a replay"));
    }
}

//! What the function is asked: that a table has changed, or its own word.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use watershed_lake::{TableChanged, TableName, message::TABLE_CHANGED};

/// "What the enriched table has of these files of its dataset's table shall be of that epoch or a newer one."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// The enriched table.
    pub enrich: TableName,
    /// Digest of the source, as the paths of its files have it in the dataset's table.
    pub source: String,
    /// The epoch that asks for it.
    pub epoch: u64,
}

/// What one message asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A table has changed: see what is to be done.
    Look(TableName),
    /// A source is to be enriched.
    Source(Unit),
}

/// A message that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; send the `TableChanged` events of EventBridge to this queue, and nothing else")]
pub struct BadMessage(String);

impl Unit {
    /// As a message.
    pub fn body(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }
}

impl Asked {
    /// Of a message's body.
    pub fn parse(body: &str) -> Result<Self, BadMessage> {
        let bad = |error: serde_json::Error| BadMessage(format!("a message that cannot be read: {error}"));
        let mut event: Value = serde_json::from_str(body).map_err(bad)?;
        if event.get("enrich").is_some() {
            return serde_json::from_value(event).map(Self::Source).map_err(bad);
        }
        let kind = event.get("detail-type").and_then(Value::as_str);
        if kind != Some(TABLE_CHANGED) {
            return Err(BadMessage(format!("an event of type {}", kind.unwrap_or("none"))));
        }
        let detail = event.get_mut("detail").map(Value::take).unwrap_or_default();
        let changed: TableChanged = serde_json::from_value(detail).map_err(bad)?;
        Ok(Self::Look(changed.table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_word_is_read_as_it_was_written() {
        let unit = Unit {
            enrich: "nyc.flights_enriched".parse().expect("a name"),
            source: "0a".into(),
            epoch: 7,
        };
        assert_eq!(Asked::parse(&unit.body()), Ok(Asked::Source(unit)));
    }

    #[test]
    fn what_is_none_of_ours_is_told() {
        for (body, expected) in [
            ("x", "cannot be read"),
            ("{}", "an event of type none"),
            (
                r#"{"detail-type": "Object Created"}"#,
                "an event of type Object Created",
            ),
            (
                r#"{"detail-type": "TableChanged", "detail": {"table": "x"}}"#,
                "cannot be read",
            ),
            (r#"{"enrich": "a.b"}"#, "missing field `source`"),
        ] {
            let error = Asked::parse(body).expect_err(body).to_string();
            assert!(error.contains(expected) && error.contains("TableChanged"), "{error}");
        }
    }
}

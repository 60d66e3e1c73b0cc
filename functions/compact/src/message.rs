//! What the function is asked: to look at all tables, at one, or its own word.

use crate::{
    erase::Ask,
    key::Key,
    plan::{MANY_FILES, MIN_FILES},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use watershed_lake::{TableChanged, TableName, message::TABLE_CHANGED};

/// "Pack these files of that source."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// The table.
    pub compact: TableName,
    /// Digest of the source, as the paths of its files have it.
    pub source: String,
    /// Their paths below the source's prefix, ascending.
    pub files: Vec<String>,
    /// Without the rows that have this key, if there are any; none: all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erase: Option<Key>,
}

/// "See whether that table has small files."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// The table.
    pub look: TableName,
}

/// What one message asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: what changed brought no small files.
    Nothing,
    /// To look at every table of every contract.
    Tick,
    /// To look at a table, for groups of at least so many files.
    Look(TableName, usize),
    /// To pack a group.
    Group(Unit),
    /// To erase rows.
    Erase(Ask),
}

/// A message that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; send `TableChanged` events of EventBridge, {{\"tick\": {{}}}}, {{\"look\": \"database.table\"}} or {{\"erase\": {{\"dataset\": \"database.table\", \"key\": {{}}}}}} to this queue, and nothing else"
)]
pub struct BadMessage(String);

impl Unit {
    /// As a message.
    pub fn body(&self) -> String {
        serde_json::to_string(self).expect("texts are JSON")
    }
}

impl Look {
    /// As a message.
    pub fn body(&self) -> String {
        serde_json::to_string(self).expect("texts are JSON")
    }
}

impl Asked {
    /// Of a message's body.
    pub fn parse(body: &str) -> Result<Self, BadMessage> {
        let bad = |error: serde_json::Error| BadMessage(format!("a message that cannot be read: {error}"));
        let mut event: Value = serde_json::from_str(body).map_err(bad)?;
        if event.get("compact").is_some() {
            return serde_json::from_value(event).map(Self::Group).map_err(bad);
        }
        if event.get("erase").is_some() {
            return serde_json::from_value(event).map(Self::Erase).map_err(bad);
        }
        if event.get("look").is_some() {
            let asked: Look = serde_json::from_value(event).map_err(bad)?;
            return Ok(Self::Look(asked.look, MIN_FILES));
        }
        if event.get("tick").is_some() {
            return Ok(Self::Tick);
        }
        let kind = event.get("detail-type").and_then(Value::as_str);
        if kind != Some(TABLE_CHANGED) {
            return Err(BadMessage(format!("an event of type {}", kind.unwrap_or("none"))));
        }
        let detail = event.get_mut("detail").map(Value::take).unwrap_or_default();
        let changed: TableChanged = serde_json::from_value(detail).map_err(bad)?;
        // What was packed tells of itself as well: to look then would be to look after each look.
        let is_news = changed.added_files > 0 && changed.operation != "replace";
        Ok(if is_news {
            Self::Look(changed.table, MANY_FILES)
        } else {
            Self::Nothing
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(operation: &str, added_files: u64) -> String {
        format!(
            r#"{{"detail-type": "TableChanged", "detail": {{"table": "a.b", "role": "data", "contract": "c", "snapshot_id": 1,
                "parent_snapshot_id": null, "sequence_number": 1, "timestamp_ms": 1, "operation": "{operation}",
                "added_files": {added_files}, "removed_files": 0, "added_rows": 1, "removed_rows": 0, "total_rows": 1,
                "partitions": []}}}}"#
        )
    }

    #[test]
    fn what_is_asked_is_read_as_it_was_written() {
        let table: TableName = "a.b".parse().unwrap();
        let unit = Unit {
            compact: table.clone(),
            source: "0a".into(),
            files: vec!["1/x".into(), "2/y".into()],
            erase: None,
        };
        let look = Look { look: table.clone() };
        for (body, expected) in [
            (unit.body(), Asked::Group(unit)),
            (look.body(), Asked::Look(table.clone(), MIN_FILES)),
            (r#"{"tick": {}}"#.into(), Asked::Tick),
            (changed("append", 2), Asked::Look(table, MANY_FILES)),
            (changed("delete", 0), Asked::Nothing),
            (changed("replace", 1), Asked::Nothing),
        ] {
            assert_eq!(Asked::parse(&body), Ok(expected), "{body}");
        }
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
            (r#"{"look": "x"}"#, "cannot be read"),
            (r#"{"compact": "a.b", "source": "0a"}"#, "missing field `files`"),
            (r#"{"erase": {"dataset": "a.b"}}"#, "missing field `key`"),
        ] {
            let error = Asked::parse(body).expect_err(body).to_string();
            assert!(error.contains(expected) && error.contains("TableChanged"), "{error}");
        }
    }
}

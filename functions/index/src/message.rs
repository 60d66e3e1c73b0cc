//! What the function is asked: that a table has changed, that it is time to look, or its own word.

use serde::{Deserialize, Serialize};
use watershed_follow::BadMessage;
use watershed_lake::TableName;

/// "These data files of that table shall have indexes."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// The table.
    pub index: TableName,
    /// Their paths below the table's place.
    pub files: Vec<String>,
}

/// `{"tick": {}}`: the schedule's word.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tick {
    #[expect(dead_code, reason = "that it is there is all that it says")]
    tick: Nothing,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// What one message asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// To look at every table that has searchable columns.
    Tick,
    /// To look at a table, which has changed.
    Look(TableName),
    /// To index files.
    Files(Unit),
}

impl watershed_follow::Unit for Unit {
    const KEY: &'static str = "index";
}

impl Unit {
    /// As a message.
    pub fn body(&self) -> String {
        serde_json::to_string(self).expect("texts are JSON")
    }
}

impl Asked {
    /// Of a message's body.
    pub fn parse(body: &str) -> Result<Self, BadMessage> {
        if serde_json::from_str::<Tick>(body).is_ok() {
            return Ok(Self::Tick);
        }
        Ok(match watershed_follow::Asked::parse(body)? {
            watershed_follow::Asked::Look(table) => Self::Look(table),
            watershed_follow::Asked::Source(unit) => Self::Files(unit),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_read_as_it_was_written() {
        let unit = Unit {
            index: "nyc.airports".parse().expect("a name"),
            files: vec!["data/0a/x.parquet".into()],
        };
        assert_eq!(Asked::parse(&unit.body()), Ok(Asked::Files(unit)));
        assert_eq!(Asked::parse(r#"{"tick": {}}"#), Ok(Asked::Tick));
    }

    #[test]
    fn what_is_none_of_ours_is_told() {
        for (body, expected) in [
            (r#"{"tick": {"x": 1}}"#, "an event of type none"),
            (r#"{"index": "a.b"}"#, "missing field `files`"),
            (r#"{"index": "a.b", "files": [], "more": 1}"#, "unknown field `more`"),
        ] {
            let error = Asked::parse(body).expect_err(body).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

//! What the function is asked: that a table has changed, that it is time to look, or its own word.

use serde::{Deserialize, Serialize};
use watershed_follow::BadMessage;
use watershed_lake::TableName;

/// "What the aggregated table has of this part shall be of that epoch or a newer one."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// The aggregated table.
    pub aggregate: TableName,
    /// The part's name.
    pub part: String,
    /// The epoch that asks for it.
    pub epoch: u64,
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
    /// See whether anything is to be done for any table.
    Tick,
    /// A table has changed: see what is to be done.
    Look(TableName),
    /// A part is to be made.
    Part(Unit),
}

impl watershed_follow::Unit for Unit {
    const KEY: &'static str = "aggregate";
}

impl Unit {
    /// As a message.
    pub fn body(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
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
            watershed_follow::Asked::Source(unit) => Self::Part(unit),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_word_and_the_schedules_are_read() {
        let unit = Unit {
            aggregate: "nyc.daily".parse().expect("a name"),
            part: "day_month=2013-01".into(),
            epoch: 7,
        };
        assert_eq!(Asked::parse(&unit.body()), Ok(Asked::Part(unit)));
        assert_eq!(Asked::parse(r#"{"tick": {}}"#), Ok(Asked::Tick));
    }

    #[test]
    fn what_is_none_of_ours_is_told() {
        for (body, expected) in [
            ("x", "cannot be read"),
            (r#"{"tick": {"a": 1}}"#, "an event of type none"),
            (r#"{"tick": {}, "a": 1}"#, "an event of type none"),
            (r#"{"aggregate": "a.b", "part": "p"}"#, "missing field `epoch`"),
        ] {
            let error = Asked::parse(body).expect_err(body).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

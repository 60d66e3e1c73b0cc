//! What a function that follows tables is asked: that one has changed, or its own word.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use watershed_lake::{TableChanged, TableName, message::TABLE_CHANGED};

/// A function's own word, which asks for one source.
pub trait Unit: Serialize + DeserializeOwned {
    /// The key of its message that no other message has.
    const KEY: &'static str;

    /// As a message.
    fn body(&self) -> String {
        serde_json::to_string(self).expect("names, texts and numbers are JSON")
    }
}

/// What one message asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked<U> {
    /// A table has changed: see what is to be done.
    Look(TableName),
    /// A source is to be made.
    Source(U),
}

/// What one message asks of a function that a schedule wakes, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheduled<U> {
    /// To see what is to be done for any table.
    Tick,
    /// A table has changed: see what is to be done.
    Look(TableName),
    /// A source is to be made.
    Source(U),
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

/// A message that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; send the `TableChanged` events of EventBridge to this queue, and nothing else")]
pub struct BadMessage(String);

impl<U: Unit> Asked<U> {
    /// Of a message's body.
    pub fn parse(body: &str) -> Result<Self, BadMessage> {
        let bad = |error: serde_json::Error| BadMessage(format!("a message that cannot be read: {error}"));
        let mut event: Value = serde_json::from_str(body).map_err(bad)?;
        if event.get(U::KEY).is_some() {
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

impl<U: Unit> Scheduled<U> {
    /// Of a message's body.
    pub fn parse(body: &str) -> Result<Self, BadMessage> {
        if serde_json::from_str::<Tick>(body).is_ok() {
            return Ok(Self::Tick);
        }
        Ok(match Asked::parse(body)? {
            Asked::Look(table) => Self::Look(table),
            Asked::Source(unit) => Self::Source(unit),
        })
    }
}

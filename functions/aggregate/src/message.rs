//! What the function is asked: that a table has changed, that it is time to look, or its own word.

use serde::{Deserialize, Serialize};
use watershed_lake::TableName;

/// What one message asks for.
pub type Asked = watershed_follow::Scheduled<Unit>;

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

impl watershed_follow::Unit for Unit {
    const KEY: &'static str = "aggregate";
}

#[cfg(test)]
mod tests {
    use super::*;
    use watershed_follow::Unit as _;

    #[test]
    fn our_own_word_and_the_schedules_are_read() {
        let unit = Unit {
            aggregate: "nyc.daily".parse().expect("a name"),
            part: "day_month=2013-01".into(),
            epoch: 7,
        };
        assert_eq!(Asked::parse(&unit.body()), Ok(Asked::Source(unit)));
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

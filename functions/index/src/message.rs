//! What the function is asked: that a table has changed, that it is time to look, or its own word.

use serde::{Deserialize, Serialize};
use watershed_lake::TableName;

/// What one message asks for.
pub type Asked = watershed_follow::Scheduled<Unit>;

/// "These data files of that table shall have indexes."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// The table.
    pub index: TableName,
    /// Their paths below the table's place.
    pub files: Vec<String>,
}

impl watershed_follow::Unit for Unit {
    const KEY: &'static str = "index";
}

#[cfg(test)]
mod tests {
    use super::*;
    use watershed_follow::Unit as _;

    #[test]
    fn what_is_asked_is_read_as_it_was_written() {
        let unit = Unit {
            index: "nyc.airports".parse().expect("a name"),
            files: vec!["data/0a/x.parquet".into()],
        };
        assert_eq!(Asked::parse(&unit.body()), Ok(Asked::Source(unit)));
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

//! What the function is asked: that a table has changed, or its own word.

use serde::{Deserialize, Serialize};
use watershed_lake::TableName;

/// What one message asks for.
pub type Asked = watershed_follow::Asked<Unit>;

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

impl watershed_follow::Unit for Unit {
    const KEY: &'static str = "enrich";
}

#[cfg(test)]
mod tests {
    use super::*;
    use watershed_follow::Unit as _;

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

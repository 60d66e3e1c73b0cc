//! Which shards may be read: children only after their parents (Amazon Kinesis Data Streams, "Strategies for resharding").

use super::{settings::Start, shard::Position};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A shard, as `ListShards` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Those that it was made of: none, one (a split) or two (a merge).
    pub parents: Vec<String>,
    /// It takes no more records.
    pub closed: bool,
}

/// How far a mapping is: the checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// Every shard that was begun.
    shards: BTreeMap<String, Progress>,
    /// The first look was taken: what is new since then is read from its beginning.
    begun: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Progress {
    /// From there on.
    Reading(Position),
    /// To its end.
    Ended,
}

impl Lineage {
    /// Takes up what the stream has now. Shards that it has no more are forgotten.
    pub fn look(&mut self, listed: &[Listed], start: Start, now_ms: i64) {
        self.shards.retain(|id, _| listed.iter().any(|shard| shard.id == *id));
        for shard in listed {
            let progress = match (self.begun, start) {
                (true, _) | (false, Start::TrimHorizon) => Progress::Reading(Position::TrimHorizon),
                (false, Start::AtTimestamp(ms)) => Progress::Reading(Position::AtTimestamp(ms)),
                // What is closed has nothing later. A time, and not "latest": a restart before the first record must not skip it.
                (false, Start::Latest) if shard.closed => Progress::Ended,
                (false, Start::Latest) => Progress::Reading(Position::AtTimestamp(now_ms)),
            };
            self.shards.entry(shard.id.clone()).or_insert(progress);
        }
        self.begun |= !listed.is_empty();
    }

    /// Shards to read now and where: all whose parents are read to their end, or are in the stream no more.
    pub fn readable(&self, listed: &[Listed]) -> Vec<(String, Position)> {
        let done = |id: &String| !matches!(self.shards.get(id), Some(Progress::Reading(_)));
        let ready = listed.iter().filter(|shard| shard.parents.iter().all(done));
        let ready = ready.filter_map(|shard| match self.shards.get(&shard.id)? {
            Progress::Reading(position) => Some((shard.id.clone(), position.clone())),
            Progress::Ended => None,
        });
        ready.collect()
    }

    /// The shard is read on from there after a restart. True: that is news.
    pub fn advance(&mut self, shard: &str, position: Position) -> bool {
        self.set(shard, Progress::Reading(position))
    }

    /// The work of all its records is done.
    pub fn end(&mut self, shard: &str) -> bool {
        self.set(shard, Progress::Ended)
    }

    fn set(&mut self, shard: &str, progress: Progress) -> bool {
        self.shards.insert(shard.to_string(), progress.clone()) != Some(progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(id: &str, parents: &[&str], closed: bool) -> Listed {
        Listed {
            id: id.into(),
            parents: parents.iter().map(ToString::to_string).collect(),
            closed,
        }
    }

    fn readable(lineage: &Lineage, listed: &[Listed]) -> Vec<String> {
        lineage.readable(listed).into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn children_of_a_split_wait_for_their_parent() {
        let listed = [
            shard("0", &[], true),
            shard("1", &["0"], false),
            shard("2", &["0"], false),
        ];
        let mut lineage = Lineage::default();
        lineage.look(&listed, Start::TrimHorizon, 9);
        assert_eq!(readable(&lineage, &listed), ["0"]);
        assert!(lineage.advance("0", Position::After("5".into())));
        assert!(!lineage.advance("0", Position::After("5".into())));
        assert_eq!(
            lineage.readable(&listed),
            [("0".to_string(), Position::After("5".into()))]
        );
        lineage.end("0");
        assert_eq!(readable(&lineage, &listed), ["1", "2"]);
    }

    #[test]
    fn the_child_of_a_merge_waits_for_both_parents() {
        let listed = [
            shard("0", &[], true),
            shard("1", &[], true),
            shard("2", &["0", "1"], false),
        ];
        let mut lineage = Lineage::default();
        lineage.look(&listed, Start::TrimHorizon, 9);
        lineage.end("0");
        assert_eq!(readable(&lineage, &listed), ["1"]);
        lineage.end("1");
        assert_eq!(readable(&lineage, &listed), ["2"]);
    }

    #[test]
    fn parents_that_the_stream_has_no_more_hold_nobody_up() {
        let listed = [shard("1", &["0"], false)];
        let mut lineage = Lineage::default();
        lineage.look(&listed, Start::TrimHorizon, 9);
        assert_eq!(readable(&lineage, &listed), ["1"]);
    }

    #[test]
    fn latest_leaves_out_what_is_closed_and_skips_nothing_afterwards() {
        let before = [shard("0", &[], true), shard("1", &["0"], false)];
        let mut lineage = Lineage::default();
        lineage.look(&[], Start::Latest, 8);
        lineage.look(&before, Start::Latest, 9);
        assert_eq!(lineage.readable(&before), [("1".to_string(), Position::AtTimestamp(9))]);
        let after = [
            shard("0", &[], true),
            shard("1", &["0"], true),
            shard("2", &["1"], false),
        ];
        lineage.look(&after, Start::Latest, 20);
        lineage.end("1");
        assert_eq!(lineage.readable(&after), [("2".to_string(), Position::TrimHorizon)]);
    }

    #[test]
    fn a_checkpoint_is_read_as_it_was_written() {
        let listed = [shard("0", &[], true), shard("1", &[], false)];
        let mut lineage = Lineage::default();
        lineage.look(&listed, Start::AtTimestamp(7), 9);
        lineage.end("0");
        lineage.advance("1", Position::At("12".into()));
        let text = serde_json::to_string(&lineage).unwrap();
        assert_eq!(serde_json::from_str::<Lineage>(&text).unwrap(), lineage);
    }
}

//! What lies in the lake beside its tables: drafts of contracts, replays, and the state of objects that are read in parts and of streams.

use super::{Digest, LakeLocation, SourceVersion, path_name, version_digest};
use crate::replay::ReplayId;

/// Where the draft contracts lie: they are of no table.
const DRAFTS: &str = "drafts";
/// Longest key, in bytes (Amazon S3, "Naming Amazon S3 objects").
const MAX_KEY_BYTES: usize = 1_024;
/// Endings of a draft and of its report.
const DRAFT_SUFFIXES: [&str; 2] = [".odcs.yaml", ".report.json"];

/// Where the draft of an object goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftPlaces {
    /// `s3://…/drafts/KEY.odcs.yaml`.
    pub contract: String,
    /// `s3://…/drafts/KEY.report.json`.
    pub report: String,
}

impl LakeLocation {
    /// The places of the draft for the object with that key in the raw zone. Of a key that leaves no room for the rest, the end is a digest.
    pub fn draft(&self, key: &str) -> DraftPlaces {
        let longest = DRAFT_SUFFIXES.iter().map(|suffix| suffix.len()).max().unwrap_or(0);
        let room = MAX_KEY_BYTES - DRAFTS.len() - 1 - longest;
        let name = if key.len() <= room {
            key.to_string()
        } else {
            let mut digest = Digest::new();
            digest.part(key.as_bytes());
            let digest = digest.hex();
            let cut = key.floor_char_boundary(room - digest.len() - 1);
            format!("{}-{digest}", &key[..cut])
        };
        let [contract, report] = DRAFT_SUFFIXES.map(|suffix| format!("{}/{DRAFTS}/{name}{suffix}", self.0));
        DraftPlaces { contract, report }
    }
}

/// Where the objects of replays lie: they are of no table.
const REPLAYS: &str = "replays";

/// Where the objects of a replay lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayPlaces {
    /// `s3://…/replays/NAME/plan.ndjson`.
    pub plan: String,
    /// `s3://…/replays/NAME/done/`: one object for each source that is done.
    pub done_prefix: String,
    /// `s3://…/replays/NAME/report.json`.
    pub report: String,
}

impl LakeLocation {
    /// The places of that replay.
    pub fn replay(&self, id: &ReplayId) -> ReplayPlaces {
        let folder = format!("{}/{REPLAYS}/{id}", self.0);
        ReplayPlaces {
            plan: format!("{folder}/plan.ndjson"),
            done_prefix: format!("{folder}/done/"),
            report: format!("{folder}/report.json"),
        }
    }
}

impl ReplayPlaces {
    /// Where it says what came of that source.
    pub fn done(&self, source_uri: &str) -> String {
        let mut digest = Digest::new();
        digest.part(source_uri.as_bytes());
        format!("{}{}.json", self.done_prefix, digest.hex())
    }
}

/// Where the state of objects that are read in parts lies.
const PARTS: &str = "parts";

/// Where the state of one object lies that is read in parts by one plan. Another version, contract text or plan has others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPlaces {
    /// `s3://…/parts/SOURCE/VERSION/PLAN`.
    root: String,
    plan: String,
}

impl LakeLocation {
    /// The places of a version of a source under a contract text; `plan` names how it is cut, in characters of a key.
    pub fn parts(&self, source: &SourceVersion, contract_digest: &str, plan: &str) -> PartPlaces {
        let mut of_source = Digest::new();
        of_source.part(source.uri().as_bytes());
        let (of_source, of_version) = (of_source.short(), version_digest(source, contract_digest));
        PartPlaces {
            root: format!("{}/{PARTS}/{of_source}/{of_version}/{plan}", self.0),
            plan: plan.into(),
        }
    }
}

impl PartPlaces {
    /// There once every part was asked for, or the whole.
    pub fn planned(&self) -> String {
        format!("{}/planned.json", self.root)
    }

    /// The prefix, with its slash, of the records of the parts that are done.
    pub fn records(&self) -> String {
        format!("{}/records/", self.root)
    }

    /// The record of a part, which is there once the part is done.
    pub fn record(&self, index: u32) -> String {
        format!("{}{index:05}.json", self.records())
    }

    /// There once the parts were joined, among the records, so that one listing tells of both.
    pub fn joined_mark(&self) -> String {
        format!("{}joined.json", self.records())
    }

    /// The prefix, with its slash, that [`PartPlaces::folder`] lies under where refused rows wait for the join.
    pub fn refused(&self) -> String {
        format!("{}/refused/", self.root)
    }

    /// Folder of a part's files, below the staged prefix of the table or [`PartPlaces::refused`].
    pub fn folder(&self, index: u32) -> String {
        format!("{}/{index:05}", self.plan)
    }

    /// Folder of the joined quarantine's files below their staged prefix.
    pub fn joined(&self) -> String {
        format!("{}/joined", self.plan)
    }
}

/// Where the state of streams lies.
const STREAMS: &str = "streams";

impl LakeLocation {
    /// The prefix, with its slash, of the checkpoints of a stream's shards.
    pub fn checkpoints(&self, stream: &str) -> String {
        format!("{}/{STREAMS}/{}/checkpoints/", self.0, path_name(stream))
    }

    /// Where it stands how far a shard of a stream is done.
    pub fn checkpoint(&self, stream: &str, shard: &str) -> String {
        format!("{}{}", self.checkpoints(stream), path_name(shard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::split_uri;
    use proptest::prelude::*;

    #[test]
    fn checkpoints_of_a_stream_lie_together() {
        let lake = LakeLocation::bucket("lake");
        let one = lake.checkpoint("plant-readings", "shardId-000000000000");
        assert_eq!(one, "s3://lake/streams/plant-readings/checkpoints/shardId-000000000000");
        assert!(one.starts_with(&lake.checkpoints("plant-readings")));
        // The longest names that Kinesis has.
        let (stream, shard) = ("s".repeat(128), "h".repeat(128));
        assert!(
            lake.checkpoint(&stream, &shard)
                .ends_with(&format!("/{stream}/checkpoints/{shard}"))
        );
    }

    #[test]
    fn drafts_have_a_key_for_every_key() {
        let lake = LakeLocation::bucket("lake");
        let places = lake.draft("a/b c.csv");
        assert_eq!(places.contract, "s3://lake/drafts/a/b c.csv.odcs.yaml");
        assert_eq!(places.report, "s3://lake/drafts/a/b c.csv.report.json");
        let (one, two) = (
            lake.draft(&"é".repeat(512)),
            lake.draft(&format!("{}x", "é".repeat(511))),
        );
        assert_ne!(one, two);
        for place in [&one.contract, &one.report, &two.contract] {
            assert!(split_uri(place).is_some_and(|(_, key)| key.len() <= 1_024), "{place}");
        }
    }

    proptest! {
        #[test]
        fn whatever_names_say_each_shard_has_a_checkpoint_of_its_own(
            one in (".{1,64}", ".{1,64}"), two in (".{1,64}", ".{1,64}")
        ) {
            let lake = LakeLocation::bucket("lake");
            let place = |(stream, shard): &(String, String)| lake.checkpoint(stream, shard);
            prop_assert_eq!(one == two, place(&one) == place(&two));
            let key = place(&one);
            prop_assert_eq!(split_uri(&key).map(|(_, key)| key.split('/').count()), Some(4));
            prop_assert!(key.starts_with(&lake.checkpoints(&one.0)));
        }
    }
}

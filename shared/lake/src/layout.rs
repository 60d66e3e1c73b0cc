//! Where every object lies.
//!
//! ```text
//! s3://LAKE/preprocessed/DATABASE/TABLE/data/SOURCE/VERSION/PARTITION/FILE.parquet
//!                                       metadata/…                     (the committer's)
//! s3://LAKE/preprocessed/DATABASE/TABLE/data/SOURCE/POSITION/…       (of a stream; POSITION is a digest of the last record's)
//! s3://LAKE/preprocessed/DATABASE/TABLE/data/SOURCE/PACKED/…         (what small files of one partition were packed into)
//!                                       search/…                       (the words of data files; see [`search`])
//! s3://LAKE/quarantine/DATABASE/TABLE/…
//! s3://LAKE/drafts/KEY.odcs.yaml         (of an object that no contract matches)
//! s3://LAKE/drafts/KEY.report.json
//! s3://LAKE/replays/NAME/plan.ndjson     (which sources; then one object for each that is done, then the report)
//! s3://LAKE/replays/NAME/done/SOURCE.json
//! s3://LAKE/replays/NAME/report.json
//! s3://LAKE/parts/SOURCE/VERSION/PLAN/…  (of an object that is read in parts, until it is committed)
//! s3://LAKE/streams/STREAM/checkpoints/SHARD   (how far a shard is done, and the state that goes with it)
//! s3://LAKE/erasures/open/DIGEST.json          (rows that no table has any more, until no snapshot and no file has them)
//! s3://LAKE/erasures/done/DIGEST.json
//! s3://LAKE/{enrich,aggregate}/DATABASE/TABLE.json   (the states of tables that an enriched or aggregated one is made of)
//! s3://LAKE/lineage/JOB/DAY/RUN-STATE.json     (OpenLineage events)
//! s3://LAKE/monitor/DATABASE/TABLE.json        (what came of a dataset's expectations)
//! s3://LAKE/queries/…                          (queries that Athena runs, and their rows; for some days)
//! ```
//! `SOURCE` is a digest of the source's name and `VERSION` one of everything that decides the bytes made of it, so that
//! running again writes the same bytes to the same key, and so that all files of a source are known by their path.

mod beside;
mod derived;
pub mod search;

pub use beside::{DraftPlaces, PartPlaces, ReplayPlaces};
pub use derived::{aggregate_source, derived_source, epoch_prefix, folder_of};
pub use search::{INDEX_FORMAT, IndexPlaces};

use crate::{hex, message::SourceOrder, table::TableSpec};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A part of the lake with a purpose, rights and a lifecycle of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zone {
    /// Standardised and checked, one table a dataset.
    Preprocessed,
    /// Rows and objects that were refused.
    Quarantine,
    /// Joined with references.
    Enriched,
    /// Aggregated for a purpose.
    Mart,
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Preprocessed => "preprocessed",
            Self::Quarantine => "quarantine",
            Self::Enriched => "enriched",
            Self::Mart => "marts",
        })
    }
}

/// The lake's root: `s3://bucket` with no slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeLocation(String);

impl LakeLocation {
    /// The root of the lake in that bucket.
    pub fn bucket(name: &str) -> Self {
        Self(format!("s3://{name}"))
    }

    /// Where the table lies, with no slash at the end.
    pub fn table(&self, spec: &TableSpec) -> String {
        format!(
            "{}/{}/{}/{}",
            self.0,
            spec.zone,
            spec.name.database(),
            spec.name.table()
        )
    }
}

/// One version of one object in the raw zone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceVersion {
    /// Bucket.
    pub bucket: String,
    /// Key, decoded.
    pub key: String,
    /// Version id, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// Entity tag, without quotes.
    pub etag: String,
    /// The event's sequencer.
    pub sequencer: String,
}

impl SourceVersion {
    /// `s3://bucket/key`.
    pub fn uri(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }

    /// For people: the version id, or else the entity tag.
    pub fn version(&self) -> &str {
        self.version_id.as_deref().unwrap_or(&self.etag)
    }
}

/// The prefix, with its slash, under which lies every data file that was ever made of a source for the table at `location`.
pub fn source_prefix(location: &str, source_uri: &str) -> String {
    digest_prefix(location, &source_digest(source_uri))
}

/// The same of the source that has this digest ([`source_digest`]).
pub fn digest_prefix(location: &str, source_digest: &str) -> String {
    format!("{location}/data/{source_digest}/")
}

/// The prefix, with its slash, under which lies every data file that was ever made of what lies up to that position of a source that is
/// appended to. No two positions share one, so no file can come to a table by two requests. Whoever makes files puts a folder below it for
/// whatever else decides their bytes, the contract's text above all.
pub fn position_prefix(location: &str, source_uri: &str, order: &SourceOrder) -> String {
    let mut digest = Digest::new();
    digest.part(order.as_str().as_bytes());
    format!("{}{}/", source_prefix(location, source_uri), digest.short())
}

/// The same of the files that the `generation`-th checkpoint of a shard names. Who was slower and lost may write its files still, of more records
/// or of less: not over those of who won.
pub fn generation_prefix(
    location: &str,
    source_uri: &str,
    order: &SourceOrder,
    generation: u64,
    contract_digest: &str,
) -> String {
    let mut digest = Digest::new();
    digest.part(&generation.to_le_bytes());
    digest.part(contract_digest.as_bytes());
    format!("{}{}/", position_prefix(location, source_uri, order), digest.short())
}

/// The digest of the source that the data file at `path` was made of, for the table at `location`: 20 hex digits, as [`source_digest`]
/// gives them. None: the file is not where files of sources lie.
pub fn digest_in_path<'p>(location: &str, path: &'p str) -> Option<&'p str> {
    let below = path.strip_prefix(location)?.strip_prefix("/data/")?;
    below.split_once('/').map(|(digest, _)| digest)
}

/// Folder, below the prefix of their source, of what the files at these paths are packed into, for a table of those columns, partitions and
/// order: all that decides its bytes, so that packing them again writes the same.
pub fn packed_folder(paths: &[String], spec: &TableSpec) -> String {
    let mut digest = Digest::new();
    digest.part(b"packed");
    digest.part(format!("{:?}", (&spec.columns, &spec.partition, &spec.sort)).as_bytes());
    for path in paths {
        digest.part(path.as_bytes());
    }
    digest.short()
}

/// What stands for a source in the paths of its data files: 20 hex digits.
pub fn source_digest(source_uri: &str) -> String {
    let mut digest = Digest::new();
    digest.part(source_uri.as_bytes());
    digest.short()
}

/// The prefix, with its slash, under which the committer writes metadata of the table at `location`.
pub fn metadata_prefix(location: &str) -> String {
    format!("{location}/metadata/")
}

/// Where the sweep of the table at `location` begins on a day, counted from 1970-01-01: in the middle of its sources, which are spread by
/// their digests, at another place each day.
pub fn sweep_start(location: &str, day: i64) -> String {
    let mut digest = Digest::new();
    digest.part(&day.to_le_bytes());
    format!("{location}/data/{}", digest.short())
}

/// The prefix, with its slash, of everything that belongs to the table at `location`.
pub fn table_prefix(location: &str) -> String {
    format!("{location}/")
}

/// The prefix, with its slash, of the data files made of this version of this source under this contract text.
pub fn staged_prefix(location: &str, source: &SourceVersion, contract_digest: &str) -> String {
    let version = version_digest(source, contract_digest);
    format!("{}{version}/", source_prefix(location, &source.uri()))
}

fn version_digest(source: &SourceVersion, contract_digest: &str) -> String {
    let mut digest = Digest::new();
    for part in [source.version(), &source.etag, &source.sequencer, contract_digest] {
        digest.part(part.as_bytes());
    }
    digest.short()
}

/// Folder below a staged prefix of the files of the `attempt`-th pass (from 1) over a source. A later pass over the same bytes, which
/// knows more (repeated keys, damage at the end), makes other files, and must not write over those that are committed.
pub fn attempt_folder(attempt: u32) -> String {
    attempt.to_string()
}

/// Path below a staged prefix of a file in such a folder.
pub fn path_in(folder: &str, path: &str) -> String {
    format!("{folder}/{path}")
}

/// Longest rendered partition value in a path, in bytes.
const MAX_PATH_VALUE_BYTES: usize = 48;

/// Path of a data file below its staged prefix: `time_hour_month=2013-01/00003-00000.parquet`. The values are for people
/// (readers know partitions from the manifest); the two ordinals make the path unique.
pub fn data_file_path(partition: &[(&str, String)], partition_ordinal: usize, file_ordinal: usize) -> String {
    let mut path = String::new();
    for (name, value) in partition {
        path.push_str(name);
        path.push('=');
        path.push_str(&path_value(value));
        path.push('/');
    }
    path.push_str(&format!("{partition_ordinal:05}-{file_ordinal:05}.parquet"));
    path
}

fn path_value(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        if out.len() >= MAX_PATH_VALUE_BYTES {
            break;
        }
        push_escaped(&mut out, byte);
    }
    out
}

/// The whole name, so that no two have the same.
fn path_name(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        push_escaped(&mut out, byte);
    }
    out
}

fn push_escaped(out: &mut String, byte: u8) {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(byte as char),
        other => out.push_str(&format!("%{other:02X}")),
    }
}

/// `bucket` and `key` of an `s3://bucket/key`.
pub fn split_uri(uri: &str) -> Option<(&str, &str)> {
    uri.strip_prefix("s3://")?
        .split_once('/')
        .filter(|(bucket, _)| !bucket.is_empty())
}

/// SHA-256 over length-prefixed parts, so that no two lists of parts run into each other.
pub struct Digest(Sha256);

impl Digest {
    /// Of nothing.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(Sha256::new())
    }

    /// One more part.
    pub fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// The first 128 bits.
    pub fn bytes(self) -> [u8; 16] {
        let whole = self.0.finalize();
        let mut first = [0; 16];
        first.copy_from_slice(&whole[..16]);
        first
    }

    /// The first 128 bits: 32 hex digits.
    pub fn hex(self) -> String {
        hex(&self.bytes())
    }

    /// The first 80 bits: 20 hex digits, for paths. Two of a million sources share one with probability 4e-13.
    pub fn short(self) -> String {
        let mut hex = self.hex();
        hex.truncate(20);
        hex
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> SourceVersion {
        SourceVersion {
            bucket: "raw".into(),
            key: "a/b.csv".into(),
            version_id: None,
            etag: "e1".into(),
            sequencer: "01".into(),
        }
    }

    #[test]
    fn keys_are_a_function_of_the_input() {
        let one = staged_prefix("s3://lake/t", &source(), "c1");
        assert_eq!(one, staged_prefix("s3://lake/t", &source(), "c1"));
        assert!(one.starts_with(&source_prefix("s3://lake/t", "s3://raw/a/b.csv")));
        for other in [
            staged_prefix(
                "s3://lake/t",
                &SourceVersion {
                    etag: "e2".into(),
                    ..source()
                },
                "c1",
            ),
            staged_prefix(
                "s3://lake/t",
                &SourceVersion {
                    sequencer: "02".into(),
                    ..source()
                },
                "c1",
            ),
            staged_prefix("s3://lake/t", &source(), "c2"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn positions_of_a_source_have_prefixes_of_their_own_below_the_sources() {
        let order = |number: &str, sub| SourceOrder::kinesis(number, sub).unwrap();
        let prefix = |order| position_prefix("s3://lake/t", "kinesis://clicks/shardId-000000000000", &order);
        let one = prefix(order("7", 0));
        let source = source_prefix("s3://lake/t", "kinesis://clicks/shardId-000000000000");
        assert!(one.starts_with(&source) && one.ends_with('/'), "{one}");
        assert_eq!(one, prefix(order("7", 0)));
        assert_ne!(one, prefix(order("8", 0)));
        assert_ne!(one, prefix(order("7", 1)));
    }

    #[test]
    fn partition_values_cannot_leave_their_folder() {
        let path = data_file_path(&[("carrier", "../x y/ü".into())], 3, 1);
        assert_eq!(path, "carrier=..%2Fx%20y%2F%C3%BC/00003-00001.parquet");
        assert!(data_file_path(&[("c", "é".repeat(500))], 0, 0).len() < 100);
    }

    #[test]
    fn parts_have_places_of_their_own() {
        let lake = LakeLocation::bucket("lake");
        let places = lake.parts(&source(), "c1", "lines-8");
        assert!(
            places.record(7).starts_with(&places.records())
                && places.record(7).ends_with("/lines-8/records/00007.json")
        );
        assert_eq!(places.folder(7), "lines-8/00007");
        for other in [
            lake.parts(&source(), "c2", "lines-8"),
            lake.parts(&source(), "c1", "lines-9"),
        ] {
            assert_ne!(places.planned(), other.planned());
        }
    }

    #[test]
    fn an_uri_has_a_bucket_and_a_key() {
        assert_eq!(split_uri("s3://b/k/x"), Some(("b", "k/x")));
        assert_eq!(split_uri("s3:///k"), None);
        assert_eq!(split_uri("http://b/k"), None);
    }
}

//! What the table holds of each source: the newest order, its token, and how many files it had. Of a source that is appended to, such as
//! a shard of a stream, the order is all that there is to know, so the ledger grows with the shards and not with what they bring.
//!
//! A root object lists the buckets, and each bucket the sources whose hash ends in the bucket's bits (extendible hashing:
//! a full bucket alone is split, by one more bit). Objects are immutable and have fresh names; the table property
//! `watershed.ledger` names the root. A commit of k sources reads and writes at most k buckets and one root.

use crate::{MAX_CONCURRENT_IO, object};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;
use watershed_lake::{CommitRequest, SourceOrder, layout::source_digest};
use watershed_ports::{ObjectStore, PortError};

/// Sources that a bucket holds before it is split; about 200 bytes each.
pub const MAX_BUCKET_SOURCES: usize = 1_024;
/// Bits that a bucket is told apart by at most: 65,536 buckets, 40 million sources. Beyond that buckets grow.
pub const MAX_DEPTH: u8 = 16;
/// Format of the objects.
const VERSION: u32 = 1;

/// What the table holds of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// The newest version that the table knows of.
    pub order: SourceOrder,
    /// The request that brought it.
    pub token: String,
    /// Data files that it brought; 0: there are none to look for. None: the source is appended to, and its files are not counted. (A
    /// committer from before there were appends cannot read that, so it cannot lose it either.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
}

impl Holding {
    /// What the table holds once it holds what the request says.
    pub fn of(request: &CommitRequest) -> Self {
        Self {
            order: request.order.clone(),
            token: request.token.clone(),
            files: request.append.is_none().then_some(request.files.len() as u64),
        }
    }

    /// Whether the source is appended to.
    pub fn is_appended(&self) -> bool {
        self.files.is_none()
    }
}

/// What the table holds once it holds what the requests say: of each source, after the newest.
pub fn holdings_of<'a>(requests: impl Iterator<Item = &'a CommitRequest>) -> BTreeMap<String, Holding> {
    let mut holdings: BTreeMap<String, Holding> = BTreeMap::new();
    for request in requests {
        if holdings
            .get(&request.source)
            .is_none_or(|held| held.order < request.order)
        {
            holdings.insert(request.source.clone(), Holding::of(request));
        }
    }
    holdings
}

type Bucket = BTreeMap<String, Holding>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct BucketRef {
    /// Bits of the hash that count.
    depth: u8,
    /// Their value.
    slot: u32,
    /// Address of the object.
    uri: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Root {
    version: u32,
    buckets: Vec<BucketRef>,
}

/// The part of the ledger that a commit works on.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    root: BTreeMap<(u8, u32), String>,
    loaded: BTreeMap<(u8, u32), Bucket>,
}

/// New objects of the ledger.
#[derive(Debug, Clone, Default)]
pub struct LedgerObjects {
    /// Address of the new root.
    pub root: String,
    /// Every new object, root last.
    pub objects: Vec<(String, Bytes)>,
}

fn hash(source: &str) -> u32 {
    hash_of_digest(&source_digest(source)).expect("a digest is hexadecimal")
}

/// A source is found by the digest in its files' paths as well: the hash is the beginning of it.
fn hash_of_digest(digest: &str) -> Option<u32> {
    u32::from_str_radix(digest.get(..8)?, 16).ok()
}

fn slot(hash: u32, depth: u8) -> (u8, u32) {
    (depth, hash & ((1 << depth) - 1))
}

fn parse<T: serde::de::DeserializeOwned>(uri: &str, bytes: &[u8]) -> Result<T, PortError> {
    serde_json::from_slice(bytes).map_err(|e| PortError::fault(format!("{uri} is not a ledger of sources: {e}")))
}

impl Ledger {
    /// Reads the root and the buckets of these sources; `root_uri` none: the table has no ledger yet.
    pub async fn load<'a>(
        store: &dyn ObjectStore,
        root_uri: Option<&str>,
        sources: impl Iterator<Item = &'a str>,
    ) -> Result<Self, PortError> {
        let Some(uri) = root_uri else {
            return Ok(Self::default());
        };
        let root: Root = parse(uri, &object::read(store, uri).await?)?;
        if root.version != VERSION {
            let version = root.version;
            return Err(PortError::fault(format!(
                "{uri} is a ledger of version {version}; this committer reads {VERSION}"
            )));
        }
        let root: BTreeMap<_, _> = root.buckets.into_iter().map(|b| ((b.depth, b.slot), b.uri)).collect();
        let ledger = Self {
            root,
            loaded: BTreeMap::new(),
        };
        let wanted = sources.filter_map(|source| ledger.bucket_of(hash(source))).collect();
        let loaded = ledger.buckets(store, wanted).await?;
        Ok(Self { loaded, ..ledger })
    }

    async fn buckets(
        &self,
        store: &dyn ObjectStore,
        wanted: BTreeSet<(u8, u32)>,
    ) -> Result<BTreeMap<(u8, u32), Bucket>, PortError> {
        let reads = wanted.into_iter().map(|key| {
            let uri = self.root[&key].clone();
            async move { Ok::<_, PortError>((key, parse::<Bucket>(&uri, &object::read(store, &uri).await?)?)) }
        });
        stream::iter(reads)
            .buffer_unordered(MAX_CONCURRENT_IO)
            .try_collect()
            .await
    }

    /// Reads the buckets of these sources as well, which are told by the digests in their files' paths, and gives the sources
    /// that the ledger knows of, by digest.
    pub async fn load_digests(
        &mut self,
        store: &dyn ObjectStore,
        digests: impl Iterator<Item = &str>,
    ) -> Result<BTreeMap<String, String>, PortError> {
        let digests: BTreeSet<&str> = digests.collect();
        let keys: BTreeSet<(u8, u32)> = digests
            .iter()
            .filter_map(|digest| self.bucket_of(hash_of_digest(digest)?))
            .collect();
        let new = keys
            .iter()
            .filter(|key| !self.loaded.contains_key(key))
            .copied()
            .collect();
        let more = self.buckets(store, new).await?;
        self.loaded.extend(more);
        let sources = keys.iter().flat_map(|key| self.loaded[key].keys());
        Ok(sources
            .map(|source| (source_digest(source), source.clone()))
            .filter(|(digest, _)| digests.contains(digest.as_str()))
            .collect())
    }

    /// The addresses of the ledger's objects, by its root alone.
    pub async fn objects(store: &dyn ObjectStore, root_uri: &str) -> Result<Vec<String>, PortError> {
        let ledger = Self::load(store, Some(root_uri), std::iter::empty()).await?;
        let root = std::iter::once(root_uri.to_string());
        Ok(root.chain(ledger.root.into_values()).collect())
    }

    fn bucket_of(&self, hash: u32) -> Option<(u8, u32)> {
        (0..=MAX_DEPTH)
            .map(|depth| slot(hash, depth))
            .find(|key| self.root.contains_key(key))
    }

    /// What the table holds of the sources that it was loaded for.
    pub fn holdings(&self) -> BTreeMap<String, Holding> {
        self.loaded
            .values()
            .flatten()
            .map(|(source, holding)| (source.clone(), holding.clone()))
            .collect()
    }

    /// The ledger with these holdings in place of the former ones; every source must be among those it was loaded for.
    /// New objects lie under `metadata_prefix`, which ends in a slash.
    pub fn updated(
        &self,
        changes: &BTreeMap<String, Holding>,
        metadata_prefix: &str,
        mut name: impl FnMut() -> Uuid,
    ) -> LedgerObjects {
        let mut root = self.root.clone();
        let mut touched: BTreeMap<(u8, u32), Bucket> = BTreeMap::new();
        for (source, holding) in changes {
            let key = self.bucket_of(hash(source)).unwrap_or((0, 0));
            let bucket = touched
                .entry(key)
                .or_insert_with(|| self.loaded.get(&key).cloned().unwrap_or_default());
            bucket.insert(source.clone(), holding.clone());
        }
        let mut objects = Vec::new();
        for (key, bucket) in touched {
            root.remove(&key);
            for (key, part) in split(key, bucket) {
                let uri = format!("{metadata_prefix}ledger-{}.json", name());
                objects.push((uri.clone(), json(&part)));
                root.insert(key, uri);
            }
        }
        let buckets = root
            .into_iter()
            .map(|((depth, slot), uri)| BucketRef { depth, slot, uri })
            .collect();
        let uri = format!("{metadata_prefix}ledger-root-{}.json", name());
        objects.push((
            uri.clone(),
            json(&Root {
                version: VERSION,
                buckets,
            }),
        ));
        LedgerObjects { root: uri, objects }
    }
}

fn json<T: Serialize>(value: &T) -> Bytes {
    serde_json::to_vec(value).expect("maps with text keys are JSON").into()
}

/// The bucket, or as many as it takes for none to be too full.
fn split(key: (u8, u32), bucket: Bucket) -> Vec<((u8, u32), Bucket)> {
    let mut todo = vec![(key, bucket)];
    let mut done = Vec::new();
    // Each turn either finishes a bucket or uses up one of its at most MAX_DEPTH bits.
    while let Some(((depth, value), bucket)) = todo.pop() {
        if bucket.len() <= MAX_BUCKET_SOURCES || depth >= MAX_DEPTH {
            done.push(((depth, value), bucket));
            continue;
        }
        let (ones, zeros): (Bucket, Bucket) = bucket
            .into_iter()
            .partition(|(source, _)| slot(hash(source), depth + 1).1 != value);
        todo.push(((depth + 1, value), zeros));
        todo.push(((depth + 1, value | (1 << depth)), ones));
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use watershed_ports::memory::MemoryStore;

    fn holding(n: usize) -> Holding {
        Holding {
            order: SourceOrder::s3(&format!("{n:04X}"), (1, 0, 0)),
            token: format!("t{n}"),
            files: Some(1),
        }
    }

    #[test]
    fn entries_from_before_there_were_appends_still_read_and_those_of_appends_are_told_apart() {
        let old = r#"{"order":"01","token":"t","files":0}"#;
        let held: Holding = serde_json::from_str(old).unwrap();
        assert_eq!((held.files, held.is_appended()), (Some(0), false));
        assert_eq!(serde_json::to_string(&held).unwrap(), old);
        let appended = Holding { files: None, ..held };
        let text = serde_json::to_string(&appended).unwrap();
        assert_eq!(text, r#"{"order":"01","token":"t"}"#);
        assert_eq!(serde_json::from_str::<Holding>(&text).unwrap(), appended);
    }

    #[tokio::test]
    async fn buckets_split_and_every_source_is_found_again() {
        let store = MemoryStore::default();
        let mut root: Option<String> = None;
        let all: Vec<String> = (0..5_000).map(|n| format!("s3://raw/object-{n}.csv")).collect();
        let mut count = 0_u128;
        for chunk in all.chunks(700) {
            let ledger = Ledger::load(&store, root.as_deref(), chunk.iter().map(String::as_str))
                .await
                .unwrap();
            assert!(chunk.iter().all(|source| !ledger.holdings().contains_key(source)));
            let changes = chunk.iter().map(|source| (source.clone(), holding(1))).collect();
            let new = ledger.updated(&changes, "s3://lake/t/metadata/", || {
                count += 1;
                Uuid::from_u128(count)
            });
            for (uri, body) in new.objects {
                object::put(&store, &uri, body).await.unwrap();
            }
            root = Some(new.root);
        }
        let ledger = Ledger::load(&store, root.as_deref(), all.iter().map(String::as_str))
            .await
            .unwrap();
        assert_eq!(ledger.holdings().len(), all.len());
        assert!(ledger.root.len() > 4, "{}", ledger.root.len());
        assert!(ledger.loaded.values().all(|bucket| bucket.len() <= MAX_BUCKET_SOURCES));
        let one = Ledger::load(&store, root.as_deref(), std::iter::once(all[7].as_str()))
            .await
            .unwrap();
        assert_eq!(one.loaded.len(), 1, "one source reads one bucket");
        let new = one.updated(
            &BTreeMap::from([(all[7].clone(), holding(2))]),
            "s3://lake/t/metadata/",
            Uuid::nil,
        );
        assert_eq!(new.objects.len(), 2, "and writes one, and the root");
    }
}

//! Every object that a table still needs, so that what is not among them can be swept.

use crate::{document::Document, ledger::Ledger, manifests, object};
use futures::{StreamExt, TryStreamExt, stream};
use iceberg::spec::ManifestFile;
use std::collections::HashSet;
use watershed_lake::{layout::Digest, table::properties};
use watershed_ports::{CatalogEntry, Kind, ObjectStore, PortError};

/// Objects of one table that are told apart at most: 16 bytes each, in a set that then takes 150 MB, and 225 MB while it grows.
pub const MAX_REACHABLE: usize = 7_000_000;
/// Manifests that are read at the same time; each is at most about [`crate::plan::TARGET_MANIFEST_BYTES`] long, and some times that
/// when it is unpacked.
pub const MAX_CONCURRENT_MANIFESTS: usize = 4;

/// The objects that a table needs, by a digest of their address.
///
/// Of the current metadata: itself; every file that its log names, and the ledgers that those name; statistics; of each
/// snapshot, those of branches and tags among them, the manifest list, its manifests, and the files that they name, data or delete
/// files, which live or which a snapshot that is still there removed; but for what was removed until rows were erased.
#[derive(Debug, Default)]
pub struct Reachable {
    /// Where the table lies, with no slash at the end.
    pub location: String,
    /// When the oldest of its snapshots was made, in milliseconds since 1970; none: it has none.
    pub oldest_snapshot_ms: Option<i64>,
    erased_before_ms: Option<i64>,
    metadata_location: String,
    objects: HashSet<[u8; 16]>,
}

/// Engines spell S3 as `s3`, `s3a` and `s3n`: what counts is what follows.
fn digest(uri: &str) -> [u8; 16] {
    let name = uri.split_once("://").map_or(uri, |(_, name)| name);
    let mut digest = Digest::new();
    digest.part(name.as_bytes());
    digest.bytes()
}

impl Reachable {
    /// Of the table as the catalog names it. `erased_before_ms`: what snapshots removed that were made until then, in milliseconds since 1970, has
    /// rows that were erased, and nobody needs it.
    ///
    /// Errors: of kind fault, where an object that the table needs is gone, is none, or there are more than [`MAX_REACHABLE`]: then nothing may be
    /// swept.
    pub async fn of(
        store: &dyn ObjectStore,
        entry: &CatalogEntry,
        erased_before_ms: Option<i64>,
    ) -> Result<Self, PortError> {
        let mut reachable = Self {
            erased_before_ms,
            ..Self::default()
        };
        reachable.update(store, entry).await?;
        Ok(reachable)
    }

    /// Adds what the table needs now. What it needed before stays: a manifest that was read is not read again.
    pub async fn update(&mut self, store: &dyn ObjectStore, entry: &CatalogEntry) -> Result<(), PortError> {
        let uri = &entry.metadata_location;
        if *uri == self.metadata_location {
            return Ok(());
        }
        let document = Document::parse(uri, &object::read(store, uri).await?)?;
        let metadata = document.typed()?;
        self.location = metadata.location().trim_end_matches('/').into();
        self.add(uri)?;
        for file in document.statistics() {
            self.add(file)?;
        }
        if let Some(root) = document.property(properties::LEDGER) {
            self.add_ledger(store, root).await?;
        }
        for file in document.log() {
            self.add_former(store, file).await?;
        }
        let mut lists = Vec::new();
        self.oldest_snapshot_ms = metadata.snapshots().map(|snapshot| snapshot.timestamp_ms()).min();
        for snapshot in metadata.snapshots() {
            if self.add(snapshot.manifest_list())? {
                lists.push(snapshot.manifest_list());
            }
        }
        for list in lists {
            let mut new: Vec<ManifestFile> = Vec::new();
            for file in manifests::list(store, list).await? {
                if self.add(&file.manifest_path)? {
                    new.push(file);
                }
            }
            let erased_before_ms = self.erased_before_ms;
            let is_kept = |id| {
                let snapshot = metadata.snapshot_by_id(id);
                snapshot.is_some_and(|snapshot| erased_before_ms.is_none_or(|ms| snapshot.timestamp_ms() > ms))
            };
            self.add_files(store, new, is_kept).await?;
        }
        self.metadata_location.clone_from(uri);
        Ok(())
    }

    /// Whether the table needs the object, as far as is known.
    pub fn contains(&self, uri: &str) -> bool {
        self.objects.contains(&digest(uri))
    }

    /// Objects that the table needs.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether it needs none: it was not looked at.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Whether it is new.
    fn add(&mut self, uri: &str) -> Result<bool, PortError> {
        if self.objects.len() >= MAX_REACHABLE {
            return Err(too_many(&self.location));
        }
        Ok(self.objects.insert(digest(uri)))
    }

    async fn add_ledger(&mut self, store: &dyn ObjectStore, root: &str) -> Result<(), PortError> {
        if !self.add(root)? {
            return Ok(());
        }
        for uri in Ledger::objects(store, root).await? {
            self.add(&uri)?;
        }
        Ok(())
    }

    /// Metadata that the log names: what it says of sources would be needed if someone went back to it. What is gone is no harm.
    async fn add_former(&mut self, store: &dyn ObjectStore, uri: &str) -> Result<(), PortError> {
        if !self.add(uri)? {
            return Ok(());
        }
        let body = match store.read(&object::id(uri)?).await {
            Err(error) if error.kind == Kind::Rejected => return Ok(()),
            body => body?,
        };
        let document = Document::parse(uri, &body)?;
        match document.property(properties::LEDGER) {
            Some(root) if is_there(store, root).await? => self.add_ledger(store, root).await,
            _ => Ok(()),
        }
    }

    async fn add_files(
        &mut self,
        store: &dyn ObjectStore,
        manifests: Vec<ManifestFile>,
        is_kept: impl Fn(i64) -> bool,
    ) -> Result<(), PortError> {
        let is_kept = &is_kept;
        let reads = manifests.into_iter().map(|file| async move {
            let mut found = Vec::new();
            manifests::paths(store, &file, is_kept, |path| found.push(digest(path))).await?;
            Ok::<_, PortError>(found)
        });
        let mut reads = stream::iter(reads).buffer_unordered(MAX_CONCURRENT_MANIFESTS);
        while let Some(found) = reads.try_next().await? {
            if self.objects.len() + found.len() > MAX_REACHABLE {
                return Err(too_many(&self.location));
            }
            self.objects.extend(found);
        }
        Ok(())
    }
}

fn too_many(location: &str) -> PortError {
    PortError::fault(format!(
        "the table at {location} needs more than {MAX_REACHABLE} objects: merge its files, keep fewer snapshots, or raise \
         MAX_REACHABLE and the function's memory"
    ))
}

async fn is_there(store: &dyn ObjectStore, uri: &str) -> Result<bool, PortError> {
    let id = object::id(uri)?;
    Ok(store.find(&id.bucket, &id.key).await?.is_some())
}

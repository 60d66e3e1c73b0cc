//! Which files come and which go. Pure.

use crate::manifests::LoadedManifest;
use iceberg::spec::{DataFile, ManifestContentType, ManifestEntry, ManifestFile};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};
use watershed_lake::{
    CommitRequest,
    layout::{position_prefix, source_prefix},
};

/// Data manifests of the current partition spec at which small ones are merged: a commit that replaces files reads all.
pub const MERGE_AT_MANIFESTS: usize = 48;
/// Bytes of a manifest that is not merged any more, and of a merged one at most.
pub const TARGET_MANIFEST_BYTES: i64 = 8 * 1024 * 1024;

/// A request that counts, with its files as they were found.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// Its index among the requests.
    pub index: usize,
    /// The request.
    pub request: &'a CommitRequest,
    /// Its files.
    pub files: Vec<DataFile>,
    /// Files that the ledger says the source had before; 0 of one that is appended to.
    pub held_files: u64,
}

/// What changes.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Files that come.
    pub added: Vec<DataFile>,
    /// Paths of the files that go, by the path of the manifest that lists them.
    pub removed: BTreeMap<String, BTreeSet<String>>,
    /// Requests of whose source fewer files live than the ledger says.
    pub missing: Vec<usize>,
}

impl Change {
    /// Whether there is nothing to do but to remember the versions.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// Of each source the wanted files stay or come, and every other file that lies under its prefix goes, unless the source is appended to.
/// The files of a source are known by their path, so what the ledger forgot goes as well, and what it forgot of an append does not come
/// twice.
pub fn change(location: &str, wanted: &[Wanted<'_>], manifests: &[LoadedManifest]) -> Change {
    let prefixes: BTreeMap<String, usize> = wanted
        .iter()
        .enumerate()
        .map(|(position, wanted)| (prefix(location, wanted.request), position))
        .collect();
    let mut live: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); wanted.len()];
    let paths: Vec<BTreeSet<&str>> = wanted
        .iter()
        .map(|wanted| wanted.files.iter().map(DataFile::file_path).collect())
        .collect();
    let mut change = Change::default();
    for manifest in manifests {
        for path in manifest.live.iter().map(ManifestEntry::file_path) {
            // Prefixes end in a slash and none contains another: the greatest that is not above the path is the one.
            let candidate = prefixes
                .range::<str, _>((Bound::Unbounded, Bound::Included(path)))
                .next_back();
            let Some((_, &position)) = candidate.filter(|(prefix, _)| path.starts_with(prefix.as_str())) else {
                continue;
            };
            live[position].insert(path);
            if wanted[position].request.append.is_none() && !paths[position].contains(path) {
                change
                    .removed
                    .entry(manifest.file.manifest_path.clone())
                    .or_default()
                    .insert(path.into());
            }
        }
    }
    for (wanted, live) in wanted.iter().zip(&live) {
        change.added.extend(
            wanted
                .files
                .iter()
                .filter(|file| !live.contains(file.file_path()))
                .cloned(),
        );
        if wanted.held_files > live.len() as u64 {
            change.missing.push(wanted.index);
        }
    }
    change
}

/// The prefix, with its slash, that every file of the request lies under, and no file that it does not speak of.
pub fn prefix(location: &str, request: &CommitRequest) -> String {
    match request.append {
        Some(_) => position_prefix(location, &request.source, &request.order),
        None => source_prefix(location, &request.source),
    }
}

/// Whether the manifest lists files that live.
pub fn is_alive(file: &ManifestFile) -> bool {
    file.has_added_files() || file.has_existing_files()
}

/// Whether the manifest lists data files that live.
pub fn lists_data(file: &ManifestFile) -> bool {
    file.content == ManifestContentType::Data && is_alive(file)
}

/// Whether the manifest lists files of deleted rows that apply.
pub fn lists_deletes(file: &ManifestFile) -> bool {
    file.content == ManifestContentType::Deletes && is_alive(file)
}

/// Paths of the manifests that are to become one; none: there are not many yet. Smallest first, up to the target size.
pub fn to_merge(untouched: &[ManifestFile], partition_spec_id: i32) -> BTreeSet<String> {
    let mut small: Vec<&ManifestFile> = untouched
        .iter()
        .filter(|file| lists_data(file) && file.partition_spec_id == partition_spec_id)
        .filter(|file| file.manifest_length < TARGET_MANIFEST_BYTES)
        .collect();
    if small.len() < MERGE_AT_MANIFESTS {
        return BTreeSet::new();
    }
    small.sort_by_key(|file| file.manifest_length);
    let mut bytes = 0;
    let fitting = small.into_iter().take_while(|file| {
        bytes += file.manifest_length;
        bytes <= TARGET_MANIFEST_BYTES
    });
    let chosen: BTreeSet<String> = fitting.map(|file| file.manifest_path.clone()).collect();
    if chosen.len() > 1 { chosen } else { BTreeSet::new() }
}

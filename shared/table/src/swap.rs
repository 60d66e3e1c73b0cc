//! Files for others that have the same rows: what a swap may replace, and whether it does.
//!
//! It is decided last, of the table as it is to be after all else that the batch asks for, and again in each attempt: so it loses to whatever
//! takes one of its files away, in whatever order they come, and nothing has to wait for it.

use crate::{
    MAX_CONCURRENT_IO, Outcome, check, footer,
    maintain::{Chores, Counts},
    manifests::LoadedManifest,
    plan::{self, Change},
    session::Session,
    summary,
};
use futures::{StreamExt, TryStreamExt, stream};
use iceberg::spec::{DataFile, ManifestEntry, ManifestFile, TableMetadata};
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};
use watershed_lake::{
    Swap,
    layout::{digest_in_path, digest_prefix},
    maintenance::MAX_SWAPPED_FILES,
    message::MAX_FILES_PER_REQUEST,
};
use watershed_ports::PortError;

/// The table, as far as swaps are decided by it.
pub struct Swappable<'t> {
    /// Where it lies, with no slash at the end.
    pub location: &'t str,
    /// As it is to be.
    pub metadata: &'t TableMetadata,
    /// Those of its current snapshot.
    pub manifests: &'t [ManifestFile],
    /// Those of them that list files which may go.
    pub loaded: &'t [LoadedManifest],
}

/// What there is of a swap.
enum Found<'t> {
    /// All that it replaces: manifests' paths, and files.
    All(Vec<(&'t str, &'t DataFile)>),
    /// Nothing, and what it brings is there or was.
    Done,
    /// Something is missing.
    Lost,
}

/// Whether the manifest lists files of the swap's source.
pub fn is_in(swap: &Swap, manifest: &LoadedManifest) -> bool {
    let mut paths = manifest.live.iter().map(ManifestEntry::file_path);
    paths.any(|path| path.starts_with(&swap.prefix))
}

impl Session<'_> {
    /// Adds what the swaps do to the change, and to the counts of the ledger. What fails, fails alone.
    pub async fn swap_files(
        &mut self,
        table: &Swappable<'_>,
        chores: &mut Chores<'_>,
        change: &mut Change,
        counts: &mut Counts,
    ) {
        let (is_alone, mut keeps_rows) = (change.is_empty(), true);
        let mut known: BTreeMap<String, Result<Outcome, PortError>> = BTreeMap::new();
        for (index, swap) in chores.swaps.clone() {
            let token = self.maintenance[index].token();
            if let Some(same) = known.get(&token) {
                chores.came_of(index, same.clone());
                continue;
            }
            let outcome = self.one_swap((index, swap, &token), table, change, counts).await;
            keeps_rows &= outcome != Ok(Outcome::Applied) || swap.erased_rows == 0;
            known.insert(token, outcome.clone());
            chores.came_of(index, outcome);
        }
        change.is_rewrite = is_alone && keeps_rows && !change.is_empty();
    }

    async fn one_swap(
        &mut self,
        (index, swap, token): (usize, &Swap, &str),
        table: &Swappable<'_>,
        change: &mut Change,
        counts: &mut Counts,
    ) -> Result<Outcome, PortError> {
        let named = |what: String| PortError::fault(format!("a swap of files under {}: {what}", swap.prefix));
        let digest = checked(table.location, swap).map_err(named)?;
        let replaced = match found(swap, token, table, change) {
            Found::All(replaced) => replaced,
            Found::Done => return Ok(Outcome::AlreadyApplied),
            Found::Lost => return Ok(Outcome::Superseded),
        };
        let files = self.swapped_in(index, swap, table.metadata).await?;
        same_rows(swap, &replaced, &files).map_err(named)?;
        counts.count(digest, files.len() as i64 - replaced.len() as i64);
        for (manifest, file) in replaced {
            let removed = change.removed.entry(manifest.into()).or_default();
            removed.insert(file.file_path().into());
        }
        change.added.extend(files);
        Ok(Outcome::Applied)
    }

    /// The files that come, checked against the table.
    async fn swapped_in(
        &mut self,
        index: usize,
        swap: &Swap,
        metadata: &TableMetadata,
    ) -> Result<Vec<DataFile>, PortError> {
        let store = self.ports.store;
        let uri = |path: &str| format!("{}{path}", swap.prefix);
        if let Entry::Vacant(vacant) = self.swap_footers.entry(index) {
            let reads = swap.files.iter().map(|file| {
                let uri = uri(&file.path);
                async move { footer::read(store, &uri, file.bytes).await }
            });
            vacant.insert(stream::iter(reads).buffered(MAX_CONCURRENT_IO).try_collect().await?);
        }
        let target = check::Target::of(metadata);
        let files = swap.files.iter().zip(&self.swap_footers[&index]);
        files
            .map(|(file, footer)| {
                let uri = uri(&file.path);
                check::data_file(target, &uri, file, footer).map_err(|what| PortError::fault(format!("{uri}: {what}")))
            })
            .collect()
    }
}

/// The digest of the source, if the swap may be asked for.
fn checked<'s>(location: &str, swap: &'s Swap) -> Result<&'s str, String> {
    let digest = digest_in_path(location, &swap.prefix)
        .filter(|digest| !digest.is_empty() && digest_prefix(location, digest) == swap.prefix)
        .ok_or_else(|| format!("that is no source's prefix of the table at {location}"))?;
    if swap.replaced.is_empty() || swap.replaced.len() > MAX_SWAPPED_FILES {
        let count = swap.replaced.len();
        return Err(format!(
            "it replaces {count} files; 1 to {MAX_SWAPPED_FILES} are allowed"
        ));
    }
    if swap.files.len() > MAX_FILES_PER_REQUEST {
        let count = swap.files.len();
        return Err(format!(
            "it brings {count} files; at most {MAX_FILES_PER_REQUEST} are allowed"
        ));
    }
    let mut seen = BTreeSet::new();
    let mut paths = swap.replaced.iter().chain(swap.files.iter().map(|file| &file.path));
    match paths.find(|path| !seen.insert(path.as_str())) {
        Some(path) => Err(format!("it names {path} twice")),
        None => Ok(digest),
    }
}

/// The files of a swap among those that live and do not go anyway. A table of which another engine deleted rows by files of deletes is left
/// alone: who packed its files did not read those.
fn found<'t>(swap: &Swap, token: &str, table: &Swappable<'t>, change: &Change) -> Found<'t> {
    let spec_id = table.metadata.default_partition_spec_id();
    let mut live: BTreeMap<&str, (&str, &DataFile)> = BTreeMap::new();
    for manifest in table.loaded {
        let path = manifest.file.manifest_path.as_str();
        let going = change.removed.get(path);
        for entry in &manifest.live {
            let file = entry.file_path();
            if let Some(below) = file.strip_prefix(&swap.prefix)
                && !going.is_some_and(|going| going.contains(file))
            {
                live.insert(below, (path, entry.data_file()));
            }
        }
    }
    let replaced: Vec<_> = swap
        .replaced
        .iter()
        .filter_map(|path| live.get(path.as_str()).copied())
        .collect();
    let of_this_spec = replaced
        .iter()
        .all(|(manifest, _)| spec_of(table.loaded, manifest) == Some(spec_id));
    if replaced.len() == swap.replaced.len() && of_this_spec && !table.manifests.iter().any(plan::lists_deletes) {
        return Found::All(replaced);
    }
    let all_came = !swap.files.is_empty() && swap.files.iter().all(|file| live.contains_key(file.path.as_str()));
    let is_known = || {
        table
            .metadata
            .snapshots()
            .any(|snapshot| summary::names(snapshot, token))
    };
    if replaced.is_empty() && (all_came || is_known()) {
        return Found::Done;
    }
    Found::Lost
}

fn spec_of(loaded: &[LoadedManifest], path: &str) -> Option<i32> {
    let manifest = loaded.iter().find(|manifest| manifest.file.manifest_path == path)?;
    Some(manifest.file.partition_spec_id)
}

/// Whether as many rows come as go, but for those that are to be erased, and all are of one partition.
fn same_rows(swap: &Swap, replaced: &[(&str, &DataFile)], files: &[DataFile]) -> Result<(), String> {
    let sum = |files: &mut dyn Iterator<Item = &DataFile>| files.map(DataFile::record_count).sum::<u64>();
    let (gone, come) = (sum(&mut replaced.iter().map(|(_, file)| *file)), sum(&mut files.iter()));
    if come + swap.erased_rows != gone {
        let erased = swap.erased_rows;
        return Err(format!(
            "{gone} rows go and {come} come, {erased} are to be erased: they must be as many"
        ));
    }
    let mut partitions = replaced
        .iter()
        .map(|(_, file)| file.partition())
        .chain(files.iter().map(DataFile::partition));
    let first = partitions.next();
    match partitions.find(|partition| Some(*partition) != first) {
        Some(other) => Err(format!("its files are of several partitions, {first:?} and {other:?}")),
        None => Ok(()),
    }
}

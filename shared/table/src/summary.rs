//! What a snapshot says of itself (Iceberg specification, Appendix F "Snapshot summary"). Pure.

use crate::plan::lists_data;
use iceberg::spec::{DataFile, ManifestFile, Snapshot};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};

/// Summary key: tokens of the requests, comma-separated.
pub const TOKENS: &str = "watershed.tokens";
/// Tokens that a summary lists; the ledger holds them all.
pub const MAX_TOKENS: usize = 100;

/// Files, rows and bytes of one side of a change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Files.
    pub files: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Of these files.
pub fn tally<'a>(files: impl Iterator<Item = &'a DataFile>) -> Tally {
    files.fold(Tally::default(), |sum, file| Tally {
        files: sum.files + 1,
        rows: sum.rows + file.record_count(),
        bytes: sum.bytes + file.file_size_in_bytes(),
    })
}

/// Data files and rows that live, by the manifest list.
pub fn totals(manifests: &[ManifestFile]) -> (u64, u64) {
    let data = manifests.iter().filter(|file| lists_data(file));
    data.fold((0, 0), |(files, rows), file| {
        let count = |added: Option<u32>, existing: Option<u32>| u64::from(added.unwrap_or(0) + existing.unwrap_or(0));
        let more = file.added_rows_count.unwrap_or(0) + file.existing_rows_count.unwrap_or(0);
        (
            files + count(file.added_files_count, file.existing_files_count),
            rows + more,
        )
    })
}

/// Iceberg's word for a change of files that changes no row.
pub const REPLACE: &str = "replace";

/// Keys of files, rows and bytes that came.
const ADDED: [&str; 3] = ["added-data-files", "added-records", "added-files-size"];

/// What the snapshot says that came.
pub fn added(snapshot: &Snapshot) -> Tally {
    let said = &snapshot.summary().additional_properties;
    let [files, rows, bytes] = ADDED.map(|key| said.get(key).and_then(|text| text.parse().ok()).unwrap_or(0));
    Tally { files, rows, bytes }
}

/// Whether it brought rows that the table had not before.
pub fn brings_rows(snapshot: &Snapshot) -> bool {
    !is_own_rewrite(snapshot) && added(snapshot).rows > 0
}

/// The tokens in the snapshot's summary.
pub fn tokens(snapshot: &Snapshot) -> impl Iterator<Item = &str> {
    let tokens = snapshot.summary().additional_properties.get(TOKENS);
    tokens.into_iter().flat_map(|tokens| tokens.split(','))
}

/// Whether the snapshot's summary has the token of a request.
pub fn names(snapshot: &Snapshot, token: &str) -> bool {
    let tokens = snapshot.summary().additional_properties.get(TOKENS);
    tokens.is_some_and(|tokens| tokens.contains(token))
}

/// Whether the snapshot is a swap of ours: other files of the same sources, and the same rows. What another engine rewrote is none.
pub fn is_own_rewrite(snapshot: &Snapshot) -> bool {
    let summary = snapshot.summary();
    summary.operation.as_str() == REPLACE && summary.additional_properties.contains_key(TOKENS)
}

/// Iceberg's word for any other change.
pub fn operation(added: Tally, removed: Tally) -> &'static str {
    match (added.files, removed.files) {
        (_, 0) => "append",
        (0, _) => "delete",
        _ => "overwrite",
    }
}

/// The summary. `parent` is the summary of the snapshot before.
pub fn summary(
    operation: &str,
    parent: Option<&HashMap<String, String>>,
    manifests: &[ManifestFile],
    (added, removed): (Tally, Tally),
    partitions: usize,
    tokens: &BTreeSet<&str>,
) -> Value {
    let mut summary = Map::new();
    let mut set = |name: &str, value: String| summary.insert(name.into(), value.into());
    set("operation", operation.into());
    for (names, tally) in [
        (ADDED, added),
        (["deleted-data-files", "deleted-records", "removed-files-size"], removed),
    ] {
        for (name, value) in names.iter().zip([tally.files, tally.rows, tally.bytes]) {
            if value > 0 {
                set(name, value.to_string());
            }
        }
    }
    let (files, rows) = totals(manifests);
    set("total-data-files", files.to_string());
    set("total-records", rows.to_string());
    // Manifest lists do not tell these: they are carried on from the parent, and left out where it does not say.
    let carried = |name: &str| match parent {
        None => Some(0),
        Some(summary) => summary.get(name).and_then(|text| text.parse::<u64>().ok()),
    };
    if let Some(bytes) = carried("total-files-size") {
        set(
            "total-files-size",
            (bytes + added.bytes).saturating_sub(removed.bytes).to_string(),
        );
    }
    for name in ["total-delete-files", "total-position-deletes", "total-equality-deletes"] {
        if let Some(count) = carried(name) {
            set(name, count.to_string());
        }
    }
    set("changed-partition-count", partitions.to_string());
    let listed: Vec<&str> = tokens.iter().take(MAX_TOKENS).copied().collect();
    set(TOKENS, listed.join(","));
    Value::Object(summary)
}

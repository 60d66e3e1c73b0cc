//! Which snapshot a request is in, told from the summaries, so that it is the same however often it is asked. Pure.

use crate::summary;
use iceberg::spec::{Snapshot, TableMetadata};
use std::collections::{BTreeMap, BTreeSet};
use watershed_lake::lineage::{Landed, PERIOD_MS, Period};

/// Snapshots that are searched for requests, the newest first. A request that is delivered again is in one of them, or long known.
pub const MAX_SEARCHED: usize = 1_000;

/// Those of these requests, by their tokens, that snapshots of the table name.
pub fn landed<'t>(metadata: &TableMetadata, tokens: impl Iterator<Item = &'t str>) -> BTreeMap<String, Landed> {
    let mut wanted: BTreeSet<&str> = tokens.collect();
    let mut found = BTreeMap::new();
    let mut snapshots: Vec<_> = metadata.snapshots().collect();
    snapshots.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.sequence_number()));
    for snapshot in snapshots.into_iter().take(MAX_SEARCHED) {
        if wanted.is_empty() {
            break;
        }
        let named: Vec<&str> = summary::tokens(snapshot).filter(|token| wanted.remove(token)).collect();
        if named.is_empty() {
            continue;
        }
        let landed = Landed {
            snapshot_id: snapshot.snapshot_id(),
            made_ms: snapshot.timestamp_ms(),
            before: before(metadata, snapshot),
        };
        found.extend(named.into_iter().map(|token| (token.to_string(), landed)));
    }
    found
}

/// None: rows came earlier in the snapshot's own period, or none ever did.
fn before(metadata: &TableMetadata, snapshot: &Snapshot) -> Option<Period> {
    let period = |snapshot: &Snapshot| snapshot.timestamp_ms().div_euclid(PERIOD_MS);
    let parent = |snapshot: &Snapshot| metadata.snapshot_by_id(snapshot.parent_snapshot_id()?);
    let ancestors = std::iter::successors(parent(snapshot), |snapshot| parent(snapshot));
    let mut brought = ancestors.filter(|snapshot| summary::brings_rows(snapshot));
    let last = brought.next().filter(|last| period(last) < period(snapshot))?;
    let in_it = std::iter::once(last).chain(brought.take_while(|other| period(other) == period(last)));
    let start = Period {
        start_ms: period(last) * PERIOD_MS,
        snapshot_id: last.snapshot_id(),
        ..Period::default()
    };
    Some(in_it.fold(start, |sum, snapshot| {
        let added = summary::added(snapshot);
        Period {
            files: sum.files + added.files,
            rows: sum.rows + added.rows,
            bytes: sum.bytes + added.bytes,
            ..sum
        }
    }))
}

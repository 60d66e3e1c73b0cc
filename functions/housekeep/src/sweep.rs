//! The sweep of one table: what it does not need, and has not needed for a while, is deleted.

use futures::{StreamExt, TryStreamExt, stream};
use std::time::Instant;
use watershed_lake::{
    TableName,
    layout::{IndexPlaces, metadata_prefix, split_uri, sweep_start, table_prefix},
};
use watershed_ports::{Catalog, Listed, ObjectStore, PortError};
use watershed_table::reach::Reachable;

/// Objects that one invocation deletes; the next one goes on.
pub const MAX_DELETES: usize = 10_000;
/// Objects that are deleted between two looks at the catalog.
pub const DELETES_PER_LOOK: usize = 500;
/// Objects that are deleted at the same time.
pub const MAX_CONCURRENT_DELETES: usize = 16;

const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// What the sweep needs of the outside.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Of the lake.
    pub store: &'a dyn ObjectStore,
    /// Of its tables.
    pub catalog: &'a dyn Catalog,
}

/// A table, and what it needs beside what its metadata says.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// Its name.
    pub table: &'a TableName,
    /// The declaration of its searchable columns: an index by it is needed for as long as its data file is.
    pub searched: Option<&'a str>,
    /// What was removed until then has rows that were erased: it is not needed for who reads what changed.
    pub erased_before_ms: Option<i64>,
}

/// How old what the table does not need must be, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    /// Metadata: named within the minutes of a commit, or never.
    pub metadata_ms: i64,
    /// Data files: a request that names one may be on its way for four weeks.
    pub data_ms: i64,
}

/// How much may be done.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Objects that may be deleted.
    pub deletes: usize,
    /// When to stop.
    pub deadline: Instant,
}

/// What was found and done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Objects seen.
    pub listed: u64,
    /// Objects that the table needs.
    pub reachable: u64,
    /// Objects that it does not need, and that are old enough.
    pub orphaned: u64,
    /// Objects that it does not need, or not yet.
    pub young: u64,
    /// Objects deleted, and their bytes.
    pub deleted: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// When the oldest object was written that it does not need and that is still there, in milliseconds since 1970.
    pub oldest_left_ms: Option<i64>,
    /// When the oldest snapshot that it knows was made; none: it has none.
    pub oldest_snapshot_ms: Option<i64>,
    /// Everything was seen, and nothing was left for the next time.
    pub is_whole: bool,
}

/// Sweeps a table. None: the catalog has no such table. Then its objects are left alone: someone may have dropped the entry by mistake.
///
/// Reads everything that the table needs, lists what there is, and deletes what is both not needed and old; the catalog is asked again before each
/// [`DELETES_PER_LOOK`] of them, and each object again before it is deleted, for it may have been written anew. An error deletes no more. Where the
/// time ends before the table is read, nothing is seen and nothing deleted.
pub async fn sweep(
    ports: Ports<'_>,
    Kept {
        table,
        searched,
        erased_before_ms,
    }: Kept<'_>,
    grace: Grace,
    budget: Budget,
    now_ms: i64,
) -> Result<Option<Swept>, PortError> {
    let Some(entry) = ports.catalog.load(table.database(), table.table()).await? else {
        return Ok(None);
    };
    let reading = tokio::time::timeout_at(
        budget.deadline.into(),
        Reachable::of(ports.store, &entry, erased_before_ms),
    );
    let Ok(reachable) = reading.await else {
        return Ok(Some(Swept::default()));
    };
    let reachable = reachable?;
    let prefix = table_prefix(&reachable.location);
    let (bucket, prefix) = split_uri(&prefix)
        .map(|(bucket, prefix)| (bucket.to_string(), prefix.to_string()))
        .ok_or_else(|| PortError::fault(format!("table {table} lies at {}, not in S3", reachable.location)))?;
    let mut sweep = Sweep {
        ports,
        table,
        grace,
        budget,
        now_ms,
        swept: Swept::default(),
        indexes: searched.map(|declaration| IndexPlaces::new(&reachable.location, declaration)),
        bucket,
        prefix,
        reachable,
    };
    let orphans = sweep.orphans().await?;
    sweep.delete(orphans).await?;
    sweep.swept.reachable = sweep.reachable.len() as u64;
    sweep.swept.oldest_snapshot_ms = sweep.reachable.oldest_snapshot_ms;
    Ok(Some(sweep.swept))
}

struct Sweep<'a> {
    ports: Ports<'a>,
    table: &'a TableName,
    grace: Grace,
    budget: Budget,
    now_ms: i64,
    swept: Swept,
    /// None: its rows are not searched.
    indexes: Option<IndexPlaces>,
    bucket: String,
    prefix: String,
    reachable: Reachable,
}

impl Sweep<'_> {
    fn uri(&self, object: &Listed) -> String {
        format!("s3://{}/{}", self.bucket, object.key)
    }

    fn is_needed(&self, object: &Listed) -> bool {
        let uri = self.uri(object);
        let indexed = self.indexes.as_ref().and_then(|indexes| indexes.parse(&uri));
        self.reachable.contains(&indexed.map_or(uri, |index| index.file))
    }

    fn is_old(&self, object: &Listed) -> bool {
        let is_metadata = self.uri(object).starts_with(&metadata_prefix(&self.reachable.location));
        let grace_ms = if is_metadata {
            self.grace.metadata_ms
        } else {
            self.grace.data_ms
        };
        self.now_ms.saturating_sub(object.modified_ms) > grace_ms
    }

    /// What may go, as many as the budget has. Begins at another place each day, so that in the end everything of a table that cannot
    /// be listed in one invocation is seen.
    async fn orphans(&mut self) -> Result<Vec<Listed>, PortError> {
        let start = sweep_start(&self.reachable.location, self.now_ms.div_euclid(DAY_MS));
        let start = split_uri(&start).map(|(_, key)| key.to_string()).unwrap_or_default();
        let mut orphans = Vec::new();
        for (mut after, until) in [(Some(start.clone()), None), (None, Some(start))] {
            loop {
                if Instant::now() >= self.budget.deadline {
                    return Ok(orphans);
                }
                let page = self
                    .ports
                    .store
                    .list(&self.bucket, &self.prefix, after.as_deref())
                    .await?;
                let Some(last) = page.last().map(|object| object.key.clone()) else {
                    break;
                };
                let is_over = until.as_ref().is_some_and(|until| last > *until);
                for object in page {
                    if until.as_ref().is_some_and(|until| object.key > *until) {
                        break;
                    }
                    self.look(object, &mut orphans);
                    if orphans.len() >= self.budget.deletes {
                        return Ok(orphans);
                    }
                }
                if is_over {
                    break;
                }
                after = Some(last);
            }
        }
        self.swept.is_whole = true;
        Ok(orphans)
    }

    fn look(&mut self, object: Listed, orphans: &mut Vec<Listed>) {
        self.swept.listed += 1;
        if self.is_needed(&object) {
            return;
        }
        if self.is_old(&object) {
            self.swept.orphaned += 1;
            orphans.push(object);
        } else {
            self.swept.young += 1;
            self.leave(object.modified_ms);
        }
    }

    fn leave(&mut self, modified_ms: i64) {
        let oldest_ms = self.swept.oldest_left_ms.get_or_insert(modified_ms);
        *oldest_ms = modified_ms.min(*oldest_ms);
    }

    async fn delete(&mut self, orphans: Vec<Listed>) -> Result<(), PortError> {
        let Ports { store, catalog } = self.ports;
        let location = self.reachable.location.clone();
        for objects in orphans.chunks(DELETES_PER_LOOK) {
            let entry = catalog.load(self.table.database(), self.table.table()).await?;
            let is_time = Instant::now() < self.budget.deadline;
            let Some(entry) = entry.filter(|_| is_time) else {
                self.swept.is_whole = false;
                return Ok(());
            };
            self.reachable.update(store, &entry).await?;
            if self.reachable.location != location {
                let what = format!("table {} was moved from {location} during its sweep", self.table);
                return Err(PortError::transient(what));
            }
            let this = &*self;
            let removals = objects
                .iter()
                .filter(|object| !this.is_needed(object))
                .map(async |object| Ok::<_, PortError>((object.modified_ms, this.delete_one(object).await?)));
            let done: Vec<(i64, Option<u64>)> = stream::iter(removals)
                .buffer_unordered(MAX_CONCURRENT_DELETES)
                .try_collect()
                .await?;
            for (modified_ms, deleted) in done {
                match deleted {
                    Some(bytes) => {
                        self.swept.deleted += 1;
                        self.swept.bytes += bytes;
                    }
                    None => self.leave(modified_ms),
                }
            }
        }
        Ok(())
    }

    /// Its bytes; none where it was written anew since it was listed: what is made of the same version of a source lies at the same key.
    async fn delete_one(&self, object: &Listed) -> Result<Option<u64>, PortError> {
        let store = self.ports.store;
        if store.find(&self.bucket, &object.key).await?.as_ref() != Some(object) {
            return Ok(None);
        }
        store.delete(&self.bucket, &object.key).await?;
        Ok(Some(object.meta.bytes))
    }
}

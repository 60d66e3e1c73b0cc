//! Whether rows that were erased are gone from disk, too.
//!
//! `compact` leaves a record when no live file has them any more ([`Erased`]). What was before is gone when no snapshot is left that was made
//! before, and no object that was written before, or while whoever was at work then ended, and that the table does not need. Then the record moves
//! to those that are done, with the time. Until then, snapshots that still have the rows are not kept for being among the newest.

use crate::sweep::Swept;
use std::collections::BTreeMap;
use watershed_lake::{LakeLocation, TableName, erasure::Erased, layout::split_uri};
use watershed_ports::{ObjectStore, PortError};
use watershed_table::object;

/// How long after the record someone may still have written a file with such rows that no snapshot names: longer than any invocation.
const STRAGGLER_MS: i64 = 3_600_000;

/// An erasure whose rows may be on disk still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// What was erased.
    pub erased: Erased,
    /// When that was known, in milliseconds since 1970.
    pub since_ms: i64,
}

/// All of them.
///
/// Errors: a fault where a record cannot be read.
pub async fn open(store: &dyn ObjectStore, lake: &LakeLocation) -> Result<Vec<Open>, PortError> {
    let prefix = lake.open_erasures();
    let (bucket, prefix) = split_uri(&prefix).expect("the lake has a bucket");
    let (mut found, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = store.list(bucket, prefix, after.as_deref()).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.key.clone());
        for listed in page {
            let uri = format!("s3://{bucket}/{}", listed.key);
            let body = object::read(store, &uri).await?;
            let erased = serde_json::from_slice(&body);
            let erased =
                erased.map_err(|error| PortError::fault(format!("{uri} is no record of an erasure: {error}")))?;
            found.push(Open {
                erased,
                since_ms: listed.modified_ms,
            });
        }
    }
}

/// Snapshots of the table that were made before that time have rows that were erased; none: no such snapshot is known of.
pub fn erased_before_ms(open: &[Open], table: &TableName) -> Option<i64> {
    let tables = open.iter().flat_map(|open| &open.erased.tables);
    let of_this = tables.filter(|clean| clean.table == *table);
    of_this.map(|clean| clean.made_ms).max()
}

impl Open {
    /// Whether nothing of before is left. `swept`: what was seen of tables.
    pub fn is_gone(&self, swept: &BTreeMap<TableName, Swept>) -> bool {
        let straggler_ms = self.since_ms.saturating_add(STRAGGLER_MS);
        self.erased.tables.iter().all(|clean| {
            swept.get(&clean.table).is_some_and(|swept| {
                swept.is_whole
                    && swept.oldest_snapshot_ms.is_none_or(|made_ms| made_ms >= clean.made_ms)
                    && swept.oldest_left_ms.is_none_or(|written_ms| written_ms > straggler_ms)
            })
        })
    }

    /// Moves the record to those that are done. Done again, it says the same but for the time.
    pub async fn close(&self, store: &dyn ObjectStore, lake: &LakeLocation, now_ms: i64) -> Result<(), PortError> {
        let done = Erased {
            gone_ms: Some(now_ms),
            ..self.erased.clone()
        };
        let body = serde_json::to_vec(&done).expect("texts and numbers are JSON");
        object::put(store, &lake.done_erasure(&done), body.into()).await?;
        let open = object::id(&lake.open_erasure(&self.erased))?;
        store.delete(&open.bucket, &open.key).await
    }
}

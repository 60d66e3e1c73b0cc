//! The only thing that makes Iceberg snapshots (Apache Iceberg table specification, version 2).
//!
//! [`commit`] takes any number of requests for one table and makes at most one snapshot of them, or none: facts (catalog,
//! metadata, ledger, footers) → plan (pure) → apply (new objects, then one compare-and-swap of the catalog's pointer).
//!
//! * [`append`]: requests that follow on each other, as those of a stream do.
//! * [`ledger`]: what the table holds of each source. Its root's address is a table property, so it is swapped with the
//!   metadata, and other engines' commits carry it on.
//! * [`footer`], [`way`], [`check`]: no file is named before its footer was read and found to be of this table.
//! * [`document`], [`schema`]: the metadata, edited as JSON so that what this crate does not know of is kept.
//! * [`manifests`]: Avro, by the `iceberg` crate.
//! * [`current`]: the table for those who only read it. `packing`: the same for who packs its files. [`columns`]: what it has of columns.
//! * `landed`: in which snapshot a request is.
//! * [`indexed`]: which of its files have an index of their words.
//! * [`maintain`]: files that are too old, found and taken out of the ledger. `swap`: files for others with the same rows.
//! * [`reach`]: every object that the table still needs.
//! * [`memory`]: time and chance for tests.
//! * [`session`]: attempts, conflicts, answers that were lost.

mod append;
pub mod catalog;
pub mod check;
mod choose;
pub mod columns;
pub mod current;
mod decide;
pub mod document;
pub mod footer;
pub mod indexed;
mod landed;
pub mod ledger;
mod maintain;
pub mod manifests;
pub mod memory;
pub mod object;
mod packing;
pub mod plan;
pub mod reach;
pub mod schema;
mod search;
mod session;
mod snapshot;
mod summary;
mod swap;
pub mod way;

use async_trait::async_trait;
use std::collections::BTreeMap;
use uuid::Uuid;
use watershed_lake::{CommitRequest, LakeLocation, MaintenanceRequest, TableChanged, TableSpec, lineage::Landed};
use watershed_ports::{Catalog, ObjectStore, PortError};

/// Most attempts at one commit. Each conflict means that another committer made progress.
pub const MAX_ATTEMPTS: u32 = 10;
/// Backoff before the second attempt, in milliseconds; doubles with each further one, with full jitter.
pub const BACKOFF_MS: u64 = 40;
/// Longest backoff, in milliseconds.
pub const MAX_BACKOFF_MS: u64 = 3_000;
/// Times that a commit looks again for what an append follows on, before it goes on without it. Requests of one stream that
/// come to two committers at once meet so; what is left waiting comes again only after the queue's visibility timeout.
pub const MAX_WAITS: u32 = 5;
/// Pause before it looks again, in milliseconds. All of them are longer than a batch is gathered and committed.
pub const WAIT_MS: u64 = 1_000;
/// Objects read or written at the same time.
pub const MAX_CONCURRENT_IO: usize = 16;

/// Time and chance, passed in: a test's are its own.
#[async_trait]
pub trait Host: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_ms(&self) -> i64;
    /// A name that nobody else has.
    fn uuid(&self) -> Uuid;
    /// Returns after that many milliseconds.
    async fn sleep_ms(&self, ms: u64);
}

/// What a commit needs of the outside.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Of the lake.
    pub store: &'a dyn ObjectStore,
    /// Of its tables.
    pub catalog: &'a dyn Catalog,
    /// Time and chance.
    pub host: &'a dyn Host,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The table holds its files since this commit.
    Applied,
    /// The table held them before: the request was delivered again. Of an append: it holds all up to the request's position. Of
    /// maintenance: there is nothing so old, or the files were swapped before.
    AlreadyApplied,
    /// The table, or another request of the batch, knows of a newer version of the source; of a swap: one of the files that it replaces does
    /// not live any more, or another engine deleted rows of the table's files. Nothing was changed.
    Superseded,
}

/// What the commit took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Plans made.
    pub attempts: u32,
    /// Races lost.
    pub conflicts: u32,
    /// Snapshots made: 0 or 1.
    pub snapshots: u32,
    /// Pauses made for appends whose predecessors were not there.
    pub waits: u32,
    /// Appends whose predecessors are still not there.
    pub waiting: u32,
}

/// What came of a commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed {
    /// One a request, in their order. An error of kind transient or conflict: deliver it again (an append that follows on what is not
    /// there yet is among these); fault: its files, its
    /// contract or the table must be mended first. Nothing of such a request is in the table.
    pub outcomes: Vec<Result<Outcome, PortError>>,
    /// The same of the maintenance requests.
    pub maintained: Vec<Result<Outcome, PortError>>,
    /// To be announced: the new snapshot, or the current one again where a request was applied before, because the
    /// announcement may have been lost with the answer.
    pub changed: Option<TableChanged>,
    /// By the tokens of requests of either kind, the snapshots that brought what they ask for: now, or when they came before.
    pub landed: BTreeMap<String, Landed>,
    /// For the log.
    pub effort: Effort,
}

/// Everything that is asked of one table at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Batch<'a> {
    /// Files of sources.
    pub requests: &'a [CommitRequest],
    /// What is to go for its age, and what is to be packed.
    pub maintenance: &'a [MaintenanceRequest],
}

impl<'a> From<&'a [CommitRequest]> for Batch<'a> {
    fn from(requests: &'a [CommitRequest]) -> Self {
        Self {
            requests,
            maintenance: &[],
        }
    }
}

/// Makes the table hold what the requests say, in one snapshot. All requests are for the table of `spec`; the table is made
/// of it if the catalog has none and a request has files for it.
pub async fn commit(ports: Ports<'_>, lake: &LakeLocation, spec: &TableSpec, batch: impl Into<Batch<'_>>) -> Committed {
    session::Session::new(ports, lake, spec, batch.into()).run().await
}

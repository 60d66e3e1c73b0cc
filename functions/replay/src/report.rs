//! What came of a replay: counted from what `ingest` says of each source, and from what the tables hold.

use crate::{
    Ports, Replay,
    plan::{Plan, Planned},
    store,
};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use watershed_lake::{
    ReplayId, SourceOrder, TableName,
    layout::ReplayPlaces,
    quarantine,
    replay::{Reingested, Replayed},
};
use watershed_ports::{ObjectStore, PortError};
use watershed_table::{current::Current, ledger::Holding};

/// Answers that are read at the same time.
const MAX_CONCURRENT_READS: usize = 32;
/// Sources that a report names of those that are not done.
const MAX_EXAMPLES: usize = 20;

/// For people and machines: `report.json`, and the detail of the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Of which replay.
    pub replay: ReplayId,
    /// Every source that is still there is done, and its snapshot made.
    pub complete: bool,
    /// Sources.
    pub sources: SourceCounts,
    /// Quarantined rows that the request selected, by reason.
    pub selected: BTreeMap<String, u64>,
    /// Rows.
    pub rows: RowCounts,
    /// Rows that are still in quarantine, by reason.
    pub quarantined_by_reason: BTreeMap<String, u64>,
    /// Some sources that are not done, or were left out.
    pub examples: Vec<String>,
}

/// Numbers of sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCounts {
    /// In the plan.
    pub planned: u64,
    /// Ingested again, and in their tables so.
    pub done: u64,
    /// Ingested again, and not committed yet.
    pub uncommitted: u64,
    /// Overwritten or removed since the plan: the newer version has an event of its own.
    pub superseded: u64,
    /// Not ingested again yet: look at the dead-letter queue and the log of `ingest`.
    pub pending: u64,
    /// Not in the raw zone any more when the plan was made: their rows stay in quarantine.
    pub gone: u64,
    /// Objects that no contract's location matches.
    pub unmatched: u64,
}

/// Numbers of rows, of the sources that are done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// In quarantine when the plan was made.
    pub quarantined_before: u64,
    /// In quarantine now.
    pub quarantined: u64,
    /// In the tables now.
    pub accepted: u64,
    /// Left the quarantine.
    pub passed: u64,
}

/// Where the answers of sources lie, as far as there are any.
pub async fn answers(store: &dyn ObjectStore, places: &ReplayPlaces) -> Result<Vec<String>, PortError> {
    store::list(store, &places.done_prefix).await
}

/// Counts everything; `answers` are where [`answers`] found them.
pub async fn report(replay: &Replay, id: &ReplayId, plan: &Plan, answers: Vec<String>) -> Result<Report, PortError> {
    let ports = replay.ports().await;
    let answers = read(ports, answers).await?;
    let mut report = Report {
        replay: id.clone(),
        complete: false,
        sources: SourceCounts {
            planned: plan.sources.len() as u64,
            gone: plan.head.gone,
            unmatched: plan.head.unmatched,
            ..SourceCounts::default()
        },
        selected: plan.head.selected.clone(),
        rows: RowCounts::default(),
        quarantined_by_reason: BTreeMap::new(),
        examples: plan.head.left_out.clone(),
    };
    for table in plan.tables() {
        let sources: BTreeMap<String, &Planned> = plan
            .sources
            .iter()
            .filter(|source| source.table == *table)
            .map(|source| (replay.source(&source.key), source))
            .collect();
        let held = holdings(ports, table, sources.keys()).await?;
        for (source, planned) in sources {
            report.count(&source, planned, answers.get(&source), &held);
        }
    }
    report.complete = report.sources.pending + report.sources.uncommitted == 0;
    Ok(report)
}

async fn read(ports: &Ports, uris: Vec<String>) -> Result<BTreeMap<String, Option<Reingested>>, PortError> {
    let reads = uris.into_iter().map(|uri| async move {
        let bytes = store::get(&*ports.store, &uri).await?.unwrap_or_default();
        let answer: Replayed = serde_json::from_slice(&bytes)
            .map_err(|e| PortError::fault(format!("{uri} does not say what came of a source: {e}")))?;
        Ok::<_, PortError>((answer.source, answer.ingested))
    });
    stream::iter(reads)
        .buffer_unordered(MAX_CONCURRENT_READS)
        .try_collect()
        .await
}

/// What the dataset's table and its quarantine hold of the sources.
async fn holdings<'a>(
    ports: &Ports,
    table: &TableName,
    sources: impl Iterator<Item = &'a String> + Clone,
) -> Result<[BTreeMap<String, Holding>; 2], PortError> {
    let refused = TableName::new(table.database(), &format!("{}{}", table.table(), quarantine::SUFFIX))
        .map_err(|e| PortError::fault(e.to_string()))?;
    let mut held = [BTreeMap::new(), BTreeMap::new()];
    for (held, name) in held.iter_mut().zip([table, &refused]) {
        if let Some(current) = Current::load(&*ports.store, &*ports.catalog, name).await? {
            let wanted: BTreeSet<&str> = sources.clone().map(String::as_str).collect();
            *held = current.holdings(&*ports.store, wanted.into_iter()).await?;
        }
    }
    Ok(held)
}

impl Report {
    fn count(
        &mut self,
        source: &str,
        planned: &Planned,
        answer: Option<&Option<Reingested>>,
        [data, quarantine]: &[BTreeMap<String, Holding>; 2],
    ) {
        let ingested = match answer {
            None => {
                self.sources.pending += 1;
                return self.example(source);
            }
            Some(None) => {
                self.sources.superseded += 1;
                return;
            }
            Some(Some(ingested)) => ingested,
        };
        let holds = |held: &BTreeMap<String, Holding>, token: &str| {
            held.get(source)
                .is_some_and(|held| is_at_least(held, &ingested.order, token))
        };
        if !holds(data, &ingested.data_token) || !holds(quarantine, &ingested.quarantine_token) {
            self.sources.uncommitted += 1;
            return self.example(source);
        }
        self.sources.done += 1;
        self.rows.quarantined_before += planned.quarantined;
        self.rows.quarantined += ingested.quarantined;
        self.rows.accepted += ingested.accepted;
        self.rows.passed += planned.quarantined.saturating_sub(ingested.quarantined);
        for (reason, rows) in &ingested.by_reason {
            *self.quarantined_by_reason.entry(reason.clone()).or_default() += rows;
        }
    }

    fn example(&mut self, source: &str) {
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(source.into());
        }
    }
}

/// Whether the table holds that version, made by that request, or a later one.
fn is_at_least(held: &Holding, order: &SourceOrder, token: &str) -> bool {
    held.order > *order || (held.order == *order && held.token == token)
}

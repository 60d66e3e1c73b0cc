//! What was committed is told as OpenLineage: in the lake, and on the bus where events are sent on.

use crate::{Commit, Ports};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeMap;
use watershed_aws_events::MAX_ENTRY_BYTES;
use watershed_lake::{
    MaintenanceRequest,
    lineage::{LINEAGE, Landed},
    message::EVENT_SOURCE,
};
use watershed_lineage::{Lineage, RunEvent};
use watershed_ports::PortError;
use watershed_table::{Batch, Committed, Outcome, object};

/// Events that are written at the same time.
const MAX_CONCURRENT_WRITES: usize = 16;
/// Largest event that is sent on; the lake has those of tables with very many columns alone. The rest of an entry is for what is around it.
const MAX_SENT_BYTES: usize = MAX_ENTRY_BYTES - 1_024;

/// Tells what snapshots of the table brought of these requests, now or when they came before: an event that was lost is written then. Where it
/// cannot be told, the requests that it is of are delivered again.
pub async fn tell(commit: &Commit, ports: &Ports, batch: Batch<'_>, committed: &mut Committed) {
    let lineage = Lineage {
        lake: &commit.lake,
        contracts: &commit.contracts,
    };
    let landed = &committed.landed;
    let kept: Vec<String> = batch.maintenance.iter().map(MaintenanceRequest::token).collect();
    let of_requests = batch.requests.iter().filter_map(|request| {
        let landed = landed.get(&request.token)?;
        lineage.of_request(request, landed)
    });
    let of_maintenance = batch.maintenance.iter().zip(&kept).filter_map(|(request, token)| {
        let landed = landed.get(token)?;
        lineage.of_maintenance(request, landed)
    });
    // Appends of one hour give the same event.
    let events = of_requests.chain(of_maintenance);
    let events: BTreeMap<String, RunEvent> = events.map(|event| (event.place(&commit.lake), event)).collect();
    let Err(error) = write(commit, ports, events).await else {
        return;
    };
    let tokens = batch.requests.iter().map(|request| &request.token);
    let outcomes = committed.outcomes.iter_mut().zip(tokens);
    for (outcome, token) in outcomes.chain(committed.maintained.iter_mut().zip(&kept)) {
        fail(outcome, landed.get(token), &error);
    }
}

fn fail(outcome: &mut Result<Outcome, PortError>, landed: Option<&Landed>, error: &PortError) {
    if landed.is_some() && outcome.is_ok() {
        *outcome = Err(error.clone());
    }
}

async fn write(commit: &Commit, ports: &Ports, events: BTreeMap<String, RunEvent>) -> Result<(), PortError> {
    let texts: Vec<(String, String)> = events
        .into_iter()
        .map(|(place, event)| (place, event.json().to_string()))
        .collect();
    let writes = texts.iter().map(|(place, text)| {
        let body = Bytes::copy_from_slice(text.as_bytes());
        object::put(&*ports.store, place, body)
    });
    stream::iter(writes)
        .buffer_unordered(MAX_CONCURRENT_WRITES)
        .try_collect::<Vec<()>>()
        .await?;
    let sent = texts.into_iter().map(|(_, text)| text);
    let sent: Vec<String> = sent.filter(|text| text.len() <= MAX_SENT_BYTES).collect();
    if !commit.sends_lineage || sent.is_empty() {
        return Ok(());
    }
    ports.bus.publish_all(EVENT_SOURCE, LINEAGE, sent).await
}

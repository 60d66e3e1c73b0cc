//! What came of an object that a replay asked for, put where the replay counts it.

use crate::{
    event::Created,
    object::{Outcome, Requests},
    pipeline::Report,
    ports::Ports,
};
use bytes::Bytes;
use std::collections::BTreeMap;
use watershed_lake::{
    LakeLocation,
    replay::{Reingested, Replayed},
};
use watershed_ports::PortError;

/// Tells the replay of the source, where one asked for it, and it is done.
pub async fn tell(ports: &Ports, lake: &LakeLocation, created: &Created, outcome: &Outcome) -> Result<(), PortError> {
    let Some(replay) = &created.replay else {
        return Ok(());
    };
    let ingested = match outcome {
        Outcome::Superseded(_) => None,
        Outcome::Ingested(report, requests) => Some(whole(report, requests)),
        Outcome::Joined(joined, requests) => Some(reingested(
            requests,
            (joined.accepted, joined.rejected()),
            joined.refused.clone(),
        )),
        // Its parts are read, or it is in one pass, by messages of their own.
        Outcome::Cut(_) | Outcome::Part(_) | Outcome::Uncut(_) => return Ok(()),
    };
    let source = created.source.uri();
    let uri = lake.replay(replay).done(&source);
    let replayed = Replayed { source, ingested };
    let body = serde_json::to_vec(&replayed).map_err(|e| PortError::fault(format!("{uri} as JSON: {e}")))?;
    ports.put(&uri, Bytes::from(body)).await
}

fn whole(report: &Report, requests: &Requests) -> Reingested {
    let of_object = report.object.iter().map(|reject| (reject.reason, 1));
    let of_rows = report.by_reason.iter().map(|(reason, rows)| (*reason, *rows));
    let by_reason = of_object.chain(of_rows);
    reingested(
        requests,
        (report.accepted, report.rejected + u64::from(report.object.is_some())),
        by_reason.map(|(reason, rows)| (reason.code().into(), rows)).collect(),
    )
}

fn reingested(
    requests: &Requests,
    (accepted, quarantined): (u64, u64),
    by_reason: BTreeMap<String, u64>,
) -> Reingested {
    Reingested {
        order: requests.order.clone(),
        data_token: requests.data_token.clone(),
        quarantine_token: requests.quarantine_token.clone(),
        accepted,
        quarantined,
        by_reason,
    }
}

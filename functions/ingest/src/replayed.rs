//! What came of an object that a replay asked for, put where the replay counts it.

use crate::object::{Outcome, Ports};
use bytes::Bytes;
use watershed_lake::{
    layout::{ReplayPlaces, split_uri},
    replay::{Reingested, Replayed},
};
use watershed_ports::PortError;

/// Tells the replay of the source.
pub async fn tell(ports: &Ports, places: &ReplayPlaces, source_uri: &str, outcome: &Outcome) -> Result<(), PortError> {
    let ingested = match outcome {
        Outcome::Superseded(_) => None,
        Outcome::Ingested(report, requests) => Some(Reingested {
            order: requests.order.clone(),
            data_token: requests.data_token.clone(),
            quarantine_token: requests.quarantine_token.clone(),
            accepted: report.accepted,
            quarantined: report.rejected + u64::from(report.object.is_some()),
            by_reason: report
                .object
                .iter()
                .map(|reject| (reject.reason, 1))
                .chain(report.by_reason.iter().map(|(reason, rows)| (*reason, *rows)))
                .map(|(reason, rows)| (reason.code().to_string(), rows))
                .collect(),
        }),
    };
    let replayed = Replayed {
        source: source_uri.into(),
        ingested,
    };
    let uri = places.done(source_uri);
    let (bucket, key) = split_uri(&uri).ok_or_else(|| PortError::fault(format!("{uri} is no place in a bucket")))?;
    let body = serde_json::to_vec(&replayed).map_err(|e| PortError::fault(format!("{uri} as JSON: {e}")))?;
    ports.store.put(bucket, key, Bytes::from(body)).await
}

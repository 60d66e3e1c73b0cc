//! What a checkpoint says is to be sent. It is written before anything is, and sent again by whoever reads it and does not know that it was:
//! the committer knows requests by their tokens, and receivers of alerts these by their ids.

use crate::ports::Ports;
use serde::{Deserialize, Serialize};
use watershed_lake::{CommitRequest, message::EVENT_SOURCE};
use watershed_ports::PortError;

/// `detail-type` of an alert.
pub const ANOMALY_DETECTED: &str = "AnomalyDetected";
/// Alerts of one checkpoint at most: the table of anomalies has all of them.
pub const MAX_ALERTS: usize = 500;

/// Requests to the committer, and alerts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outbox {
    /// In the order in which they are sent.
    pub requests: Vec<CommitRequest>,
    /// `detail` of the events, as text: a number that is read and written again may have another last digit.
    pub alerts: Vec<String>,
}

impl Outbox {
    /// Sends everything. Once more does no harm.
    pub async fn deliver(&self, ports: &Ports) -> Result<(), PortError> {
        let bodies: Result<Vec<String>, _> = self.requests.iter().map(CommitRequest::body).collect();
        let bodies = bodies.map_err(|error| PortError::fault(error.to_string()))?;
        ports.commits.send_all(bodies).await?;
        if self.alerts.is_empty() {
            return Ok(());
        }
        let details = self.alerts.clone();
        ports.bus.publish_all(EVENT_SOURCE, ANOMALY_DETECTED, details).await
    }
}

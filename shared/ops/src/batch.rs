//! SQS batches: every message is its own, and only those that failed are delivered again.

use crate::invocation::{Invocation, Level, Unit};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use watershed_ports::{Kind, PortError};

/// What Lambda hands to a function that an SQS queue triggers (AWS Lambda, "Using Lambda with Amazon SQS").
#[derive(Debug, Clone, Deserialize)]
pub struct SqsEvent {
    /// At least one.
    #[serde(rename = "Records")]
    pub records: Vec<SqsMessage>,
}

impl SqsEvent {
    /// Of an invocation's event. An error says what the function's trigger must be.
    pub fn parse(event: Value) -> Result<Self, String> {
        serde_json::from_value(event)
            .map_err(|e| format!("the event is not an SQS batch ({e}): the function's trigger must be its queue"))
    }
}

/// One message.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsMessage {
    /// Names the message among those of the batch.
    pub message_id: String,
    /// As sent.
    pub body: String,
    /// `AWSTraceHeader`, `ApproximateReceiveCount`, …
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

impl SqsMessage {
    /// The trace header that came with the message.
    pub fn trace(&self) -> Option<&str> {
        self.attributes.get("AWSTraceHeader").map(String::as_str)
    }
}

/// The messages that are to be delivered again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BatchResponse {
    /// None: all are done with.
    #[serde(rename = "batchItemFailures")]
    pub failures: Vec<ItemFailure>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemFailure {
    /// Its message id.
    #[serde(rename = "itemIdentifier")]
    pub id: String,
}

/// What came of each message, as the response that Lambda wants: a rejected item was dealt with; transient, conflict and
/// fault are delivered again, and in the end go to the dead-letter queue. A fault fails its own message only: were the
/// invocation to fail, good messages would wear out their deliveries beside a bad one.
pub fn process<'a>(
    invocation: &mut Invocation,
    outcomes: impl IntoIterator<Item = (&'a SqsMessage, Result<(), PortError>)>,
) -> BatchResponse {
    let mut response = BatchResponse::default();
    for (message, outcome) in outcomes {
        invocation.metric("Messages", Unit::Count, 1.0);
        let Err(error) = outcome else { continue };
        let (level, metric) = match error.kind {
            Kind::Rejected => (Level::Warn, "Rejected"),
            Kind::Transient | Kind::Conflict => (Level::Warn, "Retried"),
            Kind::Fault => (Level::Error, "Faults"),
        };
        invocation.metric(metric, Unit::Count, 1.0);
        invocation.log(
            level,
            "message failed",
            json!({"message_id": message.message_id, "kind": error.kind.to_string(), "error": error.message}),
        );
        if error.kind != Kind::Rejected {
            response.failures.push(ItemFailure {
                id: message.message_id.clone(),
            });
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn only_what_may_pass_is_delivered_again() {
        let event: SqsEvent = serde_json::from_value(json!({"Records": [
            {"messageId": "a", "body": "1", "attributes": {"AWSTraceHeader": "Root=1"}},
            {"messageId": "b", "body": "2"}, {"messageId": "c", "body": "3"}, {"messageId": "d", "body": "4"}]}))
        .unwrap();
        assert_eq!(event.records[0].trace(), Some("Root=1"));
        let outcomes = [
            Ok(()),
            Err(PortError::rejected("bad")),
            Err(PortError::transient("later")),
            Err(PortError::fault("bug")),
        ];
        let mut invocation = Invocation::begin("t", "dev-t", "r", None, SystemTime::now(), Box::new(std::io::sink()));
        let response = process(&mut invocation, event.records.iter().zip(outcomes));
        assert_eq!(
            serde_json::to_value(&response).unwrap(),
            json!({"batchItemFailures": [{"itemIdentifier": "c"}, {"itemIdentifier": "d"}]})
        );
    }
}

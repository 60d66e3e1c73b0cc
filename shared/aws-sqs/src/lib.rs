//! [`Queue`] over Amazon SQS.

// A test that cannot go on panics.
#![cfg_attr(test, allow(clippy::unwrap_used))]

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sqs::{
    Client,
    types::{BatchResultErrorEntry, SendMessageBatchRequestEntry},
};
use watershed_aws::port_error;
use watershed_ports::{Kind, MAX_DELAY_S, PortError, Queue};

/// Largest message, in bytes, and all messages of a call together (Amazon SQS, "Amazon SQS message quotas").
pub const MAX_MESSAGE_BYTES: usize = 1_048_576;
/// Most messages of a call (Amazon SQS API, "SendMessageBatch").
pub const MAX_MESSAGES: usize = 10;

/// One queue.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// The queue of that URL.
    pub fn new(config: &SdkConfig, url: &str) -> Self {
        Self {
            client: Client::new(config),
            url: url.into(),
        }
    }

    fn fits(&self, body: &str) -> Result<(), PortError> {
        let (url, bytes) = (&self.url, body.len());
        if bytes > MAX_MESSAGE_BYTES {
            let what = format!("sending to {url}: the message has {bytes} bytes, a queue takes {MAX_MESSAGE_BYTES}");
            return Err(PortError::fault(what));
        }
        Ok(())
    }

    /// One call; the messages are few and small enough for it.
    async fn send_batch(&self, bodies: Vec<String>) -> Result<(), PortError> {
        let doing = format!("sending {} messages to {}", bodies.len(), self.url);
        let mut request = self.client.send_message_batch().queue_url(&self.url);
        for (number, body) in bodies.into_iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .message_body(body);
            let entry = entry
                .build()
                .map_err(|error| PortError::fault(format!("{doing}: {error}")))?;
            request = request.entries(entry);
        }
        let answer = request.send().await.map_err(|error| port_error(&doing, &error))?;
        // The call succeeds although messages fail.
        batch_error(&doing, answer.failed()).map_or(Ok(()), Err)
    }
}

/// What is the sender's fault counts more than what is the queue's: sent again, it fails again.
fn batch_error(doing: &str, failed: &[BatchResultErrorEntry]) -> Option<PortError> {
    let first = failed.iter().max_by_key(|entry| entry.sender_fault())?;
    let kind = if first.sender_fault() {
        Kind::Fault
    } else {
        Kind::Transient
    };
    let (count, code, message) = (failed.len(), first.code(), first.message().unwrap_or_default());
    Some(PortError::new(
        kind,
        format!("{doing}: {count} failed: {code}: {message}"),
    ))
}

/// The messages of each call. No message is too large by itself.
fn calls(bodies: Vec<String>) -> impl Iterator<Item = Vec<String>> {
    watershed_aws::calls(bodies, MAX_MESSAGES, MAX_MESSAGE_BYTES, String::len)
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send_after(&self, body: String, delay_s: u32) -> Result<(), PortError> {
        self.fits(&body)?;
        let request = self.client.send_message().queue_url(&self.url).message_body(body);
        let request = request.set_delay_seconds((delay_s > 0).then_some(delay_s.min(MAX_DELAY_S) as i32));
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| port_error(&format!("sending to {}", self.url), &error))
    }

    async fn send_all(&self, bodies: Vec<String>) -> Result<(), PortError> {
        bodies.iter().try_for_each(|body| self.fits(body))?;
        for call in calls(bodies) {
            self.send_batch(call).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_as_full_as_they_may_be_and_no_fuller() {
        let sizes = |bodies: Vec<String>| -> Vec<Vec<usize>> {
            calls(bodies)
                .map(|call| call.iter().map(String::len).collect())
                .collect()
        };
        let bodies = |sizes: &[usize]| sizes.iter().map(|bytes| "b".repeat(*bytes)).collect::<Vec<String>>();
        assert!(sizes(Vec::new()).is_empty());
        assert_eq!(sizes(bodies(&[1; 23])), [vec![1; 10], vec![1; 10], vec![1; 3]]);
        let most = MAX_MESSAGE_BYTES;
        let found = sizes(bodies(&[most - 2, 2, 1, most, most - 1, 2]));
        assert_eq!(found, [vec![most - 2, 2], vec![1], vec![most], vec![most - 1], vec![2]]);
    }

    #[test]
    fn what_the_sender_did_wrong_counts_more_than_what_the_queue_did() {
        let entry = |id: &str, code: &str, sender_fault: bool| {
            let entry = BatchResultErrorEntry::builder().id(id).code(code);
            entry
                .sender_fault(sender_fault)
                .message(format!("because of {code}"))
                .build()
                .unwrap()
        };
        let (busy, wrong) = (
            entry("0", "InternalError", false),
            entry("1", "InvalidParameterValue", true),
        );
        assert_eq!(batch_error("sending", &[]), None);
        let error = batch_error("sending", std::slice::from_ref(&busy)).unwrap();
        assert_eq!(error.kind, Kind::Transient);
        assert_eq!(
            error.message,
            "sending: 1 failed: InternalError: because of InternalError"
        );
        for failed in [[busy.clone(), wrong.clone()], [wrong, busy]] {
            let error = batch_error("sending", &failed).unwrap();
            assert!(
                error.kind == Kind::Fault && error.message.contains("InvalidParameterValue"),
                "{error}"
            );
        }
    }
}

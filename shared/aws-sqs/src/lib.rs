//! [`Queue`] over Amazon SQS.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use watershed_aws::port_error;
use watershed_ports::{MAX_DELAY_S, PortError, Queue};

/// Largest message, in bytes (Amazon SQS, "Amazon SQS message quotas").
pub const MAX_MESSAGE_BYTES: usize = 1_048_576;

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
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send_after(&self, body: String, delay_s: u32) -> Result<(), PortError> {
        if body.len() > MAX_MESSAGE_BYTES {
            return Err(PortError::fault(format!(
                "sending to {}: the message has {} bytes, a queue takes {MAX_MESSAGE_BYTES}",
                self.url,
                body.len()
            )));
        }
        let request = self.client.send_message().queue_url(&self.url).message_body(body);
        let request = request.set_delay_seconds((delay_s > 0).then_some(delay_s.min(MAX_DELAY_S) as i32));
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| port_error(&format!("sending to {}", self.url), &error))
    }
}

//! Requests to the stream. What fails in part is sent again, before anything else.

use super::outbox::{Outbox, Outgoing};
use crate::{Error, Result};
use aws_sdk_kinesis::{
    Client,
    error::DisplayErrorContext,
    operation::{describe_stream_summary::DescribeStreamSummaryError, put_records::PutRecordsError},
    primitives::Blob,
    types::{PutRecordsRequestEntry, StreamStatus},
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use watershed_ports::Kind;

/// Until what failed is sent again, the first time; then twice as long each time.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// The longest of it.
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// Longest without one record that is taken.
const PATIENCE: Duration = Duration::from_mins(1);
/// Longest until a new stream can be used.
const CREATE_TIMEOUT: Duration = Duration::from_mins(1);
/// Between two looks at it.
const POLL: Duration = Duration::from_millis(250);

/// What was sent.
#[derive(Debug, Default)]
pub struct Sent {
    /// Records that the stream took.
    pub records: u64,
    /// Their bytes, keys included.
    pub bytes: u64,
    /// Requests.
    pub requests: u64,
    /// Records that were refused and sent again.
    pub again: u64,
    /// Records of each shard.
    pub shards: BTreeMap<String, u64>,
}

/// A producer of one stream.
pub struct Sender {
    client: Client,
    stream: String,
    /// What it did.
    pub sent: Sent,
    failed_in_a_row: u32,
    /// When a record was last taken, or the first request after that failed.
    taken: Instant,
}

impl Sender {
    /// Of that stream.
    pub fn new(client: Client, stream: String) -> Self {
        Self {
            client,
            stream,
            sent: Sent::default(),
            failed_in_a_row: 0,
            taken: Instant::now(),
        }
    }

    /// Sends the next request; what failed of it waits again, in front. Waits a moment after a failure.
    pub async fn send(&mut self, outbox: &mut Outbox) -> Result<()> {
        let request = outbox.take();
        if request.is_empty() {
            return Ok(());
        }
        self.sent.requests += 1;
        let put = self.client.put_records().stream_name(&self.stream);
        let put = put.set_records(Some(request.iter().map(entry).collect::<Result<_>>()?));
        let mut why = String::new();
        let failed = match put.send().await {
            Ok(answer) => {
                let mut failed = Vec::new();
                for (record, entry) in request.into_iter().zip(answer.records) {
                    match (entry.error_code, entry.shard_id) {
                        (Some(code), _) => {
                            why = format!("{code}: {}", entry.error_message.unwrap_or_default());
                            failed.push(record);
                        }
                        (None, shard) => self.took(&record, shard.unwrap_or_default()),
                    }
                }
                failed
            }
            Err(error) => {
                let fast = error.as_service_error();
                let fast = fast.is_some_and(PutRecordsError::is_provisioned_throughput_exceeded_exception);
                let doing = format!("PutRecords to {}", self.stream);
                if !fast && watershed_aws::port_error(&doing, &error).kind != Kind::Transient {
                    return Err(Error::new(format!("{doing}: {}", DisplayErrorContext(&error))));
                }
                why = DisplayErrorContext(&error).to_string();
                request
            }
        };
        self.recover(failed, outbox, &why).await
    }

    async fn recover(&mut self, failed: Vec<Outgoing>, outbox: &mut Outbox, why: &str) -> Result<()> {
        if failed.is_empty() {
            self.failed_in_a_row = 0;
            return Ok(());
        }
        // Before, there may have been nothing to send for longer than that.
        if self.failed_in_a_row == 0 {
            self.taken = Instant::now();
        }
        if self.taken.elapsed() > PATIENCE {
            let seconds = PATIENCE.as_secs();
            return Err(
                Error::new(format!("{} took no record for {seconds} s: {why}", self.stream))
                    .help("give it more shards, or send slower"),
            );
        }
        self.sent.again += failed.len() as u64;
        outbox.put_back(failed);
        let backoff = FIRST_BACKOFF
            .saturating_mul(1 << self.failed_in_a_row.min(16))
            .min(MAX_BACKOFF);
        self.failed_in_a_row += 1;
        tokio::time::sleep(backoff).await;
        Ok(())
    }

    fn took(&mut self, record: &Outgoing, shard: String) {
        self.sent.records += 1;
        self.sent.bytes += record.bytes() as u64;
        *self.sent.shards.entry(shard).or_default() += 1;
        self.taken = Instant::now();
    }
}

fn entry(record: &Outgoing) -> Result<PutRecordsRequestEntry> {
    let entry = PutRecordsRequestEntry::builder()
        .partition_key(&record.key)
        .data(Blob::new(record.data.as_bytes()));
    entry.build().map_err(Error::doing("a record"))
}

/// The stream can be written to; made with so many shards where it is not there.
pub async fn ensure(client: &Client, stream: &str, shards: Option<i32>) -> Result<()> {
    let begun = Instant::now();
    loop {
        let summary = client.describe_stream_summary().stream_name(stream).send().await;
        match (summary, shards) {
            (Ok(summary), _) => {
                let status = summary.stream_description_summary.map(|summary| summary.stream_status);
                if matches!(status, Some(StreamStatus::Active | StreamStatus::Updating)) {
                    return Ok(());
                }
                if begun.elapsed() > CREATE_TIMEOUT {
                    return Err(Error::new(format!("the stream {stream} is {status:?}")).help("wait, and send again"));
                }
            }
            (Err(error), Some(shards))
                if error
                    .as_service_error()
                    .is_some_and(DescribeStreamSummaryError::is_resource_not_found_exception) =>
            {
                let create = client
                    .create_stream()
                    .stream_name(stream)
                    .shard_count(shards)
                    .send()
                    .await;
                create
                    .map_err(|error| Error::new(format!("CreateStream {stream}: {}", DisplayErrorContext(&error))))?;
            }
            (Err(error), None)
                if error
                    .as_service_error()
                    .is_some_and(DescribeStreamSummaryError::is_resource_not_found_exception) =>
            {
                let list = client.list_streams().send().await;
                let known = list.map(|list| list.stream_names.join(", ")).unwrap_or_default();
                let help = if known.is_empty() {
                    "there is none".to_string()
                } else {
                    format!("there are {known}")
                };
                return Err(Error::new(format!("there is no stream {stream}"))
                    .help(format!("{help}; name one with --stream, or make it with --shards 2")));
            }
            (Err(error), _) => {
                return Err(Error::new(format!(
                    "DescribeStreamSummary {stream}: {}",
                    DisplayErrorContext(&error)
                )));
            }
        }
        tokio::time::sleep(POLL).await;
    }
}

//! What the poller asks of the local cloud: Kinesis and SQS by their SDKs, Lambda and SNS by plain HTTP.

use super::{
    answer::Answer,
    http,
    lineage::Listed,
    record::{Origin, Record},
    settings::{self, Destination},
    shard::Position,
};
use crate::{Error, Result, aws};
use aws_sdk_kinesis::{
    error::DisplayErrorContext,
    operation::get_records::GetRecordsError,
    primitives::DateTime,
    types::{Shard, ShardIteratorType},
};
use serde_json::Value;

/// Records that one read gives, at most; they come in 10 MB at most (Amazon Kinesis API, "GetRecords").
const READ_RECORDS: i32 = 10_000;
/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;

/// Clients of one local cloud.
#[derive(Debug, Clone)]
pub struct Client {
    endpoint: String,
    kinesis: aws_sdk_kinesis::Client,
    sqs: aws_sdk_sqs::Client,
}

/// What a read gave.
#[derive(Debug)]
pub struct Read {
    /// The records, in their order.
    pub records: Vec<Record>,
    /// Where the next read goes on; none: the shard is closed, and this was its end.
    pub next: Option<String>,
    /// There is more already.
    pub behind: bool,
}

impl Client {
    /// Of the local cloud at `endpoint`.
    pub fn new(endpoint: &str) -> Self {
        let config = aws::config(endpoint);
        Self {
            endpoint: endpoint.into(),
            kinesis: aws_sdk_kinesis::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
        }
    }

    /// The event source mappings of Kinesis streams, as Lambda tells them.
    pub async fn mappings(&self) -> Result<Vec<Value>> {
        let (mut all, mut marker) = (Vec::new(), String::new());
        loop {
            let path = format!("/2015-03-31/event-source-mappings/?Marker={}", http::escaped(&marker));
            let page = self.lambda("GET", &path).await?;
            all.extend(page["EventSourceMappings"].as_array().cloned().unwrap_or_default());
            match page["NextMarker"].as_str() {
                Some(next) if !next.is_empty() => marker = next.into(),
                _ => break,
            }
        }
        all.retain(settings::is_ours);
        Ok(all)
    }

    /// The ARN of the function's role.
    pub async fn role(&self, function_arn: &str) -> Result<String> {
        let (name, _) = function(function_arn);
        let path = format!("/2015-03-31/functions/{name}/configuration");
        let configuration = self.lambda("GET", &path).await?;
        Ok(configuration["Role"].as_str().unwrap_or_default().into())
    }

    /// Invokes the function and waits for what it says.
    pub async fn invoke(&self, function_arn: &str, event: String) -> Answer {
        let (name, qualifier) = function(function_arn);
        let qualifier = qualifier.map_or_else(String::new, |qualifier| format!("?Qualifier={qualifier}"));
        let path = format!("/2015-03-31/functions/{name}/invocations{qualifier}");
        match http::call(&self.endpoint, "lambda", "POST", &path, event).await {
            Err(error) => Answer::Unreached(error.to_string()),
            Ok(response) => match (response.refusal(), response.header("X-Amz-Function-Error")) {
                (Some(refusal), _) => Answer::Unreached(refusal),
                (None, Some(error)) => Answer::Failed(error.into()),
                (None, None) => Answer::Returned(response.body),
            },
        }
    }

    /// The stream's shards.
    pub async fn shards(&self, stream_arn: &str) -> Result<Vec<Listed>> {
        let (mut all, mut token) = (Vec::new(), None::<String>);
        loop {
            let list = self.kinesis.list_shards();
            // A token stands for the stream: both are refused.
            let list = match token.take() {
                Some(token) => list.next_token(token),
                None => list.stream_arn(stream_arn),
            };
            let page = list
                .send()
                .await
                .map_err(|error| failed("ListShards", stream_arn, &error))?;
            all.extend(page.shards.unwrap_or_default().iter().map(listed));
            token = page.next_token;
            if token.is_none() {
                return Ok(all);
            }
        }
    }

    /// How long the stream keeps its records.
    pub async fn retention_ms(&self, stream_arn: &str) -> Result<i64> {
        let summary = self
            .kinesis
            .describe_stream_summary()
            .stream_arn(stream_arn)
            .send()
            .await;
        let summary = summary.map_err(|error| failed("DescribeStreamSummary", stream_arn, &error))?;
        let hours = summary
            .stream_description_summary
            .map_or(24, |summary| summary.retention_period_hours);
        Ok(i64::from(hours) * HOUR_MS)
    }

    /// An iterator of a shard.
    pub async fn iterator(&self, stream_arn: &str, shard: &str, position: &Position) -> Result<String> {
        let ask = self.kinesis.get_shard_iterator().stream_arn(stream_arn).shard_id(shard);
        let ask = match position {
            Position::TrimHorizon => ask.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Position::AtTimestamp(ms) => ask
                .shard_iterator_type(ShardIteratorType::AtTimestamp)
                .timestamp(DateTime::from_millis(*ms)),
            Position::At(sequence) => ask
                .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
                .starting_sequence_number(sequence),
            Position::After(sequence) => ask
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(sequence),
        };
        let answer = ask
            .send()
            .await
            .map_err(|error| failed("GetShardIterator", shard, &error))?;
        answer
            .shard_iterator
            .ok_or_else(|| Error::new(format!("GetShardIterator of {shard} gave none")))
    }

    /// Reads on. None: the iterator is too old, and another one is to be asked for.
    pub async fn records(&self, origin: &Origin, iterator: &str) -> Result<Option<Read>> {
        let ask = self.kinesis.get_records().stream_arn(&origin.stream_arn);
        let answer = match ask.shard_iterator(iterator).limit(READ_RECORDS).send().await {
            Ok(answer) => answer,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetRecordsError::is_expired_iterator_exception) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(failed("GetRecords", &origin.shard, &error)),
        };
        let mut records = Vec::with_capacity(answer.records.len());
        for record in answer.records {
            let sequence = record.sequence_number.parse().map_err(Error::new)?;
            let arrival = record
                .approximate_arrival_timestamp
                .and_then(|time| time.to_millis().ok());
            let data = aws_smithy_types::base64::encode(record.data.as_ref());
            records.push(Record::new(
                origin,
                sequence,
                record.partition_key.unwrap_or_default(),
                &data,
                arrival.unwrap_or_default(),
            ));
        }
        Ok(Some(Read {
            records,
            next: answer.next_shard_iterator,
            behind: answer.millis_behind_latest.unwrap_or_default() > 0,
        }))
    }

    /// Tells a destination.
    pub async fn tell(&self, destination: &Destination, message: &str) -> Result<()> {
        match destination {
            Destination::Queue(arn) => {
                let name = arn.rsplit(':').next().unwrap_or_default();
                let url = self.sqs.get_queue_url().queue_name(name).send().await;
                let url = url.map_err(|error| failed("GetQueueUrl", arn, &error))?.queue_url;
                let send = self.sqs.send_message().set_queue_url(url).message_body(message);
                send.send()
                    .await
                    .map(drop)
                    .map_err(|error| failed("SendMessage", arn, &error))
            }
            Destination::Topic(arn) => {
                let body = http::form(&[
                    ("Action", "Publish"),
                    ("Version", "2010-03-31"),
                    ("TopicArn", arn),
                    ("Message", message),
                ]);
                let response = http::call(&self.endpoint, "sns", "POST", "/", body).await?;
                response.refusal().map_or(Ok(()), |refusal| {
                    Err(Error::new(format!("Publish to {arn}: {refusal}")))
                })
            }
        }
    }

    async fn lambda(&self, method: &'static str, path: &str) -> Result<Value> {
        let response = http::call(&self.endpoint, "lambda", method, path, String::new()).await?;
        match response.refusal() {
            Some(refusal) => Err(Error::new(format!("{method} {path}: {refusal}"))),
            None => serde_json::from_slice(&response.body).map_err(Error::doing(format!("{method} {path}"))),
        }
    }
}

/// Name, and alias or version, of `arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]`.
fn function(arn: &str) -> (&str, Option<&str>) {
    let mut parts = arn.split(':').skip(6);
    (parts.next().unwrap_or(arn), parts.next())
}

fn listed(shard: &Shard) -> Listed {
    let range = shard.sequence_number_range.as_ref();
    Listed {
        id: shard.shard_id.clone(),
        parents: [&shard.parent_shard_id, &shard.adjacent_parent_shard_id]
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
        closed: range.is_some_and(|range| range.ending_sequence_number.is_some()),
    }
}

fn failed(call: &str, of: &str, error: &(impl std::error::Error + 'static)) -> Error {
    Error::new(format!("{call} of {of}: {}", DisplayErrorContext(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_with_and_without_alias() {
        assert_eq!(
            function("arn:aws:lambda:us-east-1:000000000000:function:f"),
            ("f", None)
        );
        assert_eq!(
            function("arn:aws:lambda:us-east-1:000000000000:function:f:live"),
            ("f", Some("live"))
        );
        assert_eq!(function("f"), ("f", None));
    }
}

//! Records that are given up, as the on-failure destination is told of them.

use super::record::{Record, Sequence};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};
use watershed_lake::layout::Digest;

/// Why records are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// `MaximumRetryAttempts`.
    RetryAttemptsExhausted,
    /// `MaximumRecordAgeInSeconds`, or the stream does not keep them longer.
    RecordAgeExceeded,
}

impl Condition {
    fn name(self) -> &'static str {
        match self {
            Self::RetryAttemptsExhausted => "RetryAttemptsExhausted",
            Self::RecordAgeExceeded => "RecordAgeExceeded",
        }
    }
}

/// Records that stand one after the other, of which the work is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discarded {
    /// Why.
    pub condition: Condition,
    /// Times that the function was invoked with them.
    pub invocations: u32,
    /// The value of `X-Amz-Function-Error` of the last invocation, where it had one.
    pub function_error: Option<String>,
    /// The first.
    pub first: Sequence,
    /// The last.
    pub last: Sequence,
    /// When the first came: milliseconds since 1970.
    pub first_arrival_ms: i64,
    /// When the last came.
    pub last_arrival_ms: i64,
    /// How many they are.
    pub records: usize,
}

impl Discarded {
    /// Of records in their order. None: there are none.
    pub fn of<'a>(condition: Condition, mut records: impl Iterator<Item = &'a Record>) -> Option<Self> {
        let first = records.next()?;
        let (mut last, mut count) = (first, 1);
        for record in records {
            (last, count) = (record, count + 1);
        }
        Some(Self {
            condition,
            invocations: 0,
            function_error: None,
            first: first.sequence.clone(),
            last: last.sequence.clone(),
            first_arrival_ms: first.arrival_ms,
            last_arrival_ms: last.arrival_ms,
            records: count,
        })
    }

    /// The invocation record (AWS Lambda, "Retain discarded batch records for a Kinesis Data Streams event source in Lambda"). Records
    /// that were never handed on have no `responseContext`. The same records given up again have the same `requestId`.
    pub fn invocation_record(&self, stream_arn: &str, function_arn: &str, shard: &str, now_ms: i64) -> Value {
        let mut request = Digest::new();
        for part in [stream_arn, function_arn, shard, self.first.as_str(), self.last.as_str()] {
            request.part(part.as_bytes());
        }
        let mut record = json!({
            "requestContext": {
                "requestId": hyphenated(&request.hex()),
                "functionArn": function_arn,
                "condition": self.condition.name(),
                "approximateInvokeCount": self.invocations,
            },
            "version": "1.0",
            "timestamp": time(now_ms),
            "KinesisBatchInfo": {
                "shardId": shard,
                "startSequenceNumber": self.first.as_str(),
                "endSequenceNumber": self.last.as_str(),
                "approximateArrivalOfFirstRecord": time(self.first_arrival_ms),
                "approximateArrivalOfLastRecord": time(self.last_arrival_ms),
                "batchSize": self.records,
                "streamArn": stream_arn,
            },
        });
        if self.invocations > 0 {
            let mut response = Map::new();
            response.insert("statusCode".into(), json!(200));
            response.insert("executedVersion".into(), json!("$LATEST"));
            if let Some(error) = &self.function_error {
                response.insert("functionError".into(), json!(error));
            }
            record["responseContext"] = Value::Object(response);
        }
        record
    }
}

fn time(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms)
        .map_or_else(String::new, |time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// As UUIDs are written.
fn hyphenated(hex: &str) -> String {
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_the_one_of_the_documentation() {
        let discarded = Discarded {
            condition: Condition::RetryAttemptsExhausted,
            invocations: 1,
            function_error: Some("Unhandled".into()),
            first: "49601189658422359378836298521827638475320189012309704722"
                .parse()
                .unwrap(),
            last: "49601189658422359378836298522902373528957594348623495186"
                .parse()
                .unwrap(),
            first_arrival_ms: 1_573_691_884_835,
            last_arrival_ms: 1_573_691_885_580,
            records: 500,
        };
        let (stream, function) = (
            "arn:aws:kinesis:us-east-2:123456789012:stream/mystream",
            "arn:aws:lambda:us-east-2:123456789012:function:myfunction",
        );
        let record = discarded.invocation_record(stream, function, "shardId-000000000001", 1_573_691_886_021);
        let id = record["requestContext"]["requestId"].as_str().unwrap();
        assert_eq!(
            id.split('-').map(str::len).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12],
            "{id}"
        );
        let expected = json!({
            "requestContext": {
                "requestId": id, "functionArn": function, "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 1,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": "2019-11-14T00:38:06.021Z",
            "KinesisBatchInfo": {
                "shardId": "shardId-000000000001",
                "startSequenceNumber": "49601189658422359378836298521827638475320189012309704722",
                "endSequenceNumber": "49601189658422359378836298522902373528957594348623495186",
                "approximateArrivalOfFirstRecord": "2019-11-14T00:38:04.835Z",
                "approximateArrivalOfLastRecord": "2019-11-14T00:38:05.580Z",
                "batchSize": 500,
                "streamArn": stream,
            },
        });
        assert_eq!(record, expected);
    }

    #[test]
    fn records_that_no_function_got_have_no_response() {
        let record = Record {
            sequence: "7".parse().unwrap(),
            partition_key: "k".into(),
            arrival_ms: 5,
            event: "{}".into(),
        };
        let discarded = Discarded::of(Condition::RecordAgeExceeded, [&record].into_iter()).unwrap();
        let record = discarded.invocation_record("s", "f", "shard", 9);
        assert_eq!(record["requestContext"]["condition"], "RecordAgeExceeded");
        assert!(record.get("responseContext").is_none());
        assert_eq!(record["KinesisBatchInfo"]["batchSize"], 1);
    }
}

//! A record of a stream, as Lambda hands it to a function.

use serde_json::json;
use std::{cmp::Ordering, fmt, str::FromStr};

/// What stands around the records of a payload: `{"Records":[…]}`.
const FRAME: (&str, &str) = ("{\"Records\":[", "]}");

/// Where a record stands in its shard. A decimal number of any length, compared as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sequence(String);

impl Sequence {
    /// As Kinesis writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn digits(&self) -> &str {
        self.0.trim_start_matches('0')
    }
}

impl FromStr for Sequence {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("`{text}` is no sequence number: it has digits only"));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Ord for Sequence {
    fn cmp(&self, other: &Self) -> Ordering {
        let (one, two) = (self.digits(), other.digits());
        // Numbers that are written with more zeros in front are others, so that order and equality agree.
        (one.len(), one, &self.0).cmp(&(two.len(), two, &other.0))
    }
}

impl PartialOrd for Sequence {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What all records of a shard have in common, for one mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// ARN of the stream.
    pub stream_arn: String,
    /// Id of the shard.
    pub shard: String,
    /// ARN of the function's role.
    pub role_arn: String,
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub sequence: Sequence,
    /// Records of one key keep their order.
    pub partition_key: String,
    /// When Kinesis got it: milliseconds since 1970.
    pub arrival_ms: i64,
    /// The element of `Records` that it becomes, as JSON (AWS Lambda, "Process Amazon Kinesis Data Streams records with Lambda").
    pub event: String,
}

impl Record {
    /// Of what Kinesis gave; `data` in base64.
    pub fn new(origin: &Origin, sequence: Sequence, partition_key: String, data: &str, arrival_ms: i64) -> Self {
        let region = origin.stream_arn.split(':').nth(3).unwrap_or_default();
        let event = json!({
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": partition_key,
                "sequenceNumber": sequence.as_str(),
                "data": data,
                "approximateArrivalTimestamp": arrival_ms as f64 / 1_000.0,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": format!("{}:{sequence}", origin.shard),
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": origin.role_arn,
            "awsRegion": region,
            "eventSourceARN": origin.stream_arn,
        });
        Self {
            sequence,
            partition_key,
            arrival_ms,
            event: event.to_string(),
        }
    }

    /// What it adds to a payload: itself and a comma.
    pub fn payload_bytes(&self) -> usize {
        self.event.len() + 1
    }
}

/// Bytes of a payload without records.
pub const FRAME_BYTES: usize = FRAME.0.len() + FRAME.1.len();

/// The event that a function gets.
pub fn payload<'a>(records: impl Iterator<Item = &'a Record>) -> String {
    let events: Vec<&str> = records.map(|record| record.event.as_str()).collect();
    [FRAME.0, &events.join(","), FRAME.1].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn sequence_numbers_are_compared_as_numbers() {
        let sequence = |text: &str| text.parse::<Sequence>().unwrap();
        assert!(sequence("99") < sequence("100"));
        assert!(sequence("0099") < sequence("100"));
        assert!(
            sequence("49601189658422359378836298521827638475320189012309704722")
                > sequence("4960118965842235937883629852")
        );
        for wrong in ["", "12x", "-1", "LATEST"] {
            assert!(wrong.parse::<Sequence>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_payload_is_what_the_documentation_shows() {
        let origin = Origin {
            stream_arn: "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream".into(),
            shard: "shardId-000000000006".into(),
            role_arn: "arn:aws:iam::123456789012:role/lambda-role".into(),
        };
        let record = |n: &str| Record::new(&origin, n.parse().unwrap(), "1".into(), "SGVsbG8=", 1_545_084_650_987);
        let records = [record("5"), record("6")];
        let text = payload(records.iter());
        assert_eq!(
            text.len() + 1,
            FRAME_BYTES + records.iter().map(Record::payload_bytes).sum::<usize>()
        );
        let event: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(event["Records"][1]["eventID"], "shardId-000000000006:6");
        assert_eq!(
            event["Records"][0],
            json!({
                "kinesis": {
                    "kinesisSchemaVersion": "1.0", "partitionKey": "1", "sequenceNumber": "5", "data": "SGVsbG8=",
                    "approximateArrivalTimestamp": 1_545_084_650.987,
                },
                "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": "shardId-000000000006:5",
                "eventName": "aws:kinesis:record", "invokeIdentityArn": "arn:aws:iam::123456789012:role/lambda-role",
                "awsRegion": "us-east-2", "eventSourceARN": "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream",
            })
        );
    }
}

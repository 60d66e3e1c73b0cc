//! Event source mappings: what Lambda's API tells of one → checked settings.

use serde_json::Value;
use std::ops::RangeInclusive;

/// Records of a batch (AWS Lambda API, "CreateEventSourceMapping").
const BATCH_SIZE: RangeInclusive<i64> = 1..=10_000;
/// Where the mapping does not say.
const DEFAULT_BATCH_SIZE: i64 = 100;
/// Seconds that records are gathered.
const WINDOW_SECONDS: RangeInclusive<i64> = 0..=300;
/// Batches of a shard at a time.
const LANES: RangeInclusive<i64> = 1..=10;
/// Times that a batch is tried again; -1 is without limit.
const RETRIES: RangeInclusive<i64> = -1..=10_000;
/// Age of a record in seconds; -1 is without limit.
const AGE_SECONDS: RangeInclusive<i64> = 60..=604_800;
/// Means "without limit".
const INFINITE: i64 = -1;
/// The one response type that there is.
const REPORTS: &str = "ReportBatchItemFailures";

/// What is read by which function.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// Its `UUID`.
    pub id: String,
    /// The stream.
    pub stream_arn: String,
    /// The function, with its alias or version.
    pub function_arn: String,
    /// Records are read.
    pub enabled: bool,
    /// How.
    pub settings: Settings,
}

/// How records are read and handed on.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Most records of a batch.
    pub batch_size: usize,
    /// How long records are gathered for a batch.
    pub window_ms: i64,
    /// Batches of a shard at a time.
    pub lanes: usize,
    /// A batch that fails is split in two.
    pub bisects: bool,
    /// Times that a batch is tried again; none: until its records expire.
    pub max_retries: Option<u32>,
    /// Oldest record that is handed on; none: as long as the stream keeps it.
    pub max_age_ms: Option<i64>,
    /// The function reports the failures of single items.
    pub reports: bool,
    /// Where a stream without checkpoint is begun.
    pub start: Start,
    /// Where the metadata of records goes that are given up.
    pub on_failure: Option<Destination>,
}

/// `StartingPosition`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// With what comes from now on.
    Latest,
    /// With the oldest record.
    TrimHorizon,
    /// With the first record that came at this time or later: milliseconds since 1970.
    AtTimestamp(i64),
}

/// `DestinationConfig.OnFailure`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// ARN of a queue.
    Queue(String),
    /// ARN of a topic.
    Topic(String),
}

/// The mapping reads a Kinesis stream: others are the emulator's.
pub fn is_ours(mapping: &Value) -> bool {
    let arn = mapping["EventSourceArn"].as_str().unwrap_or_default();
    arn.split(':').nth(2) == Some("kinesis")
}

impl Mapping {
    /// Of an element of `ListEventSourceMappings`. What is wrong is told all at once.
    pub fn read(mapping: &Value) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        let text = |key: &str| mapping[key].as_str().unwrap_or_default().to_string();
        let read = Self {
            id: text("UUID"),
            stream_arn: text("EventSourceArn"),
            function_arn: text("FunctionArn"),
            enabled: matches!(text("State").as_str(), "Enabled" | "Enabling" | "Updating" | "Creating"),
            settings: Settings::read(mapping, &mut wrong),
        };
        if wrong.is_empty() { Ok(read) } else { Err(wrong) }
    }
}

impl Settings {
    fn read(mapping: &Value, wrong: &mut Vec<String>) -> Self {
        unsupported(mapping, wrong);
        let mut whole = |key: &str, default: i64, range: &RangeInclusive<i64>, infinite: bool| {
            let value = &mapping[key];
            // CloudFormation's parameters are texts.
            let number = match value {
                Value::Null => Some(default),
                Value::String(text) => text.parse().ok(),
                other => other.as_i64(),
            };
            let number = number.filter(|n| range.contains(n) || (infinite && *n == INFINITE));
            number.unwrap_or_else(|| {
                let or = if infinite { ", or -1 for no limit" } else { "" };
                wrong.push(format!(
                    "{key} is {value}: write a number from {} to {}{or}",
                    range.start(),
                    range.end()
                ));
                default
            })
        };
        let batch_size = whole("BatchSize", DEFAULT_BATCH_SIZE, &BATCH_SIZE, false) as usize;
        let window_ms = whole("MaximumBatchingWindowInSeconds", 0, &WINDOW_SECONDS, false) * 1_000;
        let lanes = whole("ParallelizationFactor", 1, &LANES, false) as usize;
        let retries = whole("MaximumRetryAttempts", INFINITE, &RETRIES, false);
        let age = whole("MaximumRecordAgeInSeconds", INFINITE, &AGE_SECONDS, true);
        Self {
            batch_size,
            window_ms,
            lanes,
            bisects: flag(mapping, "BisectBatchOnFunctionError", wrong),
            max_retries: u32::try_from(retries).ok(),
            max_age_ms: (age != INFINITE).then_some(age * 1_000),
            reports: reports(mapping, wrong),
            start: start(mapping, wrong),
            on_failure: on_failure(mapping, wrong),
        }
    }
}

/// What would change which records a function gets, and is not done here.
fn unsupported(mapping: &Value, wrong: &mut Vec<String>) {
    let windows = &mapping["TumblingWindowInSeconds"];
    if !matches!(windows.as_str().unwrap_or("0"), "0") || windows.as_i64().unwrap_or(0) != 0 {
        wrong.push(format!(
            "TumblingWindowInSeconds is {windows}: the local cloud has no tumbling windows; leave it out"
        ));
    }
    let filters = mapping["FilterCriteria"]["Filters"].as_array().map_or(0, Vec::len);
    if filters > 0 {
        wrong.push(format!(
            "FilterCriteria has {filters} filters: the local cloud filters no records of streams; leave it out, and filter in the function"
        ));
    }
}

fn flag(mapping: &Value, key: &str, wrong: &mut Vec<String>) -> bool {
    match &mapping[key] {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::String(text) if text.eq_ignore_ascii_case("true") => true,
        Value::String(text) if text.eq_ignore_ascii_case("false") => false,
        other => {
            wrong.push(format!("{key} is {other}: write true or false"));
            false
        }
    }
}

fn reports(mapping: &Value, wrong: &mut Vec<String>) -> bool {
    let kinds = mapping["FunctionResponseTypes"].as_array().cloned().unwrap_or_default();
    for kind in kinds.iter().filter(|kind| **kind != REPORTS) {
        wrong.push(format!("FunctionResponseTypes has {kind}: write {REPORTS}"));
    }
    kinds.iter().any(|kind| *kind == REPORTS)
}

fn start(mapping: &Value, wrong: &mut Vec<String>) -> Start {
    let time = &mapping["StartingPositionTimestamp"];
    let seconds = match time {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    };
    match (mapping["StartingPosition"].as_str(), seconds) {
        (Some("LATEST"), _) => Start::Latest,
        (Some("TRIM_HORIZON"), _) => Start::TrimHorizon,
        (Some("AT_TIMESTAMP"), Some(seconds)) => Start::AtTimestamp((seconds * 1_000.0) as i64),
        (Some("AT_TIMESTAMP"), None) => {
            wrong.push(format!(
                "StartingPositionTimestamp is {time}: AT_TIMESTAMP needs seconds since 1970"
            ));
            Start::Latest
        }
        _ => {
            let position = &mapping["StartingPosition"];
            wrong.push(format!(
                "StartingPosition is {position}: write LATEST, TRIM_HORIZON or AT_TIMESTAMP"
            ));
            Start::Latest
        }
    }
}

fn on_failure(mapping: &Value, wrong: &mut Vec<String>) -> Option<Destination> {
    let arn = mapping["DestinationConfig"]["OnFailure"]["Destination"].as_str()?;
    match arn.split(':').nth(2) {
        _ if arn.is_empty() => None,
        Some("sqs") => Some(Destination::Queue(arn.into())),
        Some("sns") => Some(Destination::Topic(arn.into())),
        _ => {
            wrong.push(format!(
                "DestinationConfig.OnFailure is {arn}: the local cloud sends to SQS queues and SNS topics; write the ARN of one"
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mapping(changes: &Value) -> Value {
        let mut mapping = json!({
            "UUID": "1f", "EventSourceArn": "arn:aws:kinesis:us-east-1:000000000000:stream/s",
            "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f", "State": "Enabled", "StartingPosition": "LATEST",
        });
        for (key, value) in changes.as_object().unwrap() {
            mapping[key] = value.clone();
        }
        mapping
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let settings = Mapping::read(&mapping(&json!({}))).unwrap().settings;
        let expected = Settings {
            batch_size: 100,
            window_ms: 0,
            lanes: 1,
            bisects: false,
            max_retries: None,
            max_age_ms: None,
            reports: false,
            start: Start::Latest,
            on_failure: None,
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn all_is_read_also_from_texts() {
        let read = Mapping::read(&mapping(&json!({
            "State": "Disabled", "BatchSize": "10000", "MaximumBatchingWindowInSeconds": 300, "ParallelizationFactor": 10,
            "BisectBatchOnFunctionError": "true", "MaximumRetryAttempts": 0, "MaximumRecordAgeInSeconds": 60,
            "FunctionResponseTypes": ["ReportBatchItemFailures"], "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1.5,
            "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:dead"}},
        })));
        let read = read.unwrap();
        assert!(!read.enabled);
        let expected = Settings {
            batch_size: 10_000,
            window_ms: 300_000,
            lanes: 10,
            bisects: true,
            max_retries: Some(0),
            max_age_ms: Some(60_000),
            reports: true,
            start: Start::AtTimestamp(1_500),
            on_failure: Some(Destination::Queue("arn:aws:sqs:us-east-1:000000000000:dead".into())),
        };
        assert_eq!(read.settings, expected);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_with_what_to_write() {
        let wrong = Mapping::read(&mapping(&json!({
            "BatchSize": 10_001, "MaximumBatchingWindowInSeconds": 301, "ParallelizationFactor": 11, "MaximumRetryAttempts": -2,
            "MaximumRecordAgeInSeconds": 59, "BisectBatchOnFunctionError": "yes", "FunctionResponseTypes": ["All"],
            "StartingPosition": "AT_TIMESTAMP", "TumblingWindowInSeconds": 30, "FilterCriteria": {"Filters": [{"Pattern": "{}"}]},
            "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::bucket"}},
        })))
        .unwrap_err();
        assert_eq!(
            wrong,
            [
                "TumblingWindowInSeconds is 30: the local cloud has no tumbling windows; leave it out",
                "FilterCriteria has 1 filters: the local cloud filters no records of streams; leave it out, and filter in the function",
                "BatchSize is 10001: write a number from 1 to 10000",
                "MaximumBatchingWindowInSeconds is 301: write a number from 0 to 300",
                "ParallelizationFactor is 11: write a number from 1 to 10",
                "MaximumRetryAttempts is -2: write a number from -1 to 10000",
                "MaximumRecordAgeInSeconds is 59: write a number from 60 to 604800, or -1 for no limit",
                "BisectBatchOnFunctionError is \"yes\": write true or false",
                "FunctionResponseTypes has \"All\": write ReportBatchItemFailures",
                "StartingPositionTimestamp is null: AT_TIMESTAMP needs seconds since 1970",
                "DestinationConfig.OnFailure is arn:aws:s3:::bucket: the local cloud sends to SQS queues and SNS topics; write the ARN of one",
            ]
        );
    }

    #[test]
    fn only_streams_are_ours() {
        assert!(is_ours(&mapping(&json!({}))));
        assert!(!is_ours(
            &json!({"EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:queue"})
        ));
    }
}

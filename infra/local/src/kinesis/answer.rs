//! What a function's answer says of a batch.

use super::record::Record;
use serde_json::Value;

/// What came of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The function returned this.
    Returned(Vec<u8>),
    /// The function failed: the value of `X-Amz-Function-Error`.
    Failed(String),
    /// It did not reach the function: throttled, or a service error. Does not count as an attempt.
    Unreached(String),
}

/// Of which records of a batch the work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Of all.
    Done,
    /// Of those before this one (from 0, never the first).
    DoneBefore(usize),
    /// Of none.
    Failed,
}

/// What is returned by a function that reports the failures of single items (AWS Lambda, "Configuring partial batch response with
/// Kinesis Data Streams and Lambda"). What the page does not say: an answer that is no object, and an identifier that is none of the
/// batch's, fail the batch, so that nothing is skipped because of a mistake.
pub fn verdict<'a>(returned: &[u8], batch: impl Iterator<Item = &'a Record>) -> Verdict {
    if returned.trim_ascii().is_empty() {
        return Verdict::Done;
    }
    let failures = match serde_json::from_slice::<Value>(returned) {
        Ok(Value::Null) => return Verdict::Done,
        Ok(Value::Object(mut response)) => response.remove("batchItemFailures").unwrap_or_default(),
        _ => return Verdict::Failed,
    };
    let failures = match failures {
        Value::Null => return Verdict::Done,
        Value::Array(failures) if failures.is_empty() => return Verdict::Done,
        Value::Array(failures) => failures,
        _ => return Verdict::Failed,
    };
    let sequences: Vec<&str> = batch.map(|record| record.sequence.as_str()).collect();
    let mut lowest = sequences.len();
    for failure in &failures {
        let place = failure["itemIdentifier"]
            .as_str()
            .and_then(|id| sequences.iter().position(|sequence| *sequence == id));
        match place {
            Some(place) => lowest = lowest.min(place),
            None => return Verdict::Failed,
        }
    }
    if lowest == 0 {
        Verdict::Failed
    } else {
        Verdict::DoneBefore(lowest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(returned: &str) -> Verdict {
        let batch: Vec<Record> = (1..=4)
            .map(|n| Record {
                sequence: n.to_string().parse().unwrap(),
                partition_key: "k".into(),
                arrival_ms: 0,
                event: "{}".into(),
            })
            .collect();
        verdict(returned.as_bytes(), batch.iter())
    }

    #[test]
    fn a_complete_success() {
        for returned in [
            "",
            "null",
            "{}",
            r#"{"batchItemFailures": []}"#,
            r#"{"batchItemFailures": null}"#,
            r#"{"other": 1}"#,
        ] {
            assert_eq!(of(returned), Verdict::Done, "{returned}");
        }
    }

    #[test]
    fn a_complete_failure() {
        for returned in [
            r#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#,
            r#"{"batchItemFailures": [{"itemIdentifier": null}]}"#,
            r#"{"batchItemFailures": [{"bad key": "3"}]}"#,
            r#"{"batchItemFailures": [{"itemIdentifier": "3"}, {"itemIdentifier": ""}]}"#,
            r#"{"batchItemFailures": [{"itemIdentifier": "17"}]}"#,
            r#"{"batchItemFailures": [{"itemIdentifier": 3}]}"#,
            r#"{"batchItemFailures": ["3"]}"#,
            r#"{"batchItemFailures": "3"}"#,
            r#"{"batchItemFailures": [{"itemIdentifier": "1"}]}"#,
            r#""done""#,
            "not JSON",
        ] {
            assert_eq!(of(returned), Verdict::Failed, "{returned}");
        }
    }

    #[test]
    fn the_lowest_sequence_number_is_the_checkpoint() {
        let returned =
            r#"{"batchItemFailures": [{"itemIdentifier": "4"}, {"itemIdentifier": "2"}, {"itemIdentifier": "3"}]}"#;
        assert_eq!(of(returned), Verdict::DoneBefore(1));
    }
}

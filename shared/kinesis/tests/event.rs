//! The event of Lambda.

mod common;

use common::{SEQUENCE, event, record};
use proptest::prelude::*;
use serde_json::{Value, json};
use watershed_kinesis::{Event, MAX_EVENT_BYTES, Sequence};

#[test]
fn a_record_is_what_lambda_says() {
    let text = event(&[b"one", b"two"]);
    let event = Event::parse(&text).expect("an event");
    let entry = &event.records[1];
    assert_eq!((entry.shard, entry.stream), ("shardId-000000000006", "lambda-stream"));
    assert_eq!(entry.arrival_ms, 1_545_084_650_987);
    let sequence = format!("4959033827149025660855969253836157109{}", SEQUENCE + 1);
    assert_eq!(
        (entry.sequence.to_string(), Some(entry.sequence)),
        (sequence.clone(), Sequence::parse(&sequence))
    );
    assert!(event.records[0].sequence < entry.sequence);
    assert_eq!((&*entry.partition_key, &*entry.data), ("key 1", &b"dHdv"[..]));
}

#[test]
fn what_else_lambda_may_write_is_read() {
    let mut odd = record(0, b"x");
    odd["kinesis"]["partitionKey"] = "a \"quoted\" \u{e9}\\".into();
    odd["kinesis"]["encryptionType"] = json!({"deep": [1, {"er": "]}"}], "none": null});
    odd["eventSourceARN"] = "arn:aws:kinesis:eu-west-1:1:stream/s/consumer/c:1".into();
    // Enhanced windows have more members at the top.
    let text = json!({"window": {"start": "2020"}, "Records": [odd], "isFinalInvokeForWindow": false});
    let mut text = serde_json::to_string_pretty(&text).unwrap();
    text = text
        .replace("1545084650.987", "1.545084650987E9")
        .replace("eA==", "e\\u0041==");
    let event = Event::parse(text.as_bytes()).expect("an event");
    let entry = &event.records[0];
    assert_eq!((&*entry.partition_key, entry.stream), ("a \"quoted\" \u{e9}\\", "s"));
    assert_eq!((entry.arrival_ms, &*entry.data), (1_545_084_650_987, &b"eA=="[..]));
    assert_eq!(Event::parse(br#"{"Records":[]}"#).expect("none").records, []);
}

#[test]
fn what_is_wrong_is_said() {
    let with = |key: &str, value: Value| {
        let mut wrong = record(0, b"x");
        *wrong.pointer_mut(key).expect("there") = value;
        serde_json::to_string(&json!({"Records": [record(0, b"x"), wrong]})).unwrap()
    };
    let without = |key: &str| {
        let mut wrong = record(0, b"x");
        wrong["kinesis"].as_object_mut().unwrap().remove(key);
        serde_json::to_string(&json!({ "Records": [wrong] })).unwrap()
    };
    let cases = [
        (
            with("/eventSource", "aws:sqs".into()),
            "record 1 has no `eventSource` aws:kinesis",
        ),
        (
            with("/eventID", "shardId".into()),
            "record 1 has no `eventID` with a shard",
        ),
        (
            with("/eventSourceARN", "arn:aws:kinesis:stream".into()),
            "no `eventSourceARN` of a stream",
        ),
        (
            with("/kinesis/sequenceNumber", "12a".into()),
            "no `sequenceNumber` of up to 76 digits",
        ),
        (
            with("/kinesis/sequenceNumber", "1".repeat(77).into()),
            "no `sequenceNumber` of up to 76 digits",
        ),
        (
            with("/kinesis/approximateArrivalTimestamp", (-1).into()),
            "no `approximateArrivalTimestamp`",
        ),
        (
            with("/kinesis/approximateArrivalTimestamp", Value::Null),
            "no `approximateArrivalTimestamp`",
        ),
        (with("/kinesis/data", 7.into()), "stands something else than a string"),
        (without("data"), "record 0 has no `data`"),
        (without("partitionKey"), "record 0 has no `partitionKey`"),
        ("{}".into(), "it has no `Records`"),
        ("[]".into(), "at byte 0 stands something else than an object"),
        (
            r#"{"Records":[]} x"#.into(),
            "at byte 15 stands something else than nothing more",
        ),
        (
            r#"{"Records":["#.into(),
            "at byte 12 stands something else than an object",
        ),
        (format!("{{}}{}", " ".repeat(MAX_EVENT_BYTES)), "it has 33554434 bytes"),
    ];
    for (text, expected) in cases {
        let said = Event::parse(text.as_bytes()).expect_err(expected).to_string();
        assert!(said.contains(expected), "{said}\n{expected}");
        assert!(said.starts_with("not an event of Kinesis: "), "{said}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The same as a parser of any JSON finds, whatever the keys and however it is laid out.
    #[test]
    fn it_agrees_with_a_json_parser(keys in prop::collection::vec(any::<String>(), 0..4), ms in 0..253_402_300_799_999_i64, pretty in any::<bool>()) {
        let records: Vec<Value> = keys.iter().enumerate().map(|(at, key)| {
            let mut record = record(at, key.as_bytes());
            record["kinesis"]["partitionKey"] = key.as_str().into();
            record["kinesis"]["approximateArrivalTimestamp"] = (ms as f64 / 1_000.0).into();
            record
        }).collect();
        let whole = json!({ "Records": records });
        let text = if pretty { serde_json::to_vec_pretty(&whole) } else { serde_json::to_vec(&whole) }.unwrap();
        let event = Event::parse(&text).unwrap();
        prop_assert_eq!(event.records.len(), keys.len());
        for ((entry, key), value) in event.records.iter().zip(&keys).zip(&records) {
            prop_assert_eq!(&*entry.partition_key, key);
            prop_assert_eq!(entry.arrival_ms, ms);
            prop_assert_eq!(Some(std::str::from_utf8(&entry.data).unwrap()), value["kinesis"]["data"].as_str());
            let sequence = entry.sequence.to_string();
            prop_assert_eq!(Some(sequence.as_str()), value["kinesis"]["sequenceNumber"].as_str());
        }
    }

    /// Most records are read as the one before them was written. One that differs anywhere is still what a parser of any JSON finds.
    #[test]
    fn a_changed_byte_is_seen(at in any::<prop::sample::Index>(), byte in prop_oneof![any::<u8>(), Just(b'"'), Just(b'\\'), Just(b'0'), Just(b' ')]) {
        let mut text = event(&[b"{\"a\":1}", b"two", b"three"]);
        let at = at.index(text.len());
        text[at] = byte;
        let read = Event::parse(&text);
        // Text that is no JSON is not looked at any closer than it needs.
        let Ok(value) = serde_json::from_slice::<Value>(&text) else { return Ok(()) };
        let Ok(event) = read else { return Ok(()) };
        for (entry, value) in event.records.iter().zip(value["Records"].as_array().expect("there")) {
            let inner = &value["kinesis"];
            prop_assert_eq!(Some(&*entry.partition_key), inner["partitionKey"].as_str());
            prop_assert_eq!(entry.sequence, Sequence::parse(inner["sequenceNumber"].as_str().expect("a text")).expect("a number"));
            prop_assert_eq!(Some(std::str::from_utf8(&entry.data).expect("UTF-8")), inner["data"].as_str());
            let seconds = inner["approximateArrivalTimestamp"].as_f64().expect("a number");
            prop_assert_eq!(entry.arrival_ms, (seconds * 1_000.0).round() as i64);
            let id = value["eventID"].as_str().expect("a text");
            prop_assert_eq!(Some(entry.shard), id.split(':').next());
            let arn = value["eventSourceARN"].as_str().expect("a text");
            let stream = arn.split_once(":stream/").and_then(|(_, name)| name.split('/').next());
            prop_assert_eq!(Some(entry.stream), stream);
            prop_assert_eq!(value["eventSource"].as_str(), Some("aws:kinesis"));
        }
    }

    #[test]
    fn no_changed_byte_panics(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut text = event(&[b"{\"a\":1}", b"two"]);
        let at = at.index(text.len());
        text[at] = byte;
        let _ = Event::parse(&text);
        let _ = Event::parse(&text[..cut.index(text.len())]);
    }
}

//! The event files of `events/ingest`: every one is read as what it is.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use serde_json::Value;
use watershed_ingest::{
    event::{Asked, Created, Event, parse_body},
    parts::Message,
};

/// What each message of an event tells of; an error where it is no event.
fn read(name: &str) -> Vec<Result<Vec<Created>, String>> {
    let path = format!("{}/../../events/ingest/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    match Event::parse(serde_json::from_str::<Value>(&text).unwrap()).unwrap() {
        Event::Direct(objects) => vec![Ok(objects)],
        Event::Queue(batch) => batch
            .records
            .iter()
            .map(|message| match parse_body(&message.body) {
                Ok(Asked::Objects(objects)) => Ok(objects),
                Ok(Asked::Ours(message)) => panic!("{message:?} is no event of S3"),
                Err(error) => Err(error.to_string()),
            })
            .collect(),
    }
}

fn keys(name: &str) -> Vec<String> {
    read(name)
        .into_iter()
        .flat_map(|message| message.unwrap())
        .map(|created| created.source.key)
        .collect()
}

#[test]
fn every_way_that_s3_tells_of_an_object() {
    let airlines = "nycflights13/airlines/airlines.csv";
    assert_eq!(keys("eventbridge-in-sqs"), [airlines]);
    assert_eq!(keys("notification-in-sqs"), [airlines]);
    assert_eq!(
        keys("eventbridge-key-with-spaces-and-umlauts"),
        ["nycflights13/airlines/März + 2013 (1).csv"]
    );
    assert_eq!(
        keys("notification-direct"),
        [airlines, "nycflights13/airlines/März + 2013 (1).csv"]
    );
    assert_eq!(keys("eventbridge-same-object-out-of-order"), [airlines, airlines]);
    let versions = |name| read(name)[0].clone().unwrap()[0].source.version_id.clone();
    assert!(versions("eventbridge-in-sqs").is_some());
    assert_eq!(versions("eventbridge-unversioned-bucket"), None);
}

#[test]
fn what_is_no_creation_is_nothing_and_what_is_no_event_is_told() {
    assert_eq!(keys("eventbridge-object-deleted"), [""; 0]);
    assert_eq!(keys("test-event-in-sqs"), [""; 0]);
    assert_eq!(keys("no-contract"), ["readme.txt"]);
    let messages = read("one-bad-message-of-two");
    assert!(
        messages[0]
            .as_ref()
            .is_err_and(|told| told.starts_with("not an event of S3"))
    );
    assert!(messages[1].is_ok());
    assert!(Event::parse(serde_json::json!({"x": 1})).is_err());
}

#[test]
fn the_function_reads_what_it_says_to_itself() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../events/ingest/parts-of-a-large-object.json"
    );
    let event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let Ok(Event::Queue(batch)) = Event::parse(event) else {
        panic!("a batch of the queue");
    };
    let read = |number: usize| match parse_body(&batch.records[number].body) {
        Ok(Asked::Ours(message)) => *message,
        other => panic!("{other:?}"),
    };
    let Message::Part(part) = read(0) else {
        panic!("a part");
    };
    assert_eq!(
        (part.index, part.cut.first_parts(), part.cut.part_bytes()),
        (1, 3, part.start)
    );
    assert_eq!(read(0).trace(), batch.records[0].trace());
    assert!(matches!(read(1), Message::Whole(whole) if whole.object == part.object && whole.trace.is_none()));
    // As it was written, so it is read; and what is neither is told.
    let written = serde_json::to_string(&read(0)).unwrap();
    assert_eq!(parse_body(&written), Ok(Asked::Ours(Box::new(read(0)))));
    assert!(parse_body(&written.replace("\"part\"", "\"piece\"")).is_err());
}

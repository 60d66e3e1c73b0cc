//! Objects that an event tells of. S3 tells in three ways: through EventBridge and SQS, into SQS, and straight to the function.

use crate::parts::Message;
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use watershed_lake::{ReplayId, SourceVersion};
use watershed_ops::SqsEvent;

/// An object that was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Created {
    /// Which.
    pub source: SourceVersion,
    /// Its size as the event says.
    pub bytes: u64,
    /// When it was created: microseconds since 1970-01-01T00:00:00Z.
    pub time_us: i64,
    /// The replay that asks for it, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayId>,
}

/// What an invocation was given.
#[derive(Debug, Clone)]
pub enum Event {
    /// A batch of messages, each with an event of its own.
    Queue(SqsEvent),
    /// S3's own notification.
    Direct(Vec<Created>),
}

/// An event that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an event of S3: {0}; send `Object Created` events of EventBridge or S3 event notifications, through SQS or directly"
)]
pub struct BadEvent(String);

impl Event {
    /// What the runtime handed over.
    pub fn parse(payload: Value) -> Result<Self, BadEvent> {
        let first = payload.pointer("/Records/0/eventSource").and_then(Value::as_str);
        match first {
            Some("aws:sqs") => serde_json::from_value(payload)
                .map(Self::Queue)
                .map_err(|e| BadEvent(e.to_string())),
            _ => created(payload).map(Self::Direct),
        }
    }
}

/// What one message asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// These objects: none for events that are not about a creation (S3's test event, say).
    Objects(Vec<Created>),
    /// A part of an object, or an object in one pass: our own word.
    Ours(Box<Message>),
}

/// What one message's body asks for.
pub fn parse_body(body: &str) -> Result<Asked, BadEvent> {
    let bad = |e: serde_json::Error| BadEvent(e.to_string());
    let event: Value = serde_json::from_str(body).map_err(bad)?;
    if event.get(Message::TAG).is_some() {
        return serde_json::from_value(event)
            .map(|message| Asked::Ours(Box::new(message)))
            .map_err(bad);
    }
    created(event).map(Asked::Objects)
}

fn created(event: Value) -> Result<Vec<Created>, BadEvent> {
    let bad = |e: serde_json::Error| BadEvent(e.to_string());
    if event.get("detail-type").is_some() {
        let event: BridgeEvent = serde_json::from_value(event).map_err(bad)?;
        return if event.detail_type == "Object Created" {
            let created = event.detail.created(&event.time)?;
            Ok(vec![Created {
                replay: event.replay,
                ..created
            }])
        } else {
            Ok(Vec::new())
        };
    }
    if event.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Ok(Vec::new());
    }
    let event: Notification = serde_json::from_value(event).map_err(bad)?;
    event
        .records
        .into_iter()
        .filter(|record| record.event_name.starts_with("ObjectCreated:"))
        .map(Record::created)
        .collect()
}

/// Amazon S3, "EventBridge event message structure". Keys are not encoded. `replay` sends the same, with its name.
#[derive(Deserialize)]
struct BridgeEvent {
    #[serde(rename = "detail-type")]
    detail_type: String,
    time: String,
    detail: Place,
    replay: Option<ReplayId>,
}

/// A bucket and an object in it: `detail` of the one, `s3` of the other.
#[derive(Deserialize)]
struct Place {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

/// The two spell two of its fields in different ways.
#[derive(Deserialize)]
struct Object {
    key: String,
    #[serde(default)]
    size: u64,
    #[serde(default, alias = "eTag")]
    etag: String,
    #[serde(rename = "version-id", alias = "versionId")]
    version_id: Option<String>,
    #[serde(default)]
    sequencer: String,
}

/// Amazon S3, "Event message structure". Keys are URL-encoded.
#[derive(Deserialize)]
struct Notification {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_name: String,
    event_time: String,
    s3: Place,
}

impl Record {
    fn created(mut self) -> Result<Created, BadEvent> {
        let key = &self.s3.object.key;
        let decoded = url_decoded(key).ok_or_else(|| BadEvent(format!("the key `{key}` is not URL-encoded UTF-8")))?;
        self.s3.object.key = decoded;
        self.s3.created(&self.event_time)
    }
}

impl Place {
    fn created(self, time: &str) -> Result<Created, BadEvent> {
        let Self { bucket, object } = self;
        let time = DateTime::parse_from_rfc3339(time).map_err(|e| BadEvent(format!("its time `{time}`: {e}")))?;
        let source = SourceVersion {
            bucket: bucket.name,
            key: object.key,
            // S3 says "null" of an object that was written before versions were kept.
            version_id: object.version_id.filter(|id| !id.is_empty() && id != "null"),
            etag: object.etag.trim_matches('"').into(),
            sequencer: object.sequencer,
        };
        if source.etag.is_empty() || source.sequencer.is_empty() {
            return Err(BadEvent(format!(
                "{} comes without `etag` or `sequencer`",
                source.uri()
            )));
        }
        Ok(Created {
            source,
            bytes: object.size,
            time_us: time.timestamp_micros(),
            replay: None,
        })
    }
}

/// `a+b%2Fc` → `a b/c`.
fn url_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            other => out.push(other),
        }
    }
    String::from_utf8(out).ok()
}

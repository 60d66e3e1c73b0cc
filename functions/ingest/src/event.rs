//! Objects that an event tells of. S3 tells in three ways: through EventBridge and SQS, into SQS, and straight to the function.

use chrono::DateTime;
use serde::Deserialize;
use serde_json::Value;
use watershed_lake::SourceVersion;
use watershed_ops::SqsEvent;

/// An object that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Which.
    pub source: SourceVersion,
    /// Its size as the event says.
    pub bytes: u64,
    /// When it was created: microseconds since 1970-01-01T00:00:00Z.
    pub time_us: i64,
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

/// The objects that one message's body tells of: none for events that are not about a creation (S3's test event, say).
pub fn parse_body(body: &str) -> Result<Vec<Created>, BadEvent> {
    created(serde_json::from_str(body).map_err(|e| BadEvent(e.to_string()))?)
}

fn created(event: Value) -> Result<Vec<Created>, BadEvent> {
    let bad = |e: serde_json::Error| BadEvent(e.to_string());
    if event.get("detail-type").is_some() {
        let event: BridgeEvent = serde_json::from_value(event).map_err(bad)?;
        return if event.detail_type == "Object Created" {
            Ok(vec![event.created()?])
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

/// Amazon S3, "EventBridge event message structure". Keys are not encoded.
#[derive(Deserialize)]
struct BridgeEvent {
    #[serde(rename = "detail-type")]
    detail_type: String,
    time: String,
    detail: Detail,
}

#[derive(Deserialize)]
struct Detail {
    bucket: Bucket,
    object: BridgeObject,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct BridgeObject {
    key: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    etag: String,
    #[serde(rename = "version-id")]
    version_id: Option<String>,
    #[serde(default)]
    sequencer: String,
}

impl BridgeEvent {
    fn created(self) -> Result<Created, BadEvent> {
        let BridgeObject {
            key,
            size,
            etag,
            version_id,
            sequencer,
        } = self.detail.object;
        let bucket = self.detail.bucket.name;
        Created::new(
            SourceVersion {
                bucket,
                key,
                version_id,
                etag,
                sequencer,
            },
            size,
            &self.time,
        )
    }
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
    s3: S3,
}

#[derive(Deserialize)]
struct S3 {
    bucket: Bucket,
    object: NotifiedObject,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NotifiedObject {
    key: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    e_tag: String,
    version_id: Option<String>,
    #[serde(default)]
    sequencer: String,
}

impl Record {
    fn created(self) -> Result<Created, BadEvent> {
        let NotifiedObject {
            key,
            size,
            e_tag: etag,
            version_id,
            sequencer,
        } = self.s3.object;
        let key = url_decoded(&key).ok_or_else(|| BadEvent(format!("the key `{key}` is not URL-encoded UTF-8")))?;
        let bucket = self.s3.bucket.name;
        Created::new(
            SourceVersion {
                bucket,
                key,
                version_id,
                etag,
                sequencer,
            },
            size,
            &self.event_time,
        )
    }
}

impl Created {
    fn new(mut source: SourceVersion, bytes: u64, time: &str) -> Result<Self, BadEvent> {
        let time = DateTime::parse_from_rfc3339(time).map_err(|e| BadEvent(format!("its time `{time}`: {e}")))?;
        source.etag = source.etag.trim_matches('"').into();
        // S3 says "null" of an object that was written before versions were kept.
        source.version_id = source.version_id.filter(|id| !id.is_empty() && id != "null");
        if source.etag.is_empty() || source.sequencer.is_empty() {
            return Err(BadEvent(format!(
                "{} comes without `etag` or `sequencer`",
                source.uri()
            )));
        }
        Ok(Self {
            source,
            bytes,
            time_us: time.timestamp_micros(),
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

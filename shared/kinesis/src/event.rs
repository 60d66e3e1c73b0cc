//! The event of an event source mapping of Kinesis.

use crate::{
    layout::{Layout, VALUES, Value},
    scan::{Broken, Scanner, Text},
    sequence::Sequence,
};
use std::borrow::Cow;

/// Bytes of an event at most. Lambda sends 6 MB (AWS Lambda Developer Guide, "Lambda quotas"); more than this is none of its events.
pub const MAX_EVENT_BYTES: usize = 32 * 1024 * 1024;

/// What Lambda sends of one shard (AWS Lambda Developer Guide, "Using Lambda to process records from Amazon Kinesis Data Streams").
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    /// Kinesis records, in the order of the shard.
    pub records: Vec<Entry<'a>>,
}

/// A Kinesis record.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<'a> {
    /// What the record was put with.
    pub partition_key: Cow<'a, str>,
    /// Its place in the shard.
    pub sequence: Sequence,
    /// When Kinesis got it: milliseconds since 1970-01-01T00:00:00Z.
    pub arrival_ms: i64,
    /// The data in Base64.
    pub data: Cow<'a, [u8]>,
    /// The shard: `shardId-000000000006`.
    pub shard: &'a str,
    /// Name of the stream.
    pub stream: &'a str,
}

/// An event that is none of Kinesis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event of Kinesis: {0}; let an event source mapping of a stream call the function")]
pub struct BadEvent(String);

impl<'a> Event<'a> {
    /// Of the text that Lambda sends. Keys that nobody asks for are gone over.
    ///
    /// # Errors
    /// Where the text is no such event; a record's data is not looked at.
    pub fn parse(text: &'a [u8]) -> Result<Self, BadEvent> {
        if text.len() > MAX_EVENT_BYTES {
            let message = format!("it has {} bytes, Lambda sends less than {MAX_EVENT_BYTES}", text.len());
            return Err(BadEvent(message));
        }
        let mut records = Vec::new();
        let mut has_records = false;
        let mut layout: Option<Layout<'a>> = None;
        let mut scanner = Scanner::new(text);
        scanner.object(|scanner, key| {
            if key != b"Records" {
                return Ok(scanner.skip()?);
            }
            has_records = true;
            scanner.array(|scanner| {
                let start = scanner.at();
                if let Some((entry, end)) = layout.as_ref().and_then(|layout| layout.read(text, start)) {
                    scanner.go_on(end);
                    records.push(entry);
                    return Ok(());
                }
                let found = Found::read(scanner)?;
                let wrong = |what| BadEvent(format!("record {} has no {what}", records.len()));
                let entry = found.entry().map_err(wrong)?;
                let values = found.values();
                layout = values.map(|values| Layout::of(text, (start, scanner.at()), values, &entry));
                records.push(entry);
                Ok::<(), BadEvent>(())
            })
        })?;
        scanner.end()?;
        if !has_records {
            return Err(BadEvent("it has no `Records`".into()));
        }
        Ok(Self { records })
    }
}

impl From<Broken> for BadEvent {
    fn from(Broken { at, wanted }: Broken) -> Self {
        Self(format!("at byte {at} stands something else than {wanted}"))
    }
}

/// What was found of a record.
#[derive(Default)]
struct Found<'a> {
    source: Option<Text<'a>>,
    id: Option<Text<'a>>,
    stream: Option<Text<'a>>,
    partition_key: Option<Text<'a>>,
    sequence: Option<Text<'a>>,
    data: Option<Text<'a>>,
    arrival: Option<Text<'a>>,
}

impl<'a> Found<'a> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, Broken> {
        let mut found = Self::default();
        scanner.object(|scanner, key| {
            let text = match key {
                b"kinesis" => return scanner.object(|scanner, key| found.inner(scanner, key)),
                b"eventID" => &mut found.id,
                b"eventSource" => &mut found.source,
                b"eventSourceARN" => &mut found.stream,
                _ => return scanner.skip(),
            };
            *text = Some(scanner.string()?);
            Ok(())
        })?;
        Ok(found)
    }

    /// A member of `kinesis`.
    fn inner(&mut self, scanner: &mut Scanner<'a>, key: &[u8]) -> Result<(), Broken> {
        let text = match key {
            b"data" => &mut self.data,
            b"partitionKey" => &mut self.partition_key,
            b"sequenceNumber" => &mut self.sequence,
            b"approximateArrivalTimestamp" => {
                self.arrival = Some(scanner.plain()?);
                return Ok(());
            }
            _ => return scanner.skip(),
        };
        *text = Some(scanner.string()?);
        Ok(())
    }

    /// The values that differ from record to record; none where one is written with an escape.
    fn values(&self) -> Option<[(Text<'a>, Value); VALUES]> {
        let plain = |text: Option<Text<'a>>, value| Some((text.filter(|text| text.plain().is_some())?, value));
        Some([
            plain(self.id, Value::Id)?,
            plain(self.partition_key, Value::PartitionKey)?,
            plain(self.sequence, Value::Sequence)?,
            plain(self.data, Value::Data)?,
            plain(self.arrival, Value::Arrival)?,
        ])
    }

    /// Or what is missing of it, or not as it should be.
    fn entry(&self) -> Result<Entry<'a>, &'static str> {
        if self.source.is_none_or(|source| source.raw != b"aws:kinesis") {
            return Err("`eventSource` aws:kinesis");
        }
        let shard = self.id.and_then(Text::plain).and_then(shard);
        let stream = self.stream.and_then(Text::plain).and_then(stream);
        let sequence = self.sequence.and_then(Text::plain).and_then(Sequence::parse);
        Ok(Entry {
            partition_key: self
                .partition_key
                .and_then(Text::text)
                .ok_or("`partitionKey` that is a text")?,
            sequence: sequence.ok_or("`sequenceNumber` of up to 76 digits")?,
            arrival_ms: self
                .arrival
                .and_then(Text::plain)
                .and_then(milliseconds)
                .ok_or("`approximateArrivalTimestamp` in seconds")?,
            data: self.data.and_then(Text::bytes).ok_or("`data`")?,
            shard: shard.ok_or("`eventID` with a shard before a colon")?,
            stream: stream.ok_or("`eventSourceARN` of a stream")?,
        })
    }
}

/// `shardId-000000000006:4959…`
fn shard(event_id: &str) -> Option<&str> {
    let (shard, _) = event_id.split_once(':')?;
    (!shard.is_empty()).then_some(shard)
}

/// `arn:aws:kinesis:us-east-2:123456789012:stream/readings`, and with enhanced fan-out `/consumer/…` behind it.
fn stream(arn: &str) -> Option<&str> {
    let (_, resource) = arn.split_once(":stream/")?;
    resource.split('/').next().filter(|name| !name.is_empty())
}

/// Of seconds with decimals, as they are written. Rounded to the millisecond: Kinesis has no finer ones.
pub(crate) fn milliseconds(seconds: &str) -> Option<i64> {
    let seconds: f64 = seconds.parse().ok()?;
    let ms = (seconds * 1_000.0).round();
    // Before the year 10000; a float holds every such millisecond.
    (0.0..253_402_300_800_000.0).contains(&ms).then_some(ms as i64)
}

//! A shard's checkpoint as bytes: what was done so far, what is not known to be sent yet, open windows and detectors, in one object, so that
//! they are of one moment.
//!
//! ```text
//! WSCP ‖ version ‖ length of the head ‖ head, JSON ‖ states, one behind the other ‖ checksum
//! ```
//!
//! The checksum is of everything: a position with another digit would lose records, or double them, and nobody would know.

use crate::outbox::Outbox;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use watershed_kinesis::Sequence;
use watershed_lake::SourceOrder;
use xxhash_rust::xxh3::xxh3_64;

/// How a checkpoint begins.
const MAGIC: [u8; 4] = *b"WSCP";
/// Of what follows. Another number, another format.
const VERSION: u8 = 2;
/// Magic, version, and the length of the head.
const PREAMBLE_BYTES: usize = MAGIC.len() + 1 + size_of::<u32>();

/// XXH3 of all before it.
const CHECKSUM_BYTES: usize = size_of::<u64>();

/// What of a checkpoint is read without its states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The stream.
    pub stream: String,
    /// The shard.
    pub shard: String,
    /// How many checkpoints of the shard there were before it.
    pub generation: u64,
    /// The last record that was looked at; none: the shard begins.
    #[serde(with = "digits")]
    pub last: Option<Sequence>,
    /// How often the clock fired windows behind that record.
    pub ticks: u64,
    /// When Kinesis got that record: milliseconds since 1970-01-01T00:00:00Z.
    pub arrival_ms: i64,
    /// A shard that this one was split or merged into has taken over what is open here.
    pub handed_over: bool,
    /// Of each table, by its name, the order of the last request: what the next one follows on.
    pub after: BTreeMap<String, SourceOrder>,
    /// What is to be sent, and may have been.
    pub outbox: Outbox,
    states: Vec<Entry>,
}

/// A state that stands behind the head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    bytes: usize,
}

/// A head, and states by their names.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The head.
    pub head: Head,
    /// Windows and detectors.
    pub states: BTreeMap<String, Bytes>,
}

/// These bytes are no checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCheckpoint(pub String);

impl Head {
    /// Of a shard that begins.
    pub fn new(stream: &str, shard: &str) -> Self {
        Self {
            stream: stream.into(),
            shard: shard.into(),
            generation: 0,
            last: None,
            ticks: 0,
            arrival_ms: 0,
            handed_over: false,
            after: BTreeMap::new(),
            outbox: Outbox::default(),
            states: Vec::new(),
        }
    }

    /// The position of what was done last, which requests are ordered by; none: nothing was done.
    pub fn order(&self) -> Option<SourceOrder> {
        let digits = self.last?.to_string();
        Some(SourceOrder::kinesis(&digits, self.ticks).expect("a sequence number in decimal digits"))
    }

    /// The checkpoint's bytes. The same of the same.
    pub fn encode(&self, states: &[(String, Vec<u8>)]) -> Bytes {
        let entries = states.iter().map(|(name, state)| Entry {
            name: name.clone(),
            bytes: state.len(),
        });
        let head = Self {
            states: entries.collect(),
            ..self.clone()
        };
        let head = serde_json::to_vec(&head).expect("texts, numbers and maps of them are JSON");
        let length = u32::try_from(head.len()).expect("requests and alerts are bounded, and so is a head");
        let all: usize = states.iter().map(|(_, state)| state.len()).sum();
        let mut out = Vec::with_capacity(PREAMBLE_BYTES + head.len() + all + CHECKSUM_BYTES);
        out.extend_from_slice(&MAGIC);
        out.push(VERSION);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&head);
        for (_, state) in states {
            out.extend_from_slice(state);
        }
        let checksum = xxh3_64(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out.into()
    }
}

impl Checkpoint {
    /// What [`Head::encode`] wrote.
    ///
    /// # Errors
    /// The bytes are something else, cut off, changed, or of another version.
    pub fn decode(bytes: &Bytes) -> Result<Self, BadCheckpoint> {
        let bad = |what: &str| BadCheckpoint(format!("its {} bytes {what}", bytes.len()));
        if !bytes.starts_with(&MAGIC) {
            return Err(bad("do not begin with `WSCP`"));
        }
        let preamble = bytes.get(..PREAMBLE_BYTES).ok_or_else(|| bad("end in the preamble"))?;
        let (version, length) = (preamble[MAGIC.len()], &preamble[MAGIC.len() + 1..]);
        if version != VERSION {
            return Err(bad(&format!(
                "are of format {version}, this function reads format {VERSION}"
            )));
        }
        let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
        let summed = bytes
            .last_chunk()
            .map(|sum| (bytes.slice(..bytes.len() - CHECKSUM_BYTES), u64::from_le_bytes(*sum)));
        let (bytes, _) = summed
            .filter(|(summed, sum)| xxh3_64(summed) == *sum)
            .ok_or_else(|| bad("have another checksum: they are damaged or cut off"))?;
        let mut at = PREAMBLE_BYTES + length as usize;
        let head = bytes.get(PREAMBLE_BYTES..at).ok_or_else(|| bad("end in the head"))?;
        let mut head: Head = serde_json::from_slice(head).map_err(|e| bad(&format!("have another head: {e}")))?;
        let mut states = BTreeMap::new();
        for Entry { name, bytes: length } in head.states.drain(..) {
            let end = at.checked_add(length).filter(|end| *end <= bytes.len());
            let end = end.ok_or_else(|| bad("end in a state"))?;
            states.insert(name, bytes.slice(at..end));
            at = end;
        }
        if at != bytes.len() {
            return Err(bad("go on behind the last state"));
        }
        Ok(Self { head, states })
    }
}

/// A sequence number as decimal digits in a text: JSON has no such numbers.
mod digits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
    use watershed_kinesis::Sequence;

    #[expect(clippy::ref_option, reason = "serde gives it so")]
    pub fn serialize<S: Serializer>(last: &Option<Sequence>, to: S) -> Result<S::Ok, S::Error> {
        last.map(|last| last.to_string()).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Sequence>, D::Error> {
        let text: Option<String> = Option::deserialize(from)?;
        let parse = |text: String| Sequence::parse(&text).ok_or_else(|| D::Error::custom("is no sequence number"));
        text.map(parse).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            last: Sequence::parse("49590338271490256608559692538361571095921575989136588898"),
            ticks: 2,
            after: [("d.t".to_string(), SourceOrder::kinesis("7", 0).unwrap())].into(),
            ..Head::new("readings", "shardId-000000000000")
        }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let states = [("w/1".to_string(), vec![1, 2, 3]), ("x".to_string(), Vec::new())];
        let bytes = head().encode(&states);
        let read = Checkpoint::decode(&bytes).unwrap();
        assert_eq!(read.head, head());
        assert_eq!(read.states["w/1"][..], [1, 2, 3]);
        assert_eq!(read.states["x"].len(), 0);
        assert_eq!(
            read.head.order().unwrap().as_str().rsplit_once('.').unwrap().1,
            "00000000000000000002"
        );
    }

    #[test]
    fn whatever_the_bytes_are_it_is_said_and_nothing_panics() {
        let bytes = head().encode(&[("w".to_string(), vec![0; 9])]);
        for end in 0..bytes.len() {
            assert!(Checkpoint::decode(&bytes.slice(..end)).is_err(), "{end}");
        }
        for at in PREAMBLE_BYTES..bytes.len() {
            for bit in 0..8 {
                let mut other = bytes.to_vec();
                other[at] ^= 1 << bit;
                let error = Checkpoint::decode(&other.into()).unwrap_err();
                assert!(error.0.contains("have another checksum"), "{at}: {error:?}");
            }
        }
        let mut other = bytes.to_vec();
        other[4] = 9;
        let error = Checkpoint::decode(&other.into()).unwrap_err();
        assert!(error.0.contains("format 9, this function reads format 2"), "{error:?}");
    }
}

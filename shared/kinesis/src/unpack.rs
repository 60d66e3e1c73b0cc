//! Kinesis records to user records.

use crate::{
    aggregate,
    event::{Entry, Event},
    hash::hash_key,
    inflate::{MAX_INFLATED_BYTES, inflate, is_compressed},
};
use std::{fmt, ops::Range};

/// Data that a batch holds before it is handed over; one Kinesis record more may stand in it, decompressed. Fits the second-level cache.
pub const BATCH_BYTES: usize = 512 * 1024;

/// User records, and their data one behind the other. Reused from batch to batch.
#[derive(Debug, Default)]
pub struct Batch {
    /// The data of the user records, and what lies between: how aggregates are packed, and what was compressed.
    pub bytes: Vec<u8>,
    /// In the order of the shard.
    pub records: Vec<UserRecord>,
    /// Hash keys that producers chose.
    hash_keys: Vec<u128>,
}

/// What a producer put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserRecord {
    /// Its Kinesis record: place in [`Event::records`].
    pub entry: u32,
    /// Its number in the aggregate, from 0. A record that is none of an aggregate has 0.
    pub sub: u32,
    /// First byte of its data in [`Batch::bytes`].
    pub start: u32,
    /// The byte behind the last.
    pub end: u32,
    /// Why its data is not what the producer put; it stands in the batch as it came.
    pub damage: Option<Damage>,
    /// Of an aggregate: its partition key in the batch's bytes, and its place among the hash keys.
    packed: Option<Packed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Packed {
    key: (u32, u32),
    hash_key: Option<u32>,
}

/// Why data could not be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The data in the event is no Base64.
    Base64,
    /// The gzip stream ends in the middle.
    Truncated,
    /// The gzip stream is damaged.
    Corrupt,
    /// More than [`MAX_RECORD_BYTES`](crate::MAX_RECORD_BYTES) decompressed, or more than [`MAX_INFLATED_BYTES`] with others of its Kinesis record.
    TooLong,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base64 => "is no Base64 in the event",
            Self::Truncated => "is a gzip stream that ends in the middle: put it again, whole",
            Self::Corrupt => "is a damaged gzip stream: put it again",
            Self::TooLong => {
                "is longer than 8 MiB when it is decompressed, or than 64 MiB with those beside it: put smaller records"
            }
        })
    }
}

impl Batch {
    /// The data of a record of this batch.
    #[inline]
    pub fn data(&self, record: &UserRecord) -> &[u8] {
        &self.bytes[record.start as usize..record.end as usize]
    }

    /// The partition key of a record of this batch.
    pub fn partition_key<'b>(&'b self, record: &UserRecord, event: &'b Event<'_>) -> &'b str {
        let Some(Packed { key: (start, end), .. }) = record.packed else {
            return &event.records[record.entry as usize].partition_key;
        };
        let key = &self.bytes[start as usize..end as usize];
        std::str::from_utf8(key).expect("keys of an aggregate are UTF-8, or it is none")
    }

    /// Which shard the record belongs to: the hash key that its producer chose, or else that of its partition key. Of a record of no
    /// aggregate the event does not say what was chosen.
    pub fn hash_key(&self, record: &UserRecord, event: &Event<'_>) -> u128 {
        match record.packed.and_then(|packed| packed.hash_key) {
            Some(at) => self.hash_keys[at as usize],
            None => hash_key(self.partition_key(record, event).as_bytes()),
        }
    }

    fn push(&mut self, entry: u32, sub: u32, place: Range<usize>, packed: Option<Packed>) {
        self.records.push(UserRecord {
            entry,
            sub,
            start: place.start as u32,
            end: place.end as u32,
            damage: None,
            packed,
        });
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
        self.hash_keys.clear();
    }
}

/// Unpacks an event, a batch at a time.
#[derive(Debug)]
pub struct Unpacker<'e> {
    event: &'e Event<'e>,
    /// The next Kinesis record.
    next: usize,
    /// Compressed data, while it is decompressed behind it.
    compressed: Vec<u8>,
}

impl<'e> Unpacker<'e> {
    /// From the event's first record.
    pub fn new(event: &'e Event<'e>) -> Self {
        Self {
            event,
            next: 0,
            compressed: Vec::new(),
        }
    }

    /// The next user records, of whole Kinesis records; false, and none, at the end.
    pub fn fill(&mut self, batch: &mut Batch) -> bool {
        batch.clear();
        let event: &'e Event<'e> = self.event;
        for entry in &event.records[self.next..] {
            if batch.bytes.len() >= BATCH_BYTES {
                break;
            }
            self.unpack(entry, self.next as u32, batch);
            self.next += 1;
            if batch.records.is_empty() {
                // An aggregate of nothing.
                batch.clear();
            }
        }
        !batch.records.is_empty()
    }

    fn unpack(&mut self, entry: &Entry<'_>, number: u32, batch: &mut Batch) {
        let (start, first) = (batch.bytes.len(), batch.records.len());
        let decoded = base64_simd::STANDARD.decode_append(&entry.data, &mut batch.bytes);
        if decoded.is_err() {
            batch.bytes.truncate(start);
            batch.bytes.extend_from_slice(&entry.data);
            batch.push(number, 0, start..batch.bytes.len(), None);
            batch.records[first].damage = Some(Damage::Base64);
            return;
        }
        match aggregate::read(&batch.bytes[start..]) {
            None => batch.push(number, 0, start..batch.bytes.len(), None),
            Some(subs) => {
                for (sub, found) in (0..).zip(subs) {
                    let place = |range: Range<usize>| start + range.start..start + range.end;
                    let key = place(found.partition_key);
                    let packed = Packed {
                        key: (key.start as u32, key.end as u32),
                        hash_key: found.hash_key.map(|_| batch.hash_keys.len() as u32),
                    };
                    batch.hash_keys.extend(found.hash_key);
                    batch.push(number, sub, place(found.data), Some(packed));
                }
            }
        }
        self.inflate(batch, first);
    }

    /// Decompresses what is compressed of the records from `first` on, which are of one Kinesis record.
    fn inflate(&mut self, batch: &mut Batch, first: usize) {
        let mut left = MAX_INFLATED_BYTES;
        for at in first..batch.records.len() {
            let record = batch.records[at];
            if !is_compressed(batch.data(&record)) {
                continue;
            }
            self.compressed.clear();
            self.compressed.extend_from_slice(batch.data(&record));
            let start = batch.bytes.len();
            match inflate(&self.compressed, left, &mut batch.bytes) {
                Ok(()) => {
                    let end = batch.bytes.len();
                    left -= end - start;
                    batch.records[at] = UserRecord {
                        start: start as u32,
                        end: end as u32,
                        ..record
                    };
                }
                Err(damage) => batch.records[at].damage = Some(damage),
            }
        }
    }
}

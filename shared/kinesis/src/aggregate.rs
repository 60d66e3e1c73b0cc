//! Aggregates: many user records in one Kinesis record, as the Kinesis Producer Library packs them.
//!
//! Source: "KPL Aggregated Record Format" (`aggregation-format.md` of awslabs/amazon-kinesis-producer):
//!
//! ```text
//! F3 89 9A C2 │ AggregatedRecord (protobuf 2) │ MD5 of the message, 16 bytes
//!
//! AggregatedRecord { repeated string partition_key_table = 1; repeated string explicit_hash_key_table = 2; repeated Record records = 3; }
//! Record { required uint64 partition_key_index = 1; optional uint64 explicit_hash_key_index = 2; required bytes data = 3; repeated Tag tags = 4; }
//! ```
//! What is no valid aggregate is one plain record, as the Kinesis Client Library has it (`AggregatorUtil.deaggregate`): no magic, no
//! message, another MD5, or no such message. That holds here of an index outside its table and of a hash key that is no number as well,
//! where the client library drops what is left of the aggregate: a plain record that nobody can read is quarantined, and so not lost.
//! Keys are UTF-8. Groups, which protobuf has given up, make no message.

use md5::{Digest, Md5};
use std::ops::Range;

const MAGIC: &[u8] = &[0xf3, 0x89, 0x9a, 0xc2];
const DIGEST_BYTES: usize = 16;
/// Bytes of a varint at most.
const MAX_VARINT_BYTES: usize = 10;

/// A user record of an aggregate; places are in the data of the Kinesis record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sub {
    pub(crate) data: Range<usize>,
    pub(crate) partition_key: Range<usize>,
    pub(crate) hash_key: Option<u128>,
}

/// The user records of an aggregate, in their order; none where the data is no aggregate.
pub(crate) fn read(data: &[u8]) -> Option<Vec<Sub>> {
    let message = data.strip_prefix(MAGIC)?;
    let length = message.len().checked_sub(DIGEST_BYTES).filter(|length| *length > 0)?;
    let (message, digest) = message.split_at(length);
    if Md5::digest(message).as_slice() != digest {
        return None;
    }
    let end = MAGIC.len() + length;
    let (mut keys, mut hash_keys, mut records) = (Vec::new(), Vec::new(), Vec::new());
    let mut fields = Fields::new(data, MAGIC.len()..end);
    while !fields.ended() {
        match fields.next()? {
            (1, Value::Bytes(key)) => keys.push(text(data, key.clone()).map(|_| key)?),
            (2, Value::Bytes(key)) => hash_keys.push(text(data, key)?),
            (3, Value::Bytes(record)) => records.push(record),
            // Fields that a later version may have.
            _ => {}
        }
    }
    records
        .into_iter()
        .map(|record| sub(data, record, &keys, &hash_keys))
        .collect()
}

/// Tables may stand behind the records that point to them.
fn sub(data: &[u8], record: Range<usize>, keys: &[Range<usize>], hash_keys: &[&str]) -> Option<Sub> {
    let (mut key, mut hash_key, mut found) = (None, None, None);
    let mut fields = Fields::new(data, record);
    while !fields.ended() {
        match fields.next()? {
            (1, Value::Number(index)) => key = Some(index),
            (2, Value::Number(index)) => hash_key = Some(index),
            (3, Value::Bytes(bytes)) => found = Some(bytes),
            _ => {}
        }
    }
    let place = |index: u64| usize::try_from(index).ok();
    Some(Sub {
        data: found?,
        partition_key: keys.get(place(key?)?)?.clone(),
        hash_key: match hash_key {
            Some(index) => Some(hash_keys.get(place(index)?)?.parse().ok()?),
            None => None,
        },
    })
}

fn text(data: &[u8], range: Range<usize>) -> Option<&str> {
    std::str::from_utf8(&data[range]).ok()
}

/// The fields of a protobuf message.
struct Fields<'a> {
    data: &'a [u8],
    at: usize,
    end: usize,
}

enum Value {
    Number(u64),
    Bytes(Range<usize>),
    /// A fixed number of bytes, which no field here has.
    Fixed,
}

impl<'a> Fields<'a> {
    fn new(data: &'a [u8], range: Range<usize>) -> Self {
        Self {
            data,
            at: range.start,
            end: range.end,
        }
    }

    fn ended(&self) -> bool {
        self.at == self.end
    }

    /// The next field's number and value; none where this is no message.
    fn next(&mut self) -> Option<(u64, Value)> {
        let tag = self.varint()?;
        let number = Some(tag >> 3).filter(|number| *number > 0)?;
        // Protocol Buffers, "Encoding": wire types.
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return None,
        };
        Some((number, value))
    }

    fn take(&mut self, bytes: usize) -> Option<Range<usize>> {
        let end = self.at.checked_add(bytes).filter(|end| *end <= self.end)?;
        Some(std::mem::replace(&mut self.at, end)..end)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for (index, byte) in self.data[self.at..self.end].iter().take(MAX_VARINT_BYTES).enumerate() {
            // The tenth byte has one bit of the number; others there are dropped, as protobuf does.
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.at += index + 1;
                return Some(value);
            }
        }
        None
    }
}

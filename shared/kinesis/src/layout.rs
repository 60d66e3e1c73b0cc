//! Records that are written as the one before: most of the event's bytes are.
//!
//! Lambda writes the same members in the same order in every record, and most of their values are those of the stream. So what stood
//! between the values that differ, in the last record that was read member by member, is looked for as it is. Where it stands, and the
//! values between hold neither a quote nor a backslash, the record is read: it is the same JSON but for these values. Where it does not,
//! the record is read member by member.

use crate::{
    event::{Entry, milliseconds},
    scan::Text,
    sequence::Sequence,
};
use memchr::memchr2;
use std::borrow::Cow;

/// Values that differ.
pub(crate) const VALUES: usize = 5;

/// A value that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Id,
    PartitionKey,
    Sequence,
    Data,
    Arrival,
}

/// How a record was written.
pub(crate) struct Layout<'a> {
    /// What stands before each value, by the order in which they are written.
    before: [(&'a [u8], Value); VALUES],
    /// What stands behind the last.
    behind: &'a [u8],
    shard: &'a str,
    stream: &'a str,
}

impl<'a> Layout<'a> {
    /// Of the record `start..end` of the text, with its values; `entry` is what it is.
    pub(crate) fn of(
        text: &'a [u8],
        (start, end): (usize, usize),
        values: [(Text<'a>, Value); VALUES],
        entry: &Entry<'a>,
    ) -> Self {
        let mut values = values;
        values.sort_by_key(|(text, _)| text.start);
        let mut at = start;
        let before = values.map(|(value, what)| {
            let gap = &text[at..value.start];
            at = value.start + value.raw.len();
            (gap, what)
        });
        Self {
            before,
            behind: &text[at..end],
            shard: entry.shard,
            stream: entry.stream,
        }
    }

    /// The record at `at` of the text, and where it ends; none where it is written otherwise.
    #[inline]
    pub(crate) fn read(&self, text: &'a [u8], at: usize) -> Option<(Entry<'a>, usize)> {
        let mut rest = text.get(at..)?;
        let mut values = [&[][..]; VALUES];
        for (gap, what) in self.before {
            rest = rest.strip_prefix(gap)?;
            let length = if what == Value::Arrival {
                rest.iter().position(|byte| !is_of_number(*byte))?
            } else {
                memchr2(b'"', b'\\', rest)?
            };
            let (value, behind) = rest.split_at(length);
            values[what as usize] = value;
            rest = behind;
        }
        rest = rest.strip_prefix(self.behind)?;
        let value = |what: Value| values[what as usize];
        let entry = Entry {
            partition_key: Cow::Borrowed(std::str::from_utf8(value(Value::PartitionKey)).ok()?),
            sequence: Sequence::of_digits(value(Value::Sequence))?,
            arrival_ms: milliseconds(std::str::from_utf8(value(Value::Arrival)).ok()?)?,
            data: Cow::Borrowed(value(Value::Data)),
            shard: self.same_shard(value(Value::Id))?,
            stream: self.stream,
        };
        Some((entry, text.len() - rest.len()))
    }

    /// An invocation is of one shard.
    fn same_shard(&self, event_id: &[u8]) -> Option<&'a str> {
        let behind = event_id.strip_prefix(self.shard.as_bytes())?;
        behind.starts_with(b":").then_some(self.shard)
    }
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E')
}

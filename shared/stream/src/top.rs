//! The most frequent values: Misra-Gries counters (Misra and Gries 1982; merged as in Agarwal et al., "Mergeable Summaries",
//! PODS 2012).
//!
//! When there are twice as many counters as the capacity, the largest but `capacity` are subtracted from all, and what is not
//! positive goes: that costs at least `capacity + 1` counts for each that a value may miss, so that no value misses more than
//! `n / (capacity + 1)`. Nothing is sampled: a state is a function of its records in their order, however they were batched.
//! (The frequent items of `datasketches` purge by a sample of the hash table, whose layout a checkpoint changes.)
//!
//! Merging adds counters and drops none, so it is associative and commutative to the byte; the counters of all parts are held,
//! up to [`MAX_COUNTERS`]. Beyond that, counters are dropped as above: every order of merging then keeps the bound, though the
//! counts may differ within it.

use crate::{
    codec::{MAX_VARINT_BYTES, Reader, put, put_bytes},
    error::DecodeError,
    value::{MAX_TEXT_BYTES, TopValue, cut},
};
use std::{cmp::Reverse, collections::BTreeMap};

/// Values that one aggregate gives.
pub const MAX_TOP: u16 = 100;
/// Counters of a merged result.
pub const MAX_COUNTERS: usize = 65_536;
/// Counters for each value that is asked for: those that are not the most frequent must not push out those that are.
const COUNTERS_PER_VALUE: usize = 8;
/// Counters at least.
const MIN_CAPACITY: usize = 64;

/// Counters that are kept for so many values.
pub(crate) fn capacity(values: u16) -> usize {
    (COUNTERS_PER_VALUE * usize::from(values)).max(MIN_CAPACITY)
}

/// The state.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Top {
    counters: BTreeMap<Box<[u8]>, u64>,
    /// How often a value may have come beyond its count.
    error: u64,
    /// Bytes of the values.
    text_bytes: usize,
}

impl Top {
    pub(crate) fn add(&mut self, capacity: usize, value: &[u8]) {
        let value = cut(value);
        if let Some(count) = self.counters.get_mut(value) {
            *count += 1;
            return;
        }
        self.text_bytes += value.len();
        self.counters.insert(value.into(), 1);
        if self.counters.len() >= 2 * capacity {
            self.reduce(capacity);
        }
    }

    /// No more counters than the capacity.
    fn reduce(&mut self, capacity: usize) {
        if self.counters.len() <= capacity {
            return;
        }
        let mut counts: Vec<u64> = self.counters.values().copied().collect();
        let (_, cut, _) = counts.select_nth_unstable_by_key(capacity, |count| Reverse(*count));
        let cut = *cut;
        self.error = self.error.saturating_add(cut);
        self.counters.retain(|_, count| {
            *count = count.saturating_sub(cut);
            *count > 0
        });
        self.text_bytes = self.counters.keys().map(|value| value.len()).sum();
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.error = self.error.saturating_add(other.error);
        for (value, count) in &other.counters {
            if let Some(ours) = self.counters.get_mut(value) {
                *ours = ours.saturating_add(*count);
            } else {
                self.text_bytes += value.len();
                self.counters.insert(value.clone(), *count);
            }
        }
        self.reduce(MAX_COUNTERS);
    }

    pub(crate) fn values(&self, most: u16) -> Vec<TopValue> {
        let mut values: Vec<(&Box<[u8]>, &u64)> = self.counters.iter().collect();
        values.sort_by_key(|(_, count)| Reverse(**count));
        values.truncate(usize::from(most));
        let values = values.into_iter().map(|(value, count)| TopValue {
            value: value.clone(),
            count: *count,
            error: self.error,
        });
        values.collect()
    }

    /// No fewer bytes than [`Self::encode`] makes.
    pub(crate) fn weight(&self) -> usize {
        2 * MAX_VARINT_BYTES + self.counters.len() * (2 + MAX_VARINT_BYTES) + self.text_bytes
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put(out, self.error);
        put(out, self.counters.len() as u64);
        for (value, count) in &self.counters {
            put_bytes(out, value);
            put(out, *count);
        }
    }

    pub(crate) fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut read = Self {
            error: input.get()?,
            ..Self::default()
        };
        for _ in 0..input.get_length(MAX_COUNTERS)? {
            let value = input.get_bytes(MAX_TEXT_BYTES)?;
            let ascending = read.counters.last_key_value().is_none_or(|(last, _)| **last < *value);
            match input.get()? {
                count @ 1.. if ascending => read.counters.insert(value.into(), count),
                _ => return Err(DecodeError::Damaged("frequent values are out of order")),
            };
            read.text_bytes += value.len();
        }
        Ok(read)
    }
}

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
use std::cmp::{Ordering, Reverse};
use xxhash_rust::xxh3::xxh3_64;

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
    /// By hash, then by value: a search reads numbers that lie together.
    counters: Vec<Counter>,
    /// How often a value may have come beyond its count.
    error: u64,
    /// Bytes of the values.
    text_bytes: usize,
}

#[derive(Debug, Clone, PartialEq)]
struct Counter {
    /// XXH3 of the value.
    hash: u64,
    count: u64,
    value: Box<[u8]>,
}

impl Counter {
    #[inline]
    fn place(&self) -> (u64, &[u8]) {
        (self.hash, &self.value)
    }
}

impl Top {
    pub(crate) fn add(&mut self, capacity: usize, value: &[u8]) {
        let value = cut(value);
        let hash = xxh3_64(value);
        let order = |counter: &Counter| counter.hash.cmp(&hash).then_with(|| (*counter.value).cmp(value));
        match self.counters.binary_search_by(order) {
            Ok(at) => self.counters[at].count += 1,
            Err(at) => {
                self.text_bytes += value.len();
                let (count, value) = (1, value.into());
                self.counters.insert(at, Counter { hash, count, value });
                if self.counters.len() >= 2 * capacity {
                    self.reduce(capacity);
                }
            }
        }
    }

    /// No more counters than the capacity.
    fn reduce(&mut self, capacity: usize) {
        if self.counters.len() <= capacity {
            return;
        }
        let mut counts: Vec<u64> = self.counters.iter().map(|counter| counter.count).collect();
        let (_, cut, _) = counts.select_nth_unstable_by_key(capacity, |count| Reverse(*count));
        let cut = *cut;
        self.error = self.error.saturating_add(cut);
        self.counters.retain_mut(|counter| {
            counter.count = counter.count.saturating_sub(cut);
            counter.count > 0
        });
        self.text_bytes = self.counters.iter().map(|counter| counter.value.len()).sum();
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.error = self.error.saturating_add(other.error);
        let mut ours = std::mem::take(&mut self.counters).into_iter().peekable();
        let mut theirs = other.counters.iter().peekable();
        loop {
            let order = match (ours.peek(), theirs.peek()) {
                (Some(our), Some(their)) => our.place().cmp(&their.place()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let their = if order.is_lt() { None } else { theirs.next() };
            let our = if order.is_gt() { None } else { ours.next() };
            match (our, their) {
                (Some(mut our), their) => {
                    our.count = our.count.saturating_add(their.map_or(0, |their| their.count));
                    self.counters.push(our);
                }
                (None, their) => {
                    self.text_bytes += their.map_or(0, |their| their.value.len());
                    self.counters.extend(their.cloned());
                }
            }
        }
        self.reduce(MAX_COUNTERS);
    }

    pub(crate) fn values(&self, most: u16) -> Vec<TopValue> {
        let mut counters: Vec<&Counter> = self.counters.iter().collect();
        counters.sort_unstable_by_key(|counter| (Reverse(counter.count), &counter.value));
        counters.truncate(usize::from(most));
        let values = counters.into_iter().map(|counter| TopValue {
            value: counter.value.clone(),
            count: counter.count,
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
        for counter in &self.counters {
            put_bytes(out, &counter.value);
            put(out, counter.count);
        }
    }

    pub(crate) fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut read = Self {
            error: input.get()?,
            ..Self::default()
        };
        for _ in 0..input.get_length(MAX_COUNTERS)? {
            let value = input.get_bytes(MAX_TEXT_BYTES)?;
            let counter = Counter {
                hash: xxh3_64(value),
                count: input.get()?,
                value: value.into(),
            };
            let ascending = read.counters.last().is_none_or(|last| last.place() < counter.place());
            if counter.count == 0 || !ascending {
                return Err(DecodeError::Damaged("frequent values are out of order"));
            }
            read.text_bytes += value.len();
            read.counters.push(counter);
        }
        Ok(read)
    }
}

//! The keys of a state: found by their bytes, and in the order of their last records.

use crate::{
    accumulator::Accumulator,
    panes::{Key, NEVER_MS},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
    hash::{BuildHasherDefault, Hasher},
};
use xxhash_rust::xxh3::xxh3_128;

/// Notes of removed keys that are borne for each that is held, before they are cleared away.
const STALE_PER_KEY: usize = 2;

/// Keys that memory is asked for at once.
pub(crate) const WARM: usize = 32;

/// Keys, their order and what is due.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    /// By digests of 128 bits, which no two keys share: the bytes themselves lie elsewhere in memory.
    places: HashMap<u128, u32, BuildHasherDefault<DigestHasher>>,
    held: Vec<Option<Key>>,
    free: Vec<u32>,
    /// When a key was touched, as far as it was looked at: later, where it has been touched since. So the order costs nothing
    /// until something has to go.
    ages: BinaryHeap<Reverse<(u64, u32)>>,
    /// Places by when they are due. A place whose key is due at another time by now is skipped.
    timers: BTreeMap<i64, Vec<u32>>,
    /// The earliest of them.
    next: Option<i64>,
    /// Of all keys.
    weight: usize,
}

impl Keys {
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    #[inline]
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<u32> {
        self.places.get(&xxh3_128(bytes)).copied()
    }

    #[inline]
    pub(crate) fn get(&self, place: u32) -> &Key {
        let key = self.held[place as usize].as_ref();
        key.expect("a place that is known holds a key")
    }

    /// Brings what records of these keys will change into the processor's caches. Looking up one key waits for memory four times
    /// in a row; here the processor waits for many keys at once.
    pub(crate) fn warm<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) {
        let mut found = [None; WARM];
        for (place, key) in found.iter_mut().zip(keys) {
            *place = self.find(key);
        }
        let keys = found.map(|place| place.and_then(|place| self.held[place as usize].as_ref()));
        let newest = keys.map(|key| key.and_then(|key| key.panes.last()));
        let partials = newest.map(|pane| pane.map_or(&[][..], |pane| pane.partial.accumulators()));
        // A key lies in two lines of a cache, and each accumulator in one.
        let keys = keys.iter().flatten().map(|key| key.touched ^ key.due as u64);
        let kinds = partials
            .iter()
            .flat_map(|partial| partial.iter().map(Accumulator::kind));
        std::hint::black_box((keys.fold(0, |sum, key| sum ^ key), kinds.sum::<u64>()));
    }

    /// Takes in a key that is not held.
    pub(crate) fn insert(&mut self, key: Key) -> u32 {
        self.weight += key.weight();
        let (digest, due, touched) = (xxh3_128(&key.bytes), key.due, key.touched);
        let place = if let Some(place) = self.free.pop() {
            self.held[place as usize] = Some(key);
            place
        } else {
            self.held.push(Some(key));
            self.held.len() as u32 - 1
        };
        self.places.insert(digest, place);
        self.note_age(touched, place);
        self.remind(place, due);
        place
    }

    pub(crate) fn remove(&mut self, place: u32) -> Key {
        let key = self.held[place as usize].take();
        let key = key.expect("a place that is known holds a key");
        self.weight -= key.weight();
        self.places.remove(&xxh3_128(&key.bytes));
        self.free.push(place);
        key
    }

    /// Changes a key; `change` returns by how much its weight grew.
    #[inline]
    pub(crate) fn change(&mut self, place: u32, change: impl FnOnce(&mut Key) -> isize) {
        let key = self.held[place as usize].as_mut();
        let key = key.expect("a place that is known holds a key");
        let before = key.due;
        let grown = change(key);
        self.weight = self.weight.saturating_add_signed(grown);
        let due = key.due;
        if due != before {
            self.remind(place, due);
        }
    }

    fn remind(&mut self, place: u32, due: i64) {
        if due != NEVER_MS {
            self.timers.entry(due).or_default().push(place);
            self.next = Some(self.next.map_or(due, |next| next.min(due)));
        }
    }

    /// Before this time nothing is due; none: nothing is.
    pub(crate) fn next_ms(&self) -> Option<i64> {
        self.next
    }

    /// The earliest time until which something is due, and the keys, by their bytes.
    #[inline]
    pub(crate) fn next_due(&mut self, until: i64) -> Option<(i64, Vec<u32>)> {
        while self.next.is_some_and(|next| next <= until) {
            let due = self.pop_due();
            if due.is_some() {
                return due;
            }
        }
        None
    }

    fn pop_due(&mut self) -> Option<(i64, Vec<u32>)> {
        let (time, mut places) = self.timers.pop_first()?;
        self.next = self.timers.first_key_value().map(|(time, _)| *time);
        let due = |place: &u32| self.held[*place as usize].as_ref().is_some_and(|key| key.due == time);
        places.retain(due);
        places.sort_unstable_by(|left, right| self.get(*left).bytes.cmp(&self.get(*right).bytes));
        places.dedup();
        (!places.is_empty()).then_some((time, places))
    }

    /// The key whose last record is the longest ago.
    pub(crate) fn oldest(&mut self) -> Option<u32> {
        loop {
            let Reverse((noted, place)) = self.ages.pop()?;
            match self.held[place as usize].as_ref().map(|key| key.touched) {
                Some(touched) if touched == noted => {
                    self.ages.push(Reverse((noted, place)));
                    return Some(place);
                }
                Some(touched) => self.ages.push(Reverse((touched, place))),
                None => {}
            }
        }
    }

    fn note_age(&mut self, touched: u64, place: u32) {
        if self.ages.len() > (self.places.len() + 1) * (STALE_PER_KEY + 1) {
            let held = self.held.iter().zip(0..);
            self.ages = held
                .filter_map(|(key, place)| Some(Reverse((key.as_ref()?.touched, place))))
                .collect();
        } else {
            self.ages.push(Reverse((touched, place)));
        }
    }

    /// By their bytes.
    pub(crate) fn sorted(&self) -> Vec<&Key> {
        let mut keys: Vec<&Key> = self.held.iter().flatten().collect();
        keys.sort_unstable_by(|left, right| left.bytes.cmp(&right.bytes));
        keys
    }

    /// All of them, the least recent first.
    pub(crate) fn into_keys(self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.held.into_iter().flatten().collect();
        keys.sort_unstable_by_key(|key| key.touched);
        keys
    }
}

/// A digest is a hash already.
#[derive(Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes
            .iter()
            .fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    #[inline]
    fn write_u128(&mut self, digest: u128) {
        self.0 = digest as u64;
    }
}

//! The keys of a state: found by their bytes, and in the order of their last records.

use crate::panes::{Key, NEVER_MS};
use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasherDefault, Hasher},
};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// No place: the end of the list.
const NONE: u32 = u32::MAX;

/// Keys, their order and what is due.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    places: HashMap<Box<[u8]>, u32, BuildHasherDefault<KeyHasher>>,
    held: Vec<Entry>,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
    /// Places by when they are due. A place whose key is due at another time by now is skipped.
    timers: BTreeMap<i64, Vec<u32>>,
    /// Of all keys.
    weight: usize,
}

#[derive(Debug, Clone)]
struct Entry {
    /// None: free.
    key: Option<Key>,
    older: u32,
    newer: u32,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            places: HashMap::default(),
            held: Vec::new(),
            free: Vec::new(),
            oldest: NONE,
            newest: NONE,
            timers: BTreeMap::new(),
            weight: 0,
        }
    }
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
        self.places.get(bytes).copied()
    }

    #[inline]
    pub(crate) fn get(&self, place: u32) -> &Key {
        let key = self.held[place as usize].key.as_ref();
        key.expect("a place that is known holds a key")
    }

    /// Takes in a key that is not held, as the newest.
    pub(crate) fn insert(&mut self, key: Key) -> u32 {
        self.weight += key.weight();
        let (bytes, due) = (key.bytes.clone(), key.due);
        let entry = Entry {
            key: Some(key),
            older: NONE,
            newer: NONE,
        };
        let place = if let Some(place) = self.free.pop() {
            self.held[place as usize] = entry;
            place
        } else {
            self.held.push(entry);
            self.held.len() as u32 - 1
        };
        self.places.insert(bytes, place);
        self.link_newest(place);
        self.remind(place, due);
        place
    }

    pub(crate) fn remove(&mut self, place: u32) -> Key {
        self.unlink(place);
        let key = self.held[place as usize]
            .key
            .take()
            .expect("a place that is known holds a key");
        self.weight -= key.weight();
        self.places.remove(&key.bytes);
        self.free.push(place);
        key
    }

    /// Changes a key; `change` returns by how much its weight grew.
    #[inline]
    pub(crate) fn change(&mut self, place: u32, change: impl FnOnce(&mut Key) -> isize) {
        let key = self.held[place as usize].key.as_mut();
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
        }
    }

    /// The earliest time until which something is due, and the keys, by their bytes.
    pub(crate) fn next_due(&mut self, until: i64) -> Option<(i64, Vec<u32>)> {
        loop {
            let first = self.timers.first_entry().filter(|entry| *entry.key() <= until)?;
            let (time, mut places) = first.remove_entry();
            let due = |place: &u32| {
                self.held[*place as usize]
                    .key
                    .as_ref()
                    .is_some_and(|key| key.due == time)
            };
            places.retain(due);
            places.sort_unstable_by(|left, right| self.get(*left).bytes.cmp(&self.get(*right).bytes));
            places.dedup();
            if !places.is_empty() {
                return Some((time, places));
            }
        }
    }

    /// A record came for it.
    #[inline]
    pub(crate) fn touch(&mut self, place: u32) {
        if self.newest != place {
            self.unlink(place);
            self.link_newest(place);
        }
    }

    pub(crate) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// By their bytes.
    pub(crate) fn sorted(&self) -> Vec<&Key> {
        let mut keys: Vec<&Key> = self.held.iter().filter_map(|entry| entry.key.as_ref()).collect();
        keys.sort_unstable_by(|left, right| left.bytes.cmp(&right.bytes));
        keys
    }

    /// All of them, the least recent first.
    pub(crate) fn into_keys(self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.held.into_iter().filter_map(|entry| entry.key).collect();
        keys.sort_unstable_by_key(|key| key.touched);
        keys
    }

    fn link_newest(&mut self, place: u32) {
        let before = self.newest;
        let entry = &mut self.held[place as usize];
        (entry.older, entry.newer) = (before, NONE);
        match before {
            NONE => self.oldest = place,
            before => self.held[before as usize].newer = place,
        }
        self.newest = place;
    }

    fn unlink(&mut self, place: u32) {
        let Entry { older, newer, .. } = self.held[place as usize];
        match older {
            NONE => self.oldest = newer,
            older => self.held[older as usize].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => self.held[newer as usize].older = older,
        }
    }
}

/// XXH3 of the bytes.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    /// The length, which the hash of the bytes holds already.
    #[inline]
    fn write_usize(&mut self, _: usize) {}
}

//! The open windows of a shard.

use crate::{
    accumulator::Position,
    fired::{Fired, HandOn},
    firing::Firing,
    grid,
    keys::{Keys, WARM},
    panes::{Key, Moment, Record},
    seal::SEAL_BYTES,
    session::Sessions,
    spec::{MAX_KEY_BYTES, Spec},
    watermark::{MAX_TIME_MS, MIN_TIME_MS, Watermark},
    window::Shape,
};
use std::sync::Arc;

/// Bytes of a shard's name.
pub const MAX_SHARD_BYTES: usize = 256;
/// Bytes of an encoded state beside its keys, at most: seal, name, position, ordinal, watermark, counters.
const STATE_BYTES: usize = SEAL_BYTES + MAX_SHARD_BYTES + 128;

/// What became of a record. Of those that are not `Added` nothing is kept but, unless said otherwise, their position: they are not
/// looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in its windows, of which one is open at least.
    Added,
    /// All its windows are closed.
    Late {
        /// By how long they had been.
        by_ms: i64,
        /// Since when: the end of the last one and the allowed lateness.
        closed_ms: i64,
    },
    /// Its event time is too far ahead of its arrival. The watermark does not follow it.
    Future {
        /// By how much it is ahead.
        ahead_ms: i64,
    },
    /// Its event time is none that is taken: [`MIN_TIME_MS`] to [`MAX_TIME_MS`].
    OutOfRange,
    /// Its key is longer than [`MAX_KEY_BYTES`].
    KeyTooLong,
    /// It, or one behind it, was here before: a batch that was delivered again.
    Seen,
    /// A fault of the caller: an input is missing, or has a value of another type. Its position is not kept.
    Untyped {
        /// Which input.
        input: usize,
    },
}

/// What had to go, to keep within the bounds, since the shard began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evicted {
    /// Keys.
    pub keys: u64,
    /// Firings of the kind `Evicted`.
    pub windows: u64,
}

/// The open windows of a shard: keys, slices and sessions, aggregates, watermark.
///
/// What it does hangs on the records and their order alone: every decision is taken a record at a time, none at the end of a
/// batch, and a state that was encoded and decoded in between goes on as if it had not been.
#[derive(Debug, Clone)]
pub struct State {
    pub(crate) spec: Arc<Spec>,
    pub(crate) shard: Arc<str>,
    pub(crate) watermark: Watermark,
    pub(crate) last: Option<Position>,
    /// Records that were added.
    pub(crate) ordinal: u64,
    pub(crate) evicted: Evicted,
    pub(crate) keys: Keys,
    pub(crate) fired: Fired,
}

impl State {
    /// Of a shard that begins. Of its name the first [`MAX_SHARD_BYTES`] count.
    pub fn new(spec: Arc<Spec>, shard: &str) -> Self {
        Self {
            spec,
            shard: shard[..shard.floor_char_boundary(MAX_SHARD_BYTES)].into(),
            watermark: Watermark::default(),
            last: None,
            ordinal: 0,
            evicted: Evicted::default(),
            keys: Keys::default(),
            fired: Fired::default(),
        }
    }

    /// Adds a record. Windows that are due with it fire: see [`Self::take_fired`].
    pub fn add(&mut self, record: &Record<'_>) -> Outcome {
        self.kept(|state, hand_on| state.add_one(record, hand_on))
    }

    fn add_one(&mut self, record: &Record<'_>, hand_on: HandOn<'_>) -> Outcome {
        if let Some(refused) = self.refuse(record) {
            return refused;
        }
        self.last = Some(record.position);
        let timing = self.spec.timing;
        let ahead_ms = record.event_ms.saturating_sub(record.arrival_ms);
        if ahead_ms > timing.max_ahead_ms {
            return Outcome::Future { ahead_ms };
        }
        if !(MIN_TIME_MS..=MAX_TIME_MS).contains(&record.event_ms) {
            return Outcome::OutOfRange;
        }
        if record.key.len() > MAX_KEY_BYTES {
            return Outcome::KeyTooLong;
        }
        let place = self.keys.find(record.key);
        if let Some(late) = self.late(place, record) {
            return late;
        }
        if self.watermark.known().is_none() {
            self.watermark.see(record.event_ms, timing);
        }
        self.ordinal += 1;
        self.put(place, record);
        self.watermark.see(record.event_ms, timing);
        self.pass(hand_on);
        self.bound(hand_on);
        Outcome::Added
    }

    /// Adds records, as [`Self::add`] does one after the other, tells what became of each, and hands on what fires. With more keys
    /// than fit in the processor's caches it is several times faster.
    pub fn add_all(&mut self, records: &[Record<'_>], mut told: impl FnMut(&Record<'_>, Outcome), hand_on: HandOn<'_>) {
        for records in records.chunks(WARM) {
            self.keys.warm(records.iter().map(|record| record.key));
            for record in records {
                told(record, self.add_one(record, hand_on));
            }
        }
        self.hand_on_rest(hand_on);
    }

    fn refuse(&self, record: &Record<'_>) -> Option<Outcome> {
        if self.last.is_some_and(|last| record.position <= last) {
            return Some(Outcome::Seen);
        }
        let inputs = self.spec.inputs.iter().enumerate();
        let mut wrong = inputs.filter(|(at, kind)| !record.values.get(*at).is_some_and(|value| value.fits(**kind)));
        wrong.next().map(|(input, _)| Outcome::Untyped { input })
    }

    fn late(&self, place: Option<u32>, record: &Record<'_>) -> Option<Outcome> {
        let watermark = self.watermark.time();
        let closed_ms = match self.spec.shape {
            Shape::Grid(grid) => grid::closed_at(&grid, &self.spec, record.event_ms),
            Shape::Session { gap, most } => {
                let key = place.map(|place| self.keys.get(place));
                if !(Sessions { gap, most }).late(key, &self.spec, record.event_ms, watermark) {
                    return None;
                }
                record.event_ms + gap + self.spec.timing.allowed_lateness_ms
            }
        };
        (closed_ms <= watermark).then(|| Outcome::Late {
            by_ms: watermark - closed_ms,
            closed_ms,
        })
    }

    fn put(&mut self, place: Option<u32>, record: &Record<'_>) {
        let ordinal = self.ordinal;
        let place = place.unwrap_or_else(|| self.keys.insert(Key::new(record.key, ordinal)));
        let (spec, watermark) = (&*self.spec, self.watermark.time());
        let mut moment = Moment {
            spec,
            shard: &self.shard,
            time: watermark,
            ordinal,
            out: &mut self.fired,
        };
        self.keys.change(place, |key| {
            key.touched = ordinal;
            match spec.shape {
                Shape::Grid(grid) => grid::add(key, &grid, spec, record, ordinal, watermark),
                Shape::Session { gap, most } => {
                    let before = key.weight();
                    Sessions { gap, most }.add(key, record, &mut moment);
                    key.weight() as isize - before as isize
                }
            }
        });
    }

    /// Fires all that is due up to the watermark: by the time at which it is due, then by key, then by begin.
    fn pass(&mut self, hand_on: HandOn<'_>) {
        while let Some((time, places)) = self.keys.next_due(self.watermark.time()) {
            for place in places {
                let mut moment = Moment {
                    spec: &self.spec,
                    shard: &self.shard,
                    time,
                    ordinal: self.ordinal,
                    out: &mut self.fired,
                };
                self.keys.change(place, |key| {
                    let before = key.fixed_weight();
                    let gone = match moment.spec.shape {
                        Shape::Grid(grid) => grid::pass(key, &grid, &mut moment),
                        Shape::Session { gap, most } => Sessions { gap, most }.pass(key, &mut moment),
                    };
                    key.fixed_weight() as isize - (before + gone) as isize
                });
                if self.keys.get(place).panes.is_empty() {
                    self.keys.remove(place);
                }
                self.fired.spill(hand_on);
            }
        }
    }

    /// Keys go, the one whose last record is the longest ago first, until the state is within its bounds.
    pub(crate) fn bound(&mut self, hand_on: HandOn<'_>) {
        while self.keys.len() > self.spec.bounds.keys || self.weight() > self.spec.bounds.bytes {
            let Some(place) = self.keys.oldest() else { return };
            let mut key = self.keys.remove(place);
            let before = self.fired.count();
            let mut moment = Moment {
                spec: &self.spec,
                shard: &self.shard,
                time: self.watermark.time(),
                ordinal: self.ordinal,
                out: &mut self.fired,
            };
            match moment.spec.shape {
                Shape::Grid(grid) => grid::evict(&mut key, &grid, &mut moment),
                Shape::Session { gap, most } => Sessions { gap, most }.evict(&mut key, &mut moment),
            }
            self.evicted.keys += 1;
            self.evicted.windows += self.fired.count() - before;
            self.fired.spill(hand_on);
        }
    }

    /// Moves the watermark on to an event time, as if a record had come that is as far ahead as that and the time that records
    /// may be out of order. It never goes back. What is called between which records is for the caller to remember: it is no
    /// part of the stream.
    pub fn advance(&mut self, to_ms: i64) {
        self.kept(|state, hand_on| state.advance_to(to_ms, hand_on));
    }

    fn advance_to(&mut self, to_ms: i64, hand_on: HandOn<'_>) {
        self.watermark.advance(to_ms.clamp(MIN_TIME_MS, MAX_TIME_MS));
        self.pass(hand_on);
        self.bound(hand_on);
    }

    /// Moves the watermark of a shard that gets no records on by the time of arrival up to which it had none: what comes later
    /// arrives later. What fires is handed on.
    pub fn idle_until(&mut self, arrival_ms: i64, hand_on: HandOn<'_>) {
        self.advance_to(arrival_ms.saturating_sub(self.spec.timing.out_of_order_ms), hand_on);
        self.hand_on_rest(hand_on);
    }

    /// Does what hands firings on, and keeps them to be taken.
    pub(crate) fn kept<T>(&mut self, work: impl FnOnce(&mut Self, HandOn<'_>) -> T) -> T {
        let mut pieces = Vec::new();
        let done = work(self, &mut |piece| pieces.extend(piece));
        if !pieces.is_empty() {
            self.fired.put_back(pieces);
        }
        done
    }

    fn hand_on_rest(&mut self, hand_on: HandOn<'_>) {
        let rest = self.fired.take();
        if !rest.is_empty() {
            hand_on(rest);
        }
    }

    /// Whether [`Self::idle_until`] with that time may make something fire. False: it does not.
    pub fn may_fire_by(&self, arrival_ms: i64) -> bool {
        let watermark_ms = arrival_ms.saturating_sub(self.spec.timing.out_of_order_ms);
        self.keys.next_ms().is_some_and(|next_ms| next_ms <= watermark_ms)
    }

    /// What has fired since this was last called, in order, and was not handed on. To be taken, and put where it belongs, before the
    /// state is encoded. A firing holds a copy of what is known of its window: there are as many as became due, which after a long
    /// pause is all that the state holds, as often as windows overlap. So [`Self::add_all`] and [`Self::idle_until`] hand them on a
    /// piece of [`PIECE_BYTES`](crate::PIECE_BYTES) at a time.
    pub fn take_fired(&mut self) -> Vec<Firing> {
        self.fired.take()
    }

    /// The spec.
    pub fn spec(&self) -> &Arc<Spec> {
        &self.spec
    }

    /// The shard's name.
    pub fn shard(&self) -> &str {
        &self.shard
    }

    /// The last record that was looked at: reading goes on behind it.
    pub fn last_position(&self) -> Option<Position> {
        self.last
    }

    /// Up to which event time no record is waited for. None: no record has come.
    pub fn watermark_ms(&self) -> Option<i64> {
        self.watermark.known()
    }

    /// Keys with open windows.
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// What had to go.
    pub fn evicted(&self) -> Evicted {
        self.evicted
    }

    /// Bytes that the encoded state has at most: what [`Bounds`](crate::Bounds) holds down.
    pub fn weight(&self) -> usize {
        STATE_BYTES + self.keys.weight()
    }
}

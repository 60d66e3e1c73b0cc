//! A state as bytes. The same state gives the same bytes: keys by their bytes, slices and sessions by their begin, times as the
//! distance from the one before.

use crate::{
    accumulator::Position,
    codec::{Reader, put, put_bytes, put_signed, put_wide},
    error::DecodeError,
    keys::Keys,
    panes::{Fired, Key, NEVER_MS, Pane},
    partial::Partial,
    seal,
    spec::{MAX_KEY_BYTES, MAX_KEYS, Spec},
    state::{Evicted, MAX_SHARD_BYTES, State},
    watermark::{MAX_TIME_MS, Watermark},
    window::MAX_PERIOD_MS,
};
use std::sync::Arc;

/// How the bytes of a state begin.
const MAGIC: &str = "WSST";
/// Of the bytes of a state.
const VERSION: u8 = 2;
/// How far a time in a state can be from 1970: windows reach beyond their records.
const FARTHEST_MS: i64 = 8 * MAX_TIME_MS;
/// Slices, sessions and fired windows of a key: its bytes bound them before.
const MOST: usize = u32::MAX as usize;

impl State {
    /// The state, in no more bytes than its bound. What has fired is not in it: take it first.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = seal::begin(MAGIC, VERSION, self.spec.state_fingerprint());
        put_bytes(&mut out, self.shard.as_bytes());
        out.push(u8::from(self.last.is_some()));
        if let Some(last) = self.last {
            put_wide(&mut out, last.high);
            put_wide(&mut out, last.sequence);
            put(&mut out, last.sub);
        }
        put(&mut out, self.ordinal);
        out.push(u8::from(self.watermark.known().is_some()));
        put_signed(&mut out, self.watermark.known().unwrap_or(0));
        put(&mut out, self.evicted.keys);
        put(&mut out, self.evicted.windows);
        put(&mut out, self.keys.len() as u64);
        for key in self.keys.sorted() {
            encode_key(key, self.ordinal, self.watermark.time(), &mut out);
        }
        seal::close(out)
    }

    /// What [`Self::encode`] wrote. Bounds may be narrower now: keys go then, and what they fired is to be taken.
    ///
    /// # Errors
    /// The bytes are something else, damaged, of another version, or written for another declaration of windows, lateness, early
    /// firings, inputs or aggregates.
    pub fn decode(spec: &Arc<Spec>, bytes: &[u8]) -> Result<Self, DecodeError> {
        let body = seal::open(bytes, "state", MAGIC, VERSION, spec.state_fingerprint())?;
        let mut input = Reader::new(body);
        let shard = std::str::from_utf8(input.get_bytes(MAX_SHARD_BYTES)?);
        let shard = shard.map_err(|_| DecodeError::Damaged("a shard's name is no text"))?;
        let mut state = Self::new(Arc::clone(spec), shard);
        if input.flag()? {
            state.last = Some(Position {
                high: input.get_wide()?,
                sequence: input.get_wide()?,
                sub: input.get()?,
            });
        }
        state.ordinal = input.get()?;
        let known = input.flag()?;
        let time = time(&mut input, 0)?;
        state.watermark = Watermark::of(known.then_some(time));
        state.evicted = Evicted {
            keys: input.get()?,
            windows: input.get()?,
        };
        let mut keys = Vec::new();
        for _ in 0..input.get_length(MAX_KEYS)? {
            let key = decode_key(spec, state.ordinal, state.watermark.time(), &mut input)?;
            if keys.last().is_some_and(|last: &Key| last.bytes >= key.bytes) {
                return Err(DecodeError::Damaged("keys are out of order"));
            }
            keys.push(key);
        }
        input.end()?;
        keys.sort_by_key(|key| key.touched);
        state.keys = Keys::default();
        for key in keys {
            state.keys.insert(key);
        }
        state.kept(Self::bound);
        Ok(state)
    }
}

fn encode_key(key: &Key, ordinal: u64, watermark: i64, out: &mut Vec<u8>) {
    put_bytes(out, &key.bytes);
    put(out, ordinal - key.touched);
    put(out, key.touched - key.born);
    put(out, u64::from(key.overdue) << 1 | u64::from(key.due != NEVER_MS));
    if key.due != NEVER_MS {
        put_signed(out, key.due - watermark);
    }
    put(out, key.panes.len() as u64);
    let mut before = watermark;
    for pane in &key.panes {
        put_signed(out, pane.start - before);
        put_signed(out, pane.last - pane.start);
        put(out, key.touched - pane.touched);
        put(out, pane.touched - pane.born);
        pane.partial.encode_bare(out);
        before = pane.start;
    }
    put(out, key.fired.len() as u64);
    let mut before = watermark;
    for fired in &key.fired {
        put_signed(out, fired.start - before);
        put(out, ordinal - fired.at);
        put(out, u64::from(fired.revision) << 1 | u64::from(fired.complete));
        before = fired.start;
    }
}

fn decode_key(spec: &Spec, ordinal: u64, watermark: i64, input: &mut Reader<'_>) -> Result<Key, DecodeError> {
    let bytes = input.get_bytes(MAX_KEY_BYTES)?;
    let touched = before(ordinal, input)?;
    let mut key = Key::new(bytes, before(touched, input)?);
    key.touched = touched;
    let flags = input.get()?;
    if flags > 3 {
        return Err(DecodeError::Damaged("a key has unknown flags"));
    }
    key.overdue = flags & 2 != 0;
    if flags & 1 != 0 {
        key.due = time(input, watermark)?;
    }
    let mut last = watermark;
    for at in 0..input.get_length(MOST)? {
        let start = time(input, last)?;
        let end = time(input, start)?;
        if (at > 0 && start <= last) || !(0..=MAX_PERIOD_MS).contains(&(end - start)) {
            return Err(DecodeError::Damaged("slices or sessions are out of order"));
        }
        let pane_touched = before(touched, input)?;
        key.panes.push(Pane {
            start,
            last: end,
            born: before(pane_touched, input)?,
            touched: pane_touched,
            partial: Partial::decode_bare(spec, input)?,
        });
        last = start;
    }
    let mut last = watermark;
    for at in 0..input.get_length(MOST)? {
        let start = time(input, last)?;
        if at > 0 && start <= last {
            return Err(DecodeError::Damaged("fired windows are out of order"));
        }
        let fired_at = before(ordinal, input)?;
        let revision = input.get()?;
        key.fired.push(Fired {
            start,
            at: fired_at,
            revision: u32::try_from(revision >> 1).map_err(|_| DecodeError::Damaged("a revision is too high"))?,
            complete: revision & 1 == 1,
        });
        last = start;
    }
    Ok(key)
}

/// An ordinal that is written as how far it is before another.
fn before(ordinal: u64, input: &mut Reader<'_>) -> Result<u64, DecodeError> {
    let distance = input.get()?;
    let at = ordinal.checked_sub(distance);
    at.ok_or(DecodeError::Damaged("an ordinal is before the first record"))
}

fn time(input: &mut Reader<'_>, from: i64) -> Result<i64, DecodeError> {
    let time = from.checked_add(input.get_signed()?);
    let time = time.filter(|time| (-FARTHEST_MS..=FARTHEST_MS).contains(time));
    time.ok_or(DecodeError::Damaged("a time is out of range"))
}

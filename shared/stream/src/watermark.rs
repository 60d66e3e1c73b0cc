//! How far event time has come in a shard.

use crate::spec::Timing;

/// The earliest event time that is taken, in milliseconds: as far from 1970 as JavaScript's dates reach.
pub const MIN_TIME_MS: i64 = -MAX_TIME_MS;
/// The latest event time that is taken, in milliseconds.
pub const MAX_TIME_MS: i64 = 8_640_000_000_000_000;
/// Before the first record: earlier than any window can close.
const BEFORE_MS: i64 = 4 * MIN_TIME_MS;

/// The watermark: no record with an event time before it is waited for. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watermark(i64);

impl Default for Watermark {
    fn default() -> Self {
        Self(BEFORE_MS)
    }
}

impl Watermark {
    #[inline]
    pub(crate) fn time(self) -> i64 {
        self.0
    }

    /// None: no record has come.
    pub(crate) fn known(self) -> Option<i64> {
        (self.0 > BEFORE_MS).then_some(self.0)
    }

    pub(crate) fn of(known: Option<i64>) -> Self {
        Self(known.unwrap_or(BEFORE_MS))
    }

    /// A record was seen.
    #[inline]
    pub(crate) fn see(&mut self, event_ms: i64, timing: Timing) {
        self.advance(event_ms - timing.out_of_order_ms);
    }

    #[inline]
    pub(crate) fn advance(&mut self, to_ms: i64) {
        self.0 = self.0.max(to_ms);
    }
}

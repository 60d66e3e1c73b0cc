//! Windows of a fixed size: a record is added once, to a slice; the slices of a window are merged when it fires (Li et al., "No
//! Pane, No Gain: Efficient Evaluation of Sliding-Window Aggregates over Data Streams", SIGMOD Record 34, 2005).

use crate::{
    firing::Kind,
    panes::{Key, Moment, NEVER_MS, Pane, Record},
    spec::Spec,
    window::{Grid, align},
};
use std::ops::Range;

/// When the last window that holds the time is closed.
#[inline]
pub(crate) fn closed_at(grid: &Grid, spec: &Spec, time: i64) -> i64 {
    grid.last_of(time) + grid.size + spec.timing.allowed_lateness_ms
}

/// Adds a record that is not late. The change of the key's weight.
#[inline]
pub(crate) fn add(key: &mut Key, grid: &Grid, spec: &Spec, record: &Record<'_>, ordinal: u64, watermark: i64) -> isize {
    let start = grid.slice_of(record.event_ms);
    // Most records come for the newest slices.
    let at = key.panes.iter().rposition(|pane| pane.start <= start);
    let mut grown = 0;
    let at = match at {
        Some(at) if key.panes[at].start == start => at,
        before => {
            let at = before.map_or(0, |before| before + 1);
            let pane = Pane::new(spec, start, ordinal);
            grown += pane.weight() as isize;
            key.panes.insert(at, pane);
            at
        }
    };
    grown += key.panes[at].add(spec, record, ordinal);
    schedule(key, grid, spec, start, watermark);
    grown
}

/// When something is to be done because of a record of the slice.
#[inline]
fn schedule(key: &mut Key, grid: &Grid, spec: &Spec, slice: i64, watermark: i64) {
    let first = grid.first_ending_after(slice);
    let tick = || align(watermark, spec.tick_ms(), 0) + spec.tick_ms();
    if watermark < first + grid.size {
        key.due = key.due.min(first + grid.size);
        if spec.timing.early_ms.is_some() {
            key.due = key.due.min(tick());
        }
        return;
    }
    // Windows whose end has passed are corrected with the next tick, or when they close.
    key.overdue = true;
    let lateness = spec.timing.allowed_lateness_ms;
    let open = first.max(grid.first_ending_after(watermark - lateness));
    key.due = key.due.min(tick()).min(open + grid.size + lateness);
    let running = first.max(grid.first_ending_after(watermark));
    if running <= grid.last_of(slice) {
        key.due = key.due.min(running + grid.size);
    }
}

/// Fires what is due at the moment, and forgets what is closed by then: of that the weight is returned.
pub(crate) fn pass(key: &mut Key, grid: &Grid, moment: &mut Moment<'_>) -> usize {
    let (time, spec) = (moment.time, moment.spec);
    let lateness = spec.timing.allowed_lateness_ms;
    let tick = spec.timing.early_ms.is_some_and(|early| align(time, early, 0) == time);
    // Windows that end now or later; those that ended and are not closed before now only if records came for them.
    let since = if key.overdue { time - lateness } else { time };
    each_window(key, grid, since - 1, |key, window, panes| {
        let complete = window.end <= time;
        if complete || tick {
            key.fire(window, panes, if complete { Kind::Final } else { Kind::Early }, moment);
        }
        complete || tick
    });
    key.overdue = false;
    let closed = key
        .panes
        .partition_point(|pane| closed_at(grid, spec, pane.start) <= time);
    let gone = key.panes.drain(..closed).map(|pane| pane.weight()).sum();
    key.fired.retain(|fired| fired.start + grid.size + lateness > time);
    key.due = next_due(key, grid, spec, time, tick);
    gone
}

/// Fires, for the last time, all windows that are not closed and have news.
pub(crate) fn evict(key: &mut Key, grid: &Grid, moment: &mut Moment<'_>) {
    let open = moment.time - moment.spec.timing.allowed_lateness_ms;
    each_window(key, grid, open, |key, window, panes| {
        key.fire(window, panes, Kind::Evicted, moment);
        true
    });
}

/// The windows that end after a time and hold something, by begin, until one returns false.
fn each_window(
    key: &mut Key,
    grid: &Grid,
    after: i64,
    mut each: impl FnMut(&mut Key, Range<i64>, Range<usize>) -> bool,
) {
    let Some(first) = key.panes.first() else { return };
    let mut start = grid.first_ending_after(first.start.max(after));
    loop {
        let from = key.panes.partition_point(|pane| pane.start < start);
        let Some(pane) = key.panes.get(from) else { return };
        let end = start + grid.size;
        if pane.start >= end {
            start = grid.first_ending_after(pane.start);
            continue;
        }
        let to = from + key.panes[from..].partition_point(|pane| pane.start < end);
        if !each(key, start..end, from..to) {
            return;
        }
        start += grid.slide;
    }
}

fn next_due(key: &Key, grid: &Grid, spec: &Spec, time: i64, tick: bool) -> i64 {
    let Some(first) = key.panes.first() else {
        return NEVER_MS;
    };
    let mut due = closed_at(grid, spec, first.start);
    let running = key
        .panes
        .iter()
        .find(|pane| grid.last_of(pane.start) + grid.size > time);
    if let Some(pane) = running {
        due = due.min(grid.first_ending_after(pane.start.max(time)) + grid.size);
        if let (Some(early), false) = (spec.timing.early_ms, tick) {
            due = due.min(align(time, early, 0) + early);
        }
    }
    due
}

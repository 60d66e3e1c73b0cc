//! Sessions: windows that records make, a key's own.

use crate::{
    firing::Kind,
    panes::{Key, Moment, NEVER_MS, Pane, Record},
    spec::Spec,
    window::align,
};

/// Gap and longest session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sessions {
    pub(crate) gap: i64,
    pub(crate) most: i64,
}

/// Where a record, or a session, belongs.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    /// In this session, which may become longer.
    In(usize),
    /// In this one and the one behind it, which it makes one.
    Bridge(usize),
    /// In one of its own, at this place.
    Own(usize),
}

impl Sessions {
    fn place(self, key: &Key, first: i64, last: i64) -> Place {
        let next = key.panes.partition_point(|pane| pane.start <= first);
        let left = next.checked_sub(1).filter(|at| first - key.panes[*at].last < self.gap);
        let right = key.panes.get(next).filter(|pane| pane.start - last < self.gap);
        let span = |start: i64, end: i64| end - start <= self.most;
        // Two sessions never begin at the same time.
        let left = left.filter(|at| {
            let pane = &key.panes[*at];
            pane.start == first || span(pane.start, last.max(pane.last))
        });
        match (left, right) {
            (Some(left), Some(right)) if span(key.panes[left].start, last.max(right.last)) => Place::Bridge(left),
            (Some(left), _) => Place::In(left),
            (None, Some(right)) if span(first, last.max(right.last)) => Place::In(next),
            _ => Place::Own(next),
        }
    }

    /// Whether a record belongs to no session that is open, and the one that it would begin is closed.
    pub(crate) fn late(self, key: Option<&Key>, spec: &Spec, event_ms: i64, watermark: i64) -> bool {
        let closed = event_ms + self.gap + spec.timing.allowed_lateness_ms <= watermark;
        closed && key.is_none_or(|key| matches!(self.place(key, event_ms, event_ms), Place::Own(_)))
    }

    /// Adds a record that is not late.
    pub(crate) fn add(self, key: &mut Key, record: &Record<'_>, moment: &mut Moment<'_>) {
        let event_ms = record.event_ms;
        let at = self.room(key, event_ms, event_ms, moment);
        key.panes[at].add(moment.spec, record, moment.ordinal);
        let due = self.due(key.panes[at].last, false, moment);
        key.due = key.due.min(due);
    }

    /// Takes a session of another state in. Nothing of it has fired.
    pub(crate) fn adopt(self, key: &mut Key, pane: &Pane, moment: &mut Moment<'_>) {
        let at = self.room(key, pane.start, pane.last, moment);
        key.panes[at].touched = key.panes[at].touched.max(pane.touched);
        key.panes[at].partial.merge(moment.spec, &pane.partial);
    }

    /// The session that is to hold this span; what was fired of sessions that begin elsewhere now is voided.
    fn room(self, key: &mut Key, first: i64, last: i64, moment: &mut Moment<'_>) -> usize {
        match self.place(key, first, last) {
            Place::Own(at) => {
                let mut pane = Pane::new(moment.spec, first, moment.ordinal);
                pane.last = last;
                key.panes.insert(at, pane);
                at
            }
            Place::In(at) => {
                self.stretch(key, at, first, last, moment);
                at
            }
            Place::Bridge(at) => {
                let right = key.panes.remove(at + 1);
                key.retract(right.start..right.last + self.gap, right.born, moment);
                self.stretch(key, at, first, last.max(right.last), moment);
                let left = &mut key.panes[at];
                left.partial.merge(moment.spec, &right.partial);
                left.touched = left.touched.max(right.touched);
                at
            }
        }
    }

    fn stretch(self, key: &mut Key, at: usize, first: i64, last: i64, moment: &mut Moment<'_>) {
        let Pane {
            start, last: end, born, ..
        } = key.panes[at];
        if first < start {
            key.retract(start..end + self.gap, born, moment);
            (key.panes[at].start, key.panes[at].born) = (first, moment.ordinal);
        }
        key.panes[at].last = end.max(last);
    }

    /// When something is to be done next for a session with this last record.
    fn due(self, last: i64, fired: bool, moment: &Moment<'_>) -> i64 {
        let (spec, time) = (moment.spec, moment.time);
        let (end, closed) = (last + self.gap, last + self.gap + spec.timing.allowed_lateness_ms);
        let tick = align(time, spec.tick_ms(), 0) + spec.tick_ms();
        match (time < end, spec.timing.early_ms.is_some() && !fired) {
            (true, true) => end.min(tick),
            (true, false) => end,
            (false, _) if fired => closed,
            (false, _) => closed.min(tick),
        }
    }

    /// Fires what is due at the moment, and forgets what is closed by then: of that the weight is returned.
    pub(crate) fn pass(self, key: &mut Key, moment: &mut Moment<'_>) -> usize {
        let (time, spec) = (moment.time, moment.spec);
        let tick = spec.timing.early_ms.is_some_and(|early| align(time, early, 0) == time);
        for at in 0..key.panes.len() {
            let window = key.panes[at].start..key.panes[at].last + self.gap;
            let complete = window.end <= time;
            if complete || tick {
                key.fire(
                    window,
                    at..at + 1,
                    if complete { Kind::Final } else { Kind::Early },
                    moment,
                );
            }
        }
        key.overdue = false;
        let closed = |pane: &Pane| pane.last + self.gap + spec.timing.allowed_lateness_ms <= time;
        let gone: Vec<Pane> = key.panes.extract_if(.., |pane| closed(pane)).collect();
        let starts = |start: i64| gone.binary_search_by_key(&start, |pane| pane.start);
        key.fired.retain(|fired| starts(fired.start).is_err());
        let dues = key.panes.iter().map(|pane| {
            // What ended has fired; what has not is to fire with the next tick if this was none.
            self.due(pane.last, tick || pane.last + self.gap <= time, moment)
        });
        key.due = dues.min().unwrap_or(NEVER_MS);
        gone.iter().map(Pane::weight).sum()
    }

    /// Fires, for the last time, all sessions that have news.
    pub(crate) fn evict(self, key: &mut Key, moment: &mut Moment<'_>) {
        for at in 0..key.panes.len() {
            let window = key.panes[at].start..key.panes[at].last + self.gap;
            key.fire(window, at..at + 1, Kind::Evicted, moment);
        }
    }
}

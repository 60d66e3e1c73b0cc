//! What is held of one key.

use crate::{
    accumulator::Position,
    codec::MAX_VARINT_BYTES,
    fired::Fired as Out,
    firing::{Firing, Kind, Origin},
    partial::Partial,
    spec::Spec,
    value::Value,
    window::Shape,
};
use std::{ops::Range, sync::Arc};

/// Bytes of a pane beside its partial result, at most.
const PANE_BYTES: usize = 4 * MAX_VARINT_BYTES;
/// Bytes of what is noted of a window that has fired, at most.
const FIRED_BYTES: usize = 4 * MAX_VARINT_BYTES;
/// Bytes of a key beside its text, panes and firings, at most.
const KEY_BYTES: usize = 6 * MAX_VARINT_BYTES;
/// No time: nothing is due.
pub(crate) const NEVER_MS: i64 = i64::MAX;

/// A slice of a key's windows, or one of its sessions.
#[derive(Debug, Clone)]
pub(crate) struct Pane {
    /// Begin of the slice; of a session its first record.
    pub(crate) start: i64,
    /// Of a session its last record; of a slice its begin.
    pub(crate) last: i64,
    /// Of a session the record that gave it its begin: its ordinal. Another session can have begun there before, and be closed.
    pub(crate) born: u64,
    /// The record that came last: its ordinal.
    pub(crate) touched: u64,
    pub(crate) partial: Partial,
}

/// A window that has fired and may fire again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fired {
    pub(crate) start: i64,
    /// Of the last firing.
    pub(crate) revision: u32,
    /// The last record that came before the last firing: its ordinal.
    pub(crate) at: u64,
    /// It has fired with its end or behind it.
    pub(crate) complete: bool,
}

/// A key's state.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) bytes: Box<[u8]>,
    /// The record that began it: its ordinal.
    pub(crate) born: u64,
    /// The record that came last: its ordinal.
    pub(crate) touched: u64,
    /// The event time at which something is to be done next.
    pub(crate) due: i64,
    /// Records came for windows whose end has passed.
    pub(crate) overdue: bool,
    /// By begin.
    pub(crate) panes: Vec<Pane>,
    /// By begin.
    pub(crate) fired: Vec<Fired>,
}

/// What is common to all that happens at one moment.
pub(crate) struct Moment<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) shard: &'a Arc<str>,
    /// Event time.
    pub(crate) time: i64,
    /// The last record: its ordinal.
    pub(crate) ordinal: u64,
    pub(crate) out: &'a mut Out,
}

impl Pane {
    pub(crate) fn new(spec: &Spec, start: i64, born: u64) -> Self {
        Self {
            start,
            last: start,
            born,
            touched: born,
            partial: Partial::new(spec),
        }
    }

    pub(crate) fn weight(&self) -> usize {
        PANE_BYTES + self.partial.weight()
    }

    /// The change of its weight.
    #[inline]
    pub(crate) fn add(&mut self, spec: &Spec, record: &Record<'_>, ordinal: u64) -> isize {
        self.touched = ordinal;
        self.partial.add(spec, record.values, record.event_ms, record.position)
    }
}

impl Key {
    pub(crate) fn new(bytes: &[u8], born: u64) -> Self {
        Self {
            bytes: bytes.into(),
            born,
            touched: born,
            due: NEVER_MS,
            overdue: false,
            panes: Vec::new(),
            fired: Vec::new(),
        }
    }

    /// Encoded it has no more bytes.
    pub(crate) fn weight(&self) -> usize {
        self.fixed_weight() + self.panes.iter().map(Pane::weight).sum::<usize>()
    }

    /// Without its panes.
    pub(crate) fn fixed_weight(&self) -> usize {
        KEY_BYTES + self.bytes.len() + FIRED_BYTES * self.fired.len()
    }

    pub(crate) fn fired_at(&self, start: i64) -> Result<usize, usize> {
        self.fired.binary_search_by_key(&start, |fired| fired.start)
    }

    /// Fires the window of these panes if there is news: another record, or its end.
    pub(crate) fn fire(&mut self, window: Range<i64>, panes: Range<usize>, kind: Kind, moment: &mut Moment<'_>) {
        let panes = &self.panes[panes];
        let touched = panes.iter().map(|pane| pane.touched).max().unwrap_or(0);
        let at = self.fired_at(window.start);
        let before = at.ok().map(|at| self.fired[at]);
        let complete = kind != Kind::Early;
        let ended = before.is_some_and(|before| before.complete);
        let news = match (before, kind) {
            (None, _) => true,
            (Some(before), Kind::Final) => before.at < touched || !ended,
            (Some(before), _) => before.at < touched,
        };
        let [first, others @ ..] = panes else { return };
        if !news {
            return;
        }
        // A session that goes on after its end has no more ends: each firing corrects the final one.
        let kind = match kind {
            Kind::Early | Kind::Final if ended => Kind::Correction,
            other => other,
        };
        let mut partial = first.partial.clone();
        for pane in others {
            partial.merge(moment.spec, &pane.partial);
        }
        let revision = before.map_or(0, |before| before.revision.saturating_add(1));
        let fired = Fired {
            start: window.start,
            revision,
            at: moment.ordinal,
            complete: complete || ended,
        };
        let born = match moment.spec.shape {
            Shape::Grid(_) => self.born,
            Shape::Session { .. } => first.born,
        };
        self.tell(window, kind, (born, revision), partial, moment);
        match at {
            Ok(at) => self.fired[at] = fired,
            Err(at) => self.fired.insert(at, fired),
        }
    }

    /// Voids what was fired of the window with this origin, if anything was.
    pub(crate) fn retract(&mut self, window: Range<i64>, born: u64, moment: &mut Moment<'_>) {
        if let Ok(at) = self.fired_at(window.start) {
            let revision = self.fired.remove(at).revision.saturating_add(1);
            self.tell(
                window,
                Kind::Retracted,
                (born, revision),
                Partial::new(moment.spec),
                moment,
            );
        }
    }

    fn tell(
        &self,
        window: Range<i64>,
        kind: Kind,
        (born, revision): (u64, u32),
        partial: Partial,
        moment: &mut Moment<'_>,
    ) {
        moment.out.push(Firing {
            key: self.bytes.clone(),
            start_ms: window.start,
            end_ms: window.end,
            kind,
            revision,
            origin: Origin {
                shard: Arc::clone(moment.shard),
                born,
            },
            due_ms: moment.time,
            partial,
        });
    }
}

/// A record, decoded.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Where it stands in its shard.
    pub position: Position,
    /// When the stream got it, in milliseconds (Kinesis: `ApproximateArrivalTimestamp`).
    pub arrival_ms: i64,
    /// When it happened, in milliseconds.
    pub event_ms: i64,
    /// What it is grouped by, as the caller encodes it; up to [`MAX_KEY_BYTES`](crate::MAX_KEY_BYTES) bytes.
    pub key: &'a [u8],
    /// A value for each input.
    pub values: &'a [Value<'a>],
}

//! A shard that takes over what others left: after a split or a merge.
//!
//! A key's windows may hold records of both halves of a shard that was split, if keys are not what the stream is partitioned by.
//! So the *whole* of a key's state goes to *one* child: the one whose hash range holds the hash of the key itself. Each key
//! lies in one range, so none is lost and none doubled; what the other child gets for the key later is another origin's part of
//! the window, and parts are put together downstream ([`Merger`](crate::Merger)) as they are for shards that never split.

use crate::{
    panes::{Key, Moment, Pane},
    session::Sessions,
    spec::Spec,
    state::State,
    window::Shape,
};
use std::{collections::BTreeMap, sync::Arc};

impl State {
    /// The state of a child shard: of the parents' keys those that it owns. `owns` is told the key and must say yes in exactly
    /// one of all children: for Kinesis, whether the child's hash range holds the MD5 of the key.
    ///
    /// Parents are read to their end before the child begins (as Kinesis wants it). The watermark is that of the parent that is
    /// farthest on: that of one shard that had got all their records. What is due by then fires as the parents'. What parents
    /// have fired of windows that are still open is retracted and fires again as the child's, when event time goes on. All this
    /// is in [`Self::take_fired`]. Parents that have fired what was not taken have it here again.
    pub fn inherit(spec: &Arc<Spec>, shard: &str, parents: Vec<State>, owns: impl Fn(&[u8]) -> bool) -> Self {
        let mut child = Self::new(Arc::clone(spec), shard);
        let farthest = parents.iter().filter_map(Self::watermark_ms).max();
        let mut keys = BTreeMap::<Box<[u8]>, Vec<Key>>::new();
        for mut parent in parents {
            child.fired.append(&mut parent.fired);
            parent.keep(&owns);
            if let Some(farthest) = farthest {
                parent.advance(farthest);
                child.watermark.advance(farthest);
            }
            child.fired.append(&mut parent.fired);
            let (shard, ordinal) = (Arc::clone(&parent.shard), parent.ordinal);
            for mut key in parent.keys.into_keys() {
                let mut moment = Moment {
                    spec,
                    shard: &shard,
                    time: child.watermark.time(),
                    ordinal,
                    out: &mut child.fired,
                };
                void(&mut key, &mut moment);
                keys.entry(key.bytes.clone()).or_default().push(key);
            }
        }
        // The least recent first: by how many records came since, in any of the parents.
        let mut keys: Vec<Vec<Key>> = keys.into_values().collect();
        keys.sort_by_key(|parts| parts.iter().map(|key| key.touched).max());
        for parts in keys {
            child.adopt(parts);
        }
        child.kept(Self::bound);
        child
    }

    fn keep(&mut self, owns: impl Fn(&[u8]) -> bool) {
        let others: Vec<Box<[u8]>> = self.keys.sorted().iter().map(|key| key.bytes.clone()).collect();
        for key in others.iter().filter(|key| !owns(key)) {
            if let Some(place) = self.keys.find(key) {
                self.keys.remove(place);
            }
        }
    }

    /// One key, of one or more parents.
    fn adopt(&mut self, parts: Vec<Key>) {
        self.ordinal += 1;
        let Some(mut key) = parts.first().map(|first| Key::new(&first.bytes, self.ordinal)) else {
            return;
        };
        let mut panes: Vec<Pane> = parts.into_iter().flat_map(|part| part.panes).collect();
        panes.sort_by_key(|pane| (pane.start, pane.last));
        let mut moment = Moment {
            spec: &self.spec,
            shard: &self.shard,
            time: self.watermark.time(),
            ordinal: self.ordinal,
            out: &mut self.fired,
        };
        for pane in &mut panes {
            (pane.touched, pane.born) = (self.ordinal, self.ordinal);
            match (moment.spec.shape, key.panes.last_mut()) {
                (Shape::Session { gap, most }, _) => Sessions { gap, most }.adopt(&mut key, pane, &mut moment),
                (Shape::Grid(_), Some(last)) if last.start == pane.start => {
                    last.partial.merge(&self.spec, &pane.partial);
                }
                (Shape::Grid(_), _) => key.panes.push(pane.clone()),
            }
        }
        // What is due by now fires as soon as event time goes on: all of it is news of this origin.
        key.overdue = true;
        key.due = self.watermark.time() + 1;
        self.keys.insert(key);
    }
}

/// What was fired of windows that are still open is void from now on. What was fired of closed ones holds.
fn void(key: &mut Key, moment: &mut Moment<'_>) {
    for fired in key.fired.clone() {
        let (end, born) = fired_as(key, fired.start, moment.spec);
        if end + moment.spec.timing.allowed_lateness_ms > moment.time {
            key.retract(fired.start..end, born, moment);
        }
    }
}

/// End and origin of a window that has fired.
fn fired_as(key: &Key, start: i64, spec: &Spec) -> (i64, u64) {
    match spec.shape {
        Shape::Grid(grid) => (start + grid.size, key.born),
        Shape::Session { gap, .. } => {
            let session = key.panes.iter().find(|pane| pane.start == start);
            session.map_or((start, key.born), |pane| (pane.last + gap, pane.born))
        }
    }
}

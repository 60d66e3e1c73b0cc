//! Parts of windows from several shards, put together.

use crate::{
    firing::{Firing, Kind, Origin},
    partial::Partial,
    spec::Spec,
};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

/// Takes firings in any order, any of them twice, and says what the windows hold: the highest revision of each origin, merged
/// over the origins. Nothing hangs on the order in which they come.
#[derive(Debug, Clone)]
pub struct Merger {
    spec: Arc<Spec>,
    windows: BTreeMap<(i64, Box<[u8]>), Parts>,
}

type Parts = BTreeMap<Origin, Part>;

#[derive(Debug, Clone)]
struct Part {
    revision: u32,
    end_ms: i64,
    /// None: retracted.
    partial: Option<Partial>,
}

/// A window over all its origins.
#[derive(Debug, Clone, PartialEq)]
pub struct Combined {
    /// The key.
    pub key: Box<[u8]>,
    /// Begin of the window.
    pub start_ms: i64,
    /// Its end; of a session the latest that an origin knows.
    pub end_ms: i64,
    /// All that is known of it.
    pub partial: Partial,
}

impl Merger {
    /// Of no window.
    pub fn new(spec: Arc<Spec>) -> Self {
        Self {
            spec,
            windows: BTreeMap::new(),
        }
    }

    /// Takes a firing, of a state or as read from a table. A revision that is known or older changes nothing.
    pub fn push(&mut self, firing: Firing) {
        let part = Part {
            revision: firing.revision,
            end_ms: firing.end_ms,
            partial: (firing.kind != Kind::Retracted).then_some(firing.partial),
        };
        let origins = self.windows.entry((firing.start_ms, firing.key)).or_default();
        match origins.entry(firing.origin) {
            Entry::Vacant(entry) => {
                entry.insert(part);
            }
            Entry::Occupied(mut entry) if entry.get().revision < part.revision => {
                entry.insert(part);
            }
            Entry::Occupied(_) => {}
        }
    }

    /// The windows by begin and key; those whose every part was retracted are none.
    pub fn windows(&self) -> impl Iterator<Item = Combined> + '_ {
        self.windows.iter().filter_map(|((start_ms, key), origins)| {
            let mut parts = origins
                .values()
                .filter_map(|part| Some((part.end_ms, part.partial.as_ref()?)));
            let (mut end_ms, first) = parts.next()?;
            let mut partial = first.clone();
            for (end, other) in parts {
                end_ms = end_ms.max(end);
                partial.merge(&self.spec, other);
            }
            Some(Combined {
                key: key.clone(),
                start_ms: *start_ms,
                end_ms,
                partial,
            })
        })
    }
}

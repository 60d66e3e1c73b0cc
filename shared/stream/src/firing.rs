//! What windows give.

use crate::partial::Partial;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

/// Why a window fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Before its end: what is known so far.
    Early,
    /// The watermark has passed its end.
    Final,
    /// Records came after that, within the allowed lateness.
    Correction,
    /// Its key had to go, to keep the state within its bound. What comes later for the window has another origin.
    Evicted,
    /// What this origin has fired for the window is void: a session became part of another one, or a child shard took the
    /// window over. Its partial result is empty.
    Retracted,
}

/// The stay of a key in the state of a shard, or a session there. A window's records are the sum over its origins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The shard.
    pub shard: Arc<str>,
    /// Which record of the shard's began it.
    pub born: u64,
}

/// A window that has fired.
#[derive(Debug, Clone, PartialEq)]
pub struct Firing {
    /// The key.
    pub key: Box<[u8]>,
    /// Begin of the window; of a session its first record.
    pub start_ms: i64,
    /// End of the window, which does not belong to it; of a session its last record and the gap.
    pub end_ms: i64,
    /// Why.
    pub kind: Kind,
    /// 0, 1, … for the same id: the highest holds, and holds all that lower ones do.
    pub revision: u32,
    /// Whose part of the window it is.
    pub origin: Origin,
    /// The event time at which it was due.
    pub due_ms: i64,
    /// What is known of the window.
    pub partial: Partial,
}

impl Firing {
    /// The same for all revisions of one origin's part of a window, and for nothing else of a table: rows are replaced by it.
    pub fn id(&self) -> u128 {
        let shard = self.origin.shard.as_bytes();
        let mut text = Vec::with_capacity(24 + shard.len() + self.key.len());
        text.extend_from_slice(&self.start_ms.to_le_bytes());
        text.extend_from_slice(&self.origin.born.to_le_bytes());
        text.extend_from_slice(&(shard.len() as u64).to_le_bytes());
        text.extend_from_slice(shard);
        text.extend_from_slice(&self.key);
        xxh3_128(&text)
    }
}

//! Shards that an instance has worked on, so that it need not read their checkpoints again.

use crate::shard::Shard;
use std::collections::VecDeque;

/// Shards at most, and bytes of their states together: those that were worked on least recently go.
const MAX_SHARDS: usize = 16;
const MAX_BYTES: usize = 128 * 1024 * 1024;

/// Shards as their checkpoints have them.
#[derive(Default)]
pub struct Warm {
    /// The one that was worked on last comes last.
    shards: VecDeque<Shard>,
}

impl Warm {
    /// Takes a shard out, if it is there as the checkpoint with that entity tag has it. Whoever works on it puts it back when all went well.
    pub fn take(&mut self, stream: &str, shard: &str, etag: &str) -> Option<Shard> {
        let at = self.position(stream, shard)?;
        self.shards
            .remove(at)
            .filter(|known| known.etag.as_deref() == Some(etag))
    }

    /// Whether the shard is there, in whatever state.
    pub fn knows(&self, stream: &str, shard: &str) -> bool {
        self.position(stream, shard).is_some()
    }

    fn position(&self, stream: &str, shard: &str) -> Option<usize> {
        let mut known = self.shards.iter();
        known.position(|known| known.head.stream == stream && known.head.shard == shard)
    }

    /// Keeps a shard.
    pub fn put(&mut self, shard: Shard) {
        self.shards.push_back(shard);
        let mut bytes: usize = self.shards.iter().map(Shard::weight).sum();
        while self.shards.len() > MAX_SHARDS || bytes > MAX_BYTES {
            let Some(gone) = self.shards.pop_front() else { return };
            bytes -= gone.weight();
        }
    }
}

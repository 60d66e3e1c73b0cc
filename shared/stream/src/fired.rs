//! What has fired and was not taken yet.

use crate::firing::Firing;

/// Bytes of firings, encoded, of which a piece is handed on.
pub const PIECE_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of a firing beside its key and what is known of its window, about.
const FIRING_BYTES: usize = 128;

/// Gets firings a piece at a time, in order.
pub type HandOn<'a> = &'a mut dyn FnMut(Vec<Firing>);

/// Firings, and how much they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fired {
    firings: Vec<Firing>,
    bytes: usize,
    /// Since the beginning.
    count: u64,
}

impl Fired {
    pub(crate) fn push(&mut self, firing: Firing) {
        self.bytes += FIRING_BYTES + firing.key.len() + firing.partial.weight();
        self.count += 1;
        self.firings.push(firing);
    }

    /// All of them, which are gone here.
    pub(crate) fn take(&mut self) -> Vec<Firing> {
        self.bytes = 0;
        std::mem::take(&mut self.firings)
    }

    /// What another one has, behind its own.
    pub(crate) fn append(&mut self, other: &mut Self) {
        for firing in other.take() {
            self.push(firing);
        }
    }

    /// Puts firings back in front of what came since.
    pub(crate) fn put_back(&mut self, firings: Vec<Firing>) {
        let since = self.take();
        self.count -= (firings.len() + since.len()) as u64;
        for firing in firings.into_iter().chain(since) {
            self.push(firing);
        }
    }

    /// Hands them on if they are a piece.
    pub(crate) fn spill(&mut self, hand_on: HandOn<'_>) {
        if self.bytes >= PIECE_BYTES {
            hand_on(self.take());
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }
}

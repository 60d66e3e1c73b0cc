//! How well a row is foretold by the two before it: the length of its code, of symbols that are whole deviations from the level.

use crate::{
    maths::ln,
    state::{Damage, Reader, Writer},
};

/// Symbols.
const SYMBOLS: usize = 8;
/// Of a symbol that never followed, in rows.
const UNSEEN: f64 = 0.5;

#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// How often a symbol followed two others; all of a context are halved when one is full.
    follows: [u8; SYMBOLS * SYMBOLS * SYMBOLS],
    last: [u8; 2],
    /// Mean length of the recent codes.
    nats: f64,
}

impl Sequence {
    pub fn new() -> Self {
        Self {
            follows: [0; SYMBOLS * SYMBOLS * SYMBOLS],
            last: [0; 2],
            nats: 0.0,
        }
    }

    /// Mean code length of the recent rows, in nats, with a row that is so many deviations away from the level.
    pub fn observe(&mut self, deviations: f64, rate: f64) -> f64 {
        let middle = (SYMBOLS / 2) as f64;
        // Between two symbols lies half a deviation, not none: around the level nothing flickers.
        let symbol = (deviations + middle + 0.5).clamp(0.0, (SYMBOLS - 1) as f64) as u8;
        let context = usize::from(self.last[0]) * SYMBOLS + usize::from(self.last[1]);
        let follows = &mut self.follows[context * SYMBOLS..(context + 1) * SYMBOLS];
        let total: u32 = follows.iter().map(|count| u32::from(*count)).sum();
        let here = &mut follows[usize::from(symbol)];
        let share = (f64::from(*here) + UNSEEN) / (f64::from(total) + UNSEEN * SYMBOLS as f64);
        *here += 1;
        if *here == u8::MAX {
            for count in follows {
                *count /= 2;
            }
        }
        self.last = [self.last[1], symbol];
        self.nats += (-ln(share) - self.nats) * rate;
        self.nats
    }

    pub fn write(&self, to: &mut Writer) {
        to.sparse_u8(&self.follows);
        self.last.iter().for_each(|symbol| to.u8(*symbol));
        to.f64(self.nats);
    }

    pub fn read(from: &mut Reader) -> Result<Self, Damage> {
        let follows: [u8; SYMBOLS * SYMBOLS * SYMBOLS] = from.sparse_u8()?;
        let last = [from.u8()?, from.u8()?];
        // A full count would have been halved, and would overflow.
        if follows.contains(&u8::MAX) || last.iter().any(|symbol| usize::from(*symbol) >= SYMBOLS) {
            return Err(Damage);
        }
        Ok(Self {
            follows,
            last,
            nats: from.f64()?,
        })
    }
}

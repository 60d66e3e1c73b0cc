//! How far a series moves from one row to the next: in this row, lately, and in the long run.

use crate::{
    level::Deviation,
    maths::ln,
    state::{Damage, Reader, Writer},
};

#[derive(Debug, Clone, PartialEq)]
pub struct Steps {
    last: f64,
    recent: Deviation,
    long: Deviation,
}

/// One row's step.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The row before.
    pub last: f64,
    /// Size of a usual step.
    pub usual: f64,
    /// Mean size of the recent steps.
    pub recent: f64,
    /// This step's size, in usual steps.
    pub jump: f64,
    /// Logarithm of the recent steps' size over the usual one's, without sign.
    pub spread: f64,
}

impl Steps {
    /// At the first value.
    pub fn new(value: f64) -> Self {
        Self {
            last: value,
            recent: Deviation::new(),
            long: Deviation::new(),
        }
    }

    pub fn observe(&mut self, value: f64, floor: f64, clip_steps: f64, recent_rate: f64, long_rate: f64) -> Step {
        let (last, usual) = (self.last, self.long.above(floor));
        let size = (value - last).abs();
        self.last = value;
        self.recent.observe(size, clip_steps * usual, recent_rate);
        self.long.observe(size, clip_steps * usual, long_rate);
        let recent = self.recent.above(floor);
        Step {
            last,
            usual,
            recent,
            jump: size / usual,
            spread: ln(recent / self.long.above(floor)).abs(),
        }
    }

    pub fn write(&self, to: &mut Writer) {
        to.f64(self.last);
        self.recent.write(to);
        self.long.write(to);
    }

    pub fn read(from: &mut Reader) -> Result<Self, Damage> {
        Ok(Self {
            last: from.f64()?,
            recent: Deviation::read(from)?,
            long: Deviation::read(from)?,
        })
    }
}

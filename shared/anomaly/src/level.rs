//! Where a series is, and how far it strays: a mean and a mean absolute deviation that forget, and that an outlier hardly moves.

use crate::state::{Damage, Reader, Writer};

/// Rows at the beginning which count in full: nothing says yet what an outlier is.
const TRUSTING_ROWS: u64 = 10;

/// A mean absolute deviation.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviation(f64);

impl Deviation {
    pub fn new() -> Self {
        Self(0.0)
    }

    /// As it is, but no smaller than what counts at all.
    pub fn above(&self, floor: f64) -> f64 {
        self.0.max(floor)
    }

    /// Takes in how far a row is away.
    pub fn observe(&mut self, distance: f64, clip: f64, rate: f64) {
        self.0 += (distance.min(clip) - self.0) * rate;
    }

    pub fn write(&self, to: &mut Writer) {
        to.f64(self.0);
    }

    pub fn read(from: &mut Reader) -> Result<Self, Damage> {
        from.positive_f64().map(Self)
    }
}

/// A level and the deviation from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    mean: f64,
    deviation: Deviation,
}

impl Level {
    /// At the first value.
    pub fn new(value: f64) -> Self {
        Self {
            mean: value,
            deviation: Deviation::new(),
        }
    }

    pub fn mean(&self) -> f64 {
        self.mean
    }

    pub fn deviation(&self, floor: f64) -> f64 {
        self.deviation.above(floor)
    }

    /// Takes in the value of row `row`, counted from 0.
    pub fn observe(&mut self, value: f64, row: u64, deviation: f64, clip_deviations: f64, rate: f64) {
        let clip = if row < TRUSTING_ROWS {
            f64::MAX
        } else {
            clip_deviations * deviation
        };
        let distance = value - self.mean;
        self.mean += distance.clamp(-clip, clip) * rate;
        self.deviation.observe(distance.abs(), clip, rate);
    }

    pub fn write(&self, to: &mut Writer) {
        to.f64(self.mean);
        self.deviation.write(to);
    }

    pub fn read(from: &mut Reader) -> Result<Self, Damage> {
        Ok(Self {
            mean: from.f64()?,
            deviation: Deviation::read(from)?,
        })
    }
}

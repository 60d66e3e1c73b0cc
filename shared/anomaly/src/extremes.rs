//! The largest and the smallest value that are remembered; both come back to the level slowly.

use crate::state::{Damage, Reader, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct Extremes {
    pub low: f64,
    pub high: f64,
}

impl Extremes {
    /// At the first value.
    pub fn new(value: f64) -> Self {
        Self {
            low: value,
            high: value,
        }
    }

    /// How far a value is outside, as a share of the range. The range is no narrower than `deviation`.
    pub fn observe(&mut self, value: f64, level: f64, deviation: f64, rate: f64) -> f64 {
        let range = (self.high - self.low).max(deviation);
        let outside = (value - self.high).max(self.low - value).max(0.0);
        if value > self.high {
            self.high = value;
        } else {
            self.high -= (self.high - level) * rate;
        }
        if value < self.low {
            self.low = value;
        } else {
            self.low += (level - self.low) * rate;
        }
        outside / range
    }

    pub fn write(&self, to: &mut Writer) {
        to.f64(self.low);
        to.f64(self.high);
    }

    pub fn read(from: &mut Reader) -> Result<Self, Damage> {
        Ok(Self {
            low: from.f64()?,
            high: from.f64()?,
        })
    }
}

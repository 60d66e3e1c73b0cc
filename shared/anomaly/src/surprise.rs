//! How rare a value is among those before it: minus the logarithm of the share that is as large.
//!
//! Signals have units and tails of their own. In nats of their own rarity they can be compared, within a series and between series.

use crate::{
    maths::ln,
    state::{Damage, Reader, Writer},
};

/// Bins of the histogram; the last one holds all that is larger.
const BINS: usize = 48;
/// Bins for a factor of e.
const BINS_PER_E: f64 = 4.0;
/// Weight of the newest value at which all weights are divided by it.
const RENORMALISED_AT: f32 = 4_096.0;

/// A histogram over logarithms whose old values fade.
#[derive(Debug, Clone, PartialEq)]
pub struct Surprise {
    counts: [f32; BINS],
    total: f32,
    /// Of the newest value: it grows, instead of all others shrinking.
    weight: f32,
}

impl Surprise {
    pub fn new() -> Self {
        Self {
            counts: [0.0; BINS],
            total: 0.0,
            weight: 1.0,
        }
    }

    /// Surprise in nats of a value, of which all up to `floor` are alike; then takes it in. `growth` is the weight of a row in units of
    /// the one before.
    pub fn observe(&mut self, value: f64, floor: f64, growth: f32) -> f64 {
        let place = if value > floor {
            1.0 + ln(value / floor) * BINS_PER_E
        } else {
            0.0
        };
        let bin = (place as usize).min(BINS - 1);
        let above: f32 = self.counts[bin + 1..].iter().sum();
        let here = self.counts[bin];
        // Half of its own bin counts as larger: it is somewhere in it.
        let share = (above + 0.5 * here + self.weight) / (self.total + self.weight);
        let mut nats = -ln(f64::from(share));
        let faded = 0.5 * self.weight;
        if above + here < faded && self.total > 0.0 {
            // Larger than all that is remembered: the tail is taken to go on as 1/value.
            let largest = self.counts.iter().rposition(|count| *count >= faded).unwrap_or(0);
            nats += (place - largest as f64 - 1.0).clamp(0.0, BINS as f64) / BINS_PER_E;
        }
        self.counts[bin] += self.weight;
        self.total += self.weight;
        self.weight *= growth;
        if self.weight > RENORMALISED_AT {
            self.renormalise();
        }
        nats
    }

    fn renormalise(&mut self) {
        for count in &mut self.counts {
            *count /= self.weight;
        }
        self.total /= self.weight;
        self.weight = 1.0;
    }

    pub fn write(&self, to: &mut Writer) {
        to.sparse_f32(&self.counts);
        to.f32(self.total);
        to.f32(self.weight);
    }

    pub fn read(from: &mut Reader) -> Result<Self, Damage> {
        Ok(Self {
            counts: from.sparse_f32()?,
            total: from.positive_f32()?,
            weight: from.positive_f32()?.max(1.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surprise_is_the_share_of_what_is_as_large() {
        let mut surprise = Surprise::new();
        for row in 0..1_000 {
            surprise.observe(if row % 100 == 0 { 10.0 } else { 1.0 }, 0.5, 1.0);
        }
        let (common, rare) = (
            surprise.clone().observe(1.0, 0.5, 1.0),
            surprise.clone().observe(10.0, 0.5, 1.0),
        );
        assert!((common - ln(1.0 / 0.506)).abs() < 0.02, "{common}");
        assert!((rare - ln(1_001.0 / 6.0)).abs() < 0.02, "{rare}");
        let (far, further) = (
            surprise.clone().observe(40.0, 0.5, 1.0),
            surprise.observe(400.0, 0.5, 1.0),
        );
        assert!(
            far > rare + 1.0 && (further - far - ln(10.0)).abs() < 0.3,
            "{far} {further}"
        );
    }

    #[test]
    fn what_is_old_fades() {
        let mut surprise = Surprise::new();
        let growth = 1.01;
        for _ in 0..500 {
            surprise.observe(100.0, 0.5, growth);
        }
        let often = surprise.clone().observe(100.0, 0.5, growth);
        for _ in 0..2_000 {
            surprise.observe(1.0, 0.5, growth);
        }
        let long_ago = surprise.observe(100.0, 0.5, growth);
        assert!(often < 1.0 && long_ago > 4.0, "{often} {long_ago}");
    }

    #[test]
    fn values_below_the_floor_are_alike() {
        let mut surprise = Surprise::new();
        for _ in 0..1_000 {
            surprise.observe(0.0, 0.5, 1.0);
        }
        assert!(surprise.observe(0.499, 0.5, 1.0) < 1.0);
    }
}

//! Over which values the recent rows are spread, against those of the long run: relative entropy (Wang et al., "Statistical techniques
//! for online anomaly detection in data centers", 2011), of fading counts in place of windows.

use crate::{
    maths::ln,
    state::{Damage, Reader, Writer},
};

/// Bins, the middle one around the level.
const BINS: usize = 25;
/// A recent share below this says nothing.
const LEAST_SHARE: f32 = 1e-4;

#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    recent: [f32; BINS],
    long: [f32; BINS],
}

impl Mixture {
    pub fn new() -> Self {
        Self {
            recent: [0.0; BINS],
            long: [0.0; BINS],
        }
    }

    /// Relative entropy in nats, with a row that is `bins` bins away from the level.
    pub fn observe(&mut self, bins: f64, recent_rate: f64, long_rate: f64) -> f64 {
        let middle = (BINS / 2) as f64;
        let at = (bins.clamp(-middle, middle) + middle + 0.5) as usize;
        // What was never there counts as half a row.
        let unseen = 0.5 * long_rate;
        let (recent_rate, long_rate) = (recent_rate as f32, long_rate as f32);
        let mut entropy = 0.0;
        for (bin, (recent, long)) in self.recent.iter_mut().zip(&mut self.long).enumerate() {
            let here = f32::from(u8::from(bin == at));
            *recent += (here - *recent) * recent_rate;
            if *recent > LEAST_SHARE {
                entropy += f64::from(*recent) * ln(f64::from(*recent) / (f64::from(*long) + unseen));
            }
            *long += (here - *long) * long_rate;
        }
        entropy.max(0.0)
    }

    pub fn write(&self, to: &mut Writer) {
        to.sparse_f32(&self.recent);
        to.sparse_f32(&self.long);
    }

    pub fn read(from: &mut Reader) -> Result<Self, Damage> {
        Ok(Self {
            recent: from.sparse_f32()?,
            long: from.sparse_f32()?,
        })
    }
}

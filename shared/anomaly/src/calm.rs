//! One alarm for one thing: after an alarm only what surprises clearly more is another, until the first has faded.

use crate::{
    Settings,
    state::{Damage, Reader, Writer},
};

/// What is left of the surprise of a row that says nothing new.
const HELD: f64 = 0.5;

#[derive(Debug, Clone, PartialEq)]
pub struct Calm {
    /// Surprise of the last news, faded.
    peak: f64,
}

/// A row's surprise, after what was there just before.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    pub nats: f64,
    pub news: bool,
}

impl Calm {
    pub fn new() -> Self {
        Self { peak: 0.0 }
    }

    /// What a row's surprise counts; `row` counts from 0. The longer a series is known, the longer an alarm is remembered: so a series
    /// that always has its bursts alarms ever less.
    pub fn observe(&mut self, nats: f64, row: u64, settings: &Settings) -> Heard {
        let rows = (row as f64 * settings.calm_share).clamp(1.0, settings.calm_rows);
        self.peak -= self.peak / rows;
        let news = nats > self.peak * settings.calm_factor;
        if news {
            self.peak = nats;
            return Heard { nats, news };
        }
        Heard {
            nats: nats * HELD,
            news,
        }
    }

    pub fn write(&self, to: &mut Writer) {
        to.f64(self.peak);
    }

    pub fn read(from: &mut Reader) -> Result<Self, Damage> {
        from.positive_f64().map(|peak| Self { peak })
    }
}

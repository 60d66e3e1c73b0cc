//! What each hour of the week usually has; until it was there a few times, what the hour of the day has.

use crate::{
    level::Deviation,
    state::{Damage, Reader, Writer},
};

/// Hours of a day.
const DAY: usize = 24;
/// Hours of a week.
const WEEK: usize = 7 * DAY;
/// Rows after which an hour of the week is believed, rather than the same hour of all days.
const BELIEVED_VISITS: u8 = 3;
/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;

#[derive(Debug, Clone, PartialEq)]
pub struct Season {
    /// Levels of the hours of the week (of UTC, from Thursday midnight on, as the epoch began), then of the hours of the day.
    levels: [f32; WEEK + DAY],
    /// Rows that each has seen, up to the longest memory.
    visits: [u8; WEEK + DAY],
    deviation: Deviation,
}

/// What a row's hour led to expect.
#[derive(Debug, Clone, Copy)]
pub struct Hour {
    pub expected: f64,
    pub deviation: f64,
}

impl Season {
    pub fn new() -> Self {
        Self {
            levels: [0.0; WEEK + DAY],
            visits: [0; WEEK + DAY],
            deviation: Deviation::new(),
        }
    }

    /// What is expected at a time; `level` where its hour was never there.
    pub fn expect(&self, time_ms: i64, level: f64, floor: f64) -> Hour {
        let [week, day] = cells(time_ms);
        let mut cells = [(week, BELIEVED_VISITS), (day, 1)].into_iter();
        let known = cells.find(|(cell, least)| self.visits[*cell] >= *least);
        Hour {
            expected: known.map_or(level, |(cell, _)| f64::from(self.levels[cell])),
            deviation: self.deviation.above(floor),
        }
    }

    /// Takes a value in: as no further out than `clip`.
    pub fn observe(&mut self, time_ms: i64, value: f64, hour: Hour, clip: f64, memory: Memory) {
        for cell in cells(time_ms) {
            let before = if self.visits[cell] > 0 {
                f64::from(self.levels[cell])
            } else {
                hour.expected
            };
            self.visits[cell] = self.visits[cell].saturating_add(1).min(memory.visits.max(1));
            let rate = 1.0 / f64::from(self.visits[cell]);
            self.levels[cell] = (before + (value - before).clamp(-clip, clip) * rate) as f32;
        }
        self.deviation.observe((value - hour.expected).abs(), clip, memory.rate);
    }

    pub fn write(&self, to: &mut Writer) {
        to.sparse_u8(&self.visits);
        for (level, _) in self.levels.iter().zip(self.visits).filter(|(_, visits)| *visits > 0) {
            to.f32(*level);
        }
        self.deviation.write(to);
    }

    pub fn read(from: &mut Reader) -> Result<Self, Damage> {
        let mut season = Self::new();
        season.visits = from.sparse_u8()?;
        for (level, _) in season
            .levels
            .iter_mut()
            .zip(season.visits)
            .filter(|(_, visits)| *visits > 0)
        {
            *level = from.f32()?;
        }
        season.deviation = Deviation::read(from)?;
        Ok(season)
    }
}

/// How long a season remembers.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Rows of an hour.
    pub visits: u8,
    /// Of the deviation.
    pub rate: f64,
}

/// Of a time: its hour of the week and its hour of the day.
fn cells(time_ms: i64) -> [usize; 2] {
    let week = time_ms.div_euclid(HOUR_MS).rem_euclid(WEEK as i64) as usize;
    [week, WEEK + week % DAY]
}

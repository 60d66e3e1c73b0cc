//! Precision and recall by events: a window is found if an alarm lies in it; alarms outside that lie close together are one false alarm.

use crate::nab::Scored;

/// False alarms closer than this, in rows, are one.
const ONE_EVENT_ROWS: usize = 10;
/// Thresholds that are tried.
const STEPS: u32 = 200;

/// Counts of windows and alarms.
#[derive(Default, Clone, Copy)]
pub struct Tally {
    pub found: usize,
    pub windows: usize,
    pub false_alarms: usize,
}

impl Tally {
    pub fn precision(self) -> f64 {
        self.found as f64 / (self.found + self.false_alarms).max(1) as f64
    }

    pub fn recall(self) -> f64 {
        self.found as f64 / self.windows.max(1) as f64
    }

    pub fn f1(self) -> f64 {
        2.0 * self.found as f64 / (self.windows + self.found + self.false_alarms).max(1) as f64
    }
}

/// Of one series; false alarms closer than `apart` rows are one.
pub fn tally(one: &Scored, threshold: f64, apart: usize) -> Tally {
    let (series, scores) = (one.series, &one.scores);
    let alarm = |row: &usize| scores[*row] >= threshold;
    let found = series
        .windows
        .iter()
        .filter(|(first, last)| (*first..=*last).any(|row| alarm(&row)))
        .count();
    let outside = |row: &usize| !series.windows.iter().any(|(first, last)| (first..=last).contains(&row));
    let (mut before, mut false_alarms) = (None, 0);
    for row in (series.probation()..scores.len()).filter(|row| alarm(row) && outside(row)) {
        if before.is_none_or(|before| row - before >= apart) {
            false_alarms += 1;
        }
        before = Some(row);
    }
    Tally {
        found,
        windows: series.windows.len(),
        false_alarms,
    }
}

/// Of several series.
pub fn all(all: &[Scored], threshold: f64) -> Tally {
    all.iter().fold(Tally::default(), |sum, one| {
        let one = tally(one, threshold, ONE_EVENT_ROWS);
        Tally {
            found: sum.found + one.found,
            windows: sum.windows + one.windows,
            false_alarms: sum.false_alarms + one.false_alarms,
        }
    })
}

/// The threshold with the best F1, and what it finds.
pub fn best(scored: &[Scored]) -> (f64, Tally) {
    let mut best = (1.0, Tally::default());
    for step in 1..STEPS {
        let threshold = f64::from(step) / f64::from(STEPS);
        let tally = all(scored, threshold);
        if tally.f1() > best.1.f1() {
            best = (threshold, tally);
        }
    }
    best
}

//! Precision and recall by events: a window is found if an alarm lies in it; alarms outside, at most one in ten rows, are false.

use crate::nab::Series;

/// False alarms closer than this are one.
const ONE_EVENT_ROWS: usize = 10;

#[derive(Default, Clone, Copy)]
pub struct Tally {
    pub found: usize,
    pub windows: usize,
    pub false_alarms: usize,
}

impl Tally {
    pub fn precision(self) -> f64 {
        self.found as f64 / ((self.found + self.false_alarms) as f64).max(1.0)
    }
    pub fn recall(self) -> f64 {
        self.found as f64 / (self.windows as f64).max(1.0)
    }
    pub fn f1(self) -> f64 {
        2.0 * self.found as f64 / ((self.windows + self.found + self.false_alarms) as f64).max(1.0)
    }
    pub fn add(&mut self, o: Self) {
        self.found += o.found;
        self.windows += o.windows;
        self.false_alarms += o.false_alarms;
    }
}

pub fn tally(c: &Series, s: &[f64], thr: f64) -> Tally {
    let begin = ((0.15 * s.len() as f64) as usize).min(750);
    let found = c
        .windows
        .iter()
        .filter(|(lo, hi)| s[*lo..=*hi].iter().any(|v| *v >= thr))
        .count();
    let mut last = None;
    let mut false_alarms = 0;
    for k in begin..s.len() {
        if s[k] >= thr && !c.windows.iter().any(|(lo, hi)| (*lo..=*hi).contains(&k)) {
            if last.is_none_or(|l| k - l > ONE_EVENT_ROWS) {
                false_alarms += 1;
            }
            last = Some(k);
        }
    }
    Tally {
        found,
        windows: c.windows.len(),
        false_alarms,
    }
}

pub fn all(files: &[(&Series, &[f64])], thr: f64) -> Tally {
    let mut t = Tally::default();
    for (c, s) in files {
        t.add(tally(c, s, thr));
    }
    t
}

/// Best F1 and its threshold.
pub fn best(files: &[(&Series, &[f64])]) -> (f64, Tally) {
    let mut best = (0.0, Tally::default());
    for k in 1..200 {
        let thr = f64::from(k) / 200.0;
        let t = all(files, thr);
        if t.f1() > best.1.f1() {
            best = (thr, t);
        }
    }
    best
}

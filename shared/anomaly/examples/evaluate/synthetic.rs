//! Series like those of a cloud, with short labelled windows: made here, the same every time.

use crate::nab::Series;

/// Monday, 2024-01-01.
const BEGIN_MS: i64 = 1_704_067_200_000;
const MINUTE_MS: i64 = 60_000;
const KINDS: [(&str, Make); 16] = [
    ("spikes", spikes),
    ("dips", dips),
    ("level-shifts", level_shifts),
    ("latency", latency),
    ("daily", daily),
    ("daily-drop", daily_drop),
    ("daily-missing-hours", daily_missing_hours),
    ("constant-blip", constant_blip),
    ("counter", counter),
    ("batch-jobs", batch_jobs),
    ("trend", trend),
    ("flat-then-noise", flat_then_noise),
    ("noise-then-flat", noise_then_flat),
    ("sawtooth", sawtooth),
    ("irregular", irregular),
    ("nothing", nothing),
];

/// `seeds` series of each kind, those of a kind together.
pub fn corpus(seeds: u64) -> Vec<Series> {
    let mut all = Vec::new();
    for (name, make) in KINDS {
        for seed in 0..seeds {
            let mut maker = Maker::new(
                seed * 7_919 + name.len() as u64 * 104_729 + u64::from(name.as_bytes()[0]),
                seed,
            );
            make(&mut maker);
            all.push(Series {
                name: format!("{name}/{seed}"),
                rows: maker.rows,
                windows: maker.windows,
            });
        }
    }
    all
}

/// Gives a series its rows and windows.
type Make = fn(&mut Maker);

/// A series in the making.
struct Maker {
    random: u64,
    step_ms: i64,
    n: usize,
    scale: f64,
    rows: Vec<(i64, f64)>,
    windows: Vec<(usize, usize)>,
}

impl Maker {
    fn new(mut random: u64, seed: u64) -> Self {
        random = random.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        Self {
            random,
            step_ms: [5, 1, 60, 15][seed as usize % 4] * MINUTE_MS,
            n: [2_000, 4_000, 1_000, 3_000][seed as usize % 4],
            scale: [1.0, 1e6, 0.01, 50.0][(seed / 2) as usize % 4],
            rows: Vec::new(),
            windows: Vec::new(),
        }
    }

    fn uniform(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    /// Where anomalies begin: after the first third, well apart.
    fn places(&mut self, count: usize) -> Vec<usize> {
        let (from, room) = (self.n / 3, self.n * 2 / 3 / count);
        (0..count)
            .map(|k| from + k * room + (self.uniform() * 0.7 * room as f64) as usize)
            .collect()
    }

    /// The anomaly's rows, and some grace after them.
    fn label(&mut self, from: usize, rows: usize) {
        let to = (from + rows.max(1) + 4).min(self.n - 1);
        self.windows.push((from.saturating_sub(1), to));
    }

    fn finish(&mut self, values: Vec<f64>) {
        let step = self.step_ms;
        self.rows = (0..)
            .map(|k| BEGIN_MS + k * step)
            .zip(values.into_iter().map(|v| v * self.scale))
            .collect();
    }

    /// Of the day at a row: 0 at midnight, 1 at noon.
    fn day(&self, row: usize) -> f64 {
        let days = row as f64 * self.step_ms as f64 / (1_440.0 * MINUTE_MS as f64);
        0.5 - 0.5 * (days * std::f64::consts::TAU).cos()
    }

    fn noise(&mut self, level: f64, spread: f64) -> Vec<f64> {
        (0..self.n).map(|_| level + spread * self.normal()).collect()
    }
}

fn spikes(m: &mut Maker) {
    let mut values = m.noise(40.0, 3.0);
    for at in m.places(4) {
        let (height, width) = (25.0 + 40.0 * m.uniform(), 1 + (m.uniform() * 5.0) as usize);
        values[at..at + width].iter_mut().for_each(|v| *v += height);
        m.label(at, width);
    }
    m.finish(values);
}

fn dips(m: &mut Maker) {
    let mut values = m.noise(99.0, 0.5);
    for at in m.places(3) {
        let (depth, width) = (5.0 + 60.0 * m.uniform(), 1 + (m.uniform() * 8.0) as usize);
        values[at..at + width].iter_mut().for_each(|v| *v -= depth);
        m.label(at, width);
    }
    m.finish(values);
}

fn level_shifts(m: &mut Maker) {
    let mut values = m.noise(10.0, 1.0);
    for at in m.places(2) {
        let by = (5.0 + 6.0 * m.uniform()) * if m.uniform() < 0.5 { -1.0 } else { 1.0 };
        values[at..].iter_mut().for_each(|v| *v += by);
        m.label(at, 12);
    }
    m.finish(values);
}

fn latency(m: &mut Maker) {
    let mut values: Vec<f64> = (0..m.n).map(|_| 20.0 * (0.5 * m.normal()).exp()).collect();
    for at in m.places(3) {
        let width = 3 + (m.uniform() * 15.0) as usize;
        values[at..at + width].iter_mut().for_each(|v| *v *= 6.0);
        m.label(at, width);
    }
    m.finish(values);
}

fn daily(m: &mut Maker) {
    let mut values: Vec<f64> = (0..m.n).map(|k| 100.0 + 80.0 * m.day(k) + 4.0 * m.normal()).collect();
    for at in m.places(3) {
        let (height, width) = (60.0 + 60.0 * m.uniform(), 2 + (m.uniform() * 6.0) as usize);
        values[at..at + width].iter_mut().for_each(|v| *v += height);
        m.label(at, width);
    }
    m.finish(values);
}

fn daily_drop(m: &mut Maker) {
    let mut values: Vec<f64> = (0..m.n).map(|k| 300.0 + 200.0 * m.day(k) + 12.0 * m.normal()).collect();
    for at in m.places(2) {
        let width = 4 + (m.uniform() * 10.0) as usize;
        values[at..at + width].fill(0.0);
        m.label(at, width);
    }
    m.finish(values);
}

fn daily_missing_hours(m: &mut Maker) {
    daily(m);
    // Whole stretches without rows, none of them within a window.
    let mut kept = Vec::new();
    let mut moved = vec![0; m.n];
    let mut gap_left = 0;
    for (row, place) in moved.iter_mut().enumerate() {
        let labelled = m.windows.iter().any(|(lo, hi)| (*lo..=*hi).contains(&row));
        if gap_left == 0 && m.uniform() < 0.004 {
            gap_left = 3 + (m.uniform() * 30.0) as usize;
        }
        gap_left = if labelled { 0 } else { gap_left };
        *place = kept.len();
        if gap_left > 0 {
            gap_left -= 1;
        } else {
            kept.push(m.rows[row]);
        }
    }
    m.rows = kept;
    m.windows
        .iter_mut()
        .for_each(|(lo, hi)| (*lo, *hi) = (moved[*lo], moved[*hi]));
}

fn constant_blip(m: &mut Maker) {
    // Moves by a millionth now and then; that is not labelled.
    let mut values: Vec<f64> = (0..m.n).map(|k| if k % 97 == 13 { 5.000_005 } else { 5.0 }).collect();
    for at in m.places(2) {
        values[at..at + 2].fill(6.0);
        m.label(at, 2);
    }
    m.finish(values);
}

fn counter(m: &mut Maker) {
    let mut total = 1_000.0;
    let resets = m.places(1);
    let values = (0..m.n).map(|k| {
        total += 10.0 + m.uniform();
        if resets.contains(&k) {
            total = 0.0;
        }
        total
    });
    let values = values.collect();
    for at in resets {
        m.label(at, 3);
    }
    m.finish(values);
}

fn batch_jobs(m: &mut Maker) {
    let mut values = m.noise(5.0, 0.5);
    (0..m.n)
        .step_by(48)
        .for_each(|k| (k..(k + 4).min(m.n)).for_each(|k| values[k] += 60.0));
    for at in m.places(2) {
        // A job that does not end.
        let begin = (at / 48 * 48).min(m.n - 60);
        values[begin + 4..begin + 24].iter_mut().for_each(|v| *v += 60.0);
        m.label(begin + 4, 20);
    }
    m.finish(values);
}

fn trend(m: &mut Maker) {
    let mut values: Vec<f64> = (0..m.n).map(|k| 100.0 + 0.05 * k as f64 + m.normal()).collect();
    for at in m.places(2) {
        let by = 12.0 + 8.0 * m.uniform();
        values[at..at + 5].iter_mut().for_each(|v| *v += by);
        m.label(at, 5);
    }
    m.finish(values);
}

fn flat_then_noise(m: &mut Maker) {
    let mut values = m.noise(50.0, 0.2);
    let at = m.places(1)[0];
    for value in &mut values[at..] {
        *value += 4.0 * m.normal();
    }
    m.label(at, 15);
    m.finish(values);
}

fn noise_then_flat(m: &mut Maker) {
    let mut values = m.noise(50.0, 5.0);
    let at = m.places(1)[0];
    values[at..at + 40].fill(51.0);
    m.label(at, 40);
    m.finish(values);
}

fn sawtooth(m: &mut Maker) {
    let (mut level, mut until) = (20.0, 80.0);
    let late = m.places(1)[0];
    let mut values = Vec::new();
    let mut begun = None;
    for k in 0..m.n {
        level += 0.8 + 0.1 * m.normal();
        if k == late {
            until = 140.0;
        }
        if level > 80.0 && until > 100.0 && begun.is_none() {
            begun = Some(k);
        }
        if level > until {
            level = 20.0;
            until = 80.0;
        }
        values.push(level);
    }
    if let Some(at) = begun {
        m.label(at, 60);
    }
    m.finish(values);
}

fn irregular(m: &mut Maker) {
    spikes(m);
    let mut time = BEGIN_MS;
    for k in 0..m.n {
        // One long gap, and some times that repeat or run backwards.
        let gap = if k == m.n / 2 { 40_000 * MINUTE_MS } else { 0 };
        time += gap + ((m.uniform() * 4.0 - 0.2) * m.step_ms as f64) as i64;
        m.rows[k].0 = time;
    }
}

fn nothing(m: &mut Maker) {
    let mut level = 0.0;
    let walk = m.uniform() < 0.5;
    let values = (0..m.n).map(|_| {
        level = if walk {
            0.98 * level + m.normal()
        } else {
            2.0 * m.normal()
        };
        30.0 + level
    });
    let values = values.collect();
    m.finish(values);
}

//! The Numenta Anomaly Benchmark: its files, and the score of its standard profile (Lavin and Ahmad, "Evaluating real-time anomaly
//! detection algorithms: the Numenta anomaly benchmark", 2015; version 1.1).

use std::{collections::BTreeSet, fs, path::Path};

/// What a false alarm costs, far from a window; a miss costs 1, a find earns up to 1.
const FALSE_ALARM: f64 = 0.11;
/// Rows at the beginning that are not scored: this share, and no more than of this many rows.
const PROBATION_SHARE: f64 = 0.15;
const PROBATION_OF_ROWS: f64 = 5_000.0;

/// A series and where it is labelled.
pub struct Series {
    /// Category and file.
    pub name: String,
    /// Time and value.
    pub rows: Vec<(i64, f64)>,
    /// First and last row of each window.
    pub windows: Vec<(usize, usize)>,
}

/// A series and the score of each row.
#[derive(Clone)]
pub struct Scored<'a> {
    pub series: &'a Series,
    pub scores: Vec<f64>,
}

impl Series {
    pub fn category(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// Rows that are not scored.
    pub fn probation(&self) -> usize {
        let rows = self.rows.len() as f64;
        (PROBATION_SHARE * rows)
            .floor()
            .min(PROBATION_SHARE * PROBATION_OF_ROWS) as usize
    }
}

pub fn categories(corpus: &[Series]) -> BTreeSet<&str> {
    corpus.iter().map(Series::category).collect()
}

/// The files that have labels.
pub fn load(root: &Path) -> Vec<Series> {
    let labels = fs::read_to_string(root.join("labels/combined_windows.json")).expect("labels/combined_windows.json");
    // The only texts in it are file names and the ends of windows.
    let mut files: Vec<(String, Vec<String>)> = Vec::new();
    for text in labels.split('"').skip(1).step_by(2) {
        if text.contains(".csv") {
            files.push((text.to_string(), vec![]));
        } else {
            files
                .last_mut()
                .expect("a file comes before its windows")
                .1
                .push(text[..19].to_string());
        }
    }
    files.sort();
    files
        .into_iter()
        .map(|(name, ends)| series(root, name, &ends))
        .collect()
}

fn series(root: &Path, name: String, ends: &[String]) -> Series {
    let text = fs::read_to_string(root.join("data").join(&name)).expect("a labelled file is there");
    let lines: Vec<(&str, &str)> = text.lines().skip(1).filter_map(|line| line.split_once(',')).collect();
    let window = |ends: &[String]| {
        let first = lines.iter().position(|(time, _)| time[..19] >= *ends[0]);
        let last = lines.iter().rposition(|(time, _)| time[..19] <= *ends[1]);
        (first.expect("a window begins"), last.expect("a window ends"))
    };
    let mut windows: Vec<(usize, usize)> = ends.chunks(2).map(window).collect();
    windows.sort_unstable();
    let rows = lines
        .iter()
        .map(|(time, value)| (millis(time), value.parse().expect("a value")));
    Series {
        rows: rows.collect(),
        name,
        windows,
    }
}

/// Of `2014-02-14 14:30:00`, since 1970.
fn millis(time: &str) -> i64 {
    let part = |from: usize, to: usize| time[from..to].parse::<i64>().expect("a timestamp of NAB");
    let (year, month, day) = (part(0, 4), part(5, 7), part(8, 10));
    // Years begin in March here, so that the leap day is the last one (Hinnant, "chrono-compatible low-level date algorithms").
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    (days * 86_400 + part(11, 13) * 3_600 + part(14, 16) * 60 + part(17, 19)) * 1_000
}

fn sigmoid(place: f64) -> f64 {
    if place > 3.0 {
        -1.0
    } else {
        2.0 / (1.0 + (5.0 * place).exp()) - 1.0
    }
}

/// Score of each row that is scored, and what its alarm earns beside those with a higher score.
fn earnings(one: &Scored) -> Vec<(f64, f64)> {
    let (series, scores) = (one.series, &one.scores);
    let (rows, probation) = (scores.len(), series.probation());
    let mut earns = vec![-FALSE_ALARM; rows];
    for (number, (first, last)) in series.windows.iter().enumerate() {
        let width = (last - first + 1) as f64;
        let next = series.windows.get(number + 1).map_or(rows, |next| next.0);
        for (after, earns) in (1..).zip(&mut earns[last + 1..next]) {
            *earns = FALSE_ALARM * sigmoid(f64::from(after) / (width - 1.0));
        }
        earns[*first..=*last].fill(0.0);
        let mut within: Vec<usize> = (*first..=*last).filter(|row| *row >= probation).collect();
        within.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
        let mut best = -1.0;
        for row in within {
            let earned = sigmoid(-((last - row + 1) as f64) / width) / sigmoid(-1.0);
            if earned > best {
                (earns[row], best) = (earned - best, earned);
            }
        }
    }
    (probation..rows).map(|row| (scores[row], earns[row])).collect()
}

/// The best score over all thresholds (nothing is 0, perfect is 100), and that threshold.
pub fn standard(all: &[Scored]) -> (f64, f64) {
    let mut rows: Vec<(f64, f64)> = all.iter().flat_map(earnings).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut sum, mut best, mut threshold) = (0.0, 0.0, f64::INFINITY);
    for (at, (score, earned)) in rows.iter().enumerate() {
        sum += earned;
        if rows.get(at + 1).is_none_or(|next| next.0 < *score) && sum > best {
            (best, threshold) = (sum, *score);
        }
    }
    (normalised(all, best), threshold)
}

/// The score at one threshold.
pub fn at(all: &[Scored], threshold: f64) -> f64 {
    let earned = all
        .iter()
        .flat_map(earnings)
        .filter(|(score, _)| *score >= threshold)
        .map(|(_, earned)| earned);
    normalised(all, earned.sum())
}

fn normalised(all: &[Scored], earned: f64) -> f64 {
    let windows: usize = all.iter().map(|one| one.series.windows.len()).sum();
    100.0 * earned / (2 * windows.max(1)) as f64
}

//! NAB's scoring, standard profile.
use std::{fs, path::Path};

pub struct Series {
    pub name: String,
    pub rows: Vec<(i64, f64)>,
    pub windows: Vec<(usize, usize)>,
}

pub fn days(y: i64, m: i64, d: i64) -> i64 {
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let yoe = y - era * 400;
    let doy = (153 * (m + if m > 2 { -3 } else { 9 }) + 2) / 5 + d - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

pub fn millis(t: &str) -> i64 {
    let n = |a: usize, b: usize| t[a..b].parse::<i64>().expect("a number");
    (days(n(0, 4), n(5, 7), n(8, 10)) * 86_400 + n(11, 13) * 3_600 + n(14, 16) * 60 + n(17, 19)) * 1_000
}

pub fn load(root: &Path) -> Vec<Series> {
    let text = fs::read_to_string(root.join("labels/combined_windows.json")).expect("labels");
    let mut out: Vec<(String, Vec<String>)> = Vec::new();
    for word in text.split('"').skip(1).step_by(2) {
        if word.ends_with(".csv") {
            out.push((word.to_string(), vec![]));
        } else {
            out.last_mut().expect("a file first").1.push(word[..19].to_string());
        }
    }
    out.sort();
    out.into_iter()
        .map(|(name, ends)| {
            let text = fs::read_to_string(root.join("data").join(&name)).expect("data");
            let stamps: Vec<(&str, &str)> = text.lines().skip(1).filter_map(|l| l.split_once(',')).collect();
            let rows = stamps
                .iter()
                .map(|(t, v)| (millis(t), v.parse().expect("a value")))
                .collect();
            let mut windows: Vec<(usize, usize)> = ends
                .chunks(2)
                .map(|w| {
                    let lo = stamps.iter().position(|(t, _)| t[..19] >= *w[0]).expect("in");
                    let hi = stamps.iter().rposition(|(t, _)| t[..19] <= *w[1]).expect("in");
                    (lo, hi)
                })
                .collect();
            windows.sort_unstable();
            Series { name, rows, windows }
        })
        .collect()
}

fn sig(y: f64) -> f64 {
    if y > 3.0 {
        -1.0
    } else {
        2.0 / (1.0 + (5.0 * y).exp()) - 1.0
    }
}

/// (score, delta) per row.
pub fn contributions(c: &Series, s: &[f64]) -> Vec<(f64, f64)> {
    let n = c.rows.len();
    let probation = (0.15 * n as f64).floor().min(750.0) as usize;
    let max_tp = sig(-1.0);
    let mut d = vec![0.0; n];
    for i in 0..n {
        d[i] = -0.11;
    }
    for (w, (lo, hi)) in c.windows.iter().enumerate() {
        let width = (hi - lo + 1) as f64;
        let stop = c.windows.get(w + 1).map_or(n, |x| x.0);
        for i in hi + 1..stop {
            d[i] = 0.11 * sig((i - hi) as f64 / (width - 1.0));
        }
        for i in *lo..=*hi {
            d[i] = 0.0;
        }
        let mut rows: Vec<usize> = (*lo..=*hi).filter(|i| *i >= probation).collect();
        rows.sort_by(|a, b| s[*b].total_cmp(&s[*a]).then(a.cmp(b)));
        let mut best = -1.0;
        for i in rows {
            let v = sig(-((hi - i + 1) as f64) / width) / max_tp;
            if v > best {
                d[i] = v - best;
                best = v;
            }
        }
    }
    (probation..n).map(|i| (s[i], d[i])).collect()
}

pub fn standard(files: &[(&Series, &[f64])]) -> (f64, f64) {
    let mut all: Vec<(f64, f64)> = files.iter().flat_map(|(c, s)| contributions(c, s)).collect();
    let windows: usize = files.iter().map(|(c, _)| c.windows.len()).sum();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut cum, mut best, mut thr) = (0.0, 0.0, f64::INFINITY);
    for (i, (s, d)) in all.iter().enumerate() {
        cum += d;
        if all.get(i + 1).is_none_or(|x| x.0 != *s) && cum > best {
            best = cum;
            thr = *s;
        }
    }
    (100.0 * best / (2.0 * windows as f64), thr)
}

pub fn at(c: &Series, s: &[f64], thr: f64) -> f64 {
    contributions(c, s).iter().filter(|x| x.0 >= thr).map(|x| x.1).sum()
}

pub fn one(c: &Series, s: &[f64], thr: f64) -> String {
    let got = c
        .windows
        .iter()
        .filter(|(lo, hi)| s[*lo..=*hi].iter().any(|v| *v >= thr))
        .count();
    let n = c.rows.len();
    let p = (0.15 * n as f64).floor().min(750.0) as usize;
    let fa = (p..n)
        .filter(|i| s[*i] >= thr && !c.windows.iter().any(|(a, b)| i >= a && i <= b))
        .count();
    format!(
        "{:<58} {}/{} false {:>3} gain {:.2} of {}",
        c.name,
        got,
        c.windows.len(),
        fa,
        at(c, s, thr),
        2 * c.windows.len()
    )
}

//! How well the detector does. `EVALUATION.md` says what came of it.
//!
//! ```text
//! cargo run --release -p watershed-anomaly --example evaluate -- nab NAB          score, per category and file
//! … -- sensitivity NAB     each setting moved by 5 %, and all of them at once
//! … -- cross NAB           settings chosen on some files, scored on the others
//! … -- synthetic           series like a cloud's, beside a rolling z score
//! … -- speed               rows a second, and bytes of a state
//! ```
//!
//! NAB is a folder with `data/` and `labels/combined_windows.json`. `NAME=NUMBER` after it changes a setting.

mod baseline;
mod cross;
mod events;
mod nab;
mod sensitivity;
mod synthetic;

use nab::{Scored, Series};
use std::{env, path::Path, time::Instant};
use watershed_anomaly::{Detector, Settings};

/// Series of each kind that are made.
const SYNTHETIC_SEEDS: u64 = 8;

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let mut settings = Settings::default();
    for (name, value) in words.iter().filter_map(|word| word.split_once('=')) {
        let place = settings.get_mut(name).unwrap_or_else(|| panic!("{name} is no setting"));
        *place = value
            .parse()
            .unwrap_or_else(|_| panic!("{name}={value}: write a number"));
    }
    let corpus = || nab::load(Path::new(words.get(1).expect("name the folder of the benchmark")));
    match words.first().map(String::as_str) {
        Some("nab") => per_file(&corpus(), &settings),
        Some("sensitivity") => sensitivity::print(&corpus(), &settings),
        Some("cross") => cross::print(&corpus(), &settings),
        Some("synthetic") => beside_baseline(&settings),
        Some("speed") => speed(&settings),
        _ => println!("write one of: nab NAB, sensitivity NAB, cross NAB, synthetic, speed"),
    }
}

/// The scores of one series.
fn scores(series: &Series, settings: &Settings) -> Vec<f64> {
    let mut detector = Detector::new(settings).expect("within bounds");
    let rows = series.rows.iter();
    rows.map(|(time_ms, value)| f64::from(detector.observe(*time_ms, *value).score))
        .collect()
}

/// The scores of all.
fn scored<'a>(corpus: &'a [Series], settings: &Settings) -> Vec<Scored<'a>> {
    let one = |series| Scored {
        series,
        scores: scores(series, settings),
    };
    corpus.iter().map(one).collect()
}

fn per_file(corpus: &[Series], settings: &Settings) {
    let all = scored(corpus, settings);
    let (score, threshold) = nab::standard(&all);
    println!("standard {score:.2}, at threshold {threshold:.4}");
    for category in nab::categories(corpus) {
        let of: Vec<Scored> = all
            .iter()
            .filter(|one| one.series.category() == category)
            .cloned()
            .collect();
        println!("{category:<24} {:>6.2} at the same threshold", nab::at(&of, threshold));
    }
    for one in &all {
        let tally = events::tally(one, threshold, 1);
        println!(
            "{:<58} windows {}/{}, false alarms {}",
            one.series.name, tally.found, tally.windows, tally.false_alarms
        );
    }
}

fn beside_baseline(settings: &Settings) {
    let corpus = synthetic::corpus(SYNTHETIC_SEEDS);
    let ours = scored(&corpus, settings);
    let z: Vec<Scored> = corpus
        .iter()
        .map(|series| Scored {
            series,
            scores: baseline::rolling_z(&series.rows),
        })
        .collect();
    for (name, all) in [("detector", &ours), ("rolling z", &z)] {
        let (threshold, best) = events::best(all);
        println!(
            "{name}: NAB's score {:.1}; precision {:.2}, recall {:.2}, F1 {:.3} at threshold {threshold:.3}",
            nab::standard(all).0,
            best.precision(),
            best.recall(),
            best.f1()
        );
    }
    let fixed = events::all(&ours, settings.alarm_score);
    println!(
        "detector at alarm_score: precision {:.2}, recall {:.2}, F1 {:.3}",
        fixed.precision(),
        fixed.recall(),
        fixed.f1()
    );
    let (at, z_at) = (events::best(&ours).0, events::best(&z).0);
    println!("{:<22} detector           rolling z", "found/windows, false");
    for (ours, z) in ours
        .chunks(SYNTHETIC_SEEDS as usize)
        .zip(z.chunks(SYNTHETIC_SEEDS as usize))
    {
        let (a, b) = (events::all(ours, at), events::all(z, z_at));
        println!(
            "{:<22} {:>2}/{:<2}, {:<12} {:>2}/{:<2}, {}",
            ours[0].series.category(),
            a.found,
            a.windows,
            a.false_alarms,
            b.found,
            b.windows,
            b.false_alarms
        );
    }
}

fn speed(settings: &Settings) {
    let corpus = synthetic::corpus(SYNTHETIC_SEEDS);
    let rows: usize = corpus.iter().map(|series| series.rows.len()).sum();
    let begun = Instant::now();
    let alarming = corpus
        .iter()
        .flat_map(|series| scores(series, settings))
        .filter(|score| *score >= settings.alarm_score);
    let alarming = alarming.count();
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{rows} rows in {seconds:.3} s: {:.0} rows a second, {alarming} above alarm_score",
        rows as f64 / seconds
    );
    let mut bytes: Vec<usize> = corpus
        .iter()
        .map(|series| {
            let mut detector = Detector::new(settings).expect("within bounds");
            for (time_ms, value) in &series.rows {
                detector.observe(*time_ms, *value);
            }
            detector.encode().len()
        })
        .collect();
    bytes.sort_unstable();
    println!(
        "state: {} bytes at least, {} in the middle, {} at most; {} in memory",
        bytes[0],
        bytes[bytes.len() / 2],
        bytes[bytes.len() - 1],
        size_of::<Detector>()
    );
}

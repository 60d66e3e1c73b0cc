//! Whether choosing settings on some files helps on others: if it does, the default could be better; if what is chosen does worse on the
//! others than on its own, that is what over-fitting costs.

use crate::{
    nab::{self, Scored, Series},
    scored,
};
use watershed_anomaly::Settings;

/// Splits in two halves.
const SPLITS: u64 = 10;
/// What is chosen among: these settings, times these factors, two at a time at most.
const CHOSEN: [&str; 8] = [
    "window_rows",
    "level_rows",
    "memory_rows",
    "clip_deviations",
    "bin_deviations",
    "record_weight",
    "calm_factor",
    "calm_share",
];
const FACTORS: [f64; 4] = [0.6, 0.8, 1.25, 1.6];

/// Chosen on one half, scored on the other; then on all categories but one, scored on that.
pub fn print(corpus: &[Series], settings: &Settings) {
    let candidates = candidates(settings);
    let runs: Vec<Vec<Scored>> = candidates.iter().map(|settings| scored(corpus, settings)).collect();
    let names: Vec<&str> = corpus.iter().map(|series| series.name.as_str()).collect();
    let (mut chosen, mut default, mut own) = (0.0, 0.0, 0.0);
    for split in 0..SPLITS {
        let first = halves(names.len(), split);
        for side in [true, false] {
            let train: Vec<bool> = first.iter().map(|first| *first == side).collect();
            let (best, on_own, on_others) = choose(&runs, &train);
            own += on_own;
            chosen += on_others;
            default += nab::standard(&part(&runs[0], &train, false)).0;
            println!("split {split}: chose {}", difference(&candidates[best], settings));
        }
    }
    let count = 2.0 * SPLITS as f64;
    println!(
        "halves: chosen {:.1} on its own half, {:.1} on the other; the default {:.1} there",
        own / count,
        chosen / count,
        default / count
    );
    for category in nab::categories(corpus) {
        let train: Vec<bool> = names.iter().map(|name| !name.starts_with(category)).collect();
        let (best, _, on_others) = choose(&runs, &train);
        let default = nab::standard(&part(&runs[0], &train, false)).0;
        let change = difference(&candidates[best], settings);
        println!("without {category:<22} chosen {on_others:>6.1}, default {default:>6.1} on it: {change}");
    }
}

fn candidates(settings: &Settings) -> Vec<Settings> {
    let mut all = vec![settings.clone()];
    for name in CHOSEN {
        for factor in FACTORS {
            let mut moved = settings.clone();
            if let Some(value) = moved.get_mut(name) {
                *value = (*value * factor).max(1.0_f64.min(*value));
            }
            if moved.check().is_ok() {
                all.push(moved);
            }
        }
    }
    all
}

fn difference(settings: &Settings, default: &Settings) -> String {
    let values = Settings::ALL.iter().zip(settings.values().zip(default.values()));
    let changed = values.filter(|(_, (value, default))| value.to_bits() != default.to_bits());
    let told: Vec<String> = changed
        .map(|(setting, (value, _))| format!("{}={value}", setting.name))
        .collect();
    if told.is_empty() {
        "the default".into()
    } else {
        told.join(" ")
    }
}

/// The best on the files that train, its score there, and on the others.
fn choose(runs: &[Vec<Scored>], train: &[bool]) -> (usize, f64, f64) {
    let scores: Vec<f64> = runs
        .iter()
        .map(|run| nab::standard(&part(run, train, true)).0)
        .collect();
    let best = (0..runs.len()).fold(0, |best, at| if scores[at] > scores[best] { at } else { best });
    (best, scores[best], nab::standard(&part(&runs[best], train, false)).0)
}

fn part<'a>(run: &[Scored<'a>], train: &[bool], side: bool) -> Vec<Scored<'a>> {
    run.iter()
        .zip(train)
        .filter(|(_, train)| **train == side)
        .map(|(one, _)| one.clone())
        .collect()
}

/// Half of the files, at random, the same for the same split.
fn halves(count: usize, split: u64) -> Vec<bool> {
    let key = |file: usize| {
        let mut random =
            (file as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (split + 1).wrapping_mul(0xD1B5_4A32_D192_ED03);
        random ^= random >> 29;
        random = random.wrapping_mul(0xBF58_476D_1CE4_E5B9);
        random ^ (random >> 32)
    };
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|file| key(*file));
    let mut first = vec![false; count];
    order.iter().take(count / 2).for_each(|file| first[*file] = true);
    first
}

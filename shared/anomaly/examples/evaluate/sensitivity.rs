//! What a small change of the settings does to the score.

use crate::{
    nab::{self, Series},
    scored,
};
use watershed_anomaly::{Setting, Settings};

/// How far each is moved.
const SHARE: f64 = 0.05;
/// How often all are moved at once.
const DRAWS: u64 = 20;

/// A table of the settings, then all of them at once.
pub fn print(corpus: &[Series], settings: &Settings) {
    let score = |settings: &Settings| nab::standard(&scored(corpus, settings)).0;
    println!("as it is               {:>7.2}", score(settings));
    println!("{:<20} {:>9} {:>9}", "setting", "-5 %", "+5 %");
    for Setting { name, .. } in Settings::ALL {
        let moved = |factor: f64| {
            let mut moved = settings.clone();
            if let Some(value) = moved.get_mut(name) {
                *value *= factor;
            }
            score(&moved)
        };
        println!("{name:<20} {:>9.2} {:>9.2}", moved(1.0 - SHARE), moved(1.0 + SHARE));
    }
    for share in [SHARE, 2.0 * SHARE] {
        let mut drawn: Vec<f64> = (1..=DRAWS).map(|draw| score(&moved(settings, draw, share))).collect();
        drawn.sort_by(f64::total_cmp);
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        println!(
            "all at once, up to {:.0} % each, {DRAWS} draws: mean {mean:.2}, worst {:.2}, best {:.2}",
            100.0 * share,
            drawn[0],
            drawn[drawn.len() - 1]
        );
    }
}

/// All settings moved at random, by no more than a share.
fn moved(settings: &Settings, draw: u64, share: f64) -> Settings {
    let mut random = draw.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut moved = settings.clone();
    for Setting { name, low, high, .. } in Settings::ALL {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let uniform = (random >> 11) as f64 / (1_u64 << 53) as f64;
        if let Some(value) = moved.get_mut(name) {
            *value = (*value * (1.0 + share * (2.0 * uniform - 1.0))).clamp(*low, *high);
        }
    }
    moved
}

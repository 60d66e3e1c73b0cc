//! Evaluate.
mod baseline;
mod events;
mod nab;
mod synthetic;
use std::{env, path::Path, time::Instant};
use watershed_anomaly::{Detector, Settings};

pub fn run(series: &nab::Series, s: &Settings) -> Vec<f64> {
    let mut d = Detector::new(s).expect("within bounds");
    series
        .rows
        .iter()
        .map(|(t, v)| f64::from(d.observe(*t, *v).score))
        .collect()
}
pub fn runs(corpus: &[nab::Series], s: &Settings) -> Vec<Vec<f64>> {
    corpus.iter().map(|c| run(c, s)).collect()
}
pub fn refs<'a>(corpus: &'a [nab::Series], scores: &'a [Vec<f64>]) -> Vec<(&'a nab::Series, &'a [f64])> {
    corpus.iter().zip(scores.iter().map(Vec::as_slice)).collect()
}
pub fn score(corpus: &[nab::Series], s: &Settings) -> (f64, f64) {
    nab::standard(&refs(corpus, &runs(corpus, s)))
}
/// nab, synthetic as nab, synthetic f1
fn both(nabs: &[nab::Series], syn: &[nab::Series], s: &Settings) -> (f64, f64, f64) {
    let r = runs(syn, s);
    (
        score(nabs, s).0,
        nab::standard(&refs(syn, &r)).0,
        events::best(&refs(syn, &r)).1.f1() * 100.0,
    )
}
const FREE: [&str; 10] = [
    "memory_rows",
    "level_rows",
    "window_rows",
    "clip_deviations",
    "bin_deviations",
    "calm_factor",
    "calm_share",
    "season_visits",
    "record_weight",
    "calm_rows",
];
fn jitter(s: &Settings, k: u64, by: f64) -> Settings {
    let mut t = s.clone();
    let mut r = k * 0x9E37_79B9_7F4A_7C15 + 12345;
    for name in FREE {
        r ^= r << 13;
        r ^= r >> 7;
        r ^= r << 17;
        let f = 1.0 + by * (((r >> 20) % 2001) as f64 / 1000.0 - 1.0);
        let p = t.get_mut(name).unwrap();
        *p = if name == "calm_factor" {
            1.0 + (*p - 1.0) * (1.0 + (f - 1.0) * 3.0)
        } else {
            *p * f
        };
    }
    t
}
/// mean over jitters
fn smooth(nabs: &[nab::Series], syn: &[nab::Series], s: &Settings) -> (f64, f64, f64, f64) {
    let k = 6;
    let all: Vec<_> = (0..k)
        .map(|i| {
            let t = jitter(s, i, 0.1);
            let n = score(nabs, &t).0;
            (
                n,
                if i < 2 {
                    both(&nabs[..1], syn, &t)
                } else {
                    (0.0, 0.0, 0.0)
                },
            )
        })
        .collect();
    let kf = k as f64;
    (
        all.iter().map(|a| a.0).sum::<f64>() / kf,
        all.iter().map(|a| a.0).fold(100.0, f64::min),
        all.iter().map(|a| a.1.1).sum::<f64>() / 2.0,
        all.iter().map(|a| a.1.2).sum::<f64>() / 2.0,
    )
}
fn synth(name: &str, syn: &[nab::Series], scores: &[Vec<f64>]) {
    let f = refs(syn, scores);
    let (thr, t) = events::best(&f);
    println!(
        "{name}: nab {:.2} thr {thr} precision {:.3} recall {:.3} f1 {:.3}",
        nab::standard(&f).0,
        t.precision(),
        t.recall(),
        t.f1()
    );
    for chunk in f.chunks(8) {
        let t = events::all(chunk, thr);
        print!(
            "{}:{}/{}-{}  ",
            chunk[0].0.name.split('/').next().unwrap(),
            t.found,
            t.windows,
            t.false_alarms
        );
    }
    println!();
}

fn main() {
    let args: Vec<String> = env::args().collect();
    let corpus = nab::load(Path::new(&args[2]));
    let mut s = Settings::default();
    for a in &args[3..] {
        if let Some((k, v)) = a.split_once('=') {
            *s.get_mut(k).unwrap_or_else(|| panic!("{k}")) = v.parse().unwrap();
        }
    }
    let syn = synthetic::corpus(8);
    let t = Instant::now();
    let (base, thr) = score(&corpus, &s);
    println!("score {base:.2} threshold {thr:.4} in {:?}", t.elapsed());
    let b = both(&corpus, &syn, &s);
    println!("nab {:.2} syn-nab {:.2} syn-f1 {:.2}", b.0, b.1, b.2);
    match args[1].as_str() {
        "each" => {
            let scores = runs(&corpus, &s);
            for (c, v) in corpus.iter().zip(&scores) {
                println!("{}", nab::one(c, v, thr));
            }
        }
        "z" => {
            let z: Vec<Vec<f64>> = corpus.iter().map(|c| baseline::rolling_z(&c.rows)).collect();
            println!("z nab {:.2}", nab::standard(&refs(&corpus, &z)).0);
            let z: Vec<Vec<f64>> = syn.iter().map(|c| baseline::rolling_z(&c.rows)).collect();
            synth("z", &syn, &z);
            synth("ours", &syn, &runs(&syn, &s));
        }
        "moves" => {
            let factors: Vec<f64> = args[3..].iter().filter_map(|a| a.parse().ok()).collect();
            for watershed_anomaly::Setting { name, .. } in Settings::ALL {
                let mut line = format!("{name:<14}");
                for f in &factors {
                    let mut t = s.clone();
                    let p = t.get_mut(name).unwrap();
                    *p *= f;
                    let b = both(&corpus, &syn, &t);
                    line += &format!("  {:>5.1}/{:>4.1}/{:>4.1}", b.0, b.1, b.2);
                }
                println!("{line}");
            }
        }
        "search" => {
            let j = |t: &Settings| {
                let b = both(&corpus, &syn, t);
                (b.0 + 0.4 * b.1 + 0.2 * b.2, b)
            };
            let (mut best, _) = j(&s);
            for round in 0..2 {
                for watershed_anomaly::Setting { name, .. } in Settings::ALL {
                    if [
                        "half",
                        "warmup",
                        "held",
                        "graded",
                        "w_second",
                        "second_memory",
                        "min_effect",
                    ]
                    .contains(name)
                    {
                        continue;
                    }
                    for f in [0.5, 0.75, 1.35, 2.0] {
                        let mut t = s.clone();
                        let p = t.get_mut(name).unwrap();
                        let v = if *p == 0.0 { 0.3 * f } else { *p * f };
                        let d = 10f64.powf(v.log10().floor() - 1.0);
                        *p = (v / d).round() * d;
                        let v = *p;
                        let (now, b) = j(&t);
                        if now > best + 0.25 {
                            best = now;
                            s = t;
                            println!("{round} {name}={v} {:.1} {:.1} {:.1}", b.0, b.1, b.2);
                        }
                    }
                }
            }
            println!("{s:?}");
        }
        "try" => {
            for a in args[3..].iter().filter(|a| !a.contains('=')) {
                let mut t = s.clone();
                for kv in a.split(',') {
                    let (k, v) = kv.split_once(':').unwrap();
                    *t.get_mut(k).unwrap_or_else(|| panic!("{k}")) = v.parse().unwrap();
                }
                let b = smooth(&corpus, &syn, &t);
                println!("{a:<40} {:>5.1} min {:>5.1} syn {:>5.1} {:>5.1}", b.0, b.1, b.2, b.3);
            }
        }
        _ => {}
    }
}

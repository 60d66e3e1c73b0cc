//! The seeds of every target, and mutations of them: the same ones every time.

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    time::{Duration, Instant},
};
use watershed_hostile::{
    TARGETS, Target,
    mutate::{Numbers, mutated},
};

/// Mutations of all seeds of a target.
const MUTATIONS: u64 = 4_000;
/// A target's mutations stop there, on a slow machine.
const MAX_TIME: Duration = Duration::from_secs(3);

fn seeds(target: &Target) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("seeds")
        .join(target.name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("the folder can be read").path();
            let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.display().to_string(), bytes)
        })
        .collect();
    found.sort();
    found
}

/// Runs the check, and says of which input it fails.
fn check(target: &Target, name: &str, input: &[u8]) {
    let kept = catch_unwind(AssertUnwindSafe(|| (target.check)(input))).is_ok();
    assert!(kept, "{}: {name}: \"{}\"", target.name, input.escape_ascii());
}

#[test]
fn seeds_and_what_is_made_of_them_keep_every_promise() {
    for target in &TARGETS {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        for (name, seed) in &seeds {
            check(target, name, seed);
        }
        let mut numbers = Numbers::new(target.name.len() as u64);
        let begun = Instant::now();
        for nth in 0..MUTATIONS {
            if begun.elapsed() > MAX_TIME {
                break;
            }
            let (name, seed) = &seeds[(nth % seeds.len() as u64) as usize];
            let (_, other) = &seeds[numbers.below(seeds.len() as u64) as usize];
            let input = mutated(seed, other, &mut numbers);
            check(target, &format!("mutation {nth}, of {name}"), &input);
        }
    }
}

#[test]
fn every_target_is_fuzzed_and_has_seeds_of_its_own() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let names = |folder: PathBuf| -> BTreeSet<String> {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let name = |path: PathBuf| path.file_stem().map(|name| name.to_string_lossy().into_owned());
        entries
            .filter_map(|entry| name(entry.expect("the folder can be read").path()))
            .collect()
    };
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_string()).collect();
    assert_eq!(names(root.join("seeds")), targets);
    assert_eq!(names(root.join("../fuzz/fuzz_targets")), targets);
}

//! Whatever functions, services and restarts do: every record is handed on in the order of its key, or is told of. None is skipped.

use super::{RETENTION_MS, Wants, failed, ok, record, said, settings};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use watershed_local::kinesis::{
    answer::Answer,
    record::Record,
    settings::Settings,
    shard::{Position, Shard},
};

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// So many records more are read.
    Read(usize),
    /// Time goes by.
    Wait(i64),
    /// One of the invocations under way is over.
    Answer(usize, Outcome),
    /// The process is killed; what was under way is answered to nobody.
    Restart,
}

#[derive(Debug, Clone)]
enum Outcome {
    Success,
    Failure,
    Throttle,
    /// Reports the record at this place of the batch, and so on.
    Report(Vec<usize>),
    Nonsense,
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        3 => Just(Outcome::Success),
        2 => Just(Outcome::Failure),
        1 => Just(Outcome::Throttle),
        2 => proptest::collection::vec(0_usize..6, 1..3).prop_map(Outcome::Report),
        1 => Just(Outcome::Nonsense),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (1_usize..8).prop_map(Step::Read),
        2 => (1_i64..40_000).prop_map(Step::Wait),
        6 => (0_usize..4, outcome()).prop_map(|(which, outcome)| Step::Answer(which, outcome)),
        1 => Just(Step::Restart),
    ]
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let retries = proptest::option::of(0_u32..3);
    let age = proptest::option::of(60_000_i64..200_000);
    (
        1_usize..6,
        0_i64..10_000,
        1_usize..4,
        any::<bool>(),
        retries,
        age,
        any::<bool>(),
    )
        .prop_map(
            |(batch_size, window_ms, lanes, bisects, max_retries, max_age_ms, reports)| Settings {
                batch_size,
                window_ms,
                lanes,
                bisects,
                max_retries,
                max_age_ms,
                reports,
                ..settings()
            },
        )
}

/// A stream, a shard that is read, and what was done with its records.
struct World {
    settings: Settings,
    stream: Vec<Record>,
    shard: Shard,
    checkpoint: usize,
    read: usize,
    now_ms: i64,
    under_way: Vec<(usize, Vec<u64>)>,
    done: BTreeSet<u64>,
    told: BTreeSet<u64>,
}

impl World {
    fn new(settings: Settings, keys: &[usize]) -> Self {
        let stream = keys.iter().zip(1..);
        let stream = stream.map(|(key, number)| record(number, &key.to_string(), number as i64 * 100, 4));
        Self {
            shard: Shard::new(&settings, RETENTION_MS),
            settings,
            stream: stream.collect(),
            checkpoint: 0,
            read: 0,
            now_ms: 10_000,
            under_way: Vec::new(),
            done: BTreeSet::new(),
            told: BTreeSet::new(),
        }
    }

    fn read(&mut self, count: usize) {
        let to = (self.read + count).min(self.stream.len());
        self.shard.read(self.stream[self.read..to].to_vec(), self.now_ms);
        self.read = to;
        if to == self.stream.len() {
            self.shard.close();
        }
    }

    /// Begins what is to be done. Of each key, all that stands before it is done or told of.
    fn begin(&mut self) {
        loop {
            let work = self.shard.work(self.now_ms);
            if work.is_empty() {
                return;
            }
            for (lane, work) in work {
                match said(work) {
                    Wants::Invoke(batch) => {
                        assert!(batch.len() <= self.settings.batch_size);
                        self.in_order(&batch);
                        self.under_way.push((lane, batch));
                    }
                    Wants::Discard(discarded) => {
                        let number = |sequence: &str| sequence.parse::<u64>().expect("digits");
                        let (first, last) = (number(discarded.first.as_str()), number(discarded.last.as_str()));
                        // With several lanes there are records of others between the first and the last.
                        let told: Vec<u64> = if self.settings.lanes == 1 {
                            assert_eq!((first..=last).count(), discarded.records);
                            (first..=last).collect()
                        } else {
                            vec![first, last]
                        };
                        self.told.extend(told);
                        self.shard.discarded(lane, self.now_ms);
                    }
                }
            }
        }
    }

    fn in_order(&self, batch: &[u64]) {
        assert!(batch.is_sorted(), "{batch:?}");
        if self.settings.lanes > 1 {
            return;
        }
        // One lane: everything before the batch is done or told of.
        for number in 1..batch[0] {
            assert!(
                self.done.contains(&number) || self.told.contains(&number),
                "{number} was passed by {batch:?}"
            );
        }
    }

    fn answer(&mut self, which: usize, outcome: &Outcome) {
        if self.under_way.is_empty() {
            return;
        }
        let (lane, batch) = self.under_way.remove(which % self.under_way.len());
        let places = |places: &[usize]| {
            places
                .iter()
                .map(|place| batch[place % batch.len()])
                .collect::<Vec<u64>>()
        };
        let answer = match outcome {
            Outcome::Success => ok(),
            Outcome::Failure => failed(),
            Outcome::Throttle => Answer::Unreached("HTTP 429".into()),
            Outcome::Nonsense => Answer::Returned(br#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#.to_vec()),
            Outcome::Report(at) => {
                let items: Vec<String> = places(at)
                    .iter()
                    .map(|n| format!(r#"{{"itemIdentifier": "{n}"}}"#))
                    .collect();
                Answer::Returned(format!(r#"{{"batchItemFailures": [{}]}}"#, items.join(",")).into_bytes())
            }
        };
        let reports = self.settings.reports;
        let done: Vec<u64> = match outcome {
            Outcome::Success => batch.clone(),
            Outcome::Report(at) if reports => {
                let lowest = places(at).into_iter().min().unwrap_or_default();
                batch.iter().copied().filter(|number| *number < lowest).collect()
            }
            // What is returned is not looked at.
            Outcome::Report(_) | Outcome::Nonsense if !reports => batch.clone(),
            _ => Vec::new(),
        };
        self.done.extend(done);
        self.shard.answered(lane, &answer, self.now_ms);
    }

    /// Where a restart would begin: everything before is done or told of.
    fn keep(&mut self) {
        self.checkpoint = match self.shard.position() {
            Some(Position::At(sequence)) => sequence.parse::<usize>().expect("digits") - 1,
            Some(Position::After(sequence)) => sequence.parse().expect("digits"),
            _ => self.checkpoint,
        };
        if self.settings.lanes == 1 {
            for number in 1..=self.checkpoint as u64 {
                assert!(
                    self.done.contains(&number) || self.told.contains(&number),
                    "{number} was skipped"
                );
            }
        }
    }

    fn restart(&mut self) {
        self.shard = Shard::new(&self.settings, RETENTION_MS);
        self.read = self.checkpoint;
        self.under_way.clear();
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Read(count) => self.read(*count),
            Step::Wait(ms) => self.now_ms += ms,
            Step::Answer(which, outcome) => self.answer(*which, outcome),
            Step::Restart => self.restart(),
        }
        self.begin();
        self.keep();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Also that the shard comes to its end as soon as functions succeed again.
    #[test]
    fn every_record_is_done_or_told_of(
        settings in any_settings(),
        keys in proptest::collection::vec(0_usize..4, 1..40),
        steps in proptest::collection::vec(step(), 0..80),
    ) {
        let mut world = World::new(settings, &keys);
        for step in &steps {
            world.take(step);
        }
        for _ in 0..10 * keys.len() {
            world.take(&Step::Read(keys.len()));
            world.take(&Step::Wait(1_000));
            world.take(&Step::Answer(0, Outcome::Success));
            if world.shard.ended() {
                break;
            }
        }
        prop_assert!(world.shard.ended());
        prop_assert_eq!(world.checkpoint, keys.len());
        if world.settings.lanes == 1 {
            let all: BTreeSet<u64> = world.done.union(&world.told).copied().collect();
            prop_assert_eq!(all, (1..=keys.len() as u64).collect::<BTreeSet<u64>>());
        }
    }

    /// Lanes: where nothing fails for good, the first time that a record is done comes after that of all before it of its key.
    #[test]
    fn the_order_of_a_key_is_kept_in_any_number_of_lanes(
        lanes in 1_usize..5,
        batch_size in 1_usize..6,
        bisects in any::<bool>(),
        reports in any::<bool>(),
        keys in proptest::collection::vec(0_usize..6, 1..40),
        steps in proptest::collection::vec(step(), 0..80),
    ) {
        let settings = Settings { lanes, batch_size, bisects, reports, ..settings() };
        let mut world = World::new(settings, &keys);
        let (mut seen, mut order) = (BTreeSet::new(), BTreeMap::<usize, Vec<u64>>::new());
        let rest = (0..20 * keys.len()).flat_map(|_| {
            [Step::Read(keys.len()), Step::Wait(1_000), Step::Answer(0, Outcome::Success)]
        });
        for step in steps.into_iter().chain(rest) {
            world.take(&step);
            let news: Vec<u64> = world.done.difference(&seen).copied().collect();
            for number in news {
                seen.insert(number);
                order.entry(keys[number as usize - 1]).or_default().push(number);
            }
        }
        prop_assert_eq!(seen.len(), keys.len());
        prop_assert!(order.values().all(|numbers| numbers.is_sorted()), "{:?}", order);
    }
}

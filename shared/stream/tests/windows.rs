//! Which records stand in which windows, and when those fire.

mod common;

use common::{HOPPING, OUT_OF_ORDER_MS, Row, SESSION, TUMBLING, bounds, end, records, rows, spec};
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc};
use watershed_stream::{Firing, Kind, Merger, Outcome, Output, Position, Record, Spec, State, Value, WindowSpec};

/// Lateness in which no session closes.
const ALL_MS: i64 = 1_000_000;

/// Begin of each window that holds the time.
fn windows_of(window: WindowSpec, time: i64) -> Vec<i64> {
    let (size, slide, offset) = match window {
        WindowSpec::Tumbling { size_ms, offset_ms } => (size_ms, size_ms, offset_ms),
        WindowSpec::Hopping {
            size_ms,
            slide_ms,
            offset_ms,
        } => (size_ms, slide_ms, offset_ms),
        WindowSpec::Session { .. } => panic!("no grid"),
    };
    (time - size + 1..=time)
        .filter(|start| (start - offset).rem_euclid(slide) == 0)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Against a model that knows no slices, timers and revisions: a record counts once in each of its windows that is open
    /// when it comes, and is late if there is none.
    #[test]
    fn each_record_counts_once_in_each_open_window(
        rows in rows(3, 150),
        lateness in prop_oneof![Just(0_i64), Just(60), Just(250)],
        early in prop_oneof![Just(None), Just(Some(25))],
    ) {
        for window in [TUMBLING, HOPPING] {
            let size = 100;
            let spec = spec(window, lateness, early, bounds());
            let mut state = State::new(Arc::clone(&spec), "s");
            let mut expected = BTreeMap::<(i64, Vec<u8>), (u64, i128)>::new();
            let mut watermark = i64::MIN;
            for row in &rows {
                let open: Vec<i64> = windows_of(window, row.event_ms)
                    .into_iter()
                    .filter(|start| start + size + lateness > watermark)
                    .collect();
                let outcome = row.add_to(&mut state);
                prop_assert_eq!(outcome == Outcome::Added, !open.is_empty());
                if outcome == Outcome::Added {
                    watermark = watermark.max(row.event_ms - OUT_OF_ORDER_MS);
                } else {
                    let late = matches!(outcome, Outcome::Late { .. });
                    prop_assert!(late);
                }
                for start in open {
                    let window = expected.entry((start, vec![b'k', row.key])).or_default();
                    window.0 += 1;
                    window.1 += i128::from(row.int.unwrap_or(0));
                }
            }
            end(&mut state);
            let mut merger = Merger::new(Arc::clone(&spec));
            let firings = state.take_fired();
            check_firings(&firings, early.is_some(), lateness)?;
            for firing in firings {
 merger.push(firing);
 }
            let sum = spec.names().iter().position(|name| name == "Sum 0").expect("a sum");
            let found: BTreeMap<(i64, Vec<u8>), (u64, i128)> = merger.windows().map(|window| {
                let sum = match window.partial.outputs(&spec)[sum] {
                    Output::Integer(sum) => sum,
                    _ => 0,
                };
                ((window.start_ms, window.key.to_vec()), (window.partial.records(), sum))
            }).collect();
            prop_assert_eq!(found, expected);
        }
    }

    /// Sessions hold every record that is not late, once; they are at least a gap apart or as long as they may be.
    #[test]
    fn sessions_hold_each_record_once(
        rows in rows(2, 120),
        lateness in prop_oneof![Just(0_i64), Just(60), Just(ALL_MS)],
        early in prop_oneof![Just(None), Just(Some(25))],
    ) {
        let spec = spec(SESSION, lateness, early, bounds());
        let mut state = State::new(Arc::clone(&spec), "s");
        let added = rows.iter().filter(|row| row.add_to(&mut state) == Outcome::Added).count() as u64;
        end(&mut state);
        let firings = state.take_fired();
        check_firings(&firings, early.is_some(), lateness)?;
        let mut merger = Merger::new(Arc::clone(&spec));
        for firing in firings {
 merger.push(firing);
 }
        let mut sessions: Vec<_> = merger.windows().collect();
        prop_assert_eq!(sessions.iter().map(|it| it.partial.records()).sum::<u64>(), added);
        sessions.sort_by(|left, right| (&left.key, left.start_ms).cmp(&(&right.key, right.start_ms)));
        for pair in sessions.windows(2).filter(|pair| pair[0].key == pair[1].key) {
            let (left, right) = (&pair[0], &pair[1]);
            let together = right.end_ms.max(left.end_ms) - left.start_ms - 40;
            prop_assert!(left.end_ms <= right.start_ms || together > 150 || lateness < ALL_MS);
        }
        prop_assert!(sessions.iter().all(|it| it.end_ms - it.start_ms <= 150 + 40));
    }

    /// In order, with one key: sessions are what the gaps cut.
    #[test]
    fn sessions_are_what_gaps_cut(steps in prop::collection::vec(0_i64..60, 1..60)) {
        let no_limit = WindowSpec::Session { gap_ms: 40, max_ms: 1_000_000 };
        let spec = spec(no_limit, 0, None, bounds());
        let mut state = State::new(Arc::clone(&spec), "s");
        let (mut now, mut expected) = (0, Vec::<(i64, i64, u64)>::new());
        for (sequence, step) in (1..).zip(&steps) {
            now += step;
            prop_assert_eq!(Row::plain(sequence, now, 0, "a").add_to(&mut state), Outcome::Added);
            match expected.last_mut() {
                Some(session) if *step < 40 => *session = (session.0, now + 40, session.2 + 1),
                _ => expected.push((now, now + 40, 1)),
            }
        }
        end(&mut state);
        let fired = state.take_fired();
        let found: Vec<_> = fired.iter().map(|it| (it.start_ms, it.end_ms, it.partial.records())).collect();
        prop_assert_eq!(found, expected);
    }
}

/// Order, revisions and kinds of firings; one final for each window that is not void.
fn check_firings(firings: &[Firing], early: bool, lateness: i64) -> Result<(), TestCaseError> {
    let mut last = BTreeMap::<u128, (u32, Kind)>::new();
    for firing in firings {
        let before = last.insert(firing.id(), (firing.revision, firing.kind));
        prop_assert_eq!(firing.revision, before.map_or(0, |before| before.0 + 1));
        match firing.kind {
            Kind::Early => prop_assert!(early && firing.due_ms < firing.end_ms),
            Kind::Final => prop_assert!(firing.due_ms >= firing.end_ms),
            Kind::Correction => prop_assert!(lateness > 0 && before.is_some()),
            Kind::Retracted => prop_assert!(before.is_some()),
            Kind::Evicted => prop_assert!(false, "the bounds are wide"),
        }
        prop_assert!(firing.due_ms <= firing.end_ms + lateness);
    }
    prop_assert!(last.values().all(|(_, kind)| *kind != Kind::Early));
    let finals = firings.iter().filter(|firing| firing.kind == Kind::Final);
    let mut finals: Vec<u128> = finals.map(Firing::id).collect();
    finals.sort_unstable();
    let count = finals.len();
    finals.dedup();
    prop_assert_eq!(finals.len(), count, "a window is final once");
    prop_assert!(firings.windows(2).all(|pair| pair[0].due_ms <= pair[1].due_ms));
    Ok(())
}

fn told(state: &mut State) -> Vec<(Kind, i64, u32, u64)> {
    let fired = state.take_fired();
    fired
        .iter()
        .map(|it| (it.kind, it.start_ms, it.revision, it.partial.records()))
        .collect()
}

fn size_100(lateness_ms: i64, early_ms: Option<i64>) -> Arc<Spec> {
    let window = WindowSpec::Tumbling {
        size_ms: 100,
        offset_ms: 0,
    };
    spec(window, lateness_ms, early_ms, bounds())
}

#[test]
fn a_window_fires_early_at_its_end_and_when_it_was_late() {
    let mut state = State::new(size_100(50, Some(40)), "s");
    let add = |state: &mut State, sequence, event_ms| Row::plain(sequence, event_ms, 0, "a").add_to(state);
    add(&mut state, 1, 30);
    add(&mut state, 2, 50);
    assert_eq!(told(&mut state), [], "the watermark is 30");
    add(&mut state, 3, 70);
    assert_eq!(told(&mut state), [(Kind::Early, 0, 0, 3)], "40 has passed");
    add(&mut state, 4, 105);
    assert_eq!(
        told(&mut state),
        [(Kind::Early, 100, 0, 1)],
        "80 has passed, and nothing new is in the first window"
    );
    add(&mut state, 5, 125);
    assert_eq!(
        told(&mut state),
        [(Kind::Final, 0, 1, 3)],
        "its end has passed, without news too"
    );
    assert_eq!(add(&mut state, 6, 99), Outcome::Added);
    assert_eq!(told(&mut state), [], "corrections wait for the tick");
    add(&mut state, 7, 145);
    assert_eq!(
        told(&mut state),
        [(Kind::Correction, 0, 2, 4), (Kind::Early, 100, 1, 3)]
    );
    add(&mut state, 8, 175);
    assert_eq!(told(&mut state), [], "150 has passed: closed, without news");
    assert_eq!(
        add(&mut state, 9, 98),
        Outcome::Late {
            by_ms: 5,
            closed_ms: 150
        }
    );
}

#[test]
fn the_future_moves_nothing() {
    let mut state = State::new(size_100(0, None), "s");
    Row::plain(1, 10, 0, "a").add_to(&mut state);
    let far = Row::plain(2, 5_000, 0, "a");
    let record = |arrival_ms| Record {
        position: Position {
            high: 0,
            sequence: 2,
            sub: 0,
        },
        arrival_ms,
        event_ms: 5_000,
        key: b"k",
        values: &[Value::Null, Value::Null, Value::Null, Value::Null],
    };
    assert_eq!(state.add(&record(3_000)), Outcome::Future { ahead_ms: 2_000 });
    assert_eq!(state.watermark_ms(), Some(-10));
    assert_eq!(far.add_to(&mut state), Outcome::Seen, "it was looked at");
    assert_eq!(Row::plain(3, 11, 0, "a").add_to(&mut state), Outcome::Added);
}

#[test]
fn what_is_not_as_declared_is_told() {
    let mut state = State::new(size_100(0, None), "s");
    let record = |sequence, key, values| Record {
        position: Position {
            high: 0,
            sequence,
            sub: 1,
        },
        arrival_ms: i64::MAX,
        event_ms: 10,
        key,
        values,
    };
    let right = [Value::Null; 4];
    let outcome = state.add(&record(
        1,
        b"k",
        &[Value::Int(1), Value::Int(1), Value::Null, Value::Null],
    ));
    assert_eq!(outcome, Outcome::Untyped { input: 1 });
    assert_eq!(state.add(&record(1, b"k", &right[..3])), Outcome::Untyped { input: 3 });
    assert_eq!(state.add(&record(1, &[0; 3_000], &right)), Outcome::KeyTooLong);
    let far = Record {
        event_ms: i64::MAX,
        ..record(2, b"k", &right)
    };
    assert_eq!(state.add(&far), Outcome::OutOfRange);
    let past = Record {
        event_ms: i64::MIN,
        ..record(3, b"k", &right)
    };
    assert_eq!(state.add(&past), Outcome::OutOfRange);
    assert_eq!(state.watermark_ms(), None);
}

#[test]
fn an_idle_shard_goes_on_with_arrivals() {
    let spec = size_100(0, None);
    let mut state = State::new(Arc::clone(&spec), "s");
    Row::plain(1, 10, 0, "a").add_to(&mut state);
    let mut fired = Vec::new();
    state.idle_until(119, &mut |piece| fired.extend(piece));
    assert!(fired.is_empty());
    state.idle_until(120, &mut |piece| fired.extend(piece));
    let told: Vec<_> = fired
        .iter()
        .map(|it| (it.kind, it.start_ms, it.partial.records()))
        .collect();
    assert_eq!(told, [(Kind::Final, 0, 1)]);
    state.idle_until(50, &mut |piece| panic!("{piece:?}"));
    assert_eq!(state.watermark_ms(), Some(100), "it never goes back");
    assert_eq!(records(&spec, state.take_fired()), []);
}

#[test]
fn a_record_between_makes_two_sessions_one() {
    let window = WindowSpec::Session {
        gap_ms: 40,
        max_ms: 500,
    };
    let spec = spec(window, 200, None, bounds());
    let mut state = State::new(Arc::clone(&spec), "s");
    for (sequence, event_ms) in [(1, 0), (2, 50), (3, 150)] {
        Row::plain(sequence, event_ms, 0, "a").add_to(&mut state);
    }
    assert_eq!(told(&mut state), [(Kind::Final, 0, 0, 1), (Kind::Final, 50, 0, 1)]);
    Row::plain(4, 25, 0, "a").add_to(&mut state);
    assert_eq!(told(&mut state), [(Kind::Retracted, 50, 1, 0)]);
    Row::plain(5, 185, 0, "a").add_to(&mut state);
    assert_eq!(told(&mut state), [(Kind::Correction, 0, 1, 3)]);
}

#[test]
fn a_sequence_number_has_more_digits_than_128_bits_hold() {
    let mut state = State::new(size_100(0, None), "s");
    let values = [Value::Null, Value::Null, Value::Null, Value::Null];
    let mut add = |high, sequence| {
        let position = Position { high, sequence, sub: 0 };
        let record = Record {
            position,
            arrival_ms: i64::MAX,
            event_ms: 10,
            key: b"k",
            values: &values,
        };
        let outcome = state.add(&record);
        state = State::decode(&size_100(0, None), &state.encode()).expect("its own bytes");
        assert_eq!(state.last_position().map(|last| last >= position), Some(true));
        outcome
    };
    assert_eq!(add(1, 9), Outcome::Added);
    assert_eq!(add(1, 8), Outcome::Seen);
    assert_eq!(add(0, 10), Outcome::Seen);
    assert_eq!(add(2, 0), Outcome::Added);
}

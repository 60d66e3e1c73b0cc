//! Shards that split and merge: no record is lost, none counts twice.

mod common;

use common::{HOPPING, Row, SESSION, TUMBLING, bounds, end, records, rows, spec};
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc};
use watershed_stream::{Firing, Kind, Outcome, State};

/// Which of two children owns a key.
fn half(key: &[u8]) -> usize {
    usize::from(key[1] % 2)
}

/// How many were not late.
fn add(state: &mut State, rows: &[Row]) -> usize {
    rows.iter().filter(|row| row.add_to(state) == Outcome::Added).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// One shard becomes two, the two become one; records of a key come to either child.
    #[test]
    fn nothing_is_lost_and_nothing_doubled(
        rows in rows(6, 150),
        window in prop_oneof![Just(TUMBLING), Just(HOPPING), Just(SESSION)],
        lateness in prop_oneof![Just(0_i64), Just(60), Just(250)],
        early in prop_oneof![Just(None), Just(Some(25))],
        cuts in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        by_key in any::<bool>(),
    ) {
        let spec = spec(window, lateness, early, bounds());
        let (first, second) = (cuts.0.index(rows.len() + 1), cuts.1.index(rows.len() + 1));
        let (first, second) = (first.min(second), first.max(second));

        let mut parent = State::new(Arc::clone(&spec), "parent");
        let mut added = add(&mut parent, &rows[..first]);
        let mut fired = parent.take_fired();

        // A child lives on what was encoded.
        let parent = parent.encode();
        let read = |bytes: &[u8]| State::decode(&spec, bytes).expect("what was encoded");
        let mut children: Vec<State> = (0..2)
            .map(|at| State::inherit(&spec, &format!("child-{at}"), vec![read(&parent)], |key| half(key) == at))
            .collect();
        for row in &rows[first..second] {
            let to = if by_key || window == SESSION { usize::from(row.key % 2) } else { row.sequence as usize % 2 };
            added += add(&mut children[to], std::slice::from_ref(row));
        }
        for child in &mut children {
            fired.extend(child.take_fired());
        }
        let bytes: Vec<Vec<u8>> = children.iter().map(State::encode).collect();
        let parents = || bytes.iter().map(|bytes| read(bytes)).collect();
        let mut child = State::inherit(&spec, "grandchild", parents(), |_| true);
        let mut again = State::inherit(&spec, "grandchild", parents(), |_| true);
        let taken = child.take_fired();
        prop_assert!(taken == again.take_fired() && child.encode() == again.encode());
        fired.extend(taken);
        added += add(&mut child, &rows[second..]);
        end(&mut child);
        fired.extend(child.take_fired());

        check_revisions(&fired)?;
        let found = records(&spec, fired);
        // A record of a hopping window is in as many windows as are open.
        if window != HOPPING {
            prop_assert_eq!(found.iter().map(|it| it.2).sum::<u64>(), added as u64);
        }
    }

    /// Without late records it is as if there had been one shard.
    #[test]
    fn split_and_merge_change_nothing(
        steps in prop::collection::vec((0_i64..15, 0..6_u8), 1..150),
        window in prop_oneof![Just(TUMBLING), Just(HOPPING)],
        early in prop_oneof![Just(None), Just(Some(25))],
        cut in any::<prop::sample::Index>(),
    ) {
        let spec = spec(window, 60, early, bounds());
        let mut now = 0;
        let rows: Vec<Row> = (1..).zip(&steps).map(|(sequence, (step, key))| {
            now += step;
            Row { sequence, event_ms: now, key: *key, int: None, float: 0.0, decimal: 1, text: String::new() }
        }).collect();
        let mut one = State::new(Arc::clone(&spec), "one");
        prop_assert_eq!(add(&mut one, &rows), rows.len());
        end(&mut one);
        let expected = records(&spec, one.take_fired());

        let cut = cut.index(rows.len());
        let mut parent = State::new(Arc::clone(&spec), "parent");
        add(&mut parent, &rows[..cut]);
        let mut fired = parent.take_fired();
        for at in 0..2 {
            let mut child = State::inherit(&spec, &format!("child-{at}"), vec![parent.clone()], |key| half(key) == at);
            for row in rows[cut..].iter().filter(|row| row.sequence as usize % 2 == at) {
                prop_assert_eq!(row.add_to(&mut child), Outcome::Added);
            }
            end(&mut child);
            fired.extend(child.take_fired());
        }
        check_revisions(&fired)?;
        prop_assert_eq!(records(&spec, fired), expected);
    }
}

/// Of one id revisions rise by one, and nothing follows a retraction.
fn check_revisions(fired: &[Firing]) -> Result<(), TestCaseError> {
    let mut last = BTreeMap::new();
    for firing in fired {
        let before = last.insert(firing.id(), (firing.revision, firing.kind));
        prop_assert_eq!(firing.revision, before.map_or(0, |(revision, _)| revision + 1));
        prop_assert!(before.is_none_or(|(_, kind)| kind != Kind::Retracted));
    }
    Ok(())
}

#[test]
fn a_child_voids_what_its_parent_fired_and_fires_it_anew() {
    let spec = spec(TUMBLING, 500, None, bounds());
    let row = |sequence, event_ms| Row {
        sequence,
        event_ms,
        key: 0,
        int: None,
        float: 0.0,
        decimal: 0,
        text: String::new(),
    };
    let mut parent = State::new(Arc::clone(&spec), "parent");
    add(&mut parent, &[row(1, 10), row(2, 20), row(3, 150)]);
    let told = |state: &mut State| -> Vec<(Kind, i64, u32, u64, String)> {
        let fired = state.take_fired().into_iter();
        fired
            .map(|it| {
                (
                    it.kind,
                    it.start_ms,
                    it.revision,
                    it.partial.records(),
                    it.origin.shard.to_string(),
                )
            })
            .collect()
    };
    assert_eq!(told(&mut parent), [(Kind::Final, 7, 0, 2, "parent".into())]);
    let mut child = State::inherit(&spec, "child", vec![parent], |_| true);
    assert_eq!(told(&mut child), [(Kind::Retracted, 7, 1, 0, "parent".into())]);
    assert_eq!(child.last_position(), None, "a shard has numbers of its own");
    add(&mut child, &[row(1, 160), row(2, 30)]);
    assert_eq!(told(&mut child), [(Kind::Final, 7, 0, 2, "child".into())]);
    add(&mut child, &[row(3, 260)]);
    assert_eq!(
        told(&mut child),
        [
            (Kind::Correction, 7, 1, 3, "child".into()),
            (Kind::Final, 107, 0, 2, "child".into())
        ]
    );
}

//! The same records give the same, however they are batched; the codec; bounds.

mod common;

use common::{HOPPING, OUT_OF_ORDER_MS, Row, add_all, bounds, end, records, rows, spec, specs};
use proptest::prelude::*;
use std::sync::Arc;
use watershed_stream::{Bounds, DecodeError, Firing, Outcome, PIECE_BYTES, Partial, State, WindowSpec};

/// Keys and bytes so few that keys go all the time.
const NARROW: Bounds = Bounds {
    keys: 3,
    bytes: 64 << 10,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Batches of any length, each followed by a checkpoint that the next one begins with; some delivered twice.
    #[test]
    fn batching_does_not_matter(
        spec in prop_oneof![specs(bounds()), specs(NARROW)],
        rows in rows(6, 120),
        cuts in prop::collection::vec((1..40_usize, any::<bool>()), 1..20),
    ) {
        let mut whole = State::new(Arc::clone(&spec), "shard-1");
        let (outcomes, fired) = add_all(&mut whole, &rows);

        let mut state = State::new(Arc::clone(&spec), "shard-1");
        let (mut found, mut told) = (Vec::new(), Vec::new());
        let mut rest = &rows[..];
        for (length, again) in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (batch, after) = rest.split_at((*length).min(rest.len()));
            rest = after;
            told.extend(batch.iter().map(|row| row.add_to(&mut state)));
            if *again {
                prop_assert!(batch.iter().all(|row| row.add_to(&mut state) == Outcome::Seen));
            }
            found.extend(state.take_fired());
            let bytes = state.encode();
            prop_assert!(bytes.len() <= state.weight());
            let weight = state.weight();
            state = State::decode(&spec, &bytes).expect("what was encoded");
            prop_assert_eq!(state.weight(), weight, "counted as it changed, and anew");
            prop_assert!(state.encode() == bytes);
            prop_assert!(state.take_fired().is_empty());
        }
        prop_assert_eq!(outcomes, told);
        prop_assert!(fired == found, "{:?}\n{:?}", brief(&fired), brief(&found));
        prop_assert!(whole.encode() == state.encode());
        end(&mut whole);
        end(&mut state);
        prop_assert!(whole.take_fired() == state.take_fired());
        prop_assert_eq!(whole.keys(), 0);
    }

    /// Bytes that were changed are refused; with a checksum that fits they are refused or read, and what is read is written the
    /// same, goes on and never panics.
    #[test]
    fn changed_bytes_never_panic(
        spec in specs(bounds()),
        rows in rows(3, 30),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut state = State::new(Arc::clone(&spec), "shard-1");
        for row in &rows {
 row.add_to(&mut state);
 }
        let bytes = state.encode();
        let mut changed = bytes.clone();
        for (at, value) in changes {
            let at = at.index(changed.len());
            changed[at] = value;
        }
        if let Some(cut) = cut {
            changed.truncate(cut.index(changed.len()));
        }
        match State::decode(&spec, &changed) {
            Ok(_) => prop_assert!(changed == bytes),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
        let Some(body) = changed.len().checked_sub(8).filter(|body| *body > 13) else { return Ok(()) };
        changed[..13].copy_from_slice(&bytes[..13]);
        let checksum = xxhash_rust::xxh3::xxh3_64(&changed[..body]);
        changed[body..].copy_from_slice(&checksum.to_le_bytes());
        if let Ok(mut read) = State::decode(&spec, &changed) {
            let again = State::decode(&spec, &read.encode()).expect("what was encoded");
            prop_assert!(again.encode() == read.encode());
            for row in &rows {
 row.add_to(&mut read);
 }
            for firing in read.take_fired() {
                prop_assert_eq!(firing.partial.outputs(&spec).len(), spec.names().len());
            }
        }
    }

    #[test]
    fn partial_results_come_back(spec in specs(bounds()), rows in rows(3, 60)) {
        let mut state = State::new(Arc::clone(&spec), "shard-1");
        for row in &rows {
 row.add_to(&mut state);
 }
        end(&mut state);
        for firing in state.take_fired() {
            let bytes = firing.partial.encode(&spec);
            let read = Partial::decode(&spec, &bytes).expect("what was encoded");
            prop_assert!(read.encode(&spec) == bytes);
            prop_assert!(read == firing.partial);
        }
    }

    /// What is evicted is fired before: with narrow bounds windows hold the same records as with wide ones.
    #[test]
    fn eviction_loses_nothing(rows in rows(12, 150), early in prop_oneof![Just(None), Just(Some(25))]) {
        for window in [common::TUMBLING, HOPPING] {
            let of = |bounds| {
                let spec = spec(window, 60, early, bounds);
                let mut state = State::new(Arc::clone(&spec), "shard-1");
                let outcomes: Vec<Outcome> = rows.iter().map(|row| row.add_to(&mut state)).collect();
                assert!(state.keys() <= bounds.keys && state.weight() <= bounds.bytes);
                end(&mut state);
                (outcomes, records(&spec, state.take_fired()), state.evicted().keys)
            };
            let (narrow, wide) = (of(NARROW), of(bounds()));
            prop_assert_eq!((&narrow.0, &narrow.1), (&wide.0, &wide.1));
            prop_assert_eq!(wide.2, 0);
        }
    }
}

/// One record after a long pause: everything that is open fires, each slice in a hundred windows.
#[test]
fn what_fires_at_once_is_handed_on_in_pieces() {
    let window = WindowSpec::Hopping {
        size_ms: 1_000,
        slide_ms: 10,
        offset_ms: 0,
    };
    let spec = spec(window, 0, None, bounds());
    let mut state = State::new(Arc::clone(&spec), "shard-1");
    for sequence in 0_u16..2_000 {
        let text = format!("{sequence:032}");
        let key = u8::try_from(sequence % 200).expect("below 200");
        Row::plain(u128::from(sequence) + 1, i64::from(sequence % 1_000), key, &text).add_to(&mut state);
    }
    state.take_fired();
    let (mut at_once, mut pieces) = (state.clone(), Vec::new());
    at_once.advance(1_000_000);
    let fired = at_once.take_fired();

    state.idle_until(1_000_000 + OUT_OF_ORDER_MS, &mut |piece| pieces.push(piece));
    let bytes = |piece: &[Firing]| piece.iter().map(|it| it.partial.encode(&spec).len()).sum::<usize>();
    assert!(pieces.len() > 3, "{} firings in {} pieces", fired.len(), pieces.len());
    assert!(pieces.iter().all(|piece| bytes(piece) < 2 * PIECE_BYTES));
    assert!(state.encode() == at_once.encode());
    assert!(fired == pieces.concat());
}

fn brief(firings: &[Firing]) -> Vec<String> {
    let brief = firings.iter().map(|it| {
        format!(
            "{:?} {}..{} {:?} r{} due {}",
            it.key, it.start_ms, it.end_ms, it.kind, it.revision, it.due_ms
        )
    });
    brief.collect()
}

#[test]
fn bytes_of_others_are_told_apart() {
    let spec_now = spec(HOPPING, 0, None, bounds());
    let bytes = State::new(Arc::clone(&spec_now), "shard-1").encode();
    let error = |bytes: &[u8]| State::decode(&spec_now, bytes).expect_err("no state");
    assert!(matches!(error(b"PAR1 and more"), DecodeError::Foreign { .. }));
    assert!(matches!(error(b""), DecodeError::Foreign { .. }));
    assert!(matches!(error(b"WSST"), DecodeError::Checksum));
    let mut newer = bytes.clone();
    newer[4] = 9;
    assert_eq!(error(&newer), DecodeError::Version { found: 9, known: 2 });
    assert!(error(&newer).to_string().contains("deploy the program that wrote it"));
    let other = spec(HOPPING, 5, None, bounds());
    assert_eq!(
        State::decode(&other, &bytes).expect_err("another lateness"),
        DecodeError::OtherSpec
    );
}

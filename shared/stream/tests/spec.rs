//! Declarations that cannot be, and what is said of them: all at once.

mod common;

use common::{HOPPING, INPUTS, Row, SESSION, TUMBLING, aggregate, all, bounds, end, records, spec, spec_of};
use std::sync::Arc;
use watershed_stream::{Bounds, Function, InputType, Kind, Outcome, Spec, State, Timing, WindowSpec};
use xxhash_rust::xxh3::xxh3_64;

const TIMING: Timing = Timing {
    out_of_order_ms: 0,
    allowed_lateness_ms: 0,
    early_ms: None,
    max_ahead_ms: 0,
};

fn wrong(window: WindowSpec, timing: Timing, functions: &[(Function, usize)], bounds: Bounds) -> Vec<String> {
    let aggregates: Vec<_> = functions
        .iter()
        .map(|(function, input)| aggregate(function.clone(), *input))
        .collect();
    Spec::new(window, timing, INPUTS.to_vec(), &aggregates, bounds).map_or_else(|errors| errors.0, |_| Vec::new())
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let window = WindowSpec::Hopping {
        size_ms: 100,
        slide_ms: 200,
        offset_ms: -1,
    };
    let timing = Timing {
        out_of_order_ms: -5,
        early_ms: Some(0),
        ..TIMING
    };
    let functions = [
        (Function::Sum, 3),
        (Function::Sum, 3),
        (Function::Count, 9),
        (Function::Top { values: 0 }, 0),
        (Function::Distinct { precision: 3 }, 0),
        (
            Function::Quantiles {
                probabilities: vec![0.5, 1.5],
                accuracy: 0.01,
            },
            1,
        ),
        (
            Function::Quantiles {
                probabilities: vec![0.5],
                accuracy: f64::NAN,
            },
            1,
        ),
    ];
    let bounds = Bounds { keys: 0, bytes: 1 };
    let expected = [
        "a slide of 200 ms leaves records between windows of 100 ms out: make it no longer",
        "an offset is 0 to below 200 ms, not -1",
        "aggregate \"Sum 3\": it wants an input of integers, floats or decimals",
        "aggregate \"Sum 3\" is there twice: give it another name",
        "aggregate \"Sum 3\": it wants an input of integers, floats or decimals",
        "aggregate \"Count 9\": there is no input 9, only 4",
        "aggregate \"Top { values: 0 } 0\": it gives 1 to 100 values, not 0",
        "aggregate \"Distinct { precision: 3 } 0\": a precision is 8 to 16, not 3",
        "aggregate \"Quantiles { probabilities: [0.5, 1.5], accuracy: 0.01 } 1\": a quantile is 0 to 1, not 1.5",
        "aggregate \"Quantiles { probabilities: [0.5], accuracy: NaN } 1\": an accuracy is 0.001 to 0.1, not NaN",
        "out of order is 0 to 31708800000 ms, not -5",
        "early firings come every 1 to 31708800000 ms, not 0",
        "a state holds 1 to 10000000 keys, not 0",
        "a state holds 65536 to 1073741824 bytes, not 1",
    ];
    assert_eq!(wrong(window, timing, &functions, bounds), expected);
}

#[test]
fn windows_have_bounds() {
    let of = |window| wrong(window, TIMING, &[(Function::Records, 0)], bounds());
    let hopping = |size_ms, slide_ms| WindowSpec::Hopping {
        size_ms,
        slide_ms,
        offset_ms: 0,
    };
    let tumbling = |size_ms, offset_ms| WindowSpec::Tumbling { size_ms, offset_ms };
    assert_eq!(of(hopping(3_600_000, 300_000)), [""; 0]);
    assert_eq!(
        of(hopping(3_600_000, 299_999)),
        [
            "windows of 3600000 ms every 299999 ms have 3600000 slices of 1 ms, and 1000 at most: let the slide divide the size"
        ]
    );
    assert_eq!(of(hopping(2_000, 1)).len(), 2, "slices and overlaps");
    assert_eq!(
        of(tumbling(0, 0))[0],
        "the size of a window is 1 to 31708800000 ms, not 0"
    );
    assert_eq!(of(tumbling(i64::MAX, 0)).len(), 1);
    assert_eq!(of(tumbling(i64::MIN, i64::MIN)).len(), 2);
    assert_eq!(of(WindowSpec::Session { gap_ms: 0, max_ms: -1 }).len(), 2);
    assert_eq!(wrong(TUMBLING, TIMING, &[], bounds()), ["0 aggregates: give 1 to 64"]);
    let decimal = vec![InputType::Decimal { scale: 39 }];
    let errors = Spec::new(TUMBLING, TIMING, decimal, &all()[..1], bounds()).expect_err("a scale of 39");
    assert_eq!(errors.to_string(), "input 0: a decimal has a scale of 38 at most");
}

fn row(sequence: u128, event_ms: i64, key: u8) -> Row {
    Row {
        sequence,
        event_ms,
        key,
        int: Some(sequence as i64),
        float: sequence as f64 / 3.0,
        decimal: -(sequence as i128),
        text: format!("text {}", sequence % 5),
    }
}

/// The least recent key goes, with what it holds; what comes later for it is another origin's.
#[test]
fn keys_go_by_their_last_record() {
    let spec = spec_of(
        TUMBLING,
        0,
        None,
        Bounds { keys: 2, ..bounds() },
        &[aggregate(Function::Records, 0)],
    );
    let mut state = State::new(Arc::clone(&spec), "s");
    for (sequence, key) in [(1, 0), (2, 1), (3, 0), (4, 2)] {
        assert_eq!(row(sequence, 10, key).add_to(&mut state), Outcome::Added);
    }
    let mut fired = state.take_fired();
    assert_eq!(
        fired
            .iter()
            .map(|it| (it.kind, it.key[1], it.origin.born))
            .collect::<Vec<_>>(),
        [(Kind::Evicted, 1, 2)]
    );
    row(5, 11, 1).add_to(&mut state);
    end(&mut state);
    fired.extend(state.take_fired());
    let told: Vec<_> = fired
        .iter()
        .map(|it| (it.kind, it.key[1], it.origin.born, it.partial.records()))
        .collect();
    assert_eq!(
        told,
        [
            (Kind::Evicted, 1, 2, 1),
            (Kind::Evicted, 0, 1, 2),
            (Kind::Final, 1, 5, 1),
            (Kind::Final, 2, 4, 1)
        ]
    );
    assert_eq!((state.evicted().keys, state.evicted().windows), (2, 2));
    let windows = records(&spec, fired);
    assert_eq!(windows.iter().map(|it| it.2).collect::<Vec<_>>(), [2, 2, 1]);
}

/// So many bytes that some must go, of every kind of window.
#[test]
fn a_state_never_has_more_bytes_than_its_bound() {
    for window in [TUMBLING, HOPPING, SESSION] {
        let bytes = 64 << 10;
        let spec = spec(window, 250, Some(25), Bounds { bytes, ..bounds() });
        let mut state = State::new(Arc::clone(&spec), "s");
        let mut fired = Vec::new();
        for at in 1..2_000_u64 {
            let row = row(at.into(), (at * 3) as i64, (at * at % 61) as u8);
            assert_eq!(row.add_to(&mut state), Outcome::Added);
            assert!(state.weight() <= bytes);
            fired.append(&mut state.take_fired());
        }
        assert!(state.evicted().keys > 100);
        assert!(state.encode().len() <= bytes);
        end(&mut state);
        fired.append(&mut state.take_fired());
        if window != HOPPING {
            let counts = records(&spec, fired).into_iter().map(|it| it.2);
            assert_eq!(counts.sum::<u64>(), 1_999);
        }
    }
}

/// The bytes of version 2, on every machine. If they must change, so must the version.
#[test]
fn the_bytes_of_version_2() {
    let digests = [TUMBLING, HOPPING, SESSION].map(|window| {
        let mut state = State::new(spec(window, 60, Some(25), bounds()), "shard-1");
        for at in 1..200_u64 {
            row(at.into(), (at * 7 + at * at % 31) as i64, (at % 5) as u8).add_to(&mut state);
        }
        let fired = state.take_fired();
        let bytes: Vec<u8> = fired.iter().flat_map(|it| it.partial.encode(state.spec())).collect();
        format!(
            "{:016x} {:016x} {}",
            xxh3_64(&state.encode()),
            xxh3_64(&bytes),
            fired.len()
        )
    });
    let expected = [
        "f08e4317f29c6b2d f81ac92b96a82203 252",
        "ccbaef268b8f81e8 c0a527d79dacd9ad 848",
        "bc8f36876c16799b 181af23d5eb3c5c1 254",
    ];
    assert_eq!(digests, expected);
}

/// One record may fire all that is open, and that takes its time.
#[test]
fn windows_that_are_open_at_once_are_bounded() {
    let hopping = |slide_ms| WindowSpec::Hopping {
        size_ms: 500 * slide_ms,
        slide_ms,
        offset_ms: 0,
    };
    let keys = |keys| Bounds { keys, ..bounds() };
    assert_eq!(hopping(1).most_keys(), Some(20_000));
    assert_eq!(
        wrong(hopping(1), TIMING, &[(Function::Count, 0)], keys(20_000)),
        [""; 0]
    );
    let said = wrong(hopping(1), TIMING, &[(Function::Count, 0)], keys(20_001));
    assert!(
        said[0].contains("20001 keys") && said[0].ends_with("let a state hold up to 20000 keys"),
        "{said:?}"
    );
    assert_eq!(TUMBLING.most_keys(), Some(10_000_000));
    assert_eq!(hopping(0).most_keys(), None);
}

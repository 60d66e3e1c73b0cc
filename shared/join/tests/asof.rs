//! As-of joins: against a search through all rows, and what is asked of them at the edges.

use arrow_array::{
    ArrayRef, Date32Array, Date64Array, Int64Array, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
};
use proptest::prelude::*;
use std::{collections::HashSet, sync::Arc, time::Duration};
use watershed_join::{AsOf, Direction};

type Rows = Vec<Option<u32>>;
type Row = (Option<i64>, Option<i64>);

const DIRECTIONS: [Direction; 3] = [Direction::Backward, Direction::Forward, Direction::Nearest];

fn instants(times: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(
        times
            .into_iter()
            .collect::<TimestampMicrosecondArray>()
            .with_timezone("UTC"),
    )
}

fn texts(texts: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

fn rows(index: &AsOf, by: &[ArrayRef], time: &ArrayRef, direction: Direction, tolerance: Option<Duration>) -> Rows {
    let found = index.rows(by, time, direction, tolerance);
    found.expect("an answer").iter().collect()
}

fn alone(reference: &ArrayRef, batch: &ArrayRef, direction: Direction) -> Rows {
    let index = AsOf::build(&[], reference).expect("an index");
    rows(&index, &[], batch, direction, None)
}

/// Of times in nanoseconds: the reference's, the batch's, and what may lie between.
fn brute(reference: &[Row], batch: &[Row], direction: Direction, tolerance: Option<i128>, units: (i128, i128)) -> Rows {
    let of = |(key, time): &Row| {
        let (key, time) = (key.as_ref()?, i128::from((*time)?) * units.1);
        let candidates = (0_u32..).zip(reference).filter_map(|(row, (known, at))| {
            let at = i128::from((*at)?) * units.0;
            let there = known.as_ref() == Some(key)
                && match direction {
                    Direction::Backward => at <= time,
                    Direction::Forward => at >= time,
                    Direction::Nearest => true,
                };
            let gap = (at - time).abs();
            (there && tolerance.is_none_or(|tolerance| gap <= tolerance)).then_some((gap, at, row))
        });
        candidates.min().map(|(_, _, row)| row)
    };
    batch.iter().map(of).collect()
}

fn row(times: std::ops::Range<i64>) -> impl Strategy<Value = Row> {
    let time = prop_oneof![
        1 => Just(None),
        8 => times.prop_map(Some),
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX)].prop_map(Some),
    ];
    (proptest::option::weighted(0.9, 0..4_i64), time)
}

fn unique(rows: Vec<Row>) -> Vec<Row> {
    let mut seen = HashSet::new();
    let there = |row: &Row| row.0.is_some() && row.1.is_some();
    rows.into_iter()
        .filter(|row| !there(row) || seen.insert(*row))
        .collect()
}

fn keys(rows: &[Row]) -> ArrayRef {
    Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>())
}

/// Times in a unit: 0 seconds, 1 milliseconds, 2 microseconds, 3 nanoseconds.
fn times(rows: &[Row], unit: u32) -> ArrayRef {
    let times = rows.iter().map(|row| row.1);
    match unit {
        0 => Arc::new(times.collect::<TimestampSecondArray>()),
        1 => Arc::new(times.collect::<TimestampMillisecondArray>()),
        2 => Arc::new(times.collect::<TimestampMicrosecondArray>()),
        _ => Arc::new(times.collect::<TimestampNanosecondArray>()),
    }
}

proptest! {
    #[test]
    fn an_as_of_join_is_what_a_search_through_all_rows_gives(
        reference in proptest::collection::vec(row(-50..50), 0..80),
        batch in proptest::collection::vec(row(-60..60), 0..60),
        tolerance in proptest::option::of(0..20_u64),
        sorted in any::<bool>(),
    ) {
        let (reference, mut batch) = (unique(reference), batch);
        if sorted {
            batch.sort_by_key(|row| row.1);
        }
        let index = AsOf::build(&[keys(&reference)], &instants(reference.iter().map(|row| row.1))).expect("no time twice");
        for direction in DIRECTIONS {
            let found = rows(&index, &[keys(&batch)], &instants(batch.iter().map(|row| row.1)), direction, tolerance.map(Duration::from_micros));
            prop_assert_eq!(found, brute(&reference, &batch, direction, tolerance.map(i128::from), (1, 1)), "{:?}", direction);
        }
    }

    #[test]
    fn units_are_compared_exactly(
        reference in proptest::collection::vec(row(-5..5), 0..12),
        batch in proptest::collection::vec(row(-5..5), 0..12),
        fine in proptest::collection::vec(row(-5000..5000), 0..30),
        tolerance in proptest::option::of(0..3000_u64),
        units in (0..4_u32, 0..4_u32),
    ) {
        let (reference, mut batch) = (unique(reference), batch);
        batch.extend(fine);
        let nanos = |unit: u32| 1000_i128.pow(3 - unit);
        let index = AsOf::build(&[keys(&reference)], &times(&reference, units.0)).expect("no time twice");
        // Tolerances of about the finer unit, which are not whole in the other.
        let finer = nanos(units.0.max(units.1)) as u64;
        let tolerance = tolerance.map(|tolerance| Duration::from_nanos(tolerance.saturating_mul(finer)));
        for direction in DIRECTIONS {
            let found = rows(&index, &[keys(&batch)], &times(&batch, units.1), direction, tolerance);
            let within = tolerance.map(|tolerance| tolerance.as_nanos() as i128);
            let expected = brute(&reference, &batch, direction, within, (nanos(units.0), nanos(units.1)));
            prop_assert_eq!(found, expected, "{:?} {:?}", direction, units);
        }
    }
}

#[test]
fn the_very_time_belongs_to_every_direction() {
    let times = instants([Some(10), Some(20), Some(30)]);
    for direction in DIRECTIONS {
        assert_eq!(alone(&times, &times, direction), [Some(0), Some(1), Some(2)]);
    }
}

#[test]
fn of_two_as_near_the_earlier_wins() {
    let reference = instants([Some(30), Some(10)]);
    let batch = instants([Some(20), Some(21), Some(19), Some(0), Some(99)]);
    let expected = [Some(1), Some(0), Some(1), Some(1), Some(0)];
    assert_eq!(alone(&reference, &batch, Direction::Nearest), expected);
}

#[test]
fn a_tolerance_is_inclusive() {
    let index = AsOf::build(&[], &instants([Some(0)])).expect("an index");
    let batch = instants([Some(10), Some(11)]);
    let found = |direction, micros| rows(&index, &[], &batch, direction, Some(Duration::from_micros(micros)));
    assert_eq!(found(Direction::Backward, 10), [Some(0), None]);
    assert_eq!(found(Direction::Nearest, 0), [None, None]);
    assert_eq!(found(Direction::Nearest, u64::MAX), [Some(0), Some(0)]);
}

#[test]
fn nothing_is_nearest_once_the_nearer_is_too_far() {
    // The nearer one is beyond the tolerance, so the other is, too.
    let index = AsOf::build(&[], &instants([Some(0), Some(100)])).expect("an index");
    let found = rows(
        &index,
        &[],
        &instants([Some(40)]),
        Direction::Nearest,
        Some(Duration::from_micros(39)),
    );
    assert_eq!(found, [None]);
}

#[test]
fn a_null_time_or_key_matches_nothing() {
    let by: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("a")]));
    let index = AsOf::build(&[Arc::clone(&by)], &instants([Some(1), Some(1), None])).expect("an index");
    assert_eq!(index.without_key(), 2);
    let batch = instants([None, Some(1), Some(1)]);
    assert_eq!(
        rows(&index, &[by], &batch, Direction::Nearest, None),
        [None, None, Some(0)]
    );
}

#[test]
fn more_keys_than_rows_are_searched_as_well() {
    let names: Vec<String> = (0..100).map(|at| at.to_string()).collect();
    let by: ArrayRef = Arc::new(StringArray::from(names));
    let index = AsOf::build(&[by], &instants((0..100).map(Some))).expect("an index");
    let found = rows(
        &index,
        &[texts(&["7", "no", "99"])],
        &instants([Some(50); 3]),
        Direction::Backward,
        None,
    );
    assert_eq!(found, [Some(7), None, None]);
}

#[test]
fn a_time_beyond_the_other_unit_is_before_or_after_all() {
    let ends = instants([Some(i64::MIN), Some(i64::MAX)]);
    let seconds: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MIN, i64::MAX]).with_timezone("UTC"));
    assert_eq!(alone(&ends, &seconds, Direction::Backward), [None, Some(1)]);
    assert_eq!(alone(&ends, &seconds, Direction::Forward), [Some(0), None]);
    assert_eq!(alone(&ends, &seconds, Direction::Nearest), [Some(0), Some(1)]);
}

#[test]
fn dates_of_either_width_compare() {
    let days: ArrayRef = Arc::new(Date32Array::from(vec![1, 3]));
    let millis: ArrayRef = Arc::new(Date64Array::from(vec![2 * 86_400_000, 86_400_000 - 1]));
    assert_eq!(alone(&days, &millis, Direction::Backward), [Some(0), None]);
    assert_eq!(alone(&millis, &days, Direction::Forward), [Some(0), None]);
}

#[test]
fn a_slice_is_its_own_rows() {
    let reference = instants([Some(0), Some(10), None, Some(20)]).slice(1, 3);
    let batch = instants([Some(99), Some(15), None, Some(25)]).slice(1, 3);
    assert_eq!(alone(&reference, &batch, Direction::Backward), [Some(0), None, Some(2)]);
}

#[test]
fn the_size_grows_with_the_rows() {
    let index = |count: i64| AsOf::build(&[], &instants((0..count).map(Some))).expect("an index");
    let (small, large) = (index(100).size_bytes(), index(10_000).size_bytes());
    assert!(
        small >= 100 * 12 && (10_000 * 12..10_000 * 20).contains(&large),
        "{small}, {large}"
    );
}

#[test]
fn two_rows_of_one_key_and_time_are_told() {
    let by = texts(&["EWR", "JFK", "EWR"]);
    let error = AsOf::build(&[by], &instants([Some(0), Some(0), Some(0)])).expect_err("they are two");
    assert_eq!(
        error.to_string(),
        "(\"EWR\", 1970-01-01T00:00:00Z) stands twice in the reference, in rows 0 and 2"
    );
}

#[test]
fn times_that_do_not_compare_are_told() {
    let index = AsOf::build(&[], &instants([Some(0)])).expect("an index");
    let message = |time: ArrayRef| {
        let error = index.rows(&[], &time, Direction::Backward, None);
        error.expect_err("they do not compare").to_string()
    };
    assert_eq!(
        message(Arc::new(TimestampMicrosecondArray::from(vec![0]))),
        "the time is Timestamp(µs, \"UTC\") in the reference and Timestamp(µs) in the batch: cast one of them"
    );
    assert_eq!(
        message(Arc::new(Date32Array::from(vec![0]))),
        "the time is Timestamp(µs, \"UTC\") in the reference and Date32 in the batch: cast one of them"
    );
    let of_day: ArrayRef = Arc::new(Time64MicrosecondArray::from(vec![0]));
    assert_eq!(
        AsOf::build(&[], &of_day).expect_err("no time").to_string(),
        "a time is a timestamp or a date, not Time64(µs)"
    );
    let error = AsOf::build(&[texts(&["a"])], &instants([Some(0), Some(1)])).expect_err("no index");
    assert_eq!(error.to_string(), "columns of one reference have 2 and 1 rows");
}

//! Nearest points and what is around a place: against the haversine formula over all points, and at the edges of the map.

use arrow_array::{Array, ArrayRef, Float64Array, Int32Array, Int64Array, cast::AsArray, types::Int64Type};
use proptest::prelude::*;
use std::sync::Arc;
use watershed_join::{Around, EARTH_RADIUS_M, Function, Measure, Points};

type Place = (Option<f64>, Option<f64>);

/// What the two formulas differ by, in metres: nanometres near by; the haversine's is coarse near the antipodes, where it is told apart.
const CLOSE_M: f64 = 1e-6;
const COARSE_M: f64 = 1.0;
const FAR_M: f64 = 19_900_000.0;

fn columns(places: &[Place]) -> (Float64Array, Float64Array) {
    (
        places.iter().map(|place| place.0).collect(),
        places.iter().map(|place| place.1).collect(),
    )
}

fn points(places: &[Place]) -> Points {
    let (latitude, longitude) = columns(places);
    Points::build(&latitude, &longitude).expect("an index")
}

fn nearest(index: &Points, batch: &[Place], within_m: f64) -> Vec<Option<(u32, f64)>> {
    let (latitude, longitude) = columns(batch);
    let (rows, metres) = index.nearest(&latitude, &longitude, within_m).expect("an answer");
    rows.iter()
        .zip(&metres)
        .map(|(row, metres)| {
            assert_eq!(row.is_some(), metres.is_some());
            row.zip(metres)
        })
        .collect()
}

fn around(index: &Points, batch: &[Place], within_m: f64, measures: &[Measure]) -> Around {
    let (latitude, longitude) = columns(batch);
    index
        .around(&latitude, &longitude, within_m, measures)
        .expect("an answer")
}

fn possible(place: &Place) -> Option<(f64, f64)> {
    let (latitude, longitude) = (place.0?, place.1?);
    (latitude.abs() <= 90.0 && longitude.abs() <= 180.0).then_some((latitude, longitude))
}

/// The textbook's formula.
fn haversine(a: (f64, f64), b: (f64, f64)) -> f64 {
    let [a_lat, a_lon, b_lat, b_lon] = [a.0, a.1, b.0, b.1].map(f64::to_radians);
    let square = |of: f64| (of / 2.0).sin().powi(2);
    let hav = square(b_lat - a_lat) + a_lat.cos() * b_lat.cos() * square(b_lon - a_lon);
    2.0 * EARTH_RADIUS_M * hav.min(1.0).sqrt().asin()
}

fn close(metres: f64, expected: f64) -> bool {
    (metres - expected).abs() <= if expected > FAR_M { COARSE_M } else { CLOSE_M }
}

/// Places all over the earth, at its edges, in one crowd, and impossible ones.
fn place() -> impl Strategy<Value = Place> {
    let degrees = |most: f64| {
        prop_oneof![
            4 => (-most..most).prop_map(Some),
            4 => (-8..8_i32).prop_map(|eighths| Some(f64::from(eighths) / 8.0)),
            2 => prop_oneof![Just(most), Just(-most), Just(most - 1e-9), Just(0.0)].prop_map(Some),
            1 => prop_oneof![Just(None), Just(Some(f64::NAN)), Just(Some(most + 1e-9)), Just(Some(f64::INFINITY))],
        ]
    };
    (degrees(90.0), degrees(180.0))
}

fn places(most: usize) -> impl Strategy<Value = Vec<Place>> {
    proptest::collection::vec(place(), 0..most)
}

fn within() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.5), Just(50_000.0), Just(3_000_000.0), Just(2e7), Just(1e300)]
}

proptest! {
    #[test]
    fn the_nearest_is_what_the_formula_finds_among_all(reference in places(80), batch in places(40), within_m in within()) {
        let index = points(&reference);
        for (row, found) in batch.iter().zip(nearest(&index, &batch, within_m)) {
            let place = possible(row);
            let all = (0_u32..).zip(&reference).filter_map(|(row, point)| Some((haversine(place?, possible(point)?), row)));
            let best = all.min_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
            match (found, best) {
                (None, None) => {}
                // Where the two formulas may see it on two sides of the bound.
                (None, Some((metres, _))) => prop_assert!(metres > within_m - CLOSE_M, "{:?}", row),
                (Some((at, metres)), Some((least, first))) => {
                    let point = possible(&reference[at as usize]).expect("a possible place");
                    let place = place.expect("a possible place");
                    prop_assert!(metres <= within_m);
                    prop_assert!(close(metres, haversine(place, point)), "{} for {:?} and {:?}", metres, place, point);
                    prop_assert!(close(metres, least), "{} where {} is nearer, of row {}", metres, least, first);
                    let lower = reference[..at as usize].iter().any(|lower| possible(lower) == Some(point));
                    prop_assert!(!lower, "row {} stands below at the same place", at);
                }
                (Some(found), None) => prop_assert!(false, "{:?} where there is none", found),
            }
        }
    }

    #[test]
    fn what_is_around_is_what_the_formula_finds(
        reference in places(60), batch in places(30), within_m in within(),
        values in proptest::collection::vec(proptest::option::of(-1000_i64..1000), 60),
    ) {
        let index = points(&reference);
        let ints: ArrayRef = Arc::new(Int64Array::from(values[..reference.len()].to_vec()));
        // Halves add without rounding, so that the order is all one.
        let halves = values[..reference.len()].iter().map(|value| value.map(|value| value as f64 / 2.0));
        let floats: ArrayRef = Arc::new(halves.collect::<Float64Array>());
        let all = [Function::Sum, Function::Min, Function::Max];
        let measures: Vec<Measure> = [ints, floats].iter().flat_map(|values| all.map(|function| Measure { function, values: Arc::clone(values) })).collect();
        let found = around(&index, &batch, within_m, &measures);
        prop_assert_eq!(found.measures.len(), 6);
        for (row, place) in batch.iter().enumerate() {
            let Some(place) = possible(place) else {
                prop_assert!(found.count.is_null(row) && found.measures.iter().all(|measure| measure.is_null(row)));
                continue;
            };
            let distances: Vec<Option<f64>> = reference.iter().map(|point| possible(point).map(|point| haversine(place, point))).collect();
            if distances.iter().flatten().any(|metres| close(*metres, within_m)) {
                continue; // the two formulas may see it on two sides of the bound
            }
            let near: Vec<usize> = (0..reference.len()).filter(|row| distances[*row].is_some_and(|metres| metres <= within_m + CLOSE_M)).collect();
            prop_assert_eq!(found.count.value(row), near.len() as i64);
            let near = || near.iter().filter_map(|row| values[*row]);
            let sum = near().reduce(|sum, value| sum + value);
            for (measure, expected) in [sum, near().min(), near().max()].into_iter().enumerate() {
                let ints = found.measures[measure].as_primitive::<Int64Type>();
                prop_assert_eq!(ints.is_valid(row).then(|| ints.value(row)), expected);
                let floats = found.measures[measure + 3].as_primitive::<arrow_array::types::Float64Type>();
                prop_assert_eq!(floats.is_valid(row).then(|| floats.value(row) * 2.0), expected.map(|value| value as f64));
            }
        }
    }
}

#[test]
fn the_antimeridian_is_no_edge() {
    let index = points(&[(Some(0.0), Some(179.0)), (Some(0.0), Some(-170.0))]);
    let metres = EARTH_RADIUS_M * 1.5_f64.to_radians();
    let found = nearest(&index, &[(Some(0.0), Some(-179.5))], 1e7)[0].expect("one is near");
    assert!(found.0 == 0 && close(found.1, metres), "{found:?}");
    let same = nearest(&points(&[(Some(5.0), Some(180.0))]), &[(Some(5.0), Some(-180.0))], 0.0);
    assert_eq!(same, [Some((0, 0.0))]);
}

#[test]
fn a_pole_is_one_place_and_the_way_over_it_is_short() {
    let index = points(&[(Some(89.0), Some(0.0)), (Some(80.0), Some(170.0))]);
    let found = nearest(&index, &[(Some(89.5), Some(180.0))], 1e7)[0].expect("one is near");
    assert!(
        found.0 == 0 && close(found.1, EARTH_RADIUS_M * 1.5_f64.to_radians()),
        "{found:?}"
    );
    let pole = points(&[(Some(-90.0), Some(123.0))]);
    assert_eq!(nearest(&pole, &[(Some(-90.0), Some(-77.0))], 0.0), [Some((0, 0.0))]);
}

#[test]
fn of_points_as_near_the_lower_row_wins() {
    let mut places = vec![(Some(0.0), Some(1.0)), (Some(0.0), Some(-1.0)), (Some(1.0), Some(0.0))];
    places.extend(vec![(Some(10.0), Some(10.0)); 100]);
    let batch = [(Some(0.0), Some(0.0)), (Some(10.0), Some(10.5))];
    let rows = |index: &Points| -> Vec<u32> {
        nearest(index, &batch, 1e6)
            .iter()
            .flatten()
            .map(|found| found.0)
            .collect()
    };
    assert_eq!(rows(&points(&places)), [0, 3]);
    places.swap(0, 1);
    assert_eq!(rows(&points(&places)), [0, 3]);
}

#[test]
fn the_distance_is_inclusive() {
    let index = points(&[(Some(0.0), Some(0.0))]);
    let batch = [(Some(0.0), Some(1.0))];
    let metres = nearest(&index, &batch, 1e6)[0].expect("it is near").1;
    assert_eq!(nearest(&index, &batch, metres), [Some((0, metres))]);
    assert_eq!(nearest(&index, &batch, metres.next_down()), [None]);
    assert_eq!(around(&index, &batch, metres, &[]).count.value(0), 1);
    assert_eq!(around(&index, &batch, metres.next_down(), &[]).count.value(0), 0);
}

#[test]
fn impossible_places_are_left_out_and_counted() {
    let index = points(&[
        (None, Some(0.0)),
        (Some(f64::NAN), Some(0.0)),
        (Some(90.5), Some(0.0)),
        (Some(0.0), Some(180.5)),
        (Some(1.0), Some(1.0)),
    ]);
    assert_eq!(index.without_place(), 4);
    let found = nearest(
        &index,
        &[(Some(0.0), Some(0.0)), (Some(0.0), None), (Some(-91.0), Some(0.0))],
        1e6,
    );
    assert_eq!(
        found.iter().map(|found| found.map(|found| found.0)).collect::<Vec<_>>(),
        [Some(4), None, None]
    );
    assert_eq!(nearest(&points(&[]), &[(Some(0.0), Some(0.0))], 1e9), [None]);
}

#[test]
fn a_sum_is_exact_or_an_error_that_tells_its_row() {
    let index = points(&[
        (Some(0.0), Some(0.0)),
        (Some(0.0), Some(0.0)),
        (Some(0.0), Some(0.0)),
        (Some(50.0), Some(0.0)),
    ]);
    let sum = |values: Vec<i64>| Measure {
        function: Function::Sum,
        values: Arc::new(Int64Array::from(values)),
    };
    // On the way the sum is beyond 64 bits, in the end it is not.
    let found = around(
        &index,
        &[(Some(0.0), Some(0.0))],
        10.0,
        &[sum(vec![i64::MAX, i64::MAX, -i64::MAX, 5])],
    );
    assert_eq!(found.measures[0].as_primitive::<Int64Type>().value(0), i64::MAX);
    let (latitude, longitude) = columns(&[(Some(50.0), Some(0.0)), (Some(0.0), Some(0.0)), (Some(0.0), Some(0.0))]);
    let error = index.around(&latitude, &longitude, 10.0, &[sum(vec![i64::MAX, 1, 0, 5])]);
    assert_eq!(
        error.expect_err("it overflows").to_string(),
        "measure 0 of row 1 sums to 9223372036854775808, which 64 bits do not hold"
    );
}

#[test]
fn no_values_come_to_null_and_no_points_to_a_count_of_none() {
    let index = points(&[(Some(0.0), Some(0.0)), (Some(0.0), Some(0.0))]);
    let values: ArrayRef = Arc::new(Float64Array::from(vec![Some(f64::NAN), None]));
    let measures = [Function::Sum, Function::Min, Function::Max].map(|function| Measure {
        function,
        values: Arc::clone(&values),
    });
    let found = around(
        &index,
        &[(Some(0.0), Some(0.0)), (Some(9.0), Some(0.0))],
        10.0,
        &measures,
    );
    assert_eq!(found.count, Int64Array::from(vec![2, 0]));
    assert!(found.measures.iter().all(|measure| measure.null_count() == 2));
}

#[test]
fn what_cannot_be_asked_is_told() {
    let index = points(&[(Some(0.0), Some(0.0))]);
    let (latitude, longitude) = columns(&[(Some(0.0), Some(0.0))]);
    for metres in [-1.0, f64::NAN, f64::INFINITY] {
        let error = index.nearest(&latitude, &longitude, metres).expect_err("no distance");
        assert_eq!(
            error.to_string(),
            format!("{metres} is no distance in metres: it is 0 or more, and finite")
        );
    }
    let measure = |values: ArrayRef| {
        let error = index.around(
            &latitude,
            &longitude,
            1.0,
            &[Measure {
                function: Function::Sum,
                values,
            }],
        );
        error.expect_err("no measure").to_string()
    };
    let end = "it is Float64 or Int64, of the 1 rows of the reference";
    assert_eq!(
        measure(Arc::new(Int32Array::from(vec![1]))),
        format!("measure 0 is Int32 of 1 rows: {end}")
    );
    assert_eq!(
        measure(Arc::new(Int64Array::from(vec![1, 2]))),
        format!("measure 0 is Int64 of 2 rows: {end}")
    );
    let error = index.nearest(&latitude, &Float64Array::from(vec![0.0, 1.0]), 1.0);
    assert_eq!(
        error.expect_err("two lengths").to_string(),
        "columns of one batch have 1 and 2 rows"
    );
}

#[test]
fn the_size_grows_with_the_points() {
    let index = |count: i32| {
        points(
            &(0..count)
                .map(|at| (Some(f64::from(at % 170) - 85.0), Some(f64::from(at % 359) - 179.0)))
                .collect::<Vec<_>>(),
        )
    };
    let (small, large) = (index(100).size_bytes(), index(10_000).size_bytes());
    assert!(
        small > 100 * 32 && large > 50 * small && large < 10_000 * 200,
        "{small}, {large}"
    );
}

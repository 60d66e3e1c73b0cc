//! Aggregates: merged in any order and grouping they give the same bytes, and what they give is right.

mod common;

use common::{Row, aggregate, all, bounds, number, rows, spec_of};
use proptest::prelude::*;
use std::sync::Arc;
use watershed_stream::{Function, Output, Partial, Scalar, Spec, State, WindowSpec};

const ONE: WindowSpec = WindowSpec::Tumbling {
    size_ms: 1_000_000_000,
    offset_ms: 500_000_000,
};

/// All rows in one window.
fn partial(spec: &Arc<Spec>, rows: &[Row]) -> Partial {
    let mut state = State::new(Arc::clone(spec), "s");
    for row in rows {
        Row { key: 0, ..row.clone() }.add_to(&mut state);
    }
    state.advance(1_000_000_000);
    let fired = state.take_fired();
    fired
        .into_iter()
        .next()
        .map_or_else(|| Partial::new(spec), |it| it.partial)
}

fn merged(spec: &Spec, parts: &[&Partial]) -> Partial {
    let mut merged = Partial::new(spec);
    for part in parts {
        merged.merge(spec, part);
    }
    merged
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn merge_is_associative_and_commutative(one in rows(1, 40), two in rows(1, 40), three in rows(1, 40)) {
        let spec = spec_of(ONE, 0, None, bounds(), &all());
        let [a, b, c] = [one, two, three].map(|rows| partial(&spec, &rows));
        let left = merged(&spec, &[&merged(&spec, &[&a, &b]), &c]).encode(&spec);
        prop_assert!(left == merged(&spec, &[&a, &merged(&spec, &[&b, &c])]).encode(&spec));
        for order in [[&a, &c, &b], [&b, &a, &c], [&b, &c, &a], [&c, &a, &b], [&c, &b, &a]] {
            prop_assert!(left == merged(&spec, &order).encode(&spec));
        }
        prop_assert!(merged(&spec, &[&a]).encode(&spec) == a.encode(&spec), "nothing is the neutral part");
    }

    /// All but `Top`, whose counters may go: in any order, and cut in parts anywhere, the same bytes.
    #[test]
    fn order_and_parts_do_not_matter(
        (rows, shuffled) in rows(1, 80).prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        cut in any::<prop::sample::Index>(),
    ) {
        let spec = spec_of(ONE, 0, None, bounds(), &all());
        let whole = partial(&spec, &rows).encode(&spec);
        let rest = if rows.is_empty() { 0 } else { cut.index(rows.len()) };
        let parts = [&shuffled[..rest], &shuffled[rest..]].map(|rows| {
            // A state takes records in the order of their numbers; their places are what counts for first and last.
            rows.iter().map(|row| partial(&spec, std::slice::from_ref(row))).fold(Partial::new(&spec), |sum, part| {
                merged(&spec, &[&part, &sum])
            })
        });
        prop_assert!(merged(&spec, &[&parts[1], &parts[0]]).encode(&spec) == whole);
    }

    #[test]
    fn sums_and_extremes_are_exact(rows in rows(1, 80)) {
        let spec = spec_of(ONE, 0, None, bounds(), &all());
        let outputs = partial(&spec, &rows).outputs(&spec);
        let output = |name: &str| &outputs[spec.names().iter().position(|it| it == name).expect("an aggregate")];
        let ints: Vec<i64> = rows.iter().filter_map(|row| row.int).collect();
        prop_assert_eq!(output("Records 0"), &Output::Integer(rows.len() as i128));
        prop_assert_eq!(output("Count 0"), &Output::Integer(ints.len() as i128));
        let some = |output: Output| if ints.is_empty() { Output::Null } else { output };
        let sum = ints.iter().map(|it| i128::from(*it)).sum();
        prop_assert_eq!(output("Sum 0"), &some(Output::Integer(sum)));
        let scalar = |value: Option<&i64>| value.map_or(Output::Null, |value| Output::Scalar(Scalar::Int(*value)));
        prop_assert_eq!(output("Min 0"), &scalar(ints.iter().min()));
        prop_assert_eq!(output("Max 0"), &scalar(ints.iter().max()));
        let last = rows.iter().filter(|row| row.int.is_some()).max_by_key(|row| (row.event_ms, row.sequence));
        prop_assert_eq!(output("Last 0"), &scalar(last.and_then(|row| row.int.as_ref())));
        let first = rows.iter().min_by_key(|row| (row.event_ms, row.sequence));
        let first = first.map_or(Output::Null, |row| Output::Scalar(Scalar::Text(row.text.as_bytes().into())));
        prop_assert_eq!(output("First 3"), &first);
        let decimals = rows.iter().map(|row| row.decimal).try_fold(0_i128, i128::checked_add);
        if let (Some(sum), false) = (decimals, rows.is_empty()) {
            prop_assert_eq!(output("Sum 2"), &Output::Decimal(sum));
        }
    }

    /// Floats of like size: against the sum as integers of 2^-1074.
    #[test]
    fn float_sums_are_rounded_once(exponents in prop::collection::vec((-40_i32..40, -1_000_000_i64..1_000_000), 1..60)) {
        let floats: Vec<f64> = exponents.iter().map(|(power, digits)| *digits as f64 * 2_f64.powi(*power)).collect();
        let exact: i128 = exponents.iter().map(|(power, digits)| i128::from(*digits) << (power + 40)).sum();
        let outputs = of_floats(&floats, &[Function::Sum, Function::Mean]);
        let expected = exact as f64 * 2_f64.powi(-40);
        prop_assert_eq!(&outputs[0], &Output::Float(expected));
        prop_assert_eq!(&outputs[1], &Output::Float(expected / floats.len() as f64));
    }

    /// Against two passes.
    #[test]
    fn deviations_do_not_cancel(values in prop::collection::vec(-1e3..1e3_f64, 2..60), base in prop_oneof![Just(0.0), Just(1e9)]) {
        let floats: Vec<f64> = values.iter().map(|value| value + base).collect();
        let mean = floats.iter().map(|value| value - base).sum::<f64>() / floats.len() as f64;
        let squares: f64 = floats.iter().map(|value| (value - base - mean).powi(2)).sum();
        let expected = (squares / (floats.len() - 1) as f64).sqrt();
        let found = number(&of_floats(&floats, &[Function::Stddev])[0]);
        prop_assert!((found - expected).abs() <= 1e-9 * expected.max(1e-3), "{found} {expected}");
    }

    #[test]
    fn quantiles_are_within_their_error(
        values in prop::collection::vec(prop_oneof![4 => -1e5..1e5_f64, 1 => -1.0..1.0, 1 => Just(0.0)], 1..300),
        accuracy in prop_oneof![Just(0.001), Just(0.01), Just(0.1)],
    ) {
        let probabilities = vec![0.0, 0.1, 0.5, 0.9, 0.99, 1.0];
        let outputs = of_floats(&values, &[Function::Quantiles { probabilities: probabilities.clone(), accuracy }]);
        let Output::Quantiles(found) = &outputs[0] else { panic!("quantiles") };
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        for (p, found) in probabilities.iter().zip(found) {
            let exact = sorted[(p * (sorted.len() - 1) as f64) as usize];
            prop_assert!((found - exact).abs() <= accuracy * exact.abs() * (1.0 + 1e-9), "{p}: {found} {exact}");
        }
    }

    /// No value misses more than it may, and none that is frequent is left out.
    #[test]
    fn frequent_values_are_found(rare in prop::collection::vec(0..2_000_u32, 0..1_500), often in 300..400_usize) {
        let mut texts: Vec<String> = rare.iter().map(u32::to_string).collect();
        (0..often).for_each(|at| texts.insert((at * 7_919) % (texts.len() + 1), "often".into()));
        let spec = spec_of(ONE, 0, None, bounds(), &[aggregate(Function::Top { values: 1 }, 3)]);
        let rows: Vec<Row> = (1..).zip(&texts).map(|(sequence, text)| row(sequence, 0.0, text)).collect();
        let (one, two) = rows.split_at(rows.len() / 3);
        let whole = merged(&spec, &[&partial(&spec, one), &partial(&spec, two)]);
        let outputs = whole.outputs(&spec);
        let Output::Top(top) = &outputs[0] else { panic!("frequent values") };
        prop_assert_eq!(&*top[0].value, b"often");
        prop_assert!(top[0].count <= often as u64 && often as u64 <= top[0].count + top[0].error);
        prop_assert!(top[0].error <= rows.len() as u64 / 65, "capacity 64");
    }
}

fn row(sequence: u128, float: f64, text: &str) -> Row {
    Row {
        sequence,
        event_ms: 0,
        key: 0,
        int: None,
        float,
        decimal: 0,
        text: text.into(),
    }
}

fn of_floats(floats: &[f64], functions: &[Function]) -> Vec<Output> {
    let aggregates: Vec<_> = functions
        .iter()
        .map(|function| aggregate(function.clone(), 1))
        .collect();
    let spec = spec_of(ONE, 0, None, bounds(), &aggregates);
    let rows: Vec<Row> = (1..)
        .zip(floats)
        .map(|(sequence, float)| row(sequence, *float, ""))
        .collect();
    partial(&spec, &rows).outputs(&spec)
}

#[test]
fn floats_of_all_sizes() {
    let only = |function: Function, floats: &[f64]| of_floats(floats, &[function]).remove(0);
    let sum = |floats: &[f64]| only(Function::Sum, floats);
    assert_eq!(sum(&[1e300, 1.0, -1e300]), Output::Float(1.0));
    let tiny = [f64::MIN_POSITIVE, -5e-324, 1e308, -1e308];
    assert_eq!(sum(&tiny), Output::Float(f64::MIN_POSITIVE - 5e-324));
    assert_eq!(sum(&[5e-324, 5e-324]), Output::Float(1e-323));
    assert_eq!(sum(&[f64::MAX, f64::MAX, -f64::MAX]), Output::Float(f64::MAX));
    assert_eq!(sum(&[f64::MAX, f64::MAX]), Output::Float(f64::INFINITY));
    assert_eq!(sum(&[f64::INFINITY, 1.0]), Output::Float(f64::INFINITY));
    assert!(number(&sum(&[f64::INFINITY, f64::NEG_INFINITY])).is_nan());
    assert_eq!(sum(&[0.1; 10]), Output::Float(1.0), "rounded once");
    assert_eq!(sum(&[f64::NAN, 2.0]), Output::Float(2.0), "NaN is no value");
    assert_eq!(sum(&[f64::NAN]), Output::Null);
    let deviation = |floats: &[f64]| only(Function::Stddev, floats);
    assert_eq!(deviation(&[1e200, -1e200]), Output::Float(1e200 * 2_f64.sqrt()));
    assert_eq!(deviation(&[5e-324, 5e-324]), Output::Float(0.0));
    assert_eq!(deviation(&[1.0]), Output::Null);
}

#[test]
fn sums_of_decimals_overflow_in_words() {
    let spec = spec_of(
        ONE,
        0,
        None,
        bounds(),
        &[aggregate(Function::Sum, 2), aggregate(Function::Stddev, 2)],
    );
    let decimal = |decimals: &[i128]| {
        let rows = (1..).zip(decimals).map(|(sequence, decimal)| Row {
            decimal: *decimal,
            ..row(sequence, 0.0, "")
        });
        partial(&spec, &rows.collect::<Vec<_>>()).outputs(&spec)
    };
    assert_eq!(decimal(&[i128::MAX, 1])[0], Output::Overflow);
    assert_eq!(
        decimal(&[i128::MAX, 1, -2])[0],
        Output::Decimal(i128::MAX - 1),
        "on the way it may be larger"
    );
    assert_eq!(decimal(&[i128::MIN])[0], Output::Decimal(i128::MIN));
    assert_eq!(decimal(&[0, 0])[0], Output::Decimal(0), "zeros have a sum");
    assert_eq!(decimal(&[])[0], Output::Null);
    assert_eq!(decimal(&[100, 300])[1], Output::Float(2_f64.sqrt()), "1.00 and 3.00");
}

#[test]
fn distinct_values_are_estimated() {
    let spec = spec_of(
        ONE,
        0,
        None,
        bounds(),
        &[aggregate(Function::Distinct { precision: 12 }, 3)],
    );
    for count in [0_u128, 1, 5, 100, 384, 385, 5_000, 60_000] {
        let rows: Vec<Row> = (1..=count).map(|at| row(at, 0.0, &format!("user-{at}"))).collect();
        let (one, two) = rows.split_at(rows.len() / 2);
        let (one, two) = (partial(&spec, one), partial(&spec, two));
        let both = merged(&spec, &[&two, &one, &two]);
        assert_eq!(both.outputs(&spec), partial(&spec, &rows).outputs(&spec));
        let found = number(&both.outputs(&spec)[0]);
        assert!((found - count as f64).abs() <= 0.05 * count as f64, "{count}: {found}");
    }
}

#[test]
fn long_texts_are_cut_at_a_character() {
    let spec = spec_of(ONE, 0, None, bounds(), &[aggregate(Function::Max, 3)]);
    let outputs = partial(&spec, &[row(1, 0.0, &"a€".repeat(400))]).outputs(&spec);
    let Output::Scalar(Scalar::Text(text)) = &outputs[0] else {
        panic!("a text")
    };
    assert_eq!(text.len(), 1_024);
    let outputs = partial(&spec, &[row(1, 0.0, &"€".repeat(400))]).outputs(&spec);
    let Output::Scalar(Scalar::Text(text)) = &outputs[0] else {
        panic!("a text")
    };
    assert_eq!(text.len(), 1_023);
}

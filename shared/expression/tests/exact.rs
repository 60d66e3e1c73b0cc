//! Exact numbers beside doubles, and texts beyond the room there is.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray, cast::AsArray};
use std::sync::Arc;
use watershed_expression::Expression;
use watershed_lake::ColumnType;

/// For two rows.
fn conditions(text: &str) -> Vec<Option<bool>> {
    let columns = [("n", ColumnType::Long), ("x", ColumnType::Double)];
    let n: ArrayRef = Arc::new(Int64Array::from(vec![9_007_199_254_740_993, i64::MIN]));
    let x: ArrayRef = Arc::new(Float64Array::from(vec![Some(9_007_199_254_740_992.0), None]));
    let expression = Expression::new(text, &columns).unwrap_or_else(|error| panic!("{error}"));
    expression.evaluate(&[n, x], 2).values.as_boolean().iter().collect()
}

#[test]
fn exact_numbers_are_not_made_doubles_to_be_compared() {
    for (text, expected) in [
        ("n = x", [Some(false), None]),
        ("x < n", [Some(true), None]),
        ("n - 1 = x", [Some(true), None]),
        ("n + 0.0 > x", [Some(true), None]),
        ("n between x and x", [Some(false), None]),
        ("n in (9007199254740992e0, 1)", [Some(false); 2]),
        ("n in (x, 1)", [Some(false), None]),
        ("case n when x then true else false end", [Some(false); 2]),
        ("9007199254740993 = 9007199254740992.0", [Some(false); 2]),
        ("9007199254740993 = 9007199254740992e0", [Some(false); 2]),
        ("0.1 = 1e-1", [Some(false); 2]),
        ("0.5 = 5e-1", [Some(true); 2]),
        ("n = -9223372036854775808", [Some(false), Some(true)]),
    ] {
        assert_eq!(conditions(text), expected, "{text}");
    }
}

#[test]
fn the_least_long_is_one() {
    let kind = |text| Expression::new(text, &[]).unwrap().kind();
    assert_eq!(kind("-9223372036854775808"), Some(ColumnType::Long));
    assert_ne!(kind("9223372036854775808"), Some(ColumnType::Long));
    assert_ne!(kind("-9223372036854775809"), Some(ColumnType::Long));
}

#[test]
fn rows_that_have_no_room_for_their_text_cost_nothing() {
    // Each wants most of the room there is: made before it is refused, that would be 1 TB to write.
    const ROWS: usize = 16_384;
    let column: ArrayRef = Arc::new(StringArray::from(vec!["b".repeat(1_000); ROWS]));
    for text in ["lpad(s, 60000000, 'xyz')", "replace(s, 'b', lpad('', 60000, 'z'))"] {
        let expression = Expression::new(text, &[("s", ColumnType::String)]).unwrap();
        let found = expression.evaluate(&[Arc::clone(&column)], ROWS);
        assert_eq!(found.failures.len(), ROWS - 1, "{text}");
    }
    let texts = |text: &str| {
        let found = Expression::new(text, &[]).unwrap().evaluate(&[], 1).values;
        found.as_string::<i32>().value(0).to_string()
    };
    assert_eq!(texts("lpad('12', 8, 'äx')"), "äxäxäx12");
    assert_eq!(texts("rpad('12', 7, 'äx')"), "12äxäxä");
}

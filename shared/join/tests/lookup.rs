//! Lookups: against a map of the same keys, and what is asked of them at the edges.

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal128Array, DictionaryArray, Float64Array,
    Int8Array, Int32Array, Int64Array, LargeStringArray, StringArray, StringViewArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt32Array, UInt64Array,
    types::Int8Type,
};
use proptest::prelude::*;
use std::{collections::HashMap, sync::Arc};
use watershed_join::{Lookup, MAX_KEY_COLUMNS};

type Rows = Vec<Option<u32>>;

fn rows(lookup: &Lookup, keys: &[ArrayRef]) -> Rows {
    lookup.rows(keys).expect("an answer").iter().collect()
}

fn joined(reference: ArrayRef, batch: ArrayRef) -> Rows {
    rows(&Lookup::build(&[reference]).expect("an index"), &[batch])
}

fn texts(texts: &[Option<&str>]) -> ArrayRef {
    Arc::new(texts.iter().copied().collect::<StringArray>())
}

fn decimals(values: Vec<i128>, scale: i8) -> ArrayRef {
    let array = Decimal128Array::from(values).with_precision_and_scale(38, scale);
    Arc::new(array.expect("38 digits are a decimal's"))
}

fn instants(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
}

/// Texts of few letters and of every class of length, so that some are there and some not.
fn text() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        1 => Just(None),
        9 => "[a-c\\x00é]{0,3}|[ab]{7,9}|[ab]{14,18}".prop_map(Some),
    ]
}

fn number() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        1 => Just(None),
        8 => (-20_i64..20).prop_map(Some),
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX), any::<i64>()].prop_map(Some),
    ]
}

type Row = (Option<String>, Option<i64>, Option<bool>);

fn row() -> impl Strategy<Value = Row> {
    (text(), number(), proptest::option::weighted(0.9, any::<bool>()))
}

fn columns(rows: &[Row]) -> Vec<ArrayRef> {
    vec![
        Arc::new(rows.iter().map(|row| row.0.as_deref()).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.2).collect::<BooleanArray>()),
    ]
}

/// The row of each key, by the first so many of its columns.
fn brute(reference: &[Row], batch: &[Row], width: usize) -> Result<Rows, (usize, usize)> {
    let key = |row: &Row| {
        let parts = [
            row.0.clone(),
            row.1.map(|value| value.to_string()),
            row.2.map(|value| value.to_string()),
        ];
        parts.into_iter().take(width).collect::<Option<Vec<String>>>()
    };
    let mut known = HashMap::new();
    for (at, row) in reference.iter().enumerate() {
        if let Some(first) = key(row).and_then(|key| known.insert(key, at as u32)) {
            return Err((first as usize, at));
        }
    }
    Ok(batch.iter().map(|row| known.get(&key(row)?).copied()).collect())
}

proptest! {
    #[test]
    fn a_lookup_is_what_a_map_of_the_keys_gives(
        reference in proptest::collection::vec(row(), 0..60),
        batch in proptest::collection::vec(row(), 0..60),
        width in 1..=3_usize,
        unique in any::<bool>(),
    ) {
        let mut reference = reference;
        if unique {
            let mut seen = std::collections::HashSet::new();
            reference.retain(|row| {
                let row = row.clone();
                seen.insert(match width { 1 => (row.0, None, None), 2 => (row.0, row.1, None), _ => row })
            });
        }
        // Some of the batch's keys are in the reference for certain.
        let batch: Vec<Row> = batch.into_iter().chain(reference.iter().take(20).cloned()).collect();
        let built = Lookup::build(&columns(&reference)[..width]);
        match brute(&reference, &batch, width) {
            Ok(expected) => {
                let lookup = built.expect("no key stands twice");
                prop_assert_eq!(rows(&lookup, &columns(&batch)[..width]), expected);
            }
            Err((first, second)) => {
                let message = built.expect_err("a key stands twice").to_string();
                let end = format!("stands twice in the reference, in rows {first} and {second}");
                prop_assert!(message.ends_with(&end), "{}", message);
            }
        }
    }

    #[test]
    fn many_keys_of_two_columns_are_told_apart(shift in 0_i64..1000) {
        // So many pairs that no table has a cell for each.
        let reference: Vec<Row> = (0..700).map(|at| (Some(format!("key {at}")), Some(at + shift), None)).collect();
        let batch: Vec<Row> = (0..700).map(|at| (Some(format!("key {at}")), Some(at + shift + at % 2), None)).collect();
        let lookup = Lookup::build(&columns(&reference)[..2]).expect("no key stands twice");
        let expected: Rows = (0..700).map(|at| (at % 2 == 0).then_some(at)).collect();
        prop_assert_eq!(rows(&lookup, &columns(&batch)[..2]), expected);
    }
}

#[test]
fn a_null_matches_nothing_not_even_a_null() {
    let reference = texts(&[Some("a"), None, None]);
    let lookup = Lookup::build(&[Arc::clone(&reference)]).expect("nulls are no keys");
    assert_eq!(rows(&lookup, &[reference]), [Some(0), None, None]);
    assert_eq!(lookup.without_key(), 2);
}

#[test]
fn an_empty_reference_answers_null_and_an_empty_batch_nothing() {
    assert_eq!(joined(texts(&[]), texts(&[Some("a"), None])), [None, None]);
    assert_eq!(joined(texts(&[Some("a")]), texts(&[])), []);
    let values: ArrayRef = Arc::new(DictionaryArray::<Int8Type>::new(Int8Array::new_null(2), texts(&[])));
    assert_eq!(joined(texts(&[Some("a")]), values), [None, None]);
}

#[test]
fn where_all_rows_have_a_row_there_are_no_nulls() {
    let keys = texts(&[Some("a"), Some("b")]);
    let found = Lookup::build(&[Arc::clone(&keys)]).expect("an index").rows(&[keys]);
    assert_eq!(found.expect("an answer"), UInt32Array::from(vec![0, 1]));
}

#[test]
fn texts_are_the_same_however_they_are_stored() {
    let words = ["", "JFK", "a text of more than fifteen bytes", "eleven byte", "x"];
    let expected: Rows = (0..5).map(Some).collect();
    let mut all: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(words.to_vec())),
        Arc::new(LargeStringArray::from(words.to_vec())),
        Arc::new(StringViewArray::from(words.to_vec())),
    ];
    all.push(Arc::new(words.into_iter().collect::<DictionaryArray<Int8Type>>()));
    for reference in &all {
        for batch in &all {
            assert_eq!(joined(Arc::clone(reference), Arc::clone(batch)), expected);
        }
    }
}

#[test]
fn a_dictionary_may_have_values_that_no_row_has_and_some_twice() {
    let values = texts(&[Some("unused"), Some("a"), Some("a"), None]);
    let array = |keys: Vec<Option<i8>>| -> ArrayRef {
        Arc::new(DictionaryArray::<Int8Type>::new(
            Int8Array::from(keys),
            Arc::clone(&values),
        ))
    };
    let batch = texts(&[Some("a"), Some("unused")]);
    assert_eq!(joined(array(vec![Some(2), None, Some(3)]), batch), [Some(0), None]);
    assert_eq!(
        joined(texts(&[Some("a")]), array(vec![Some(1), Some(2), Some(3), None])),
        [Some(0), Some(0), None, None]
    );
}

#[test]
fn numbers_compare_by_their_value() {
    let ints: ArrayRef = Arc::new(Int32Array::from(vec![-1, 3, i32::MAX]));
    let longs: ArrayRef = Arc::new(Int64Array::from(vec![3, i64::from(i32::MAX) + 1, -1]));
    assert_eq!(joined(Arc::clone(&ints), longs), [Some(1), None, Some(0)]);
    let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 3]));
    assert_eq!(
        joined(Arc::clone(&ints), Arc::clone(&unsigned)),
        [None, Some(1)],
        "2⁶⁴ - 1 is not -1"
    );
    assert_eq!(
        joined(unsigned, decimals(vec![300, i128::from(u64::MAX) * 100, -100], 2)),
        [Some(1), Some(0), None]
    );
    // 3.00 is 3, and 3.01 is no whole number.
    assert_eq!(joined(ints, decimals(vec![300, 301], 2)), [Some(1), None]);
    let cents = decimals(vec![150, 10_i128.pow(37)], 2);
    assert_eq!(
        joined(cents, decimals(vec![1500, 1501, i128::MAX], 3)),
        [Some(0), None, None]
    );
    // Widened, it is beyond what the reference can hold.
    assert_eq!(
        joined(decimals(vec![0], 38), decimals(vec![0, i128::MAX], 0)),
        [Some(0), None]
    );
}

#[test]
fn times_compare_as_what_they_are() {
    let instants = instants(vec![1_000_000, 1_500_000]);
    let seconds: ArrayRef =
        Arc::new(TimestampSecondArray::from(vec![1, 2, i64::MAX]).with_timezone("America/New_York"));
    assert_eq!(
        joined(Arc::clone(&instants), seconds),
        [Some(0), None, None],
        "an instant has no zone"
    );
    let nanos: ArrayRef =
        Arc::new(TimestampNanosecondArray::from(vec![1_500_000_000, 1_500_000_001]).with_timezone("UTC"));
    assert_eq!(joined(instants, nanos), [Some(1), None]);
    let days: ArrayRef = Arc::new(Date32Array::from(vec![-1, 3]));
    let millis: ArrayRef = Arc::new(Date64Array::from(vec![3 * 86_400_000, -86_400_000, 1]));
    assert_eq!(joined(days, millis), [Some(1), Some(0), None]);
}

#[test]
fn a_slice_is_its_own_rows() {
    let keys = texts(&[Some("a"), Some("b"), None, Some("c")]).slice(1, 3);
    let dictionary = ["x", "c", "b", "a"].into_iter().collect::<DictionaryArray<Int8Type>>();
    let batch: ArrayRef = Arc::new(dictionary.slice(1, 3));
    assert_eq!(joined(Arc::clone(&keys), Arc::clone(&batch)), [Some(2), Some(0), None]);
    assert_eq!(joined(batch, keys), [Some(1), None, Some(0)]);
}

#[test]
fn bytes_are_keys_too() {
    let bytes: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"", b"\0", b"\0\0"]));
    assert_eq!(joined(Arc::clone(&bytes), bytes), [Some(0), Some(1), Some(2)]);
}

#[test]
fn types_that_do_not_compare_are_told() {
    let error = |reference: ArrayRef, batch: ArrayRef| {
        let lookup = Lookup::build(&[reference]).expect("an index");
        lookup.rows(&[batch]).expect_err("they do not compare").to_string()
    };
    let ints = || -> ArrayRef { Arc::new(Int32Array::from(vec![1])) };
    let local: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![1]));
    assert_eq!(
        error(texts(&[Some("1")]), ints()),
        "column 0 of the key is Utf8 in the reference and Int32 in the batch: cast one of them"
    );
    assert_eq!(
        error(instants(vec![1]), local),
        "column 0 of the key is Timestamp(µs, \"UTC\") in the reference and Timestamp(ms) in the batch: cast one of them"
    );
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    assert_eq!(
        error(ints(), Arc::clone(&floats)),
        "column 0 of the key is Int32 in the reference and Float64 in the batch: cast one of them"
    );
    assert_eq!(
        Lookup::build(&[ints(), floats]).expect_err("no key").to_string(),
        "column 1 of the key is Float64: a key is of whole numbers, decimals, texts, bytes, booleans, dates and times"
    );
}

#[test]
fn columns_that_do_not_fit_each_other_are_told() {
    let two = || texts(&[Some("a"), Some("b")]);
    let one = || texts(&[Some("a")]);
    let message = |keys: &[ArrayRef]| Lookup::build(keys).expect_err("no index").to_string();
    assert_eq!(message(&[]), "a key has 1 to 8 columns, and this one 0");
    assert_eq!(
        message(&vec![one(); MAX_KEY_COLUMNS + 1]),
        "a key has 1 to 8 columns, and this one 9"
    );
    assert_eq!(message(&[two(), one()]), "columns of one reference have 2 and 1 rows");
    let lookup = Lookup::build(&[two(), two()]).expect("an index");
    let message = |keys: &[ArrayRef]| lookup.rows(keys).expect_err("no answer").to_string();
    assert_eq!(message(&[two()]), "the reference has 2 key columns, the batch 1");
    assert_eq!(message(&[two(), one()]), "columns of one batch have 2 and 1 rows");
}

#[test]
fn a_key_that_stands_twice_is_told_with_both_rows() {
    let names = texts(&[Some("JFK"), Some("EWR"), Some("JFK"), Some("JFK")]);
    let days: ArrayRef = Arc::new(Date32Array::from(vec![15_706, 15_706, 15_707, 15_706]));
    let error = Lookup::build(&[names, days]).expect_err("it stands twice");
    assert_eq!(
        error.to_string(),
        "(\"JFK\", 2013-01-01) stands twice in the reference, in rows 0 and 3"
    );
    let long = "é".repeat(100);
    let error = Lookup::build(&[texts(&[Some(&long), Some(&long)])]).expect_err("it stands twice");
    assert_eq!(
        error.to_string(),
        format!(
            "(\"{}…\") stands twice in the reference, in rows 0 and 1",
            "é".repeat(60)
        )
    );
}

#[test]
fn the_size_grows_with_the_keys() {
    let index = |count: usize| {
        let keys: Vec<String> = (0..count).map(|at| format!("a key of twenty bytes {at:08}")).collect();
        Lookup::build(&[Arc::new(StringArray::from(keys))])
            .expect("an index")
            .size_bytes()
    };
    let (small, large) = (index(1000), index(100_000));
    assert!(
        small > 1000 * 30 && large > 50 * small && large < 100_000 * 100,
        "{small}, {large}"
    );
}

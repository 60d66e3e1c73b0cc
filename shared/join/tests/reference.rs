//! A reference of several batches, and its columns for the rows of another.

use arrow_array::{
    Array, ArrayRef, Int64Array, RecordBatch, StringArray, UInt32Array, cast::AsArray, types::Int64Type,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::sync::Arc;
use watershed_join::{Lookup, Reference};

fn schema() -> SchemaRef {
    let field = |name, kind| Field::new(name, kind, true);
    Arc::new(Schema::new(vec![
        field("faa", DataType::Utf8),
        field("alt", DataType::Int64),
    ]))
}

fn batch(rows: &[(&str, Option<i64>)]) -> RecordBatch {
    let names: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.0)).collect::<StringArray>());
    let heights: ArrayRef = Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>());
    RecordBatch::try_new(schema(), vec![names, heights]).expect("columns of the schema")
}

#[test]
fn rows_count_through_all_batches() {
    let batches = [
        batch(&[("EWR", Some(18)), ("JFK", Some(13))]),
        batch(&[]),
        batch(&[("LGA", None)]),
    ];
    let reference = Reference::of(&schema(), &batches).expect("a reference");
    let lookup = Lookup::build(&reference.batch().columns()[..1]).expect("an index");
    let keys: ArrayRef = Arc::new(StringArray::from(vec!["LGA", "EWR", "SJU"]));
    let rows = lookup.rows(&[keys]).expect("an answer");
    assert_eq!(rows, UInt32Array::from(vec![Some(2), Some(0), None]));
    let taken = reference.take(&[1, 0], &rows).expect("columns");
    assert_eq!(
        taken[0].as_primitive::<Int64Type>(),
        &Int64Array::from(vec![None, Some(18), None])
    );
    assert_eq!(
        taken[1].as_string::<i32>(),
        &StringArray::from(vec![Some("LGA"), Some("EWR"), None])
    );
}

#[test]
fn a_reference_without_rows_has_columns() {
    let reference = Reference::of(&schema(), &[]).expect("a reference");
    let taken = reference
        .take(&[0, 1], &UInt32Array::from(vec![None, None]))
        .expect("columns");
    assert_eq!((taken[0].null_count(), taken[1].null_count()), (2, 2));
}

#[test]
fn one_batch_is_not_copied_and_each_byte_is_counted() {
    let one = batch(&[("EWR", Some(18))]);
    let reference = Reference::of(&schema(), std::slice::from_ref(&one)).expect("a reference");
    let data = |batch: &RecordBatch| batch.column(1).as_primitive::<Int64Type>().values().as_ptr();
    assert_eq!(data(reference.batch()), data(&one));
    let many = vec![one; 10_000];
    let large = Reference::of(&schema(), &many).expect("a reference").size_bytes();
    assert!((10_000 * (8 + 3 + 4)..10_000 * 40).contains(&large), "{large}");
}

//! Rows that are picked by their numbers are those that reading all of them gives at these places.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use arrow_array::{
    Array, ArrayRef, Int64Array, ListArray, RecordBatch, StringArray,
    builder::{ListBuilder, StringBuilder},
    cast::AsArray,
    types::Int64Type,
};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::{ArrowWriter, PARQUET_FIELD_ID_META_KEY};
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use std::{collections::BTreeSet, sync::Arc};
use watershed_ports::memory::MemoryStore;

/// A file of so many rows, each its own number, in row groups of so many; its bytes.
fn file(store: &MemoryStore, rows: i64, group: usize) -> (u64, Arc<Schema>) {
    let id = [(PARQUET_FIELD_ID_META_KEY.to_string(), "1".to_string())];
    let field = Field::new("n", DataType::Int64, false).with_metadata(id.into());
    let schema = Arc::new(Schema::new(vec![field]));
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties)).unwrap();
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    writer
        .write(&RecordBatch::try_new(Arc::clone(&schema), vec![numbers]).unwrap())
        .unwrap();
    let bytes = writer.into_inner().unwrap();
    let length = bytes.len() as u64;
    store.insert("lake", "x", bytes);
    (length, schema)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_are_those_of_their_numbers(
        rows in 1_i64..60, group in 1_usize..20, wanted in prop::collection::btree_set(0_u64..70, 0..12)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let store = MemoryStore::default();
        let (bytes, schema) = file(&store, rows, group);
        let wanted: Vec<u64> = BTreeSet::into_iter(wanted).collect();
        let picked = watershed_scan::pick(&store, "s3://lake/x", bytes, &schema, &wanted);
        let picked = runtime.block_on(picked).unwrap();
        let found = picked.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec());
        let expected = wanted.into_iter().map(u64::cast_signed).filter(|row| *row < rows);
        prop_assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}

#[test]
fn texts_of_a_value_are_one_or_those_of_a_list() {
    let texts = StringArray::from(vec![Some("a b"), None]);
    let of = |values: &dyn Array, row| watershed_scan::texts(values, row).map(String::from).collect::<Vec<_>>();
    assert_eq!(of(&texts, 0), ["a b"]);
    assert_eq!(of(&texts, 1), [""; 0]);
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("a"), None, Some("b")]);
    lists.append_null();
    lists.append_value([Some("c")]);
    let lists: ListArray = lists.finish();
    assert_eq!(of(&lists, 0), ["a", "b"]);
    assert_eq!(of(&lists, 1), [""; 0]);
    assert_eq!(of(&lists, 2), ["c"]);
}

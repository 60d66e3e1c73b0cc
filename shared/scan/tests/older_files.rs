//! A file that is older than its table: columns, and fields of structs at every depth, that came or became wider since.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use arrow_array::{
    Array, ArrayRef, Int32Array, RecordBatch, StructArray,
    builder::{Int32Builder, ListBuilder, StructBuilder},
    cast::AsArray,
    types::Int64Type,
};
use arrow_schema::{DataType, Fields};
use std::{collections::BTreeMap, sync::Arc};
use watershed_lake::{Column, ColumnType, TableName, TableSpec, layout::Zone};
use watershed_ports::memory::MemoryStore;
use watershed_sink::{FinishedFile, Sink, SinkSettings, arrow_schema};

fn plain(id: i32, name: &str, kind: ColumnType) -> Column {
    Column::plain(id, name, kind, false, "")
}

fn nested(id: i32, name: &str, kind: ColumnType, fields: Vec<Column>) -> Column {
    Column {
        fields,
        ..plain(id, name, kind)
    }
}

/// `place` struct of `n` and, where `more` columns are there, of what stands before and behind it; and a list of the same.
fn spec(n: ColumnType, more: bool) -> TableSpec {
    let place = |first: i32| {
        let mut fields = vec![plain(first, "n", n)];
        if more {
            fields.insert(0, plain(first + 1, "street", ColumnType::String));
            fields.push(plain(first + 2, "zip", ColumnType::String));
        }
        fields
    };
    let element = nested(30, "element", ColumnType::Struct, place(31));
    TableSpec {
        name: TableName::new("a", "b").unwrap(),
        zone: Zone::Preprocessed,
        columns: vec![
            nested(10, "place", ColumnType::Struct, place(11)),
            nested(20, "places", ColumnType::List, vec![element]),
        ],
        partition: Vec::new(),
        sort: Vec::new(),
        doc: None,
        properties: BTreeMap::new(),
    }
}

fn structs(fields: &Fields, values: Vec<Option<i32>>) -> StructArray {
    let numbers: ArrayRef = Arc::new(Int32Array::from(values));
    StructArray::new(fields.clone(), vec![numbers], None)
}

/// Three rows; the second has no list.
fn batch(spec: &TableSpec) -> RecordBatch {
    let schema = arrow_schema(spec);
    let (DataType::Struct(place), DataType::List(element)) = (schema.field(0).data_type(), schema.field(1).data_type())
    else {
        unreachable!("a struct and a list")
    };
    let DataType::Struct(inside) = element.data_type() else {
        unreachable!("of structs")
    };
    let places = structs(place, vec![Some(1), None, Some(3)]);
    let numbers = StructBuilder::from_fields(inside.clone(), 3);
    let mut lists = ListBuilder::new(numbers).with_field(Arc::clone(element));
    for row in [&[Some(4), None][..], &[], &[Some(6)]] {
        for number in row {
            let numbers = lists.values();
            numbers.field_builder::<Int32Builder>(0).unwrap().append_option(*number);
            numbers.append(true);
        }
        lists.append(!row.is_empty());
    }
    let lists = lists.finish();
    RecordBatch::try_new(schema, vec![Arc::new(places), Arc::new(lists)]).unwrap()
}

#[tokio::test]
async fn fields_inside_of_others_are_found_by_their_ids() {
    let (old, new) = (spec(ColumnType::Int, false), spec(ColumnType::Long, true));
    let (store, folder) = (MemoryStore::default(), tempfile::tempdir().unwrap());
    let mut sink = Sink::new(&old, &BTreeMap::new(), SinkSettings::new(folder.path())).unwrap();
    let mut bytes = 0;
    let mut emit = |file: FinishedFile| {
        bytes = file.bytes;
        store.insert("lake", "x", std::fs::read(&file.local).unwrap());
        Ok(())
    };
    sink.write(batch(&old), &mut emit).unwrap();
    sink.finish(&mut emit).unwrap();
    for (wanted, is_new) in [(old, false), (new, true)] {
        let schema = arrow_schema(&wanted);
        let mut batches = Vec::new();
        let mut take = |batch| {
            batches.push(batch);
            Ok(())
        };
        watershed_scan::read(&store, "s3://lake/x", bytes, &schema, &mut take)
            .await
            .unwrap();
        let [batch] = &batches[..] else {
            panic!("one batch, not {}", batches.len())
        };
        assert_eq!(batch.schema(), schema);
        let (places, lists) = (batch.column(0).as_struct(), batch.column(1).as_list::<i32>());
        assert_eq!(
            (lists.value_length(0), lists.is_null(1), lists.value_length(2)),
            (2, true, 1)
        );
        if !is_new {
            continue;
        }
        let numbers = |of: &StructArray| of.column(1).as_primitive::<Int64Type>().iter().collect::<Vec<_>>();
        assert_eq!(numbers(places), [Some(1), None, Some(3)]);
        assert_eq!(numbers(lists.values().as_struct()), [Some(4), None, Some(6)]);
        for later in [0, 2] {
            assert_eq!(places.column(later).null_count(), 3);
            assert_eq!(lists.values().as_struct().column(later).null_count(), 3);
        }
    }
}

//! Tables whose columns change: those that sources add, and types that become wider.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use arrow_array::{ArrayRef, Decimal128Array, Float32Array, Int32Array, Int64Array, StringArray};
use arrow_schema::{DataType, Schema};
use common::{World, column, field, spec, write};
use std::sync::Arc;
use watershed_lake::{
    AddedColumn, ColumnType, CommitRequest, PartitionField, TableSpec, Transform,
    added::{MAX_ADDED_OF_TABLE, added_id},
};
use watershed_ports::{Kind, PortError, faults::Fault};
use watershed_table::{Committed, Outcome, plan::MERGE_AT_MANIFESTS};

fn error(done: &Committed, index: usize) -> PortError {
    let error = done.outcomes[index].clone().unwrap_err();
    assert_eq!(error.kind, Kind::Fault, "{error}");
    error
}

/// A file of one row with these columns of text behind `n`.
fn file(n: i64, texts: &[&str]) -> (Vec<u8>, u64) {
    let text = |name: &&str| field(name, DataType::Utf8, true, added_id(name));
    let fields: Vec<_> = [field("n", DataType::Int64, false, 1)]
        .into_iter()
        .chain(texts.iter().map(text))
        .collect();
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![n]));
    let values = |name: &&str| Arc::new(StringArray::from(vec![*name])) as ArrayRef;
    let arrays = [numbers].into_iter().chain(texts.iter().map(values)).collect();
    write(Schema::new(fields), arrays)
}

fn adding(world: &World, source: &str, version: u32, texts: &[&str]) -> CommitRequest {
    let request = world.request_of(&spec(), source, version, vec![file(i64::from(version), texts)]);
    request.with_added(added(texts))
}

fn added(names: &[&str]) -> Vec<AddedColumn> {
    names
        .iter()
        .map(|name| AddedColumn::new(name, ColumnType::String))
        .collect()
}

/// Names and types of the current schema.
fn columns(world: &World, spec: &TableSpec) -> Vec<(String, String)> {
    let metadata = world.metadata(spec).unwrap();
    let fields = metadata.current_schema().as_struct().fields();
    fields
        .iter()
        .map(|field| (field.name.clone(), field.field_type.to_string()))
        .collect()
}

fn names(world: &World) -> Vec<String> {
    columns(world, &spec()).into_iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn requests_of_one_batch_add_different_columns_in_one_snapshot() {
    let (world, spec) = (World::new(), spec());
    let batch = [adding(&world, "a", 1, &["x", "y"]), adding(&world, "b", 1, &["y", "z"])];
    let done = world.commit(&spec, &batch).await;
    assert_eq!(done.outcomes, [Ok(Outcome::Applied), Ok(Outcome::Applied)]);
    assert_eq!(names(&world), ["n", "name", "x", "y", "z"]);
    let metadata = world.metadata(&spec).unwrap();
    let field = metadata.current_schema().field_by_name("y").unwrap().clone();
    assert_eq!((field.id, field.required), (added_id("y"), false));
    assert_eq!(metadata.snapshots().len(), 1);
    // Delivered again, and an older version with a column that nobody else has: nothing changes.
    let again = [batch[1].clone(), adding(&world, "b", 0, &["old"])];
    let done = world.commit(&spec, &again).await;
    assert_eq!(done.outcomes, [Ok(Outcome::AlreadyApplied), Ok(Outcome::Superseded)]);
    assert_eq!(names(&world), ["n", "name", "x", "y", "z"]);
    // A newer version without them keeps the columns, for other sources have them.
    let newer = world.request(&spec, "a", 2, &[&[(1, "x")]]);
    assert_eq!(world.commit(&spec, &[newer]).await.outcomes, [Ok(Outcome::Applied)]);
    assert_eq!(names(&world).len(), 5);
}

#[test]
fn added_columns_are_part_of_the_token_and_of_the_message() {
    let world = World::new();
    let plain = world.request(&spec(), "a", 1, &[&[(1, "x")]]);
    assert_eq!(plain.clone().with_added(Vec::new()).token, plain.token);
    assert!(!serde_json::to_string(&plain).unwrap().contains("added"));
    let with = plain.clone().with_added(added(&["x"]));
    assert_ne!(with.token, plain.token);
    assert_eq!(
        serde_json::from_str::<CommitRequest>(&serde_json::to_string(&with).unwrap()).unwrap(),
        with
    );
}

#[tokio::test]
async fn every_fault_at_every_call_adds_the_columns_once() {
    let batches = |world: &World| {
        [
            vec![adding(world, "a", 1, &["x"]), adding(world, "b", 1, &["y"])],
            vec![adding(world, "a", 2, &["x", "z"]), adding(world, "b", 1, &["y"])],
        ]
    };
    let deliver = async |world: &World| {
        for mut batch in batches(world) {
            for _ in 0..8 {
                let done = world.commit(&spec(), &batch).await;
                let mut outcomes = done.outcomes.iter();
                batch.retain(|_| outcomes.next().unwrap().is_err());
            }
            assert_eq!(batch, [], "never acknowledged");
        }
    };
    let world = World::new();
    deliver(&world).await;
    // Which one comes first depends on which request had to be delivered again.
    let sorted = |world: &World| {
        let mut columns = columns(world, &spec());
        columns.sort();
        columns
    };
    let (calls, expected) = (world.faults.calls().len(), sorted(&world));
    assert_eq!(names(&world), ["n", "name", "x", "y", "z"]);
    for fault in Fault::ALL {
        for call in 0..calls {
            let world = World::new();
            world.faults.plan(call, fault);
            deliver(&world).await;
            world.faults.clear();
            assert_eq!(sorted(&world), expected, "{fault:?} at call {call}");
            assert_eq!(world.live(&spec(), None).len(), 2, "{fault:?} at call {call}");
        }
    }
}

#[tokio::test]
async fn a_column_that_cannot_be_added_fails_its_request_alone() {
    let (world, spec) = (World::new(), spec());
    world.commit(&spec, &[adding(&world, "a", 1, &["x"])]).await;
    let good = adding(&world, "b", 1, &["y"]);
    let other_type = world
        .request_of(&spec, "c", 1, vec![file(1, &["x"])])
        .with_added(vec![AddedColumn::new("x", ColumnType::Long)]);
    let named = adding(&world, "d", 1, &["name"]);
    let mut false_id = added(&["w"]);
    false_id[0].id = added_id("y");
    let false_id = world.request_of(&spec, "e", 1, vec![file(1, &[])]).with_added(false_id);
    let done = world.commit(&spec, &[other_type, good, named, false_id]).await;
    assert_eq!(done.outcomes[1], Ok(Outcome::Applied));
    let said = error(&done, 0).message;
    assert!(
        said.contains("is long in the source but \"string\" in the table"),
        "{said}"
    );
    assert!(error(&done, 2).message.contains("the table has \"name\" by field id 2"));
    assert!(error(&done, 3).message.contains("is not the field id of that name"));
    assert_eq!(names(&world), ["n", "name", "x", "y"]);
}

#[tokio::test]
async fn sources_add_no_more_columns_than_a_table_may_have() {
    let (world, spec) = (World::new(), spec());
    let name = |n: usize| AddedColumn::new(&format!("c{n}"), ColumnType::String);
    let request = |source: &str, columns: Vec<AddedColumn>| {
        world
            .request_of(&spec, source, 1, vec![file(1, &[])])
            .with_added(columns)
    };
    let most = request("a", (0..MAX_ADDED_OF_TABLE).map(name).collect());
    let done = world
        .commit(&spec, &[most, request("b", vec![name(MAX_ADDED_OF_TABLE)])])
        .await;
    assert_eq!(done.outcomes[0], Ok(Outcome::Applied));
    assert!(error(&done, 1).message.contains("unknownColumns: ignore or reject"));
}

#[tokio::test]
async fn a_contract_that_names_an_added_column_gives_its_field_id() {
    let (world, old) = (World::new(), spec());
    world.commit(&old, &[adding(&world, "a", 1, &["x"])]).await;
    let naming = |id: i32, kind: ColumnType| {
        let mut spec = old.clone();
        spec.columns.push(column(id, "x", kind, false));
        spec.properties
            .insert("watershed.contract-version".into(), "1.1.0".into());
        spec
    };
    let request = || adding(&world, "b", 1, &["x"]);
    let done = world.commit(&naming(3, ColumnType::String), &[request()]).await;
    let (said, id) = (error(&done, 0).message, added_id("x"));
    assert!(
        said.contains(&format!("write watershed.fieldId: {id} and that type")) && said.contains("\"string\""),
        "{said}"
    );
    let done = world.commit(&naming(id, ColumnType::Long), &[request()]).await;
    assert!(error(&done, 0).message.contains("add a new column instead"));
    // Named so, a file that was made before is one of the table still.
    let done = world.commit(&naming(id, ColumnType::String), &[request()]).await;
    assert_eq!(done.outcomes, [Ok(Outcome::Applied)]);
    assert_eq!(names(&world), ["n", "name", "x"]);
}

/// `a` int, `b` float, `c` decimal; partitioned by a bucket of `a`.
fn narrow() -> TableSpec {
    let mut spec = spec();
    spec.columns = vec![
        column(1, "a", ColumnType::Int, true),
        column(2, "b", ColumnType::Float, false),
        column(3, "c", ColumnType::Decimal { precision: 9, scale: 2 }, false),
    ];
    spec.partition = vec![PartitionField {
        column: 0,
        transform: Transform::Bucket(4),
        name: "a_bucket".into(),
    }];
    spec
}

fn wide() -> TableSpec {
    let mut spec = narrow();
    spec.columns[0].kind = ColumnType::Long;
    spec.columns[1].kind = ColumnType::Double;
    spec.columns[2].kind = ColumnType::Decimal {
        precision: 20,
        scale: 2,
    };
    spec.properties
        .insert("watershed.contract-version".into(), "1.1.0".into());
    spec
}

fn narrow_file(world: &World, source: &str) -> CommitRequest {
    let schema = Schema::new(vec![
        field("a", DataType::Int32, false, 1),
        field("b", DataType::Float32, true, 2),
        field("c", DataType::Decimal128(9, 2), true, 3),
    ]);
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![34])),
        Arc::new(Float32Array::from(vec![1.5])),
        Arc::new(Decimal128Array::from(vec![-5]).with_precision_and_scale(9, 2).unwrap()),
    ];
    world.request_of(&narrow(), source, 1, vec![write(schema, arrays)])
}

fn wide_file(world: &World, source: &str, version: u32) -> CommitRequest {
    let schema = Schema::new(vec![field("a", DataType::Int64, false, 1)]);
    world.request_of(
        &narrow(),
        source,
        version,
        vec![write(schema, vec![Arc::new(Int64Array::from(vec![1_i64 << 40]))])],
    )
}

const WIDE: [&str; 3] = ["long", "double", "decimal(20, 2)"];

#[tokio::test]
async fn a_wider_type_of_the_contract_becomes_the_tables() {
    let world = World::new();
    let before = narrow_file(&world, "before");
    assert_eq!(
        world.commit(&narrow(), &[before]).await.outcomes,
        [Ok(Outcome::Applied)]
    );
    // In one batch with one that was staged under the older contract.
    let batch = [wide_file(&world, "wide", 1), narrow_file(&world, "staged before")];
    let done = world.commit(&wide(), &batch).await;
    assert_eq!(done.outcomes, [Ok(Outcome::Applied), Ok(Outcome::Applied)]);
    let kinds = |world: &World| {
        columns(world, &narrow())
            .into_iter()
            .map(|(_, kind)| kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(&world), WIDE);
    // A committer of the older contract goes on, and takes nothing back.
    let done = world.commit(&narrow(), &[narrow_file(&world, "late")]).await;
    assert_eq!(done.outcomes, [Ok(Outcome::Applied)]);
    assert_eq!(kinds(&world), WIDE);
    // The first manifest is of the narrow types: it is read to replace its file, and merged with those of the wide ones.
    for n in 0..MERGE_AT_MANIFESTS + 2 {
        let done = world
            .commit(&wide(), &[wide_file(&world, &format!("more{n}"), 1)])
            .await;
        assert_eq!(done.outcomes, [Ok(Outcome::Applied)]);
    }
    let files = world.live(&narrow(), None);
    assert_eq!(files.len(), MERGE_AT_MANIFESTS + 6);
    let replaced = wide_file(&world, "before", 2);
    assert_eq!(
        world.commit(&wide(), &[replaced]).await.outcomes,
        [Ok(Outcome::Applied)]
    );
    assert_eq!(world.live(&narrow(), None).len(), MERGE_AT_MANIFESTS + 6);
}

#[tokio::test]
async fn what_is_no_widening_stops_the_tables_requests() {
    let world = World::new();
    world.commit(&wide(), &[wide_file(&world, "a", 1)]).await;
    let mut spec = wide();
    spec.columns[0].kind = ColumnType::Int;
    let done = world.commit(&spec, &[wide_file(&world, "b", 1)]).await;
    let said = error(&done, 0).message;
    assert!(
        said.contains("which is wider and stays so: write long in the contract"),
        "{said}"
    );
    // Of what was applied before nothing is to be done, whatever the contract says.
    assert_eq!(
        world.commit(&spec, &[wide_file(&world, "a", 1)]).await.outcomes,
        [Ok(Outcome::AlreadyApplied)]
    );
    spec.columns[0].kind = ColumnType::Double;
    assert!(
        error(&world.commit(&spec, &[wide_file(&world, "b", 1)]).await, 0)
            .message
            .contains("add a new column")
    );
}

#[tokio::test]
async fn a_column_that_a_partition_has_the_type_of_stays() {
    for (transform, may) in [
        (Transform::Identity, false),
        (Transform::Truncate(10), false),
        (Transform::Bucket(16), true),
    ] {
        let world = World::new();
        let by = |mut spec: TableSpec| {
            spec.partition[0].transform = transform;
            spec
        };
        let done = world.commit(&by(narrow()), &[narrow_file(&world, "a")]).await;
        assert_eq!(done.outcomes, [Ok(Outcome::Applied)]);
        let done = world.commit(&by(wide()), &[narrow_file(&world, "b")]).await;
        if may {
            assert_eq!(done.outcomes, [Ok(Outcome::Applied)]);
        } else {
            let said = error(&done, 0).message;
            assert!(said.contains("which is partitioned by it"), "{said}");
        }
        // Into a table that has the wide type from the start, an older file goes whatever the partition.
        let world = World::new();
        let done = world.commit(&by(wide()), &[narrow_file(&world, "a")]).await;
        assert_eq!(done.outcomes, [Ok(Outcome::Applied)], "{transform}");
    }
}

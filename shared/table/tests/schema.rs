//! Every column type from a real file's footer to the manifest; what a contract may change; what a table forgets.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array,
    Int64Array, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray, TimestampMillisecondArray,
};
use arrow_schema::{DataType, Schema, TimeUnit};
use common::{World, column, field, spec, write};
use iceberg::spec::{DataFile, Manifest, ManifestList};
use std::sync::Arc;
use watershed_lake::{ColumnType, PartitionField, SortField, TableSpec, Transform};
use watershed_ports::Kind;
use watershed_table::{
    Outcome,
    document::{Document, Expiry},
};

fn decimals(values: Vec<i128>, precision: u8, scale: i8) -> ArrayRef {
    Arc::new(
        Decimal128Array::from(values)
            .with_precision_and_scale(precision, scale)
            .unwrap(),
    )
}

/// Two rows of every type, field ids from 10.
fn values() -> Vec<(&'static str, ColumnType, ArrayRef)> {
    let decimal = |precision, scale| ColumnType::Decimal { precision, scale };
    let ts = TimestampMicrosecondArray::from(vec![1_357_000_000_000_000, 1_357_000_000_000_001]);
    let text = StringArray::from(vec!["short", "seventeen letters and more"]);
    vec![
        (
            "boolean",
            ColumnType::Boolean,
            Arc::new(BooleanArray::from(vec![false, true])),
        ),
        ("int", ColumnType::Int, Arc::new(Int32Array::from(vec![-5, 7]))),
        (
            "long",
            ColumnType::Long,
            Arc::new(Int64Array::from(vec![Some(-5), None])),
        ),
        (
            "float",
            ColumnType::Float,
            Arc::new(Float32Array::from(vec![f32::NAN, 1.5])),
        ),
        (
            "double",
            ColumnType::Double,
            Arc::new(Float64Array::from(vec![-2.5, 1.5])),
        ),
        ("small", decimal(9, 2), decimals(vec![-1_420, 1_420], 9, 2)),
        ("big", decimal(38, 4), decimals(vec![-3, 170_141_183_460_469], 38, 4)),
        ("date", ColumnType::Date, Arc::new(Date32Array::from(vec![-1, -1]))),
        (
            "time",
            ColumnType::Time,
            Arc::new(Time64MicrosecondArray::from(vec![1, 2])),
        ),
        ("ts", ColumnType::Timestamp, Arc::new(ts)),
        (
            "tz",
            ColumnType::TimestampTz,
            Arc::new(TimestampMicrosecondArray::from(vec![-1, -2]).with_timezone("UTC")),
        ),
        ("text", ColumnType::String, Arc::new(text)),
        (
            "bytes",
            ColumnType::Binary,
            Arc::new(BinaryArray::from(vec![&[0_u8; 20][..], &[255; 20]])),
        ),
        ("same", decimal(10, 3), decimals(vec![12_345, 12_345], 10, 3)),
        (
            "nothing",
            ColumnType::String,
            Arc::new(StringArray::from(vec![None::<&str>, None])),
        ),
    ]
}

const PARTITION: [(&str, Transform); 8] = [
    ("date", Transform::Month),
    ("ts", Transform::Year),
    ("tz", Transform::Day),
    ("same", Transform::Identity),
    ("same", Transform::Bucket(16)),
    ("same", Transform::Truncate(50)),
    ("nothing", Transform::Identity),
    // Both rows begin with s.
    ("text", Transform::Truncate(1)),
];

fn all_types() -> (TableSpec, Schema, Vec<ArrayRef>) {
    let values = values();
    let numbered = || (10..).zip(&values);
    let fields: Vec<_> = numbered()
        .map(|(id, (name, _, array))| field(name, array.data_type().clone(), true, id))
        .collect();
    let mut spec = spec();
    spec.columns = numbered()
        .map(|(id, (name, kind, _))| column(id, name, *kind, false))
        .collect();
    let partition = PARTITION.iter().map(|(name, transform)| PartitionField {
        column: spec.column(name).unwrap().0,
        transform: *transform,
        name: format!("{name}_{}", transform.to_string().replace(['[', ']'], "_")),
    });
    spec.partition = partition.collect();
    spec.sort = vec![SortField {
        column: 1,
        descending: true,
    }];
    (
        spec,
        Schema::new(fields),
        values.into_iter().map(|(.., array)| array).collect(),
    )
}

fn files(world: &World, spec: &TableSpec) -> Vec<DataFile> {
    let metadata = world.metadata(spec).unwrap();
    let list = world.bytes(metadata.current_snapshot().unwrap().manifest_list());
    let list = ManifestList::parse_with_version(&list, metadata.format_version()).unwrap();
    let manifests = list
        .entries()
        .iter()
        .map(|file| Manifest::parse_avro(&world.bytes(&file.manifest_path)).unwrap());
    manifests
        .flat_map(|m| m.entries().iter().map(|e| e.data_file().clone()).collect::<Vec<_>>())
        .collect()
}

#[tokio::test]
async fn every_type_has_its_bounds_and_partitions() {
    let world = World::new();
    let (spec, schema, arrays) = all_types();
    let request = world.request_of(&spec, "a", 1, vec![write(schema, arrays)]);
    let done = world.commit(&spec, &[request]).await;
    assert_eq!(done.outcomes, [Ok(Outcome::Applied)]);
    let partitions = done.changed.unwrap().partitions.unwrap();
    assert_eq!(partitions.len(), 1);
    for part in [
        "date_month=1969-12/",
        "ts_year=2013/",
        "tz_day=1969-12-31/",
        "same_identity=12.345/",
        "same_truncate_50_=12.300/",
        "nothing_identity=null/",
        "text_truncate_1_=s",
    ] {
        assert!(partitions[0].contains(part), "{part} not in {}", partitions[0]);
    }
    let file = files(&world, &spec).remove(0);
    let bound = |id: i32| {
        let text =
            |bounds: &std::collections::HashMap<i32, iceberg::spec::Datum>| bounds.get(&id).map(ToString::to_string);
        (text(file.lower_bounds()), text(file.upper_bounds()))
    };
    let pair = |low: &str, high: &str| (Some(low.to_string()), Some(high.to_string()));
    assert_eq!(bound(10), pair("false", "true"));
    assert_eq!(bound(11), pair("-5", "7"));
    assert_eq!(bound(12), pair("-5", "-5"));
    assert_eq!(bound(13), pair("1.5", "1.5"), "not a number is no bound");
    assert_eq!(bound(15), pair("-14.20", "14.20"));
    assert_eq!(bound(16), pair("-0.0003", "17014118346.0469"));
    assert_eq!(bound(17), pair("1969-12-31", "1969-12-31"));
    assert_eq!(bound(21), pair("\"seventeen letter\"", "\"short\""));
    assert_eq!(bound(22).1, None, "nothing is above bytes of 255");
    assert_eq!(bound(24), (None, None));
    assert_eq!(file.null_value_counts()[&12], 1);
    assert_eq!(file.null_value_counts()[&24], 2);
    assert_eq!(file.sort_order_id(), Some(1));
    assert_eq!(file.split_offsets(), Some(&[4][..]));
    // A second commit reads the manifest with every partition type back, and keeps it.
    let (_, schema, arrays) = all_types();
    let next = world.request_of(&spec, "a", 2, vec![write(schema, arrays)]);
    assert_eq!(world.commit(&spec, &[next]).await.outcomes, [Ok(Outcome::Applied)]);
    assert_eq!(world.live(&spec, None).len(), 1);
}

#[tokio::test]
async fn a_file_that_is_not_of_the_table_is_refused() {
    let world = World::new();
    let mut spec = spec();
    spec.partition.clear();
    spec.columns = vec![
        column(1, "t", ColumnType::TimestampTz, true),
        column(2, "s", ColumnType::String, true),
    ];
    let micros = || Arc::new(TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC")) as ArrayRef;
    let text = |value: Option<&str>| Arc::new(StringArray::from(vec![value])) as ArrayRef;
    let tz = |unit| DataType::Timestamp(unit, Some("UTC".into()));
    let good = || field("t", tz(TimeUnit::Microsecond), false, 1);
    let s = |id| field("s", DataType::Utf8, true, id);
    let millis = Arc::new(TimestampMillisecondArray::from(vec![1]).with_timezone("UTC")) as ArrayRef;
    let cases = [
        (
            vec![field("t", tz(TimeUnit::Millisecond), false, 1), s(2)],
            vec![millis, text(Some("x"))],
            "column `t` is INT64 Timestamp",
        ),
        (
            vec![field("u", tz(TimeUnit::Microsecond), false, 1), s(2)],
            vec![micros(), text(Some("x"))],
            "`u` has field id 1, which is `t`",
        ),
        (
            vec![good(), s(9)],
            vec![micros(), text(Some("x"))],
            "the table has no field id 9",
        ),
        (
            vec![good(), s(2)],
            vec![micros(), text(None)],
            "`s` is required and has 1 nulls",
        ),
        (vec![good()], vec![micros()], "`s` (field id 2) is required and missing"),
        (
            vec![good(), arrow_schema::Field::new("s", DataType::Utf8, true)],
            vec![micros(), text(Some("x"))],
            "`s` has no field id",
        ),
    ];
    for (n, (fields, arrays, wanted)) in cases.into_iter().enumerate() {
        let request = world.request_of(&spec, &format!("s{n}"), 1, vec![write(Schema::new(fields), arrays)]);
        let error = world.commit(&spec, &[request]).await.outcomes.remove(0).unwrap_err();
        assert!(error.kind == Kind::Fault && error.message.contains(wanted), "{error}");
        assert!(error.message.contains("00000.parquet"), "names the file: {error}");
    }
    let mut short = world.request_of(
        &spec,
        "short",
        1,
        vec![write(Schema::new(vec![good(), s(2)]), vec![micros(), text(Some("x"))])],
    );
    short.files[0].bytes -= 1;
    let error = world.commit(&spec, &[short]).await.outcomes.remove(0).unwrap_err();
    assert!(error.message.contains("is not the"), "{error}");
    assert_eq!(world.metadata(&spec), None, "no table was made of nothing");
}

#[tokio::test]
async fn a_contract_may_add_optional_columns_and_little_else() {
    let (world, old) = (World::new(), spec());
    world.commit(&old, &[world.request(&old, "a", 1, &[&[(1, "x")]])]).await;
    let mut new = old.clone();
    new.columns.push(column(7, "more", ColumnType::Date, false));
    new.columns[1].doc = Some("what it is called".into());
    new.properties
        .insert("watershed.contract-version".into(), "1.1.0".into());
    let done = world.commit(&new, &[world.request(&new, "b", 1, &[&[(2, "y")]])]).await;
    assert_eq!(
        done.outcomes,
        [Ok(Outcome::Applied)],
        "a file without the new column is fine"
    );
    let ids = |world: &World| -> Vec<(i32, String)> {
        let metadata = world.metadata(&old).unwrap();
        metadata
            .current_schema()
            .as_struct()
            .fields()
            .iter()
            .map(|f| (f.id, f.name.clone()))
            .collect()
    };
    assert_eq!(ids(&world), [(1, "n".into()), (2, "name".into()), (7, "more".into())]);
    let metadata = world.metadata(&old).unwrap();
    assert_eq!((metadata.last_column_id(), metadata.schemas_iter().len()), (7, 2));
    assert_eq!(
        metadata.current_schema().field_by_id(2).unwrap().doc.as_deref(),
        Some("what it is called")
    );
    world.commit(&old, &[world.request(&old, "c", 1, &[&[(3, "z")]])]).await;
    assert_eq!(ids(&world).len(), 3, "an older contract takes nothing back");
    assert_eq!(
        world.metadata(&old).unwrap().properties()["watershed.contract-version"],
        "1.1.0"
    );

    let changed = |change: fn(&mut TableSpec)| {
        let mut spec = new.clone();
        change(&mut spec);
        spec
    };
    for (bad, wanted) in [
        (
            changed(|s| s.columns[1].kind = ColumnType::Int),
            "is int in the contract but",
        ),
        (changed(|s| s.columns[1].name = "title".into()), "do not rename"),
        (
            changed(|s| s.columns[2].id = 8),
            "the table knows this name by field id 7",
        ),
        (changed(|s| s.columns[1].required = true), "may be null in the table"),
        (
            changed(|s| s.columns.push(column(9, "must", ColumnType::Int, true))),
            "is new and required",
        ),
        (changed(|s| s.partition.clear()), "is partitioned otherwise"),
    ] {
        let request = world.request(&old, "d", 1, &[&[(4, "w")]]);
        let error = world.commit(&bad, &[request]).await.outcomes.remove(0).unwrap_err();
        assert!(error.kind == Kind::Fault && error.message.contains(wanted), "{error}");
    }
}

#[test]
fn old_snapshots_are_forgotten_but_not_those_that_a_tag_names() {
    const DAY_MS: i64 = 24 * 3_600 * 1_000;
    let mut document = Document::new(&spec(), "s3://lake/t", uuid::Uuid::nil(), 0);
    for n in 1..=40 {
        document.add_snapshot(serde_json::json!({"snapshot-id": n, "parent-snapshot-id": n - 1, "sequence-number": n,
            "timestamp-ms": n * DAY_MS, "manifest-list": "s3://lake/l", "schema-id": 0, "summary": {"operation": "append"}}));
    }
    let mut text: serde_json::Value = serde_json::from_slice(&document.bytes()).unwrap();
    text["refs"]["keep"] = serde_json::json!({"snapshot-id": 2, "type": "tag"});
    text["unknown-to-us"] = 5.into();
    let mut document = Document::parse("s3://lake/m", text.to_string().as_bytes()).unwrap();
    document.finish(Some("s3://lake/before.metadata.json"), 41 * DAY_MS);
    document.expire(Expiry::at(40 * DAY_MS));
    let text: serde_json::Value = serde_json::from_slice(&document.bytes()).unwrap();
    let ids: Vec<i64> = text["snapshots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["snapshot-id"].as_i64().unwrap())
        .collect();
    // An age counts from the day after, when the next one came.
    assert_eq!(ids, [1, 2].into_iter().chain(9..=40).collect::<Vec<_>>());
    assert_eq!(text["snapshot-log"].as_array().unwrap().len(), 32);
    assert_eq!(text["unknown-to-us"], 5);
    assert!(document.logs("s3://lake/before.metadata.json"));
    document.expire(Expiry::at(400 * DAY_MS));
    let kept = |document: &Document| document.typed().unwrap().snapshots().len();
    assert_eq!(kept(&document), 12, "ten of the branch, and the two of the tag");
    let erased = Expiry {
        as_of_ms: 400 * DAY_MS,
        erased_before_ms: Some(38 * DAY_MS),
    };
    document.expire(erased);
    assert_eq!(kept(&document), 5, "three of the branch, and the two of the tag");
    document.expire(Expiry {
        erased_before_ms: Some(i64::MAX),
        ..erased
    });
    assert_eq!(kept(&document), 3, "what the table is now stays, whatever was erased");
}

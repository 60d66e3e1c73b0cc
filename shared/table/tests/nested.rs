//! Structs and lists: in the table's schema and its evolution, in the statistics of files, and in files that are not of the table.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use arrow_array::{ArrayRef, Int64Array, ListArray, StringArray, StructArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Schema};
use common::{World, column, field, spec, write};
use iceberg::spec::{DataFile, Datum, Manifest, ManifestList, Type};
use std::sync::Arc;
use watershed_lake::{Column, ColumnType, TableSpec};
use watershed_table::Outcome;

fn nested(id: i32, name: &str, kind: ColumnType, fields: Vec<Column>) -> Column {
    Column {
        fields,
        ..column(id, name, kind, false)
    }
}

/// `n` long, `at` struct of `city` and required `zip`, `tags` list of required strings.
fn table(version: &str) -> TableSpec {
    let mut spec = spec();
    spec.partition.clear();
    spec.columns = vec![
        column(1, "n", ColumnType::Long, true),
        nested(
            2,
            "at",
            ColumnType::Struct,
            vec![
                column(20, "city", ColumnType::String, false),
                column(21, "zip", ColumnType::Int, true),
            ],
        ),
        nested(
            3,
            "tags",
            ColumnType::List,
            vec![column(30, "element", ColumnType::String, true)],
        ),
    ];
    spec.properties
        .insert("watershed.contract-version".into(), version.into());
    spec
}

/// How a file may differ.
struct File {
    zip_id: i32,
    element_nullable: bool,
    with_zip: bool,
    wide_zip: bool,
}

const GOOD: File = File {
    zip_id: 21,
    element_nullable: false,
    with_zip: true,
    wide_zip: false,
};

/// Two rows: the first has everything, of the second both are null.
fn file(how: &File) -> (Vec<u8>, u64) {
    let nulls = Some(vec![true, false].into());
    let zip: ArrayRef = if how.wide_zip {
        Arc::new(Int64Array::from(vec![7, 0]))
    } else {
        Arc::new(arrow_array::Int32Array::from(vec![7, 0]))
    };
    let mut fields = vec![field("city", DataType::Utf8, true, 20)];
    let mut columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(vec![Some("Rome"), None]))];
    if how.with_zip {
        fields.push(field("zip", zip.data_type().clone(), false, how.zip_id));
        columns.push(zip);
    }
    let at = StructArray::try_new(fields.into(), columns, nulls.clone()).unwrap();
    let element = Arc::new(field("element", DataType::Utf8, how.element_nullable, 30));
    let tags = ListArray::try_new(
        element,
        OffsetBuffer::from_lengths([2, 0]),
        Arc::new(StringArray::from(vec!["a", "b"])),
        nulls,
    )
    .unwrap();
    let of = |name: &str, array: &dyn arrow_array::Array, id: i32| -> Field {
        field(name, array.data_type().clone(), true, id)
    };
    let schema = Schema::new(vec![
        field("n", DataType::Int64, false, 1),
        of("at", &at, 2),
        of("tags", &tags, 3),
    ]);
    write(
        schema,
        vec![Arc::new(Int64Array::from(vec![1, 2])), Arc::new(at), Arc::new(tags)],
    )
}

fn only_file(world: &World, spec: &TableSpec) -> DataFile {
    let metadata = world.metadata(spec).unwrap();
    let list = world.bytes(metadata.current_snapshot().unwrap().manifest_list());
    let list = ManifestList::parse_with_version(&list, metadata.format_version()).unwrap();
    let manifest = Manifest::parse_avro(&world.bytes(&list.entries()[0].manifest_path)).unwrap();
    manifest.entries()[0].data_file().clone()
}

#[tokio::test]
async fn nested_columns_have_their_ids_types_and_statistics() {
    let (world, spec) = (World::new(), table("1.0.0"));
    let done = world
        .commit(&spec, &[world.request_of(&spec, "a", 1, vec![file(&GOOD)])])
        .await;
    assert_eq!(done.outcomes, [Ok(Outcome::Applied)]);
    let metadata = world.metadata(&spec).unwrap();
    let schema = metadata.current_schema();
    assert_eq!(metadata.last_column_id(), 30);
    assert_eq!(schema.field_id_by_name("at.zip"), Some(21));
    assert_eq!(schema.field_id_by_name("tags.element"), Some(30));
    assert!(schema.field_by_id(21).unwrap().required);
    let Type::List(tags) = &*schema.field_by_id(3).unwrap().field_type else {
        panic!("a list");
    };
    assert!(tags.element_field.required);
    let file = only_file(&world, &spec);
    assert_eq!(file.lower_bounds()[&20], Datum::string("Rome"));
    assert_eq!(file.upper_bounds()[&21], Datum::int(7));
    assert_eq!((file.null_value_counts()[&20], file.null_value_counts()[&21]), (1, 1));
    let is_told = |id| file.lower_bounds().contains_key(&id) || file.null_value_counts().contains_key(&id);
    assert!(
        !is_told(30) && file.value_counts().contains_key(&30),
        "of lists, only how many values"
    );
}

#[tokio::test]
async fn a_file_whose_nested_columns_are_others_is_refused() {
    let cases = [
        (
            File { zip_id: 22, ..GOOD },
            "column `at.zip`: the table has no field id 22",
        ),
        (
            File { zip_id: 20, ..GOOD },
            "column `at.zip` has field id 20, which is `at.city` in the table",
        ),
        (
            File {
                element_nullable: true,
                ..GOOD
            },
            "column `tags.list.element`: `element` is required and may be null in the file",
        ),
        (
            File {
                with_zip: false,
                ..GOOD
            },
            "column `zip` (field id 21) is required and missing",
        ),
        (
            File { wide_zip: true, ..GOOD },
            "column `at.zip` is INT64 in the file, the table wants int",
        ),
    ];
    let (world, spec) = (World::new(), table("1.0.0"));
    for (n, (how, wanted)) in cases.iter().enumerate() {
        let request = world.request_of(&spec, &format!("s{n}"), 1, vec![file(how)]);
        let error = world.commit(&spec, &[request]).await.outcomes.remove(0).unwrap_err();
        assert!(error.message.contains(wanted), "{error}");
    }
    assert_eq!(world.metadata(&spec), None);
}

/// A change of a contract.
type Change = fn(&mut TableSpec);

#[tokio::test]
async fn a_nested_type_may_gain_optional_fields_and_become_wider() {
    let (world, old) = (World::new(), table("1.0.0"));
    world
        .commit(&old, &[world.request_of(&old, "a", 1, vec![file(&GOOD)])])
        .await;
    let mut new = table("1.1.0");
    new.columns[1].fields.push(nested(
        22,
        "more",
        ColumnType::List,
        vec![column(40, "element", ColumnType::Date, false)],
    ));
    new.columns[1].fields[1].kind = ColumnType::Long;
    new.columns[1].fields[1].doc = Some("the code".into());
    new.columns[2].fields[0].required = false;
    let wide = File { wide_zip: true, ..GOOD };
    let requests = [
        world.request_of(&new, "b", 1, vec![file(&wide)]),
        world.request_of(&new, "c", 1, vec![file(&GOOD)]),
    ];
    let done = world.commit(&new, &requests).await;
    assert_eq!(
        done.outcomes,
        [Ok(Outcome::Applied), Ok(Outcome::Applied)],
        "narrower files stay of the table"
    );
    let metadata = world.metadata(&new).unwrap();
    let schema = metadata.current_schema();
    assert_eq!(metadata.last_column_id(), 40);
    assert_eq!(schema.field_by_id(21).unwrap().field_type.to_string(), "long");
    assert_eq!(schema.field_by_id(21).unwrap().doc.as_deref(), Some("the code"));
    assert!(!schema.field_by_id(30).unwrap().required);
    assert_eq!(schema.field_id_by_name("at.more.element"), Some(40));

    let cases: [(Change, &str); 5] = [
        (
            |spec| spec.columns[1].fields.push(column(23, "new", ColumnType::Long, true)),
            "column `at.new` (field id 23): is new and required, but older rows have none; make it optional",
        ),
        (
            |spec| spec.columns[1].fields[0].kind = ColumnType::Long,
            "column `at.city` (field id 20): is long in the contract but \"string\" in the table; add a new column instead",
        ),
        (
            |spec| spec.columns[1].fields[0].id = 29,
            "column `at.city` (field id 29): the table knows this name by field id 20",
        ),
        (
            |spec| spec.columns[2].fields[0].id = 31,
            "column `tags.element` (field id 31): the table knows this name by field id 30",
        ),
        (
            |spec| spec.columns[2] = column(3, "tags", ColumnType::String, false),
            "column `tags` (field id 3): is string in the contract but",
        ),
    ];
    for (n, (change, wanted)) in cases.iter().enumerate() {
        let mut bad = new.clone();
        bad.properties
            .insert("watershed.contract-version".into(), "1.2.0".into());
        change(&mut bad);
        let request = world.request_of(&bad, &format!("s{n}"), 1, vec![file(&wide)]);
        let error = world.commit(&bad, &[request]).await.outcomes.remove(0).unwrap_err();
        assert!(error.message.contains(wanted), "{error}");
    }
}

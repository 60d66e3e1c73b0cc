//! Sources that have other columns than their contract.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use arrow_array::{
    ArrayRef, BooleanArray, Decimal128Array, Float32Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    UInt64Array, types::Int32Type,
};
use common::{batches, dataset, rows, run, texts};
use parquet::arrow::ArrowWriter;
use std::sync::Arc;
use watershed_contract::Dataset;
use watershed_decode::Reason;
use watershed_ingest::pipeline::Report;
use watershed_lake::{ColumnType, added::added_id};

const COLUMNS: &str = r"    properties:
      - {name: id, logicalType: integer, required: true, primaryKey: true}
      - {name: name, logicalType: string}
      - {name: city, logicalType: string, customProperties: [{property: watershed, value: {source: City Name}}]}
";

fn contract(format: &str, watershed: &str) -> Arc<Dataset> {
    with_columns(format, watershed, COLUMNS)
}

fn with_columns(format: &str, watershed: &str, columns: &str) -> Arc<Dataset> {
    let custom = format!("    customProperties: [{{property: watershed, value: {{{watershed}}}}}]\n");
    dataset(format, &format!("{custom}{columns}"))
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values
        .iter()
        .map(|value| (*value != "-").then(|| value.to_string()))
        .collect()
}

fn added(report: &Report) -> Vec<(&str, i32, ColumnType)> {
    let columns = report.added.iter();
    columns
        .map(|column| (column.name.as_str(), column.id, column.kind))
        .collect()
}

fn text(name: &str) -> (&str, i32, ColumnType) {
    (name, added_id(name), ColumnType::String)
}

const CSV: &str = "id,Tail No,name,city name,extra\n1,N1,x,Oslo,7.50\n2,,y,,\"a,b\"\n";

#[test]
fn unknown_columns_are_ignored_where_nothing_is_said() {
    for watershed in ["", "unknownColumns: ignore"] {
        let (report, files) = run(&contract("format: csv", watershed), CSV.as_bytes()).unwrap();
        assert_eq!((report.accepted, report.passes, added(&report)), (2, 1, vec![]));
        assert!(rows(&files, "data")[0].column_by_name("tail_no").is_none());
    }
}

#[test]
fn an_object_with_unknown_columns_is_refused_by_name() {
    let (report, files) = run(&contract("format: csv", "unknownColumns: reject"), CSV.as_bytes()).unwrap();
    let reject = report.object.unwrap();
    assert_eq!((report.accepted, reject.reason), (0, Reason::UnknownColumn));
    assert!(
        reject.message.contains("`Tail No`, `extra`") && reject.message.contains("unknownColumns: ignore or add"),
        "{reject}"
    );
    assert_eq!(texts(&rows(&files, "quarantine"), "reason"), some(&["unknown_column"]));
    let known = "id,name,city name\n1,x,\n";
    let (report, _) = run(&contract("format: csv", "unknownColumns: reject"), known.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.object), (1, None));
}

#[test]
fn unknown_columns_of_a_header_are_added() {
    let (report, files) = run(
        &contract("format: csv", "unknownColumns: add, nulls: [NA]"),
        CSV.as_bytes(),
    )
    .unwrap();
    assert_eq!((report.accepted, report.rejected, report.passes), (2, 0, 1));
    assert_eq!(added(&report), [text("tail_no"), text("extra")]);
    let data = rows(&files, "data");
    assert_eq!(texts(&data, "extra"), some(&["7.50", "a,b"]));
    assert_eq!(texts(&data, "tail_no"), vec![Some("N1".into()), Some(String::new())]);
    let field = data[0].schema_ref().field_with_name("tail_no").unwrap().clone();
    assert_eq!(field.metadata()["PARQUET:field_id"], added_id("tail_no").to_string());
    assert!(field.is_nullable());
}

#[test]
fn a_key_that_is_repeated_late_does_not_lose_the_added_columns() {
    // Descending keys, so that they are searched; too many for memory they are not, so the row is told in the first pass.
    let file = "id,name,city name,extra\n3,a,,p\n1,b,,q\n3,c,,r\n";
    let (report, files) = run(&contract("format: csv", "unknownColumns: add"), file.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (2, 1));
    assert_eq!(texts(&rows(&files, "data"), "extra"), some(&["p", "q"]));
}

#[test]
fn columns_that_cannot_be_told_apart_are_refused() {
    for (header, said) in [
        ("id,name,city name,a b,a-b", "would both be `a_b`"),
        ("id,name,city name,City!", "would both be `city`"),
        ("id,name,city name,", "no name can be made"),
    ] {
        let (report, _) = run(&contract("format: csv", "unknownColumns: add"), header.as_bytes()).unwrap();
        let message = report.object.unwrap().message;
        assert!(message.contains(said), "{header}: {message}");
    }
}

const NDJSON: &str = "{\"id\": 3, \"name\": \"x\", \"a.b\": 1.50}\n{\"id\": 1, \"a.b\": \"t\", \"deep\": {\"k\": [1, 2]}}\n{\"id\": 3, \"late\": true}\n{\"id\": 4, \"lost\": 1,}\n";

#[test]
fn keys_of_json_are_added_in_a_second_pass() {
    let (report, files) = run(&contract("format: json", "unknownColumns: add"), NDJSON.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected, report.passes), (2, 2, 2));
    // What only refused records have: a repeated key is found when the record was read, a broken record is not read.
    assert_eq!(added(&report), [text("a_b"), text("deep"), text("late")]);
    let data = rows(&files, "data");
    assert_eq!(texts(&data, "id"), some(&["3", "1"]));
    assert_eq!(texts(&data, "a_b"), some(&["1.50", "t"]));
    assert_eq!(texts(&data, "deep"), some(&["-", "{\"k\": [1, 2]}"]));
    assert_eq!(report.missing_columns, ["city"]);
}

#[test]
fn a_record_with_unknown_keys_is_refused_where_they_are() {
    for (format, text) in [
        ("format: json", NDJSON.to_string()),
        (
            "format: json, delimiter: array",
            format!("[{}]", NDJSON.trim_end().replace('\n', ",")),
        ),
    ] {
        let (report, files) = run(&contract(format, "unknownColumns: reject"), text.as_bytes()).unwrap();
        assert_eq!((report.accepted, report.rejected, report.passes), (0, 4, 1), "{format}");
        assert_eq!(report.by_reason[&Reason::UnknownColumn], 3);
        let message = texts(&rows(&files, "quarantine"), "message")[1].clone().unwrap();
        assert!(
            message.contains("the row has columns that the contract does not name: `a.b`, `deep`;"),
            "{message}"
        );
    }
}

#[test]
fn an_object_of_too_many_unknown_keys_is_refused() {
    let record = |n: usize| format!("{{\"id\": {n}, \"k{n}\": 1}}\n");
    let contract = contract("format: json", "unknownColumns: add");
    let text: String = (0..100).map(record).collect();
    let (report, _) = run(&contract, text.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.added.len()), (100, 100));
    let text: String = (0..20_000).map(record).collect();
    let (report, _) = run(&contract, text.as_bytes()).unwrap();
    assert_eq!(report.object.unwrap().reason, Reason::Limit);
}

const XML_COLUMNS: &str = r"    properties:
      - {name: id, logicalType: integer, required: true}
      - {name: name, logicalType: string}
      - {name: city, logicalType: string, customProperties: [{property: watershed, value: {source: address/city}}]}
";
const XML: &str = r#"<rows xmlns:xsi="x"><row nr="1"><id>1</id><name>x</name><address kind="home"><city>Oslo</city><zip>0150</zip></address></row>
<row><id>2</id><note>a &amp; b</note><tel><n>5</n></tel></row><row xsi:type="t"><id>3</id><address/></row></rows>"#;

#[test]
fn elements_and_attributes_of_xml_are_added_by_their_path() {
    let add = with_columns("format: xml", "row: row, unknownColumns: add", XML_COLUMNS);
    let (report, files) = run(&add, XML.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected, report.passes), (3, 0, 2));
    assert_eq!(
        added(&report),
        ["nr", "address_kind", "address_zip", "note", "tel_n"].map(text)
    );
    let data = rows(&files, "data");
    assert_eq!(texts(&data, "address_zip"), some(&["0150", "-", "-"]));
    assert_eq!(texts(&data, "note"), some(&["-", "a & b", "-"]));
    let reject = with_columns("format: xml", "row: row, unknownColumns: reject", XML_COLUMNS);
    let (report, files) = run(&reject, XML.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (1, 2));
    let message = texts(&rows(&files, "quarantine"), "message")[1].clone().unwrap();
    assert!(message.contains("`note`, `tel/n`"), "{message}");
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
    let (batch, mut bytes) = (batch.unwrap(), Vec::new());
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn ids() -> (&'static str, ArrayRef) {
    ("id", Arc::new(Int64Array::from(vec![1, 2])))
}

#[test]
fn columns_of_parquet_are_added_with_their_types() {
    let price = Decimal128Array::from(vec![150, 275])
        .with_precision_and_scale(9, 2)
        .unwrap();
    let file = parquet(vec![
        ids(),
        ("ok", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("Price", Arc::new(price)),
        ("big", Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
        ("name", Arc::new(StringArray::from(vec!["x", "y"]))),
    ]);
    let (report, files) = run(&contract("format: parquet", "unknownColumns: add"), &file).unwrap();
    assert_eq!((report.accepted, report.rejected, report.passes), (2, 0, 1));
    let decimal = |precision, scale| ColumnType::Decimal { precision, scale };
    assert_eq!(
        added(&report),
        [
            ("ok", added_id("ok"), ColumnType::Boolean),
            ("price", added_id("price"), decimal(9, 2)),
            ("big", added_id("big"), decimal(20, 0))
        ]
    );
    assert_eq!(report.missing_columns, ["city"]);
    let data = rows(&files, "data");
    assert_eq!(texts(&data, "price"), some(&["1.50", "2.75"]));
    assert_eq!(texts(&data, "big"), some(&["18446744073709551615", "0"]));
    let (report, _) = run(&contract("format: parquet", "unknownColumns: reject"), &file).unwrap();
    assert!(report.object.unwrap().message.contains("`ok`, `Price`, `big`"));
    let (report, _) = run(&contract("format: parquet", ""), &file).unwrap();
    assert_eq!((report.accepted, added(&report)), (2, vec![]));
}

#[test]
fn a_nested_column_of_parquet_cannot_be_added() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)]), None]);
    let file = parquet(vec![ids(), ("tags", Arc::new(list))]);
    let (report, _) = run(&contract("format: parquet", "unknownColumns: add"), &file).unwrap();
    let reject = report.object.unwrap();
    assert!(
        reject.reason == Reason::UnknownColumn && reject.message.contains("`tags` is of type List"),
        "{reject}"
    );
    assert_eq!(run(&contract("format: parquet", ""), &file).unwrap().0.accepted, 2);
}

const HIDDEN: &str = r"    properties:
      - {name: id, logicalType: integer, required: true}
      - name: who
        logicalType: string
        classification: personal
        customProperties: [{property: watershed, value: {personal: hash}}]
";

#[test]
fn what_may_be_personal_is_hidden_as_the_contract_says() {
    let file = "id,who,Email,id2\n1,a,x@y.org,7\nz,b,secret@y.org,8\n";
    for (word, shown) in [("hash", 64), ("redact", 10), ("keep", 7)] {
        let watershed = format!("unknownColumns: add, addedPersonal: {word}");
        let (report, files) = run(&with_columns("format: csv", &watershed, HIDDEN), file.as_bytes()).unwrap();
        assert_eq!((report.accepted, report.rejected), (1, 1));
        let email = texts(&rows(&files, "data"), "email")[0].clone().unwrap();
        assert_eq!(email.len(), shown, "{email}");
        let raw = String::from_utf8(common::raws(&rows(&files, "quarantine")).remove(0)).unwrap();
        assert_eq!(raw.contains("secret"), word == "keep", "{raw}");
        assert!(raw.contains("\"Email\""), "{raw}");
    }
    // Numbers of Parquet have no hash: they are text then.
    let file = parquet(vec![ids(), ("phone", Arc::new(Int64Array::from(vec![5, 6])))]);
    let hash = with_columns("format: parquet", "unknownColumns: add, addedPersonal: hash", HIDDEN);
    let (report, files) = run(&hash, &file).unwrap();
    assert_eq!(added(&report), [text("phone")]);
    assert_eq!(texts(&rows(&files, "data"), "phone")[0].clone().unwrap().len(), 64);
}

#[test]
fn columns_that_the_source_lacks_are_null_in_every_format() {
    let file = parquet(vec![ids()]);
    for (format, watershed, bytes) in [
        ("format: csv", "", &b"id\n1\n2\n"[..]),
        ("format: json", "", b"{\"id\": 1}\n{\"id\": 2}\n"),
        ("format: json, delimiter: array", "", b"[{\"id\": 1}, {\"id\": 2}]"),
        ("format: xml", "row: r", b"<t><r><id>1</id></r><r><id>2</id></r></t>"),
        ("format: parquet", "", &file),
    ] {
        let columns = COLUMNS.replace("City Name", "city_name");
        let (report, files) = run(&with_columns(format, watershed, &columns), bytes).unwrap();
        assert_eq!((report.accepted, &report.object), (2, &None), "{format}");
        assert_eq!(report.missing_columns, ["name", "city"], "{format}");
        assert_eq!(texts(&rows(&files, "data"), "city"), some(&["-", "-"]), "{format}");
    }
}

#[test]
fn a_required_column_that_is_missing_is_named_with_the_one_that_is_near() {
    let columns = COLUMNS.replace(
        "name: name, logicalType: string",
        "name: departure, logicalType: string, required: true",
    );
    let csv = with_columns("format: csv", "", &columns);
    let message = |header: &str| run(&csv, header.as_bytes()).unwrap().0.object.unwrap().message;
    let near = message("id,Departrue,city name\n");
    assert!(
        near.contains("lacks `departure`; it has `id`, `Departrue`, `city name`; is `Departrue` its `departure`?"),
        "{near}"
    );
    assert!(!message("id,arrival,city name\n").contains("; is `"));
    let (report, _) = run(
        &with_columns("format: json", "", &columns),
        b"{\"id\": 1}\n{\"id\": 2, \"departure\": \"x\"}\n",
    )
    .unwrap();
    assert_eq!((report.accepted, report.by_reason[&Reason::Required]), (1, 1));
}

const TYPED: &str = r#"    properties:
      - {name: id, logicalType: integer, required: true}
      - {name: l, logicalType: integer, physicalType: BIGINT}
      - {name: d, logicalType: number, physicalType: DOUBLE}
      - {name: p, logicalType: number, physicalType: "DECIMAL(20,4)"}
      - {name: i, logicalType: integer, physicalType: INTEGER}
      - {name: s, logicalType: number, physicalType: "DECIMAL(4,1)"}
"#;

#[test]
fn parquet_of_narrower_types_is_read_and_of_wider_ones_as_far_as_values_fit() {
    let decimals = |values: Vec<i128>, precision, scale| -> ArrayRef {
        let array = Decimal128Array::from(values);
        Arc::new(array.with_precision_and_scale(precision, scale).unwrap())
    };
    let file = parquet(vec![
        ("id", Arc::new(Int32Array::from(vec![1, 2, 3]))),
        ("l", Arc::new(Int32Array::from(vec![-7, 8, 9]))),
        ("d", Arc::new(Float32Array::from(vec![1.5, 2.5, 3.5]))),
        ("p", decimals(vec![1_234, -5, 6], 9, 2)),
        ("i", Arc::new(Int64Array::from(vec![5, i64::MAX, 6]))),
        ("s", decimals(vec![12_500, 100, 12_345], 10, 3)),
    ]);
    let (report, files) = run(&with_columns("format: parquet", "", TYPED), &file).unwrap();
    assert_eq!((report.accepted, report.rejected), (1, 2));
    let data = rows(&files, "data");
    for (column, value) in [("l", "-7"), ("d", "1.5"), ("p", "12.3400"), ("i", "5"), ("s", "12.5")] {
        assert_eq!(texts(&data, column), some(&[value]), "{column}");
    }
    assert_eq!(texts(&rows(&files, "quarantine"), "column"), some(&["i", "s"]));
}

#[test]
fn what_may_be_hidden_is_not_added_as_something_else() {
    let of = |source: &str, personal: &str| {
        dataset(
            "format: json",
            &format!(
                "    customProperties: [{{property: watershed, value: {{unknownColumns: add, addedPersonal: keep}}}}]\n    properties:\n\
                 \x20     - {{name: a, logicalType: integer}}\n\
                 \x20     - {{name: p, logicalType: string, classification: personal, customProperties: [{{property: watershed, \
                 value: {{source: \"{source}\", personal: {personal}}}}}]}}\n"
            ),
        )
    };
    for (source, row) in [
        ("o.p", r#"{"a": 1, "o.p": "SECRET"}"#),
        ("o.p", r#"{"a": 1, "O": {"p": "SECRET"}}"#),
        ("p", r#"{"a": 1, "P": "SECRET"}"#),
    ] {
        for personal in ["drop", "redact", "hash"] {
            let (_, files) = run(&of(source, personal), row.as_bytes()).unwrap();
            for bytes in files.values() {
                let shown = batches(bytes)
                    .iter()
                    .any(|batch| format!("{batch:?}").contains("SECRET"));
                assert!(!shown, "{personal} {row}");
            }
        }
    }
}

#[test]
fn one_field_is_not_shown_by_one_column_and_hidden_by_another() {
    let twice = dataset(
        "format: csv",
        "    properties:\n      - {name: a, logicalType: integer}\n      \
         - {name: o, logicalType: string, customProperties: [{property: watershed, value: {source: P}}]}\n      \
         - {name: p, logicalType: string, classification: personal, customProperties: [{property: watershed, value: {personal: redact}}]}\n",
    );
    let (report, _) = run(&twice, b"a,p\n1,SECRET\n").unwrap();
    assert_eq!(report.object.unwrap().reason, Reason::Header);
}

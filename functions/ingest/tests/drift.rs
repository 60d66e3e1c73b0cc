//! Sources that have other columns than their contract.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{dataset, rows, run, texts};
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
    let (report, files) = run(&contract("format: csv", "unknownColumns: add, nulls: [NA]"), CSV.as_bytes()).unwrap();
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
    assert_eq!(added(&report), ["nr", "address_kind", "address_zip", "note", "tel_n"].map(text));
    let data = rows(&files, "data");
    assert_eq!(texts(&data, "address_zip"), some(&["0150", "-", "-"]));
    assert_eq!(texts(&data, "note"), some(&["-", "a & b", "-"]));
    let reject = with_columns("format: xml", "row: row, unknownColumns: reject", XML_COLUMNS);
    let (report, files) = run(&reject, XML.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (1, 2));
    let message = texts(&rows(&files, "quarantine"), "message")[1].clone().unwrap();
    assert!(message.contains("`note`, `tel/n`"), "{message}");
}

//! The formats and compressions, and objects that are not what they say they are.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{batches, dataset, gzip, raws, rows, run, texts};
use watershed_decode::Reason;

const SCHEMA: &str = r"    properties:
      - {name: id, logicalType: integer, physicalType: BIGINT, required: true}
      - {name: name, logicalType: string, physicalType: VARCHAR}
      - {name: at, logicalType: timestamp, physicalType: TIMESTAMPTZ}
";
const CSV: &str = "id,name,at\n1,\"a, \"\"b\"\"\nc\",2013-01-01T00:00:00+01:00\n2,,\n3,x,2013-01-02T00:00:00Z\n";

fn some(values: &[&str]) -> Vec<Option<String>> {
    values
        .iter()
        .map(|value| (*value != "-").then(|| value.to_string()))
        .collect()
}

fn check(format: &str, bytes: &[u8]) {
    check_schema(format, SCHEMA, bytes);
}

fn check_schema(format: &str, schema: &str, bytes: &[u8]) {
    let (report, files) = run(&dataset(format, schema), bytes).unwrap();
    assert_eq!(
        (report.accepted, report.rejected, report.object),
        (3, 0, None),
        "{format}"
    );
    let data = rows(&files, "data");
    assert_eq!(texts(&data, "id"), some(&["1", "2", "3"]));
    assert_eq!(
        texts(&data, "name"),
        vec![Some("a, \"b\"\nc".into()), Some(String::new()), Some("x".into())]
    );
    assert_eq!(
        texts(&data, "at"),
        some(&["2012-12-31T23:00:00Z", "-", "2013-01-02T00:00:00Z"])
    );
}

#[test]
fn csv_in_its_spellings() {
    check("format: csv", CSV.as_bytes());
    check(
        "format: csv",
        CSV.replace('\n', "\r\n").replace("\r\nc", "\nc").as_bytes(),
    );
    check("format: csv", CSV.trim_end().as_bytes());
    check("format: csv", format!("\u{feff}{CSV}\n\n").as_bytes());
    check(
        "format: csv, delimiter: \";\"",
        CSV.replace("id,name,at", "id;name;at")
            .replace("1,\"", "1;\"")
            .replace("\",2", "\";2")
            .replace("2,,", "2;;")
            .replace("3,x,", "3;x;")
            .as_bytes(),
    );
    check("format: csv", gzip(CSV.as_bytes()).as_slice());
    let halves = CSV.split_at(30);
    check(
        "format: csv",
        &[gzip(halves.0.as_bytes()), gzip(halves.1.as_bytes())].concat(),
    );
    check("format: csv", &zstd::encode_all(CSV.as_bytes(), 3).unwrap());
}

#[test]
fn columns_are_found_by_name_in_any_order_and_spelling() {
    let file = "AT , extra,ID,Name\n2013-01-02T00:00:00Z,?,3,x\n";
    let (report, files) = run(&dataset("format: csv", SCHEMA), file.as_bytes()).unwrap();
    assert_eq!(report.accepted, 1);
    assert_eq!(texts(&rows(&files, "data"), "name"), some(&["x"]));
}

#[test]
fn csv_without_header_goes_by_position() {
    let schema = format!("    customProperties: [{{property: watershed, value: {{header: false}}}}]\n{SCHEMA}");
    let (report, files) = run(&dataset("format: csv", &schema), b"7,x,\n8,y,\n").unwrap();
    assert_eq!((report.accepted, report.rejected), (2, 0));
    assert_eq!(texts(&rows(&files, "data"), "id"), some(&["7", "8"]));
}

const NDJSON: &str = r#"{"id": 1, "name": "a, \"b\"\nc", "at": "2013-01-01T00:00:00+01:00"}
{"name":"","id":"2","at":null,"extra":{"deep":[1,{"x":"}"}]}}

{"at":"2013-01-02T00:00:00Z","name":"\u0078","id":3}
"#;

#[test]
fn newline_delimited_json() {
    check("format: json", NDJSON.as_bytes());
    check("format: json", gzip(NDJSON.as_bytes()).as_slice());
}

#[test]
fn bad_json_lines_lose_no_row() {
    let lines = [
        (r#"{"id":1"#, "invalid_json"),
        (r#"{"id":01}"#, "invalid_json"),
        (r#"{"id":1,}"#, "invalid_json"),
        (r#"{"id":1} {"id":2}"#, "invalid_json"),
        (r#"{"id":1,"name":"a	b"}"#, "invalid_json"),
        (r#"{"id":1,"name":"\ud800"}"#, "invalid_json"),
        (r#"{"id":nul}"#, "invalid_json"),
        ("[1,2]", "not_an_object"),
        ("7", "not_an_object"),
        (r#"{"id":1,"id":2}"#, "repeated_key"),
        ("{}", "required"),
        (r#"{"id":null}"#, "required"),
        (r#"{"id":[1]}"#, "type"),
        (r#"{"id":true}"#, "type"),
        (r#"{"id":1e40}"#, "overflow"),
    ];
    let deep = format!(r#"{{"id":1,"name":{}{}}}"#, "[".repeat(100), "]".repeat(100));
    let mut text = "{\"id\":100}\n".to_string();
    for (line, _) in &lines {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str(&deep);
    let (report, files) = run(&dataset("format: json", SCHEMA), text.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (1, lines.len() as u64 + 1));
    let reasons = texts(&rows(&files, "quarantine"), "reason");
    for ((line, reason), told) in lines.iter().zip(&reasons) {
        assert_eq!(told.as_deref(), Some(*reason), "{line}");
    }
    assert_eq!(reasons.last().unwrap().as_deref(), Some("invalid_json"), "too deep");
}

#[test]
fn a_json_array_alone_and_in_an_envelope() {
    let array = format!("[{}]", NDJSON.trim().replace("}\n", "},\n").replace(",\n\n", ",\n"));
    check("format: json, delimiter: array", array.as_bytes());
    check(
        "format: json, delimiter: array",
        &zstd::encode_all(array.as_bytes(), 3).unwrap(),
    );
    let schema = format!("    customProperties: [{{property: watershed, value: {{records: data.items}}}}]\n{SCHEMA}");
    let text = format!("{{\"data\": {{\"n\": 3, \"items\": {array}}}, \"next\": null}}");
    let (report, _) = run(&dataset("format: json, delimiter: array", &schema), text.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected, report.object), (3, 0, None));
    // What is cut off loses nothing that stood before, and is told.
    let cut = &array.as_bytes()[..array.len() - 20];
    let (report, files) = run(&dataset("format: json, delimiter: array", SCHEMA), cut).unwrap();
    assert_eq!((report.accepted, report.rejected), (2, 1));
    let quarantine = rows(&files, "quarantine");
    assert_eq!(texts(&quarantine, "reason"), some(&["invalid_json"]));
    let offset: usize = texts(&quarantine, "byte_offset")[0]
        .as_deref()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(raws(&quarantine), [cut[offset..].to_vec()]);
}

#[test]
fn json_paths_into_typed_columns() {
    let schema = r#"    properties:
      - name: zip
        logicalType: integer
        customProperties: [{property: watershed, value: {source: address.zip}}]
      - name: first
        logicalType: string
        customProperties: [{property: watershed, value: {source: "items[0]"}}]
      - {name: address, logicalType: string}
"#;
    let text = "{\"address\":{\"zip\":89073},\"items\":[{\"n\":1}]}\n{\"address\":{\"zip\":{\"n\":1}}}\n";
    let (report, files) = run(&dataset("format: json", schema), text.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (1, 1));
    let data = rows(&files, "data");
    assert_eq!(texts(&data, "zip"), some(&["89073"]));
    assert_eq!(texts(&data, "first"), some(&["{\"n\":1}"]));
    assert_eq!(texts(&data, "address"), some(&["{\"zip\":89073}"]));
    let quarantine = rows(&files, "quarantine");
    assert_eq!(
        texts(&quarantine, "message"),
        some(&[r#"zip: `{\"n\":1}` is not a whole number"#])
    );
}

#[test]
fn xml_documents() {
    const XML: &str = "<things><thing id='1'><name>a, \"b\"\nc</name><at>2013-01-01T00:00:00+01:00</at></thing>\n\
        <thing id='2'><at></at><name/></thing><thing id='3'><name>x</name><at>2013-01-02T00:00:00Z</at></thing></things>";
    let schema = format!(
        "    customProperties: [{{property: watershed, value: {{row: thing}}}}]\n{}",
        SCHEMA.replace(
            "required: true}",
            "required: true, customProperties: [{property: watershed, value: {source: \"@id\"}}]}"
        )
    );
    check_schema("format: xml", &schema, XML.as_bytes());
    check_schema("format: xml", &schema, &gzip(XML.as_bytes()));
    let bad = XML.replace("<name/>", "<name/><name/>").replace("id='3'", "id='three'");
    let (report, files) = run(&dataset("format: xml", &schema), bad.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (1, 2));
    let quarantine = rows(&files, "quarantine");
    assert_eq!(texts(&quarantine, "reason"), some(&["repeated_key", "type"]));
    assert_eq!(texts(&quarantine, "line"), some(&["3", "3"]));
    assert_eq!(raws(&quarantine)[0], b"<thing id='2'><at></at><name/><name/></thing>");
    let (report, files) = run(&dataset("format: xml", &schema), &XML.as_bytes()[..XML.len() - 30]).unwrap();
    assert_eq!((report.accepted, report.rejected), (2, 1));
    assert_eq!(texts(&rows(&files, "quarantine"), "reason"), some(&["invalid_xml"]));
}

#[test]
fn fixed_width() {
    let schema = r"    properties:
      - {name: id, logicalType: integer, required: true, customProperties: [{property: watershed, value: {start: 1, width: 4}}]}
      - {name: name, logicalType: string, customProperties: [{property: watershed, value: {start: 7, width: 5}}]}
      - {name: day, logicalType: date, customProperties: [{property: watershed, value: {start: 12, width: 8, formats: ['%Y%m%d']}}]}
";
    let text = "0001..a    20130101\r\n   2..             \r\n0003..c\r\n\r\n000x..b    20130101";
    let (report, files) = run(&dataset("format: fixed", schema), text.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (2, 2));
    let data = rows(&files, "data");
    assert_eq!(texts(&data, "id"), some(&["1", "2"]));
    assert_eq!(texts(&data, "name"), some(&["a", ""]));
    assert_eq!(texts(&data, "day"), some(&["2013-01-01", "-"]));
    assert_eq!(
        texts(&rows(&files, "quarantine"), "reason"),
        some(&["field_count", "type"])
    );
    let pad = format!("    customProperties: [{{property: watershed, value: {{raggedEnds: pad}}}}]\n{schema}");
    let (report, files) = run(&dataset("format: fixed", &pad), text.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (3, 1));
    assert_eq!(texts(&rows(&files, "data"), "day"), some(&["2013-01-01", "-", "-"]));
}

#[test]
fn parquet_of_the_same_and_of_other_types() {
    // What ingest itself wrote is Parquet of the very types.
    let (_, files) = run(&dataset("format: csv", SCHEMA), CSV.as_bytes()).unwrap();
    let written = files.values().next().unwrap();
    check("format: parquet", written);
    check("format: parquet", &gzip(written));
    let strings = SCHEMA.replace("integer, physicalType: BIGINT", "string, physicalType: VARCHAR");
    let (_, files) = run(
        &dataset("format: csv", &strings),
        CSV.replace("3,x", "three,x").as_bytes(),
    )
    .unwrap();
    let (report, files) = run(&dataset("format: parquet", SCHEMA), files.values().next().unwrap()).unwrap();
    assert_eq!((report.accepted, report.rejected), (2, 1));
    let quarantine = rows(&files, "quarantine");
    assert_eq!(
        texts(&quarantine, "message"),
        some(&["id: `three` is not a whole number"])
    );
    assert_eq!(texts(&quarantine, "line"), some(&["3"]));
}

#[test]
fn what_is_not_what_it_says_is_refused_whole() {
    let (_, files) = run(&dataset("format: csv", SCHEMA), CSV.as_bytes()).unwrap();
    let parquet = files.values().next().unwrap().clone();
    let long: String = std::iter::once("id,name,at\n".to_string())
        .chain((0..200_000).map(|i| format!("{i},x{i},\n")))
        .collect();
    let compressed = gzip(long.as_bytes());
    let mut damaged = compressed.clone();
    damaged[compressed.len() / 2] ^= 0x55;
    let frame = zstd::encode_all(long.as_bytes(), 3).unwrap();
    let cases: Vec<(&str, &str, Vec<u8>, Reason)> = vec![
        (
            "truncated gzip",
            "format: csv",
            compressed[..compressed.len() - 9].to_vec(),
            Reason::Truncated,
        ),
        ("damaged gzip", "format: csv", damaged, Reason::Corrupt),
        (
            "truncated zstd",
            "format: csv",
            frame[..frame.len() / 2].to_vec(),
            Reason::Truncated,
        ),
        (
            "a ZIP archive",
            "format: csv",
            b"PK\x03\x04rest".to_vec(),
            Reason::WrongFormat,
        ),
        (
            "binary junk",
            "format: csv",
            (0..=255).cycle().take(5_000).collect(),
            Reason::WrongFormat,
        ),
        ("Parquet as CSV", "format: csv", parquet.clone(), Reason::WrongFormat),
        (
            "CSV as NDJSON",
            "format: json",
            CSV.as_bytes().to_vec(),
            Reason::WrongFormat,
        ),
        (
            "NDJSON as a JSON array",
            "format: json, delimiter: array",
            NDJSON.as_bytes().to_vec(),
            Reason::WrongFormat,
        ),
        (
            "CSV as Parquet",
            "format: parquet",
            CSV.as_bytes().to_vec(),
            Reason::WrongFormat,
        ),
        (
            "truncated Parquet",
            "format: parquet",
            parquet[..parquet.len() - 20].to_vec(),
            Reason::Corrupt,
        ),
        (
            "a header that lacks a column",
            "format: csv",
            b"name,at\nx,\n".to_vec(),
            Reason::Header,
        ),
        (
            "a header that names one twice",
            "format: csv",
            b"id,id,name,at\n1,2,x,\n".to_vec(),
            Reason::Header,
        ),
    ];
    for (what, format, bytes, reason) in cases {
        let (report, files) = run(&dataset(format, SCHEMA), &bytes).unwrap();
        let told = report.object.as_ref().unwrap_or_else(|| panic!("{what} was taken"));
        assert_eq!(told.reason, reason, "{what}: {told}");
        assert_eq!((report.accepted, report.data.len()), (0, 0), "{what}");
        let quarantine = rows(&files, "quarantine");
        assert_eq!(texts(&quarantine, "scope"), some(&["object"]), "{what}");
        assert_eq!(texts(&quarantine, "reason"), some(&[reason.code()]), "{what}");
    }
}

#[test]
fn an_empty_object_has_no_rows() {
    for (format, bytes) in [
        ("format: csv", ""),
        ("format: csv", "id,name,at\n"),
        ("format: json", "\n"),
        ("format: json, delimiter: array", "[]"),
    ] {
        let (report, files) = run(&dataset(format, SCHEMA), bytes.as_bytes()).unwrap();
        assert_eq!(
            (report.accepted, report.rejected, report.object, files.len()),
            (0, 0, None, 0),
            "{bytes:?}"
        );
    }
}

#[test]
fn running_again_writes_the_same_bytes() {
    let text: String = std::iter::once("id,name,at\n".to_string())
        .chain((0..60_000).map(|i| format!("{i},name{},2013-0{}-01T00:00:00Z\n", i % 700, 1 + i % 9)))
        .collect();
    let schema = format!(
        "    customProperties: [{{property: watershed, value: {{partition: [{{column: at, transform: month}}], sort: [name]}}}}]\n{SCHEMA}"
    );
    let dataset = dataset("format: csv", &schema);
    let (report, files) = run(&dataset, text.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.data.len()), (60_000, 9));
    assert_eq!(files, run(&dataset, text.as_bytes()).unwrap().1);
    for ((_, path), bytes) in &files {
        let names = texts(&batches(bytes), "name");
        assert!(names.is_sorted(), "{path}");
        assert!(path.starts_with("1/at_month=2013-0"), "{path}");
    }
}

//! CSV as it is found: in the encodings, dialects and spellings of the systems that write it.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{dataset, raws, rows, run, texts};
use std::sync::Arc;
use watershed_contract::Dataset;
use watershed_decode::Reason;

const COLUMNS: &str = r#"    properties:
      - {name: name, logicalType: string, physicalType: VARCHAR, required: true}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}
      - {name: share, logicalType: number, physicalType: DOUBLE}
      - {name: count, logicalType: integer, physicalType: INTEGER}
      - {name: day, logicalType: date, customProperties: [{property: watershed, value: {formats: ["%d. %B %Y", "%d.%m.%Y"]}}]}
"#;

/// With these keys of the schema object.
fn contract(format: &str, keys: &str) -> Arc<Dataset> {
    let schema = format!("    customProperties: [{{property: watershed, value: {{{keys}}}}}]\n{COLUMNS}");
    dataset(format, &schema)
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| Some(value.to_string())).collect()
}

const GERMAN: &str =
    "locale: de, decimalSeparator: \",\", groupSeparator: \".\", negative: trailing, strip: [\"€\", \"%\"]";

#[test]
fn an_export_of_a_german_spreadsheet() {
    let text = "Umsätze für „März“;;;;\r\n\r\nname;amount;share;count;day\r\n# Zwischensumme\r\n\
                Müller;1.234,50 €;12,5 %;1.000;5. März 2013\r\n\
                Groß;12,00- €;0,25;7-;05.03.2013;;\r\n\
                name;amount;share;count;day\r\n\
                Kurz;0,5\r\n\
                Falsch;12.34,5;1.5;1,5;5. March 2013\r\n";
    let encoded = windows1252(text);
    let keys =
        format!("encoding: windows-1252, comment: \"#\", skipRows: 2, raggedEnds: pad, repeatedHeader: skip, {GERMAN}");
    let (report, files) = run(&contract("format: csv, delimiter: \";\"", &keys), &encoded).unwrap();
    assert_eq!((report.accepted, report.rejected, report.object), (3, 1, None));
    let data = rows(&files, "data");
    assert_eq!(texts(&data, "name"), some(&["Müller", "Groß", "Kurz"]));
    assert_eq!(texts(&data, "amount"), some(&["1234.50", "-12.00", "0.50"]));
    assert_eq!(texts(&data, "share"), [Some("12.5".into()), Some("0.25".into()), None]);
    assert_eq!(texts(&data, "count"), [Some("1000".into()), Some("-7".into()), None]);
    assert_eq!(
        texts(&data, "day"),
        [Some("2013-03-05".into()), Some("2013-03-05".into()), None]
    );
    let quarantine = rows(&files, "quarantine");
    let offset = encoded.windows(6).position(|bytes| bytes == b"Falsch").unwrap();
    assert_eq!(texts(&quarantine, "byte_offset"), some(&[&offset.to_string()]));
    assert_eq!(texts(&quarantine, "line"), some(&["9"]));
    assert_eq!(
        texts(&quarantine, "message"),
        some(&[
            "amount: `12.34,5` is not a number such as 1.234,5; share: `1.5` is not a number such as 1.234,5; \
             count: `1,5` is not a whole number; day: `5. March 2013` is not a date as any of %d. %B %Y, %d.%m.%Y"
        ])
    );
}

fn windows1252(text: &str) -> Vec<u8> {
    let byte = |c: char| match c {
        '€' => 0x80,
        '„' => 0x84,
        '“' => 0x93,
        c => u8::try_from(c).unwrap(),
    };
    text.chars().map(byte).collect()
}

#[test]
fn a_row_that_is_no_text_is_refused_alone_and_where_it_lies() {
    let text = "name,amount\nä😀,1\nb?,2\nc,3\n";
    let mut bytes: Vec<u8> = [0xff, 0xfe].into();
    for unit in text.encode_utf16() {
        // Half of a pair in the place of the question mark.
        let unit = if unit == u16::from(b'?') { 0xd83d } else { unit };
        bytes.extend(unit.to_le_bytes());
    }
    let (report, files) = run(&contract("format: csv", "encoding: utf-16"), &bytes).unwrap();
    assert_eq!((report.accepted, report.rejected), (2, 1));
    assert_eq!(texts(&rows(&files, "data"), "name"), some(&["ä😀", "c"]));
    let quarantine = rows(&files, "quarantine");
    assert_eq!(texts(&quarantine, "reason"), some(&["encoding"]));
    assert_eq!(
        texts(&quarantine, "message"),
        some(&[
            "the row is not utf-16le at byte 2 of the row: save the file as utf-16le, or mend `encoding` in the contract"
        ])
    );
    assert_eq!(raws(&quarantine), [b"b\xff,2"]);
    assert_eq!(texts(&quarantine, "byte_offset"), some(&["38"]));
    assert_eq!(texts(&quarantine, "byte_length"), some(&["8"]));
    // The same object by a contract that says nothing of it.
    let (report, files) = run(&contract("format: csv", "trim: true"), &bytes).unwrap();
    assert_eq!(report.object.map(|reject| reject.reason), Some(Reason::Encoding));
    let message = texts(&rows(&files, "quarantine"), "message");
    assert!(
        message[0]
            .as_ref()
            .unwrap()
            .contains("write `encoding: utf-16` in the contract")
    );
}

#[test]
fn json_in_utf_16() {
    let text = "{\"name\":\"größe 😀\",\"amount\":1.500}\r\n{\"name\":\"\\u00e4\"}\r\n";
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let (report, files) = run(&contract("format: json", "encoding: utf-16be"), &bytes).unwrap();
    assert_eq!((report.accepted, report.rejected), (2, 0));
    assert_eq!(texts(&rows(&files, "data"), "name"), some(&["größe 😀", "ä"]));
}

#[test]
fn a_database_dump_with_escapes_and_no_quotes() {
    let text = "name\tamount\r(a\\\tb)\t(1\u{a0}234.5)\rc\\\\\t\\N\r\"d\t-1\r";
    let keys = "quote: none, escape: \"\\\\\", nulls: [\"\\\\N\"], groupSeparator: \"\\u00a0\", negative: parentheses";
    let (report, files) = run(&contract("format: csv, delimiter: \"\\t\"", keys), text.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (3, 0));
    let data = rows(&files, "data");
    assert_eq!(texts(&data, "name"), some(&["(a\tb)", "c\\", "\"d"]));
    assert_eq!(
        texts(&data, "amount"),
        [Some("-1234.50".into()), None, Some("-1.00".into())]
    );
}

#[test]
fn parquet_of_years_that_no_reader_knows_loses_those_rows_only() {
    use arrow_array::{ArrayRef, Date32Array, RecordBatch, TimestampMillisecondArray};
    let days: ArrayRef = Arc::new(Date32Array::from(vec![i32::MAX, 15_764, -719_163, 2_932_896]));
    let stamps: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![0, 0, 0, 253_402_300_800_000]));
    let batch = RecordBatch::try_from_iter([("d", days), ("t", stamps)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let contract = dataset(
        "format: parquet",
        "    quality: [{type: custom, engine: watershed, severity: warning, implementation: {freshness: {column: d, maximum: 1d}}}]\n    properties:\n\
         \x20     - {name: d, logicalType: date}\n      - {name: t, logicalType: timestamp, physicalType: TIMESTAMP_NTZ}\n",
    );
    let (report, files) = run(&contract, &bytes).unwrap();
    assert_eq!((report.accepted, report.rejected), (1, 3));
    assert_eq!(texts(&rows(&files, "data"), "d"), [Some("2013-02-28".into())]);
    assert!(
        report
            .by_reason
            .keys()
            .all(|reason| *reason == watershed_decode::Reason::Overflow)
    );
}

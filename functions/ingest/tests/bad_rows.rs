//! Every kind of bad row goes to quarantine with its reason, its place and its bytes; good rows around it are accepted.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{dataset, raws, rows, run, texts};

const SCHEMA: &str = r#"    properties:
      - {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: small, logicalType: integer, physicalType: INTEGER, logicalTypeOptions: {minimum: 0, exclusiveMaximum: 100}}
      - {name: price, logicalType: number, physicalType: "DECIMAL(9,2)"}
      - {name: ratio, logicalType: number, physicalType: DOUBLE, logicalTypeOptions: {minimum: -1, maximum: 1}}
      - {name: day, logicalType: date, physicalType: DATE, logicalTypeOptions: {minimum: "2000-01-01"}}
      - {name: at, logicalType: timestamp, physicalType: TIMESTAMPTZ, customProperties: [{property: watershed, value: {timeZone: America/New_York}}]}
      - {name: utc, logicalType: timestamp, physicalType: TIMESTAMPTZ}
      - {name: clock, logicalType: time, physicalType: TIME}
      - {name: flag, logicalType: boolean, physicalType: BOOLEAN}
      - {name: code, logicalType: string, physicalType: VARCHAR, logicalTypeOptions: {pattern: "^[A-Z]{2}[0-9]$"}}
      - {name: kind, logicalType: string, physicalType: VARCHAR, required: true, customProperties: [{property: watershed, value: {enum: [a, b]}}]}
      - {name: word, logicalType: string, physicalType: VARCHAR, logicalTypeOptions: {minLength: 2, maxLength: 4}}
"#;

const GOOD: [&str; 12] = [
    "1",
    "5",
    "1.50",
    "0.5",
    "2013-02-28",
    "2013-02-28T10:00:00",
    "2013-02-28T10:00:00Z",
    "10:00",
    "true",
    "AB1",
    "a",
    "wörd",
];

/// A good row with one cell changed.
fn with(id: usize, column: usize, value: &str) -> String {
    let mut cells: Vec<String> = GOOD.iter().map(ToString::to_string).collect();
    cells[0] = id.to_string();
    cells[column] = value.into();
    cells.join(",")
}

/// Row, column of the first violation, reason.
fn bad() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let cell = |id, column, value: &str, name, reason| (with(id, column, value).into_bytes(), name, reason);
    let mut invalid_utf8 = with(142, 9, "AB1").into_bytes();
    invalid_utf8.extend(b"\xff\xfe");
    vec![
        cell(101, 0, "", "id", "required"),
        cell(102, 0, "x", "id", "type"),
        cell(103, 0, "1.5", "id", "type"),
        cell(104, 0, "9223372036854775808", "id", "overflow"),
        cell(105, 0, "1_000", "id", "type"),
        cell(106, 0, "0x10", "id", "type"),
        cell(107, 1, "100", "small", "range"),
        cell(108, 1, "-1", "small", "range"),
        cell(109, 1, "3000000000", "small", "overflow"),
        cell(110, 1, "five", "small", "type"),
        cell(111, 2, "1.505", "price", "overflow"),
        cell(112, 2, "12345678.00", "price", "overflow"),
        cell(113, 2, "1.2.3", "price", "type"),
        cell(114, 2, "$5", "price", "type"),
        cell(115, 3, "1.5", "ratio", "range"),
        cell(116, 3, "nan", "ratio", "range"),
        cell(117, 3, "1e400", "ratio", "overflow"),
        cell(118, 3, "half", "ratio", "type"),
        cell(119, 4, "2013-02-29", "day", "type"),
        cell(120, 4, "28.02.2013", "day", "type"),
        cell(121, 4, "1999-12-31", "day", "range"),
        cell(122, 5, "2013-03-10T02:30:00", "at", "zone"),
        cell(123, 5, "2013-11-03T01:30:00", "at", "zone"),
        cell(124, 5, "yesterday", "at", "type"),
        cell(125, 6, "2013-02-28T10:00:00", "utc", "zone"),
        cell(126, 6, "2013-02-28T25:00:00Z", "utc", "type"),
        cell(127, 7, "24:00", "clock", "type"),
        cell(128, 8, "maybe", "flag", "type"),
        cell(129, 9, "ab1", "code", "pattern"),
        cell(130, 10, "c", "kind", "enumeration"),
        cell(131, 11, "w", "word", "length"),
        cell(132, 11, "wörds", "word", "length"),
        (b"133,5".to_vec(), "", "field_count"),
        ([with(134, 1, "5").as_bytes(), b",more"].concat(), "", "field_count"),
        (b"\"135\"x,5".to_vec(), "", "text_after_quote"),
        (b"1,".to_vec(), "", "field_count"),
        (with(1, 1, "7").into_bytes(), "id", "duplicate_key"),
        (b",,,,,,,,,,,".to_vec(), "id", "required"),
        (b"\x01\x02\x03".to_vec(), "", "field_count"),
        (invalid_utf8, "", "encoding"),
        (with(141, 1, "1e99").into_bytes(), "small", "overflow"),
        (b"\"143,never closed".to_vec(), "", "unclosed_quote"),
    ]
}

#[test]
fn forty_kinds_of_bad_row_lose_none() {
    let bad = bad();
    assert!(bad.len() >= 40, "{}", bad.len());
    let mut file = b"id,small,price,ratio,day,at,utc,clock,flag,code,kind,word\r\n".to_vec();
    let mut offsets = Vec::new();
    for (number, (row, ..)) in bad.iter().enumerate() {
        let good = with(1 + number, 1, "5");
        file.extend(good.as_bytes());
        file.extend(b"\r\n");
        offsets.push(file.len() as i64);
        file.extend(row);
        file.extend(b"\r\n");
    }
    let (report, files) = run(&dataset("format: csv", SCHEMA), &file).unwrap();
    assert_eq!((report.accepted, report.rejected), (bad.len() as u64, bad.len() as u64));
    assert_eq!(report.by_reason.values().sum::<u64>(), report.rejected);
    assert_eq!(texts(&rows(&files, "data"), "id").len(), bad.len());
    let quarantine = rows(&files, "quarantine");
    let (columns, reasons) = (texts(&quarantine, "column"), texts(&quarantine, "reason"));
    let (places, lines, bytes) = (
        texts(&quarantine, "byte_offset"),
        texts(&quarantine, "line"),
        raws(&quarantine),
    );
    for (number, (row, column, reason)) in bad.iter().enumerate() {
        let shown = String::from_utf8_lossy(row);
        assert_eq!(reasons[number].as_deref(), Some(*reason), "{shown}");
        assert_eq!(columns[number].as_deref().unwrap_or_default(), *column, "{shown}");
        assert_eq!(
            bytes[number].strip_suffix(b"\r").unwrap_or(&bytes[number]),
            row,
            "{shown}"
        );
        assert_eq!(places[number], Some(offsets[number].to_string()), "{shown}");
        assert_eq!(lines[number], Some((3 + 2 * number).to_string()), "{shown}");
    }
}

#[test]
fn a_row_tells_everything_that_is_wrong_with_it() {
    let file = "id,small,kind\nx,500,z\n";
    let (report, files) = run(&dataset("format: csv", SCHEMA), file.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (0, 1));
    let message = texts(&rows(&files, "quarantine"), "message")[0].clone().unwrap();
    assert_eq!(
        message,
        "id: `x` is not a whole number; small: `500` is out of range: at least 0, less than 100; kind: `z` is none of a, b"
    );
}

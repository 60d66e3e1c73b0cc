//! Numbers of another unit than their column's, from every kind of source.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use common::{dataset, rows, run, texts};
use parquet::arrow::ArrowWriter;
use std::sync::Arc;
use watershed_decode::Reason;

fn property(name: &str, kind: &str, more: &str, watershed: &str) -> String {
    format!(
        "      - {{name: {name}, logicalType: number, physicalType: \"{kind}\", {more}customProperties: [{{property: watershed, value: {{{watershed}}}}}]}}\n"
    )
}

fn schema() -> String {
    [
        "    properties:\n".to_string(),
        property("h", "DECIMAL(9,4)", "", "unit: m, sourceUnit: ft"),
        property(
            "t",
            "DOUBLE",
            "logicalTypeOptions: {minimum: -90}, ",
            "unit: °C, sourceUnit: °F",
        ),
        property(
            "w",
            "DECIMAL(9,3)",
            "",
            "unit: kg, sourceUnit: [kg, lb, g], round: halfEven",
        ),
        property("v", "FLOAT", "", "unit: km/h, sourceUnit: mph, decimalSeparator: \",\""),
    ]
    .concat()
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values
        .iter()
        .map(|value| (*value != "-").then(|| value.to_string()))
        .collect()
}

#[test]
fn numbers_become_those_of_the_columns_unit() {
    let file = "h;t;w;v\n10;212;2.5 lb;100,5\n-0.5; ;3kg;0\n;-40;250 g;\n";
    let (report, files) = run(&dataset("format: csv, delimiter: \";\"", &schema()), file.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (3, 0), "{:?}", report.object);
    let data = rows(&files, "data");
    assert_eq!(texts(&data, "h"), some(&["3.0480", "-0.1524", "-"]));
    assert_eq!(texts(&data, "t"), some(&["100.0", "-", "-40.0"]));
    assert_eq!(texts(&data, "w"), some(&["1.134", "3.000", "0.250"]));
    assert_eq!(texts(&data, "v"), some(&["161.73907", "0.0", "-"]));
}

#[test]
fn what_cannot_be_converted_is_refused_as_it_stands() {
    let file = "h;t;w;v\n0.001;0;;\n;-131;;\n;;3;\n;;3 oz;\n999999;;;\n;;x kg;\n";
    let (report, files) = run(&dataset("format: csv, delimiter: \";\"", &schema()), file.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (0, 6), "{:?}", report.by_reason);
    assert_eq!(report.by_reason[&Reason::Overflow], 2);
    assert_eq!(report.by_reason[&Reason::Range], 1);
    let messages = texts(&rows(&files, "quarantine"), "message");
    for (message, said) in messages.iter().flatten().zip([
        "h: `0.001` has more than 4 decimals in m: write round: halfEven",
        "is out of range: at least -90",
        "w: `3` is not a number and its unit, one of kg, lb, g",
        "`3 oz` is not a number and its unit",
        "`999999` does not fit decimal(9,4)",
        "`x` is not a number",
    ]) {
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn numbers_of_json_and_parquet_are_converted_too() {
    let schema = schema().replace(", decimalSeparator: \",\"", "");
    let json = br#"{"h": 10, "t": 212, "w": "2.5 lb"}"#;
    let (_, files) = run(&dataset("format: json", &schema), json).unwrap();
    let data = rows(&files, "data");
    assert_eq!(
        (texts(&data, "h"), texts(&data, "w")),
        (some(&["3.0480"]), some(&["1.134"]))
    );
    let columns: [(&str, ArrayRef); 2] = [
        ("h", Arc::new(Int64Array::from(vec![10]))),
        // The table's own type, which would be taken as it is.
        ("t", Arc::new(Float64Array::from(vec![212.0]))),
    ];
    let (batch, mut bytes) = (RecordBatch::try_from_iter(columns).unwrap(), Vec::new());
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let (_, files) = run(&dataset("format: parquet", &schema), &bytes).unwrap();
    let data = rows(&files, "data");
    assert_eq!(
        (texts(&data, "h"), texts(&data, "t")),
        (some(&["3.0480"]), some(&["100.0"]))
    );
}

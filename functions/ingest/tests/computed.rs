//! Computed columns, through the whole pipeline, of every format.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use common::{dataset, rows, run, texts};
use std::sync::Arc;
use watershed_decode::Reason;

const COMPUTED: &str = r#"
    customProperties:
      - {property: watershed, value: {partition: [{column: month}]}}
    properties:
      - {name: key, logicalType: string, transformLogic: "concat(code, '-', id)", required: true, primaryKey: true}
      - {name: id, logicalType: integer}
      - name: code
        logicalType: string
        transformLogic: upper(code)
        logicalTypeOptions: {pattern: "^[A-Z]+$"}
        customProperties: [{property: watershed, value: {source: Code}}]
      - {name: ratio, logicalType: number, physicalType: "DECIMAL(38,2)", transformLogic: "round(100 / id, 2)", logicalTypeOptions: {maximum: 50}}
      - {name: double, logicalType: number, transformLogic: "cast(ratio * 2 as double)"}
      - {name: month, logicalType: date, transformLogic: "date_trunc('month', at)", transformDescription: the month}
      - {name: at, logicalType: date}
"#;

#[test]
fn columns_are_computed_in_order_then_checked_like_others() {
    let dataset = dataset("format: csv", &COMPUTED.replace("concat(code,", "concat('k',"));
    assert_eq!(dataset.table.columns[5].doc.as_deref(), Some("the month"));
    let csv = "id,Code,at\n3,ab,2013-02-28\n4,cd,2013-02-01\n1,ef,2013-03-01\n0,gh,2013-03-01\n5,x1,\n3,zz,\nx,y,\n";
    let (report, files) = run(&dataset, csv.as_bytes()).unwrap();
    let data = rows(&files, "data");
    assert_eq!(texts(&data, "key"), [Some("k-3".into()), Some("k-4".into())]);
    assert_eq!(texts(&data, "code"), [Some("AB".into()), Some("CD".into())]);
    assert_eq!(texts(&data, "ratio"), [Some("33.33".into()), Some("25.00".into())]);
    assert_eq!(texts(&data, "double"), [Some("66.66".into()), Some("50.0".into())]);
    assert_eq!(
        texts(&data, "month"),
        [Some("2013-02-01".into()), Some("2013-02-01".into())]
    );
    let told: Vec<_> = texts(&rows(&files, "quarantine"), "message")
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(
        told,
        [
            "ratio: `100.00` is out of range: at most 50.00",
            "ratio: `round(100 / id, 2)` divides by zero",
            "code: `X1` does not match ^[A-Z]+$",
            "key: repeats the primary key of an earlier row of the object",
            "id: `x` is not a whole number",
        ]
    );
    assert_eq!(report.by_reason.get(&Reason::Transform), Some(&1));
}

#[test]
fn every_format_computes_the_same() {
    let schema = |row: &str, [code, id]: [&str; 2]| {
        format!(
            r#"
    customProperties: [{{property: watershed, value: {{{row}}}}}]
    properties:
      - {{name: twice, logicalType: integer, transformLogic: id * 2}}
      - {{name: code, logicalType: string, customProperties: [{{property: watershed, value: {{{code}}}}}]}}
      - {{name: tag, logicalType: string, transformLogic: "code || '!'"}}
      - {{name: id, logicalType: integer, customProperties: [{{property: watershed, value: {{{id}}}}}]}}
"#
        )
    };
    let plain = ["source: code", "source: id"];
    let cases = [
        ("format: csv", schema("header: false", plain), "a,1\nb,x\n"),
        (
            "format: json",
            schema("trim: true", plain),
            "{\"id\": 1, \"code\": \"a\"}\n{\"id\": \"x\"}\n",
        ),
        (
            "format: json, delimiter: array",
            schema("trim: true", plain),
            "[{\"id\": 1, \"code\": \"a\"}, {\"id\": \"x\"}]",
        ),
        (
            "format: xml",
            schema("row: r", plain),
            "<l><r><id>1</id><code>a</code></r><r><id>x</id></r></l>",
        ),
        (
            "format: fixed",
            schema("trim: true", ["start: 2, width: 1", "start: 1, width: 1"]),
            "1a\nxb\n",
        ),
    ];
    for (format, schema, text) in cases {
        let (report, files) = run(&dataset(format, &schema), text.as_bytes()).unwrap();
        assert_eq!((report.accepted, report.rejected), (1, 1), "{format}: {report:?}");
        let data = rows(&files, "data");
        assert_eq!(texts(&data, "twice"), [Some("2".into())], "{format}");
        assert_eq!(texts(&data, "tag"), [Some("a!".into())], "{format}");
        assert_eq!(texts(&data, "id"), [Some("1".into())], "{format}");
    }
}

#[test]
fn parquet_computes_the_same() {
    let schema = "
    properties:
      - {name: twice, logicalType: integer, transformLogic: id * 2, required: true}
      - {name: id, logicalType: integer}
      - {name: code, logicalType: string, transformLogic: lower(code), customProperties: [{property: watershed, value: {source: Code}}]}
";
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(i64::MAX)]));
    let codes: ArrayRef = Arc::new(StringArray::from(vec![Some("AB"), Some("CD"), None]));
    let batch = RecordBatch::try_from_iter([("id", ids), ("Code", codes)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let (report, files) = run(&dataset("format: parquet", schema), &bytes).unwrap();
    assert_eq!((report.accepted, report.rejected), (1, 2));
    let data = rows(&files, "data");
    assert_eq!(texts(&data, "twice"), [Some("2".into())]);
    assert_eq!(texts(&data, "code"), [Some("ab".into())]);
    assert_eq!(
        texts(&rows(&files, "quarantine"), "message"),
        [
            Some("twice: is null and may not be".into()),
            Some("twice: `id * 2` does not fit its type".into())
        ]
    );
}

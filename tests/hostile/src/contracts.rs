//! Small contracts, so that each decoder is met with all that a contract can ask of it.

use arrow_array::{ArrayRef, Decimal128Array};
use std::sync::{Arc, LazyLock};
use watershed_contract::Dataset;
use watershed_lake::ColumnType;

type Datasets = LazyLock<Vec<Arc<Dataset>>>;

/// The widest decimal that there is.
pub const WIDE: ColumnType = ColumnType::Decimal {
    precision: 38,
    scale: 10,
};

/// Values of it.
pub fn decimals(rows: usize) -> ArrayRef {
    let largest = 10_i128.pow(38) - 1;
    let values = [Some(12_500_000_000), Some(-largest), Some(largest), None];
    let values = Decimal128Array::from(values.into_iter().cycle().take(rows).collect::<Vec<_>>());
    Arc::new(values.with_precision_and_scale(38, 10).expect("of 38 digits"))
}

/// Columns of most types, that are checked.
const TYPED: &str = r#"
      - {name: name, logicalType: string, required: true, logicalTypeOptions: {minLength: 1, maxLength: 20}}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)", logicalTypeOptions: {minimum: -1000}}
      - {name: count, logicalType: integer, physicalType: INTEGER}
      - {name: share, logicalType: number, physicalType: DOUBLE}
      - {name: day, logicalType: date}
      - {name: at, logicalType: timestamp, physicalType: TIMESTAMPTZ}
"#;
/// Those that `TYPED` does not have.
const OTHERS: &str = r#"
      - {name: id, logicalType: integer, physicalType: "DECIMAL(38,0)", required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: f, logicalType: number, physicalType: FLOAT}
      - {name: t, logicalType: time}
      - {name: b, logicalType: boolean}
      - {name: raw, logicalType: string, physicalType: BINARY}
      - {name: local, logicalType: timestamp, physicalType: TIMESTAMP_NTZ, customProperties: [{property: watershed, value: {epoch: second, formats: ["%d.%m.%Y %H:%M"]}}]}
      - {name: kind, logicalType: string, customProperties: [{property: watershed, value: {enum: [a, b], case: lower}}]}
"#;
/// Some of them hidden.
const PERSONAL: &str = r"
      - {name: id, logicalType: integer, required: true}
      - {name: email, logicalType: string, classification: personal, customProperties: [{property: watershed, value: {personal: hash}}]}
      - {name: name, logicalType: string, classification: personal, customProperties: [{property: watershed, value: {personal: redact}}]}
      - {name: born, logicalType: date, classification: personal, customProperties: [{property: watershed, value: {personal: drop}}]}
";
/// Some of them computed, some in other units.
const COMPUTED: &str = r#"
      - {name: n, logicalType: integer, quality: [{metric: nullValues, mustBeLessThan: 50, unit: percent, customProperties: [{property: watershed, value: {onFailure: warn}}]}]}
      - {name: s, logicalType: string, quality: [{metric: duplicateValues, mustBe: 0, customProperties: [{property: watershed, value: {onFailure: warn}}]}]}
      - {name: w, logicalType: number, physicalType: "DECIMAL(9,3)", customProperties: [{property: watershed, value: {unit: kg, sourceUnit: [kg, lb], round: halfEven}}]}
      - {name: double, logicalType: integer, transformLogic: n + n}
      - {name: word, logicalType: string, transformLogic: "case when n > 0 then split_part(s, '-', 2) else upper(s) end"}
"#;
/// With what only JSON and Parquet have.
const NESTED: &str = r#"
      - {name: id, logicalType: integer, required: true}
      - name: address
        logicalType: object
        properties:
          - {name: city, logicalType: string, required: true, logicalTypeOptions: {maxLength: 6}}
          - {name: since, logicalType: date}
      - {name: tags, logicalType: array, items: {logicalType: string, required: true}}
      - name: items
        logicalType: array
        items:
          logicalType: object
          properties:
            - {name: sku, logicalType: string, required: true}
            - {name: price, logicalType: number, physicalType: "DECIMAL(9,2)", logicalTypeOptions: {minimum: 0}}
            - {name: marks, logicalType: array, items: {logicalType: integer}}
"#;
/// With ways into nested values.
const PATHS: &str = r#"
      - {name: id, logicalType: integer, customProperties: [{property: watershed, value: {source: "@id"}}]}
      - {name: city, logicalType: string, customProperties: [{property: watershed, value: {source: address/city}}]}
      - {name: kind, logicalType: string, customProperties: [{property: watershed, value: {source: "address/@type"}}]}
"#;
/// Texts and numbers at places.
const PLACED: &str = r#"
      - {name: name, logicalType: string, customProperties: [{property: watershed, value: {start: 1, width: 4}}]}
      - {name: count, logicalType: integer, customProperties: [{property: watershed, value: {start: 6, width: 3, nulls: ["-"]}}]}
      - {name: day, logicalType: date, customProperties: [{property: watershed, value: {start: 9, width: 8, formats: ["%Y%m%d"]}}]}
"#;
const GERMAN: &str =
    "locale: de, decimalSeparator: \",\", groupSeparator: \".\", negative: trailing, strip: [\"€\", \"%\"]";
const RULES: &str = "[{name: small, type: custom, engine: watershed, implementation: {row: \"n < 1000\"}}]";

/// One contract for each: format of the server, keys of the schema object, properties.
fn datasets(all: &[(&str, &str, &str)]) -> Vec<Arc<Dataset>> {
    all.iter()
        .map(|(server, keys, properties)| dataset(server, keys, properties))
        .collect()
}

fn dataset(server: &str, keys: &str, properties: &str) -> Arc<Dataset> {
    let rules = if properties == COMPUTED { RULES } else { "[]" };
    let text = format!(
        "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\ndomain: test\n\
         servers:\n  - {{server: raw, type: s3, location: \"s3://{{raw}}/t/*\", {server}}}\n\
         schema:\n  - name: t\n    quality: {rules}\n    customProperties: [{{property: watershed, value: {{{keys}}}}}]\n\
         \x20   properties:{properties}"
    );
    let parsed = watershed_contract::parse("t.odcs.yaml", &text);
    parsed.unwrap_or_else(|errors| panic!("{errors}\n{text}")).remove(0)
}

/// Plain CSV.
pub static CSV: Datasets = LazyLock::new(|| {
    let csv = "format: csv";
    datasets(&[
        (csv, "nulls: [NA]", TYPED),
        (csv, "header: false", OTHERS),
        (csv, "nulls: [\"\"]", COMPUTED),
        (csv, "unknownColumns: add, addedPersonal: redact", PERSONAL),
        (csv, "unknownColumns: add, trim: false", TYPED),
        (csv, "unknownColumns: reject, raggedEnds: pad", TYPED),
    ])
});

/// CSV in dialects and encodings.
pub static DIALECTS: Datasets = LazyLock::new(|| {
    let semicolon = "format: csv, delimiter: \";\"";
    let csv = "format: csv";
    datasets(&[
        (
            csv,
            "escape: \"\\\\\", comment: \"#\", skipRows: 2, repeatedHeader: skip, raggedEnds: pad",
            TYPED,
        ),
        (csv, "quote: none, escape: \"\\\\\", nulls: [\"\\\\N\"]", TYPED),
        (semicolon, &format!("encoding: windows-1252, {GERMAN}"), TYPED),
        (semicolon, &format!("multiline: false, comment: \"#\", {GERMAN}"), TYPED),
        (csv, "encoding: utf-16, repeatedHeader: skip", TYPED),
        (csv, "encoding: utf-16be, header: false, quote: \"'\"", OTHERS),
        (
            "format: csv, delimiter: \"\\t\"",
            "encoding: latin-1, quote: none",
            COMPUTED,
        ),
        (
            csv,
            "header: false, escape: \"\\\\\", multiline: false",
            "\n      - {name: s, logicalType: string}\n",
        ),
        (csv, "encoding: utf-16le, escape: \"\\\\\"", PERSONAL),
    ])
});

/// JSON by lines.
pub static NDJSON: Datasets = LazyLock::new(|| {
    let json = "format: json";
    datasets(&[
        (json, "nulls: [NA]", TYPED),
        (json, "trim: true", NESTED),
        (json, "unknownColumns: add", NESTED),
        (json, "unknownColumns: add, addedPersonal: hash", PERSONAL),
        (json, "unknownColumns: reject, encoding: utf-16le", OTHERS),
        (json, "encoding: windows-1252", COMPUTED),
    ])
});

/// JSON in arrays.
pub static ARRAY: Datasets = LazyLock::new(|| {
    let json = "format: json, delimiter: array";
    datasets(&[
        (json, "trim: true", TYPED),
        (json, "records: data.items", NESTED),
        (json, "unknownColumns: add, records: data", TYPED),
        (json, "encoding: utf-16", PERSONAL),
    ])
});

/// XML.
pub static XML: Datasets = LazyLock::new(|| {
    datasets(&[
        ("format: xml", "row: row", TYPED),
        ("format: xml", "row: rows/row", PATHS),
        ("format: xml", "row: row, unknownColumns: add", PATHS),
        ("format: xml", "row: row, encoding: utf-16le", PERSONAL),
    ])
});

/// Fixed width.
pub static FIXED: Datasets = LazyLock::new(|| {
    datasets(&[
        ("format: fixed", "trim: true", PLACED),
        ("format: fixed", "raggedEnds: pad, trim: false", PLACED),
        ("format: fixed", "encoding: windows-1252", PLACED),
        ("format: fixed", "encoding: utf-16", PLACED),
    ])
});

/// Parquet.
pub static PARQUET: Datasets = LazyLock::new(|| {
    let parquet = "format: parquet";
    datasets(&[
        (parquet, "nulls: [NA]", TYPED),
        (parquet, "trim: true", OTHERS),
        (parquet, "trim: true", NESTED),
        (parquet, "unknownColumns: add, addedPersonal: redact", PERSONAL),
        (parquet, "trim: true", COMPUTED),
    ])
});

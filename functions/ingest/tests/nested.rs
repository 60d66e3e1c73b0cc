//! Structs and lists: of JSON and of Parquet, sorted and spilled, and refused by the value that is wrong.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use arrow_array::{cast::AsArray, types::Int64Type};
use common::{all_shown, dataset, raws, rows, run, texts};

const SCHEMA: &str = r#"    properties:
      - {name: id, logicalType: integer, required: true}
      - name: address
        logicalType: object
        properties:
          - {name: city, logicalType: string, required: true, logicalTypeOptions: {maxLength: 6}}
          - {name: zip_code, logicalType: integer, customProperties: [{property: watershed, value: {source: "zip.code"}}]}
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

const GOOD: &str = r#"{"id":1,"address":{"city":"Röm","zip.code":7,"since":"2013-12-31","more":[1]},"tags":["a","\"b\"",""],"items":[{"sku":"x","price":1.50,"marks":[1,null]},{"sku":"y"},null]}
{"id":2,"address":null,"items":[]}
{"id":3,"tags":[],"address":{"since":null,"city":""},"items":[{"marks":[],"sku":"\u0078"}]}
"#;
const GOOD_ROWS: [&str; 3] = [
    "(Röm 7 2013-12-31) [a \"b\" ] [(x 1.50 [1 -]) (y - -) -]",
    "- - []",
    "( - -) [] [(x - [])]",
];

#[test]
fn json_is_kept_as_structs_and_lists() {
    let (report, files) = run(&dataset("format: json", SCHEMA), GOOD.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (3, 0));
    assert_eq!(all_shown(&rows(&files, "data")), GOOD_ROWS);
    let array = format!("[{}]", GOOD.trim().replace('\n', ","));
    let (_, files) = run(&dataset("format: json, delimiter: array", SCHEMA), array.as_bytes()).unwrap();
    assert_eq!(all_shown(&rows(&files, "data")), GOOD_ROWS);
}

#[test]
fn a_wrong_value_is_told_by_its_path_and_costs_its_row() {
    let cases = [
        (
            r#""address":[1]"#,
            "type",
            "address: is not a JSON object: begins `[1]`",
        ),
        (
            r#""address":"Rome""#,
            "type",
            "address: is not a JSON object: begins `Rome`",
        ),
        (
            r#""address":{"zip.code":1}"#,
            "required",
            "address: city: is null and may not be",
        ),
        (
            r#""address":{"city":"too long","since":"never"}"#,
            "length",
            "address: city: `too long` has 8 characters: at most 6 are allowed; address: since: `never` is not a date",
        ),
        (
            r#""address":{"city":"a","city":"b"}"#,
            "type",
            "address: has the key `city` twice",
        ),
        (
            r#""tags":{"a":1}"#,
            "type",
            r#"tags: is not a JSON array: begins `{\"a\":1}`"#,
        ),
        (r#""tags":["a",null]"#, "required", "tags: [1]: is null and may not be"),
        (
            r#""items":[{"sku":"a"},{"sku":"b","price":1.005}]"#,
            "overflow",
            "items: [1].price: `1.005` has more than 2 decimals",
        ),
        (
            r#""items":[{"sku":"a","price":-1}]"#,
            "range",
            "items: [0].price: `-1.00` is out of range: at least 0.00",
        ),
        (
            r#""items":[null,{"sku":"a","marks":[1,2,"x"]}]"#,
            "type",
            "items: [1].marks[2]: `x` is not a whole number",
        ),
    ];
    let lines: String = cases
        .iter()
        .map(|(value, _, _)| format!("{{\"id\":9,{value}}}\n"))
        .collect();
    let text = format!("{lines}{GOOD}");
    let (report, files) = run(&dataset("format: json", SCHEMA), text.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (3, cases.len() as u64));
    assert_eq!(all_shown(&rows(&files, "data")), GOOD_ROWS);
    let refused = rows(&files, "quarantine");
    let (reasons, messages) = (texts(&refused, "reason"), texts(&refused, "message"));
    for (row, (value, reason, message)) in cases.iter().enumerate() {
        assert_eq!(reasons[row].as_deref(), Some(*reason), "{value}");
        let told = messages[row].as_deref().unwrap();
        assert!(message.split("; ").all(|part| told.contains(part)), "{value}: {told}");
    }
    assert!(raws(&refused)[0].starts_with(b"{\"id\":9,"));
}

#[test]
fn lists_are_bounded_by_row() {
    // Three bytes an element, each of three fields and a list.
    let long = |elements: usize| format!("{{\"id\":1,\"items\":[{}]}}\n", vec!["{}"; elements].join(","));
    let optional = SCHEMA.replace(
        "{name: sku, logicalType: string, required: true}",
        "{name: sku, logicalType: string}",
    );
    let text = long(300_000) + &long(200_000);
    let (report, files) = run(&dataset("format: json", &optional), text.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (1, 1));
    let told = texts(&rows(&files, "quarantine"), "message");
    let message = "items: has more than 1048576 values in the lists of its row";
    assert_eq!(told, [Some(message.to_string())]);
}

#[test]
fn rows_that_are_sorted_and_spilled_keep_their_values() {
    const ROWS: i64 = 30_000;
    let schema = SCHEMA.replace(
        "    properties:\n      - {name: id",
        "    customProperties: [{property: watershed, value: {sort: [{column: id, descending: true}], partition: [{column: id, \
         transform: \"bucket[3]\"}]}}]\n    properties:\n      - {name: id",
    );
    let line = |n: i64| {
        let tags: Vec<String> = (0..n % 4).map(|tag| format!("\"t{tag}-{n}\"")).collect();
        let items = if n % 5 == 0 {
            "null".into()
        } else {
            format!("[{{\"sku\":\"s{n}\",\"price\":{n}.25,\"marks\":[{n},{}]}}]", n + 1)
        };
        let address = if n % 7 == 0 {
            "null".into()
        } else {
            format!("{{\"city\":\"c{}\"}}", n % 1_000)
        };
        format!(
            "{{\"id\":{n},\"address\":{address},\"tags\":[{}],\"items\":{items}}}\n",
            tags.join(",")
        )
    };
    let expected = |n: i64| {
        let tags: Vec<String> = (0..n % 4).map(|tag| format!("t{tag}-{n}")).collect();
        let items = if n % 5 == 0 {
            "-".into()
        } else {
            format!("[(s{n} {n}.25 [{n} {}])]", n + 1)
        };
        let address = if n % 7 == 0 {
            "-".into()
        } else {
            format!("(c{} - -)", n % 1_000)
        };
        format!("{address} [{}] {items}", tags.join(" "))
    };
    let text: String = (0..ROWS).map(|n| line((n * 7_919) % ROWS)).collect();
    let (report, files) = run(&dataset("format: json", &schema), text.as_bytes()).unwrap();
    assert_eq!((report.accepted, report.rejected), (ROWS as u64, 0));
    let mut seen = 0;
    for ((_, path), bytes) in &files {
        let batches = common::batches(bytes);
        let ids: Vec<i64> = batches
            .iter()
            .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
            .collect();
        assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "{path} is sorted");
        for (id, row) in ids.iter().zip(all_shown(&batches)) {
            assert_eq!(row, expected(*id), "{path}");
        }
        seen += ids.len() as i64;
    }
    assert_eq!(seen, ROWS);
}

#[test]
fn parquet_is_kept_where_its_types_fit() {
    let (_, files) = run(&dataset("format: json", SCHEMA), GOOD.as_bytes()).unwrap();
    let ((_, _), bytes) = files.iter().next().unwrap();
    let schema = SCHEMA.replace(
        ", customProperties: [{property: watershed, value: {source: \"zip.code\"}}]",
        "",
    );
    let (report, files) = run(&dataset("format: parquet", &schema), bytes).unwrap();
    assert_eq!((report.accepted, report.rejected, report.object), (3, 0, None));
    assert_eq!(all_shown(&rows(&files, "data")), GOOD_ROWS);

    let stricter = schema.replace("maxLength: 6", "maxLength: 2");
    let (report, files) = run(&dataset("format: parquet", &stricter), bytes).unwrap();
    assert_eq!((report.accepted, report.rejected), (2, 1));
    assert_eq!(all_shown(&rows(&files, "data")), GOOD_ROWS[1..]);
    let told = texts(&rows(&files, "quarantine"), "message");
    assert_eq!(
        told,
        [Some(
            "address: city: `Röm` has 3 characters: at most 2 are allowed".to_string()
        )]
    );

    let wider = schema
        .replace("DECIMAL(9,2)", "DECIMAL(12,2)")
        .replace("{name: since, logicalType: date}", "{name: since, logicalType: string}");
    let (report, files) = run(&dataset("format: parquet", &wider), bytes).unwrap();
    assert_eq!((report.accepted, report.rejected, report.object), (3, 0, None));
    assert_eq!(all_shown(&rows(&files, "data")), GOOD_ROWS);

    let other = schema.replace(
        "{name: since, logicalType: date}",
        "{name: since, logicalType: array, items: {logicalType: date}}",
    );
    let (report, _) = run(&dataset("format: parquet", &other), bytes).unwrap();
    let message = report.object.unwrap().to_string();
    assert!(
        message.contains("column `address.since` is of type Date32, which cannot be read as List("),
        "{message}"
    );
}

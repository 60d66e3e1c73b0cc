//! JSON, a line each and as an array: what is written is read, whatever comes is accounted for, hostile input is bounded.

mod common;

use common::{Row, dataset, gaps, read};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use watershed_contract::Dataset;
use watershed_decode::{MAX_RECORD_BYTES, Reason};

const COLUMNS: [(&str, &str); 5] = [
    ("a", ""),
    ("city", "source: address.city"),
    ("address", ""),
    ("sku", "source: \"items[1].sku\""),
    ("last", "source: \"items[2]\""),
];

fn lines() -> Arc<Dataset> {
    dataset("format: json", "", &COLUMNS)
}

fn array(records: &str) -> Arc<Dataset> {
    let watershed = if records.is_empty() {
        String::new()
    } else {
        format!("records: {records}")
    };
    dataset("format: json, delimiter: array", &watershed, &COLUMNS)
}

fn one(text: &str) -> Row {
    let rows = read(&lines(), text.as_bytes()).expect("it is JSON");
    assert_eq!(rows.len(), 1, "{text}");
    rows[0].clone()
}

#[test]
fn paths_lead_into_nested_values() {
    let text = r#"{"a":1,"address":{"zip":[{"city":"no"}],"city":"Ulm"},"items":[{"sku":"x"},{"n":1,"sku":"y"},[3]]}"#;
    let expected = ["1", "Ulm", r#"{"zip":[{"city":"no"}],"city":"Ulm"}"#, "y", "[3]"];
    assert_eq!(one(text).cells(), expected);
    for (text, expected) in [
        // What is not there, or not of that kind, is null.
        (r#"{"address":null,"items":[1,2]}"#, ["-", "-", "-", "-", "-"]),
        (r#"{"address":"x","items":{"sku":1}}"#, ["-", "-", "x", "-", "-"]),
        (
            r#"{"address":[{"city":"x"}],"items":[]}"#,
            ["-", "-", r#"[{"city":"x"}]"#, "-", "-"],
        ),
        // A key that is spelled like the path goes before it, wherever it stands.
        (
            r#"{"address.city":"k","address":{"city":"p"}}"#,
            ["-", "k", r#"{"city":"p"}"#, "-", "-"],
        ),
        (
            r#"{"address":{"city":"p"},"address.city":"k"}"#,
            ["-", "k", r#"{"city":"p"}"#, "-", "-"],
        ),
        (
            r#"{"address":{"city":"p"},"address.city":null}"#,
            ["-", "-", r#"{"city":"p"}"#, "-", "-"],
        ),
        (
            r#"{"address": {"ci\u0074y": "\u00e9\n"}}"#,
            ["-", "é\n", r#"{"ci\u0074y": "\u00e9\n"}"#, "-", "-"],
        ),
    ] {
        assert_eq!(one(text).cells(), expected, "{text}");
    }
    for text in [
        r#"{"a":null,"a":1}"#,
        r#"{"address":{"city":1,"zip":2,"city":3}}"#,
        r#"{"items":[],"items":[1]}"#,
        r#"{"a":1,"\u0061":2}"#,
    ] {
        assert_eq!(one(text).reason(), Some(Reason::RepeatedKey), "{text}");
    }
    // Keys that no column is read from may be there twice, and one record does not know of another.
    assert_eq!(one(r#"{"x":1,"x":1,"address":{"x":1,"x":2}}"#).reason(), None);
    let rows = read(&lines(), b"{\"a\":1}\n{\"a\":2}\n").expect("it is JSON");
    assert!(rows.iter().all(|row| row.cells.is_ok()));
}

#[test]
fn an_array_over_any_lines() {
    let text = "\u{feff}[\n {\"a\": 1},\n {\"a\":\n\n \"x,]}\\\"\"} , {}\n]\n";
    let rows = read(&array(""), text.as_bytes());
    // The byte order mark is not of the text.
    let rows = rows.expect("it is an array");
    assert_eq!(
        rows.iter().map(|row| row.cells()[0]).collect::<Vec<_>>(),
        ["1", "x,]}\"", "-"]
    );
    assert_eq!(rows[1].raw, b"{\"a\":\n\n \"x,]}\\\"\"}");
    for empty in ["", " \n", "[]", "[ \n ]"] {
        assert_eq!(read(&array(""), empty.as_bytes()), Ok(Vec::new()), "{empty}");
    }
    let envelope = br#"{"meta":{"items":[1,"]"],"data":0},"data":{"n":2,"items":[{"a":1},{"a":2}],"m":"]"}} "#;
    let rows = read(&array("data.items"), envelope).expect("it has an array");
    assert_eq!(rows.iter().map(|row| row.cells()[0]).collect::<Vec<_>>(), ["1", "2"]);
}

#[test]
fn what_is_no_array_is_refused_whole() {
    for (records, text) in [
        ("", r#"{"a":1}"#),
        ("", "a,b\n1,2\n"),
        ("data", r#"[{"a":1}]"#),
        ("data", r#"{"data":{"a":1}}"#),
        ("data", r#"{"items":[{"a":1}]}"#),
        ("data.items", r#"{"data":[]}"#),
        ("data", r#"{"data":null}"#),
        ("data", r#"{"items":[{"a":1}]"#),
    ] {
        let refused = read(&array(records), text.as_bytes()).expect_err(text);
        assert_eq!(refused.0, Reason::WrongFormat, "{text}");
    }
    let refused = read(&lines(), b"[{\"a\":1}]").expect_err("an array");
    assert!(refused.1.contains("delimiter: array"), "{}", refused.1);
}

#[test]
fn a_broken_element_costs_itself_and_a_broken_array_its_rest() {
    let told = |text: &str| -> Vec<(String, Option<Reason>)> {
        let rows = read(&array(""), text.as_bytes()).expect("it is an array");
        rows.iter()
            .map(|row| (String::from_utf8_lossy(&row.raw).into_owned(), row.reason()))
            .collect()
    };
    let (json, object) = (Some(Reason::InvalidJson), Some(Reason::NotAnObject));
    let is = |raw: &str, reason| (raw.to_string(), reason);
    let good = is("{}", None);
    for (text, expected) in [
        (
            r#"[{},{"a":1,},{}]"#,
            vec![good.clone(), is(r#"{"a":1,}"#, json), good.clone()],
        ),
        (
            r#"[{},{"a":1}},{}]"#,
            vec![good.clone(), is(r#"{"a":1}}"#, json), good.clone()],
        ),
        (
            r#"[{},{"a":1]  ,{}]"#,
            vec![good.clone(), is(r#"{"a":1]"#, json), good.clone()],
        ),
        (
            "[{},{\"a\":\"x\n},{}]",
            vec![good.clone(), is("{\"a\":\"x\n}", json), good.clone()],
        ),
        (
            "[1,[{}],,{}]",
            vec![is("1", object), is("[{}]", object), is("", json), good.clone()],
        ),
        ("[{},]", vec![good.clone(), is("", json)]),
        ("[{},{\"a\": ", vec![good.clone(), is("{\"a\":", json)]),
        ("[{},{\"a\": \"]}", vec![good.clone(), is("{\"a\": \"]}", json)]),
        ("[{}, ", vec![good.clone(), is("", json)]),
        ("[{}", vec![is("{}", json)]),
        ("[", vec![is("", json)]),
        ("[{}] x {}\n", vec![good.clone(), is("x {}\n", json)]),
        ("[{}][{}]", vec![good.clone(), is("[{}]", json)]),
    ] {
        assert_eq!(told(text), expected, "{text}");
    }
    let rows = read(&array("d"), br#"{"d":[{}],"d":[{"a":1}]}"#).expect("it has an array");
    assert_eq!((rows.len(), rows[1].reason()), (2, json));
    let rows = read(&array("d"), br#"{"d":[{}]"#).expect("it has an array");
    assert_eq!(
        (rows.len(), rows[1].reason()),
        (2, json),
        "the object around it is not closed"
    );
}

#[test]
fn hostile_input_is_bounded() {
    let keys: String = (0..100_000).map(|i| format!("\"k{i}\":{{\"city\":{i}}},")).collect();
    let many = format!("{{{keys}\"a\":\"x\"}}");
    let deep = format!("{{\"x\":{}", "[".repeat(1_000_000));
    let deep_path = format!("{{\"address\":{}1{}}}", "{\"city\":".repeat(65), "}".repeat(65));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_RECORD_BYTES));
    let (too_long, json) = (Some(Reason::RecordTooLong), Some(Reason::InvalidJson));
    let text = format!("{{\"a\":1}}\n{many}\n{deep}\n{deep_path}\n{long}\n{{\"a\":2}}\n");
    let rows = read(&lines(), text.as_bytes()).expect("it is JSON");
    let reasons: Vec<_> = rows.iter().map(Row::reason).collect();
    assert_eq!(reasons, [None, None, json, json, too_long, None]);
    assert_eq!(rows[1].cells()[0], "x");
    assert!(rows[4].length > MAX_RECORD_BYTES && rows[4].raw.len() < MAX_RECORD_BYTES);
    let text = format!("[{{\"a\":1}},{many},{deep_path},{long},{{\"a\":2}},{deep}");
    let rows = read(&array(""), text.as_bytes()).expect("it is an array");
    let reasons: Vec<_> = rows.iter().map(Row::reason).collect();
    assert_eq!(reasons, [None, None, json, too_long, None, json]);
    assert_eq!(rows[3].length, long.len());
    // An array without end, of one element without end.
    let text = format!("[{}", "[".repeat(2 * MAX_RECORD_BYTES));
    let rows = read(&array(""), text.as_bytes()).expect("it is an array");
    assert_eq!(
        (rows.len(), rows[0].length, rows[0].reason()),
        (1, text.len() - 1, too_long)
    );
    // Space without end is no record.
    let text = format!("[{}{{}}]", " ".repeat(2 * MAX_RECORD_BYTES));
    assert_eq!(read(&array(""), text.as_bytes()).map(|rows| rows.len()), Ok(1));
    // Nor is a key of the envelope without end.
    let text = format!("{{\"{}\":1,\"d\":[{{}}]}}", "d".repeat(2 * MAX_RECORD_BYTES));
    assert_eq!(read(&array("d"), text.as_bytes()).map(|rows| rows.len()), Ok(1));
}

/// A row, and its cells.
fn row() -> impl Strategy<Value = (Value, Vec<Option<String>>)> {
    let text = || "[a-z\"\\\\/\u{0}-\u{1f}é😀{}\\[\\],: ]{0,40}";
    let item = prop_oneof![
        text().prop_map(|t| json!({"sku": t})),
        Just(json!(7)),
        Just(json!({"x": [1]}))
    ];
    (
        text(),
        prop::option::of(text()),
        prop::collection::vec(item, 0..4),
        any::<bool>(),
    )
        .prop_map(|(a, city, items, nested)| {
            let address = if nested {
                json!({"x": [{}], "city": city})
            } else {
                Value::Null
            };
            let sku = items.get(1).and_then(|item| item["sku"].as_str().map(Into::into));
            let last = items.get(2).map(ToString::to_string);
            let cells = vec![
                Some(a.clone()),
                city.filter(|_| nested),
                (!address.is_null()).then(|| address.to_string()),
                sku,
                last,
            ];
            (json!({"a": a, "address": address, "items": items, "more": [a]}), cells)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_written_is_read(rows in prop::collection::vec(row(), 0..20), space in "[ \n\r\t]{0,3}", envelope in any::<bool>()) {
        let cells: Vec<_> = rows.iter().map(|(_, cells)| Ok(cells.clone())).collect();
        let texts: Vec<String> = rows.iter().map(|(row, _)| row.to_string()).collect();
        let found = |dataset: &Dataset, text: &str| -> Vec<_> {
            read(dataset, text.as_bytes()).expect("it is JSON").into_iter().map(|row| row.cells).collect()
        };
        prop_assert_eq!(found(&lines(), &texts.join("\r\n")), cells.clone());
        let list = format!("{space}[{space}{}{space}]{space}", texts.join(&format!("{space},{space}")));
        let (records, text) = if envelope { ("d", format!("{{\"x\":[],\"d\":{list}, \"y\":\"\"}}")) } else { ("", list) };
        prop_assert_eq!(found(&array(records), &text), cells);
    }

    #[test]
    fn order_and_space_do_not_matter(values in prop::collection::vec(prop_oneof!["[a-z\"\\\\é]{0,40}".prop_map(Value::from), any::<i64>().prop_map(Value::from), any::<f64>().prop_map(Value::from), Just(Value::Null), Just(json!(true))], 4)) {
        let dataset = dataset("format: json", "", &[("a", ""), ("b", ""), ("a_rather_long_key", ""), ("d", "")]);
        let members: Vec<(&str, String)> = ["a", "b", "a_rather_long_key", "d"].into_iter().zip(values.iter().map(Value::to_string)).collect();
        let written = |members: Vec<&(&str, String)>, colon: &str, comma: &str| {
            let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\"{colon}{value}")).collect();
            format!("{{{}}}", members.join(comma))
        };
        let texts = [
            written(members.iter().collect(), ":", ","),
            written(members.iter().collect(), ": ", ", "),
            written(members.iter().collect(), " :\t", " ,  "),
            written(members.iter().rev().collect(), ":", ","),
            written(members.iter().collect(), ":", ",\"x\":[1],"),
        ];
        let found = read(&dataset, texts.join("\n").as_bytes()).expect("it is JSON");
        let expected: Vec<Option<String>> = values.iter().map(|value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }).collect();
        for row in found {
            prop_assert_eq!(row.cells, Ok(expected.clone()));
        }
    }

    #[test]
    fn numbers_are_those_of_json(text in "-?[0-9]{0,3}[-.eE+0-9]{0,5}") {
        let number = regex::Regex::new(r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$").expect("a pattern");
        for object in [format!("{{\"a\":{text},\"x\":1}}"), format!("{{\"x\":1,\"a\":{text}}}")] {
            prop_assert_eq!(one(&object).cells.is_ok(), number.is_match(&text), "{}", object);
        }
    }

    #[test]
    fn pretty_printed_arrays_are_read(rows in prop::collection::vec(row(), 1..8)) {
        let values: Vec<&Value> = rows.iter().map(|(row, _)| row).collect();
        let text = serde_json::to_string_pretty(&values).expect("JSON");
        let found = read(&array(""), text.as_bytes()).expect("an array");
        for (found, (_, cells)) in found.iter().zip(&rows) {
            let cells: Vec<&str> = cells.iter().map(|cell| cell.as_deref().unwrap_or("-")).collect();
            prop_assert_eq!((found.cells()[0], found.cells()[1], found.cells()[3]), (cells[0], cells[1], cells[3]));
        }
        prop_assert_eq!(found.len(), rows.len());
    }

    #[test]
    fn every_line_is_accounted_for(text in prop::collection::vec(prop_oneof![
        4 => Just(&b"{\"a\":"[..]), 2 => Just(&b"1"[..]), 4 => Just(&b"}"[..]), 4 => Just(&b"\n"[..]), 1 => Just(&b"\""[..]),
        1 => Just(&b"\\"[..]), 1 => Just(&b"["[..]), 1 => Just(&b"\xff"[..]), 1 => Just(&b" \r"[..]), 1 => Just(&b","[..])
    ], 0..80)) {
        let text = text.concat();
        let Ok(rows) = read(&lines(), &text) else { return Ok(()) };
        for gap in gaps(&text, &rows) {
            prop_assert!(gap.iter().all(u8::is_ascii_whitespace), "{:?}", gap);
        }
    }

    #[test]
    fn every_element_is_accounted_for(text in prop::collection::vec(prop_oneof![
        4 => Just(&b"{\"a\":1}"[..]), 2 => Just(&b"{"[..]), 2 => Just(&b"}"[..]), 4 => Just(&b","[..]), 1 => Just(&b"\""[..]),
        1 => Just(&b"\\"[..]), 1 => Just(&b"["[..]), 1 => Just(&b"]"[..]), 1 => Just(&b"\xff"[..]), 2 => Just(&b"\n "[..])
    ], 0..60)) {
        let text = [b"[", text.concat().as_slice()].concat();
        let rows = read(&array(""), &text).expect("it begins as an array");
        for gap in gaps(&text, &rows) {
            prop_assert!(gap.iter().all(|b| b.is_ascii_whitespace() || b"[],".contains(b)), "{:?}", gap);
        }
        let elements = memchr::memchr_iter(b',', &gaps(&text, &rows).concat()).count();
        if text[1..].trim_ascii() == b"]" {
            prop_assert_eq!(rows.len(), 0, "an empty array has no element");
        } else {
            prop_assert!(rows.len() > elements, "a row for each comma and one more");
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), begun in prop_oneof![Just(&b"{"[..]), Just(&b"[{\""[..]), Just(&b"{\"d\":["[..])]) {
        let text = [begun, bytes.as_slice()].concat();
        for dataset in [lines(), array(""), array("d")] {
            _ = read(&dataset, &text);
        }
    }
}

//! Keys that one format has and another has not.

use watershed_contract::parse;

/// A server's format, the schema object's and two columns' watershed properties, and all that is said of it.
const OF_ONE_FORMAT: [(&str, [&str; 3], &str); 23] = [
    ("csv", ["", "", ""], ""),
    (
        "json, delimiter: array",
        ["records: data.items", "source: \"x[0].y\"", ""],
        "",
    ),
    (
        "xml",
        ["row: orders/order", "source: \"@id\"", "source: address/@type"],
        "",
    ),
    (
        "fixed",
        ["raggedEnds: pad", "start: 5, width: 3", "start: 1, width: 4"],
        "",
    ),
    (
        "csv",
        ["records: a", "", ""],
        "records does not apply: only a server of format json with delimiter: array",
    ),
    (
        "json",
        ["records: a", "", ""],
        "records does not apply: only a server of format json with delimiter: array",
    ),
    (
        "json",
        ["row: a", "", ""],
        "row does not apply: only a server of format xml",
    ),
    ("json", ["raggedEnds: pad", "", ""], "raggedEnds does not apply"),
    (
        "xml",
        ["row: a", "start: 1", ""],
        "start does not apply: only a server of format fixed",
    ),
    ("xml", ["row: a, header: true", "", ""], "header does not apply"),
    ("json, delimiter: arrays", ["", "", ""], "did you mean array?"),
    (
        "xml, delimiter: array",
        ["row: a", "", ""],
        "delimiter does not apply: this format has none",
    ),
    (
        "json, delimiter: array",
        ["records: a..b", "", ""],
        "write the keys that lead to the array",
    ),
    (
        "xml",
        ["", "", ""],
        "no row: write row in the watershed property: the local name",
    ),
    (
        "xml",
        ["row: \"a/@b\"", "", ""],
        "row is \"a/@b\": write the local name",
    ),
    (
        "xml",
        ["row: a", "source: b", "source: b/c"],
        "source \"b\" of a has no text of its own: \"b/c\" is in it",
    ),
    (
        "xml",
        ["row: a", "source: \"x:b\"", ""],
        "source \"x:b\" of a is no path: write local names without prefix",
    ),
    (
        "fixed",
        ["", "start: 1, width: 4", ""],
        "column b has no start and width: write watershed: {start: 1, width: 8}",
    ),
    (
        "fixed",
        ["", "start: 1, width: 4", "start: 5"],
        "b.watershed: no width: write width, in bytes",
    ),
    (
        "fixed",
        ["", "start: 1, width: 4", "start: 0, width: 1"],
        "start is 0: write an integer from 1 to 1048576",
    ),
    (
        "fixed",
        ["", "start: 1, width: 4", "start: 1048576, width: 2"],
        "the column ends at byte 1048577",
    ),
    (
        "fixed",
        ["", "start: 1, width: 4", "start: 4, width: 1"],
        "column b begins at byte 4, where a ends at 4",
    ),
    (
        "fixed",
        ["raggedEnds: padd", "start: 1, width: 4", "start: 5, width: 1"],
        "did you mean pad?",
    ),
];

#[test]
fn what_belongs_to_one_format() {
    let custom = |value: &str| format!("customProperties: [{{property: watershed, value: {{{value}}}}}]");
    let mut wrong = Vec::new();
    for (format, [schema, a, b], expected) in OF_ONE_FORMAT {
        let [schema, a, b] = [schema, a, b].map(|value| {
            if value.is_empty() {
                "tags: []".into()
            } else {
                custom(value)
            }
        });
        let text = format!(
            "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\ndomain: test\n\
             servers: [{{server: raw, type: s3, location: 's3://{{raw}}/t/*', format: {format}}}]\n\
             schema: [{{name: t, {schema}, properties: [\n{{name: a, logicalType: string, {a}}},\n\
             {{name: b, logicalType: string, {b}}}]}}]\n"
        );
        let said = match parse("f", &text) {
            Ok(_) => String::new(),
            Err(errors) => errors.to_string(),
        };
        if !said.contains(expected) || said.lines().count() != usize::from(!expected.is_empty()) {
            wrong.push(format!("{format} {schema} {a} {b}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What one format has and another has not.
#[test]
fn a_key_of_another_format_is_told() {
    let contract = |format: &str, schema: &str, column: &str| {
        let text = format!(
            "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: a\nstatus: active\ndomain: d\n\
             servers: [{{server: raw, type: s3, location: 's3://{{raw}}/x/*', format: {format}}}]\n\
             schema:\n- name: a\n  customProperties: [{{property: watershed, value: {{{schema}}}}}]\n\
             \x20 properties: [{{name: a, logicalType: number, customProperties: [{{property: watershed, value: {{{column}}}}}]}}]\n"
        );
        parse("f", &text).map_or_else(|errors| errors.to_string(), |_| String::new())
    };
    assert_eq!(contract("json", "encoding: utf-16", "nulls: []"), "");
    assert_eq!(
        contract("csv", "groupSeparator: \"'\"", "groupSeparator: none, strip: []"),
        ""
    );
    for (format, schema, column, expected) in [
        (
            "json",
            "escape: a, raggedEnds: pad",
            "nulls: []",
            "only a server of format csv has one",
        ),
        (
            "json",
            "decimalSeparator: \",\"",
            "nulls: []",
            "JSON has one way to write a number",
        ),
        (
            "json",
            "trim: true",
            "strip: [\"%\"]",
            "JSON has one way to write a number",
        ),
        ("parquet", "encoding: utf-8", "nulls: []", "Parquet says it itself"),
    ] {
        let said = contract(format, schema, column);
        assert!(said.contains(expected), "{format}, {schema}, {column}: {said}");
    }
    assert!(contract("csv, delimiter: '\"'", "trim: true", "nulls: []").contains("quote and delimiter are the same"));
}

/// What is hidden does not come out through the value around it.
#[test]
fn a_shown_column_holds_no_hidden_one() {
    let contract = |around: &str| {
        format!(
            "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\ndomain: test\n\
             servers: [{{server: raw, type: s3, location: 's3://{{raw}}/t/*', format: json}}]\n\
             schema: [{{name: t, properties: [\n{{name: a, logicalType: string, {around}}},\n\
             {{name: b, logicalType: string, classification: personal, customProperties: [{{property: watershed, \
             value: {{personal: hash, source: p.h}}}}]}}]}}]\n"
        )
    };
    let shown = "customProperties: [{property: watershed, value: {source: p}}]";
    let errors = parse("f", &contract(shown)).expect_err("it shows p.h").to_string();
    assert!(
        errors.contains("source \"p\" shows \"p.h\", which is hidden"),
        "{errors}"
    );
    let hidden = "classification: pii, customProperties: [{property: watershed, value: {source: p, personal: redact}}]";
    assert!(parse("f", &contract(hidden)).is_ok());
    let beside = "customProperties: [{property: watershed, value: {source: p.v}}]";
    assert!(parse("f", &contract(beside)).is_ok());
}

//! What a contract says of units.

use watershed_contract::{Dataset, parse};

fn contract(kind: &str, watershed: &str) -> Result<Dataset, String> {
    let text = format!(
        "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\ndomain: test\n\
         servers:\n  - {{server: raw, type: s3, location: \"s3://{{raw}}/t/*\", format: csv}}\n\
         schema:\n  - name: t\n    properties:\n      - {{name: x, {kind}, description: How far., \
         customProperties: [{{property: watershed, value: {{{watershed}}}}}]}}\n"
    );
    match parse("f", &text) {
        Ok(mut datasets) => Ok(datasets.remove(0).as_ref().clone()),
        Err(errors) => Err(errors.to_string()),
    }
}

const DECIMAL: &str = "logicalType: number, physicalType: \"DECIMAL(9,2)\"";

#[test]
fn a_unit_alone_is_told_and_converts_nothing() {
    for watershed in ["unit: m", "unit: m, sourceUnit: m"] {
        let dataset = contract(DECIMAL, watershed).unwrap_or_else(|said| panic!("{said}"));
        assert_eq!(dataset.table.columns[0].doc.as_deref(), Some("How far. [m]"));
        assert!(dataset.columns[0].number.is_plain(), "read like any number");
    }
    let dataset = contract(DECIMAL, "unit: m, sourceUnit: [ft, m]").unwrap_or_else(|said| panic!("{said}"));
    let units = dataset.columns[0].number.units.as_ref();
    let names: Vec<&str> = units
        .iter()
        .flat_map(|units| &units.sources)
        .map(|unit| unit.name.as_str())
        .collect();
    assert_eq!(names, ["ft", "m"]);
}

#[test]
fn one_mistake_makes_one_message() {
    for (kind, watershed, expected) in [
        (DECIMAL, "unit: metre", r#"unknown unit "metre""#),
        (DECIMAL, "unit: m, sourceUnit: feet", r#"unknown sourceUnit "feet""#),
        (
            DECIMAL,
            "unit: m, sourceUnit: [ft, lbs]",
            r#"unknown sourceUnit[1] "lbs""#,
        ),
        (
            DECIMAL,
            "unit: m, sourceUnit: kg",
            "kg is a unit of mass, and m of length: write one of m, km",
        ),
        (DECIMAL, "unit: m, sourceUnit: []", "0 units in the source"),
        (
            DECIMAL,
            "unit: m, sourceUnit: ft, round: up",
            r#"unknown round "up": write halfEven"#,
        ),
        (DECIMAL, "unit: m, round: halfEven", "nothing is converted"),
        (
            DECIMAL,
            "sourceUnit: ft",
            "sourceUnit does not apply: write unit beside it",
        ),
        (
            DECIMAL,
            "unit: degC, sourceUnit: degF",
            "no end of decimals for most values: write round: halfEven, or physicalType DOUBLE",
        ),
        (
            "logicalType: integer",
            "unit: rad, sourceUnit: deg",
            "no end of decimals",
        ),
        (
            "logicalType: string",
            "unit: m",
            "a column of type string is no number: remove it",
        ),
    ] {
        let said = contract(kind, watershed).err().unwrap_or_default();
        assert!(
            said.contains(expected) && said.lines().count() == 1,
            "{watershed}: {said}"
        );
    }
    for (kind, watershed) in [
        (DECIMAL, "unit: degC, sourceUnit: degF, round: halfEven"),
        ("logicalType: number", "unit: rad, sourceUnit: deg"),
        (DECIMAL, "unit: rad, sourceUnit: [rad]"),
    ] {
        assert!(contract(kind, watershed).is_ok(), "{watershed}");
    }
}

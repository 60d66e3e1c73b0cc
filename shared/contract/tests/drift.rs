//! What a contract says of columns that it does not name.

use watershed_contract::{Dataset, Personal, UnknownColumns, parse};
use watershed_lake::added::added_id;

fn contract(server: &str, watershed: &str, properties: &str) -> Result<Dataset, String> {
    let text = format!(
        "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\ndomain: test\n\
         servers:\n  - {{server: raw, type: s3, location: \"s3://{{raw}}/t/*\", {server}}}\n\
         schema:\n  - name: t\n    customProperties: [{{property: watershed, value: {{{watershed}}}}}]\n    \
         properties:\n      - {{name: id, logicalType: string}}\n{properties}"
    );
    match parse("f", &text) {
        Ok(mut datasets) => Ok(datasets.remove(0).as_ref().clone()),
        Err(errors) => Err(errors.to_string()),
    }
}

fn said(server: &str, watershed: &str, properties: &str) -> String {
    contract(server, watershed, properties).map_or_else(|said| said, |_| String::new())
}

const HIDDEN: &str = "      - {name: who, logicalType: string, classification: personal, \
                      customProperties: [{property: watershed, value: {personal: drop}}]}\n";

#[test]
fn the_three_words_and_none() {
    let unknown = |watershed: &str| contract("format: csv", watershed, "").map(|dataset| dataset.unknown);
    assert!(matches!(unknown(""), Ok(UnknownColumns::Ignore)));
    assert!(matches!(unknown("unknownColumns: ignore"), Ok(UnknownColumns::Ignore)));
    assert!(matches!(unknown("unknownColumns: reject"), Ok(UnknownColumns::Reject)));
    let Ok(UnknownColumns::Add(rule)) = unknown("unknownColumns: add, trim: false, nulls: [NA]") else {
        panic!("they are added");
    };
    assert_eq!(
        (rule.trim, rule.nulls.contains("NA"), rule.personal),
        (false, true, Personal::Keep)
    );
}

#[test]
fn where_columns_are_hidden_added_ones_must_be_thought_of() {
    let without = said("format: csv", "unknownColumns: add", HIDDEN);
    assert!(
        without.contains("write addedPersonal: hash, redact or keep"),
        "{without}"
    );
    let hashed = contract("format: csv", "unknownColumns: add, addedPersonal: hash", HIDDEN);
    assert!(hashed.is_ok_and(|dataset| dataset.needs_hash_key()));
    let shown = contract("format: csv", "unknownColumns: add, addedPersonal: redact", "");
    assert!(
        shown.is_ok_and(|dataset| dataset.is_private()),
        "the source has what is hidden"
    );
    assert!(said("format: csv", "addedPersonal: hash", "").contains("addedPersonal does not apply"));
}

#[test]
fn what_has_no_names_has_no_unknown_ones() {
    for (server, watershed) in [("format: csv", "header: false, "), ("format: fixed", "")] {
        let said = said(server, &format!("{watershed}unknownColumns: reject"), "");
        assert!(said.contains("unknownColumns of a source without names"), "{said}");
    }
}

#[test]
fn an_added_column_is_named_by_its_own_id_and_no_other() {
    let property = |name: &str, id: i32| {
        format!(
            "      - {{name: {name}, logicalType: string, customProperties: [{{property: watershed, value: {{fieldId: {id}}}}}]}}\n"
        )
    };
    let named = contract("format: csv", "", &property("tail_no", added_id("tail_no")));
    assert_eq!(
        named.map(|dataset| dataset.table.columns[1].id),
        Ok(added_id("tail_no"))
    );
    let said = said("format: csv", "", &property("tail", added_id("tail_no")));
    assert!(said.contains("write an integer from 1 to 999999"), "{said}");
}

//! Forty kinds of bad row in one file, and files that are not what they say: nothing is lost, everything is said.

use crate::{cloud, csv};
use serde_json::{Value, json};
use std::sync::PoisonError;

const HEADER: &str = "id,small,price,ratio,flag,day,at,clock,code,state";

/// Rows that are right.
const GOOD: [&str; 4] = [
    "1,-100,0.01,0,true,2000-01-01,2026-01-01T00:00:00Z,00:00:00,AB,open",
    "2,2000000000,50000.00,0.999,F,2099-12-31,2026-01-01T02:00:00+02:00,23:59:59,A1B2,paid",
    "3,,,,,,,,ZZ,",
    "4, 7 ,1.5,0.25,yes,2024-02-29,2026-01-01T00:00:00.123456Z,12:30:00.5,\"CD\",\"sent\"",
];

/// Rows that are wrong, each in its own way, and the column and reason of its first violation (column null: the row itself).
const BAD: [(&str, &str, &str); 40] = [
    (
        ",1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "id",
        "required",
    ),
    (
        "0,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "id",
        "range",
    ),
    (
        "-5,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "id",
        "range",
    ),
    (
        "x,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "id",
        "type",
    ),
    (
        "1.5,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "id",
        "type",
    ),
    (
        "99999999999999999999,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "id",
        "overflow",
    ),
    (
        "1,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "id",
        "duplicate_key",
    ),
    (
        "101,-101,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "small",
        "range",
    ),
    (
        "102,2000000001,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "small",
        "range",
    ),
    (
        "103,3000000000,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "small",
        "overflow",
    ),
    (
        "104,one,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "small",
        "type",
    ),
    (
        "105,1,0,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "price",
        "range",
    ),
    (
        "106,1,50000.01,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "price",
        "range",
    ),
    (
        "107,1,123456.00,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "price",
        "overflow",
    ),
    (
        "108,1,1.234,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "price",
        "overflow",
    ),
    (
        "109,1,12€,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "price",
        "type",
    ),
    (
        "110,1,1,1,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "ratio",
        "range",
    ),
    (
        "111,1,1,-0.1,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "ratio",
        "range",
    ),
    (
        "112,1,1,half,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "ratio",
        "type",
    ),
    (
        "113,1,1,0,maybe,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "flag",
        "type",
    ),
    (
        "114,1,1,0,2,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "flag",
        "type",
    ),
    (
        "115,1,1,0,t,2024-02-30,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "day",
        "type",
    ),
    (
        "116,1,1,0,t,01.02.2024,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "day",
        "type",
    ),
    (
        "117,1,1,0,t,1999-12-31,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "day",
        "range",
    ),
    (
        "118,1,1,0,t,2100-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open",
        "day",
        "range",
    ),
    ("119,1,1,0,t,2024-01-01,yesterday,01:00:00,AB,open", "at", "type"),
    (
        "120,1,1,0,t,2024-01-01,2026-01-01T00:00:00,01:00:00,AB,open",
        "at",
        "zone",
    ),
    (
        "121,1,1,0,t,2024-01-01,2026-01-01T25:00:00Z,01:00:00,AB,open",
        "at",
        "type",
    ),
    (
        "122,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,25:00:00,AB,open",
        "clock",
        "type",
    ),
    (
        "123,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,noon,AB,open",
        "clock",
        "type",
    ),
    (
        "124,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,A,open",
        "code",
        "length",
    ),
    (
        "125,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,ABCDE,open",
        "code",
        "length",
    ),
    (
        "126,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,ab,open",
        "code",
        "pattern",
    ),
    (
        "127,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,lost",
        "state",
        "enumeration",
    ),
    (
        "128,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,OPEN",
        "state",
        "enumeration",
    ),
    (
        "129,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB",
        "",
        "field_count",
    ),
    (
        "130,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,AB,open,more",
        "",
        "field_count",
    ),
    ("131", "", "field_count"),
    (
        "132,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,\"AB\"C,open",
        "",
        "text_after_quote",
    ),
    (
        "133,1,1,0,t,2024-01-01,2026-01-01T00:00:00Z,01:00:00,\"AB,open",
        "",
        "unclosed_quote",
    ),
];

#[test]
fn forty_kinds_of_bad_row_lose_none() {
    let cloud = cloud();
    let _flowing = cloud.deliveries.read().unwrap_or_else(PoisonError::into_inner);
    let mut body = format!("{HEADER}\n");
    // The good first, since a key stands for the first row that has it; the unclosed quote last, since it takes the rest.
    for row in GOOD.into_iter().chain(BAD.map(|(row, ..)| row)) {
        body.push_str(row);
        body.push('\n');
    }
    cloud.put("flow/broken/a.csv", body);
    cloud.until_rows("flow", "broken", GOOD.len() as u64);
    cloud.until_rows("flow", "broken_quarantine", BAD.len() as u64);
    let found = cloud.ask(
        "SELECT coalesce(\"column\", '') AS \"column\", reason, raw, byte_offset, line \
         FROM flow.broken_quarantine ORDER BY byte_offset",
    );
    let mut wrong = Vec::new();
    for ((row, column, reason), found) in BAD.iter().zip(found.as_array().expect("rows")) {
        let raw = found["raw"].as_str().unwrap_or_default().trim_end();
        if raw != *row || found["column"] != *column || found["reason"] != *reason {
            wrong.push(format!("{row}\n  wanted {column} {reason}, found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        cloud.value("SELECT list(id ORDER BY id)::VARCHAR AS ids FROM flow.broken"),
        "[1, 2, 3, 4]"
    );
}

#[test]
fn a_file_that_is_not_what_it_says_is_refused_whole_with_one_reason() {
    let cloud = cloud();
    let _flowing = cloud.deliveries.read().unwrap_or_else(PoisonError::into_inner);
    // The first bytes of a gzip stream, and then nothing.
    cloud.put(
        "flow/unreadable/truncated.csv",
        [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x4c].to_vec(),
    );
    cloud.put("flow/unreadable/header.csv", "number,words\n1,a\n");
    cloud.put("flow/unreadable/good.csv", csv(1..=2, "good"));
    cloud.until_rows("flow", "unreadable", 2);
    cloud.until_rows("flow", "unreadable_quarantine", 2);
    let found = cloud
        .ask("SELECT split_part(source, '/', -1) AS file, scope, reason FROM flow.unreadable_quarantine ORDER BY file");
    let wanted = json!([
        {"file": "header.csv", "scope": "object", "reason": "header"},
        {"file": "truncated.csv", "scope": "object", "reason": "truncated"}
    ]);
    assert_eq!(found, wanted);
    assert_eq!(cloud.value("SELECT count(*) AS n FROM flow.unreadable"), Value::from(2));
}

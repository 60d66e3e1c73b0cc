//! Fixed width: what is written is read, whatever comes is accounted for.

mod common;

use common::{Row, dataset, gaps, read};
use proptest::prelude::*;
use std::sync::Arc;
use watershed_contract::Dataset;
use watershed_decode::{MAX_RECORD_BYTES, Reason};

fn fixed(watershed: &str) -> Arc<Dataset> {
    // Columns need not stand in the order of their places; bytes 4 and 5 are of none.
    let columns = [
        ("b", "start: 6, width: 2"),
        ("a", "start: 1, width: 3"),
        ("c", "start: 8, width: 1"),
    ];
    dataset("format: fixed", watershed, &columns)
}

#[test]
fn fields_are_found_at_their_bytes() {
    let text = "abc--12x\r\n\né\u{20}--34yz and more\n   --  \u{20}\nabc--12\nabc--12é\nabcdé2x";
    let rows = read(&fixed(""), text.as_bytes()).expect("text");
    assert_eq!(rows[0].cells(), ["12", "abc", "x"]);
    assert_eq!(rows[1].cells(), ["34", "é ", "y"], "two bytes and a space");
    assert_eq!(rows[2].cells(), ["  ", "   ", " "]);
    let reasons: Vec<_> = rows[3..].iter().map(Row::reason).collect();
    // A line that is too short, and characters across the end and the beginning of a column.
    assert_eq!(
        reasons,
        [Some(Reason::FieldCount), Some(Reason::Encoding), Some(Reason::Encoding)]
    );
    assert_eq!(rows[3].raw, b"abc--12");
}

#[test]
fn short_lines_are_padded_where_the_contract_says_so() {
    let rows = read(&fixed("raggedEnds: pad"), b"abc--12\nabc--1\nab\n").expect("text");
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    assert_eq!(cells, [["12", "abc", "-"], ["1", "abc", "-"], ["-", "ab", "-"]]);
}

#[test]
fn a_line_without_end_is_bounded() {
    let text = format!("abc--12x\n{}\nabc--12y\n", "x".repeat(MAX_RECORD_BYTES + 1));
    let rows = read(&fixed(""), text.as_bytes()).expect("text");
    let reasons: Vec<_> = rows.iter().map(Row::reason).collect();
    assert_eq!(reasons, [None, Some(Reason::RecordTooLong), None]);
    assert_eq!(rows[1].length, MAX_RECORD_BYTES + 1);
}

proptest! {
    #[test]
    fn what_is_written_is_read(rows in prop::collection::vec(("[a-z ]{3}", "[0-9 é]{1}", "[!-~]{1}"), 0..50)) {
        let text: String = rows.iter().map(|(a, b, c)| format!("{a}::{b}{}{c}\n", if b.len() == 1 { " " } else { "" })).collect();
        let found = read(&fixed(""), text.as_bytes()).expect("text");
        let found: Vec<_> = found.iter().map(|row| (row.cells()[1].to_string(), row.cells()[0].trim_end().to_string(), row.cells()[2].to_string())).collect();
        let rows: Vec<_> = rows.into_iter().map(|(a, b, c)| (a, b.trim_end().to_string(), c)).collect();
        prop_assert_eq!(found, rows);
    }

    #[test]
    fn every_line_is_accounted_for(text in prop::collection::vec(prop_oneof![8 => Just(b'x'), 1 => Just(b'\n'), 1 => Just(b'\r'), 1 => 1..=255_u8], 0..300), pad in any::<bool>()) {
        let dataset = fixed(if pad { "raggedEnds: pad" } else { "" });
        let Ok(rows) = read(&dataset, &text) else { return Ok(()) };
        for gap in gaps(&text, &rows) {
            let mark = if gap.starts_with(b"\xef\xbb\xbf") { &gap[3..] } else { gap };
            prop_assert!(mark.iter().all(|b| matches!(b, b'\r' | b'\n')), "{:?}", gap);
        }
    }
}

//! Property tests of the CSV reader: what is written is read; whatever comes, every byte of the input is accounted for.

mod csv_common;

use csv_common::{dataset, read, with};
use proptest::prelude::*;

fn written(rows: &[Vec<String>], delimiter: char, end: &str) -> String {
    let cell = |value: &String| {
        let special = value.chars().any(|c| c == delimiter || "\"\r\n".contains(c));
        if special {
            format!("\"{}\"", value.replace('"', "\"\""))
        } else {
            value.clone()
        }
    };
    rows.iter()
        .map(|row| row.iter().map(cell).collect::<Vec<_>>().join(&delimiter.to_string()) + end)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_written_is_read(
        rows in prop::collection::vec(prop::collection::vec("[a-z,;\"\r\n é]{0,90}", 3), 0..40),
        delimiter in prop_oneof![Just(','), Just(';'), Just('\t'), Just('|')],
        end in prop_oneof![Just("\n"), Just("\r\n")],
        last_end in any::<bool>(),
    ) {
        let mut text = written(&rows, delimiter, end);
        if !last_end && !rows.is_empty() {
            text.truncate(text.len() - end.len());
        }
        let dataset = dataset(3, false, if delimiter == '\t' { ' ' } else { delimiter });
        let dataset = with(&dataset, |format| format.delimiter = delimiter as u8);
        let records = read(&dataset, text.as_bytes()).expect("it is text");
        let cells: Vec<Vec<Vec<u8>>> = records.into_iter().map(|(_, _, cells)| cells.expect("every record is whole")).collect();
        let expected: Vec<Vec<Vec<u8>>> =
            rows.iter().map(|row| row.iter().map(|cell| cell.clone().into_bytes()).collect()).collect();
        prop_assert_eq!(cells, expected);
    }

    #[test]
    fn every_byte_is_accounted_for(
        input in prop::collection::vec(prop_oneof![
            4 => Just(b','), 4 => Just(b'\n'), 3 => Just(b'"'), 1 => Just(b'\r'), 6 => Just(b'a'), 1 => 1..=255_u8
        ], 0..400),
        columns in 2..4_usize,
    ) {
        let dataset = dataset(columns, false, ',');
        let Some(records) = read(&dataset, &input) else { return Ok(()) };
        let mut at = if input.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        for (offset, raw, _) in &records {
            let offset = *offset as usize;
            prop_assert!(offset >= at, "records do not overlap");
            prop_assert_eq!(&input[offset..offset + raw.len()], raw.as_slice());
            prop_assert!(input[at..offset].iter().all(|b| matches!(b, b'\r' | b'\n')), "only line ends lie between records");
            at = offset + raw.len();
        }
        prop_assert!(input[at..].iter().all(|b| matches!(b, b'\r' | b'\n')));
    }
}

#[test]
fn one_stray_quote_does_not_swallow_the_rows_behind_it() {
    let dataset = dataset(2, true, ',');
    let records = read(&dataset, b"c0,c1\n\"a,1\nb,2\n\"c\"d,3\ne,4\n").expect("it is text");
    let whole: Vec<bool> = records.iter().map(|(_, _, cells)| cells.is_some()).collect();
    assert_eq!(whole, [false, true, false, true]);
    assert_eq!(records[0].1, b"\"a,1");
}

#[test]
fn records_longer_than_a_block_are_read() {
    let dataset = dataset(2, false, ',');
    let long = "x".repeat(3_000_000);
    let text = format!("a,1\n\"{long}\n{long}\",2\nb,3\n");
    let records = read(&dataset, text.as_bytes()).expect("it is text");
    assert_eq!(records.len(), 3);
    assert_eq!(records[1].2.as_ref().map(|cells| cells[0].len()), Some(6_000_001));
    let too_long = format!("a,1\n{},2\nb,3\n", "x".repeat(9_000_000));
    let records = read(&dataset, too_long.as_bytes()).expect("it is text");
    let whole: Vec<bool> = records.iter().map(|(_, _, cells)| cells.is_some()).collect();
    assert_eq!(whole, [true, false, true]);
}

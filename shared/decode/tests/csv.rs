//! Property tests of the CSV reader: what is written is read; whatever comes, every byte of the input is accounted for.

use proptest::prelude::*;
use std::{io::Read, sync::Arc};
use watershed_contract::{CsvFormat, Dataset, Format};
use watershed_decode::{Compression, block::Block, csv::CsvReader};

fn dataset(columns: usize, header: bool, delimiter: char) -> Arc<Dataset> {
    let properties: String = (0..columns)
        .map(|i| format!("      - {{name: c{i}, logicalType: string, physicalType: VARCHAR}}\n"))
        .collect();
    let text = format!(
        "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\ndomain: test\n\
         servers:\n  - {{server: raw, type: s3, location: \"s3://{{raw}}/t/*\", format: csv, delimiter: \"{delimiter}\"}}\n\
         schema:\n  - name: t\n    customProperties: [{{property: watershed, value: {{header: {header}}}}}]\n    properties:\n{properties}"
    );
    watershed_contract::parse("t.odcs.yaml", &text)
        .unwrap_or_else(|e| panic!("{e}"))
        .remove(0)
}

fn format(dataset: &Dataset) -> &CsvFormat {
    let Format::Csv(format) = &dataset.format else {
        panic!("a CSV contract")
    };
    format
}

/// Gives its bytes in pieces of odd sizes.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1 % 13 + 1;
        let length = self.1.min(buffer.len()).min(self.0.len());
        buffer[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

/// Every record: offset, bytes, cells (none: it could not be split).
type Records = Vec<(u64, Vec<u8>, Option<Vec<Vec<u8>>>)>;

fn read(dataset: &Dataset, input: &[u8]) -> Option<Records> {
    let mut reader = CsvReader::open(Dribble(input, 0), Compression::Plain, format(dataset), dataset).ok()?;
    let mut block = Block::default();
    let mut records = Records::new();
    while reader.read(&mut block).ok()? {
        for row in 0..block.records.len() {
            let broken = block.violations.iter().any(|violation| violation.row as usize == row);
            let cells = (0..block.width)
                .map(|field| block.text(row, field).unwrap_or_default().to_vec())
                .collect();
            let offset = block.offset + u64::from(block.records[row].start);
            records.push((offset, block.raw(row).to_vec(), (!broken).then_some(cells)));
        }
    }
    Some(records)
}

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
        let mut dataset = Dataset::clone(&dataset);
        if let Format::Csv(format) = &mut dataset.format {
            format.delimiter = delimiter as u8;
        }
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

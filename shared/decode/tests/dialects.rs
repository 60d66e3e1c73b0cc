//! Property tests of the dialects of CSV: what is written is read; every byte is of a record, of a blank line, or of a line that the
//! contract says is none.

mod csv_common;

use csv_common::{dataset, format, read, read_all, with};
use proptest::prelude::*;
use watershed_contract::{Dataset, RaggedEnds, RepeatedHeader};
use watershed_decode::{Compression, block::Block, csv::CsvReader};

/// How a file of the test is written.
#[derive(Debug, Clone)]
struct Dialect {
    quote: Option<char>,
    escape: Option<char>,
    end: &'static str,
    preamble: Vec<String>,
    quotes_everything: bool,
}

fn dialects() -> impl Strategy<Value = Dialect> {
    let quote = prop_oneof![Just(Some('"')), Just(Some('\'')), Just(None)];
    let escape = prop_oneof![Just(None), Just(Some('\\')), Just(Some('^'))];
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    let preamble = prop::collection::vec("[a-c,\"'\\\\ ]{0,20}", 0..3);
    (quote, escape, end, preamble, any::<bool>()).prop_map(|(quote, escape, end, preamble, quotes_everything)| {
        Dialect {
            quote,
            escape,
            end,
            preamble,
            quotes_everything,
        }
    })
}

impl Dialect {
    /// What of a value the dialect can express.
    fn expressible(&self, value: &str) -> String {
        let can = |c: char| match c {
            '\r' | '\n' | '#' => self.quote.is_some(),
            ',' => self.quote.is_some() || self.escape.is_some(),
            c => Some(c) != self.escape || self.quote.is_some() || self.escape.is_some(),
        };
        value.chars().filter(|c| can(*c)).collect()
    }

    fn cell(&self, value: &str) -> String {
        let is_line = value.contains(['\r', '\n']) || value.starts_with('#');
        let needs_quotes =
            is_line || (self.escape.is_none() && value.chars().any(|c| c == ',' || Some(c) == self.quote));
        let quote = self.quote.filter(|_| needs_quotes || self.quotes_everything);
        let mut out = String::from_iter(quote);
        for c in value.chars() {
            match self.escape {
                Some(escape) if c == escape || Some(c) == self.quote || (c == ',' && quote.is_none()) => {
                    out.extend([escape, c]);
                }
                _ if Some(c) == quote => out.extend([c, c]),
                _ => out.push(c),
            }
        }
        out.extend(quote);
        out
    }

    /// The rows as a file: with comments, and the header again where `again` says so.
    fn written(&self, rows: &[Vec<String>], again: &[bool]) -> String {
        let header = "c0,c1,c2";
        let mut lines = self.preamble.clone();
        lines.extend(["# \"made', by".into(), header.to_string()]);
        for (row, again) in rows.iter().zip(again.iter().cycle()) {
            if *again {
                lines.extend(["#".into(), format!("\u{feff}{header}"), header.into(), String::new()]);
            }
            lines.push(row.iter().map(|cell| self.cell(cell)).collect::<Vec<_>>().join(","));
        }
        lines.join(self.end) + self.end
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_written_in_a_dialect_is_read(
        rows in prop::collection::vec(prop::collection::vec("[a-d,\"'\\\\#\r\n^ é]{0,30}", 3), 0..20),
        dialect in dialects(),
        again in prop::collection::vec(any::<bool>(), 1..5),
    ) {
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|cell| dialect.expressible(cell)).collect()).collect();
        let dataset = with(&dataset(3, true, ','), |format| {
            format.quote = dialect.quote.map(|c| c as u8);
            format.escape = dialect.escape.map(|c| c as u8);
            format.comment = Some(b'#');
            format.skip_lines = dialect.preamble.len() as u32;
            format.repeated_header = RepeatedHeader::Skip;
        });
        let text = dialect.written(&rows, &again);
        let all = read_all(&dataset, text.as_bytes()).expect("it is text");
        let cells: Vec<Vec<Vec<u8>>> =
            all.records.into_iter().map(|(_, raw, cells)| cells.unwrap_or_else(|| panic!("{raw:?} is whole"))).collect();
        let expected: Vec<Vec<Vec<u8>>> =
            rows.iter().map(|row| row.iter().map(|cell| cell.clone().into_bytes()).collect()).collect();
        prop_assert_eq!(cells, expected, "{:?}", text);
        let skipped = 3 * rows.iter().zip(again.iter().cycle()).filter(|(_, again)| **again).count();
        prop_assert_eq!(all.skipped.len(), skipped);
    }

    #[test]
    fn every_byte_is_a_record_a_blank_line_or_skipped(
        input in prop::collection::vec(prop_oneof![
            4 => Just(b','), 4 => Just(b'\n'), 3 => Just(b'"'), 3 => Just(b'\\'), 2 => Just(b'\r'), 2 => Just(b'#'), 8 => Just(b'a'), 1 => 1..=255_u8
        ], 0..400),
        (quoted, escaped, pads, header) in any::<(bool, bool, bool, bool)>(),
        skip_lines in 0..3_u32,
    ) {
        let dataset = with(&dataset(2, header, ','), |format| {
            format.quote = quoted.then_some(b'"');
            format.escape = escaped.then_some(b'\\');
            format.comment = Some(b'#');
            format.skip_lines = skip_lines;
            format.ragged_ends = if pads { RaggedEnds::Pad } else { RaggedEnds::Refuse };
            format.repeated_header = RepeatedHeader::Skip;
        });
        let before = format!("{}#x\nc0,c1\n", "x,\"x\n".repeat(skip_lines as usize));
        let input = if header { [before.as_bytes(), &input].concat() } else { input };
        let Some(all) = read_all(&dataset, &input) else { return Ok(()) };
        let Some(begins) = all.begins else { return Ok(()) };
        let mut pieces: Vec<(usize, &[u8], bool)> =
            all.records.iter().map(|(offset, raw, _)| (*offset as usize, raw.as_slice(), true)).collect();
        pieces.extend(all.skipped.iter().map(|(offset, raw)| (*offset as usize, raw.as_slice(), false)));
        pieces.sort_by_key(|(offset, ..)| *offset);
        let mut at = begins as usize;
        if header {
            prop_assert_eq!(at, before.len(), "the header is behind its lines");
        } else {
            let lines = input[..at].iter().filter(|b| matches!(b, b'\r' | b'\n')).count();
            prop_assert!(lines >= skip_lines as usize, "whole lines were skipped");
        }
        for (offset, raw, is_record) in pieces {
            prop_assert!(offset >= at, "nothing overlaps");
            prop_assert_eq!(&input[offset..offset + raw.len()], raw);
            prop_assert!(input[at..offset].iter().all(|b| matches!(b, b'\r' | b'\n')), "only line ends lie between");
            prop_assert_eq!(raw.starts_with(b"#"), !is_record, "a comment is no record: {:?}", raw);
            at = offset + raw.len();
        }
        prop_assert!(input[at..].iter().all(|b| matches!(b, b'\r' | b'\n')));
    }
}

/// The cells of every record; none where it was refused.
fn cells(dataset: &Dataset, input: &str) -> Vec<Vec<String>> {
    let text = |cell: Vec<u8>| String::from_utf8(cell).expect("UTF-8");
    let records = read(dataset, input.as_bytes()).expect("it is text");
    records
        .into_iter()
        .map(|(_, _, cells)| cells.unwrap_or_default().into_iter().map(text).collect())
        .collect()
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(ToString::to_string).collect()
}

#[test]
fn an_escape_is_one_only_where_it_escapes() {
    let dataset = with(&dataset(2, false, ','), |format| format.escape = Some(b'\\'));
    let text = "a\\,b,\\N\n\"say \\\"x\\\", C:\\Temp\",\\\\\na\\\nb,\"c\\\r\nd\"\n\"a\"\"b\",\\\"\nend\\,\\";
    assert_eq!(
        cells(&dataset, text),
        [
            row(&["a,b", "\\N"]),
            row(&["say \"x\", C:\\Temp", "\\"]),
            row(&["a\nb", "c\r\nd"]),
            row(&["a\"b", "\""]),
            row(&[]),
        ]
    );
    let unclosed = "\"a\\\",1\nb,2\n";
    assert_eq!(cells(&dataset, unclosed), [row(&[]), row(&["b", "2"])]);
}

#[test]
fn without_quoting_a_quote_is_a_character() {
    let dataset = with(&dataset(2, false, '|'), |format| format.quote = None);
    assert_eq!(
        cells(&dataset, "\"a|5\"\n\"|\"\"\n"),
        [row(&["\"a", "5\""]), row(&["\"", "\"\""])]
    );
}

#[test]
fn ragged_ends_are_padded_where_the_contract_says_so() {
    let text = "a,b\na\na,b,,\na,b,\"\"\na,b,x\na,b,,x\n\"a\"\n";
    let refused = dataset(2, false, ',');
    let whole: Vec<bool> = cells(&refused, text).iter().map(|cells| !cells.is_empty()).collect();
    assert_eq!(whole, [true, false, false, false, false, false, false]);
    let padded = with(&refused, |format| format.ragged_ends = RaggedEnds::Pad);
    let (both, first) = (row(&["a", "b"]), row(&["a", ""]));
    assert_eq!(
        cells(&padded, text),
        [
            both.clone(),
            first.clone(),
            both.clone(),
            both,
            row(&[]),
            row(&[]),
            first
        ]
    );
}

#[test]
fn a_header_that_comes_again_is_a_row_unless_the_contract_says_otherwise() {
    let text = "c0,c1\n1,2\nc0,c1\n\"c0\",\"c1\"\nC0,c1\nc0,c1,\n";
    let kept = dataset(2, true, ',');
    assert_eq!(cells(&kept, text).len(), 5);
    let skipped = with(&kept, |format| format.repeated_header = RepeatedHeader::Skip);
    assert_eq!(cells(&skipped, text), [row(&["1", "2"]), row(&["C0", "c1"]), row(&[])]);
}

#[test]
fn lines_before_the_header_are_skipped_and_counted() {
    let dataset = with(&dataset(2, true, ','), |format| {
        (format.skip_lines, format.comment) = (2, Some(b'#'));
    });
    let text = "Report of \"today\n\n# by machine\nc0,c1\n# end of header\na,b\n";
    let mut reader = CsvReader::open(text.as_bytes(), Compression::Plain, format(&dataset), &dataset).expect("text");
    let mut block = Block::default();
    assert!(reader.read(&mut block).expect("read"));
    assert_eq!((block.line, block.records.len(), block.skipped.len()), (5, 1, 1));
    assert_eq!(cells(&dataset, text), [row(&["a", "b"])]);
    let long = format!("x\nx\nc0,c1\n#{}\na,b\n", "x".repeat(9_000_000));
    assert_eq!(cells(&dataset, &long), [row(&["a", "b"])]);
    for text in ["", "one line", "one\ntwo", "one\ntwo\n"] {
        assert!(cells(&dataset, text).is_empty(), "{text:?}");
    }
}

#[test]
fn lines_that_end_with_a_carriage_return_alone() {
    let dataset = dataset(2, true, ',');
    assert_eq!(
        cells(&dataset, "c0,c1\ra,\"b\nc\"\r\rd,e\r\"f\"x,g\rh,i"),
        [row(&["a", "b\nc"]), row(&["d", "e"]), row(&[]), row(&["h", "i"])]
    );
    assert_eq!(cells(&dataset, "c0,c1\na\rb,c\n"), [row(&["a\rb", "c"])]);
}

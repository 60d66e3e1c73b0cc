//! Property tests of text that is read in pieces: its records are those of the whole, however it is cut.

mod csv_common;

use csv_common::{dataset, format, read, with};
use proptest::prelude::*;
use watershed_contract::Dataset;
use watershed_decode::{
    Compression,
    block::Block,
    csv::CsvReader,
    resume::{LineRange, Place, Resume},
};

/// A record's offset, line, bytes and cells.
type Row = (u64, u64, Vec<u8>, Vec<Vec<u8>>, Option<String>);

/// Everything that the reader has still to give, and the line that it ends on.
fn rows<R: std::io::Read>(mut reader: CsvReader<R>) -> (Vec<Row>, u64) {
    let (mut block, mut rows) = (Block::default(), Vec::new());
    while reader.read(&mut block).expect("memory can be read") {
        for (row, record) in block.records.iter().enumerate() {
            let start = record.start as usize;
            let lines = block.bytes[..start].iter().filter(|byte| **byte == block.line_end());
            let cells = (0..block.width).map(|field| block.text(row, field).unwrap_or_default().to_vec());
            let wrong = block.violations.iter().find(|violation| violation.row as usize == row);
            rows.push((
                block.offset + u64::from(record.start),
                block.line + lines.count() as u64,
                block.raw(row).to_vec(),
                cells.collect(),
                wrong.map(|violation| violation.message.clone()),
            ));
        }
    }
    let line = reader.place().line;
    (rows, line)
}

fn open<'a>(dataset: &Dataset, text: &'a [u8]) -> CsvReader<Box<dyn std::io::Read + 'a>> {
    let input: Box<dyn std::io::Read> = Box::new(text);
    CsvReader::open(input, Compression::Plain, format(dataset), dataset).expect("it has its header")
}

/// The records of the ranges of `size` bytes, their lines added up.
fn in_ranges(dataset: &Dataset, text: &[u8], size: u64) -> Vec<Row> {
    let (mut all, mut base) = (Vec::new(), 0);
    for start in (0..text.len() as u64).step_by(usize::try_from(size).expect("small")) {
        let reader = open(dataset, text);
        let (begins, end) = (reader.place(), start + size);
        let from = |offset: u64| &text[usize::try_from(offset).expect("small")..];
        let (lines, place) = if start <= begins.offset {
            let lines = LineRange::from(from(begins.offset), begins.offset, end);
            // The first range knows the lines above the header.
            (
                lines,
                if start == 0 {
                    begins
                } else {
                    Place { line: 0, ..begins }
                },
            )
        } else {
            let opened = LineRange::<&[u8]>::opens_at(start);
            let (lines, offset) = LineRange::within(from(opened), start, end).expect("memory can be read");
            (lines, Place { offset, line: 0 })
        };
        let lines: Box<dyn std::io::Read> = Box::new(lines);
        let (rows, line) = rows(reader.resume(lines, Compression::Plain, place));
        all.extend(
            rows.into_iter()
                .map(|(offset, line, raw, cells, wrong)| (offset, base + line, raw, cells, wrong)),
        );
        base += line;
    }
    all
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => Just(b'a'),
        3 => Just(b','),
        3 => Just(b'\n'),
        2 => Just(b'"'),
        1 => Just(b'\\'),
        1 => Just(b'#'),
        1 => Just(b'\r'),
    ];
    let lines = prop_oneof![
        Just(b"c0,c1\n".to_vec()),
        Just(b"a,\"b\nc\"\r\n".to_vec()),
        prop::collection::vec(byte, 0..30),
    ];
    prop::collection::vec(lines, 0..12).prop_map(|lines| [b"# \"\nc0,c1\n".to_vec(), lines.concat()].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn where_records_are_lines_ranges_have_the_records_of_the_whole(
        text in text(),
        size in 1_u64..60,
        escape in any::<bool>(),
        skip in any::<bool>(),
    ) {
        let dataset = with(&dataset(2, true, ','), |format| {
            (format.multiline, format.comment) = (false, Some(b'#'));
            format.escape = escape.then_some(b'\\');
            if skip {
                format.repeated_header = watershed_contract::RepeatedHeader::Skip;
            }
        });
        let (whole, _) = rows(open(&dataset, &text));
        prop_assert!(whole.iter().all(|(_, _, raw, ..)| !raw.contains(&b'\n')));
        prop_assert_eq!(in_ranges(&dataset, &text, size), whole);
    }

    #[test]
    fn records_of_several_lines_go_on_from_any_of_them(text in text(), escape in any::<bool>()) {
        let dataset = with(&dataset(2, true, ','), |format| {
            format.comment = Some(b'#');
            format.escape = escape.then_some(b'\\');
        });
        let (whole, _) = rows(open(&dataset, &text));
        for (at, (offset, line, ..)) in whole.iter().enumerate() {
            let rest: Box<dyn std::io::Read> = Box::new(&text[usize::try_from(*offset).expect("small")..]);
            let place = Place { offset: *offset, line: *line };
            let (resumed, _) = rows(open(&dataset, &text).resume(rest, Compression::Plain, place));
            prop_assert_eq!(&resumed[..], &whole[at..]);
        }
    }
}

#[test]
fn a_line_end_in_quotes_breaks_a_record_that_is_a_line() {
    let dataset = with(&dataset(2, true, ','), |format| format.multiline = false);
    let broken = |bytes: &[u8]| (bytes.to_vec(), None);
    let found = read(&dataset, b"c0,c1\n1,\"x\ny\"\n2,\"z\"\"\"\n3,\"\n").expect("it has its header");
    let found: Vec<_> = found.into_iter().map(|(_, raw, cells)| (raw, cells)).collect();
    let cells = |cells: [&[u8]; 2]| Some(cells.map(<[u8]>::to_vec).to_vec());
    assert_eq!(
        found,
        [
            broken(b"1,\"x"),
            broken(b"y\""),
            (b"2,\"z\"\"\"".to_vec(), cells([b"2", b"z\""])),
            broken(b"3,\""),
        ]
    );
}

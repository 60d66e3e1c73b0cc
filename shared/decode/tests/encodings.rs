//! Text in other encodings: read as what it says, refused where it cannot be, told where it lies in the object.

use proptest::prelude::*;
use std::{io::Read, sync::Arc};
use watershed_contract::{Dataset, Encoding, Format};
use watershed_decode::{
    Compression, Reason,
    block::Block,
    blocks::Blocks,
    csv::CsvReader,
    json::NdJsonReader,
    reject::DecodeError,
    standardise::{LineCursor, Rows},
};

fn dataset(format: &str, encoding: &str) -> Arc<Dataset> {
    let text = format!(
        "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\ndomain: test\n\
         servers:\n  - {{server: raw, type: s3, location: \"s3://{{raw}}/t/*\", format: {format}}}\n\
         schema:\n  - name: t\n    customProperties: [{{property: watershed, value: {{encoding: {encoding}}}}}]\n\
         \x20   properties: [{{name: a, logicalType: string}}, {{name: b, logicalType: string}}]\n"
    );
    watershed_contract::parse("t.odcs.yaml", &text)
        .unwrap_or_else(|e| panic!("{e}"))
        .remove(0)
}

/// Gives its bytes in pieces of odd sizes.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1 % 7 + 1;
        let length = self.1.min(buffer.len()).min(self.0.len());
        buffer[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

/// A record: where it lies in the object, its bytes there, its text as UTF-8.
type Found = (u64, u64, Vec<u8>);

fn read(dataset: &Dataset, input: &[u8]) -> Result<Vec<Found>, DecodeError> {
    let mut block = Block::default();
    let mut found = Vec::new();
    let mut take = |block: &Block| {
        let mut cursor = LineCursor::default();
        for row in 0..block.records.len() {
            let row = block.row(row, &mut cursor);
            found.push((row.offset, row.length, row.raw));
        }
    };
    let input = Dribble(input, 0);
    if let Format::Csv(format) = &dataset.format {
        let mut reader = CsvReader::open(input, Compression::Plain, format, dataset)?;
        while reader.read(&mut block)? {
            take(&block);
        }
    } else {
        let mut reader = NdJsonReader::open(input, Compression::Plain, dataset)?;
        while reader.read(&mut block)? {
            take(&block);
        }
    }
    Ok(found)
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

fn encoded(text: &str, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Utf8 => text.into(),
        Encoding::Latin1 => text.chars().map(|c| u8::try_from(c).expect("latin-1")).collect(),
        Encoding::Windows1252 => encoded(&text.replace('€', "\u{80}"), Encoding::Latin1),
        Encoding::Utf16 => utf16(&format!("\u{feff}{text}"), u16::to_be_bytes),
        Encoding::Utf16Le => utf16(text, u16::to_le_bytes),
        Encoding::Utf16Be => utf16(text, u16::to_be_bytes),
    }
}

fn reject(encoding: &str, input: &[u8]) -> (Reason, String) {
    match read(&dataset("csv", encoding), input) {
        Err(DecodeError::Object(reject)) => (reject.reason, reject.message),
        other => panic!("{encoding} takes {input:?}: {other:?}"),
    }
}

const MARKS: [&[u8]; 5] = [b"", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\xff\xfe\0\0"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_encoded_is_read_and_told_where_it_lies(
        rows in prop::collection::vec("[a-dé€ÿ\u{a0}😀]{0,20}", 1..20),
        end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        (name, encoding) in prop::sample::select(&Encoding::ALL[..]),
    ) {
        let known = |c: char| match encoding {
            Encoding::Latin1 => c < '\u{100}',
            Encoding::Windows1252 => c < '\u{100}' || c == '€',
            _ => true,
        };
        let rows: Vec<String> =
            rows.iter().map(|row| format!("{0},{0}", row.chars().filter(|c| known(*c)).collect::<String>())).collect();
        let text = format!("a,b{end}{}{end}", rows.join(end));
        let input = encoded(&text, encoding);
        let found = read(&dataset("csv", name), &input).expect("it is text");
        prop_assert_eq!(found.len(), rows.len());
        for ((offset, length, raw), row) in found.iter().zip(&rows) {
            prop_assert_eq!(raw, row.as_bytes());
            let part = &input[*offset as usize..(*offset + *length) as usize];
            let expected = encoded(row, encoding);
            prop_assert_eq!(part, &expected[expected.len() - part.len()..], "the object's bytes of {}", row);
        }
    }

    #[test]
    fn units_that_are_no_text_make_no_other_text(
        units in prop::collection::vec(prop_oneof![6 => 0x20_u16..0x80, 2 => Just(0x0a), 2 => 0xd800_u16..0xe000, 1 => 1_u16..], 0..200),
        odd in any::<bool>(),
    ) {
        let begin: Vec<u16> = "a,b\n".encode_utf16().collect();
        let units = [begin, units].concat();
        let mut input: Vec<u8> = units.iter().copied().flat_map(u16::to_le_bytes).collect();
        input.extend(odd.then_some(b'x'));
        let mut format = Dataset::clone(&dataset("csv", "utf-16le"));
        if let Format::Csv(csv) = &mut format.format {
            csv.quote = None;
        }
        let Ok(found) = read(&format, &input) else { return Ok(()) };
        // The same by the standard library, a byte that UTF-8 lacks where it finds no character.
        let mut expected: Vec<u8> = Vec::new();
        for unit in char::decode_utf16(units.iter().copied()) {
            match unit {
                Ok(c) => expected.extend(c.encode_utf8(&mut [0; 4]).bytes()),
                Err(_) => expected.push(0xff),
            }
        }
        expected.extend(odd.then_some(0xfe));
        let strip = |line: &[u8]| line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        let lines: Vec<Vec<u8>> =
            expected.split(|b| *b == b'\n').skip(1).map(strip).filter(|line| !line.is_empty()).collect();
        let raws: Vec<Vec<u8>> = found.iter().map(|(_, _, raw)| raw.clone()).collect();
        prop_assert_eq!(raws, lines);
        for (offset, length, raw) in &found {
            let part = &input[*offset as usize..(*offset + *length) as usize];
            let same: Vec<u16> = part.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
            prop_assert_eq!(String::from_utf8(raw.clone()).ok(), String::from_utf16(&same).ok().filter(|_| part.len().is_multiple_of(2)));
        }
    }

    #[test]
    fn no_bytes_panic(
        input in prop::collection::vec(any::<u8>(), 0..300),
        (name, _) in prop::sample::select(&Encoding::ALL[..]),
        mark in prop::sample::select(&MARKS[..]),
        json in any::<bool>(),
    ) {
        let input = [mark, &input].concat();
        let _ = read(&dataset(if json { "json" } else { "csv" }, name), &input);
    }
}

#[test]
fn bytes_that_the_code_page_leaves_open_are_refused() {
    let undefined = [0x81, 0x8d, 0x8f, 0x90, 0x9d];
    for byte in 0x80..=0xff_u8 {
        let input = [b"a,b\nx,", &[byte][..], b"\n"].concat();
        let found = read(&dataset("csv", "windows-1252"), &input).expect("text");
        assert_eq!(
            std::str::from_utf8(&found[0].2).is_err(),
            undefined.contains(&byte),
            "{byte:x}"
        );
        assert_eq!((found[0].0, found[0].1), (4, 3));
        let latin = read(&dataset("csv", "latin-1"), &input).expect("text");
        assert_eq!(String::from_utf8_lossy(&latin[0].2), format!("x,{}", char::from(byte)));
    }
}

#[test]
fn a_mark_that_says_another_encoding_is_told_with_what_to_write() {
    let text = "a,b\n1,2\n";
    let marked = |encoding| encoded(&format!("\u{feff}{text}"), encoding);
    let (utf8, le, be) = (
        marked(Encoding::Utf8),
        marked(Encoding::Utf16Le),
        marked(Encoding::Utf16Be),
    );
    for (encoding, input, expected) in [
        ("utf-8", &le, "write `encoding: utf-16` in the contract"),
        ("utf-8", &be, "write `encoding: utf-16` in the contract"),
        ("windows-1252", &le, "write `encoding: utf-16` in the contract"),
        ("latin-1", &utf8, "write `encoding: utf-8` in the contract"),
        ("utf-16", &utf8, "write `encoding: utf-8` in the contract"),
        ("utf-16le", &be, "write `encoding: utf-16` in the contract"),
        ("utf-16", &text.as_bytes().to_vec(), "no byte order mark"),
        (
            "utf-8",
            &encoded(text, Encoding::Utf16Le),
            "write `encoding: utf-16le` in the contract",
        ),
        (
            "utf-8",
            &encoded(text, Encoding::Utf16Be),
            "write `encoding: utf-16be` in the contract",
        ),
        ("utf-16", &b"\xff\xfe\0\0a\0\0\0".to_vec(), "UTF-32"),
    ] {
        let (reason, message) = reject(encoding, input);
        assert!(message.contains(expected), "{encoding}: {message}");
        assert_eq!(reason, Reason::Encoding, "{message}");
    }
    for (encoding, input) in [
        ("utf-16", &le),
        ("utf-16", &be),
        ("utf-16le", &le),
        ("utf-16be", &be),
        ("utf-8", &utf8),
    ] {
        let found = read(&dataset("csv", encoding), input).expect("text");
        assert_eq!(found[0].2, b"1,2");
    }
    assert_eq!(read(&dataset("csv", "utf-16"), b"").expect("empty"), []);
    let nul = encoded("a,b\n\0,2\n", Encoding::Utf16);
    let found = read(&dataset("csv", "utf-16"), &nul).expect("a NUL is a character as others are");
    assert_eq!(found[0].2, b"\0,2");
    let nuls = encoded(&format!("a,b\n{},2\n", "\0".repeat(40)), Encoding::Utf16);
    let (reason, message) = reject("utf-16", &nuls);
    assert_eq!(reason, Reason::WrongFormat);
    assert!(
        message.starts_with("the object is not text: 40 of its first 50 bytes are control characters; begins "),
        "{message}"
    );
}

#[test]
fn long_objects_are_transcoded_piece_by_piece() {
    let rows: String = (0..200_000).map(|row| format!("{row},größe😀\n")).collect();
    let text = format!("a,b\n{rows}");
    for encoding in [Encoding::Utf16, Encoding::Utf16Le, Encoding::Utf16Be] {
        let input = encoded(&text, encoding);
        let found = read(&dataset("csv", encoding.name()), &input).expect("text");
        let joined: Vec<u8> = found
            .iter()
            .flat_map(|(_, _, raw)| [raw, &b"\n"[..]].concat())
            .collect();
        assert!(joined == rows.as_bytes());
        let (offset, length, _) = found.last().expect("a row");
        assert_eq!(offset + length + 2, input.len() as u64);
    }
    let long = format!("{{\"a\": \"{}\"}}\n{{\"a\": 1}}\n", "é".repeat(9_000_000));
    let found = read(&dataset("json", "latin-1"), &encoded(&long, Encoding::Latin1)).expect("text");
    assert_eq!((found[0].0, found[0].1), (0, 9_000_009));
    assert_eq!((found[1].0, found[1].1), (9_000_010, 8));
}

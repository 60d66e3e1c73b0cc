//! What the tests of text formats share: a contract in short, its reader over bytes, the records that come out.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{io::Read, sync::Arc};
use watershed_contract::{Dataset, Format};
use watershed_decode::{
    Compression, Reason,
    block::Block,
    blocks::Blocks,
    fixed::FixedReader,
    json::{JsonArrayReader, NdJsonReader},
    reject::DecodeError,
    xml::XmlReader,
};

/// A contract: its server's format, the schema object's watershed property, and for each string column its watershed property.
pub fn dataset(server: &str, watershed: &str, columns: &[(&str, &str)]) -> Arc<Dataset> {
    let property = |value: &str| match value {
        "" => String::new(),
        value => format!("customProperties: [{{property: watershed, value: {{{value}}}}}]"),
    };
    let properties: String = columns
        .iter()
        .map(|(name, value)| format!("      - {{name: {name}, logicalType: string, {}}}\n", property(value)))
        .collect();
    let text = format!(
        "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\ndomain: test\n\
         servers:\n  - {{server: raw, type: s3, location: \"s3://{{raw}}/t/*\", {server}}}\n\
         schema:\n  - name: t\n    {}\n    properties:\n{properties}",
        property(watershed)
    );
    watershed_contract::parse("t.odcs.yaml", &text)
        .unwrap_or_else(|e| panic!("{e}\n{text}"))
        .remove(0)
}

/// Gives its bytes in pieces of odd sizes.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = (self.1 * 7 + 5) % 70_001 + 1;
        let length = self.1.min(buffer.len()).min(self.0.len());
        buffer[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

/// A record that came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its first byte in the input.
    pub offset: usize,
    /// Its bytes in the input.
    pub length: usize,
    /// The bytes that are kept.
    pub raw: Vec<u8>,
    /// Its cells, or why it is refused.
    pub cells: Result<Vec<Option<String>>, (Reason, String)>,
}

impl Row {
    /// Why it is refused.
    pub fn reason(&self) -> Option<Reason> {
        self.cells.as_ref().err().map(|(reason, _)| *reason)
    }

    /// Its cells; `-` where there is none.
    pub fn cells(&self) -> Vec<&str> {
        let cells = self.cells.as_ref().unwrap_or_else(|(_, message)| panic!("{message}"));
        cells.iter().map(|cell| cell.as_deref().unwrap_or("-")).collect()
    }
}

fn open<'a>(dataset: &Dataset, input: &'a [u8]) -> Result<Box<dyn Blocks + 'a>, DecodeError> {
    let (input, plain) = (Dribble(input, 0), Compression::Plain);
    Ok(match &dataset.format {
        Format::NdJson => Box::new(NdJsonReader::open(input, plain, dataset)?),
        Format::JsonArray { records } => Box::new(JsonArrayReader::open(input, plain, records, dataset)?),
        Format::Xml(format) => Box::new(XmlReader::open(input, plain, format, dataset)?),
        Format::Fixed(format) => Box::new(FixedReader::open(input, plain, dataset.encoding, format)?),
        Format::Csv(_) | Format::Parquet => panic!("a format of these tests"),
    })
}

/// Every record of the input, or why it is refused as a whole. What every reader must hold is looked at: records come in order, do not
/// overlap, and have the bytes of their place.
pub fn read(dataset: &Dataset, input: &[u8]) -> Result<Vec<Row>, (Reason, String)> {
    let refused = |error: DecodeError| match error {
        DecodeError::Object(reject) => (reject.reason, reject.message),
        DecodeError::Input(error) => panic!("{error}"),
    };
    let mut reader = open(dataset, input).map_err(refused)?;
    let (mut block, mut rows) = (Block::default(), Vec::<Row>::new());
    while reader.read(&mut block).map_err(refused)? {
        assert_eq!(block.cells.len(), block.records.len() * block.width);
        assert_eq!(block.width, reader.fields().len());
        for row in 0..block.records.len() {
            let offset = usize::try_from(block.offset).expect("a small input") + block.records[row].start as usize;
            let raw = block.raw(row).to_vec();
            let lines = count(&block.bytes[..block.records[row].start as usize]);
            let before = count(&input[..offset]);
            assert_eq!(block.line + lines, before + 1, "the line of the row at {offset}");
            let length = block
                .cut_from
                .map_or(raw.len(), |length| usize::try_from(length).expect("a small input"));
            assert_eq!(raw, input[offset..offset + raw.len()]);
            assert!(
                rows.last().is_none_or(|last| last.offset + last.length <= offset),
                "rows overlap"
            );
            let violation = block.violations.iter().find(|violation| violation.row as usize == row);
            let cell = |field| Some(String::from_utf8_lossy(block.text(row, field)?).into_owned());
            rows.push(Row {
                offset,
                length,
                raw,
                cells: match violation {
                    Some(violation) => Err((violation.reason, violation.message.clone())),
                    None => Ok((0..block.width).map(cell).collect()),
                },
            });
        }
    }
    Ok(rows)
}

fn count(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// What of the input is in no record, piece by piece.
pub fn gaps<'a>(input: &'a [u8], rows: &[Row]) -> Vec<&'a [u8]> {
    let mut at = 0;
    let mut gaps: Vec<&[u8]> = Vec::new();
    for row in rows {
        gaps.push(&input[at..row.offset]);
        at = row.offset + row.length;
    }
    gaps.push(&input[at..]);
    gaps
}

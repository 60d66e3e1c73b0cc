//! What the tests of the CSV reader share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{io::Read, sync::Arc};
use watershed_contract::{CsvFormat, Dataset, Format};
use watershed_decode::{Compression, block::Block, csv::CsvReader};

/// A dataset of string columns c0, c1, …
pub fn dataset(columns: usize, header: bool, delimiter: char) -> Arc<Dataset> {
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

/// Its dialect.
pub fn format(dataset: &Dataset) -> &CsvFormat {
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
pub type Records = Vec<(u64, Vec<u8>, Option<Vec<Vec<u8>>>)>;

/// The records of an input; none where it is refused.
pub fn read(dataset: &Dataset, input: &[u8]) -> Option<Records> {
    Some(read_all(dataset, input)?.records)
}

/// What was made of an input.
#[derive(Default)]
pub struct All {
    /// Where the first record may begin; none: there is none.
    pub begins: Option<u64>,
    pub records: Records,
    /// Lines that are no records: offset and bytes.
    pub skipped: Vec<(u64, Vec<u8>)>,
}

/// The same, and what is no record.
pub fn read_all(dataset: &Dataset, input: &[u8]) -> Option<All> {
    let mut reader = CsvReader::open(Dribble(input, 0), Compression::Plain, format(dataset), dataset).ok()?;
    let mut block = Block::default();
    let mut all = All::default();
    while reader.read(&mut block).ok()? {
        all.begins.get_or_insert(block.offset);
        for line in &block.skipped {
            let bytes = &block.bytes[line.start as usize..line.end as usize];
            all.skipped.push((block.offset + u64::from(line.start), bytes.to_vec()));
        }
        for row in 0..block.records.len() {
            let broken = block.violations.iter().any(|violation| violation.row as usize == row);
            let cells = (0..block.width)
                .map(|field| block.text(row, field).unwrap_or_default().to_vec())
                .collect();
            let offset = block.offset + u64::from(block.records[row].start);
            all.records
                .push((offset, block.raw(row).to_vec(), (!broken).then_some(cells)));
        }
    }
    Some(all)
}

/// The same dataset with another dialect.
pub fn with(dataset: &Dataset, change: impl FnOnce(&mut CsvFormat)) -> Dataset {
    let mut dataset = dataset.clone();
    if let Format::Csv(format) = &mut dataset.format {
        change(format);
    }
    dataset
}

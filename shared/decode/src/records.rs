//! Records of a stream: each is one row, and its bounds are known before it is looked at. They are read a block at a time, as the records of
//! an object are, so that each column's loop goes over many of them; what is wrong with one refuses that one.

use crate::{
    MAX_BLOCK_CELLS,
    block::{Block, Cell, Record},
    csv,
    fields::{FieldMap, by_position, in_order},
    json::Objects,
    reject::{DecodeError, Reason, Violation},
    standardise::{Decoded, Standardiser},
};
use std::ops::Range;
use watershed_contract::{CsvFormat, Dataset, Format};

/// Reads the records of one dataset.
pub struct RecordReader {
    format: RecordFormat,
    fields: FieldMap,
    width: usize,
    block: Block,
}

enum RecordFormat {
    Json(Box<Objects>),
    Csv(CsvFormat),
}

/// Records, of which any that are not refused are read.
#[derive(Debug)]
pub struct Records<'b> {
    /// Their bytes, with anything between them. Comes back as it was.
    pub bytes: &'b mut Vec<u8>,
    /// Where each lies, in the order of the stream and not of the bytes.
    pub places: &'b [Record],
    /// Those that are refused already, by their numbers.
    pub refused: &'b [RefusedRecord],
}

/// A record that is refused before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRecord {
    /// Its number, from 0.
    pub number: usize,
    /// Why.
    pub reason: Reason,
    /// The same for people: it goes on behind "the row".
    pub message: String,
}

/// What came of a run of records.
#[derive(Debug)]
pub struct DecodedRecords {
    /// Which, by their numbers from 0.
    pub numbers: Range<usize>,
    /// Their rows. [`RejectedRow::line`](crate::RejectedRow::line) is the record's number, and its offset 0.
    pub decoded: Decoded,
}

impl DecodedRecords {
    /// The number of each row's record, in the order of the rows.
    pub fn accepted(&self) -> impl Iterator<Item = usize> {
        let mut rejected = self.decoded.rejected.iter().map(|row| row.line as usize).peekable();
        self.numbers
            .clone()
            .filter(move |number| rejected.next_if_eq(number).is_none())
    }
}

impl RecordReader {
    /// None: the dataset's format has no records that stand by themselves. Those of JSON are objects, those of CSV lines without header.
    pub fn new(dataset: &Dataset) -> Option<Self> {
        let (format, fields, width) = match &dataset.format {
            Format::NdJson => {
                let objects = Objects::new(dataset);
                let width = objects.width();
                (RecordFormat::Json(Box::new(objects)), in_order(dataset), width)
            }
            Format::Csv(format) if !format.header => (
                RecordFormat::Csv(format.clone()),
                by_position(dataset),
                dataset.source_columns,
            ),
            _ => return None,
        };
        Some(Self {
            format,
            fields,
            width,
            block: Block {
                unplaced: true,
                ..Block::default()
            },
        })
    }

    /// Reads all records; `take` is given them in order, in runs of as many as a block holds.
    ///
    /// # Errors
    /// As [`Standardiser::text`].
    pub fn read(
        &mut self,
        records: Records<'_>,
        standardiser: &mut Standardiser,
        mut take: impl FnMut(DecodedRecords) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let Records { bytes, places, refused } = records;
        let text = bytes.len();
        std::mem::swap(&mut self.block.bytes, bytes);
        let most = (MAX_BLOCK_CELLS / self.width.max(1)).max(1);
        let mut read = Ok(());
        for (run, places) in (0..).zip(places.chunks(most)) {
            let first = run * most;
            let numbers = first..first + places.len();
            let of_run = refused.partition_point(|refused| refused.number < numbers.start)
                ..refused.partition_point(|refused| refused.number < numbers.end);
            let decoded = self.run(places, first, text, &refused[of_run], standardiser);
            read = decoded.and_then(|decoded| take(DecodedRecords { numbers, decoded }));
            if read.is_err() {
                break;
            }
        }
        self.block.bytes.truncate(text);
        std::mem::swap(&mut self.block.bytes, bytes);
        read
    }

    fn run(
        &mut self,
        places: &[Record],
        first: usize,
        text: usize,
        refused: &[RefusedRecord],
        standardiser: &mut Standardiser,
    ) -> Result<Decoded, DecodeError> {
        let block = &mut self.block;
        let mut bytes = std::mem::take(&mut block.bytes);
        bytes.truncate(text);
        block.clear(0, first as u64, self.width);
        block.bytes = bytes;
        block.records.extend_from_slice(places);
        for refused in refused {
            // Nothing is to be read there: whatever it is, it is refused for that and for nothing else.
            let record = &mut block.records[refused.number - first];
            record.end = record.start;
        }
        match &mut self.format {
            RecordFormat::Json(objects) => {
                objects.read(block);
                name_blank(block);
            }
            RecordFormat::Csv(format) => csv::read_records(block, format),
        }
        let violation = |refused: &RefusedRecord| Violation {
            row: (refused.number - first) as u32,
            column: None,
            reason: refused.reason,
            message: refused.message.clone(),
        };
        refuse(block, refused.iter().map(violation).collect());
        let mut decoded = standardiser.text(block, &self.fields)?;
        if !(refused.is_empty() || standardiser.treatment().is_private()) {
            show(&mut decoded, refused, &block.bytes, |number| places[number - first]);
        }
        Ok(decoded)
    }
}

/// Whatever else is said of the rows of these violations is not: they lose their cells.
pub(crate) fn refuse(block: &mut Block, violations: Vec<Violation>) {
    if violations.is_empty() {
        return;
    }
    let width = block.width;
    let mut is_refused = vec![false; block.records.len()];
    for violation in &violations {
        let row = violation.row as usize;
        is_refused[row] = true;
        block.cells[row * width..(row + 1) * width].fill(Cell::ABSENT);
    }
    block.violations.retain(|violation| !is_refused[violation.row as usize]);
    block.violations.extend(violations);
}

/// Puts the bytes of refused records, which were hidden from the parser, with their rows.
fn show(decoded: &mut Decoded, refused: &[RefusedRecord], bytes: &[u8], place: impl Fn(usize) -> Record) {
    let mut refused = refused.iter().peekable();
    for row in &mut decoded.rejected {
        if refused.next_if(|refused| refused.number as u64 == row.line).is_some() {
            let Record { start, end } = place(row.line as usize);
            row.raw = bytes[start as usize..end as usize].to_vec();
            row.length = row.raw.len() as u64;
        }
    }
}

/// What the parser says of an empty text is meant for the elements of an array.
fn name_blank(block: &mut Block) {
    for at in 0..block.violations.len() {
        let row = block.violations[at].row as usize;
        if block.violations[at].reason == Reason::InvalidJson && block.raw(row).iter().all(u8::is_ascii_whitespace) {
            block.violations[at].message = "is empty: put one JSON object".into();
        }
    }
}

//! An object by a contract: every record comes out once, as a row of a batch or as one that is refused, with its place.

use crate::mode::{MAX_OBJECT_BYTES, Mode};
use std::{
    io::{Read, Write},
    sync::Arc,
};
use watershed_contract::{Dataset, Encoding, Format};
use watershed_decode::{
    BLOCK_BYTES, Compression, Decoded, HashKey, KeyIndex, MAX_BLOCK_CELLS, MAX_RECORD_BYTES, ObjectReject, Quality,
    Reason, RejectedRow, Standardiser, Treatment,
    block::Block,
    blocks::{self, Blocks},
    csv::MAX_FIELDS,
    decompress, drift,
    drift::Unknown,
    parquet_source::ParquetReader,
    reject::DecodeError,
};
use watershed_sink::arrow_schema;

/// Passes over one object: one more for columns that records add, and one for repeated keys.
const MAX_PASSES: usize = 3;
/// Longest text that what is refused tells, in bytes: a few values of each column.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// What came of an object.
#[derive(Debug, Default)]
pub struct Found {
    /// Rows of batches.
    pub accepted: u64,
    /// Rows that are not.
    pub rejected: Vec<RejectedRow>,
}

/// Why nothing did.
#[derive(Debug)]
pub enum Refused {
    /// It is refused as a whole.
    Object(ObjectReject),
    /// The compressed stream is damaged, or too long for a look at its text.
    Damaged,
}

/// An input, by the contract that it selects.
pub fn check(datasets: &[Arc<Dataset>], input: &[u8]) {
    let [selector, mode, bytes @ ..] = input else { return };
    let dataset = &datasets[usize::from(*selector) % datasets.len()];
    let mode = Mode::of(*mode);
    let object = mode.object(bytes);
    let found = read(dataset, &object);
    if mode.in_pieces {
        let again = read_by(dataset, &object, mode);
        same(&found, &again);
    }
}

fn same(whole: &Result<Found, Refused>, pieces: &Result<Found, Refused>) {
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => {
            assert_eq!(whole.accepted, pieces.accepted, "accepted, at once and in pieces");
            assert_eq!(whole.rejected, pieces.rejected, "refused, at once and in pieces");
        }
        (Err(Refused::Object(whole)), Err(Refused::Object(pieces))) => assert_eq!(whole.reason, pieces.reason),
        (Err(Refused::Damaged), Err(Refused::Damaged)) => {}
        other => panic!("at once and in pieces: {other:?}"),
    }
}

/// The rows of an object.
pub fn read(dataset: &Arc<Dataset>, object: &[u8]) -> Result<Found, Refused> {
    read_by(dataset, object, Mode::of(b'@'))
}

fn read_by(dataset: &Arc<Dataset>, object: &[u8], mode: Mode) -> Result<Found, Refused> {
    let (_, whole) = decompress(object).map_err(|_| Refused::Damaged)?;
    let mut text = Vec::new();
    let read = whole.take(MAX_OBJECT_BYTES as u64 + 1).read_to_end(&mut text);
    if text.len() > MAX_OBJECT_BYTES {
        return Err(Refused::Damaged);
    }
    let text = read.is_ok().then_some(text.as_slice());
    let scratch = std::env::temp_dir();
    let mut keys = KeyIndex::new(&scratch);
    let mut dataset = Arc::clone(dataset);
    for _ in 0..MAX_PASSES {
        let (compression, input) = decompress(mode.reader(object)).map_err(|_| Refused::Damaged)?;
        let mut pass = Pass {
            text,
            found: Found::default(),
        };
        match pass.run(&mut dataset, keys, compression, input) {
            Ok(Again::No) => return Ok(pass.found),
            Ok(Again::Known(repeated)) => keys = KeyIndex::known(repeated),
            Ok(Again::Wider) => keys = KeyIndex::new(&scratch),
            Err(DecodeError::Object(reject)) => {
                let expected = text.is_none();
                let damaged = matches!(reject.reason, Reason::Corrupt | Reason::Truncated);
                assert!(!reject.message.is_empty() && reject.message.len() < MAX_MESSAGE_BYTES);
                return Err(if expected && damaged {
                    Refused::Damaged
                } else {
                    Refused::Object(reject)
                });
            }
            Err(DecodeError::Input(error)) => panic!("memory can be read: {error}"),
        }
    }
    panic!("more than {MAX_PASSES} passes");
}

enum Again {
    No,
    Known(Vec<u64>),
    Wider,
}

struct Pass<'a> {
    /// The decompressed object, if it can be.
    text: Option<&'a [u8]>,
    found: Found,
}

impl Pass<'_> {
    fn run(
        &mut self,
        dataset: &mut Arc<Dataset>,
        keys: KeyIndex,
        compression: Compression,
        input: impl Read + Send,
    ) -> Result<Again, DecodeError> {
        if dataset.format == Format::Parquet {
            return self.parquet(dataset, keys, input);
        }
        let mut reader = blocks::open(input, compression, dataset)?.expect("a format of text");
        let wider = extended(dataset, &reader.named())?;
        let mut standardiser = standardiser(&wider, keys);
        let mut block = Block::default();
        let mut places = Places::new(self.text, &wider);
        while reader.read(&mut block)? {
            bounded(&block, reader.as_ref());
            places.take(&block);
            let records = block.records.len();
            let decoded = standardiser.text(&mut block, reader.fields())?;
            self.take(decoded, records);
        }
        places.end();
        self.placed(&wider);
        let met: Vec<Unknown> = reader.met().iter().map(|name| Unknown::text(name)).collect();
        if !met.is_empty() {
            *dataset = extended(&wider, &met)?;
            return Ok(Again::Wider);
        }
        finish(standardiser)
    }

    fn parquet(&mut self, dataset: &Arc<Dataset>, keys: KeyIndex, mut input: impl Read) -> Result<Again, DecodeError> {
        let mut bytes = Vec::new();
        input
            .read_to_end(&mut bytes)
            .map_err(|_| ObjectReject::new(Reason::Corrupt, "cannot be decompressed"))?;
        let mut file = tempfile::tempfile().expect("a scratch file");
        file.write_all(&bytes).expect("a scratch file can be written");
        std::io::Seek::rewind(&mut file).expect("a scratch file can be read");
        let mut reader = ParquetReader::open(file, dataset)?;
        let wider = extended(dataset, reader.named())?;
        let mut standardiser = standardiser(&wider, keys);
        while let Some(decoded) = reader.read(&mut standardiser)? {
            let records = decoded.batch.num_rows() + decoded.rejected.len();
            self.take(decoded, records);
        }
        let lines = self.found.rejected.iter().map(|row| row.line);
        assert!(lines.clone().is_sorted_by(|a, b| a < b), "numbers of rows ascend");
        let total = self.found.accepted + self.found.rejected.len() as u64;
        assert!(lines.max().unwrap_or(0) <= total, "rows have numbers of the file");
        finish(standardiser)
    }

    fn take(&mut self, decoded: Decoded, records: usize) {
        assert_eq!(
            decoded.batch.num_rows() + decoded.rejected.len(),
            records,
            "records that came in, and rows"
        );
        self.found.accepted += decoded.batch.num_rows() as u64;
        self.found.rejected.extend(decoded.rejected);
    }

    /// Refused rows lie in the object, one behind the other, where they say.
    fn placed(&self, dataset: &Dataset) {
        let Some(text) = self.text else { return };
        let mut behind = 0;
        let mut line = 0;
        for row in &self.found.rejected {
            assert!(row.offset >= behind, "rows lie behind one another: {row:?}");
            assert!(row.line >= line, "lines ascend: {row:?}");
            (behind, line) = (row.offset + row.length, row.line);
            assert!(behind <= text.len() as u64, "a row of the object: {row:?}");
            assert!(!row.message.is_empty() && row.message.len() < MAX_MESSAGE_BYTES);
            if dataset.encoding == Encoding::Utf8 && !dataset.is_private() {
                let there = &text[row.offset as usize..behind as usize];
                assert!(there.starts_with(&row.raw), "the bytes of the row: {row:?}");
            }
        }
    }
}

fn extended(dataset: &Arc<Dataset>, unknown: &[Unknown]) -> Result<Arc<Dataset>, DecodeError> {
    if unknown.is_empty() {
        return Ok(Arc::clone(dataset));
    }
    Ok(Arc::new(drift::extended(dataset, unknown)?))
}

fn standardiser(dataset: &Arc<Dataset>, keys: KeyIndex) -> Standardiser {
    let treatment = Treatment::new(dataset, Some(HashKey::new(b"a key of the tests"))).expect("there is a key");
    let quality = Quality::new(dataset, &std::env::temp_dir());
    let schema = arrow_schema(&dataset.table);
    Standardiser::new(Arc::clone(dataset), schema, keys, Arc::new(treatment), quality)
}

fn finish(standardiser: Standardiser) -> Result<Again, DecodeError> {
    let (keys, quality) = standardiser.into_parts();
    let repeated = keys.finish().expect("scratch files can be read");
    let repeated = repeated.expect("few keys are repeated in a small object");
    if let Some(repeated) = repeated {
        return Ok(Again::Known(repeated));
    }
    quality.finish(0).map_err(DecodeError::Input)?;
    Ok(Again::No)
}

/// The named limits of a block.
fn bounded(block: &Block, reader: &dyn Blocks) {
    assert_eq!(
        block.width,
        reader
            .fields()
            .iter()
            .flatten()
            .max()
            .map_or(block.width, |last| block.width.max(last + 1))
    );
    assert_eq!(block.cells.len(), block.records.len() * block.width);
    assert!(
        block.cells.len() <= MAX_BLOCK_CELLS + block.width.max(MAX_FIELDS),
        "cells of a block"
    );
    let text = block.records.last().map_or(0, |record| record.end as usize);
    assert!(text <= MAX_RECORD_BYTES + BLOCK_BYTES, "text of a block");
    let ranges = || block.cells.iter().filter_map(|cell| cell.range());
    assert!(
        ranges().all(|(_, end)| end <= block.bytes.len()),
        "cells lie in the block"
    );
    assert!(
        block
            .violations
            .iter()
            .all(|violation| (violation.row as usize) < block.records.len())
    );
}

/// Where records lie, and what lies between them.
struct Places<'a> {
    text: Option<&'a [u8]>,
    /// What may stand between records; none: it is looked at elsewhere.
    between: Option<fn(u8) -> bool>,
    is_array: bool,
    behind: Option<usize>,
}

impl<'a> Places<'a> {
    fn new(text: Option<&'a [u8]>, dataset: &Dataset) -> Self {
        let between: Option<fn(u8) -> bool> = match dataset.format {
            Format::Csv(_) | Format::Fixed(_) => Some(|byte| matches!(byte, b'\r' | b'\n')),
            Format::NdJson => Some(|byte| byte.is_ascii_whitespace()),
            Format::JsonArray { .. } => Some(|byte| byte.is_ascii_whitespace() || byte == b','),
            Format::Xml(_) | Format::Parquet => None,
        };
        Self {
            text: text.filter(|_| dataset.encoding == Encoding::Utf8),
            between,
            is_array: matches!(dataset.format, Format::JsonArray { .. }),
            behind: None,
        }
    }

    fn take(&mut self, block: &Block) {
        let Some(text) = self.text else { return };
        let mut skipped: Vec<_> = block.records.iter().map(|record| (record, false)).collect();
        skipped.extend(block.skipped.iter().map(|record| (record, true)));
        skipped.sort_by_key(|(record, _)| (record.start, record.end));
        if self.is_array {
            // What is around the array in an object may stand between two blocks.
            self.behind = None;
        }
        for (record, is_skipped) in skipped {
            let (start, end) = (
                block.offset as usize + record.start as usize,
                block.offset as usize + record.end as usize,
            );
            if let Some(behind) = self.behind {
                self.gap(text, behind, start);
            }
            let end = block.cut_from.map_or(end, |length| start + length as usize);
            assert!(start <= end && end <= text.len(), "a record lies in the object");
            if !is_skipped && block.cut_from.is_none() {
                assert_eq!(
                    &text[start..end],
                    &block.bytes[record.start as usize..record.end as usize]
                );
            }
            self.behind = Some(end);
        }
    }

    fn gap(&self, text: &[u8], from: usize, to: usize) {
        assert!(from <= to, "records lie behind one another");
        if let Some(between) = self.between {
            let lost = text[from..to].iter().find(|byte| !between(**byte));
            assert!(
                lost.is_none(),
                "bytes {from} to {to} are told of nowhere: {:?}",
                String::from_utf8_lossy(&text[from..to])
            );
        }
    }

    /// Behind the last record. What is around an array is the array's.
    fn end(&self) {
        if let (Some(text), Some(behind), false) = (self.text, self.behind, self.is_array) {
            self.gap(text, behind, text.len());
        }
    }
}

//! Newline-delimited JSON: one object a line.

use super::objects::Objects;
use crate::{
    MAX_RECORD_BYTES,
    block::{Block, Record},
    blocks::Blocks,
    compression::Compression,
    fields::{FieldMap, in_order},
    lines::{Lines, Taken, lines},
    reject::{DecodeError, ObjectReject, Reason, shown},
    resume::{Place, Resume},
};
use std::{collections::BTreeSet, io::Read};
use watershed_contract::Dataset;

/// Reads blocks of records. The cells of a row stand in the order of the dataset's columns.
pub struct NdJsonReader<R> {
    lines: Lines<R>,
    objects: Objects,
    fields: FieldMap,
}

impl<R: Read> NdJsonReader<R> {
    /// Refuses an object whose beginning is no JSON object.
    pub fn open(input: R, compression: Compression, dataset: &Dataset) -> Result<Self, DecodeError> {
        let reader = Self {
            lines: Lines::open(input, compression, dataset.encoding)?,
            objects: Objects::new(dataset),
            fields: in_order(dataset),
        };
        let beginning = reader.lines.beginning();
        let help = match beginning.iter().find(|b| !b.is_ascii_whitespace()) {
            None | Some(b'{') => return Ok(reader),
            Some(b'[') => "if it is one array, write delimiter: array in the contract's server",
            Some(_) => "send one JSON object a line, or mend the contract's format",
        };
        let message = format!(
            "the object is not newline-delimited JSON: it begins {}; {help}",
            shown(beginning)
        );
        let told = format!("the object is not newline-delimited JSON; {help}");
        Err(ObjectReject::new(Reason::WrongFormat, message).without(told).into())
    }
}

impl<R: Read> Resume<R> for NdJsonReader<R> {
    fn resume(mut self, input: R, compression: Compression, at: Place) -> Self {
        self.lines = self.lines.resume(input, compression, at);
        self
    }

    fn place(&self) -> Place {
        self.lines.place()
    }
}

impl<R: Read> Blocks for NdJsonReader<R> {
    fn fields(&self) -> &FieldMap {
        &self.fields
    }

    fn met(&self) -> &[String] {
        self.objects.met()
    }

    fn missing(&self) -> Vec<usize> {
        self.objects.missing()
    }

    fn read(&mut self, block: &mut Block) -> Result<bool, DecodeError> {
        let too_long = || format!("has no end within {MAX_RECORD_BYTES} bytes: write one JSON object a line");
        match self.lines.next(block, self.objects.width(), too_long)? {
            Taken::End => return Ok(false),
            Taken::Cut => return Ok(true),
            Taken::Lines => {}
        }
        block.records.extend(records(&block.bytes));
        self.objects.read(block);
        Ok(true)
    }
}

/// Lines that are not blank.
fn records(text: &[u8]) -> impl Iterator<Item = Record> {
    let filled = lines(text).filter(|(start, end)| !text[*start..*end].iter().all(u8::is_ascii_whitespace));
    filled.map(|(start, end)| Record {
        start: start as u32,
        end: end as u32,
    })
}

/// Text without a contract, for whoever finds out what it is: its first lines, at most `max_rows`, with these keys as one block. And
/// how many of them are left out, because they are no JSON object.
pub fn sample(text: Vec<u8>, keys: &[String], max_rows: usize) -> (Block, usize) {
    let mut objects = Objects::with(keys.iter().map(String::as_str));
    let mut block = Block {
        records: records(&text).take(max_rows).collect(),
        bytes: text,
        line: 1,
        width: objects.width(),
        ..Block::default()
    };
    objects.read(&mut block);
    let left_out: BTreeSet<u32> = block.violations.drain(..).map(|violation| violation.row).collect();
    let mut row = 0..;
    block
        .records
        .retain(|_| row.next().is_some_and(|row| !left_out.contains(&row)));
    let width = block.width.max(1);
    let mut cell = 0..;
    block.cells.retain(|_| {
        cell.next()
            .is_some_and(|cell: usize| !left_out.contains(&((cell / width) as u32)))
    });
    (block, left_out.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_of_whole_objects() {
        let text = b"{\"a\": \"x\\n\", \"b\": 1}\r\n\n[1]\n{\"a\": \"\\u00e9\", \"a\": 1}\n{\"b\": null}".to_vec();
        let (block, left_out) = sample(text, &["a".into(), "b".into()], 10);
        assert_eq!((block.records.len(), left_out), (2, 2));
        assert_eq!(
            (block.text(0, 0), block.text(0, 1)),
            (Some(&b"x\n"[..]), Some(&b"1"[..]))
        );
        assert_eq!((block.text(1, 0), block.text(1, 1)), (None, None));
    }
}

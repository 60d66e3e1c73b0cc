//! Newline-delimited JSON: one object a line.

use super::objects::Objects;
use crate::{
    MAX_RECORD_BYTES,
    block::{Block, Record},
    blocks::Blocks,
    compression::Compression,
    fields::FieldMap,
    lines::{Lines, Taken, lines},
    reject::{DecodeError, ObjectReject, Reason, shown},
};
use std::io::Read;
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
            lines: Lines::open(input, compression)?,
            objects: Objects::new(dataset),
            fields: (0..dataset.columns.len()).map(Some).collect(),
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
        Err(ObjectReject::new(Reason::WrongFormat, message).into())
    }
}

impl<R: Read> Blocks for NdJsonReader<R> {
    fn fields(&self) -> &FieldMap {
        &self.fields
    }

    fn read(&mut self, block: &mut Block) -> Result<bool, DecodeError> {
        let too_long = || format!("has no end within {MAX_RECORD_BYTES} bytes: write one JSON object a line");
        match self.lines.next(block, self.objects.width(), too_long)? {
            Taken::End => return Ok(false),
            Taken::Cut => return Ok(true),
            Taken::Lines => {}
        }
        for (start, end) in lines(&block.bytes) {
            if !block.bytes[start..end].iter().all(u8::is_ascii_whitespace) {
                block.records.push(Record {
                    start: start as u32,
                    end: end as u32,
                });
            }
        }
        self.objects.read(block);
        Ok(true)
    }
}

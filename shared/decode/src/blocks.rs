//! Readers of text, whatever its format.

use crate::{block::Block, csv::CsvReader, fields::FieldMap, reject::DecodeError};
use std::io::Read;

/// Reads blocks of records.
pub trait Blocks {
    /// Which cell of a row is which column.
    fn fields(&self) -> &FieldMap;

    /// The next block; false at the end.
    fn read(&mut self, block: &mut Block) -> Result<bool, DecodeError>;
}

impl<R: Read> Blocks for CsvReader<R> {
    fn fields(&self) -> &FieldMap {
        CsvReader::fields(self)
    }

    fn read(&mut self, block: &mut Block) -> Result<bool, DecodeError> {
        CsvReader::read(self, block)
    }
}

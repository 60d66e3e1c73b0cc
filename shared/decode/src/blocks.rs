//! Readers of text, whatever its format.

use crate::{
    block::Block,
    compression::Compression,
    csv::CsvReader,
    drift::Unknown,
    fields::FieldMap,
    fixed::FixedReader,
    json::{JsonArrayReader, NdJsonReader},
    reject::DecodeError,
    xml::XmlReader,
};
use std::io::Read;
use watershed_contract::{Dataset, Format};

/// The reader of the dataset's format over `input`, which was made of `compression`; none: the format is no text.
pub fn open<'a>(
    input: impl Read + Send + 'a,
    compression: Compression,
    dataset: &Dataset,
) -> Result<Option<Box<dyn Blocks + Send + 'a>>, DecodeError> {
    Ok(Some(match &dataset.format {
        Format::Csv(format) => Box::new(CsvReader::open(input, compression, format, dataset)?),
        Format::NdJson => Box::new(NdJsonReader::open(input, compression, dataset)?),
        Format::JsonArray { records } => Box::new(JsonArrayReader::open(input, compression, records, dataset)?),
        Format::Xml(format) => Box::new(XmlReader::open(input, compression, format, dataset)?),
        Format::Fixed(format) => Box::new(FixedReader::open(input, compression, format, dataset)?),
        Format::Parquet => return Ok(None),
    }))
}

/// Reads blocks of records.
pub trait Blocks {
    /// Which cell of a row is which column.
    fn fields(&self) -> &FieldMap;

    /// The next block; false at the end.
    fn read(&mut self, block: &mut Block) -> Result<bool, DecodeError>;

    /// Columns to be added that a header names. Their fields stand behind those of the dataset.
    fn named(&self) -> Vec<Unknown> {
        Vec::new()
    }

    /// Columns to be added that records were met with up to now. They were not read.
    fn met(&self) -> &[String] {
        &[]
    }

    /// Columns of the dataset that nothing was read of up to now: no field of the header, no key or element of any record.
    fn missing(&self) -> Vec<usize> {
        let fields = self.fields().iter().enumerate();
        fields
            .filter_map(|(column, field)| field.is_none().then_some(column))
            .collect()
    }
}

impl<R: Read> Blocks for CsvReader<R> {
    fn fields(&self) -> &FieldMap {
        CsvReader::fields(self)
    }

    fn read(&mut self, block: &mut Block) -> Result<bool, DecodeError> {
        CsvReader::read(self, block)
    }

    fn named(&self) -> Vec<Unknown> {
        CsvReader::named(self).to_vec()
    }
}

//! The text of one part: a reader that has seen the object's beginning goes on where the part begins.

use super::plan::Cut;
use crate::source::Preview;
use std::io::{self, BufReader, Read};
use watershed_contract::{Dataset, Format};
use watershed_decode::{
    Compression,
    block::Block,
    blocks::Blocks,
    compression::read_error,
    csv::CsvReader,
    decompress,
    fields::FieldMap,
    fixed::FixedReader,
    json::NdJsonReader,
    reject::{DecodeError, ObjectReject, Reason},
    resume::{LineRange, Place, Resume},
};

/// Bytes read at a time.
const BUFFER_BYTES: usize = 128 * 1024;

/// Text, decompressed.
pub type Text<'a> = Box<dyn Read + Send + 'a>;

/// A reader whose object may be read in parts.
pub enum Begun<'a> {
    /// Delimited.
    Csv(CsvReader<Text<'a>>),
    /// An object of JSON a line.
    NdJson(NdJsonReader<Text<'a>>),
    /// Of fixed width.
    Fixed(FixedReader<Text<'a>>),
}

/// The same call of whichever reader it is.
macro_rules! each {
    ($begun:expr, $reader:ident => $call:expr) => {
        match $begun {
            Begun::Csv($reader) => $call,
            Begun::NdJson($reader) => $call,
            Begun::Fixed($reader) => $call,
        }
    };
}

impl<'a> Begun<'a> {
    /// Reads what stands before the first record.
    pub fn open(text: Text<'a>, compression: Compression, dataset: &Dataset) -> Result<Self, DecodeError> {
        match &dataset.format {
            Format::Csv(format) => CsvReader::open(text, compression, format, dataset).map(Self::Csv),
            Format::NdJson => NdJsonReader::open(text, compression, dataset).map(Self::NdJson),
            Format::Fixed(format) => FixedReader::open(text, compression, format, dataset).map(Self::Fixed),
            Format::JsonArray { .. } | Format::Xml(_) | Format::Parquet => {
                let message = "is of a format that is not read in parts: send the event of the object again";
                Err(ObjectReject::new(Reason::WrongFormat, message).into())
            }
        }
    }

    /// Where the next block begins.
    pub fn place(&self) -> Place {
        each!(self, reader => Resume::place(reader))
    }

    /// The last byte of what ends its lines.
    pub fn line_end(&self) -> u8 {
        match self {
            Self::Csv(reader) => reader.line_end(),
            Self::NdJson(_) | Self::Fixed(_) => b'\n',
        }
    }

    /// The next block; false at the end.
    pub fn read(&mut self, block: &mut Block) -> Result<bool, DecodeError> {
        each!(self, reader => Blocks::read(reader, block))
    }

    /// Which cell of a row is which column.
    pub fn fields(&self) -> &FieldMap {
        each!(self, reader => Blocks::fields(reader))
    }

    fn resume(self, text: Text<'a>, compression: Compression, at: Place) -> Self {
        match self {
            Self::Csv(reader) => Self::Csv(reader.resume(text, compression, at)),
            Self::NdJson(reader) => Self::NdJson(reader.resume(text, compression, at)),
            Self::Fixed(reader) => Self::Fixed(reader.resume(text, compression, at)),
        }
    }

    /// Where the object must be opened for the part that begins `start`.
    pub fn opens_at(&self, cut: Cut, compression: Compression, start: u64) -> u64 {
        let begins = self.place().offset;
        match cut {
            // Compressed text is read again from its beginning.
            _ if compression != Compression::Plain => 0,
            Cut::Lines { .. } if start > begins => LineRange::<Text<'_>>::opens_at(start),
            _ => start.max(begins),
        }
    }

    /// The same reader at the records of a part; `input` was opened at [`Begun::opens_at`]. Lines count from the part's first, those of the
    /// first part from the object's.
    pub fn at(
        self,
        input: &'a mut Preview,
        cut: Cut,
        compression: Compression,
        (start, end): (u64, u64),
    ) -> Result<Self, DecodeError> {
        let begins = self.place();
        let line = if start == 0 { begins.line } else { 0 };
        let from = |offset: u64| Place { offset, line };
        // The first record may lie behind the first parts, which then have none.
        let place = from(start.max(begins.offset));
        match cut {
            Cut::Lines { .. } if start <= begins.offset => {
                let lines = LineRange::from(input, begins.offset, end);
                Ok(self.resume(buffered(lines), compression, place))
            }
            Cut::Lines { .. } => {
                let (lines, offset) = LineRange::within(input, start, end).map_err(DecodeError::Input)?;
                Ok(self.resume(buffered(lines), compression, from(offset)))
            }
            Cut::Chain { .. } if compression == Compression::Plain => {
                Ok(self.resume(buffered(input), compression, place))
            }
            Cut::Chain { .. } => {
                let (compression, mut text) = decompress(input).map_err(DecodeError::Input)?;
                let mut skipped = (&mut text).take(place.offset);
                let read = io::copy(&mut skipped, &mut io::sink());
                let missing = skipped.limit();
                read.map_err(|error| read_error(compression, place.offset - missing, error))?;
                Ok(self.resume(text, compression, place))
            }
        }
    }
}

fn buffered<'a>(input: impl Read + Send + 'a) -> Text<'a> {
    Box::new(BufReader::with_capacity(BUFFER_BYTES, input))
}

//! The beginning of one object as records of text, whatever its format.

use crate::{
    MAX_CELLS, MAX_ROWS, Refusal, SAMPLE_BYTES, Sure, csv, encoding, json,
    names::{self, Extension},
    parquet,
};
use ::parquet::file::reader::ChunkReader;
use std::io::Read;
use watershed_contract::{CsvFormat, Encoding};
use watershed_decode::{
    binary,
    block::Block,
    compression::{Compression, decompress, known_format},
};
use watershed_lake::ColumnType;

/// How an object is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Delimited text.
    Csv(CsvFormat),
    /// One JSON object a line.
    NdJson,
    /// One JSON array of objects.
    JsonArray,
    /// Apache Parquet.
    Parquet,
}

impl Layout {
    /// For people.
    pub fn describe(&self) -> String {
        match self {
            Self::Csv(format) => {
                let delimiter = match format.delimiter {
                    b'\t' => "tab".into(),
                    other => format!("`{}`", char::from(other)),
                };
                let header = if format.header { "with header" } else { "without header" };
                let quote = format
                    .quote
                    .map_or("none".into(), |quote| format!("`{}`", char::from(quote)));
                format!("CSV, delimiter {delimiter}, quote {quote}, {header}")
            }
            Self::NdJson => "newline-delimited JSON".into(),
            Self::JsonArray => "one JSON array of objects".into(),
            Self::Parquet => "Parquet".into(),
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        matches!(self, Self::NdJson | Self::JsonArray)
    }
}

/// The beginning of an object, split into records.
#[derive(Debug)]
pub struct Sample {
    /// What to call the object.
    pub(crate) label: String,
    pub(crate) layout: Layout,
    pub(crate) layout_sure: Sure,
    pub(crate) encoding: Encoding,
    pub(crate) complete: bool,
    /// Columns as the object calls them.
    pub(crate) names: Vec<String>,
    /// Types, where the object has them.
    pub(crate) kinds: Option<Vec<ColumnType>>,
    pub(crate) block: Block,
    /// Bytes of the block that are the object's; what stands behind is unescaped.
    pub(crate) text_bytes: usize,
    /// Rows of the block that are no data: the header.
    pub(crate) first_row: usize,
    pub(crate) left_out: usize,
    pub(crate) notes: Vec<String>,
}

impl Sample {
    /// Of an object whose bytes `input` gives. Its key or file name helps where the bytes leave a doubt.
    pub fn read(input: impl Read + Send, key: &str) -> Result<Self, Refusal> {
        let (bytes, complete, compression) = beginning(input)?;
        if bytes.is_empty() {
            return Err(Refusal::new("the object is empty", "nothing is to be done"));
        }
        if parquet::is_parquet(&bytes) {
            if complete {
                return parquet::sample(bytes::Bytes::from(bytes), key);
            }
            let (message, help) = if compression == Compression::Plain {
                ("the Parquet file is cut", "send it again, whole")
            } else {
                (
                    "a large Parquet file that is compressed once more cannot be looked into",
                    "send it as it is: its pages are compressed already",
                )
            };
            return Err(Refusal::new(message, help));
        }
        if let Some(name) = known_format(&bytes) {
            return Err(Refusal::new(
                format!("the object is {name}"),
                "send CSV, NDJSON or Parquet, plain or compressed with gzip or zstd",
            ));
        }
        let encoding::Text {
            encoding,
            bytes: text,
            undecodable,
        } = encoding::decode(bytes, complete)?;
        if let Some(what) = binary::found(&text) {
            let message = format!("the object is not text: {what}");
            return Err(Refusal::new(message, "send CSV, NDJSON or Parquet"));
        }
        let extension = names::extension(key);
        let mut sample = match text.iter().find(|b| !b.is_ascii_whitespace()) {
            Some(b'{' | b'[') if extension != Extension::Csv => json::sample(text, complete)?,
            Some(b'<') if extension != Extension::Csv => {
                return Err(Refusal::new(
                    "the object looks like XML or HTML",
                    "send CSV, NDJSON or Parquet",
                ));
            }
            _ => csv::sample(text, complete, extension)?,
        };
        sample.encoding = encoding;
        if undecodable > 0 {
            let name = encoding.name();
            sample.notes.push(format!(
                "{undecodable} characters are none of {name}: the rows that they stand in are refused"
            ));
        }
        sample.label = key.into();
        Ok(sample)
    }

    /// Rows of data.
    pub(crate) fn rows(&self) -> usize {
        self.block.records.len() - self.first_row
    }

    /// Of a Parquet file that can be read at any place.
    pub fn parquet(file: impl ChunkReader + 'static, key: &str) -> Result<Self, Refusal> {
        parquet::sample(file, key)
    }
}

/// Rows of so many columns that are looked at.
pub fn max_rows(width: usize) -> usize {
    MAX_ROWS.min(MAX_CELLS / width.max(1))
}

/// Decompressed bytes, at most [`SAMPLE_BYTES`], and whether they are all. Where the input is itself a beginning, a compressed stream ends
/// in its middle: what came out before is the sample.
fn beginning(input: impl Read + Send) -> Result<(Vec<u8>, bool, Compression), Refusal> {
    let unreadable = |error: std::io::Error| {
        Refusal::new(
            format!("the object cannot be read ({error})"),
            "send it again, whole, plain or compressed with gzip or zstd",
        )
    };
    let (compression, text) = decompress(input).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let mut text = text.take(SAMPLE_BYTES as u64 + 1);
    let read = text.read_to_end(&mut bytes);
    if let Err(error) = read {
        if bytes.is_empty() {
            return Err(unreadable(error));
        }
        return Ok((bytes, false, compression));
    }
    let complete = bytes.len() <= SAMPLE_BYTES;
    bytes.truncate(SAMPLE_BYTES);
    Ok((bytes, complete, compression))
}

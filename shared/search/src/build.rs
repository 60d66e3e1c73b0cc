//! Rows → an index.

use crate::{IndexError, bundle, schema};
use bytes::Bytes;
use tantivy::{
    Index, IndexSettings, TantivyDocument, directory::RamDirectory, indexer::SingleSegmentIndexWriter, schema::Field,
    store::Compressor,
};

/// Bytes of text that an index is made of, by about: more rows are for another one. What it takes in memory while it is made is some
/// times that.
pub const MAX_TEXT_BYTES: usize = 32 << 20;
/// Rows of an index.
pub const MAX_ROWS: u32 = 8 << 20;
/// What tantivy makes its tables for at first; they grow.
const FIRST_TABLE_BYTES: usize = 1 << 20;

/// An index that is being made.
pub struct Builder {
    writer: SingleSegmentIndexWriter,
    fields: Vec<Field>,
    first_row: u64,
    rows: u32,
    text_bytes: usize,
}

impl Builder {
    /// Of no rows yet; its first one is that of its file. Columns have names of their own.
    pub fn new(columns: &[String], first_row: u64) -> Result<Self, IndexError> {
        let (schema, fields) = schema::of(columns);
        let settings = IndexSettings {
            docstore_compression: Compressor::None,
            docstore_compress_dedicated_thread: false,
            ..IndexSettings::default()
        };
        let writer = Index::builder()
            .schema(schema)
            .settings(settings)
            .tokenizers(schema::tokenizers())
            .single_segment_index_writer(RamDirectory::create(), FIRST_TABLE_BYTES)?;
        Ok(Self {
            writer,
            fields,
            first_row,
            rows: 0,
            text_bytes: 0,
        })
    }

    /// One more row: texts, each with the number of its column. A column may have several, or none; no phrase begins in one text and ends in
    /// another.
    pub fn add<'t>(&mut self, texts: impl IntoIterator<Item = (usize, &'t str)>) -> Result<(), IndexError> {
        let mut row = TantivyDocument::new();
        for (column, text) in texts {
            self.text_bytes += text.len();
            row.add_text(self.fields[column], text);
        }
        self.rows += 1;
        Ok(self.writer.add_document(row)?)
    }

    /// Whether the next row is for another one.
    pub fn is_full(&self) -> bool {
        self.text_bytes >= MAX_TEXT_BYTES || self.rows >= MAX_ROWS
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The row behind its last one.
    pub fn next_row(&self) -> u64 {
        self.first_row + u64::from(self.rows)
    }

    /// The index.
    pub fn finish(self) -> Result<Bytes, IndexError> {
        bundle::write(&self.writer.finalize()?, self.first_row)
    }
}

//! The pages of a column chunk: compressed as they get full, in memory until the row group is (Apache Parquet format, "Data Pages").

use super::hybrid;
use arrow_buffer::NullBuffer;
use bytes::Bytes;
use parquet::{
    basic::{BoundaryOrder, Compression, Encoding, PageType},
    column::{
        page::{CompressedPage, Page, PageWriteSpec, PageWriter},
        writer::ColumnCloseResult,
    },
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats},
        properties::WriterProperties,
        statistics::Statistics,
        writer::{SerializedPageWriter, TrackedWrite},
    },
    schema::types::{ColumnDescPtr, ColumnPath},
};

/// The values of the page that is being made, and what is known of the chunk.
pub trait Values {
    /// How its least and greatest values compare.
    type Bound: Ord;

    /// Places in the dictionary.
    fn codes(&self) -> &[u32];
    /// Values that are not in the dictionary, as the page holds them. A page has the one or the other.
    fn plain(&self) -> &[u8];
    /// Least and greatest value of the page.
    fn range(&self) -> Option<(Self::Bound, Self::Bound)>;
    /// A bound, as the page index holds it.
    fn shown(&self, bound: &Self::Bound) -> Vec<u8>;
    /// The page is written: another begins.
    fn end_page(&mut self);
    /// How many values the dictionary has, and they themselves as its page holds them; none, where there is no dictionary.
    fn dictionary(&self) -> Option<(u32, Vec<u8>)>;
    /// The size of those.
    fn dictionary_bytes(&self) -> usize;
    /// Of the chunk.
    fn statistics(&self, nulls: u64) -> Statistics;
}

/// One column of a row group.
pub struct Chunk<V: Values> {
    column: ColumnDescPtr,
    /// The page that is being made.
    pub values: V,
    rows: usize,
    nulls: u64,
    /// 1 for each row with a value, 0 for one without; none while all rows have one.
    levels: Option<Vec<u32>>,
    /// Values still go to the dictionary.
    to_dictionary: bool,
    limits: Limits,
    done: Vec<(CompressedPage, usize)>,
    done_bytes: usize,
    all_rows: usize,
    all_nulls: u64,
    index: ColumnIndexBuilder,
    order: Order<V::Bound>,
}

/// How large things may become.
#[derive(Clone, Copy)]
struct Limits {
    page_rows: usize,
    page_bytes: usize,
    dictionary_bytes: usize,
}

impl<V: Values> Chunk<V> {
    /// Of that column; `to_dictionary` if its values have a dictionary.
    pub fn new(column: ColumnDescPtr, values: V, to_dictionary: bool, properties: &WriterProperties) -> Self {
        Self {
            index: ColumnIndexBuilder::new(column.physical_type()),
            limits: Limits {
                page_rows: properties.data_page_row_count_limit(),
                page_bytes: properties.data_page_size_limit(),
                dictionary_bytes: properties.column_dictionary_page_size_limit(column.path()),
            },
            column,
            values,
            rows: 0,
            nulls: 0,
            levels: None,
            to_dictionary,
            done: Vec::new(),
            done_bytes: 0,
            all_rows: 0,
            all_nulls: 0,
            order: Order::default(),
        }
    }

    /// Rows that the page has room for: one at least.
    pub fn room(&self) -> usize {
        self.limits.page_rows - self.rows
    }

    /// Whether the next values go to the dictionary.
    pub fn to_dictionary(&self) -> bool {
        self.to_dictionary
    }

    /// About the bytes of all pages; those of the last one are not yet compressed.
    pub fn bytes(&self) -> usize {
        let codes = self.values.codes().len() * size_of::<u16>();
        self.done_bytes + self.values.dictionary_bytes() + self.values.plain().len() + codes
    }

    /// Takes up which of the rows have values, after their values. Ends the page if it is full.
    pub fn rows(
        &mut self,
        rows: usize,
        nulls: Option<&NullBuffer>,
        codec: &mut Compressor,
    ) -> Result<(), ParquetError> {
        match (nulls.filter(|nulls| nulls.null_count() > 0), &mut self.levels) {
            (None, None) => {}
            (None, Some(levels)) => levels.resize(levels.len() + rows, 1),
            (Some(nulls), levels) => {
                let levels = levels.get_or_insert_with(|| vec![1; self.rows]);
                levels.extend(nulls.iter().map(u32::from));
                self.nulls += nulls.null_count() as u64;
            }
        }
        self.rows += rows;
        let gives_up = self.to_dictionary && self.values.dictionary_bytes() > self.limits.dictionary_bytes;
        if self.rows >= self.limits.page_rows || self.values.plain().len() >= self.limits.page_bytes || gives_up {
            self.end_page(codec)?;
        }
        self.to_dictionary &= !gives_up;
        Ok(())
    }

    fn width(&self) -> u8 {
        let greatest = self.values.codes().iter().max();
        greatest.map_or(0, |greatest| hybrid::width(*greatest))
    }

    fn end_page(&mut self, codec: &mut Compressor) -> Result<(), ParquetError> {
        let mut body = Vec::new();
        if self.column.max_def_level() > 0 {
            body.extend_from_slice(&[0; 4]);
            match &self.levels {
                Some(levels) => hybrid::encode(levels, 1, &mut body),
                None => hybrid::run(1, self.rows, 1, &mut body),
            }
            let bytes = (body.len() - 4) as u32;
            body[..4].copy_from_slice(&bytes.to_le_bytes());
        }
        let encoding = if self.to_dictionary {
            let width = self.width();
            body.push(width);
            hybrid::encode(self.values.codes(), width, &mut body);
            Encoding::RLE_DICTIONARY
        } else {
            body.extend_from_slice(self.values.plain());
            Encoding::PLAIN
        };
        let page = Page::DataPage {
            buf: codec.compress(&body)?,
            num_values: self.rows as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let page = CompressedPage::new(page, body.len());
        self.done_bytes += page.compressed_size();
        self.done.push((page, self.rows));

        let range = self.values.range();
        let (min, max) = range.as_ref().map_or_else(Default::default, |(min, max)| {
            (self.values.shown(min), self.values.shown(max))
        });
        self.index.append(range.is_none(), min, max, self.nulls as i64);
        self.order.push(range);
        self.values.end_page();
        self.all_rows += std::mem::take(&mut self.rows);
        self.all_nulls += std::mem::take(&mut self.nulls);
        self.levels = None;
        Ok(())
    }

    /// The chunk's bytes, and what the footer says of it.
    pub fn finish(mut self, codec: &mut Compressor) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        if self.rows > 0 {
            self.end_page(codec)?;
        }
        let mut bytes = TrackedWrite::new(Vec::with_capacity(self.bytes()));
        let mut writer = SerializedPageWriter::new(&mut bytes);
        let mut written = Written::default();
        if let Some((values, plain)) = self.values.dictionary() {
            let page = Page::DictionaryPage {
                buf: codec.compress(&plain)?,
                num_values: values,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            let page = CompressedPage::new(page, plain.len());
            let spec = written.add(&mut writer, page)?;
            written.dictionary_offset = Some(spec.offset as i64);
        }
        let mut offsets = OffsetIndexBuilder::new();
        for (page, rows) in self.done {
            let spec = written.add(&mut writer, page)?;
            written.data_offset.get_or_insert(spec.offset as i64);
            offsets.append_offset_and_size(spec.offset as i64, spec.compressed_size as i32);
            offsets.append_row_count(rows as i64);
        }
        let metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(codec.compression())
            .set_encodings([vec![Encoding::RLE], written.encodings()].concat())
            .set_page_encoding_stats(written.pages)
            .set_total_compressed_size(written.compressed as i64)
            .set_total_uncompressed_size(written.uncompressed as i64)
            .set_num_values(self.all_rows as i64)
            .set_data_page_offset(written.data_offset.unwrap_or_default())
            .set_dictionary_page_offset(written.dictionary_offset)
            .set_statistics(self.values.statistics(self.all_nulls))
            .build()?;
        self.index.set_boundary_order(self.order.finish());
        let close = ColumnCloseResult {
            bytes_written: written.compressed as u64,
            rows_written: self.all_rows as u64,
            metadata,
            bloom_filter: None,
            column_index: Some(self.index.build()?),
            offset_index: Some(offsets.build()),
        };
        Ok((bytes.into_inner()?.into(), close))
    }
}

/// What is counted as pages are written.
#[derive(Default)]
struct Written {
    compressed: usize,
    uncompressed: usize,
    dictionary_offset: Option<i64>,
    data_offset: Option<i64>,
    pages: Vec<PageEncodingStats>,
}

impl Written {
    fn add(&mut self, writer: &mut impl PageWriter, page: CompressedPage) -> Result<PageWriteSpec, ParquetError> {
        let (page_type, encoding) = (page.page_type(), page.encoding());
        match self.pages.last_mut() {
            Some(last) if last.page_type == page_type && last.encoding == encoding => last.count += 1,
            _ => self.pages.push(PageEncodingStats {
                page_type,
                encoding,
                count: 1,
            }),
        }
        let spec = writer.write_page(page)?;
        self.compressed += spec.compressed_size;
        self.uncompressed += spec.uncompressed_size;
        Ok(spec)
    }

    fn encodings(&self) -> Vec<Encoding> {
        let of = |pages: &PageEncodingStats| match pages.page_type {
            PageType::DICTIONARY_PAGE => Encoding::PLAIN,
            _ => pages.encoding,
        };
        self.pages.iter().map(of).collect()
    }
}

/// Whether the pages' bounds ascend or descend. Pages of nulls have none, and are gone over.
struct Order<B> {
    last: Option<(B, B)>,
    ascends: bool,
    descends: bool,
}

impl<B> Default for Order<B> {
    fn default() -> Self {
        Self {
            last: None,
            ascends: true,
            descends: true,
        }
    }
}

impl<B: Ord> Order<B> {
    fn push(&mut self, range: Option<(B, B)>) {
        let Some(range) = range else { return };
        if let Some(last) = &self.last {
            self.ascends &= last.0 <= range.0 && last.1 <= range.1;
            self.descends &= last.0 >= range.0 && last.1 >= range.1;
        }
        self.last = Some(range);
    }

    fn finish(&self) -> BoundaryOrder {
        match (self.ascends, self.descends) {
            (true, _) => BoundaryOrder::ASCENDING,
            (false, true) => BoundaryOrder::DESCENDING,
            (false, false) => BoundaryOrder::UNORDERED,
        }
    }
}

/// Zstandard, with memory that all pages of a file share.
pub struct Compressor {
    zstd: zstd::bulk::Compressor<'static>,
    compression: Compression,
}

impl Compressor {
    /// Of the level that the properties name.
    pub fn new(properties: &WriterProperties) -> Result<Self, ParquetError> {
        let compression = properties.compression(&ColumnPath::new(Vec::new()));
        let Compression::ZSTD(level) = compression else {
            return Err(ParquetError::General(format!("{compression} is not zstd")));
        };
        let zstd = zstd::bulk::Compressor::new(level.compression_level());
        Ok(Self {
            zstd: zstd.map_err(|error| ParquetError::External(Box::new(error)))?,
            compression,
        })
    }

    fn compress(&mut self, body: &[u8]) -> Result<Bytes, ParquetError> {
        let compressed = self.zstd.compress(body);
        Ok(compressed
            .map_err(|error| ParquetError::External(Box::new(error)))?
            .into())
    }

    fn compression(&self) -> Compression {
        self.compression
    }
}

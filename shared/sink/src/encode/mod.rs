//! Rows to a Parquet file. Numbers, dates, times and strings are encoded by [`column`], several times as fast as the `parquet` crate
//! does it; the crate encodes all other columns, and writes the file around both.
//!
//! ```text
//! FileWriter ─▶ row group ─▶ ColumnEncoder ─▶ numbers | texts ─▶ hybrid (codes) ─▶ pages ─▶ zstd
//!                        └──▶ ArrowColumnWriter (floats, booleans, bytes, wide decimals, structs and lists)
//! ```

mod column;
mod hybrid;
mod numbers;
mod pages;
mod texts;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use column::ColumnEncoder;
use pages::Compressor;
use parquet::{
    arrow::{
        ArrowSchemaConverter,
        arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves},
    },
    errors::ParquetError,
    file::{
        properties::WriterProperties,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
};
use std::{fs::File, sync::Arc};

/// Writes one file.
pub struct FileWriter {
    writer: SerializedFileWriter<File>,
    library: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    compressor: Compressor,
    max_rows: usize,
    max_bytes: usize,
    group: Option<RowGroup>,
}

/// A row group that is not yet in the file: its pages are in memory.
struct RowGroup {
    columns: Vec<Column>,
    rows: usize,
}

enum Column {
    Own(Box<ColumnEncoder>),
    /// A writer for each leaf.
    Library(Vec<ArrowColumnWriter>),
}

impl FileWriter {
    /// A file of that schema. `properties` name the codec's level, the bounds of row groups and pages, and the columns with a
    /// dictionary.
    pub fn new(file: File, schema: SchemaRef, properties: WriterProperties) -> Result<Self, ParquetError> {
        let compressor = Compressor::new(&properties)?;
        let max_rows = properties.max_row_group_row_count().unwrap_or(usize::MAX);
        let max_bytes = properties.max_row_group_bytes().unwrap_or(usize::MAX);
        // Readers go by the Parquet types and field ids; an arrow schema beside them would only be one more thing to disagree.
        let parquet = ArrowSchemaConverter::new().convert(&schema)?;
        let writer = SerializedFileWriter::new(file, parquet.root_schema_ptr(), Arc::new(properties))?;
        Ok(Self {
            library: ArrowRowGroupWriterFactory::new(&writer, Arc::clone(&schema)),
            writer,
            schema,
            compressor,
            max_rows,
            max_bytes,
            group: None,
        })
    }

    /// Adds rows. A row group is closed when it has its rows or its bytes: the last batch may take it a little over.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        let mut start = 0;
        while start < batch.num_rows() {
            let group = match &mut self.group {
                Some(group) => group,
                none => none.insert(RowGroup::new(&self.writer, &self.library)?),
            };
            let rows = (batch.num_rows() - start).min(self.max_rows - group.rows);
            group.write(&self.schema, &batch.slice(start, rows), &mut self.compressor)?;
            start += rows;
            if group.rows == self.max_rows || group.bytes() >= self.max_bytes {
                self.end_group()?;
            }
        }
        Ok(())
    }

    /// Bytes that the file has, and about those that the row group will add to it.
    pub fn bytes(&self) -> usize {
        self.writer.bytes_written() + self.group.as_ref().map_or(0, RowGroup::bytes)
    }

    /// Writes the footer. The size of the file.
    pub fn finish(mut self) -> Result<u64, ParquetError> {
        self.end_group()?;
        self.writer.finish()?;
        Ok(self.writer.bytes_written() as u64)
    }

    fn end_group(&mut self) -> Result<(), ParquetError> {
        let Some(group) = self.group.take() else { return Ok(()) };
        let mut writer = self.writer.next_row_group()?;
        for column in group.columns {
            column.append_to(&mut writer, &mut self.compressor)?;
        }
        writer.close()?;
        Ok(())
    }
}

impl RowGroup {
    fn new(writer: &SerializedFileWriter<File>, library: &ArrowRowGroupWriterFactory) -> Result<Self, ParquetError> {
        let parquet = writer.schema_descr();
        let root = |leaf| parquet.get_column_root_idx(leaf);
        let ordinal = writer.flushed_row_groups().len();
        let mut columns: Vec<Column> = Vec::new();
        for (leaf, theirs) in library.create_column_writers(ordinal)?.into_iter().enumerate() {
            if let Some(own) = ColumnEncoder::new(parquet.column(leaf), writer.properties()) {
                columns.push(Column::Own(Box::new(own)));
                continue;
            }
            match columns.last_mut() {
                Some(Column::Library(leaves)) if leaf > 0 && root(leaf) == root(leaf - 1) => {
                    leaves.push(theirs);
                }
                _ => columns.push(Column::Library(vec![theirs])),
            }
        }
        Ok(Self { columns, rows: 0 })
    }

    fn write(&mut self, schema: &SchemaRef, batch: &RecordBatch, codec: &mut Compressor) -> Result<(), ParquetError> {
        for ((column, array), field) in self.columns.iter_mut().zip(batch.columns()).zip(schema.fields()) {
            match column {
                Column::Own(own) => own.write(array, codec)?,
                Column::Library(leaves) => {
                    for (writer, leaf) in leaves.iter_mut().zip(compute_leaves(field, array)?) {
                        writer.write(&leaf)?;
                    }
                }
            }
        }
        self.rows += batch.num_rows();
        Ok(())
    }

    fn bytes(&self) -> usize {
        let of = |column: &Column| match column {
            Column::Own(own) => own.bytes(),
            Column::Library(leaves) => leaves.iter().map(ArrowColumnWriter::get_estimated_total_bytes).sum(),
        };
        self.columns.iter().map(of).sum()
    }
}

impl Column {
    fn append_to(
        self,
        writer: &mut SerializedRowGroupWriter<'_, File>,
        codec: &mut Compressor,
    ) -> Result<(), ParquetError> {
        match self {
            Self::Own(own) => {
                let (bytes, close) = own.finish(codec)?;
                Ok(writer.append_column(&bytes, close)?)
            }
            Self::Library(leaves) => {
                for leaf in leaves {
                    leaf.close()?.append_to_row_group(writer)?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;

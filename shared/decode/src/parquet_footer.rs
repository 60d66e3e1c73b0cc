//! The footer of a Parquet file, as far as it must be true before anything is read by it: the library takes for granted what it says
//! of places and counts, and panics where that cannot be.

use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions},
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, RowGroupMetaData},
        reader::ChunkReader,
    },
};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Reads it. Not the schema that Arrow's writers put beside Parquet's own: other readers do not know it, and reading it panics where it
/// is damaged (arrow-ipc 59).
pub fn read(file: &impl ChunkReader) -> Result<ArrowReaderMetadata, ParquetError> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let read = caught(|| ArrowReaderMetadata::load(file, options)).flatten()?;
    let metadata = read.metadata();
    let mut rows = 0_u64;
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let wrong = |what: &str| ParquetError::General(format!("row group {number} {what}"));
        rows = u64::try_from(group.num_rows())
            .ok()
            .and_then(|of_group| rows.checked_add(of_group))
            .ok_or_else(|| wrong("has no number of rows that can be"))?;
        if !columns_are_there(group, file.len()) {
            return Err(wrong("has columns that lie outside of the file"));
        }
    }
    if u64::try_from(metadata.file_metadata().num_rows()) != Ok(rows) {
        let message = "the rows of all row groups are not as many as those of the file";
        return Err(ParquetError::General(message.into()));
    }
    Ok(read)
}

/// What `work` gives, or an error where the library panics on pages that are damaged: all profiles unwind for that.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, ParquetError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        let message = "it holds what the library that reads it cannot bear";
        ParquetError::General(message.into())
    })
}

fn columns_are_there(group: &RowGroupMetaData, file_bytes: u64) -> bool {
    let lies_in = |column: &ColumnChunkMetaData| {
        let begin = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let counts = [
            begin,
            column.data_page_offset(),
            column.compressed_size(),
            column.uncompressed_size(),
            column.num_values(),
        ];
        let end = begin.checked_add(column.compressed_size());
        let end = end.and_then(|end| u64::try_from(end).ok());
        counts.iter().all(|count| *count >= 0) && end.is_some_and(|end| end <= file_bytes)
    };
    group.columns().iter().all(lies_in)
}

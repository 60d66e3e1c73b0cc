//! One Parquet writer at a time: rows of one partition in, files of bounded size out.

use crate::{
    FinishedFile, SinkSettings,
    encode::FileWriter,
    error::SinkError,
    key::PartitionValues,
    pending::{MAX_CHUNK_ROWS, row_bytes},
    properties::Footer,
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use std::{fs::File, path::PathBuf};
use watershed_lake::layout::data_file_path;

/// Takes over a finished file.
pub type Emit<'a> = dyn FnMut(FinishedFile) -> Result<(), SinkError> + 'a;

/// Rows that the writer takes at a time, where the rows come in fewer.
const WRITE_ROWS: usize = MAX_CHUNK_ROWS / 2;
/// Bytes of rows that wait to be written together.
const WRITE_BYTES: usize = 1 << 20;

/// Writes the data files of one partition after the other.
pub struct Output {
    settings: SinkSettings,
    schema: SchemaRef,
    footer: Footer,
    /// The partition being written.
    partition: PartitionValues,
    partition_ordinal: usize,
    file_ordinal: usize,
    waiting: Vec<RecordBatch>,
    waiting_rows: usize,
    waiting_bytes: usize,
    open: Option<OpenFile>,
    files: u64,
    rows: u64,
}

/// Removed when dropped, unless it was finished.
struct OpenFile {
    writer: Option<FileWriter>,
    local: PathBuf,
    rows: u64,
    keep: bool,
}

impl Output {
    /// Writes to partition 0, which has no values, until [`Self::begin`] says otherwise.
    pub fn new(settings: SinkSettings, schema: SchemaRef, footer: Footer) -> Self {
        Self {
            settings,
            schema,
            footer,
            partition: Vec::new(),
            partition_ordinal: 0,
            file_ordinal: 0,
            waiting: Vec::new(),
            waiting_rows: 0,
            waiting_bytes: 0,
            open: None,
            files: 0,
            rows: 0,
        }
    }

    /// The rows that follow are of this partition. The one before has ended.
    pub fn begin(&mut self, ordinal: usize, values: PartitionValues) {
        debug_assert!(
            self.open.is_none() && self.waiting.is_empty(),
            "the partition before has ended"
        );
        (self.partition, self.partition_ordinal, self.file_ordinal) = (values, ordinal, 0);
    }

    /// Adds rows to the partition.
    pub fn write(&mut self, batch: RecordBatch, emit: &mut Emit<'_>) -> Result<(), SinkError> {
        self.waiting_rows += batch.num_rows();
        self.waiting_bytes += row_bytes(&batch);
        self.waiting.push(batch);
        if self.waiting_rows >= WRITE_ROWS || self.waiting_bytes >= WRITE_BYTES {
            self.encode(emit)
        } else {
            Ok(())
        }
    }

    /// No more rows of this partition.
    pub fn end(&mut self, emit: &mut Emit<'_>) -> Result<(), SinkError> {
        self.encode(emit)?;
        self.close(emit)
    }

    /// Files and rows handed on so far.
    pub fn totals(&self) -> (u64, u64) {
        (self.files, self.rows)
    }

    fn encode(&mut self, emit: &mut Emit<'_>) -> Result<(), SinkError> {
        if self.waiting_rows == 0 {
            self.waiting.clear();
            return Ok(());
        }
        let batch = match &self.waiting[..] {
            [one] => one.clone(),
            several => concat_batches(&self.schema, several)?,
        };
        self.waiting.clear();
        (self.waiting_rows, self.waiting_bytes) = (0, 0);
        let mut start = 0;
        while start < batch.num_rows() {
            // A caller's batch may be of any size; a file is closed between chunks.
            let slice = batch.slice(start, MAX_CHUNK_ROWS.min(batch.num_rows() - start));
            start += slice.num_rows();
            self.encode_chunk(&slice, emit)?;
        }
        Ok(())
    }

    fn encode_chunk(&mut self, batch: &RecordBatch, emit: &mut Emit<'_>) -> Result<(), SinkError> {
        let file = match &mut self.open {
            Some(file) => file,
            none => {
                let name = format!("{:05}-{:05}.parquet", self.partition_ordinal, self.file_ordinal);
                none.insert(OpenFile::create(
                    self.settings.scratch.join(name),
                    &mut self.footer,
                    batch,
                )?)
            }
        };
        if file.write(batch)? >= self.settings.target_file_bytes {
            self.close(emit)
        } else {
            Ok(())
        }
    }

    fn close(&mut self, emit: &mut Emit<'_>) -> Result<(), SinkError> {
        let Some(file) = self.open.take() else { return Ok(()) };
        let (local, rows, bytes) = file.finish()?;
        let values: Vec<(&str, String)> = self.partition.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
        let path = data_file_path(&values, self.partition_ordinal, self.file_ordinal);
        self.file_ordinal += 1;
        self.files += 1;
        self.rows += rows;
        emit(FinishedFile {
            path,
            local,
            rows,
            bytes,
        })
    }
}

impl OpenFile {
    fn create(local: PathBuf, footer: &mut Footer, sample: &RecordBatch) -> Result<Self, SinkError> {
        let file = File::create(&local).map_err(SinkError::io(&local))?;
        let mut open = Self {
            writer: None,
            local,
            rows: 0,
            keep: false,
        };
        let properties = footer.properties(sample)?;
        open.writer =
            Some(FileWriter::new(file, sample.schema(), properties).map_err(SinkError::parquet(&open.local))?);
        Ok(open)
    }

    /// Bytes that the file has, or would have if it ended here.
    fn write(&mut self, batch: &RecordBatch) -> Result<u64, SinkError> {
        let writer = self.writer.as_mut().expect("an open file has a writer");
        writer.write(batch).map_err(SinkError::parquet(&self.local))?;
        self.rows += batch.num_rows() as u64;
        Ok(writer.bytes() as u64)
    }

    fn finish(mut self) -> Result<(PathBuf, u64, u64), SinkError> {
        let writer = self.writer.take().expect("an open file has a writer");
        let bytes = writer.finish().map_err(SinkError::parquet(&self.local))?;
        self.keep = true;
        Ok((self.local.clone(), self.rows, bytes))
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if !self.keep {
            // Nobody is left to tell, and the next sink in this directory overwrites it.
            let _ = std::fs::remove_file(&self.local);
        }
    }
}

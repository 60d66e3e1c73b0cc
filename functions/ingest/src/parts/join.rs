//! The parts of an object become one: what they made of it, and the rows that they refused, with the lines of the object.

use super::message::Record;
use crate::{
    output::Output,
    pipeline::{Job, PipelineError, Take},
};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, cast::AsArray, types::Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek},
    sync::Arc,
};
use watershed_decode::keys::{KeyRange, NotAscending};
use watershed_lake::{
    StagedFile,
    message::{MAX_FILES_PER_REQUEST, MAX_REQUEST_BYTES},
    quarantine::column,
};
use watershed_sink::SinkError;

/// Refused rows that are held at a time: each may have the bytes of the longest record.
const BATCH_ROWS: usize = 16;

/// What the parts made together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joined {
    /// Rows in the data files.
    pub accepted: u64,
    /// Refused rows by the code of their reason.
    pub refused: BTreeMap<String, u64>,
    /// Bytes read of the object.
    pub bytes_in: u64,
    /// The dataset's files.
    pub data: Vec<StagedFile>,
    /// The quarantine's.
    pub quarantine: Vec<StagedFile>,
    /// Refused rows as the parts left them: lines before the part, and file.
    pub waiting: Vec<(u64, StagedFile)>,
    /// What the files take of a request.
    request_bytes: usize,
    lines: u64,
    last_key: Option<u128>,
}

impl Joined {
    /// Adds the part behind those that were added. An error: why the object must be read in one pass.
    pub fn add(&mut self, record: Record) -> Result<(), String> {
        if let Some(why) = record.whole {
            return Err(why);
        }
        if let Some(keys) = record.keys {
            let keys: KeyRange = keys.parse().map_err(|_| format!("a part says {keys:?} of its keys"))?;
            if self.last_key.is_some_and(|last| keys.first <= last) {
                return Err(NotAscending.to_string());
            }
            self.last_key = Some(keys.last);
        }
        self.request_bytes += record.data.iter().map(request_bytes).sum::<usize>();
        if self.data.len() + record.data.len() > MAX_FILES_PER_REQUEST || self.request_bytes > MAX_REQUEST_BYTES {
            return Err("its parts make more files than a request names".into());
        }
        self.accepted += record.accepted;
        self.bytes_in += record.bytes_in;
        for (reason, rows) in record.refused {
            *self.refused.entry(reason).or_default() += rows;
        }
        self.data.extend(record.data);
        let before = self.lines;
        self.waiting
            .extend(record.quarantine.into_iter().map(|file| (before, file)));
        self.lines += record.lines;
        Ok(())
    }

    /// Rows that were refused.
    pub fn rejected(&self) -> u64 {
        self.refused.values().sum()
    }
}

/// Bytes of a file in a request, or some more: its path, its numbers, the names of both.
fn request_bytes(file: &StagedFile) -> usize {
    const REST_BYTES: usize = 80;
    file.path.len() + REST_BYTES
}

/// Opens a file of refused rows.
pub type OpenFile<'a> = dyn FnMut(&StagedFile) -> io::Result<Box<dyn Read + Send>> + 'a;

/// The files of refused rows as one table's: lines are those of the object. Files go to `folder`.
pub fn quarantine(
    job: &Job,
    folder: &str,
    waiting: &[(u64, StagedFile)],
    open: &mut OpenFile<'_>,
    take: &mut Take<'_>,
) -> Result<Vec<StagedFile>, PipelineError> {
    let mut output = Output::quarantine(job)?;
    for (before, file) in waiting {
        let mut local = tempfile::tempfile_in(&job.scratch).map_err(PipelineError::Input)?;
        let copied = open(file).and_then(|mut input| io::copy(&mut input, &mut local));
        copied.and_then(|_| local.rewind()).map_err(PipelineError::Input)?;
        for batch in batches(local).map_err(damaged)? {
            let batch = batch.and_then(|batch| moved(&batch, *before)).map_err(damaged)?;
            output.write(folder, batch, take)?;
        }
    }
    Ok(output.finish(folder, take)?.1)
}

fn batches(
    file: File,
) -> Result<impl Iterator<Item = Result<RecordBatch, arrow_schema::ArrowError>>, parquet::errors::ParquetError> {
    ParquetRecordBatchReaderBuilder::try_new(file)?
        .with_batch_size(BATCH_ROWS)
        .build()
}

fn damaged(error: impl std::fmt::Display) -> PipelineError {
    SinkError::Internal(format!("refused rows that wait for the join: {error}")).into()
}

/// The rows with so many lines before them.
fn moved(batch: &RecordBatch, before: u64) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let mut columns = batch.columns().to_vec();
    let lines = columns[column::LINE].as_primitive::<Int64Type>();
    let lines = lines.values().iter().map(|line| line + before as i64);
    let lines: ArrayRef = Arc::new(Int64Array::from_iter_values(lines));
    columns[column::LINE] = lines;
    RecordBatch::try_new(batch.schema(), columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(files: usize, path_bytes: usize, keys: Option<&str>) -> Record {
        let file = StagedFile {
            path: "p".repeat(path_bytes),
            bytes: 1,
            rows: 1,
        };
        Record {
            accepted: 1,
            lines: 10,
            keys: keys.map(Into::into),
            data: vec![file.clone(); files],
            quarantine: vec![file],
            ..Record::default()
        }
    }

    #[test]
    fn lines_and_rows_add_up_and_keys_go_on_ascending() {
        let mut joined = Joined::default();
        for keys in [Some("1-5"), None, Some("6-ff")] {
            assert_eq!(joined.add(record(1, 1, keys)), Ok(()));
        }
        let before: Vec<u64> = joined.waiting.iter().map(|(before, _)| *before).collect();
        assert_eq!((joined.accepted, joined.data.len(), before), (3, 3, vec![0, 10, 20]));
        assert_eq!(joined.add(record(1, 1, Some("ff-100"))), Err(NotAscending.to_string()));
        assert!(joined.add(record(1, 1, Some("x"))).is_err());
    }

    #[test]
    fn more_files_than_a_request_names_are_for_one_pass() {
        let mut joined = Joined::default();
        assert_eq!(joined.add(record(MAX_FILES_PER_REQUEST, 1, None)), Ok(()));
        assert!(joined.add(record(1, 1, None)).is_err());
        assert!(Joined::default().add(record(MAX_FILES_PER_REQUEST, 200, None)).is_err());
    }
}

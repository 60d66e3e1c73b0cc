//! One object, from bytes to data files: decode, standardise, check, write. Sync and local: what comes in is a `Read`, what goes
//! out are files in a scratch folder. The function and `cargo local try` run this very code.

use crate::{
    quarantine::{self, Origin},
    source::{Preview, Source},
};
use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};
use watershed_contract::Dataset;
use watershed_decode::{
    KeyIndex, ObjectReject, Reason, Standardiser, Treatment,
    drift::{self, Unknown},
    reject::DecodeError,
};
use watershed_lake::{
    AddedColumn, StagedFile, TableSpec, layout::attempt_path, quarantine::MAX_OBJECT_PREVIEW_BYTES, table::properties,
};
use watershed_sink::{FinishedFile, Sink, SinkError, SinkReport, SinkSettings, arrow_schema};

/// Memory of the quarantine's sink: refused rows are few, or the object is wrong.
const QUARANTINE_MEMORY_BYTES: usize = 16 * 1024 * 1024;

/// What is to be done.
pub struct Job {
    /// By which contract.
    pub dataset: Arc<Dataset>,
    /// What is done with its personal columns.
    pub treatment: Arc<Treatment>,
    /// Of which source.
    pub origin: Origin,
    /// A folder of this job alone.
    pub scratch: PathBuf,
    /// Memory for rows that wait for their order.
    pub sink_memory_bytes: usize,
}

/// Which table a file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// The dataset's.
    Data,
    /// Its quarantine.
    Quarantine,
}

/// A data file to be taken over: moved or uploaded to `staged.path`, and deleted here.
#[derive(Debug)]
pub struct Emitted {
    /// Of which table.
    pub table: Table,
    /// Where it goes below the staged prefix.
    pub staged: StagedFile,
    /// Where it is.
    pub local: PathBuf,
}

/// What came of the object.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Rows in the data files.
    pub accepted: u64,
    /// Rows in quarantine.
    pub rejected: u64,
    /// The same by reason.
    pub by_reason: BTreeMap<Reason, u64>,
    /// Bytes read, compressed as they were.
    pub bytes_in: u64,
    /// Passes over the input: one more where repeated keys were found too late, and one where records have columns to be added.
    pub passes: u32,
    /// Columns of the data files that the contract does not name.
    pub added: Vec<AddedColumn>,
    /// Columns of the contract that the object had nothing of: they are null.
    pub missing_columns: Vec<String>,
    /// Why the whole object was refused, if it was.
    pub object: Option<ObjectReject>,
    /// The dataset's files.
    pub data: Vec<StagedFile>,
    /// The quarantine's.
    pub quarantine: Vec<StagedFile>,
}

/// What stops a job; nothing is said about the object.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The input could not be read.
    #[error("{0}")]
    Input(std::io::Error),
    /// The output could not be written or handed on.
    #[error("{0}")]
    Output(#[from] SinkError),
}

/// Opens the object from its beginning.
pub type Open<'a> = dyn FnMut() -> std::io::Result<Box<dyn Read + Send>> + 'a;
/// Takes over a file.
pub type Take<'a> = dyn FnMut(Emitted) -> Result<(), Box<dyn std::error::Error + Send + Sync>> + 'a;

/// Runs the job. Emitted files that the report does not name are of a pass that was given up: no request names them.
pub fn run(job: &Job, open: &mut Open<'_>, take: &mut Take<'_>) -> Result<Report, PipelineError> {
    let mut keys = KeyIndex::new(&scratch(job, "keys")?);
    let mut dataset = Arc::clone(&job.dataset);
    let mut attempt = 1;
    loop {
        let mut preview = Preview::new(open().map_err(PipelineError::Input)?, MAX_OBJECT_PREVIEW_BYTES);
        match pass(job, attempt, &dataset, keys, &mut preview, take) {
            Ok(Ended::Done(report)) => {
                return Ok(Report {
                    bytes_in: preview.bytes_read(),
                    ..*report
                });
            }
            Ok(Ended::Repeated(repeated)) => keys = KeyIndex::known(repeated),
            Ok(Ended::Added(extended)) => {
                // Their values may refuse rows, so that others are the first with their keys.
                keys = KeyIndex::new(&scratch(job, "keys")?);
                dataset = extended;
            }
            Err(Stopped::Output(error)) => return Err(error.into()),
            Err(Stopped::Decode(DecodeError::Input(error))) => return Err(PipelineError::Input(error)),
            Err(Stopped::Decode(DecodeError::Object(reject))) => {
                return refuse(job, attempt + 1, reject, &mut preview, take);
            }
        }
        attempt += 1;
    }
}

/// How a pass ended.
enum Ended {
    Done(Box<Report>),
    /// Keys are repeated by rows that are written already: the same again with these known.
    Repeated(Vec<u64>),
    /// Records have columns to be added: again with them.
    Added(Arc<Dataset>),
}

/// One pass over the object.
fn pass(
    job: &Job,
    attempt: u32,
    dataset: &Arc<Dataset>,
    keys: KeyIndex,
    input: &mut Preview,
    take: &mut Take<'_>,
) -> Result<Ended, Stopped> {
    let mut source = Source::open(input, dataset, &job.scratch)?;
    let dataset = with(dataset, &source.named())?;
    let mut pass = Pass::new(job, &dataset, attempt)?;
    let repeated = pass.decode(&mut source, keys, take)?;
    let met: Vec<Unknown> = source.met().iter().map(|name| Unknown::text(name)).collect();
    if !met.is_empty() {
        return Ok(Ended::Added(with(&dataset, &met)?));
    }
    if let Some(repeated) = repeated {
        return Ok(Ended::Repeated(repeated));
    }
    let mut report = pass.finish(take)?;
    report.added = drift::added(&dataset);
    if report.accepted + report.rejected > 0 {
        let missing = source.missing().into_iter();
        let name = |column: usize| dataset.table.columns[column].name.clone();
        report.missing_columns = missing.map(name).collect();
    }
    Ok(Ended::Done(report.into()))
}

/// The dataset with these columns.
fn with(dataset: &Arc<Dataset>, unknown: &[Unknown]) -> Result<Arc<Dataset>, DecodeError> {
    if unknown.is_empty() {
        return Ok(Arc::clone(dataset));
    }
    Ok(Arc::new(drift::extended(dataset, unknown)?))
}

fn scratch(job: &Job, name: &str) -> Result<PathBuf, PipelineError> {
    let folder = job.scratch.join(name);
    std::fs::create_dir_all(&folder).map_err(PipelineError::Input)?;
    Ok(folder)
}

enum Stopped {
    Decode(DecodeError),
    Output(SinkError),
}

impl From<DecodeError> for Stopped {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<SinkError> for Stopped {
    fn from(error: SinkError) -> Self {
        match error {
            // What the data or the contract did, not the disk: the object is refused, others go on.
            SinkError::TooManyPartitions { .. } => {
                Self::Decode(ObjectReject::new(Reason::Limit, error.to_string()).into())
            }
            other => Self::Output(other),
        }
    }
}

/// The tables' files and the count of one pass.
struct Pass<'a> {
    job: &'a Job,
    dataset: &'a Arc<Dataset>,
    attempt: u32,
    data: Output,
    quarantine: Output,
    by_reason: BTreeMap<Reason, u64>,
}

impl<'a> Pass<'a> {
    fn new(job: &'a Job, dataset: &'a Arc<Dataset>, attempt: u32) -> Result<Self, SinkError> {
        let scratch = &job.scratch;
        Ok(Self {
            job,
            dataset,
            attempt,
            data: Output::new(Table::Data, &dataset.table, job, scratch, job.sink_memory_bytes)?,
            quarantine: Output::new(
                Table::Quarantine,
                &dataset.quarantine,
                job,
                scratch,
                QUARANTINE_MEMORY_BYTES,
            )?,
            by_reason: BTreeMap::new(),
        })
    }

    /// None, or the repeated keys that were found too late to leave their rows out.
    fn decode(
        &mut self,
        source: &mut Source<'_>,
        keys: KeyIndex,
        take: &mut Take<'_>,
    ) -> Result<Option<Vec<u64>>, Stopped> {
        let schema = arrow_schema(&self.dataset.table);
        let refused = arrow_schema(&self.dataset.quarantine);
        let treatment = Arc::new(self.job.treatment.extended(self.dataset));
        let mut standardiser = Standardiser::new(Arc::clone(self.dataset), schema, keys, treatment);
        while let Some(decoded) = source.read(&mut standardiser)? {
            if !source.met().is_empty() {
                // There will be another pass, which writes; this one goes on to find what else there is.
                continue;
            }
            self.data.write(self.attempt, decoded.batch, take)?;
            if !decoded.rejected.is_empty() {
                for row in &decoded.rejected {
                    *self.by_reason.entry(row.reason).or_default() += 1;
                }
                let rows = quarantine::rows(&self.job.origin, &refused, &decoded.rejected).map_err(SinkError::from)?;
                self.quarantine.write(self.attempt, rows, take)?;
            }
        }
        let repeated = standardiser.into_keys().finish().map_err(DecodeError::Input)?;
        Ok(repeated.map_err(|e| DecodeError::from(ObjectReject::new(Reason::Limit, e.to_string())))?)
    }

    fn finish(self, take: &mut Take<'_>) -> Result<Report, SinkError> {
        let (accepted, data) = self.data.finish(self.attempt, take)?;
        let (rejected, quarantine) = self.quarantine.finish(self.attempt, take)?;
        Ok(Report {
            accepted: accepted.rows,
            rejected: rejected.rows,
            by_reason: self.by_reason,
            passes: self.attempt,
            data,
            quarantine,
            ..Report::default()
        })
    }
}

/// The whole object becomes one row of the quarantine.
fn refuse(
    job: &Job,
    attempt: u32,
    mut reject: ObjectReject,
    input: &mut Preview,
    take: &mut Take<'_>,
) -> Result<Report, PipelineError> {
    let mut beginning = input.beginning();
    if job.treatment.is_private() {
        // What it holds may not be shown, and what is said of it may name what it holds.
        beginning = &[];
        if reject.reason.shows_input() {
            reject.message = reject.reason.without_value();
        }
    }
    let table = &job.dataset.quarantine;
    let mut output = Output::new(Table::Quarantine, table, job, &job.scratch, QUARANTINE_MEMORY_BYTES)?;
    let bytes = input.bytes_read();
    let row = quarantine::object(&job.origin, &arrow_schema(table), &reject, beginning, bytes);
    output.write(attempt, row.map_err(SinkError::from)?, take)?;
    let (_, quarantine) = output.finish(attempt, take)?;
    Ok(Report {
        bytes_in: bytes,
        passes: attempt,
        object: Some(reject),
        quarantine,
        ..Report::default()
    })
}

/// One table's files.
struct Output {
    table: Table,
    sink: Sink,
    staged: Vec<StagedFile>,
}

impl Output {
    fn new(table: Table, spec: &TableSpec, job: &Job, scratch: &Path, memory_bytes: usize) -> Result<Self, SinkError> {
        let folder = match table {
            Table::Data => "data",
            Table::Quarantine => "quarantine",
        };
        let settings = SinkSettings {
            memory_bytes,
            ..SinkSettings::new(scratch.join(folder))
        };
        let provenance = BTreeMap::from([
            ("watershed.source".to_string(), job.origin.source.clone()),
            ("watershed.source-version".to_string(), job.origin.version.clone()),
            (properties::CONTRACT.to_string(), job.dataset.id.clone()),
            (properties::CONTRACT_VERSION.to_string(), job.dataset.version_text()),
            ("watershed.contract-digest".to_string(), job.dataset.digest.clone()),
        ]);
        Ok(Self {
            table,
            sink: Sink::new(spec, &provenance, settings)?,
            staged: Vec::new(),
        })
    }

    fn write(&mut self, attempt: u32, batch: arrow_array::RecordBatch, take: &mut Take<'_>) -> Result<(), SinkError> {
        let (table, staged) = (self.table, &mut self.staged);
        self.sink
            .write(batch, &mut |file| hand_on(table, attempt, file, staged, take))
    }

    fn finish(mut self, attempt: u32, take: &mut Take<'_>) -> Result<(SinkReport, Vec<StagedFile>), SinkError> {
        let (table, staged) = (self.table, &mut self.staged);
        let report = self
            .sink
            .finish(&mut |file| hand_on(table, attempt, file, staged, take))?;
        Ok((report, self.staged))
    }
}

fn hand_on(
    table: Table,
    attempt: u32,
    file: FinishedFile,
    staged: &mut Vec<StagedFile>,
    take: &mut Take<'_>,
) -> Result<(), SinkError> {
    let entry = StagedFile {
        path: attempt_path(attempt, &file.path),
        bytes: file.bytes,
        rows: file.rows,
    };
    staged.push(entry.clone());
    take(Emitted {
        table,
        staged: entry,
        local: file.local,
    })
    .map_err(SinkError::Emit)
}

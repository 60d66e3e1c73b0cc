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
    Decoded, KeyIndex, ObjectReject, Quality, Reason, RuleResult, Standardiser, Treatment, quality, reject::DecodeError,
};
use watershed_lake::{
    StagedFile, TableSpec,
    layout::{attempt_folder, path_in},
    quarantine::MAX_OBJECT_PREVIEW_BYTES,
    table::properties,
};
use watershed_sink::{FinishedFile, Sink, SinkError, SinkReport, SinkSettings, arrow_schema};

/// Memory of the quarantine's sink: refused rows are few, or the object is wrong.
const QUARANTINE_MEMORY_BYTES: usize = 16 * 1024 * 1024;

/// Folder of keys that do not fit in memory, below the job's own.
pub(crate) const KEYS: &str = "keys";

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
    /// Passes over the input: 2 where repeated keys were found too late.
    pub passes: u32,
    /// Why the whole object was refused, if it was.
    pub object: Option<ObjectReject>,
    /// What came of every quality rule, in the contract's order; empty where the object was refused before its end.
    pub quality: Vec<RuleResult>,
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
    let mut keys = KeyIndex::new(&scratch(job, KEYS)?);
    let mut attempt = 1;
    loop {
        let mut preview = Preview::new(open().map_err(PipelineError::Input)?, MAX_OBJECT_PREVIEW_BYTES);
        let mut pass = Pass::new(job, attempt_folder(attempt))?;
        match pass.decode(&mut preview, keys, take) {
            Ok(None) => {
                let report = pass.finish(preview.bytes_read(), take)?;
                return Ok(Report {
                    passes: attempt,
                    ..report
                });
            }
            Ok(Some(repeated)) => keys = KeyIndex::known(repeated),
            Err(Stopped::Output(error)) => return Err(error.into()),
            Err(Stopped::Decode(DecodeError::Input(error))) => return Err(PipelineError::Input(error)),
            Err(Stopped::Decode(DecodeError::Object(reject))) => {
                let rules = std::mem::take(&mut pass.rules);
                drop(pass);
                let refused = Refused {
                    reject,
                    bytes: preview.bytes_read(),
                    beginning: preview.beginning().to_vec(),
                };
                let report = refuse(job, attempt + 1, refused, take)?;
                return Ok(Report {
                    quality: rules,
                    ..report
                });
            }
        }
        attempt += 1;
    }
}

fn scratch(job: &Job, name: &str) -> Result<PathBuf, PipelineError> {
    let folder = job.scratch.join(name);
    std::fs::create_dir_all(&folder).map_err(PipelineError::Input)?;
    Ok(folder)
}

/// What ends a pass before the end.
pub(crate) enum Stopped {
    /// The object, or that it could not be read.
    Decode(DecodeError),
    /// The output.
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

/// One pass over the object, or over a part of it.
pub(crate) struct Pass<'a> {
    job: &'a Job,
    /// Of its files, below the staged prefix.
    folder: String,
    data: Output,
    quarantine: Output,
    by_reason: BTreeMap<Reason, u64>,
    rules: Vec<RuleResult>,
}

impl<'a> Pass<'a> {
    /// Its files go to `folder` below the staged prefix.
    pub(crate) fn new(job: &'a Job, folder: String) -> Result<Self, SinkError> {
        let (dataset, scratch) = (&job.dataset, &job.scratch);
        Ok(Self {
            job,
            folder,
            data: Output::new(Table::Data, &dataset.table, job, scratch, job.sink_memory_bytes)?,
            quarantine: Output::quarantine(job)?,
            by_reason: BTreeMap::new(),
            rules: Vec::new(),
        })
    }

    /// None: done. Otherwise the repeated keys that were found too late to leave their rows out.
    fn decode(
        &mut self,
        input: &mut Preview,
        keys: KeyIndex,
        take: &mut Take<'_>,
    ) -> Result<Option<Vec<u64>>, Stopped> {
        let schema = arrow_schema(&self.job.dataset.table);
        let (dataset, treatment) = (Arc::clone(&self.job.dataset), Arc::clone(&self.job.treatment));
        let rules = Quality::new(&dataset, &self.job.scratch.join(KEYS));
        let mut standardiser = Standardiser::new(dataset, Arc::clone(&schema), keys, treatment, rules);
        let mut source = Source::open(input, &self.job.dataset, schema, &self.job.scratch)?;
        while let Some(decoded) = source.read(&mut standardiser)? {
            self.write(decoded, take)?;
        }
        let (keys, rules) = standardiser.into_parts();
        let repeated = keys.finish().map_err(DecodeError::Input)?;
        let repeated = repeated.map_err(|e| DecodeError::from(ObjectReject::new(Reason::Limit, e.to_string())))?;
        if repeated.is_none() {
            self.rules = rules.finish(self.job.origin.time_us).map_err(DecodeError::Input)?;
            if let Some(reject) = quality::broken(&self.rules) {
                return Err(Stopped::Decode(reject.into()));
            }
        }
        Ok(repeated)
    }

    /// The rows of a block.
    pub(crate) fn write(&mut self, decoded: Decoded, take: &mut Take<'_>) -> Result<(), SinkError> {
        self.data.write(&self.folder, decoded.batch, take)?;
        if decoded.rejected.is_empty() {
            return Ok(());
        }
        for row in &decoded.rejected {
            *self.by_reason.entry(row.reason).or_default() += 1;
        }
        let schema = arrow_schema(&self.job.dataset.quarantine);
        let rows = quarantine::rows(&self.job.origin, &schema, &decoded.rejected)?;
        self.quarantine.write(&self.folder, rows, take)
    }

    /// Hands on what is left.
    pub(crate) fn finish(self, bytes_in: u64, take: &mut Take<'_>) -> Result<Report, SinkError> {
        let (accepted, data) = self.data.finish(&self.folder, take)?;
        let (rejected, quarantine) = self.quarantine.finish(&self.folder, take)?;
        Ok(Report {
            accepted: accepted.rows,
            rejected: rejected.rows,
            by_reason: self.by_reason,
            bytes_in,
            passes: 1,
            object: None,
            quality: self.rules,
            data,
            quarantine,
        })
    }
}

/// An object that is refused as a whole.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Why.
    pub(crate) reject: ObjectReject,
    /// Bytes that were read of it.
    pub(crate) bytes: u64,
    /// The first of them.
    pub(crate) beginning: Vec<u8>,
}

/// The whole object becomes one row of the quarantine.
pub(crate) fn refuse(job: &Job, attempt: u32, refused: Refused, take: &mut Take<'_>) -> Result<Report, PipelineError> {
    let Refused {
        mut reject,
        bytes,
        mut beginning,
    } = refused;
    if job.treatment.is_private() {
        // What it holds may not be shown, and what is said of it may name what it holds.
        beginning.clear();
        if reject.reason.shows_input() {
            reject.message = reject.reason.without_value();
        }
    }
    let table = &job.dataset.quarantine;
    let mut output = Output::quarantine(job)?;
    let folder = attempt_folder(attempt);
    let row = quarantine::object(&job.origin, &arrow_schema(table), &reject, &beginning, bytes);
    output.write(&folder, row.map_err(SinkError::from)?, take)?;
    let (_, quarantine) = output.finish(&folder, take)?;
    Ok(Report {
        bytes_in: bytes,
        passes: attempt,
        object: Some(reject),
        quarantine,
        ..Report::default()
    })
}

/// One table's files.
pub(crate) struct Output {
    table: Table,
    sink: Sink,
    staged: Vec<StagedFile>,
}

impl Output {
    /// The quarantine's.
    pub(crate) fn quarantine(job: &Job) -> Result<Self, SinkError> {
        let table = &job.dataset.quarantine;
        Self::new(Table::Quarantine, table, job, &job.scratch, QUARANTINE_MEMORY_BYTES)
    }

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

    /// Rows; files go to `folder`.
    pub(crate) fn write(
        &mut self,
        folder: &str,
        batch: arrow_array::RecordBatch,
        take: &mut Take<'_>,
    ) -> Result<(), SinkError> {
        let (table, staged) = (self.table, &mut self.staged);
        self.sink
            .write(batch, &mut |file| hand_on(table, folder, file, staged, take))
    }

    /// What is left, and all files that were handed on.
    pub(crate) fn finish(
        mut self,
        folder: &str,
        take: &mut Take<'_>,
    ) -> Result<(SinkReport, Vec<StagedFile>), SinkError> {
        let (table, staged) = (self.table, &mut self.staged);
        let report = self
            .sink
            .finish(&mut |file| hand_on(table, folder, file, staged, take))?;
        Ok((report, self.staged))
    }
}

fn hand_on(
    table: Table,
    folder: &str,
    file: FinishedFile,
    staged: &mut Vec<StagedFile>,
    take: &mut Take<'_>,
) -> Result<(), SinkError> {
    let entry = StagedFile {
        path: path_in(folder, &file.path),
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

//! One object, from bytes to data files: decode, standardise, check, write. Sync and local: what comes in is a `Read`, what goes
//! out are files in a scratch folder. The function and `cargo local try` run this very code.

use crate::{
    output::Output,
    source::{Preview, Source},
};
use arrow_schema::SchemaRef;
use std::{collections::BTreeMap, io::Read, path::PathBuf, sync::Arc};
use watershed_contract::Dataset;
use watershed_decode::{
    Decoded, KeyIndex, ObjectReject, Quality, Reason, RuleResult, Standardiser, Treatment,
    drift::{self, Unknown},
    quality,
    quarantine::{self, Origin},
    reject::DecodeError,
};
use watershed_lake::{AddedColumn, StagedFile, layout::attempt_folder, quarantine::MAX_OBJECT_PREVIEW_BYTES};
use watershed_sink::{SinkError, arrow_schema};

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
    /// Passes over the input: one more where repeated keys were found too late, and one where records have columns to be added.
    pub passes: u32,
    /// Columns of the data files that the contract does not name.
    pub added: Vec<AddedColumn>,
    /// Columns of the contract that the object had nothing of: they are null.
    pub missing_columns: Vec<String>,
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
    let mut dataset = Arc::clone(&job.dataset);
    let mut attempt = 1;
    loop {
        let mut preview = Preview::new(open().map_err(PipelineError::Input)?, MAX_OBJECT_PREVIEW_BYTES);
        let (reject, rules) = match pass(job, attempt, &dataset, keys, &mut preview, take) {
            Ok(Ended::Done(report)) => {
                return Ok(Report {
                    bytes_in: preview.bytes_read(),
                    passes: attempt,
                    ..*report
                });
            }
            Ok(Ended::Repeated(repeated)) => {
                keys = KeyIndex::known(repeated);
                attempt += 1;
                continue;
            }
            Ok(Ended::Added(extended)) => {
                // Their values may refuse rows, so that others are the first with their keys.
                keys = KeyIndex::new(&scratch(job, KEYS)?);
                dataset = extended;
                attempt += 1;
                continue;
            }
            Ok(Ended::Broken(reject, rules)) => (reject, rules),
            Err(Stopped::Decode(DecodeError::Object(reject))) => (reject, Vec::new()),
            Err(Stopped::Output(error)) => return Err(error.into()),
            Err(Stopped::Decode(DecodeError::Input(error))) => return Err(PipelineError::Input(error)),
        };
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

/// How a pass ended.
enum Ended {
    Done(Box<Report>),
    /// Keys are repeated by rows that are written already: the same again with these known.
    Repeated(Vec<u64>),
    /// Records have columns to be added: again with them.
    Added(Arc<Dataset>),
    /// A quality rule refuses the object; what came of all of them.
    Broken(ObjectReject, Vec<RuleResult>),
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
    let mut pass = Pass::new(job, &dataset, attempt_folder(attempt))?;
    let repeated = pass.decode(&mut source, keys, take)?;
    let met: Vec<Unknown> = source.met().iter().map(|name| Unknown::text(name)).collect();
    if !met.is_empty() {
        return Ok(Ended::Added(with(&dataset, &met)?));
    }
    if let Some(repeated) = repeated {
        return Ok(Ended::Repeated(repeated));
    }
    if let Some(reject) = quality::broken(&pass.rules) {
        return Ok(Ended::Broken(reject, pass.rules));
    }
    let mut report = pass.finish(0, take)?;
    report.added = drift::added(&dataset);
    if report.accepted + report.rejected > 0 {
        let missing = source.missing().into_iter();
        // What is computed is missing nowhere.
        let missing = missing.filter(|column| dataset.columns[*column].is_read());
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
    dataset: &'a Arc<Dataset>,
    /// Of its files, below the staged prefix.
    folder: String,
    data: Output,
    quarantine: Output,
    /// Schema of the quarantine.
    refused: SchemaRef,
    by_reason: BTreeMap<Reason, u64>,
    rules: Vec<RuleResult>,
}

impl<'a> Pass<'a> {
    /// Its files go to `folder` below the staged prefix; `dataset` is the job's, or that with more columns.
    pub(crate) fn new(job: &'a Job, dataset: &'a Arc<Dataset>, folder: String) -> Result<Self, SinkError> {
        let scratch = &job.scratch;
        Ok(Self {
            job,
            dataset,
            folder,
            data: Output::new(Table::Data, &dataset.table, job, scratch, job.sink_memory_bytes)?,
            quarantine: Output::quarantine(job)?,
            refused: arrow_schema(&dataset.quarantine),
            by_reason: BTreeMap::new(),
            rules: Vec::new(),
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
        let treatment = Arc::new(self.job.treatment.extended(self.dataset));
        let rules = Quality::new(self.dataset, &self.job.scratch.join(KEYS));
        let mut standardiser = Standardiser::new(Arc::clone(self.dataset), schema, keys, treatment, rules);
        while let Some(decoded) = source.read(&mut standardiser)? {
            // Where others were met there will be another pass, which writes; this one goes on to find what else there is.
            if source.met().is_empty() {
                self.write(decoded, take)?;
            }
        }
        let (keys, rules) = standardiser.into_parts();
        let repeated = keys.finish().map_err(DecodeError::Input)?;
        let repeated = repeated.map_err(|e| DecodeError::from(ObjectReject::new(Reason::Limit, e.to_string())))?;
        if repeated.is_none() {
            self.rules = rules.finish(self.job.origin.time_us).map_err(DecodeError::Input)?;
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
        let rows = quarantine::rows(&self.job.origin, &self.refused, &decoded.rejected)?;
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
            quality: self.rules,
            data,
            quarantine,
            ..Report::default()
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
        reject = reject.hidden();
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

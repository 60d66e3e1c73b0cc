//! Record batches in, Parquet data files of an Iceberg table out: partitioned and sorted by the [`TableSpec`], of bounded
//! size, with memory flat in rows and in partitions. Sync; touches nothing but one directory on the local disk.
//!
//! ```text
//! no partition, no sort:  batch ──────────────────────────────────────────────▶ writer ─▶ emit
//! else:   batch ─▶ rows by partition ─▶ memory ─(full)─▶ scratch: one run, by partition (and sorted)
//!                                          └─(end)─▶ partition by partition: merge its runs ─▶ writer ─▶ emit
//! ```
//! * [`Sink`] is the way in; `order` the detour of rows that need one: `partition` numbers the partitions, `pending` is a
//!   run in memory, `scratch` and `codec` one on disk, `merge` brings sorted runs together. `output`, `properties`,
//!   `dictionary` and `encode` make the files. `transform`, `hash` and `human` are Iceberg's partition transforms.
//! * One Parquet writer is open at any time, and three files: data, first runs, merged runs.
//! * The files are a function of the batches as they are cut, the spec, the provenance and the settings: no clock, no
//!   random number, no order of a hash table.

// A test that cannot go on panics.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod codec;
mod dictionary;
mod encode;
mod error;
mod hash;
mod human;
mod key;
mod merge;
mod order;
mod output;
mod partition;
mod pending;
mod properties;
mod schema;
mod scratch;
mod transform;

pub use error::SinkError;
pub use merge::MAX_FAN_IN;
pub use output::Emit;
pub use schema::{arrow_schema, arrow_type};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use order::Order;
use output::Output;
use properties::Footer;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::PathBuf,
    sync::Arc,
};
use watershed_lake::{
    StagedFile, TableSpec,
    layout::{Digest, path_in},
};

/// Bytes at which a data file is closed, where nothing else is said.
pub const TARGET_FILE_BYTES: u64 = 128 << 20;
/// Bytes of a file that are in memory while its digest is made.
const DIGEST_BLOCK_BYTES: usize = 1 << 20;

/// How much of everything.
#[derive(Debug, Clone)]
pub struct SinkSettings {
    /// A directory of this sink alone; made if missing, and removed at the end if empty.
    pub scratch: PathBuf,
    /// Memory for rows that wait for their order, and as much again for the encoded pages of a row group. What is held in
    /// fact: at most about this much and one batch more; twice where all rows fit and nothing is spilled.
    pub memory_bytes: usize,
    /// A file is closed once it has this size; the last chunk of rows may take it a little over.
    pub target_file_bytes: u64,
    /// Most rows of a row group.
    pub row_group_rows: usize,
    /// 1 to 22.
    pub zstd_level: i32,
    /// Most partitions that the rows may fall into.
    pub max_partitions: usize,
}

impl SinkSettings {
    /// 64 MiB of memory, files of 128 MiB, row groups of 1 Mi rows, zstd level 3, 5,000 partitions.
    pub fn new(scratch: impl Into<PathBuf>) -> Self {
        Self {
            scratch: scratch.into(),
            memory_bytes: 64 << 20,
            target_file_bytes: TARGET_FILE_BYTES,
            row_group_rows: 1 << 20,
            zstd_level: 3,
            max_partitions: 5_000,
        }
    }
}

/// A data file on the local disk. Whoever gets it moves it away or deletes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedFile {
    /// Below the staged prefix: see `watershed_lake::layout::data_file_path`.
    pub path: String,
    /// Where it is now.
    pub local: PathBuf,
    /// Rows in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
}

impl FinishedFile {
    /// As a request names it, once it lies where its path says.
    pub fn staged(&self) -> StagedFile {
        StagedFile {
            path: self.path.clone(),
            bytes: self.bytes,
            rows: self.rows,
        }
    }

    /// The same in a folder below the prefix.
    pub fn staged_in(&self, folder: &str) -> StagedFile {
        StagedFile {
            path: path_in(folder, &self.path),
            ..self.staged()
        }
    }

    /// Adds its bytes to a digest. An error: it cannot be read.
    pub fn digest(&self, digest: &mut Digest) -> io::Result<()> {
        let mut file = File::open(&self.local)?;
        let mut block = Vec::with_capacity(DIGEST_BLOCK_BYTES);
        loop {
            block.clear();
            // Whole blocks, however the disk hands them on: a digest tells where its parts end.
            file.by_ref().take(DIGEST_BLOCK_BYTES as u64).read_to_end(&mut block)?;
            if block.is_empty() {
                return Ok(());
            }
            digest.part(&block);
        }
    }
}

/// What a sink did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SinkReport {
    /// Rows in all files.
    pub rows: u64,
    /// Files handed on.
    pub files: u64,
    /// Bytes written to scratch because the rows did not fit into memory.
    pub spilled_bytes: u64,
}

/// Makes data files of batches.
pub struct Sink {
    schema: SchemaRef,
    /// None: rows go straight to the output.
    order: Option<Order>,
    output: Output,
    _directory: Directory,
}

impl Sink {
    /// `provenance` goes into every file's footer as key-value metadata.
    ///
    /// Errors: [`SinkError::Io`] where the directory cannot be made; [`SinkError::Internal`] for a transform that Iceberg does
    /// not define for its column, or a setting out of range.
    pub fn new(
        spec: &TableSpec,
        provenance: &BTreeMap<String, String>,
        settings: SinkSettings,
    ) -> Result<Self, SinkError> {
        if settings.row_group_rows == 0 || settings.memory_bytes == 0 {
            return Err(SinkError::Internal(
                "row_group_rows and memory_bytes must be above 0".into(),
            ));
        }
        let schema = arrow_schema(spec);
        let footer = Footer::new(spec, provenance, &settings)?;
        let directory = Directory::create(settings.scratch.clone())?;
        let order = Order::new(spec, &schema, &settings)?;
        let output = Output::new(settings, schema.clone(), footer);
        Ok(Self {
            schema,
            order,
            output,
            _directory: directory,
        })
    }

    /// Adds rows; the batch has [`arrow_schema`] of the spec. Emits files as they get full.
    ///
    /// After an error the sink is of no further use.
    pub fn write(&mut self, batch: RecordBatch, emit: &mut Emit<'_>) -> Result<(), SinkError> {
        let (schema, columns, _) = batch.into_parts();
        let types = |schema: &SchemaRef| {
            schema
                .fields()
                .iter()
                .map(|f| f.data_type().clone())
                .collect::<Vec<_>>()
        };
        if !Arc::ptr_eq(&schema, &self.schema) && types(&schema) != types(&self.schema) {
            return Err(SinkError::Internal(format!(
                "a batch of {:?}, not of the table",
                types(&schema)
            )));
        }
        // With the table's own schema, whose fields have ids.
        let batch = RecordBatch::try_new(self.schema.clone(), columns)?;
        match &mut self.order {
            _ if batch.num_rows() == 0 => Ok(()),
            Some(order) => order.push(batch),
            None => self.output.write(batch, emit),
        }
    }

    /// Writes what is left. No rows at all: no file.
    pub fn finish(mut self, emit: &mut Emit<'_>) -> Result<SinkReport, SinkError> {
        let mut spilled_bytes = 0;
        match self.order.take() {
            None => self.output.end(emit)?,
            Some(order) => spilled_bytes = order.finish(&mut self.output, emit)?,
        }
        let (files, rows) = self.output.totals();
        Ok(SinkReport {
            rows,
            files,
            spilled_bytes,
        })
    }
}

/// The sink's directory: removed at the end, if nobody left anything there.
struct Directory(PathBuf);

impl Directory {
    fn create(path: PathBuf) -> Result<Self, SinkError> {
        std::fs::create_dir_all(&path).map_err(SinkError::io(&path))?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Fails where the caller keeps finished files, and is meant to.
        let _ = std::fs::remove_dir(&self.0);
    }
}

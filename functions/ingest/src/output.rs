//! The files of one table, as they are made of an object: handed on one by one, and named in the end.

use crate::pipeline::{Emitted, Job, Table, Take};
use std::path::Path;
use watershed_lake::{StagedFile, TableSpec, layout::path_in};
use watershed_sink::{FinishedFile, Sink, SinkError, SinkReport, SinkSettings};

/// Memory of the quarantine's sink: refused rows are few, or the object is wrong.
const QUARANTINE_MEMORY_BYTES: usize = 16 * 1024 * 1024;

/// One table's files.
pub(crate) struct Output {
    table: Table,
    sink: Sink,
    staged: Vec<StagedFile>,
}

impl Output {
    /// The quarantine's. All rows of an object have its time, by which the quarantine is partitioned: they are of one partition, and need not be
    /// put in order by it. The committer finds it in the footer.
    pub(crate) fn quarantine(job: &Job) -> Result<Self, SinkError> {
        let table = TableSpec {
            partition: Vec::new(),
            ..job.dataset.quarantine.clone()
        };
        Self::new(Table::Quarantine, &table, job, &job.scratch, QUARANTINE_MEMORY_BYTES)
    }

    /// Of that table.
    pub(crate) fn new(
        table: Table,
        spec: &TableSpec,
        job: &Job,
        scratch: &Path,
        memory_bytes: usize,
    ) -> Result<Self, SinkError> {
        let folder = match table {
            Table::Data => "data",
            Table::Quarantine => "quarantine",
        };
        let settings = SinkSettings {
            memory_bytes,
            ..SinkSettings::new(scratch.join(folder))
        };
        let provenance = job.dataset.provenance(&job.origin.source, &job.origin.version);
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
        ..file.staged()
    };
    staged.push(entry.clone());
    take(Emitted {
        table,
        staged: entry,
        local: file.local,
    })
    .map_err(SinkError::Emit)
}

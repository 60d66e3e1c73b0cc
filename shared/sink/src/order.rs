//! Brings rows into the order of the table, in bounded memory.

use crate::{
    SinkSettings,
    error::SinkError,
    key::Sorter,
    merge::{MAX_FAN_IN, Merger, Run},
    output::{Emit, Output},
    partition::{Partitioner, Span},
    pending::{MAX_CHUNK_ROWS, Pending, TakeRows},
    scratch::Scratch,
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use std::path::PathBuf;
use watershed_lake::TableSpec;

/// Brings rows into the order of the table.
pub struct Order {
    schema: SchemaRef,
    scratch: PathBuf,
    memory_bytes: usize,
    partitioner: Option<Partitioner>,
    sorter: Option<Sorter>,
    pending: Pending,
    spill: Option<Spill>,
}

/// Runs on disk.
struct Spill {
    file: Scratch,
    /// By number of partition.
    runs: Vec<Vec<Run>>,
}

impl Order {
    /// None where the table is neither partitioned nor sorted.
    pub fn new(spec: &TableSpec, schema: &SchemaRef, settings: &SinkSettings) -> Result<Option<Self>, SinkError> {
        let partitioner = Partitioner::new(spec, schema, settings.max_partitions)?;
        let sorter = Sorter::new(spec, schema)?;
        if partitioner.is_none() && sorter.is_none() {
            return Ok(None);
        }
        Ok(Some(Self {
            schema: schema.clone(),
            scratch: settings.scratch.clone(),
            memory_bytes: settings.memory_bytes,
            partitioner,
            sorter,
            pending: Pending::new(schema.clone()),
            spill: None,
        }))
    }

    /// Adds rows.
    pub fn push(&mut self, batch: RecordBatch) -> Result<(), SinkError> {
        let (batch, spans) = if let Some(partitioner) = &mut self.partitioner {
            partitioner.split(batch)?
        } else {
            let whole = Span {
                partition: 0,
                start: 0,
                rows: batch.num_rows(),
            };
            (batch, vec![whole])
        };
        self.pending.push(batch, &spans, self.sorter.is_some());
        if self.pending.bytes() >= self.memory_bytes {
            self.spill()
        } else {
            Ok(())
        }
    }

    /// Writes the rows in memory to disk as one run of every partition they belong to.
    fn spill(&mut self) -> Result<(), SinkError> {
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => {
                let file = Scratch::create(self.scratch.join("runs.scratch"))?;
                none.insert(Spill { file, runs: Vec::new() })
            }
        };
        let chunk_bytes = chunk_bytes(self.memory_bytes);
        let chunk_rows = self.pending.rows_in(chunk_bytes);
        spill
            .runs
            .resize_with(self.pending.partitions().max(spill.runs.len()), Vec::new);
        for partition in 0..self.pending.partitions() {
            let mut segments = Vec::new();
            self.pending
                .drain(partition, self.sorter.as_ref(), chunk_rows, &mut |batch| {
                    spill.file.append(&batch, 2 * chunk_bytes, &mut segments)
                })?;
            if !segments.is_empty() {
                spill.runs[partition].push(Run {
                    segments,
                    merged: false,
                });
            }
        }
        self.pending.clear();
        Ok(())
    }

    /// Gives all rows to `output`, partition by partition. The bytes that were spilled.
    pub fn finish(mut self, output: &mut Output, emit: &mut Emit<'_>) -> Result<u64, SinkError> {
        if self.spill.is_some() && !self.pending.is_empty() {
            self.spill()?;
        }
        let partitions = match &self.partitioner {
            Some(partitioner) => partitioner.ordered()?,
            None => vec![(0, Vec::new())],
        };
        let Some(mut spill) = self.spill.take() else {
            for (ordinal, (number, values)) in partitions.into_iter().enumerate() {
                output.begin(ordinal, values);
                self.pending
                    .drain(number, self.sorter.as_ref(), MAX_CHUNK_ROWS, &mut |b| {
                        output.write(b, emit)
                    })?;
                output.end(emit)?;
            }
            return Ok(0);
        };
        self.pending = Pending::new(self.schema.clone());
        let mut merged = Scratch::create(self.scratch.join("merged.scratch"))?;
        for (ordinal, (number, values)) in partitions.into_iter().enumerate() {
            output.begin(ordinal, values);
            let runs = std::mem::take(&mut spill.runs[number]);
            self.merge(&mut spill.file, &mut merged, runs, &mut |batch| {
                output.write(batch, emit)
            })?;
            output.end(emit)?;
        }
        Ok(spill.file.length())
    }

    fn merge(
        &self,
        first: &mut Scratch,
        merged: &mut Scratch,
        runs: Vec<Run>,
        take: &mut TakeRows<'_>,
    ) -> Result<(), SinkError> {
        match &self.sorter {
            Some(sorter) => {
                let max_chunk_bytes = 2 * chunk_bytes(self.memory_bytes);
                Merger {
                    first,
                    merged,
                    schema: &self.schema,
                    sorter,
                    max_chunk_bytes,
                }
                .merge(runs, take)
            }
            None => runs
                .iter()
                .flat_map(|run| &run.segments)
                .try_for_each(|segment| take(first.read(*segment, &self.schema)?)),
        }
    }
}

/// Usual size of a chunk on disk: a merge holds one of each run, half of the memory in all.
fn chunk_bytes(memory_bytes: usize) -> usize {
    memory_bytes / (2 * MAX_FAN_IN)
}

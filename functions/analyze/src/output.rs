//! The files of an invocation: of each table that gets rows, in a scratch folder.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};
use watershed_lake::TableSpec;
use watershed_sink::{FinishedFile, Sink, SinkError, SinkSettings, arrow_schema};

/// Memory for the rows of each table that wait for their order. An event's rows fit, unless they were compressed.
const SINK_MEMORY_BYTES: usize = 16 * 1024 * 1024;

/// Tables that get rows.
pub struct Outputs<'t> {
    scratch: PathBuf,
    provenance: BTreeMap<String, String>,
    tables: Vec<Output<'t>>,
}

struct Output<'t> {
    spec: &'t TableSpec,
    schema: SchemaRef,
    sink: Option<Sink>,
    files: Vec<FinishedFile>,
}

impl<'t> Outputs<'t> {
    /// Of these tables; files in that folder, with that in their footers.
    pub fn new(
        tables: impl Iterator<Item = &'t TableSpec>,
        scratch: PathBuf,
        provenance: BTreeMap<String, String>,
    ) -> Self {
        let output = |spec| Output {
            spec,
            schema: arrow_schema(spec),
            sink: None,
            files: Vec::new(),
        };
        Self {
            scratch,
            provenance,
            tables: tables.map(output).collect(),
        }
    }

    /// The Arrow schema of a table's rows.
    pub fn schema(&self, table: &TableSpec) -> SchemaRef {
        Arc::clone(&self.tables[self.at(table)].schema)
    }

    /// Adds rows to a table.
    pub fn write(&mut self, table: &TableSpec, batch: RecordBatch) -> Result<(), SinkError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let at = self.at(table);
        let Output { spec, sink, files, .. } = &mut self.tables[at];
        let sink = if let Some(sink) = sink {
            sink
        } else {
            let settings = SinkSettings {
                memory_bytes: SINK_MEMORY_BYTES,
                ..SinkSettings::new(self.scratch.join(at.to_string()))
            };
            sink.insert(Sink::new(spec, &self.provenance, settings)?)
        };
        sink.write(batch, &mut |file| {
            files.push(file);
            Ok(())
        })
    }

    /// All tables that got rows, in the order in which they were given, and their files.
    pub fn finish(self) -> Result<Vec<(&'t TableSpec, Vec<FinishedFile>)>, SinkError> {
        let mut all = Vec::new();
        for Output {
            spec, sink, mut files, ..
        } in self.tables
        {
            let Some(sink) = sink else { continue };
            sink.finish(&mut |file| {
                files.push(file);
                Ok(())
            })?;
            all.push((spec, files));
        }
        Ok(all)
    }

    fn at(&self, table: &TableSpec) -> usize {
        let place = self.tables.iter().position(|output| std::ptr::eq(output.spec, table));
        place.expect("a table of the dataset")
    }
}

//! One source: the files that the dataset's table has of it, as files of the enriched table.

use crate::{Target, prepared::Prepared, steps::Steps};
use arrow_array::RecordBatch;
use std::{collections::BTreeMap, path::Path};
use watershed_contract::Dataset;
use watershed_lake::{StagedFile, TableName, TableSpec, layout::folder_of};
use watershed_ops::scratch;
use watershed_ports::{ObjectStore, PortError};
use watershed_sink::{FinishedFile, Sink, SinkError, SinkSettings, arrow_schema};
use watershed_table::current::LiveFile;

/// What came of a source.
#[derive(Debug, Default)]
pub struct Made {
    /// Files that lie in the lake.
    pub files: Vec<StagedFile>,
    /// Rows in them.
    pub rows: u64,
    /// By the labels of steps, where there are any: rows without a match.
    pub unmatched: BTreeMap<String, u64>,
    /// The same of values that an expression failed for.
    pub failed: BTreeMap<String, u64>,
}

/// Enriches the files of a source, one after the other, and puts what is made of them under `prefix`. What is on disk at a time is made of
/// one file.
pub async fn make(
    store: &dyn ObjectStore,
    scratch: &Path,
    target: Target<'_>,
    prepared: &Prepared,
    files: &[LiveFile],
    prefix: &str,
) -> Result<Made, PortError> {
    let Target { dataset, enrichment } = target;
    let mut steps = Steps::new(enrichment, &prepared.references, &prepared.indexes);
    let schema = arrow_schema(&dataset.table);
    // Rows come from a file of the dataset's table: of one partition, and in the order of the enriched table, which is the same.
    let table = TableSpec {
        partition: Vec::new(),
        sort: Vec::new(),
        ..enrichment.table.clone()
    };
    let mut made = Made::default();
    for (number, file) in files.iter().enumerate() {
        let settings = SinkSettings::new(scratch.join(number.to_string()));
        let provenance = provenance(dataset, prepared, file);
        let mut sink = Sink::new(&table, &provenance, settings).map_err(|error| failed(&error))?;
        let mut finished = Vec::new();
        let mut emit = |file: FinishedFile| {
            finished.push(file);
            Ok(())
        };
        let mut take = |batch: RecordBatch| {
            let batch = steps.apply(&batch);
            let batch = batch.map_err(|error| PortError::fault(format!("{}: {error}", table.name)))?;
            sink.write(batch, &mut emit).map_err(|error| failed(&error))
        };
        watershed_scan::read(store, file.uri(), file.bytes(), &schema, &mut take).await?;
        sink.finish(&mut emit).map_err(|error| failed(&error))?;
        for finished in finished {
            made.rows += finished.rows;
            let staged = finished.staged_in(&folder_of(number, file.uri()));
            scratch::hand_over(store, &format!("{prefix}{}", staged.path), &finished.local).await?;
            made.files.push(staged);
        }
    }
    for (step, count) in enrichment.steps.iter().zip(steps.counts()) {
        for (counted, of) in [(count.unmatched, &mut made.unmatched), (count.failed, &mut made.failed)] {
            if counted > 0 {
                *of.entry(step.label.clone()).or_default() += counted;
            }
        }
    }
    Ok(made)
}

/// What the footer of a file says: of which file it was made, and which states of references it was joined with.
fn provenance(dataset: &Dataset, prepared: &Prepared, file: &LiveFile) -> BTreeMap<String, String> {
    let input = prepared.input.snapshot_id().unwrap_or_default();
    let mut said = dataset.provenance(file.uri(), &input.to_string());
    for (name, loaded) in &prepared.references {
        let snapshot = loaded.snapshot_id.map_or_else(|| "none".into(), |id| id.to_string());
        said.insert(reference_key(name), snapshot);
    }
    said
}

/// Key of a footer under which stands which snapshot of a reference a file was joined with.
pub fn reference_key(name: &TableName) -> String {
    format!("watershed.reference.{name}")
}

fn failed(error: &SinkError) -> PortError {
    PortError::fault(format!("the scratch folder: {error}"))
}

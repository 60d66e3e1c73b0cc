//! One part: what the query gives of it, as files of the aggregated table.

use crate::{
    Target,
    fit::Fit,
    keys::{KeyError, Keys, MAX_ROWS},
    part::{Parts, Value},
    sql::{Prepared, told},
};
use arrow_array::RecordBatch;
use std::{collections::BTreeMap, path::Path};
use watershed_lake::{SortField, StagedFile, TableName, TableSpec, layout::Digest};
use watershed_ops::scratch;
use watershed_ports::{ObjectStore, PortError};
use watershed_sink::{FinishedFile, Sink, SinkError, SinkSettings};
use watershed_sql::Answer;

/// What came of a part.
#[derive(Debug, Default)]
pub struct Made {
    /// Files that lie in the lake.
    pub files: Vec<StagedFile>,
    /// Rows in them.
    pub rows: u64,
    /// Bytes that were read of the inputs.
    pub bytes_read: u64,
    /// The inputs, and their snapshots.
    pub read: Vec<(TableName, Option<i64>)>,
}

/// Writes the rows of an answer, and puts the files under `prefix`.
pub async fn make(
    store: &dyn ObjectStore,
    scratch: &Path,
    target: Target<'_>,
    part: Option<(&Parts<'_>, &Value)>,
    (mut answer, provenance): (Answer, &BTreeMap<String, String>),
    prefix: &str,
) -> Result<Made, PortError> {
    let mut rows = Rows::new(target, part, &answer)?;
    let table = sorted(target);
    let settings = SinkSettings::new(scratch.join("files"));
    let mut sink = Sink::new(&table, provenance, settings).map_err(|error| failed(&error))?;
    let mut finished = Vec::new();
    let mut emit = |file: FinishedFile| {
        finished.push(file);
        Ok(())
    };
    while let Some(batch) = answer.next().await.map_err(|error| told(target, error))? {
        let batch = rows.checked(&batch)?;
        sink.write(batch, &mut emit).map_err(|error| failed(&error))?;
    }
    sink.finish(&mut emit).map_err(|error| failed(&error))?;
    let folder = digest(&finished)?;
    let mut made = Made {
        bytes_read: answer.bytes_read(),
        ..Made::default()
    };
    for file in finished {
        made.rows += file.rows;
        let staged = file.staged_in(&folder);
        scratch::hand_over(store, &format!("{prefix}{}", staged.path), &file.local).await?;
        made.files.push(staged);
    }
    Ok(made)
}

/// The table in an order that has no ties: of its own, and then of its primary key.
fn sorted(target: Target<'_>) -> TableSpec {
    let dataset = target.dataset;
    let mut table = dataset.table.clone();
    for column in &dataset.primary_key {
        if table.sort.iter().all(|field| field.column != *column) {
            table.sort.push(SortField {
                column: *column,
                descending: false,
            });
        }
    }
    table
}

/// Rows of the query, checked.
struct Rows<'r> {
    target: Target<'r>,
    part: Option<(&'r Parts<'r>, &'r Value)>,
    fit: Fit,
    keys: Keys,
}

impl<'r> Rows<'r> {
    fn new(target: Target<'r>, part: Option<(&'r Parts<'r>, &'r Value)>, answer: &Answer) -> Result<Self, PortError> {
        let dataset = target.dataset;
        let fit = Fit::of(answer.schema(), &dataset.table).map_err(|what| wrong(target, part, &what))?;
        let keys = Keys::of(&dataset.table, &dataset.primary_key);
        let keys = keys.map_err(|error| wrong(target, part, &error.to_string()))?;
        Ok(Self {
            target,
            part,
            fit,
            keys,
        })
    }

    /// A batch of the query as one of the table.
    fn checked(&mut self, batch: &RecordBatch) -> Result<RecordBatch, PortError> {
        let wrong = |what: &str| wrong(self.target, self.part, what);
        let batch = self.fit.apply(batch).map_err(|what| wrong(&what))?;
        if let Some((parts, value)) = self.part {
            let column = batch.column_by_name(parts.column()).expect("it is of the table");
            if let Some(row) = parts.stranger(value, column) {
                let shown = arrow_cast::display::array_value_to_string(column, row).unwrap_or_default();
                return Err(wrong(&format!(
                    "a row with {} {shown} does not lie in it: aggregate.partition.of names a column of which the query makes another part",
                    parts.column()
                )));
            }
        }
        self.keys.add(&batch).map_err(|error| match error {
            KeyError::Twice(key) => wrong(&format!(
                "the primary key {key} comes twice: write all columns of GROUP BY in it, or group by it alone"
            )),
            KeyError::TooMany => wrong(&format!(
                "more than {MAX_ROWS} rows: partition by a finer transform, or group more coarsely"
            )),
            KeyError::Arrow(error) => wrong(&error.to_string()),
        })?;
        Ok(batch)
    }
}

fn wrong(target: Target<'_>, part: Option<(&Parts<'_>, &Value)>, what: &str) -> PortError {
    let (table, file) = (&target.dataset.table.name, &target.aggregation.file);
    let part = part.map_or(String::new(), |(parts, value)| format!(", part {}", parts.name(value)));
    PortError::fault(format!("{table} by {file}{part}: {what}"))
}

/// What the footers say: of which part the files are, and of which snapshots of the inputs.
pub fn provenance(target: Target<'_>, source: &str, epoch: u64, prepared: &Prepared) -> BTreeMap<String, String> {
    let mut said = target.dataset.provenance(source, &epoch.to_string());
    for (name, snapshot) in &prepared.snapshot_ids {
        let snapshot = snapshot.map_or_else(|| "none".into(), |id| id.to_string());
        said.insert(input_key(name), snapshot);
    }
    said
}

/// Key of a footer under which stands which snapshot of an input a file was made of.
pub fn input_key(name: &TableName) -> String {
    format!("watershed.input.{name}")
}

/// A folder that has these bytes and no others: were the engine to add up floats in another order some day, nothing that a table names would
/// be written over.
fn digest(files: &[FinishedFile]) -> Result<String, PortError> {
    let mut digest = Digest::new();
    for file in files {
        digest.part(file.path.as_bytes());
        let read = file.digest(&mut digest);
        read.map_err(|error| PortError::fault(format!("{}: {error}", file.local.display())))?;
    }
    Ok(digest.short())
}

fn failed(error: &SinkError) -> PortError {
    PortError::fault(format!("the scratch folder: {error}"))
}

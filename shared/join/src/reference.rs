//! A reference as one batch, and its columns for the rows of another.

use crate::{
    error::{BuildError, JoinError},
    key::check_rows,
};
use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::SchemaRef;
use arrow_select::{concat::concat_batches, take::take};

/// All rows of a reference.
#[derive(Debug, Clone)]
pub struct Reference {
    rows: RecordBatch,
}

impl Reference {
    /// The batches of a table one after the other: a row's number is its place in them. For a moment both they and their copy are in
    /// memory, but of a single batch no copy is made.
    pub fn of(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Self, BuildError> {
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        check_rows(rows)?;
        let rows = match batches {
            [batch] => batch.clone(),
            batches => concat_batches(schema, batches)?,
        };
        Ok(Self { rows })
    }

    /// The rows, to build indexes over their columns.
    pub fn batch(&self) -> &RecordBatch {
        &self.rows
    }

    /// What the columns at those places have in the rows that a join answered; null where it answered null.
    pub fn take(&self, columns: &[usize], rows: &UInt32Array) -> Result<Vec<ArrayRef>, JoinError> {
        let of = |column: &usize| Ok(take(self.rows.column(*column), rows, None)?);
        columns.iter().map(of).collect()
    }

    /// What the columns take, in bytes: of slices all that they keep in memory, and what columns share each time.
    pub fn size_bytes(&self) -> usize {
        self.rows.get_array_memory_size()
    }
}

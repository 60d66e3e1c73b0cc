//! Columns of a file, as columns of a table.

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use std::sync::Arc;

/// Which column of the file each of the table is.
pub(crate) struct Fit {
    schema: SchemaRef,
    /// Of the columns that are read, ascending: the file's columns.
    roots: Vec<usize>,
    /// Of each column of the table its place among those that are read; none: the file is from before it.
    places: Vec<Option<usize>>,
}

fn id(field: &Field) -> Option<&String> {
    field.metadata().get(PARQUET_FIELD_ID_META_KEY)
}

impl Fit {
    /// Says what is wrong where a column that is never null is not there.
    pub(crate) fn of(file: &Schema, table: &SchemaRef) -> Result<Self, String> {
        let mut found = Vec::with_capacity(table.fields().len());
        for wanted in table.fields() {
            let root = file.fields().iter().position(|field| id(field) == id(wanted));
            if root.is_none() && !wanted.is_nullable() {
                return Err(format!("it has no column {}, which is never null", wanted.name()));
            }
            found.push(root);
        }
        let mut roots: Vec<usize> = found.iter().flatten().copied().collect();
        roots.sort_unstable();
        roots.dedup();
        let place = |root: usize| roots.binary_search(&root).ok();
        let places = found.into_iter().map(|root| root.and_then(place)).collect();
        Ok(Self {
            schema: Arc::clone(table),
            roots,
            places,
        })
    }

    /// The file's columns that are read, ascending.
    pub(crate) fn roots(&self) -> &[usize] {
        &self.roots
    }

    /// A batch of those as one of the table.
    pub(crate) fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        // A value that does not fit is an error, not null.
        let options = CastOptions {
            safe: false,
            ..CastOptions::default()
        };
        let column = |(field, place): (&Arc<Field>, &Option<usize>)| -> Result<ArrayRef, ArrowError> {
            let Some(place) = place else {
                return Ok(new_null_array(field.data_type(), batch.num_rows()));
            };
            let column = batch.column(*place);
            if column.data_type() == field.data_type() {
                return Ok(Arc::clone(column));
            }
            cast_with_options(column, field.data_type(), &options)
        };
        let columns: Result<Vec<ArrayRef>, ArrowError> =
            self.schema.fields().iter().zip(&self.places).map(column).collect();
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns?, &rows)
    }
}

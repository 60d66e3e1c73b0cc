//! Columns of a file, as columns of a table.

use arrow_array::{
    Array, ArrayRef, ListArray, RecordBatch, RecordBatchOptions, StructArray, cast::AsArray, new_null_array,
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
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
        let column = |(field, place): (&Arc<Field>, &Option<usize>)| -> Result<ArrayRef, ArrowError> {
            match place {
                Some(place) => fitted(batch.column(*place), field),
                None => Ok(new_null_array(field.data_type(), batch.num_rows())),
            }
        };
        let columns: Result<Vec<ArrayRef>, ArrowError> =
            self.schema.fields().iter().zip(&self.places).map(column).collect();
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns?, &rows)
    }
}

/// Values of the file as those of the table's field. What is in structs and lists is found by its id as well: a field that came later is null.
fn fitted(array: &ArrayRef, wanted: &Field) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == wanted.data_type() {
        return Ok(Arc::clone(array));
    }
    match (array.data_type(), wanted.data_type()) {
        (DataType::Struct(held), DataType::Struct(fields)) => {
            let values = array.as_struct();
            let column = |field: &Arc<Field>| match held.iter().position(|other| id(other) == id(field)) {
                Some(place) => fitted(values.column(place), field),
                None => Ok(new_null_array(field.data_type(), array.len())),
            };
            let columns = fields.iter().map(column).collect::<Result<Vec<_>, _>>()?;
            let made = StructArray::try_new_with_length(fields.clone(), columns, array.nulls().cloned(), array.len())?;
            Ok(Arc::new(made))
        }
        (DataType::List(_), DataType::List(element)) => {
            let lists = array.as_list::<i32>();
            let values = fitted(lists.values(), element)?;
            let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(
                Arc::clone(element),
                offsets,
                values,
                nulls,
            )?))
        }
        (_, kind) => {
            // A value that does not fit is an error, not null.
            let options = CastOptions {
                safe: false,
                ..CastOptions::default()
            };
            cast_with_options(array, kind, &options)
        }
    }
}

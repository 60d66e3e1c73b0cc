//! Rows of a table's data files, as its columns are now.
//!
//! * [`read`]: some columns of a file, a row group at a time. Only their bytes are read. [`pick`]: some of its rows. [`texts`]: the texts of a value.
//! * `file`: the store's object as the `parquet` crate reads a file. `fit`: what a file has, as what the table has.
//!
//! Columns are found by their Iceberg field id, so a file that is older than the table's schema reads as well: a column that came later is
//! null, one that became wider is widened (Iceberg specification, "Column Projection", "Schema Evolution").

mod file;
mod fit;

use arrow_array::{Array, RecordBatch, cast::AsArray};
use arrow_schema::{DataType, SchemaRef};
use file::File;
use fit::Fit;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use watershed_ports::{ObjectStore, PortError};

/// Rows of a batch.
pub const BATCH_ROWS: usize = 16 * 1024;

/// Reads the columns of `schema`, whose fields have their ids under `PARQUET:field_id`, of the file at `uri` of so many bytes, and hands on
/// its rows in their order, in batches of that schema and at most [`BATCH_ROWS`].
///
/// Errors: what `take` says; a fault where the file is none of the table's; transient where it is gone, because a table names it.
pub async fn read(
    store: &dyn ObjectStore,
    uri: &str,
    bytes: u64,
    schema: &SchemaRef,
    take: &mut (dyn FnMut(RecordBatch) -> Result<(), PortError> + Send),
) -> Result<(), PortError> {
    let file = File::of(store, uri, bytes);
    let metadata = file.metadata().await?;
    let fit = Fit::of(metadata.schema(), schema).map_err(|what| file.broken(&what))?;
    for group in 0..metadata.metadata().num_row_groups() {
        for batch in file.row_group(&metadata, group, fit.roots(), None).await? {
            let batch = batch.map_err(|error| file.broken(&error))?;
            take(fit.apply(&batch).map_err(|error| file.broken(&error))?)?;
        }
    }
    Ok(())
}

/// The same of the rows of these numbers, from 0, ascending and each once: of row groups without one nothing is read. Numbers behind the last
/// row are left out.
pub async fn pick(
    store: &dyn ObjectStore,
    uri: &str,
    bytes: u64,
    schema: &SchemaRef,
    rows: &[u64],
) -> Result<Vec<RecordBatch>, PortError> {
    let file = File::of(store, uri, bytes);
    let metadata = file.metadata().await?;
    let fit = Fit::of(metadata.schema(), schema).map_err(|what| file.broken(&what))?;
    let (mut picked, mut begin, mut rest) = (Vec::new(), 0, rows);
    for group in 0..metadata.metadata().num_row_groups() {
        let end = begin + metadata.metadata().row_group(group).num_rows().cast_unsigned();
        let (here, behind) = rest.split_at(rest.partition_point(|row| *row < end));
        if !here.is_empty() {
            let selected = Some(selection(here, begin, end));
            for batch in file.row_group(&metadata, group, fit.roots(), selected).await? {
                let batch = batch.map_err(|error| file.broken(&error))?;
                picked.push(fit.apply(&batch).map_err(|error| file.broken(&error))?);
            }
        }
        (begin, rest) = (end, behind);
    }
    Ok(picked)
}

/// Rows of these numbers among those from `begin` up to `end`.
fn selection(rows: &[u64], begin: u64, end: u64) -> RowSelection {
    let (mut selectors, mut at) = (Vec::with_capacity(2 * rows.len() + 1), begin);
    for row in rows {
        selectors.push(RowSelector::skip((row - at) as usize));
        selectors.push(RowSelector::select(1));
        at = row + 1;
    }
    selectors.push(RowSelector::skip((end - at) as usize));
    RowSelection::from(selectors)
}

/// The texts of a value of a column of texts, or of lists of them: one, those of the list, or none.
pub fn texts(values: &dyn Array, row: usize) -> Box<dyn Iterator<Item = &str> + '_> {
    if values.is_null(row) {
        return Box::new(std::iter::empty());
    }
    if !matches!(values.data_type(), DataType::List(_)) {
        return Box::new(std::iter::once(values.as_string::<i32>().value(row)));
    }
    let lists = values.as_list::<i32>();
    let range = lists.value_offsets()[row] as usize..lists.value_offsets()[row + 1] as usize;
    let texts = lists.values().as_string::<i32>();
    Box::new(range.filter(|at| texts.is_valid(*at)).map(|at| texts.value(at)))
}

//! Rows of a table's data files, as its columns are now.
//!
//! * [`read`]: some columns of a file, a row group at a time. Only their bytes are read.
//! * `file`: the store's object as the `parquet` crate reads a file. `fit`: what a file has, as what the table has.
//!
//! Columns are found by their Iceberg field id, so a file that is older than the table's schema reads as well: a column that came later is
//! null, one that became wider is widened (Iceberg specification, "Column Projection", "Schema Evolution").

mod file;
mod fit;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use file::File;
use fit::Fit;
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
        for batch in file.row_group(&metadata, group, fit.roots()).await? {
            let batch = batch.map_err(|error| file.broken(&error))?;
            take(fit.apply(&batch).map_err(|error| file.broken(&error))?)?;
        }
    }
    Ok(())
}

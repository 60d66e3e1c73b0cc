//! Which parts of an aggregated table the rows of files can lie in.

use crate::part::{Parts, Value};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use std::collections::BTreeSet;
use watershed_lake::TableSpec;
use watershed_ports::{ObjectStore, PortError};
use watershed_sink::arrow_schema;
use watershed_table::current::LiveFile;

/// Parts that one look asks for at most: each is a query, and a message.
pub const MAX_PARTS: usize = 10_000;

/// The parts of the rows in these files of an input: those between the bounds of its column of that index, or, where bounds leave too many,
/// those of its values.
pub async fn parts_of(
    store: &dyn ObjectStore,
    parts: &Parts<'_>,
    (input, column): (&TableSpec, usize),
    files: &[LiveFile],
) -> Result<BTreeSet<Value>, PortError> {
    let (id, kind) = (input.columns[column].id, input.columns[column].kind);
    let schema = arrow_schema(input).project(&[column]);
    let schema: SchemaRef = schema.map_err(|error| PortError::fault(error.to_string()))?.into();
    let mut found = BTreeSet::new();
    for file in files {
        let told = file.bounds(id).and_then(|(low, high)| parts.between(kind, &low, &high));
        if let Some(values) = told {
            found.extend(values);
        } else {
            let mut take = |batch: RecordBatch| {
                parts.add(kind, batch.column(0), &mut found);
                Ok(())
            };
            watershed_scan::read(store, file.uri(), file.bytes(), &schema, &mut take).await?;
        }
        if found.len() > MAX_PARTS {
            return Err(PortError::fault(format!(
                "{} has rows of more than {MAX_PARTS} parts: partition the aggregate more coarsely",
                input.name
            )));
        }
    }
    Ok(found)
}

//! What is remembered of a query that Athena runs: who may ask for it, and as what its rows are read.

use crate::query::{Looked, Read};
use arrow_array::RecordBatch;
use arrow_ipc::{reader::StreamReader, writer::StreamWriter};
use arrow_schema::{ArrowError, SchemaRef};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use watershed_lake::LakeLocation;
use watershed_ports::{Kind, ObjectStore, PortError};
use watershed_sql::{Planned, Shift};
use watershed_table::object;

/// A query that Athena was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Started {
    /// Who did, as a digest.
    pub caller: String,
    /// It reads tables with personal columns, for one who may see them.
    pub personal: bool,
    /// What Athena knows it by.
    pub execution: String,
    /// An Arrow stream without rows, in base64: its columns as they were planned.
    schema: String,
    /// What it reads.
    pub tables: Vec<Read>,
    /// Bytes that it will read, as far as manifests say.
    pub estimated_bytes: u64,
    /// Where its text is another than the caller's: line, column, column of the caller's.
    shifts: Vec<(u64, u64, u64)>,
}

impl Started {
    /// Of one that was planned, for who has that digest.
    pub(crate) fn new(
        caller: String,
        (looked, planned): (&Looked, &Planned),
        shifts: &[Shift],
        execution: String,
    ) -> Result<Self, PortError> {
        let schema = planned.schema();
        let unwritable = |error: ArrowError| PortError::fault(format!("writing the columns of a query: {error}"));
        let write = || {
            let mut stream = StreamWriter::try_new(Vec::new(), schema)?;
            stream.write(&RecordBatch::new_empty(Arc::clone(schema)))?;
            stream.into_inner()
        };
        let shifts = shifts.iter().map(|shift| (shift.line, shift.column, shift.stood));
        Ok(Self {
            caller,
            personal: looked.personal,
            execution,
            schema: base64_simd::STANDARD.encode_to_string(write().map_err(unwritable)?),
            tables: looked.read.clone(),
            estimated_bytes: planned.bytes(),
            shifts: shifts.collect(),
        })
    }

    /// Its columns as they were planned.
    pub fn schema(&self) -> Result<SchemaRef, PortError> {
        let bytes = base64_simd::STANDARD.decode_to_vec(&self.schema);
        let bytes = bytes.map_err(|error| PortError::fault(format!("the columns of a query: {error}")))?;
        let read = StreamReader::try_new(std::io::Cursor::new(bytes), None);
        let read = read.map_err(|error| PortError::fault(format!("the columns of a query: {error}")))?;
        Ok(read.schema())
    }

    /// See [`watershed_sql::Trino::shifts`].
    pub fn shifts(&self) -> Vec<Shift> {
        let shifts = self.shifts.iter();
        let shift = |&(line, column, stood): &(u64, u64, u64)| Shift { line, column, stood };
        shifts.map(shift).collect()
    }

    /// None: there is no query of that id.
    pub async fn find(store: &dyn ObjectStore, lake_bucket: &str, id: &str) -> Result<Option<Self>, PortError> {
        let uri = LakeLocation::bucket(lake_bucket).started_query(id);
        match store.read(&object::id(&uri)?).await {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| PortError::fault(format!("{uri}: {error}"))),
            Err(error) if error.kind == Kind::Rejected => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it down. The same again for the same id.
    pub async fn keep(&self, store: &dyn ObjectStore, lake_bucket: &str, id: &str) -> Result<(), PortError> {
        let uri = LakeLocation::bucket(lake_bucket).started_query(id);
        let text = serde_json::to_vec(self).map_err(|error| PortError::fault(format!("{uri}: {error}")))?;
        object::put(store, &uri, Bytes::from(text)).await
    }
}

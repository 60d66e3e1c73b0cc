//! Objects by their `s3://bucket/key`.

use bytes::Bytes;
use watershed_lake::layout::split_uri;
use watershed_ports::{Kind, ObjectId, ObjectStore, PortError};

/// The parts of the address, or a fault.
pub fn id(uri: &str) -> Result<ObjectId, PortError> {
    let (bucket, key) =
        split_uri(uri).ok_or_else(|| PortError::fault(format!("`{uri}` is not an s3://bucket/key address")))?;
    Ok(ObjectId::current(bucket, key))
}

/// The whole object. That the table names what is not there is a fault: nobody may take it for bad data and go on.
pub async fn read(store: &dyn ObjectStore, uri: &str) -> Result<Bytes, PortError> {
    store
        .read(&id(uri)?)
        .await
        .map_err(|error| as_fault(error).context(format!("reading {uri}")))
}

/// Bytes `start..end` of a data file that a table names: that it is gone, or shorter, is nothing about the data in it.
pub async fn range(store: &dyn ObjectStore, uri: &str, start: u64, end: u64) -> Result<Bytes, PortError> {
    let read = store.read_range(&id(uri)?, start, end).await;
    let bytes = read.map_err(|error| still_named(error).context(format!("reading {uri}")))?;
    if bytes.len() as u64 == end - start {
        return Ok(bytes);
    }
    Err(PortError::fault(format!("{uri} ends before byte {end}")))
}

/// That an object is gone which the table names is no bad data, and passes: whoever looks at the table again finds others.
pub fn still_named(mut error: PortError) -> PortError {
    if error.kind == Kind::Rejected {
        error.kind = Kind::Transient;
    }
    error
}

/// Writes the object.
pub async fn put(store: &dyn ObjectStore, uri: &str, body: Bytes) -> Result<(), PortError> {
    let id = id(uri)?;
    store.put(&id.bucket, &id.key, body).await
}

/// A rejection, which says that the data is bad, where the data is our own or was promised by a request.
pub fn as_fault(mut error: PortError) -> PortError {
    if error.kind == Kind::Rejected {
        error.kind = Kind::Fault;
    }
    error
}

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

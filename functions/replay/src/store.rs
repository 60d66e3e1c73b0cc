//! Small objects of a replay, by their addresses.

use bytes::Bytes;
use watershed_lake::layout::split_uri;
use watershed_ports::{Kind, ObjectId, ObjectStore, PortError};

fn split(uri: &str) -> Result<(&str, &str), PortError> {
    split_uri(uri).ok_or_else(|| PortError::fault(format!("`{uri}` is no s3://bucket/key")))
}

/// None: it is not there.
pub async fn get(store: &dyn ObjectStore, uri: &str) -> Result<Option<Bytes>, PortError> {
    let (bucket, key) = split(uri)?;
    match store.read(&ObjectId::current(bucket, key)).await {
        Err(error) if error.kind == Kind::Rejected => Ok(None),
        other => other.map(Some),
    }
}

/// Writes it.
pub async fn put(store: &dyn ObjectStore, uri: &str, body: Vec<u8>) -> Result<(), PortError> {
    let (bucket, key) = split(uri)?;
    store.put(bucket, key, body.into()).await
}

/// The addresses of all that begin with `prefix`, which is one.
pub async fn list(store: &dyn ObjectStore, prefix: &str) -> Result<Vec<String>, PortError> {
    let (bucket, key) = split(prefix)?;
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    // Ends: each page begins behind the last.
    loop {
        let page = store.list(bucket, key, after.as_deref()).await?;
        let Some(last) = page.last() else {
            return Ok(found);
        };
        after = Some(last.key.clone());
        found.extend(page.into_iter().map(|object| format!("s3://{bucket}/{}", object.key)));
    }
}

//! Small objects of a replay, by their addresses.

use bytes::Bytes;
use watershed_ports::{Kind, ObjectStore, PortError};
use watershed_table::object;

/// None: it is not there.
pub async fn get(store: &dyn ObjectStore, uri: &str) -> Result<Option<Bytes>, PortError> {
    match store.read(&object::id(uri)?).await {
        Err(error) if error.kind == Kind::Rejected => Ok(None),
        other => other.map(Some),
    }
}

/// The addresses of all that begin with `prefix`, which is one.
pub async fn list(store: &dyn ObjectStore, prefix: &str) -> Result<Vec<String>, PortError> {
    let place = object::id(prefix)?;
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    // Ends: each page begins behind the last.
    loop {
        let page = store.list(&place.bucket, &place.key, after.as_deref()).await?;
        let Some(last) = page.last() else {
            return Ok(found);
        };
        after = Some(last.key.clone());
        found.extend(
            page.into_iter()
                .map(|object| format!("s3://{}/{}", place.bucket, object.key)),
        );
    }
}

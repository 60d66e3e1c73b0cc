//! Files on the local disk, on their way into the store.

use std::path::Path;
use tempfile::TempDir;
use watershed_lake::layout::split_uri;
use watershed_ports::{ObjectStore, PortError};

/// A folder for one job under that one; gone when dropped.
///
/// Errors: a fault where it cannot be made.
pub fn folder(under: &Path) -> Result<TempDir, PortError> {
    tempfile::tempdir_in(under)
        .map_err(|error| PortError::fault(format!("no scratch folder under {}: {error}", under.display())))
}

/// Puts the file at `local` into the store, at that address in the lake, where it lies from then on alone.
pub async fn hand_over(store: &dyn ObjectStore, uri: &str, local: &Path) -> Result<(), PortError> {
    let (bucket, key) = split_uri(uri).expect("a lake location is an S3 URI");
    store.put_file(bucket, key, local).await?;
    std::fs::remove_file(local).map_err(|error| PortError::fault(format!("removing {}: {error}", local.display())))
}

//! Files on the local disk, on their way into the store.

use std::path::Path;
use tempfile::TempDir;
use watershed_ports::{ObjectStore, PortError};

/// A folder for one job under that one; gone when dropped.
///
/// Errors: a fault where it cannot be made.
pub fn folder(under: &Path) -> Result<TempDir, PortError> {
    tempfile::tempdir_in(under)
        .map_err(|error| PortError::fault(format!("no scratch folder under {}: {error}", under.display())))
}

/// Puts the file at `local` into the store, where it lies from then on alone.
pub async fn hand_over(store: &dyn ObjectStore, bucket: &str, key: &str, local: &Path) -> Result<(), PortError> {
    store.put_file(bucket, key, local).await?;
    std::fs::remove_file(local).map_err(|error| PortError::fault(format!("removing {}: {error}", local.display())))
}

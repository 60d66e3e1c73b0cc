//! Which data files of a table have an index, by which the rows in them are found by words.

use std::collections::BTreeMap;
use watershed_lake::layout::{IndexPlaces, split_uri};
use watershed_ports::{ObjectStore, PortError};

/// The data files of which every piece is there, and how many pieces each has; of all of the table's, or of those whose addresses begin
/// so.
pub async fn list(
    store: &dyn ObjectStore,
    places: &IndexPlaces,
    prefix: &str,
) -> Result<BTreeMap<String, usize>, PortError> {
    let (bucket, prefix) =
        split_uri(prefix).ok_or_else(|| PortError::fault(format!("{prefix} is no prefix of objects")))?;
    let (mut found, mut after) = (BTreeMap::new(), None);
    loop {
        let page = store.list(bucket, prefix, after.as_deref()).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.key.clone());
        let pieces = page
            .iter()
            .filter_map(|object| places.parse(&format!("s3://{bucket}/{}", object.key)));
        for piece in pieces.filter(|piece| piece.is_last) {
            found.insert(piece.file, piece.number + 1);
        }
    }
}

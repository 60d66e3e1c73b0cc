//! A table as it stands, for those who pack its files or want to know that somebody did.

use crate::{
    current::{Current, LiveFile, live},
    plan, summary,
};
use iceberg::spec::Snapshot;
use watershed_ports::{ObjectStore, PortError};

impl Current {
    /// The data files that a swap may replace: those of the table's own partition spec. None at all where another engine deleted rows by files
    /// of deletes: who packs reads the data files only, and the rows would be there again.
    pub async fn packable(&self, store: &dyn ObjectStore) -> Result<Vec<LiveFile>, PortError> {
        let manifests = self.all_manifests(store).await?;
        if manifests.iter().any(plan::lists_deletes) {
            return Ok(Vec::new());
        }
        let spec_id = self.metadata.default_partition_spec_id();
        let of_this_spec = manifests
            .into_iter()
            .filter(|manifest| plan::lists_data(manifest) && manifest.partition_spec_id == spec_id);
        live(store, of_this_spec.collect()).await
    }

    /// Whether nothing but swaps that keep all rows came after the other state: whatever of rows was true of it is true of this.
    pub(crate) fn has_the_rows_of(&self, before: &Self) -> bool {
        let parent = |snapshot: &&Snapshot| {
            let id = snapshot.parent_snapshot_id()?;
            self.metadata.snapshot_by_id(id).map(AsRef::as_ref)
        };
        let Some(newest) = &self.snapshot else {
            return before.snapshot_id().is_none();
        };
        let line = std::iter::successors(Some(newest.as_ref()), parent);
        let since = line.take(self.metadata.snapshots().len()).find(|snapshot| {
            Some(snapshot.snapshot_id()) == before.snapshot_id() || !summary::is_own_rewrite(snapshot)
        });
        since.is_some_and(|snapshot| Some(snapshot.snapshot_id()) == before.snapshot_id())
    }
}

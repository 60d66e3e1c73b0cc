//! What an attempt reads of the table's files, and what it cannot know of them.

use crate::{
    document::Document,
    maintain::Chores,
    manifests::{self, LoadedManifest},
    plan::{self, Wanted},
    session::Session,
    summary::{self, REPLACE},
    swap,
};
use iceberg::spec::{ManifestFile, TableMetadata};
use watershed_lake::table::properties;
use watershed_ports::PortError;

impl<'a> Session<'a> {
    /// The manifests that list files which may go.
    pub async fn search(
        &self,
        document: &Document,
        current: &[ManifestFile],
        wanted: &[Wanted<'a>],
        chores: &Chores<'a>,
    ) -> Result<Vec<LoadedManifest>, PortError> {
        // A table whose ledger was lost is searched whole, where a source may have files that are to go.
        let has_ledger = document.property(properties::LEDGER).is_some();
        let may_hold = !wanted.is_empty() && (!has_ledger || wanted.iter().any(|wanted| wanted.held_files > 0));
        if !may_hold && chores.ages.is_empty() && chores.swaps.is_empty() {
            return Ok(Vec::new());
        }
        let data = current.iter().filter(|file| plan::lists_data(file)).cloned().collect();
        // For maintenance alone, what has nothing that may go is let go of at once.
        let is_kept = |manifest: &LoadedManifest| {
            may_hold
                || chores.ages.iter().any(|age| age.is_in(manifest))
                || chores.swaps.iter().any(|(_, swap)| swap::is_in(swap, manifest))
        };
        manifests::load_where(self.ports.store, data, is_kept).await
    }

    /// Files that another engine rewrote cannot be told by their path: to replace their source would double its rows.
    pub fn rewritten_by_others(&mut self, metadata: &TableMetadata, document: &Document, missing: &[usize]) -> bool {
        let rewrite = metadata
            .snapshots()
            .find(|snapshot| snapshot.summary().operation.as_str() == REPLACE && !summary::is_own_rewrite(snapshot))
            .map(|snapshot| snapshot.snapshot_id().to_string());
        // A snapshot that was forgotten since leaves its name.
        let rewrite = rewrite.or_else(|| document.property(properties::REWRITTEN).map(Into::into));
        let Some(id) = rewrite.filter(|_| !missing.is_empty()) else {
            return false;
        };
        for &index in missing {
            let source = &self.requests[index].source;
            let what = format!(
                "table {}: files of {source} are gone, and snapshot {id} rewrote files: another engine may have merged \
                 them with others'. Roll the table back to before that snapshot, or delete the rows of the source by hand",
                self.spec.name
            );
            self.fail(index, &PortError::fault(what));
        }
        true
    }
}

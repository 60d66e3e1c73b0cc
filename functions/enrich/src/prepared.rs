//! What all sources of an epoch are enriched with: kept by a warm instance, once for all of them.

use crate::{
    Target,
    epoch::Moment,
    reference::{Budget, Index, Loaded, indexes, load},
};
use std::collections::BTreeMap;
use watershed_contract::{Contracts, Dataset};
use watershed_lake::{LakeLocation, TableName, layout::digest_in_path};
use watershed_ports::{ObjectStore, PortError};
use watershed_table::current::{Current, LiveFile};

/// What stands for the source of files that lie where no source's do, because another engine wrote them.
const OF_NO_SOURCE: &str = "rewritten";

/// The tables of a moment.
pub struct Prepared {
    /// Which.
    pub moment: Moment,
    /// The dataset's table.
    pub input: Current,
    /// Its files by the digests of their sources, in the order of their addresses.
    pub sources: BTreeMap<String, Vec<LiveFile>>,
    /// References in memory.
    pub references: BTreeMap<TableName, Loaded>,
    /// What their rows are found by, for each step.
    pub indexes: Vec<Option<Index>>,
}

impl Prepared {
    /// Reads all of that moment. A fault where the references need more memory than there is, or one cannot be joined with.
    pub async fn of(
        store: &dyn ObjectStore,
        lake: &LakeLocation,
        contracts: &Contracts,
        target: Target<'_>,
        moment: &Moment,
        reference_bytes: usize,
    ) -> Result<Self, PortError> {
        let Target { dataset, enrichment } = target;
        let input = Current::at(store, &moment.input).await?;
        let sources = by_source(&lake.table(&dataset.table), input.files(store).await?);
        let mut budget = Budget::new(reference_bytes);
        let mut references = BTreeMap::new();
        for name in enrichment.references() {
            let reference = contracts.by_table(name).expect("a reference has a contract");
            let metadata = moment.references.get(name);
            let metadata = metadata.ok_or_else(|| PortError::fault(format!("the epoch has no state of {name}")))?;
            let loaded = load(store, metadata, reference, enrichment.columns_of(name), &mut budget).await?;
            references.insert(name.clone(), loaded);
        }
        let indexes = indexes(enrichment, &references, &mut budget)?;
        Ok(Self {
            moment: moment.clone(),
            input,
            sources,
            references,
            indexes,
        })
    }
}

impl Prepared {
    /// The tables that were read, the dataset's first, and their snapshots.
    pub fn read(&self, dataset: &Dataset) -> Vec<(TableName, Option<i64>)> {
        let own = (dataset.table.name.clone(), self.input.snapshot_id());
        let references = self.references.iter();
        let references = references.map(|(name, loaded)| (name.clone(), loaded.snapshot_id));
        std::iter::once(own).chain(references).collect()
    }
}

/// Files of the table at that location by the digests of their sources.
pub fn by_source(location: &str, mut files: Vec<LiveFile>) -> BTreeMap<String, Vec<LiveFile>> {
    files.sort_by(|a, b| a.uri().cmp(b.uri()));
    let mut sources: BTreeMap<String, Vec<LiveFile>> = BTreeMap::new();
    for file in files {
        let digest = source_of(location, &file).to_string();
        sources.entry(digest).or_default().push(file);
    }
    sources
}

/// The digest of the source that the file is of.
pub fn source_of<'f>(location: &str, file: &'f LiveFile) -> &'f str {
    digest_in_path(location, file.uri()).unwrap_or(OF_NO_SOURCE)
}

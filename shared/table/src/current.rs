//! A table as it stands, for those who only read: which files live, and what it holds of a source.

use crate::{
    document::Document,
    ledger::{Holding, Ledger},
    manifests, object, plan,
};
use iceberg::spec::{DataFile, PrimitiveLiteral, TableMetadata};
use std::collections::BTreeMap;
use watershed_lake::{TableName, table::properties};
use watershed_ports::{Catalog, ObjectStore, PortError};

/// One state of a table. Its objects stay readable for as long as its snapshot is kept.
#[derive(Debug, Clone)]
pub struct Current {
    document: Document,
    metadata: TableMetadata,
}

/// A data file that lives.
#[derive(Debug, Clone)]
pub struct LiveFile(DataFile);

impl LiveFile {
    /// `s3://bucket/key`.
    pub fn uri(&self) -> &str {
        self.0.file_path()
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.0.file_size_in_bytes()
    }

    /// Bounds of a column that is stored as 64-bit numbers (long, time, timestamp), by its field id; none where they are not known.
    pub fn range(&self, field_id: i32) -> Option<(i64, i64)> {
        let number =
            |bounds: &std::collections::HashMap<i32, iceberg::spec::Datum>| match bounds.get(&field_id)?.literal() {
                PrimitiveLiteral::Long(number) => Some(*number),
                _ => None,
            };
        number(self.0.lower_bounds()).zip(number(self.0.upper_bounds()))
    }
}

impl Current {
    /// None: there is no such table yet.
    pub async fn load(
        store: &dyn ObjectStore,
        catalog: &dyn Catalog,
        name: &TableName,
    ) -> Result<Option<Self>, PortError> {
        let Some(entry) = catalog.load(name.database(), name.table()).await? else {
            return Ok(None);
        };
        let uri = &entry.metadata_location;
        let document = Document::parse(uri, &object::read(store, uri).await?)?;
        let metadata = document.typed()?;
        Ok(Some(Self { document, metadata }))
    }

    /// What it holds of these sources; those that it knows nothing of are left out.
    pub async fn holdings(
        &self,
        store: &dyn ObjectStore,
        sources: impl Iterator<Item = &str>,
    ) -> Result<BTreeMap<String, Holding>, PortError> {
        let ledger = Ledger::load(store, self.document.property(properties::LEDGER), sources).await?;
        Ok(ledger.holdings())
    }

    /// The data files of its current snapshot.
    pub async fn files(&self, store: &dyn ObjectStore) -> Result<Vec<LiveFile>, PortError> {
        let Some(snapshot) = self.metadata.current_snapshot() else {
            return Ok(Vec::new());
        };
        let manifests = manifests::list(store, snapshot.manifest_list()).await?;
        let loaded = manifests::load(store, manifests.into_iter().filter(plan::lists_data).collect()).await?;
        let live = loaded.into_iter().flat_map(|manifest| manifest.live);
        Ok(live.map(|entry| LiveFile(entry.data_file().clone())).collect())
    }
}

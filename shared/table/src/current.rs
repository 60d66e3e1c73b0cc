//! A table as it stands, for those who only read: which files live, and what it holds of a source.

use crate::{
    columns,
    document::Document,
    ledger::{Holding, Ledger},
    manifests, object, plan, summary,
};
use iceberg::spec::{DataFile, Datum, ManifestFile, PrimitiveLiteral, SnapshotRef, TableMetadata};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use watershed_lake::{Column, TableName, table::properties};
use watershed_ports::{Catalog, ObjectStore, PortError};

/// One state of a table. Its objects stay readable for as long as its snapshot is kept.
#[derive(Debug, Clone)]
pub struct Current {
    uri: String,
    document: Document,
    pub(crate) metadata: TableMetadata,
    pub(crate) snapshot: Option<SnapshotRef>,
}

/// A data file that lives.
#[derive(Debug, Clone)]
pub struct LiveFile(pub(crate) DataFile);

/// A value that a column's bound is. Those of one column are compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// Whole numbers, dates, times, decimals of one scale.
    Number(i128),
    /// Texts, by their bytes.
    Text(String),
}

impl Bound {
    fn of(literal: &PrimitiveLiteral) -> Option<Self> {
        match literal {
            PrimitiveLiteral::Int(number) => Some(Self::Number((*number).into())),
            PrimitiveLiteral::Long(number) => Some(Self::Number((*number).into())),
            PrimitiveLiteral::Int128(number) => Some(Self::Number(*number)),
            PrimitiveLiteral::String(text) => Some(Self::Text(text.clone())),
            _ => None,
        }
    }
}

/// What one state of a table has, and another has not.
#[derive(Debug, Clone, Default)]
pub struct Difference {
    /// Files that came.
    pub added: Vec<LiveFile>,
    /// Files that went.
    pub removed: Vec<LiveFile>,
}

impl LiveFile {
    /// `s3://bucket/key`.
    pub fn uri(&self) -> &str {
        self.0.file_path()
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.0.file_size_in_bytes()
    }

    /// Rows in it.
    pub fn rows(&self) -> u64 {
        self.0.record_count()
    }

    /// Bytes that a column takes in it, by its field id; of a nested one, by those of its fields that have values. None where that is not
    /// known.
    pub fn column_bytes(&self, field_id: i32) -> Option<u64> {
        self.0.column_sizes().get(&field_id).copied()
    }

    /// Nulls of a column, by its field id; none where that is not known.
    pub fn nulls(&self, field_id: i32) -> Option<u64> {
        self.0.null_value_counts().get(&field_id).copied()
    }

    /// Tells its partition from others of the same partition spec.
    pub fn partition(&self) -> String {
        format!("{:?}", self.0.partition())
    }

    /// No value of a column, by its field id, is below or above these; none where that is not known.
    pub fn bounds(&self, field_id: i32) -> Option<(Bound, Bound)> {
        let of = |bounds: &HashMap<i32, Datum>| Bound::of(bounds.get(&field_id)?.literal());
        of(self.0.lower_bounds()).zip(of(self.0.upper_bounds()))
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
        Self::at(store, &entry.metadata_location).await.map(Some)
    }

    /// The state that the metadata at that address describes. That it is gone is a fault.
    pub async fn at(store: &dyn ObjectStore, uri: &str) -> Result<Self, PortError> {
        let document = Document::parse(uri, &object::read(store, uri).await?)?;
        let metadata = document.typed()?;
        let snapshot = metadata.current_snapshot().cloned();
        let uri = uri.into();
        Ok(Self {
            uri,
            document,
            metadata,
            snapshot,
        })
    }

    /// The table as it was at a time, in milliseconds since 1970: as the last snapshot that was made until then left it, with the columns
    /// of then. None: it had no snapshot yet, or has forgotten that one.
    pub fn as_of(&self, time_ms: i64) -> Option<Self> {
        let mut log = self.metadata.history().iter();
        let last = log.rfind(|entry| entry.timestamp_ms <= time_ms)?;
        let snapshot = self.metadata.snapshot_by_id(last.snapshot_id)?;
        Some(Self {
            snapshot: Some(SnapshotRef::clone(snapshot)),
            ..self.clone()
        })
    }

    /// Its columns, with their ids and types: those of the table, which may be more than its contract names.
    ///
    /// Errors: a fault where another engine made a column of a type that no contract has.
    pub fn columns(&self) -> Result<Vec<Column>, PortError> {
        let is_now = self.snapshot_id() == self.metadata.current_snapshot_id();
        let then = self.snapshot.as_ref().filter(|_| !is_now);
        let schema = then.and_then(|snapshot| self.metadata.schema_by_id(snapshot.schema_id()?));
        let found = columns::of(schema.unwrap_or_else(|| self.metadata.current_schema()));
        found.map_err(|what| PortError::fault(format!("{}: {what}", self.uri)))
    }

    /// The snapshots that it still knows, the oldest first: their ids and when they were made, in milliseconds since 1970.
    pub fn snapshots(&self) -> Vec<(i64, i64)> {
        let mut known: Vec<_> = self.metadata.snapshots().collect();
        known.sort_by_key(|snapshot| snapshot.sequence_number());
        let known = known.into_iter();
        known
            .map(|snapshot| (snapshot.snapshot_id(), snapshot.timestamp_ms()))
            .collect()
    }

    /// When its snapshot was made, in milliseconds since 1970.
    pub fn made_ms(&self) -> Option<i64> {
        self.snapshot.as_ref().map(|snapshot| snapshot.timestamp_ms())
    }

    /// When rows came last that the table had not before, in milliseconds since 1970, as far back as its snapshots are known. Packing brings none.
    pub fn delivered_ms(&self) -> Option<i64> {
        let parent = |snapshot: &SnapshotRef| {
            let id = snapshot.parent_snapshot_id()?;
            self.metadata.snapshot_by_id(id).cloned()
        };
        let mut ancestry = std::iter::successors(self.snapshot.clone(), parent);
        let last = ancestry.find(|snapshot| summary::brings_rows(snapshot));
        last.map(|snapshot| snapshot.timestamp_ms())
    }

    /// When the oldest snapshot was made that is known, in milliseconds since 1970.
    pub fn oldest_ms(&self) -> Option<i64> {
        let known = self.metadata.snapshots();
        known.map(|snapshot| snapshot.timestamp_ms()).min()
    }

    /// What its snapshot's summary says under that key, where it is a number: `total-records`, say.
    pub fn total(&self, key: &str) -> Option<u64> {
        let summary = self.snapshot.as_ref()?.summary();
        summary.additional_properties.get(key)?.parse().ok()
    }

    /// A table property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.document.property(name)
    }

    /// Where its metadata lies: names the state.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Where its objects lie, with no slash at the end.
    pub fn location(&self) -> &str {
        self.metadata.location().trim_end_matches('/')
    }

    /// Its snapshot; none: it never had a row.
    pub fn snapshot_id(&self) -> Option<i64> {
        self.snapshot.as_ref().map(|snapshot| snapshot.snapshot_id())
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

    /// The names of the sources of which files have these digests in their paths; those that it knows nothing of are left out.
    pub async fn sources(
        &self,
        store: &dyn ObjectStore,
        digests: impl Iterator<Item = &str>,
    ) -> Result<BTreeMap<String, String>, PortError> {
        let root = self.document.property(properties::LEDGER);
        let mut ledger = Ledger::load(store, root, std::iter::empty()).await?;
        ledger.load_digests(store, digests).await
    }

    /// The data files of its snapshot.
    pub async fn files(&self, store: &dyn ObjectStore) -> Result<Vec<LiveFile>, PortError> {
        live(store, self.manifests(store).await?).await
    }

    /// What this state has and `before` has not, and the other way round; nothing where files were only packed, which have the same rows of
    /// the same sources. Only manifests are read that not both have.
    pub async fn since(&self, before: &Self, store: &dyn ObjectStore) -> Result<Difference, PortError> {
        if self.has_the_rows_of(before) {
            return Ok(Difference::default());
        }
        let (mut now, mut then) = (self.manifests(store).await?, before.manifests(store).await?);
        let paths = |manifests: &[ManifestFile]| -> BTreeSet<String> {
            manifests
                .iter()
                .map(|manifest| manifest.manifest_path.clone())
                .collect()
        };
        let (of_now, of_then) = (paths(&now), paths(&then));
        now.retain(|manifest| !of_then.contains(&manifest.manifest_path));
        then.retain(|manifest| !of_now.contains(&manifest.manifest_path));
        let (mut added, mut removed) = (live(store, now).await?, live(store, then).await?);
        // A manifest that was written anew names the files of the one before.
        let uris = |files: &[LiveFile]| -> BTreeSet<String> { files.iter().map(|file| file.uri().into()).collect() };
        let (of_added, of_removed) = (uris(&added), uris(&removed));
        added.retain(|file| !of_removed.contains(file.uri()));
        removed.retain(|file| !of_added.contains(file.uri()));
        Ok(Difference { added, removed })
    }

    async fn manifests(&self, store: &dyn ObjectStore) -> Result<Vec<ManifestFile>, PortError> {
        let manifests = self.all_manifests(store).await?;
        if manifests.iter().any(plan::lists_deletes) {
            return Err(PortError::fault(format!(
                "{}: another engine deleted rows by files of their own (merge on read), which are not read here: rewrite the table there, \
                 with Athena by OPTIMIZE … REWRITE DATA USING BIN_PACK",
                self.uri
            )));
        }
        Ok(manifests.into_iter().filter(plan::lists_data).collect())
    }

    /// Those of deleted rows among them.
    pub(crate) async fn all_manifests(&self, store: &dyn ObjectStore) -> Result<Vec<ManifestFile>, PortError> {
        match &self.snapshot {
            Some(snapshot) => manifests::list(store, snapshot.manifest_list()).await,
            None => Ok(Vec::new()),
        }
    }
}

pub(crate) async fn live(store: &dyn ObjectStore, manifests: Vec<ManifestFile>) -> Result<Vec<LiveFile>, PortError> {
    let loaded = manifests::load(store, manifests).await?;
    let live = loaded.into_iter().flat_map(|manifest| manifest.live);
    Ok(live.map(|entry| LiveFile(entry.data_file().clone())).collect())
}

//! Manifests and manifest lists: bytes in, bytes out. The Avro is the `iceberg` crate's.

use crate::{MAX_CONCURRENT_IO, object};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use iceberg::{
    io::{FileIO, FileWrite},
    spec::{
        DataFile, FormatVersion, Manifest, ManifestEntry, ManifestFile, ManifestList, ManifestListWriter,
        ManifestStatus, ManifestWriter, ManifestWriterBuilder, PartitionSpec, SchemaRef,
    },
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};
use watershed_ports::{ObjectStore, PortError};

/// A manifest with its entries; what they inherit is filled in.
#[derive(Debug, Clone)]
pub struct LoadedManifest {
    /// Its line in the manifest list.
    pub file: ManifestFile,
    /// Schema that it was written with.
    pub schema: SchemaRef,
    /// Partition spec that it was written with.
    pub partition: PartitionSpec,
    /// Files that live.
    pub live: Vec<ManifestEntry>,
}

/// A manifest that is not written yet.
#[derive(Debug, Clone)]
pub struct Written {
    /// Its line in the manifest list.
    pub file: ManifestFile,
    /// Its bytes, to be put at the line's path.
    pub bytes: Bytes,
}

fn fault(doing: &str) -> impl Fn(iceberg::Error) -> PortError {
    move |error| PortError::fault(format!("{doing}: {error}"))
}

/// The manifests of a snapshot.
pub async fn list(store: &dyn ObjectStore, uri: &str) -> Result<Vec<ManifestFile>, PortError> {
    let bytes = object::read(store, uri).await?;
    let list = ManifestList::parse_with_version(&bytes, FormatVersion::V2).map_err(fault(uri))?;
    Ok(list.consume_entries().into_iter().collect())
}

/// Reads manifests, in parallel, in their order.
pub async fn load(store: &dyn ObjectStore, files: Vec<ManifestFile>) -> Result<Vec<LoadedManifest>, PortError> {
    load_where(store, files, |_| true).await
}

/// The same, of those that are wanted when they are read.
pub async fn load_where(
    store: &dyn ObjectStore,
    files: Vec<ManifestFile>,
    is_wanted: impl Fn(&LoadedManifest) -> bool,
) -> Result<Vec<LoadedManifest>, PortError> {
    stream::iter(files.into_iter().map(|file| async move {
        let manifest = parse(store, &file).await?;
        let (schema, partition) = (
            manifest.metadata().schema.clone(),
            manifest.metadata().partition_spec.clone(),
        );
        let live = manifest.entries().iter().filter(|entry| entry.is_alive());
        let live = live.map(|entry| inherit((**entry).clone(), &file)).collect();
        Ok(LoadedManifest {
            file,
            schema,
            partition,
            live,
        })
    }))
    .buffered(MAX_CONCURRENT_IO)
    .try_filter(|manifest| std::future::ready(is_wanted(manifest)))
    .try_collect()
    .await
}

async fn parse(store: &dyn ObjectStore, file: &ManifestFile) -> Result<Manifest, PortError> {
    let bytes = object::read(store, &file.manifest_path).await?;
    Manifest::parse_avro(&bytes).map_err(fault(&file.manifest_path))
}

/// Calls `each` with the path of every file that the manifest names for a snapshot that `is_kept`: those that live, and those that
/// such a snapshot removed, because who reads its changes reads them.
pub async fn paths(
    store: &dyn ObjectStore,
    file: &ManifestFile,
    is_kept: impl Fn(i64) -> bool,
    mut each: impl FnMut(&str),
) -> Result<(), PortError> {
    let manifest = parse(store, file).await?;
    for entry in manifest.entries() {
        if entry.is_alive() || is_kept(entry.snapshot_id().unwrap_or(file.added_snapshot_id)) {
            each(entry.file_path());
        }
    }
    Ok(())
}

/// Iceberg specification, "Sequence Number Inheritance".
fn inherit(mut entry: ManifestEntry, file: &ManifestFile) -> ManifestEntry {
    entry.snapshot_id = entry.snapshot_id.or(Some(file.added_snapshot_id));
    if entry.status == ManifestStatus::Added || file.sequence_number == 0 {
        entry.sequence_number = entry.sequence_number.or(Some(file.sequence_number));
        entry.file_sequence_number = entry.file_sequence_number.or(Some(file.sequence_number));
    }
    entry
}

/// Writes manifests of one snapshot.
pub struct Maker {
    io: FileIO,
    snapshot_id: i64,
}

impl Maker {
    /// For that snapshot.
    pub fn new(snapshot_id: i64) -> Self {
        // The writer wants a file. Memory gives it one, and the bytes go through our own port: simpler than a storage of
        // the crate's over the port, and every call of the port stays in our hands.
        Self {
            io: FileIO::new_with_memory(),
            snapshot_id,
        }
    }

    /// A manifest of new files.
    pub async fn added(
        &self,
        uri: &str,
        schema: &SchemaRef,
        partition: &PartitionSpec,
        files: &[DataFile],
    ) -> Result<Written, PortError> {
        self.write(uri, schema, partition, |writer| {
            // A negative number is replaced by the snapshot's own.
            files.iter().try_for_each(|file| writer.add_file(file.clone(), -1))
        })
        .await
    }

    /// The manifest without the files of these paths.
    pub async fn without(
        &self,
        uri: &str,
        manifest: &LoadedManifest,
        removed: &BTreeSet<&str>,
    ) -> Result<Written, PortError> {
        self.write(uri, &manifest.schema, &manifest.partition, |writer| {
            manifest.live.iter().try_for_each(|entry| {
                if removed.contains(entry.file_path()) {
                    let sequence = entry.sequence_number.unwrap_or(0);
                    writer.add_delete_file(entry.data_file.clone(), sequence, entry.file_sequence_number)
                } else {
                    add_existing(writer, entry)
                }
            })
        })
        .await
    }

    /// One manifest of all that lives in these.
    pub async fn merged(
        &self,
        uri: &str,
        schema: &SchemaRef,
        partition: &PartitionSpec,
        manifests: &[LoadedManifest],
    ) -> Result<Written, PortError> {
        self.write(uri, schema, partition, |writer| {
            manifests
                .iter()
                .flat_map(|manifest| &manifest.live)
                .try_for_each(|entry| add_existing(writer, entry))
        })
        .await
    }

    async fn write(
        &self,
        uri: &str,
        schema: &SchemaRef,
        partition: &PartitionSpec,
        fill: impl FnOnce(&mut ManifestWriter) -> iceberg::Result<()>,
    ) -> Result<Written, PortError> {
        let doing = fault(uri);
        let output = self.io.new_output(format!("memory:/{uri}")).map_err(&doing)?;
        let path = output.location().to_string();
        let builder = ManifestWriterBuilder::new(output, Some(self.snapshot_id), schema.clone(), partition.clone());
        let mut writer = builder.build_v2_data();
        fill(&mut writer).map_err(&doing)?;
        let mut line = writer.write_manifest_file().await.map_err(&doing)?;
        let bytes = self.io.new_input(&path).map_err(&doing)?.read().await.map_err(&doing)?;
        line.manifest_path = uri.into();
        Ok(Written { file: line, bytes })
    }
}

fn add_existing(writer: &mut ManifestWriter, entry: &ManifestEntry) -> iceberg::Result<()> {
    let (snapshot, sequence) = (entry.snapshot_id.unwrap_or(0), entry.sequence_number.unwrap_or(0));
    writer.add_existing_file(entry.data_file.clone(), snapshot, sequence, entry.file_sequence_number)
}

/// The bytes of a manifest list.
pub async fn list_bytes(
    snapshot_id: i64,
    parent: Option<i64>,
    sequence_number: i64,
    manifests: Vec<ManifestFile>,
) -> Result<Bytes, PortError> {
    let doing = fault("writing a manifest list");
    let sink = Sink::default();
    let mut writer = ManifestListWriter::v2(Box::new(sink.clone()), snapshot_id, parent, sequence_number);
    writer.add_manifests(manifests.into_iter()).map_err(&doing)?;
    writer.close().await.map_err(&doing)?;
    let bytes = std::mem::take(&mut *sink.0.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(bytes.into())
}

/// Keeps what is written.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

#[async_trait::async_trait]
impl FileWrite for Sink {
    async fn write(&mut self, bytes: Bytes) -> iceberg::Result<()> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(&bytes);
        Ok(())
    }

    async fn close(&mut self) -> iceberg::Result<()> {
        Ok(())
    }
}

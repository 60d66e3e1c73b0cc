//! A snapshot from a change: its manifests, their list, and its place in the metadata.

use crate::{
    Ports,
    document::{Document, Expiry},
    manifests::{self, LoadedManifest, Maker, Written},
    plan::{self, Change},
    summary,
};
use bytes::Bytes;
use iceberg::spec::{
    DataFile, Literal, ManifestFile, PartitionSpec, PrimitiveLiteral, PrimitiveType, Schema, Snapshot, TableMetadata,
    Transform, Type,
};
use serde_json::json;
use std::collections::BTreeSet;
use watershed_lake::{TableChanged, TableSpec, message::MAX_EVENT_PARTITIONS, table::properties};
use watershed_ports::PortError;

/// Files that one manifest lists when they are added.
const MAX_FILES_PER_MANIFEST: usize = 5_000;

/// The table that a snapshot is added to.
pub struct Base<'a> {
    /// Its contract.
    pub spec: &'a TableSpec,
    /// Its metadata.
    pub metadata: &'a TableMetadata,
    /// Manifests of the current snapshot.
    pub manifests: &'a [ManifestFile],
    /// Those of them that were read.
    pub loaded: &'a [LoadedManifest],
    /// `s3://…/metadata/`.
    pub metadata_prefix: &'a str,
}

/// Writes nothing yet: new objects are appended to `objects`, and the snapshot to the document. Returns its announcement.
pub async fn add(
    ports: Ports<'_>,
    base: &Base<'_>,
    change: &Change,
    tokens: &BTreeSet<&str>,
    document: &mut Document,
    objects: &mut Vec<(String, Bytes)>,
) -> Result<TableChanged, PortError> {
    let parent = base.metadata.current_snapshot();
    let id = snapshot_id(ports, base.metadata);
    let sequence_number = base.metadata.last_sequence_number() + 1;
    let timestamp_ms = ports.host.now_ms().max(base.metadata.last_updated_ms());
    let files = manifests_of(ports, base, change, &Maker::new(id), objects).await?;
    let list_uri = format!("{}snap-{id}-1-{}.avro", base.metadata_prefix, ports.host.uuid());
    let parent_id = parent.map(|parent| parent.snapshot_id());
    objects.push((
        list_uri.clone(),
        manifests::list_bytes(id, parent_id, sequence_number, files.clone()).await?,
    ));

    let removed: Vec<&DataFile> = removed_files(base, change).map(|(_, file)| file).collect();
    let tallies = (summary::tally(change.added.iter()), summary::tally(removed.into_iter()));
    let partitions = partitions(base, change);
    let parent_summary = parent.map(|parent| &parent.summary().additional_properties);
    let operation = if change.is_rewrite {
        summary::REPLACE
    } else {
        summary::operation(tallies.0, tallies.1)
    };
    let summary = summary::summary(operation, parent_summary, &files, tallies, partitions.len(), tokens);
    let mut snapshot = json!({
        "snapshot-id": id, "sequence-number": sequence_number, "timestamp-ms": timestamp_ms,
        "manifest-list": list_uri, "summary": summary, "schema-id": base.metadata.current_schema_id(),
    });
    if let Some(parent) = parent_id {
        snapshot["parent-snapshot-id"] = parent.into();
    }
    document.add_snapshot(snapshot);
    document.expire(Expiry::at(timestamp_ms));
    let (added, removed) = tallies;
    Ok(TableChanged {
        parent_snapshot_id: parent_id,
        operation: operation.into(),
        added_files: added.files,
        removed_files: removed.files,
        added_rows: added.rows,
        removed_rows: removed.rows,
        total_rows: summary::totals(&files).1,
        partitions: listed(base.metadata, partitions),
        ..announcement(base.spec, id, sequence_number, timestamp_ms)
    })
}

/// The announcement of a snapshot that is there, made of its summary.
pub fn announce(spec: &TableSpec, snapshot: &Snapshot) -> TableChanged {
    let number = |name: &str| {
        let text = snapshot.summary().additional_properties.get(name);
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    TableChanged {
        parent_snapshot_id: snapshot.parent_snapshot_id(),
        operation: snapshot.summary().operation.as_str().into(),
        added_files: number("added-data-files"),
        removed_files: number("deleted-data-files"),
        added_rows: number("added-records"),
        removed_rows: number("deleted-records"),
        total_rows: number("total-records"),
        ..announcement(
            spec,
            snapshot.snapshot_id(),
            snapshot.sequence_number(),
            snapshot.timestamp_ms(),
        )
    }
}

fn announcement(spec: &TableSpec, snapshot_id: i64, sequence_number: i64, timestamp_ms: i64) -> TableChanged {
    let property = |name: &str, default: &str| spec.properties.get(name).map_or(default, String::as_str).to_string();
    TableChanged {
        table: spec.name.clone(),
        role: property(properties::ROLE, "data"),
        contract: property(properties::CONTRACT, ""),
        snapshot_id,
        parent_snapshot_id: None,
        sequence_number,
        timestamp_ms,
        operation: String::new(),
        added_files: 0,
        removed_files: 0,
        added_rows: 0,
        removed_rows: 0,
        total_rows: 0,
        partitions: None,
    }
}

/// Positive, like every other writer's, and not taken.
fn snapshot_id(ports: Ports<'_>, metadata: &TableMetadata) -> i64 {
    let (high, low) = ports.host.uuid().as_u64_pair();
    let mut id = ((high ^ low) as i64) & i64::MAX;
    // Ends: there are fewer snapshots than ids.
    while metadata.snapshot_by_id(id).is_some() {
        id = (id + 1) & i64::MAX;
    }
    id
}

async fn manifests_of(
    ports: Ports<'_>,
    base: &Base<'_>,
    change: &Change,
    maker: &Maker,
    objects: &mut Vec<(String, Bytes)>,
) -> Result<Vec<ManifestFile>, PortError> {
    let (schema, partition) = (base.metadata.current_schema(), base.metadata.default_partition_spec());
    let uri = || format!("{}{}-m0.avro", base.metadata_prefix, ports.host.uuid());
    let mut written: Vec<Written> = Vec::new();
    for files in change.added.chunks(MAX_FILES_PER_MANIFEST) {
        written.push(maker.added(&uri(), schema, partition, files).await?);
    }
    for manifest in base.loaded {
        if let Some(removed) = change.removed.get(&manifest.file.manifest_path) {
            let removed = removed.iter().map(String::as_str).collect();
            written.push(maker.without(&uri(), manifest, &removed).await?);
        }
    }
    let mut kept: Vec<ManifestFile> = base
        .manifests
        .iter()
        .filter(|file| plan::is_alive(file) && !change.removed.contains_key(&file.manifest_path))
        .cloned()
        .collect();
    let merged = plan::to_merge(&kept, partition.spec_id());
    if !merged.is_empty() {
        let (small, others): (Vec<_>, Vec<_>) = kept.into_iter().partition(|file| merged.contains(&file.manifest_path));
        let small = manifests::load(ports.store, small).await?;
        written.push(maker.merged(&uri(), schema, partition, &small).await?);
        kept = others;
    }
    let mut files: Vec<ManifestFile> = Vec::with_capacity(written.len() + kept.len());
    for manifest in written {
        objects.push((manifest.file.manifest_path.clone(), manifest.bytes));
        files.push(manifest.file);
    }
    files.extend(kept);
    Ok(files)
}

fn removed_files<'a>(
    base: &'a Base<'_>,
    change: &'a Change,
) -> impl Iterator<Item = (&'a LoadedManifest, &'a DataFile)> {
    base.loaded.iter().flat_map(|manifest| {
        let removed = change.removed.get(&manifest.file.manifest_path);
        let live = manifest
            .live
            .iter()
            .filter(move |entry| removed.is_some_and(|paths| paths.contains(entry.file_path())));
        live.map(move |entry| (manifest, entry.data_file()))
    })
}

/// Partitions that are touched, as paths.
fn partitions(base: &Base<'_>, change: &Change) -> BTreeSet<String> {
    let (schema, partition) = (base.metadata.current_schema(), base.metadata.default_partition_spec());
    let added = change.added.iter().map(|file| path(partition, schema, file));
    let removed = removed_files(base, change).map(|(manifest, file)| path(&manifest.partition, &manifest.schema, file));
    added.chain(removed).collect()
}

/// `name=value/…` with values as Iceberg's other writers show them.
fn path(partition: &PartitionSpec, schema: &Schema, file: &DataFile) -> String {
    let types = partition
        .partition_type(schema)
        .map(|types| types.fields().to_vec())
        .unwrap_or_default();
    let values = partition.fields().iter().zip(types).zip(file.partition().iter());
    let parts = values
        .map(|((field, kind), value)| format!("{}={}", field.name, human(field.transform, &kind.field_type, value)));
    parts.collect::<Vec<_>>().join("/")
}

/// The crate shows years, months and hours as the numbers that they are stored as.
fn human(transform: Transform, kind: &Type, value: Option<&Literal>) -> String {
    let number = match value {
        Some(Literal::Primitive(PrimitiveLiteral::Int(number))) => *number,
        _ => return transform.to_human_string(kind, value),
    };
    match transform {
        Transform::Year => format!("{:04}", 1970 + number),
        Transform::Month => format!("{:04}-{:02}", 1970 + number.div_euclid(12), number.rem_euclid(12) + 1),
        Transform::Hour => {
            let day = Literal::date(number.div_euclid(24));
            let day = Transform::Day.to_human_string(&Type::Primitive(PrimitiveType::Date), Some(&day));
            format!("{day}-{:02}", number.rem_euclid(24))
        }
        _ => transform.to_human_string(kind, value),
    }
}

fn listed(metadata: &TableMetadata, partitions: BTreeSet<String>) -> Option<Vec<String>> {
    if metadata.default_partition_spec().is_unpartitioned() {
        return Some(Vec::new());
    }
    (partitions.len() <= MAX_EVENT_PARTITIONS).then(|| partitions.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_values_read_as_dates() {
        let kind = Type::Primitive(PrimitiveType::Int);
        let text = |transform, number| human(transform, &kind, Some(&Literal::int(number)));
        assert_eq!(text(Transform::Year, 43), "2013");
        assert_eq!(text(Transform::Month, -1), "1969-12");
        assert_eq!(text(Transform::Hour, -1), "1969-12-31-23");
        assert_eq!(text(Transform::Bucket(4), 3), "3");
        assert_eq!(human(Transform::Month, &kind, None), "null");
    }
}

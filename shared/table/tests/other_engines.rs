//! What other engines wrote is carried on: position deletes, as Athena's `DELETE` makes them.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use common::{LAKE, World, spec};
use iceberg::{
    io::FileIO,
    spec::{
        DataContentType, DataFileBuilder, DataFileFormat, ManifestContentType, ManifestFile, ManifestWriterBuilder,
        TableMetadata,
    },
};
use serde_json::json;
use watershed_lake::{
    CommitRequest, LakeLocation, Maintain, MaintenanceRequest, StagedFile, Swap, TableSpec,
    layout::{source_prefix, split_uri},
};
use watershed_ports::Catalog;
use watershed_table::{Batch, Outcome, catalog, manifests};

/// Commits a snapshot as another engine would: one file of position deletes for rows of `data_file`.
async fn delete_rows(world: &World, spec: &TableSpec, data_file: &str) {
    let metadata = world.metadata(spec).unwrap();
    let current = metadata.current_snapshot().unwrap();
    let (id, sequence) = (77, metadata.last_sequence_number() + 1);
    let prefix = format!("{}/metadata/", metadata.location());
    let deletes = DataFileBuilder::default()
        .content(DataContentType::PositionDeletes)
        .file_path(format!("{data_file}-deletes.parquet"))
        .file_format(DataFileFormat::Parquet)
        .partition(
            manifests::load(
                &world.store,
                manifests::list(&world.store, current.manifest_list()).await.unwrap(),
            )
            .await
            .unwrap()[0]
                .live[0]
                .data_file()
                .partition()
                .clone(),
        )
        .partition_spec_id(metadata.default_partition_spec_id())
        .record_count(1)
        .file_size_in_bytes(100)
        .build()
        .unwrap();
    let io = FileIO::new_with_memory();
    let output = io.new_output("memory:/deletes.avro").unwrap();
    let (schema, partition) = (metadata.current_schema().clone(), metadata.default_partition_spec());
    let mut writer =
        ManifestWriterBuilder::new(output, Some(id), schema, partition.as_ref().clone()).build_v2_deletes();
    writer.add_file(deletes, -1).unwrap();
    let mut line = writer.write_manifest_file().await.unwrap();
    let bytes = io.new_input("memory:/deletes.avro").unwrap().read().await.unwrap();
    line.manifest_path = format!("{prefix}deletes.avro");
    put(world, &line.manifest_path.clone(), bytes.to_vec());
    let mut lines = manifests::list(&world.store, current.manifest_list()).await.unwrap();
    lines.push(line);
    let list_uri = format!("{prefix}snap-{id}.avro");
    let list = manifests::list_bytes(id, Some(current.snapshot_id()), sequence, lines)
        .await
        .unwrap();
    put(world, &list_uri, list.to_vec());
    swap(world, spec, &metadata, id, sequence, &list_uri).await;
}

async fn swap(world: &World, spec: &TableSpec, metadata: &TableMetadata, id: i64, sequence: i64, list_uri: &str) {
    let (database, table) = (spec.name.database(), spec.name.table());
    let entry = world.catalog.load(database, table).await.unwrap().unwrap();
    let mut document: serde_json::Value = serde_json::from_slice(&world.bytes(&entry.metadata_location)).unwrap();
    let current = metadata.current_snapshot().unwrap();
    let mut summary = serde_json::to_value(&current.summary().additional_properties).unwrap();
    summary["operation"] = "delete".into();
    summary["total-delete-files"] = "1".into();
    summary["total-position-deletes"] = "1".into();
    let time = metadata.last_updated_ms() + 1;
    document["snapshots"].as_array_mut().unwrap().push(json!({
        "snapshot-id": id, "parent-snapshot-id": current.snapshot_id(), "sequence-number": sequence,
        "timestamp-ms": time, "manifest-list": list_uri, "summary": summary, "schema-id": metadata.current_schema_id(),
    }));
    document["current-snapshot-id"] = id.into();
    document["refs"]["main"]["snapshot-id"] = id.into();
    document["last-sequence-number"] = sequence.into();
    document["last-updated-ms"] = time.into();
    document["snapshot-log"]
        .as_array_mut()
        .unwrap()
        .push(json!({"snapshot-id": id, "timestamp-ms": time}));
    let location = format!("{}/metadata/90000-other.metadata.json", metadata.location());
    put(world, &location, serde_json::to_vec(&document).unwrap());
    let table = catalog::table(spec, metadata.current_schema(), metadata.location(), location, None);
    world.catalog.swap(&entry, &table).await.unwrap();
}

fn put(world: &World, uri: &str, bytes: Vec<u8>) {
    let (bucket, key) = split_uri(uri).unwrap();
    world.store.insert(bucket, key, bytes);
}

async fn delete_manifests(world: &World, spec: &TableSpec) -> Vec<ManifestFile> {
    let metadata = world.metadata(spec).unwrap();
    let list = metadata.current_snapshot().unwrap().manifest_list().to_string();
    let files = manifests::list(&world.store, &list).await.unwrap();
    files
        .into_iter()
        .filter(|file| file.content == ManifestContentType::Deletes)
        .collect()
}

#[tokio::test]
async fn position_deletes_outlive_appends_and_replacements() {
    let (world, spec) = (World::new(), spec());
    let one = world.request(&spec, "one.csv", 1, &[&[(1, "x"), (2, "y")]]);
    world.commit(&spec, std::slice::from_ref(&one)).await;
    delete_rows(&world, &spec, &one.uri(&one.files[0])).await;
    let before = delete_manifests(&world, &spec).await;
    assert_eq!(before.len(), 1);

    let two = world.request(&spec, "two.csv", 1, &[&[(3, "z")]]);
    let appended = world.commit(&spec, std::slice::from_ref(&two)).await;
    assert_eq!(appended.outcomes, [Ok(Outcome::Applied)]);
    assert_eq!(
        delete_manifests(&world, &spec).await,
        before,
        "an append carries them on"
    );

    let newer = world.request(&spec, "two.csv", 2, &[&[(4, "w")]]);
    let replaced = world.commit(&spec, std::slice::from_ref(&newer)).await;
    assert_eq!(replaced.outcomes, [Ok(Outcome::Applied)]);
    assert_eq!(
        delete_manifests(&world, &spec).await,
        before,
        "and so does a replacement"
    );
    let metadata = world.metadata(&spec).unwrap();
    let summary = &metadata.current_snapshot().unwrap().summary().additional_properties;
    assert_eq!(summary["total-position-deletes"], "1");
    assert_eq!(summary["total-delete-files"], "1");
}

#[tokio::test]
async fn files_of_which_rows_were_deleted_are_not_packed() {
    let (world, spec) = (World::new(), spec());
    let one = world.request(&spec, "one.csv", 1, &[&[(1, "x"), (2, "y")], &[(3, "z")]]);
    world.commit(&spec, std::slice::from_ref(&one)).await;
    let packed = world.request(&spec, "one.csv", 7, &[&[(1, "x"), (2, "y"), (3, "z")]]);
    let prefix = source_prefix(&LakeLocation::bucket(LAKE).table(&spec), &one.source);
    let below = |request: &CommitRequest, file: &StagedFile| request.uri(file).split_off(prefix.len());
    let swap = Swap {
        replaced: one.files.iter().map(|file| below(&one, file)).collect(),
        files: vec![StagedFile {
            path: below(&packed, &packed.files[0]),
            ..packed.files[0].clone()
        }],
        prefix: prefix.clone(),
        erased_rows: 0,
    };
    let request = [MaintenanceRequest {
        table: spec.name.clone(),
        contract: "c".into(),
        maintain: Maintain::Swap(swap),
        trace: None,
    }];
    let batch = Batch {
        requests: &[],
        maintenance: &request,
    };
    let before = world.metadata(&spec).unwrap();
    delete_rows(&world, &spec, &one.uri(&one.files[0])).await;
    let done = world.work(&spec, batch).await;
    assert_eq!(
        done.maintained,
        [Ok(Outcome::Superseded)],
        "its rows would be there again"
    );
    // The same without the deletes is done.
    let entry = world.catalog.load("shop", "orders").await.unwrap().unwrap();
    let location = before.location().to_string();
    let uri = format!("{location}/metadata/90001-back.metadata.json");
    put(&world, &uri, serde_json::to_vec(&before).unwrap());
    let back = catalog::table(&spec, before.current_schema(), &location, uri, None);
    world.catalog.swap(&entry, &back).await.unwrap();
    assert_eq!(world.work(&spec, batch).await.maintained, [Ok(Outcome::Applied)]);
}

//! A lake in memory, real Parquet files, and the requests that name them.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod swaps;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use async_trait::async_trait;
use iceberg::spec::{Manifest, ManifestContentType, ManifestList, TableMetadata};
use parquet::arrow::ArrowWriter;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use watershed_lake::{
    Column, ColumnType, CommitRequest, LakeLocation, PartitionField, SourceOrder, StagedFile, TableName, TableSpec,
    Transform,
    layout::{Zone, position_prefix, source_prefix, split_uri},
};
use watershed_ports::{
    Catalog, ObjectId, ObjectStore,
    faults::Faults,
    memory::{MemoryCatalog, MemoryStore},
};
use watershed_table::{Batch, Committed, Ports, commit, memory::MemoryHost};

pub const LAKE: &str = "lake";

pub struct World {
    pub faults: Faults,
    pub store: MemoryStore,
    pub catalog: MemoryCatalog,
    pub host: MemoryHost,
}

impl World {
    pub fn new() -> Self {
        let faults = Faults::default();
        Self {
            store: MemoryStore::new(faults.clone()),
            catalog: MemoryCatalog::new(faults.clone()),
            faults,
            host: MemoryHost::default(),
        }
    }

    pub async fn commit(&self, spec: &TableSpec, requests: &[CommitRequest]) -> Committed {
        self.work(spec, requests.into()).await
    }

    pub async fn work(&self, spec: &TableSpec, batch: Batch<'_>) -> Committed {
        let ports = Ports {
            store: &self.store,
            catalog: &self.catalog,
            host: &self.host,
        };
        commit(ports, &LakeLocation::bucket(LAKE), spec, batch).await
    }

    /// Writes a file of these rows for the version and returns the request that names it.
    pub fn request(&self, spec: &TableSpec, source: &str, version: u32, files: &[&[(i64, &str)]]) -> CommitRequest {
        self.request_of(spec, source, version, files.iter().map(|rows| parquet(rows)).collect())
    }

    pub fn request_of(
        &self,
        spec: &TableSpec,
        source: &str,
        version: u32,
        files: Vec<(Vec<u8>, u64)>,
    ) -> CommitRequest {
        let uri = format!("s3://raw/{source}");
        let prefix = format!(
            "{}v{version}/",
            source_prefix(&LakeLocation::bucket(LAKE).table(spec), &uri)
        );
        let staged = self.stage(&prefix, files);
        let order = SourceOrder::s3(&format!("{version:08X}"), (1, 0, 0));
        CommitRequest::new(spec.name.clone(), "c".into(), uri, order, prefix, staged, None)
    }

    /// Writes these files and returns the request that appends them: what a shard has behind `after`, 0 is its beginning, up to `order`.
    pub fn append(
        &self,
        spec: &TableSpec,
        shard: &str,
        (after, order): (u32, u32),
        files: Vec<(Vec<u8>, u64)>,
    ) -> CommitRequest {
        let uri = shard_uri(shard);
        let position = |number: u32| SourceOrder::kinesis(&number.to_string(), 0).unwrap();
        let prefix = position_prefix(&LakeLocation::bucket(LAKE).table(spec), &uri, &position(order));
        let staged = self.stage(&prefix, files);
        let request = CommitRequest::new(
            spec.name.clone(),
            "c".into(),
            uri,
            position(order),
            prefix,
            staged,
            None,
        );
        request.appending((after > 0).then(|| position(after)))
    }

    fn stage(&self, prefix: &str, files: Vec<(Vec<u8>, u64)>) -> Vec<StagedFile> {
        let mut staged = Vec::new();
        for (n, (bytes, rows)) in files.into_iter().enumerate() {
            let path = format!("{n:05}.parquet");
            let size = bytes.len() as u64;
            let full = format!("{prefix}{path}");
            let (bucket, key) = split_uri(&full).unwrap();
            self.store.insert(bucket, key, bytes);
            staged.push(StagedFile {
                path,
                bytes: size,
                rows,
            });
        }
        staged
    }

    /// Metadata of the table as the catalog names it.
    pub fn metadata(&self, spec: &TableSpec) -> Option<TableMetadata> {
        let entry = self.catalog.snapshot().get(&spec.name.to_string())?.clone();
        Some(serde_json::from_slice(&self.bytes(&entry.metadata_location)).unwrap())
    }

    pub fn bytes(&self, uri: &str) -> Vec<u8> {
        let name = uri.strip_prefix("s3://").unwrap();
        self.store
            .snapshot()
            .get(name)
            .unwrap_or_else(|| panic!("{uri} is missing"))
            .to_vec()
    }

    /// Rows by path of the data files that a snapshot holds; the current one where none is given.
    pub fn live(&self, spec: &TableSpec, snapshot: Option<i64>) -> BTreeMap<String, u64> {
        let Some(metadata) = self.metadata(spec) else {
            return BTreeMap::new();
        };
        let snapshot = match snapshot {
            Some(id) => metadata.snapshot_by_id(id),
            None => metadata.current_snapshot(),
        };
        let Some(snapshot) = snapshot else {
            return BTreeMap::new();
        };
        let list = self.bytes(snapshot.manifest_list());
        let list = ManifestList::parse_with_version(&list, metadata.format_version()).unwrap();
        let mut live = BTreeMap::new();
        for file in list
            .entries()
            .iter()
            .filter(|file| file.content == ManifestContentType::Data)
        {
            let manifest = Manifest::parse_avro(&self.bytes(&file.manifest_path)).unwrap();
            for entry in manifest.entries().iter().filter(|entry| entry.is_alive()) {
                let before = live.insert(entry.file_path().to_string(), entry.record_count());
                assert_eq!(before, None, "{} is in the table twice", entry.file_path());
            }
        }
        let summary = &snapshot.summary().additional_properties;
        let bytes: u64 = live.keys().map(|path| self.bytes(path).len() as u64).sum();
        assert_eq!(summary["total-data-files"], live.len().to_string());
        assert_eq!(summary["total-records"], live.values().sum::<u64>().to_string());
        assert_eq!(summary["total-files-size"], bytes.to_string());
        live
    }

    /// Order and token by source, all of it.
    pub async fn ledger(&self, spec: &TableSpec, sources: &[String]) -> BTreeMap<String, (String, String, u64)> {
        self.faults.clear();
        let root = self
            .metadata(spec)
            .and_then(|m| m.properties().get("watershed.ledger").cloned());
        let names = sources.iter().map(String::as_str);
        let ledger = watershed_table::ledger::Ledger::load(&self.store, root.as_deref(), names)
            .await
            .unwrap();
        let holdings = ledger.holdings().into_iter();
        holdings
            .map(|(source, h)| (source, (h.order.to_string(), h.token, h.files.unwrap_or(0))))
            .collect()
    }

    /// Every source that the ledger has an entry of, read without the code that is tested.
    pub fn sources(&self, spec: &TableSpec) -> Vec<String> {
        let Some(metadata) = self.metadata(spec) else {
            return Vec::new();
        };
        let Some(root) = metadata.properties().get("watershed.ledger") else {
            return Vec::new();
        };
        let json = |uri: &str| -> serde_json::Value { serde_json::from_slice(&self.bytes(uri)).unwrap() };
        let root = json(root);
        let buckets = root["buckets"].as_array().unwrap().iter();
        buckets
            .flat_map(|bucket| {
                let bucket = json(bucket["uri"].as_str().unwrap());
                bucket.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
            })
            .collect()
    }

    pub async fn read(&self, uri: &str) -> Vec<u8> {
        let (bucket, key) = split_uri(uri).unwrap();
        self.store.read(&ObjectId::current(bucket, key)).await.unwrap().to_vec()
    }

    pub async fn version(&self, spec: &TableSpec) -> String {
        self.catalog
            .load(spec.name.database(), spec.name.table())
            .await
            .unwrap()
            .unwrap()
            .version
    }
}

pub fn column(id: i32, name: &str, kind: ColumnType, required: bool) -> Column {
    Column {
        id,
        name: name.into(),
        kind,
        required,
        doc: None,
        fields: Vec::new(),
        classification: None,
        tags: Vec::new(),
        searchable: false,
    }
}

pub fn shard_uri(shard: &str) -> String {
    format!("kinesis://clicks/{shard}")
}

/// `n` long required, `name` string; partitioned by `truncate[10](n)`.
pub fn spec() -> TableSpec {
    TableSpec {
        name: TableName::new("shop", "orders").unwrap(),
        zone: Zone::Preprocessed,
        columns: vec![
            column(1, "n", ColumnType::Long, true),
            column(2, "name", ColumnType::String, false),
        ],
        partition: vec![PartitionField {
            column: 0,
            transform: Transform::Truncate(10),
            name: "n_trunc".into(),
        }],
        sort: vec![],
        doc: Some("orders".into()),
        properties: BTreeMap::from([("watershed.contract-version".into(), "1.0.0".into())]),
    }
}

pub fn field(name: &str, kind: DataType, nullable: bool, id: i32) -> Field {
    Field::new(name, kind, nullable).with_metadata(HashMap::from([("PARQUET:field_id".into(), id.to_string())]))
}

pub fn write(schema: Schema, columns: Vec<ArrayRef>) -> (Vec<u8>, u64) {
    let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    (bytes, batch.num_rows() as u64)
}

pub fn parquet(rows: &[(i64, &str)]) -> (Vec<u8>, u64) {
    let schema = Schema::new(vec![
        field("n", DataType::Int64, false, 1),
        field("name", DataType::Utf8, true, 2),
    ]);
    let numbers: Int64Array = rows.iter().map(|row| row.0).collect::<Vec<_>>().into();
    let names: StringArray = rows.iter().map(|row| Some(row.1)).collect();
    write(schema, vec![Arc::new(numbers), Arc::new(names)])
}

/// A store whose calls take their turns.
pub struct Yielding<'a>(pub &'a MemoryStore);

#[async_trait]
impl ObjectStore for Yielding<'_> {
    async fn open(
        &self,
        id: &ObjectId,
        offset: u64,
    ) -> Result<(watershed_ports::ObjectMeta, watershed_ports::ByteStream), watershed_ports::PortError> {
        self.0.open(id, offset).await
    }
    async fn read_range(
        &self,
        id: &ObjectId,
        start: u64,
        end: u64,
    ) -> Result<bytes::Bytes, watershed_ports::PortError> {
        tokio::task::yield_now().await;
        self.0.read_range(id, start, end).await
    }
    async fn read(&self, id: &ObjectId) -> Result<bytes::Bytes, watershed_ports::PortError> {
        tokio::task::yield_now().await;
        self.0.read(id).await
    }
    async fn put(&self, bucket: &str, key: &str, body: bytes::Bytes) -> Result<(), watershed_ports::PortError> {
        tokio::task::yield_now().await;
        self.0.put(bucket, key, body).await
    }
    async fn put_if(
        &self,
        bucket: &str,
        key: &str,
        body: bytes::Bytes,
        expected: Option<&str>,
    ) -> Result<String, watershed_ports::PortError> {
        tokio::task::yield_now().await;
        self.0.put_if(bucket, key, body, expected).await
    }
    async fn put_file(
        &self,
        bucket: &str,
        key: &str,
        path: &std::path::Path,
    ) -> Result<(), watershed_ports::PortError> {
        self.0.put_file(bucket, key, path).await
    }
    async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<watershed_ports::Listed>, watershed_ports::PortError> {
        self.0.list(bucket, prefix, after).await
    }
    async fn delete(&self, bucket: &str, key: &str) -> Result<(), watershed_ports::PortError> {
        self.0.delete(bucket, key).await
    }
}

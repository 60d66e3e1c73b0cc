//! The table's metadata as the JSON document that it is (Iceberg specification, "Table Metadata"). Edited in place, so that
//! field ids stay as the contract gives them and what other engines wrote is kept; checked by parsing the result.

use crate::{
    schema,
    summary::{REPLACE, TOKENS},
};
use bytes::Bytes;
use iceberg::spec::TableMetadata;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;
use watershed_lake::{AddedColumn, Column, TableSpec, table::properties};
use watershed_ports::PortError;

/// The version of the format that is made and read.
const FORMAT_VERSION: i64 = 2;
/// Id of the first partition field.
const FIRST_PARTITION_ID: i64 = 1_000;
/// Snapshots are kept for this long where the table does not say. Requests that come again need none: the ledger knows their
/// tokens. This is for those who read the table as it was.
pub const MAX_SNAPSHOT_AGE_MS: i64 = 30 * 24 * 3_600 * 1_000;
/// Snapshots that are kept whatever their age, where the table does not say.
pub const MIN_SNAPSHOTS_TO_KEEP: i64 = 10;
/// Former metadata that the log names, where the table does not say.
pub const MAX_PREVIOUS_VERSIONS: i64 = 100;

const AGE_PROPERTY: &str = properties::MAX_SNAPSHOT_AGE;
const KEEP_PROPERTY: &str = "history.expire.min-snapshots-to-keep";
const LOG_PROPERTY: &str = "write.metadata.previous-versions-max";

/// The metadata document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document(Map<String, Value>);

/// Which snapshots are too old.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expiry {
    /// By the table's properties at that time, in milliseconds since 1970.
    pub as_of_ms: i64,
    /// Those made before stay only as long as readers may have begun with them, and not because they are the newest.
    pub erased_before_ms: Option<i64>,
}

impl Expiry {
    /// Nothing was erased.
    pub fn at(as_of_ms: i64) -> Self {
        Self {
            as_of_ms,
            erased_before_ms: None,
        }
    }
}

impl Document {
    /// Of a new table.
    pub fn new(spec: &TableSpec, location: &str, uuid: Uuid, now_ms: i64) -> Self {
        let partition = schema::partition_fields(spec, FIRST_PARTITION_ID);
        let sort = schema::sort_fields(spec);
        let sort_id = i64::from(!sort.is_empty());
        let columns = spec.columns.iter().flat_map(Column::all);
        let last_column = columns.map(|column| column.id).max().unwrap_or(0);
        let mut document = json!({
            "format-version": FORMAT_VERSION,
            "table-uuid": uuid.to_string(),
            "location": location,
            "last-sequence-number": 0,
            "last-updated-ms": now_ms,
            "last-column-id": last_column,
            "current-schema-id": 0,
            "schemas": [schema::schema(0, &spec.columns)],
            "default-spec-id": 0,
            "partition-specs": [{"spec-id": 0, "fields": partition}],
            "last-partition-id": FIRST_PARTITION_ID - 1 + spec.partition.len() as i64,
            "default-sort-order-id": sort_id,
            "sort-orders": [{"order-id": sort_id, "fields": sort}],
            "properties": {
                AGE_PROPERTY: MAX_SNAPSHOT_AGE_MS.to_string(),
                KEEP_PROPERTY: MIN_SNAPSHOTS_TO_KEEP.to_string(),
                LOG_PROPERTY: MAX_PREVIOUS_VERSIONS.to_string(),
                "write.parquet.compression-codec": "zstd",
            },
            "refs": {}, "snapshots": [], "snapshot-log": [], "metadata-log": [],
        });
        let mut document = Self(std::mem::take(
            document.as_object_mut().expect("an object was written above"),
        ));
        document.set_properties(&spec_properties(spec));
        document
    }

    /// Of a table that is there.
    pub fn parse(uri: &str, bytes: &[u8]) -> Result<Self, PortError> {
        let document: Map<String, Value> = serde_json::from_slice(bytes)
            .map_err(|e| PortError::fault(format!("{uri} is not Iceberg metadata: {e}")))?;
        match document.get("format-version").and_then(Value::as_i64) {
            Some(FORMAT_VERSION) => Ok(Self(document)),
            version => Err(PortError::fault(format!(
                "{uri} is of Iceberg format version {version:?}; the committer handles {FORMAT_VERSION}"
            ))),
        }
    }

    /// The document as the `iceberg` crate understands it.
    pub fn typed(&self) -> Result<TableMetadata, PortError> {
        let parsed = serde_json::from_value(Value::Object(self.0.clone()));
        parsed.map_err(|e| PortError::fault(format!("the table's metadata is not what Iceberg 2 allows: {e}")))
    }

    /// As it is written.
    pub fn bytes(&self) -> Bytes {
        serde_json::to_vec(&self.0).expect("a JSON value is JSON").into()
    }

    /// A table property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.0.get("properties")?.get(name)?.as_str()
    }

    /// Makes the table what the spec says, as far as a table may change: new optional columns, docs, properties, sort order.
    /// A spec of an older contract version than the table's changes nothing.
    pub fn evolve(&mut self, spec: &TableSpec) -> Result<(), PortError> {
        let table = spec.name.to_string();
        let partition = schema::partition_fields(spec, FIRST_PARTITION_ID);
        if !schema::same_partitioning(
            &self.current("partition-specs", "spec-id", "default-spec-id")["fields"],
            &partition,
        ) {
            return Err(PortError::fault(format!(
                "table {table} is partitioned otherwise than its contract says: keep the partitioning of a table, or make a new table"
            )));
        }
        let is_older = version(self.property(properties::CONTRACT_VERSION))
            .zip(version(
                spec.properties.get(properties::CONTRACT_VERSION).map(String::as_str),
            ))
            .is_some_and(|(held, wanted)| wanted < held);
        if is_older {
            return Ok(());
        }
        let current = self.current("schemas", "schema-id", "current-schema-id");
        if let Some(fields) = schema::evolved(&table, &current, spec)? {
            self.set_fields(current, fields);
        }
        let sort = Value::Array(schema::sort_fields(spec));
        if self.current("sort-orders", "order-id", "default-sort-order-id")["fields"] != sort {
            self.add_version(
                "sort-orders",
                "order-id",
                "default-sort-order-id",
                json!({"fields": sort}),
            );
        }
        self.set_properties(&spec_properties(spec));
        Ok(())
    }

    /// Gives the table columns that its contract does not name.
    pub fn add_columns(&mut self, table: &str, added: &[AddedColumn]) -> Result<(), PortError> {
        let current = self.current("schemas", "schema-id", "current-schema-id");
        let fields = current["fields"].as_array().map_or(&[][..], Vec::as_slice);
        if let Some(fields) = schema::with_added(table, fields, added)? {
            self.set_fields(current, fields);
        }
        Ok(())
    }

    fn set_fields(&mut self, mut schema: Value, fields: Vec<Value>) {
        let last = schema::last_id(&fields);
        schema["fields"] = fields.into();
        self.add_version("schemas", "schema-id", "current-schema-id", schema);
        let last = last.max(self.number("last-column-id"));
        self.0.insert("last-column-id".into(), last.into());
    }

    /// Names the ledger.
    pub fn set_ledger(&mut self, uri: &str) {
        self.set_properties(&BTreeMap::from([(properties::LEDGER.into(), uri.into())]));
    }

    /// The snapshot becomes the current one of the main branch.
    pub fn add_snapshot(&mut self, snapshot: Value) {
        let id = snapshot["snapshot-id"].clone();
        let time = snapshot["timestamp-ms"].clone();
        self.0
            .insert("last-sequence-number".into(), snapshot["sequence-number"].clone());
        self.0.insert("current-snapshot-id".into(), id.clone());
        self.list("snapshots").push(snapshot);
        self.list("snapshot-log")
            .push(json!({"timestamp-ms": time, "snapshot-id": id}));
        let refs = self.0.entry("refs").or_insert_with(|| json!({}));
        refs["main"]["snapshot-id"] = id;
        refs["main"]["type"] = "branch".into();
    }

    /// The last thing before it is written: its time, and where the former metadata lies.
    pub fn finish(&mut self, previous: Option<&str>, now_ms: i64) {
        if let Some(previous) = previous {
            let entry = json!({"timestamp-ms": self.number("last-updated-ms"), "metadata-file": previous});
            let keep = self.limit(LOG_PROPERTY, MAX_PREVIOUS_VERSIONS) as usize;
            let log = self.list("metadata-log");
            log.push(entry);
            let excess = log.len().saturating_sub(keep);
            log.drain(..excess);
        }
        self.0.insert("last-updated-ms".into(), now_ms.into());
    }

    /// Forgets snapshots that are too old, of the main branch and of none; other branches and tags keep theirs. The
    /// objects stay, for the sweep. Tells whether there were any.
    ///
    /// A snapshot's age counts from when another took its place: the one that a reader began with is there for as long as the
    /// table says, however old it was then.
    pub fn expire(&mut self, expiry: Expiry) -> bool {
        let oldest_ms = expiry.as_of_ms - self.limit(AGE_PROPERTY, MAX_SNAPSHOT_AGE_MS);
        let keep = self.limit(KEEP_PROPERTY, MIN_SNAPSHOTS_TO_KEEP).max(1) as usize;
        let snapshots = self.list("snapshots").clone();
        let by_id: BTreeMap<i64, &Value> = snapshots
            .iter()
            .filter_map(|s| Some((s["snapshot-id"].as_i64()?, s)))
            .collect();
        let time_ms = |snapshot: &Value| snapshot["timestamp-ms"].as_i64().unwrap_or(i64::MAX);
        let mut ended_ms: BTreeMap<i64, i64> = by_id.iter().map(|(id, snapshot)| (*id, time_ms(snapshot))).collect();
        for snapshot in &snapshots {
            let parent = snapshot["parent-snapshot-id"].as_i64();
            if let Some(ended) = parent.and_then(|id| ended_ms.get_mut(&id)) {
                *ended = (*ended).max(time_ms(snapshot));
            }
        }
        let ancestry = |head: Option<i64>| {
            std::iter::successors(head, |id| by_id.get(id)?["parent-snapshot-id"].as_i64())
                .take_while(|id| by_id.contains_key(id))
                .take(by_id.len())
        };
        let current = self.0.get("current-snapshot-id").and_then(Value::as_i64);
        let mut kept: BTreeSet<i64> = by_id.keys().copied().filter(|id| ended_ms[id] >= oldest_ms).collect();
        let may_stay =
            |id: &i64| Some(*id) == current || expiry.erased_before_ms.is_none_or(|ms| time_ms(by_id[id]) >= ms);
        kept.extend(ancestry(current).take(keep).filter(may_stay));
        let refs = self.0.get("refs").and_then(Value::as_object);
        for (_, reference) in refs.into_iter().flatten().filter(|(name, _)| *name != "main") {
            kept.extend(ancestry(reference["snapshot-id"].as_i64()));
        }
        if kept.len() == snapshots.len() {
            return false;
        }
        let rewrite = by_id
            .iter()
            .find(|(id, snapshot)| !kept.contains(id) && is_others_rewrite(&snapshot["summary"]));
        if let Some((id, _)) = rewrite {
            self.set_properties(&BTreeMap::from([(properties::REWRITTEN.into(), id.to_string())]));
        }
        self.forget_all_but(&kept);
        true
    }

    fn forget_all_but(&mut self, kept: &BTreeSet<i64>) {
        let is_kept = |entry: &Value| entry["snapshot-id"].as_i64().is_some_and(|id| kept.contains(&id));
        for name in ["snapshots", "statistics", "partition-statistics"] {
            if self.0.contains_key(name) {
                self.list(name).retain(is_kept);
            }
        }
        // The log may not have a hole: a reader would take the state at a time from the wrong side of it.
        let log = self.list("snapshot-log");
        let after_last_gap = log.iter().rposition(|entry| !is_kept(entry)).map_or(0, |at| at + 1);
        log.drain(..after_last_gap);
    }

    /// Every metadata file that the log names.
    pub fn log(&self) -> impl Iterator<Item = &str> {
        let log = self.0.get("metadata-log").and_then(Value::as_array);
        log.into_iter()
            .flatten()
            .filter_map(|entry| entry["metadata-file"].as_str())
    }

    /// Addresses of the statistics files, those of partitions among them.
    pub fn statistics(&self) -> impl Iterator<Item = &str> {
        let lists = ["statistics", "partition-statistics"].map(|name| self.0.get(name).and_then(Value::as_array));
        let entries = lists.into_iter().flatten().flatten();
        entries.filter_map(|entry| entry["statistics-path"].as_str())
    }

    /// Whether the metadata at `uri` came before this, as far as the log goes.
    pub fn logs(&self, uri: &str) -> bool {
        self.log().any(|file| file == uri)
    }

    fn set_properties(&mut self, set: &BTreeMap<String, String>) {
        let properties = self.0.entry("properties").or_insert_with(|| json!({}));
        for (name, value) in set {
            properties[name] = value.clone().into();
        }
    }

    fn number(&self, name: &str) -> i64 {
        self.0.get(name).and_then(Value::as_i64).unwrap_or(0)
    }

    fn limit(&self, property: &str, default: i64) -> i64 {
        self.property(property)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    }

    fn list(&mut self, name: &str) -> &mut Vec<Value> {
        let list = self.0.entry(name).or_insert_with(|| json!([]));
        if !list.is_array() {
            *list = json!([]);
        }
        list.as_array_mut().expect("made an array above")
    }

    fn current(&self, list: &str, id: &str, current: &str) -> Value {
        let wanted = self.number(current);
        let entries = self.0.get(list).and_then(Value::as_array);
        entries
            .and_then(|e| e.iter().find(|e| e[id].as_i64() == Some(wanted)))
            .cloned()
            .unwrap_or_default()
    }

    /// Adds a schema or sort order under the next id and makes it current; one that stands there already is used again.
    fn add_version(&mut self, list: &str, id: &str, current: &str, mut entry: Value) {
        let entries = self.list(list);
        let known = entries
            .iter()
            .find(|known| known["fields"] == entry["fields"])
            .and_then(|known| known[id].as_i64());
        let next = entries.iter().filter_map(|e| e[id].as_i64()).max().unwrap_or(0) + 1;
        // Order 0 is the unsorted one, by the specification.
        let is_unsorted = id == "order-id" && entry["fields"].as_array().is_some_and(Vec::is_empty);
        let chosen = known.unwrap_or(if is_unsorted { 0 } else { next });
        if known.is_none() {
            entry[id] = chosen.into();
            entries.push(entry);
        }
        self.0.insert(current.into(), chosen.into());
    }
}

/// Of our own swaps ([`crate::summary::is_own_rewrite`]) all files are known by their paths still.
fn is_others_rewrite(summary: &Value) -> bool {
    summary["operation"] == REPLACE && summary.get(TOKENS).is_none()
}

fn spec_properties(spec: &TableSpec) -> BTreeMap<String, String> {
    let mut set = spec.properties.clone();
    set.extend(spec.doc.iter().map(|doc| ("comment".into(), doc.clone())));
    set
}

fn version(text: Option<&str>) -> Option<[u32; 3]> {
    let numbers: Vec<u32> = text?.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    numbers.try_into().ok()
}

//! The ports in memory, for tests: the semantics of the services, and the faults of [`crate::faults`].

use crate::{
    ByteStream, Catalog, CatalogEntry, CatalogTable, EventBus, Lifecycle, LifecycleRule, Listed, MAX_LISTED, ObjectId,
    ObjectMeta, ObjectStore, PortError, Queue, Secret, Secrets, faults::Faults,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes a stream gives at a time: small, so that a test sees many.
const STREAM_CHUNK_BYTES: usize = 4_096;

/// Objects by `bucket/key`. The entity tag is a digest of the content; a version id, where asked for, must be the entity tag.
#[derive(Debug, Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<String, Object>>,
    now_ms: AtomicI64,
    faults: Faults,
}

#[derive(Debug, Clone)]
struct Object {
    body: Bytes,
    modified_ms: i64,
}

impl MemoryStore {
    /// An empty store whose calls count in `faults`.
    pub fn new(faults: Faults) -> Self {
        Self {
            faults,
            ..Self::default()
        }
    }

    /// Every object, by `bucket/key`.
    pub fn snapshot(&self) -> BTreeMap<String, Bytes> {
        let objects = lock(&self.objects);
        objects
            .iter()
            .map(|(name, object)| (name.clone(), object.body.clone()))
            .collect()
    }

    /// What is written from now on was written at this time: milliseconds since 1970-01-01T00:00:00Z.
    pub fn set_now_ms(&self, now_ms: i64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Puts an object without counting a call.
    pub fn insert(&self, bucket: &str, key: &str, body: impl Into<Bytes>) -> ObjectMeta {
        let body = body.into();
        let meta = meta(&body);
        let modified_ms = self.now_ms.load(Ordering::Relaxed);
        lock(&self.objects).insert(format!("{bucket}/{key}"), Object { body, modified_ms });
        meta
    }

    /// Removes an object without counting a call.
    pub fn remove(&self, bucket: &str, key: &str) {
        lock(&self.objects).remove(&format!("{bucket}/{key}"));
    }

    fn get(&self, id: &ObjectId) -> Result<Bytes, PortError> {
        let name = format!("{}/{}", id.bucket, id.key);
        let body = lock(&self.objects).get(&name).map(|object| object.body.clone());
        let body = body.ok_or_else(|| PortError::rejected(format!("s3://{name} is not there")))?;
        let etag = meta(&body).etag;
        for wanted in [&id.version_id, &id.if_match].into_iter().flatten() {
            if *wanted != etag {
                return Err(PortError::rejected(format!(
                    "s3://{name} is no longer version {wanted}"
                )));
            }
        }
        Ok(body)
    }
}

fn meta(body: &Bytes) -> ObjectMeta {
    // FNV-1a: an entity tag needs to differ where contents differ, and the same in every run.
    let etag = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
        (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3)
    });
    ObjectMeta {
        bytes: body.len() as u64,
        etag: format!("{etag:016x}"),
    }
}

#[async_trait]
impl ObjectStore for MemoryStore {
    async fn open(&self, id: &ObjectId, offset: u64) -> Result<(ObjectMeta, ByteStream), PortError> {
        let body = self.faults.call(format!("open {}", id.key), || self.get(id))?;
        let meta = meta(&body);
        let faults = self.faults.clone();
        let key = id.key.clone();
        let rest = body.slice((offset as usize).min(body.len())..);
        let chunks: Vec<Bytes> = (0..rest.len())
            .step_by(STREAM_CHUNK_BYTES)
            .map(|at| rest.slice(at..(at + STREAM_CHUNK_BYTES).min(rest.len())))
            .collect();
        let stream = futures::stream::iter(chunks)
            .map(move |chunk| faults.call(format!("stream {key}"), || Ok(chunk)))
            .boxed();
        Ok((meta, stream))
    }

    async fn read_range(&self, id: &ObjectId, start: u64, end: u64) -> Result<Bytes, PortError> {
        self.faults.call(format!("read_range {}", id.key), || {
            let body = self.get(id)?;
            let end = (end as usize).min(body.len());
            Ok(body.slice((start as usize).min(end)..end))
        })
    }

    async fn read(&self, id: &ObjectId) -> Result<Bytes, PortError> {
        self.faults.call(format!("read {}", id.key), || self.get(id))
    }

    async fn put(&self, bucket: &str, key: &str, body: Bytes) -> Result<(), PortError> {
        self.faults.call(format!("put {key}"), || {
            self.insert(bucket, key, body);
            Ok(())
        })
    }

    async fn put_file(&self, bucket: &str, key: &str, path: &Path) -> Result<(), PortError> {
        self.faults.call(format!("put_file {key}"), || {
            let body = std::fs::read(path).map_err(|e| PortError::fault(format!("{}: {e}", path.display())))?;
            self.insert(bucket, key, body);
            Ok(())
        })
    }

    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, PortError> {
        self.faults.call(format!("list {prefix}"), || {
            let root = format!("{bucket}/");
            let after = after.map(|key| format!("{root}{key}"));
            let objects = lock(&self.objects);
            let page = objects
                .range(format!("{root}{prefix}")..)
                .filter(|(name, _)| after.as_ref().is_none_or(|after| *name > after))
                .map_while(|(name, object)| Some((name.strip_prefix(&root)?, object)))
                .take_while(|(key, _)| key.starts_with(prefix));
            Ok(page
                .take(MAX_LISTED)
                .map(|(key, object)| Listed {
                    key: key.into(),
                    meta: meta(&object.body),
                    modified_ms: object.modified_ms,
                })
                .collect())
        })
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), PortError> {
        self.faults.call(format!("delete {key}"), || {
            lock(&self.objects).remove(&format!("{bucket}/{key}"));
            Ok(())
        })
    }
}

/// Messages in the order they came; delays are not waited for.
#[derive(Debug, Default)]
pub struct MemoryQueue {
    messages: Mutex<Vec<String>>,
    faults: Faults,
}

impl MemoryQueue {
    /// An empty queue whose calls count in `faults`.
    pub fn new(faults: Faults) -> Self {
        Self {
            messages: Mutex::default(),
            faults,
        }
    }

    /// Adds a message without counting a call.
    pub fn push(&self, body: String) {
        lock(&self.messages).push(body);
    }

    /// Every message so far, kept.
    pub fn messages(&self) -> Vec<String> {
        lock(&self.messages).clone()
    }

    /// Every message so far, taken out.
    pub fn drain(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.messages))
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn send_after(&self, body: String, _delay_s: u32) -> Result<(), PortError> {
        self.faults.call("send", || {
            lock(&self.messages).push(body);
            Ok(())
        })
    }
}

/// The lifecycle rules of buckets.
#[derive(Debug, Default)]
pub struct MemoryLifecycle {
    rules: Mutex<BTreeMap<String, Vec<LifecycleRule>>>,
    faults: Faults,
}

impl MemoryLifecycle {
    /// Of buckets without rules; its calls count in `faults`.
    pub fn new(faults: Faults) -> Self {
        Self {
            rules: Mutex::default(),
            faults,
        }
    }

    /// The rules of a bucket.
    pub fn rules(&self, bucket: &str) -> Vec<LifecycleRule> {
        lock(&self.rules).get(bucket).cloned().unwrap_or_default()
    }
}

#[async_trait]
impl Lifecycle for MemoryLifecycle {
    async fn set(&self, bucket: &str, own: &str, rules: &[LifecycleRule]) -> Result<bool, PortError> {
        self.faults.call("lifecycle", || {
            let mut buckets = lock(&self.rules);
            let known = buckets.entry(bucket.into()).or_default();
            let (former, mut all): (Vec<_>, Vec<_>) = known.drain(..).partition(|rule| rule.id.starts_with(own));
            all.extend_from_slice(rules);
            *known = all;
            Ok(former != rules)
        })
    }
}

/// Events in the order they came: source, detail type, detail.
#[derive(Debug, Default)]
pub struct MemoryBus {
    events: Mutex<Vec<(String, String, String)>>,
    faults: Faults,
}

impl MemoryBus {
    /// An empty bus whose calls count in `faults`.
    pub fn new(faults: Faults) -> Self {
        Self {
            events: Mutex::default(),
            faults,
        }
    }

    /// Every event so far.
    pub fn events(&self) -> Vec<(String, String, String)> {
        lock(&self.events).clone()
    }
}

#[async_trait]
impl EventBus for MemoryBus {
    async fn publish(&self, source: &str, detail_type: &str, detail: String) -> Result<(), PortError> {
        self.faults.call("publish", || {
            lock(&self.events).push((source.into(), detail_type.into(), detail));
            Ok(())
        })
    }
}

/// Tables by `database.table`, with a version that counts.
#[derive(Debug, Default)]
pub struct MemoryCatalog {
    tables: Mutex<BTreeMap<String, (u64, CatalogTable)>>,
    faults: Faults,
}

impl MemoryCatalog {
    /// An empty catalog whose calls count in `faults`.
    pub fn new(faults: Faults) -> Self {
        Self {
            tables: Mutex::default(),
            faults,
        }
    }

    /// Every table, as it was last written.
    pub fn snapshot(&self) -> BTreeMap<String, CatalogTable> {
        lock(&self.tables)
            .iter()
            .map(|(name, (_, table))| (name.clone(), table.clone()))
            .collect()
    }
}

#[async_trait]
impl Catalog for MemoryCatalog {
    async fn load(&self, database: &str, table: &str) -> Result<Option<CatalogEntry>, PortError> {
        self.faults.call("load", || {
            Ok(lock(&self.tables)
                .get(&format!("{database}.{table}"))
                .map(|(version, table)| CatalogEntry {
                    metadata_location: table.metadata_location.clone(),
                    version: version.to_string(),
                    parameters: table.parameters.clone(),
                }))
        })
    }

    async fn create(&self, table: &CatalogTable) -> Result<(), PortError> {
        self.faults.call("create", || {
            let name = format!("{}.{}", table.database, table.table);
            let mut tables = lock(&self.tables);
            if tables.contains_key(&name) {
                return Err(PortError::conflict(format!("table {name} is there already")));
            }
            tables.insert(name, (1, table.clone()));
            Ok(())
        })
    }

    async fn swap(&self, expected: &CatalogEntry, table: &CatalogTable) -> Result<(), PortError> {
        self.faults.call("swap", || {
            let name = format!("{}.{}", table.database, table.table);
            let mut tables = lock(&self.tables);
            match tables.get_mut(&name) {
                Some((version, current)) if version.to_string() == expected.version => {
                    let mut next = table.clone();
                    for (key, value) in &expected.parameters {
                        next.parameters.entry(key.clone()).or_insert_with(|| value.clone());
                    }
                    (*version, *current) = (*version + 1, next);
                    Ok(())
                }
                _ => Err(PortError::conflict(format!(
                    "table {name} is no longer at version {}",
                    expected.version
                ))),
            }
        })
    }
}

/// Secrets by name.
#[derive(Debug, Default)]
pub struct MemorySecrets {
    values: Mutex<BTreeMap<String, Secret<Vec<u8>>>>,
    faults: Faults,
}

impl MemorySecrets {
    /// None, calls counted in `faults`.
    pub fn new(faults: Faults) -> Self {
        Self {
            values: Mutex::default(),
            faults,
        }
    }

    /// Sets a secret without counting a call.
    pub fn insert(&self, name: &str, value: &[u8]) {
        lock(&self.values).insert(name.into(), Secret::new(value.to_vec()));
    }
}

#[async_trait]
impl Secrets for MemorySecrets {
    async fn read(&self, name: &str) -> Result<Secret<Vec<u8>>, PortError> {
        self.faults.call(format!("secret {name}"), || {
            let value = lock(&self.values).get(name).cloned();
            value.ok_or_else(|| PortError::fault(format!("there is no secret {name}")))
        })
    }
}

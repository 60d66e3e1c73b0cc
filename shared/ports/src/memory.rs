//! The ports in memory, for tests: the semantics of the services, and the faults of [`crate::faults`].

mod queries;
mod store;

pub use queries::MemoryQueries;
pub use store::MemoryStore;

use crate::{
    Catalog, CatalogEntry, CatalogTable, EventBus, Lifecycle, LifecycleRule, PortError, Queue, Secret, Secrets, Shard,
    Shards, faults::Faults,
};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

/// The shards of streams, as they were set.
#[derive(Debug, Default)]
pub struct MemoryShards {
    streams: Mutex<BTreeMap<String, Vec<Shard>>>,
    faults: Faults,
}

impl MemoryShards {
    /// Of no stream; its calls count in `faults`.
    pub fn new(faults: Faults) -> Self {
        Self {
            streams: Mutex::default(),
            faults,
        }
    }

    /// Makes `shards` those of the stream, without counting a call.
    pub fn set(&self, stream: &str, shards: Vec<Shard>) {
        lock(&self.streams).insert(stream.into(), shards);
    }
}

#[async_trait]
impl Shards for MemoryShards {
    async fn list(&self, stream: &str) -> Result<Vec<Shard>, PortError> {
        self.faults.call(format!("shards {stream}"), || {
            let shards = lock(&self.streams).get(stream).cloned();
            shards.ok_or_else(|| PortError::fault(format!("there is no stream {stream}")))
        })
    }
}

/// Events in the order they came: source, detail type, detail. Of many that are published together each is a call of its own, so that
/// the first of them can have come when another fails.
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
    tables: Arc<Mutex<BTreeMap<String, (u64, CatalogTable)>>>,
    faults: Faults,
}

impl MemoryCatalog {
    /// An empty catalog whose calls count in `faults`.
    pub fn new(faults: Faults) -> Self {
        Self {
            tables: Arc::default(),
            faults,
        }
    }

    /// The same tables, for somebody whose calls count in `faults`.
    #[must_use]
    pub fn shared_with(&self, faults: Faults) -> Self {
        Self {
            tables: Arc::clone(&self.tables),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, faults::Fault};

    #[tokio::test]
    async fn of_many_events_the_first_can_have_come_when_one_fails() {
        let details: Vec<String> = (0..3).map(|n| n.to_string()).collect();
        for (fault, come) in [(Fault::Refused(Kind::Transient), 1), (Fault::AnswerLost, 2)] {
            let faults = Faults::default();
            let bus = MemoryBus::new(faults.clone());
            faults.plan(1, fault);
            assert!(bus.publish_all("source", "Type", details.clone()).await.is_err());
            assert_eq!(bus.events().len(), come);
            bus.publish_all("source", "Type", details.clone()).await.unwrap();
            let events = bus.events().split_off(come);
            assert_eq!(
                events.into_iter().map(|(.., detail)| detail).collect::<Vec<_>>(),
                details
            );
        }
    }

    #[tokio::test]
    async fn shards_are_those_that_were_set() {
        let faults = Faults::default();
        let shards = MemoryShards::new(faults.clone());
        assert_eq!(shards.list("clicks").await.unwrap_err().kind, Kind::Fault);
        let whole = Shard {
            id: "shardId-000000000000".into(),
            parents: Vec::new(),
            first_hash: 0,
            last_hash: u128::MAX,
        };
        shards.set("clicks", vec![whole.clone()]);
        assert_eq!(shards.list("clicks").await, Ok(vec![whole]));
        assert_eq!(faults.calls(), ["shards clicks", "shards clicks"]);
    }
}

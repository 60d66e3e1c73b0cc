//! Objects in memory.

use super::lock;
use crate::{
    ByteStream, Listed, MAX_LISTED, ObjectId, ObjectMeta, ObjectStore, PortError, faults::Faults, lost_condition,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

/// Bytes a stream gives at a time: small, so that a test sees many.
const STREAM_CHUNK_BYTES: usize = 4_096;

/// Objects by `bucket/key`. The entity tag is a digest of the content; a version id, where asked for, must be the entity tag.
#[derive(Debug, Default)]
pub struct MemoryStore {
    objects: Arc<Mutex<BTreeMap<String, Object>>>,
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

    /// The same objects, for somebody whose calls count in `faults`.
    #[must_use]
    pub fn shared_with(&self, faults: Faults) -> Self {
        Self {
            objects: Arc::clone(&self.objects),
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

    async fn put_if(&self, bucket: &str, key: &str, body: Bytes, expected: Option<&str>) -> Result<String, PortError> {
        self.faults.call(format!("put_if {key}"), || {
            let name = format!("{bucket}/{key}");
            let modified_ms = self.now_ms.load(Ordering::Relaxed);
            // Looked at and written under one lock.
            let mut objects = lock(&self.objects);
            let current = objects.get(&name).map(|object| meta(&object.body).etag);
            if current.as_deref() != expected {
                return Err(PortError::conflict(format!(
                    "writing s3://{name}: {}",
                    lost_condition(expected)
                )));
            }
            let etag = meta(&body).etag;
            objects.insert(name, Object { body, modified_ms });
            Ok(etag)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, faults::Fault};

    const BUCKET: &str = "lake";
    const KEY: &str = "checkpoint";

    #[tokio::test]
    async fn a_conditional_write_holds_for_the_one_who_knows_what_is_there() {
        let store = MemoryStore::default();
        let put = async |body: &'static str, expected| store.put_if(BUCKET, KEY, body.into(), expected).await;
        let lost = |answer: Result<String, PortError>| answer.map_err(|error| error.kind) == Err(Kind::Conflict);
        assert!(lost(put("one", Some("e1")).await), "there is none to match");
        let first = put("one", None).await.unwrap();
        assert!(lost(put("two", None).await), "there is one already");
        let second = put("two", Some(&first)).await.unwrap();
        assert!(lost(put("three", Some(&first)).await), "it is another one now");
        let id = ObjectId::current(BUCKET, KEY);
        assert_eq!(store.read(&id).await.unwrap(), "two");
        assert_eq!(store.find(BUCKET, KEY).await.unwrap().unwrap().meta.etag, second);
        store.remove(BUCKET, KEY);
        assert!(lost(put("three", Some(&second)).await), "it is gone");
    }

    #[tokio::test]
    async fn a_conditional_write_whose_answer_is_lost_is_no_conflict_and_may_have_happened() {
        let faults = Faults::default();
        let store = MemoryStore::new(faults.clone());
        for (fault, written) in [(Fault::Refused(Kind::Transient), 0), (Fault::AnswerLost, 1)] {
            faults.plan(0, fault);
            let error = store.put_if(BUCKET, KEY, "one".into(), None).await.unwrap_err();
            assert_eq!(error.kind, Kind::Transient);
            assert_eq!(
                (store.snapshot().len(), faults.calls()),
                (written, vec!["put_if checkpoint".to_string()])
            );
        }
    }
}

//! The ports: what functions need of the outside, as traits, with the four kinds of error that there are four things to do
//! about. Adapters (`aws-*`) implement them with an SDK each, [`memory`] implements them for tests, and [`faults`]
//! makes any of them fail at the n-th call.

pub mod error;
pub mod faults;
pub mod memory;
pub mod queries;
pub mod secret;

pub use error::{Kind, PortError};
pub use queries::{Execution, Progress, Queries, ResultColumn, ResultPage};
pub use secret::Secret;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

/// Bytes of an object as they arrive. An item that is an error ends the stream.
pub type ByteStream = BoxStream<'static, Result<Bytes, PortError>>;

/// What a store knows of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Size.
    pub bytes: u64,
    /// Entity tag, without quotes.
    pub etag: String,
}

/// Which bytes of which object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectId {
    /// Bucket.
    pub bucket: String,
    /// Key, decoded.
    pub key: String,
    /// Version id, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// Only if the object still has this entity tag.
    pub if_match: Option<String>,
}

impl ObjectId {
    /// The current version, whatever it is.
    pub fn current(bucket: &str, key: &str) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            version_id: None,
            if_match: None,
        }
    }
}

/// Objects on a page of a listing (Amazon S3, "ListObjectsV2").
pub const MAX_LISTED: usize = 1_000;

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Key.
    pub key: String,
    /// What else is known of it.
    pub meta: ObjectMeta,
    /// When it was written: milliseconds since 1970-01-01T00:00:00Z.
    pub modified_ms: i64,
}

/// An object store with S3's consistency (strong read after write, conditional put).
///
/// Errors: [`Kind::Rejected`] where the object is gone, is not the asked version, or `if_match` no longer holds;
/// [`Kind::Conflict`] where a condition of a put does not hold.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// Streams the object from byte `offset` on. A stream that breaks gives a transient error; open again from where it broke.
    async fn open(&self, id: &ObjectId, offset: u64) -> Result<(ObjectMeta, ByteStream), PortError>;
    /// Bytes `start..end` of the object, fewer where it ends before.
    async fn read_range(&self, id: &ObjectId, start: u64, end: u64) -> Result<Bytes, PortError>;
    /// The whole object. For small ones: metadata, manifests.
    async fn read(&self, id: &ObjectId) -> Result<Bytes, PortError>;
    /// Writes the object whole, or not at all.
    async fn put(&self, bucket: &str, key: &str, body: Bytes) -> Result<(), PortError>;
    /// Writes the object whole, or not at all, and only if it still has the entity tag `expected`, without quotes; none: only if there is no
    /// such object. Gives its new entity tag. [`Kind::Conflict`] where that does not hold: nothing was written, and [`ObjectStore::find`]
    /// tells what is there now. It is not tried again by itself, so that a conflict is somebody else's write and no answer of one's own that was
    /// lost; after a transient error it may have been written.
    async fn put_if(&self, bucket: &str, key: &str, body: Bytes, expected: Option<&str>) -> Result<String, PortError>;
    /// Writes the object from a local file, whole or not at all, in parts where it is large.
    async fn put_file(&self, bucket: &str, key: &str, path: &std::path::Path) -> Result<(), PortError>;
    /// Objects whose keys begin with `prefix`, in the order of their keys, from the first key behind `after`. One page of at most
    /// [`MAX_LISTED`]; an empty one is the end.
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, PortError>;
    /// The object of exactly that key; none: it is not there. Keys are listed in order, so it comes before all that begin with it.
    async fn find(&self, bucket: &str, key: &str) -> Result<Option<Listed>, PortError> {
        let page = self.list(bucket, key, None).await?;
        Ok(page.into_iter().next().filter(|object| object.key == key))
    }
    /// Removes the object; gone already is fine.
    async fn delete(&self, bucket: &str, key: &str) -> Result<(), PortError>;
}

/// What a conditional write that lost says: the same in every store.
pub fn lost_condition(expected: Option<&str>) -> String {
    match expected {
        Some(etag) => format!("it no longer has the entity tag {etag}: somebody else wrote it, or removed it"),
        None => "it is there already: somebody else wrote it".into(),
    }
}

/// Longest delay of a message, in seconds (Amazon SQS, "Amazon SQS message quotas").
pub const MAX_DELAY_S: u32 = 900;

/// A queue that takes a message at least once.
#[async_trait]
pub trait Queue: Send + Sync {
    /// The message stands in the queue once this returns; it may stand there more often.
    async fn send(&self, body: String) -> Result<(), PortError> {
        self.send_after(body, 0).await
    }
    /// The same, but it is not handed out before that many seconds, at most [`MAX_DELAY_S`].
    async fn send_after(&self, body: String, delay_s: u32) -> Result<(), PortError>;
    /// All of them, in as few calls as the queue has. After an error any of them may stand in the queue.
    async fn send_all(&self, bodies: Vec<String>) -> Result<(), PortError> {
        for body in bodies {
            self.send(body).await?;
        }
        Ok(())
    }
}

/// When the objects of a bucket whose keys begin so move to cheaper storage classes, and go: in days since they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleRule {
    /// Its name in the bucket.
    pub id: String,
    /// What keys begin with.
    pub prefix: String,
    /// To `STANDARD_IA`.
    pub infrequent_days: Option<u32>,
    /// To `GLACIER_IR`.
    pub archive_days: Option<u32>,
    /// Gone.
    pub expire_days: Option<u32>,
}

/// The lifecycle rules of buckets (Amazon S3, "Managing the lifecycle of objects").
#[async_trait]
pub trait Lifecycle: Send + Sync {
    /// Makes `rules` those of the bucket's rules whose ids begin with `own`, and leaves all others as they are. False: they were so
    /// already, and nothing was written.
    async fn set(&self, bucket: &str, own: &str, rules: &[LifecycleRule]) -> Result<bool, PortError>;
}

/// Keeps secrets.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The secret's current value, which is not empty. [`Kind::Fault`] where there is none of that name, or it may not be read.
    async fn read(&self, name: &str) -> Result<Secret<Vec<u8>>, PortError>;
}

/// A bus that takes an event at least once.
#[async_trait]
pub trait EventBus: Send + Sync {
    /// `detail` is JSON.
    async fn publish(&self, source: &str, detail_type: &str, detail: String) -> Result<(), PortError>;
    /// Many events of one kind, in any number; none is no call. After an error any of them can have been taken, and all are sent again: whoever
    /// receives them knows them by their ids.
    async fn publish_all(&self, source: &str, detail_type: &str, details: Vec<String>) -> Result<(), PortError> {
        for detail in details {
            self.publish(source, detail_type, detail).await?;
        }
        Ok(())
    }
}

/// A shard of a stream (Amazon Kinesis Data Streams API, "Shard").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Its id: `shardId-000000000000`.
    pub id: String,
    /// Those that it was made of: none, one (a split) or two (a merge). The stream may have them no more.
    pub parents: Vec<String>,
    /// First hash key that it takes.
    pub first_hash: u128,
    /// Last hash key that it takes.
    pub last_hash: u128,
}

/// The shards of streams.
#[async_trait]
pub trait Shards: Send + Sync {
    /// All shards of the stream of that name: those that take records, and closed ones whose records are kept still.
    /// [`Kind::Fault`] where there is no such stream.
    async fn list(&self, stream: &str) -> Result<Vec<Shard>, PortError>;
}

/// One table as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogEntry {
    /// `s3://…/metadata/….metadata.json`.
    pub metadata_location: String,
    /// What a swap must name to succeed.
    pub version: String,
    /// Every parameter of the entry, others' included.
    pub parameters: std::collections::BTreeMap<String, String>,
}

/// What a catalog shall say of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogTable {
    /// Database.
    pub database: String,
    /// Table.
    pub table: String,
    /// Where the table lies.
    pub location: String,
    /// The new metadata.
    pub metadata_location: String,
    /// The metadata that is replaced, where there is one.
    pub previous_metadata_location: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// For engines that read the catalog only.
    pub columns: Vec<CatalogColumn>,
    /// Parameters beside those that make it an Iceberg table.
    pub parameters: std::collections::BTreeMap<String, String>,
}

/// A column as the catalog shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogColumn {
    /// Name.
    pub name: String,
    /// Hive's spelling of the type.
    pub hive_type: String,
    /// For people.
    pub comment: Option<String>,
    /// Field id, optional flag, classification, tags.
    pub parameters: std::collections::BTreeMap<String, String>,
}

/// A catalog of tables with compare-and-swap.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// None: there is no such table.
    async fn load(&self, database: &str, table: &str) -> Result<Option<CatalogEntry>, PortError>;
    /// Fails with [`Kind::Conflict`] where the table is there already. Creates the database where it is missing.
    async fn create(&self, table: &CatalogTable) -> Result<(), PortError>;
    /// Fails with [`Kind::Conflict`] where the entry's version is no longer `expected.version`.
    /// Parameters of `expected` that `table` does not name are kept.
    async fn swap(&self, expected: &CatalogEntry, table: &CatalogTable) -> Result<(), PortError>;
}

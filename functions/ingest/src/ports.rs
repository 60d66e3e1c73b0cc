//! What the function reaches.

use bytes::Bytes;
use std::sync::Arc;
use watershed_lake::layout::split_uri;
use watershed_ops::Parameters;
use watershed_ports::{ObjectStore, PortError, Queue};

/// What the function reaches.
#[derive(Clone)]
pub struct Ports {
    /// Raw zone and lake.
    pub store: Arc<dyn ObjectStore>,
    /// The committer's queue.
    pub commits: Arc<dyn Queue>,
    /// The function's own queue: parts of large objects.
    pub parts: Arc<dyn Queue>,
    /// Where the key of hashed columns is kept.
    pub secrets: Arc<Parameters>,
}

impl Ports {
    /// Writes an object of the lake, by its address.
    pub(crate) async fn put(&self, uri: &str, body: Bytes) -> Result<(), PortError> {
        let (bucket, key) = split_uri(uri).expect("a lake location is an S3 URI");
        self.store.put(bucket, key, body).await
    }
}

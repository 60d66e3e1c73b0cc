//! What the function reaches.

use std::sync::Arc;
use watershed_ops::Parameters;
use watershed_ports::{EventBus, ObjectStore, Queue, Shards};

/// What the function reaches.
#[derive(Clone)]
pub struct Ports {
    /// The lake.
    pub store: Arc<dyn ObjectStore>,
    /// The committer's queue.
    pub commits: Arc<dyn Queue>,
    /// Where anomalies are told.
    pub bus: Arc<dyn EventBus>,
    /// How streams are split.
    pub shards: Arc<dyn Shards>,
    /// Where the key of hashed columns is kept.
    pub secrets: Arc<Parameters>,
}

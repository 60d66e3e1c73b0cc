//! What the function is told by its environment.

use std::path::PathBuf;
use watershed_ops::{ConfigErrors, Environment};

/// Everything that differs between deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Folder with the contracts: `*.odcs.yaml`.
    pub contracts: PathBuf,
    /// Bucket of the lake.
    pub lake_bucket: String,
    /// Queue of the committer.
    pub commit_queue_url: String,
    /// Event bus that anomalies are told on.
    pub event_bus: String,
    /// Secret with the key of hashed columns, where there are any.
    pub hash_secret: Option<String>,
    /// Folder for scratch files: `/tmp` in Lambda.
    pub scratch: PathBuf,
}

impl Config {
    /// All errors at once.
    pub fn parse(mut environment: Environment) -> Result<Self, ConfigErrors> {
        let config = Self {
            contracts: environment.contracts(),
            lake_bucket: environment.lake_bucket(),
            commit_queue_url: environment.commit_queue_url(),
            event_bus: environment.event_bus(),
            hash_secret: environment.hash_secret(),
            scratch: environment.scratch(),
        };
        environment.finish(config)
    }
}

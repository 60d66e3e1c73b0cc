//! What the function is told by its environment.

use std::path::PathBuf;
use watershed_ops::{ConfigErrors, Environment};

/// Everything that differs between deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Folder with the contracts: `*.odcs.yaml`.
    pub contracts: PathBuf,
    /// Queue of the committer.
    pub commit_queue_url: String,
    /// Bucket of the lake.
    pub lake_bucket: String,
    /// Bucket of the raw zone.
    pub raw_bucket: String,
}

impl Config {
    /// All errors at once.
    pub fn parse(mut environment: Environment) -> Result<Self, ConfigErrors> {
        let config = Self {
            contracts: environment.contracts(),
            commit_queue_url: environment.commit_queue_url(),
            lake_bucket: environment.lake_bucket(),
            raw_bucket: environment.required("WATERSHED_RAW_BUCKET", "the bucket of the raw zone"),
        };
        environment.finish(config)
    }
}

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
    /// The function's own queue, which tables that are to be looked at and groups that are to be packed are sent to.
    pub own_queue_url: String,
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
            own_queue_url: environment.required("WATERSHED_COMPACT_QUEUE_URL", "the URL of compact's own queue"),
            scratch: environment.scratch(),
        };
        environment.finish(config)
    }
}

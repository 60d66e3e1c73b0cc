//! What the function is told by its environment.

use std::path::PathBuf;
use watershed_ops::{ConfigErrors, Environment};

/// Memory for rows that wait for their order, by default: leaves room for the rest in 512 MB.
const DEFAULT_SINK_MEMORY_BYTES: usize = 64 * 1024 * 1024;

/// Everything that differs between deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Folder with the contracts: `*.odcs.yaml`.
    pub contracts: PathBuf,
    /// Bucket of the lake.
    pub lake_bucket: String,
    /// Queue of the committer.
    pub commit_queue_url: String,
    /// Secret with the key of hashed columns, where there are any.
    pub hash_secret: Option<String>,
    /// Folder for scratch files: `/tmp` in Lambda.
    pub scratch: PathBuf,
    /// Memory for rows that wait for their order.
    pub sink_memory_bytes: usize,
}

impl Config {
    /// All errors at once.
    pub fn parse(mut environment: Environment) -> Result<Self, ConfigErrors> {
        let config = Self {
            contracts: environment.contracts(),
            lake_bucket: environment.lake_bucket(),
            commit_queue_url: environment.required("WATERSHED_COMMIT_QUEUE_URL", "the URL of the committer's queue"),
            hash_secret: Some(environment.or(
                "WATERSHED_HASH_SECRET",
                "the secret with the key of hashed columns",
                String::new(),
            ))
            .filter(|name| !name.is_empty()),
            scratch: environment.or("WATERSHED_SCRATCH", "a folder for scratch files", std::env::temp_dir()),
            sink_memory_bytes: environment.or("WATERSHED_SINK_MEMORY", "a number of bytes", DEFAULT_SINK_MEMORY_BYTES),
        };
        environment.finish(config)
    }
}

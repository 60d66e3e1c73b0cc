//! What the function is told by its environment.

use std::path::PathBuf;
use watershed_ops::{ConfigErrors, Environment};

/// Memory for references and what they are looked up by, by default: leaves room for the rest in 1,024 MB.
const DEFAULT_REFERENCE_MB: usize = 512;

/// Everything that differs between deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Folder with the contracts: `*.odcs.yaml`.
    pub contracts: PathBuf,
    /// Bucket of the lake.
    pub lake_bucket: String,
    /// Queue of the committer.
    pub commit_queue_url: String,
    /// The function's own queue, which sources that are to be enriched are sent to.
    pub own_queue_url: String,
    /// Folder for scratch files: `/tmp` in Lambda.
    pub scratch: PathBuf,
    /// Memory for references and what they are looked up by.
    pub reference_bytes: usize,
}

impl Config {
    /// All errors at once.
    pub fn parse(mut environment: Environment) -> Result<Self, ConfigErrors> {
        let reference_mb: usize = environment.or("WATERSHED_REFERENCE_MB", "a number of MiB", DEFAULT_REFERENCE_MB);
        let config = Self {
            contracts: environment.contracts(),
            lake_bucket: environment.lake_bucket(),
            commit_queue_url: environment.commit_queue_url(),
            own_queue_url: environment.required("WATERSHED_ENRICH_QUEUE_URL", "the URL of enrich's own queue"),
            scratch: environment.scratch(),
            reference_bytes: reference_mb.saturating_mul(1 << 20),
        };
        environment.finish(config)
    }
}

//! What the function is told by its environment.

use std::path::PathBuf;
use watershed_ops::{ConfigErrors, Environment};

/// Everything that differs between deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Folder with the contracts: `*.odcs.yaml`.
    pub contracts: PathBuf,
    /// The function's own queue, which files that have no index are sent to.
    pub own_queue_url: String,
    /// Folder for scratch files: `/tmp` in Lambda.
    pub scratch: PathBuf,
}

impl Config {
    /// All errors at once.
    pub fn parse(mut environment: Environment) -> Result<Self, ConfigErrors> {
        let config = Self {
            contracts: environment.contracts(),
            own_queue_url: environment.required("WATERSHED_INDEX_QUEUE_URL", "the URL of index's own queue"),
            scratch: environment.scratch(),
        };
        environment.finish(config)
    }
}

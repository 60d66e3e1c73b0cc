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
    /// Event bus that broken expectations are told on.
    pub event_bus: String,
}

impl Config {
    /// All errors at once.
    pub fn parse(mut environment: Environment) -> Result<Self, ConfigErrors> {
        let config = Self {
            contracts: environment.contracts(),
            lake_bucket: environment.lake_bucket(),
            event_bus: environment.event_bus(),
        };
        environment.finish(config)
    }
}

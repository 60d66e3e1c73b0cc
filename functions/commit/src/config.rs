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
    /// Event bus that snapshots are announced on.
    pub event_bus: String,
}

impl Config {
    /// All errors at once.
    pub fn parse(mut environment: Environment) -> Result<Self, ConfigErrors> {
        let config = Self {
            contracts: environment.or(
                "WATERSHED_CONTRACTS",
                "the folder with the data contracts",
                PathBuf::from("/opt"),
            ),
            lake_bucket: environment.required("WATERSHED_LAKE_BUCKET", "the bucket of the lake"),
            event_bus: environment.or(
                "WATERSHED_EVENT_BUS",
                "the event bus of snapshots",
                String::from("default"),
            ),
        };
        environment.finish(config)
    }
}

//! What the function is told by its environment.

use std::{path::PathBuf, time::Duration};
use watershed_ops::{ConfigErrors, Environment};

/// Memory for what a query holds, by default: leaves room for the rest in 1,769 MB.
const DEFAULT_SQL_MB: usize = 1_024;
/// Disk for what does not fit, by default.
const DEFAULT_SPILL_MB: u64 = 2_048;
/// What the query of a part reads of its inputs, by default.
const DEFAULT_SCAN_MB: u64 = 65_536;
/// Longest query of a part, by default: leaves time for the rest in 15 minutes.
const DEFAULT_SQL_SECONDS: u64 = 720;

/// Everything that differs between deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Folder with the contracts: `*.odcs.yaml`, and their queries, `*.sql`.
    pub contracts: PathBuf,
    /// Bucket of the lake.
    pub lake_bucket: String,
    /// Queue of the committer.
    pub commit_queue_url: String,
    /// The function's own queue, which parts that are to be made are sent to.
    pub own_queue_url: String,
    /// Folder for scratch files: `/tmp` in Lambda.
    pub scratch: PathBuf,
    /// What one query may take.
    pub sql: SqlBounds,
}

/// What one query may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlBounds {
    /// Memory of what it must hold.
    pub memory_bytes: usize,
    /// Disk for what does not fit.
    pub spill_bytes: u64,
    /// Bytes that it reads of files.
    pub scan_bytes: u64,
    /// From its plan to its last row.
    pub time: Duration,
}

impl Config {
    /// All errors at once.
    pub fn parse(mut environment: Environment) -> Result<Self, ConfigErrors> {
        let memory_mb: usize = environment.or("WATERSHED_SQL_MB", "a number of MiB", DEFAULT_SQL_MB);
        let spill_mb: u64 = environment.or("WATERSHED_SPILL_MB", "a number of MiB", DEFAULT_SPILL_MB);
        let scan_mb: u64 = environment.or("WATERSHED_SCAN_MB", "a number of MiB", DEFAULT_SCAN_MB);
        let seconds: u64 = environment.or("WATERSHED_SQL_SECONDS", "a number of seconds", DEFAULT_SQL_SECONDS);
        let config = Self {
            contracts: environment.contracts(),
            lake_bucket: environment.lake_bucket(),
            commit_queue_url: environment.commit_queue_url(),
            own_queue_url: environment.required("WATERSHED_AGGREGATE_QUEUE_URL", "the URL of aggregate's own queue"),
            scratch: environment.scratch(),
            sql: SqlBounds {
                memory_bytes: memory_mb.saturating_mul(1 << 20),
                spill_bytes: spill_mb.saturating_mul(1 << 20),
                scan_bytes: scan_mb.saturating_mul(1 << 20),
                time: Duration::from_secs(seconds),
            },
        };
        environment.finish(config)
    }
}

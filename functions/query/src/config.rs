//! What the function is told by its environment.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};
use watershed_ops::{ConfigErrors, Environment};
use watershed_sql::Limits;

/// Memory for what a query holds, by default: leaves room for the rest in 2,048 MB.
const DEFAULT_MEMORY_MB: usize = 1_024;
/// Bytes that a query reads of data files, by default.
const DEFAULT_SCAN_MB: u64 = 4_096;
/// Longest query, by default: an API answers within 30 s (Amazon API Gateway, "Quotas for configuring and running an HTTP API").
const DEFAULT_SECONDS: u64 = 25;
/// Rows of an answer, by default.
const DEFAULT_ROWS: usize = 100_000;
/// Memory for indexes that are searched, by default.
const DEFAULT_INDEX_MB: usize = 256;
/// Disk for what does not fit in memory, by default.
const DEFAULT_DISK_MB: u64 = 512;

/// Everything that differs between deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Folder with the contracts: `*.odcs.yaml`.
    pub contracts: PathBuf,
    /// Bucket of the lake.
    pub lake_bucket: String,
    /// The workgroup of Athena that gets what is too large here; none: that is refused.
    pub athena_workgroup: Option<String>,
    /// What a query may take.
    pub limits: Limits,
    /// Most rows of an answer.
    pub rows: usize,
    /// Memory for indexes that are kept from search to search.
    pub index_bytes: usize,
    /// Who may see columns that are classified as personal: a caller by IAM whose ARN is one of these, or begins as one that ends with `*`.
    pub personal_callers: Vec<String>,
    /// The scope of a JWT that may.
    pub personal_scope: String,
}

impl Config {
    /// All errors at once.
    pub fn parse(mut environment: Environment) -> Result<Self, ConfigErrors> {
        let number = "a whole number";
        let memory: usize = environment.or("WATERSHED_QUERY_MEMORY_MB", number, DEFAULT_MEMORY_MB);
        let scan: u64 = environment.or("WATERSHED_QUERY_SCAN_MB", number, DEFAULT_SCAN_MB);
        let seconds = environment.or("WATERSHED_QUERY_SECONDS", number, DEFAULT_SECONDS);
        let disk: u64 = environment.or("WATERSHED_QUERY_DISK_MB", number, DEFAULT_DISK_MB);
        let index: usize = environment.or("WATERSHED_QUERY_INDEX_MB", number, DEFAULT_INDEX_MB);
        let callers: String = environment.or(
            "WATERSHED_PERSONAL_CALLERS",
            "ARNs with commas between them",
            String::new(),
        );
        let callers = callers.split(',').map(str::trim).filter(|caller| !caller.is_empty());
        let workgroup: String = environment.or("WATERSHED_ATHENA_WORKGROUP", "a workgroup of Athena", String::new());
        let config = Self {
            contracts: environment.contracts(),
            lake_bucket: environment.lake_bucket(),
            athena_workgroup: Some(workgroup).filter(|name| !name.is_empty()),
            limits: Limits {
                memory_bytes: memory.saturating_mul(1 << 20),
                scan_bytes: scan.saturating_mul(1 << 20),
                time: Duration::from_secs(seconds),
                disk_bytes: disk.saturating_mul(1 << 20),
                scratch: environment.scratch(),
                threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            },
            rows: environment.or("WATERSHED_QUERY_ROWS", number, DEFAULT_ROWS),
            index_bytes: index.saturating_mul(1 << 20),
            personal_callers: callers.map(Into::into).collect(),
            personal_scope: environment.or(
                "WATERSHED_PERSONAL_SCOPE",
                "a scope of a JWT",
                "watershed/personal".into(),
            ),
        };
        environment.finish(config)
    }
}

//! What the function is told by its environment.

use std::path::PathBuf;
use watershed_ops::{ConfigErrors, Environment};
use watershed_ports::MAX_DELAY_S;

/// Seconds between two looks at whether a replay is done, by default.
const DEFAULT_LOOK_S: u32 = 30;

/// Everything that differs between deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Folder with the contracts: `*.odcs.yaml`.
    pub contracts: PathBuf,
    /// Bucket of the lake.
    pub lake_bucket: String,
    /// Bucket of the raw zone.
    pub raw_bucket: String,
    /// The function's own queue: what it has still to do.
    pub own_queue_url: String,
    /// Queue of the objects that `ingest` is to do again.
    pub objects_queue_url: String,
    /// Event bus that the end of a replay is announced on.
    pub event_bus: String,
    /// Seconds between two looks at whether a replay is done.
    pub look_s: u32,
}

impl Config {
    /// All errors at once.
    pub fn parse(mut environment: Environment) -> Result<Self, ConfigErrors> {
        let config = Self {
            contracts: environment.contracts(),
            lake_bucket: environment.lake_bucket(),
            raw_bucket: environment.required("WATERSHED_RAW_BUCKET", "the bucket of the raw zone"),
            own_queue_url: environment.required("WATERSHED_REPLAY_QUEUE_URL", "the URL of replay's own queue"),
            objects_queue_url: environment.required(
                "WATERSHED_REPLAY_OBJECTS_QUEUE_URL",
                "the URL of the queue of objects to ingest again",
            ),
            event_bus: environment.or(
                "WATERSHED_EVENT_BUS",
                "the event bus of announcements",
                String::from("default"),
            ),
            look_s: environment
                .or(
                    "WATERSHED_REPLAY_LOOK_S",
                    "a number of seconds, 1 to 900",
                    DEFAULT_LOOK_S,
                )
                .clamp(1, MAX_DELAY_S),
        };
        environment.finish(config)
    }
}

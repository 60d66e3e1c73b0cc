//! The event source poller of Kinesis streams: what Lambda does between a stream and a function.
//!
//! The emulator's own poller knows neither partial failures nor retries, bisecting, windows and destinations, so it is switched off
//! (`mend.py`) and this one reads the same mappings. Semantics are pure, in virtual time; [`poller`] and [`reader`] do what they say.
//!
//! ```text
//! mappings ─settings─▶ shards ─lineage─▶ parents first ─shard─▶ lanes ─lane─▶ Invoke │ Discard
//!                                            ▲ checkpoint                └◀─ answer
//! ```
//! Each record is handed on at least once, in the order of its partition key, or stands in an invocation record ([`discard`]).

pub mod answer;
pub mod checkpoint;
pub mod client;
pub mod discard;
pub mod http;
pub mod lane;
pub mod lineage;
pub mod log;
pub mod poller;
pub mod process;
pub mod reader;
pub mod record;
pub mod settings;
pub mod shard;

pub use poller::Poller;

use crate::{Error, Result};
use std::time::{SystemTime, UNIX_EPOCH};

/// Refuses mappings that the poller cannot run: what is wrong with any, and what to write instead.
pub async fn check(endpoint: &str) -> Result<()> {
    let mut wrong = Vec::new();
    for mapping in client::Client::new(endpoint).mappings().await? {
        if let Err(errors) = settings::Mapping::read(&mapping) {
            let of = |key: &str| mapping[key].as_str().unwrap_or_default().to_string();
            let (stream, function) = (of("EventSourceArn"), of("FunctionArn"));
            wrong.extend(errors.iter().map(|error| format!("{stream} → {function}: {error}")));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!(
        "event source mappings that cannot be run:\n  {}",
        wrong.join("\n  ")
    ))
    .help("mend infra/template.yaml"))
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

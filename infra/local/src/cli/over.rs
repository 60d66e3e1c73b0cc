//! Over what a replay goes.

use clap::Subcommand;
use std::time::{SystemTime, UNIX_EPOCH};
use watershed_lake::{
    ReplayId, ReplayRequest, TableName,
    replay::{ObjectSelection, QuarantineSelection},
};
use watershed_local::{Error, Result};

/// What is ingested again.
#[derive(Debug, Subcommand)]
pub enum Over {
    /// The sources of quarantined rows.
    Quarantine {
        /// The dataset's table: nyc.flights
        table: TableName,
        /// Only of rows that were refused for this reason; may be given several times
        #[arg(long)]
        reason: Vec<String>,
        /// Only sources whose key begins so
        #[arg(long, default_value = "")]
        prefix: String,
    },
    /// Objects of the raw bucket: a backfill.
    Objects {
        /// Their keys begin so
        prefix: String,
    },
}

impl Over {
    /// The request for it.
    pub fn request(self, replay: ReplayId, from: Option<String>, to: Option<String>) -> ReplayRequest {
        let (quarantine, objects) = match self {
            Self::Quarantine { table, reason, prefix } => (
                Some(QuarantineSelection {
                    table,
                    reasons: reason,
                    prefix,
                    from,
                    to,
                }),
                None,
            ),
            Self::Objects { prefix } => (None, Some(ObjectSelection { prefix, from, to })),
        };
        ReplayRequest {
            replay,
            quarantine,
            objects,
        }
    }
}

/// A name that no other replay has, unless it was asked for in the same second.
pub fn new_name() -> Result<ReplayId> {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    format!("replay-{seconds}")
        .parse()
        .map_err(Error::doing("a name for the replay"))
}

//! Which files are sent as a stream, and how.

use clap::Args;
use std::path::PathBuf;
use watershed_local::stream::{Replay, pace::Speed};

/// What stands under the help of `cargo local stream`.
pub const EXAMPLES: &str = "Examples:\n  \
    cargo local stream --contract nyc.weather --key origin --shards 2 weather.csv      as fast as it goes, to the stream `weather`\n  \
    cargo local stream --contract nyc.flights --key carrier --speed 3600x flights.csv  an hour of flights a second\n  \
    cargo local stream --contract clicks.odcs.yaml --time at --key user --speed 1x --limit 1000 clicks.ndjson.gz";

/// Files and their stream.
#[derive(Debug, Args)]
pub struct Producer {
    /// The contract of the files: its document, or its table where it is in infra/contracts
    #[arg(long, value_name = "TABLE|FILE")]
    contract: String,
    /// How much faster than it happened: 1x, 3600x (an hour a second), max
    #[arg(long, default_value = "max", allow_hyphen_values = true)]
    speed: Speed,
    /// The stream [default: that of the contract, or else called as the table]
    #[arg(long)]
    stream: Option<String>,
    /// Make the stream with so many shards, where there is none
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..=500))]
    shards: Option<i32>,
    /// Send at most so many records
    #[arg(long, value_name = "RECORDS")]
    limit: Option<u64>,
    /// Column of the event time [default: the contract's eventTime, or else its one timestamp]
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// Column of the partition key: records of one key keep their order [default: the first of the primary key]
    #[arg(long, value_name = "COLUMN")]
    key: Option<String>,
    /// Keep the order of a key also where a request fails in part: one record of a key a request, which is slower
    #[arg(long)]
    strict_order: bool,
    /// For machines: one JSON object
    #[arg(long)]
    json: bool,
    /// Delimited text or JSON lines, as the contract says; plain, gzip or zstd; one after the other
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
}

impl Producer {
    /// What is to be done.
    pub fn replay(self) -> Replay {
        Replay {
            contract: self.contract,
            inputs: self.inputs,
            speed: self.speed,
            stream: self.stream,
            shards: self.shards,
            limit: self.limit,
            time: self.time,
            key: self.key,
            strict: self.strict_order,
            json: self.json,
        }
    }
}

//! **analyze**: records of a stream become rows, windows and anomalies.
//!
//! | | |
//! |---|---|
//! | Trigger | event source mapping of a Kinesis stream, one invocation a shard at a time, partial failures reported |
//! | Second trigger | a schedule, `{"tick": {"stream": NAME}}`: shards without records go on with the clock, where the contract says `idle` |
//! | Input | records, plain or aggregated by the KPL, gzip or not, JSON or CSV by the contract whose stream it is; the shard's checkpoint |
//! | Output | Parquet data files of the archive, the quarantine, late rows, windows and anomalies; a commit request for each table; `AnomalyDetected` events |
//! | Key | stream, shard, position of the last record, number of the checkpoint, contract text |
//! | State | one checkpoint object a shard, swapped by entity tag: position, open windows, detectors, and what is to be sent |
//! | Repeated record | at or below the checkpoint's position: counted as `Duplicates`, nothing else |
//! | Bad record | to the quarantine table with shard, sequence number, reason and bytes |
//! | Late record | in the archive, and for each window that it missed in the table of late rows, with the reason |
//! | Split or merged shard | takes over windows and detectors of its parents ([`lineage`]) |
//! | State above its bound | the least recent keys go; their windows fire what they hold, counted as `KeysEvicted` |
//! | Lost race | again from the newer checkpoint, at most 3 times, then delivered again |
//! | No time | what was done is kept, the rest is delivered again |
//! | Failure | transient: delivered again; fault: the invocation fails, Lambda halves the batch; in the end to the dead-letter queue |
//!
//! Sequence: read the event ([`event`]), find the shard ([`shard`]), work ([`pipeline`]), write, swap, send ([`turn`]).

// A test that cannot go on panics.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod alert;
pub mod checkpoint;
pub mod closing;
pub mod config;
pub mod decoder;
pub mod event;
pub mod lineage;
pub mod outbox;
pub mod output;
pub mod pipeline;
mod ports;
pub mod rows;
pub mod shard;
mod told;
pub mod turn;
mod values;
mod warm;
pub mod watch;

pub use config::Config;
pub use ports::Ports;

use decoder::Decoder;
use event::Asked;
use lambda_runtime::Error;
use lineage::Lineage;
use serde_json::json;
use shard::Shard;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::OnceCell;
use turn::{Done, Turn, lap};
use warm::Warm;
use watershed_aws_events::EventBridge;
use watershed_aws_kinesis::KinesisShards;
use watershed_aws_s3::S3Store;
use watershed_aws_secrets::SecretsManager;
use watershed_aws_sqs::SqsQueue;
use watershed_contract::{Contracts, Dataset, Stream};
use watershed_decode::{HashKey, Treatment};
use watershed_kinesis::Event;
use watershed_lake::LakeLocation;
use watershed_ops::{BatchResponse, Invocation, Level, Parameters, Stopwatch, Unit, batch::ItemFailure, now_ms};
use watershed_ports::{Kind, Listed, PortError};

/// Name in logs and metrics.
pub const SERVICE: &str = "analyze";
/// Time that must be left before another run of records is begun: what was made of those before is still to be written.
pub const MIN_REMAINING_MS: u64 = 15_000;
/// Turns that are begun again because somebody else was faster.
pub const MAX_RACES: usize = 3;

/// The function's state across invocations.
pub struct Analyze {
    contracts: Contracts,
    config: Config,
    lake: LakeLocation,
    ports: OnceCell<Ports>,
    warm: Mutex<Warm>,
    /// By the dataset's id.
    decoders: Mutex<BTreeMap<String, Decoder>>,
}

impl Analyze {
    /// Clients are made on the first use.
    pub fn new(config: Config, contracts: Contracts) -> Self {
        Self {
            contracts,
            lake: LakeLocation::bucket(&config.lake_bucket),
            config,
            ports: OnceCell::new(),
            warm: Mutex::default(),
            decoders: Mutex::default(),
        }
    }

    /// With ports of the caller's.
    pub fn with_ports(config: Config, contracts: Contracts, ports: Ports) -> Self {
        Self {
            ports: OnceCell::from(ports),
            ..Self::new(config, contracts)
        }
    }

    async fn ports(&self) -> &Ports {
        self.ports
            .get_or_init(|| async {
                let aws = watershed_aws::sdk_config().await;
                Ports {
                    store: Arc::new(S3Store::new(&aws)),
                    commits: Arc::new(SqsQueue::new(&aws, &self.config.commit_queue_url)),
                    bus: Arc::new(EventBridge::new(&aws, &self.config.event_bus)),
                    shards: Arc::new(KinesisShards::new(&aws)),
                    secrets: Arc::new(Parameters::new(Arc::new(SecretsManager::new(&aws)))),
                }
            })
            .await
    }

    /// The dataset of a stream.
    fn stream(&self, name: &str) -> Result<(&Arc<Dataset>, &Stream), PortError> {
        let found = self.contracts.by_stream(name);
        found.and_then(|dataset| Some((dataset, dataset.stream()?))).ok_or_else(|| {
            PortError::fault(format!(
                "no contract is of stream {name}: write one with `servers: [{{server: stream, type: kinesis, stream: {name}, …}}]`"
            ))
        })
    }

    /// What a turn of that stream needs beside the shard.
    async fn turn<'a>(&'a self, stream: &str, trace: Option<&'a str>) -> Result<Turn<'a>, PortError> {
        let (dataset, stream) = self.stream(stream)?;
        Ok(Turn {
            ports: self.ports().await,
            lake: &self.lake,
            scratch: &self.config.scratch,
            dataset,
            stream,
            trace,
        })
    }

    fn decoders(&self) -> MutexGuard<'_, BTreeMap<String, Decoder>> {
        self.decoders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn warm(&self) -> MutexGuard<'_, Warm> {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One invocation.
pub async fn handle(analyze: &Analyze, mut invocation: Invocation, event: &[u8]) -> Result<BatchResponse, Error> {
    let answer = match Asked::parse(event) {
        Err(error) => Err(PortError::fault(error.to_string())),
        Ok(Asked::Records(event)) => records(analyze, &mut invocation, &event).await,
        Ok(Asked::Tick { stream }) => tick(analyze, &mut invocation, &stream).await,
    };
    if let Err(error) = &answer {
        invocation.metric("Faults", Unit::Count, 1.0);
        invocation.log(Level::Error, "invocation failed", json!({"error": error.message}));
    }
    invocation.finish("analyzed");
    Ok(answer?)
}

/// Records of one shard.
async fn records(
    analyze: &Analyze,
    invocation: &mut Invocation,
    event: &Event<'_>,
) -> Result<BatchResponse, PortError> {
    let Some(first) = event.records.first() else {
        return Ok(BatchResponse::default());
    };
    let (stream, shard) = (first.stream, first.shard);
    if event
        .records
        .iter()
        .any(|entry| (entry.stream, entry.shard) != (stream, shard))
    {
        return Err(PortError::fault(
            "the event has records of several shards: send one for each",
        ));
    }
    let source = format!("{stream}/{shard}");
    let (done, watch) = match again(analyze, invocation, event).await {
        Ok(done) => done,
        Err(error) if matches!(error.kind, Kind::Transient | Kind::Conflict) => {
            invocation.metric("Retried", Unit::Count, 1.0);
            let found = json!({"source": source, "kind": error.kind.to_string(), "error": error.message});
            invocation.log(Level::Warn, "records failed", found);
            return Ok(failed_from(first.sequence));
        }
        Err(error) => return Err(error.context(source)),
    };
    told::done(invocation, &source, &done);
    for (name, ms) in watch.laps() {
        invocation.field(name, *ms);
    }
    Ok(done.left.map_or_else(BatchResponse::default, failed_from))
}

/// Lambda delivers the batch again from there.
fn failed_from(sequence: watershed_kinesis::Sequence) -> BatchResponse {
    BatchResponse {
        failures: vec![ItemFailure {
            id: sequence.to_string(),
        }],
    }
}

/// A turn, and others where somebody else was faster.
async fn again(analyze: &Analyze, invocation: &Invocation, event: &Event<'_>) -> Result<(Done, Stopwatch), PortError> {
    let mut races = 0;
    loop {
        match turn(analyze, invocation, event).await {
            Err(error) if error.kind == Kind::Conflict && races < MAX_RACES => races += 1,
            done => return done,
        }
    }
}

async fn turn(analyze: &Analyze, invocation: &Invocation, event: &Event<'_>) -> Result<(Done, Stopwatch), PortError> {
    let (stream, id) = (event.records[0].stream, event.records[0].shard);
    let turn = analyze.turn(stream, invocation.trace()).await?;
    let mut watch = Stopwatch::default();
    let mut shard = find(analyze, &turn, id).await?;
    watch.lap(lap::READ);
    let mut decoder = decoder(analyze, &turn).await?;
    let in_time = || invocation.remaining_ms() > MIN_REMAINING_MS;
    let done = turn
        .records(&mut shard, &mut decoder, event, &in_time, &mut watch)
        .await?;
    if !turn.dataset.needs_hash_key() {
        analyze.decoders().insert(turn.dataset.id.clone(), decoder);
    }
    analyze.warm().put(shard);
    Ok((done, watch))
}

/// The shard as its checkpoint has it, or as it begins.
async fn find(analyze: &Analyze, turn: &Turn<'_>, id: &str) -> Result<Shard, PortError> {
    let (location, name) = (turn.location(id), &turn.stream.name);
    let is_warm = analyze.warm().knows(name, id);
    if is_warm
        && let Some(listed) = location.find(turn.ports).await?
        && let Some(shard) = analyze.warm().take(name, id, &listed.meta.etag)
    {
        return Ok(shard);
    }
    if let Some(shard) = Shard::load(turn.ports, turn.stream, &location).await? {
        return Ok(shard);
    }
    let lineage = Lineage::list(turn.ports, name).await?;
    lineage.begin(turn.ports, turn.lake, turn.stream, id).await
}

/// The reader of the dataset's records. It is kept, for its patterns are compiled, but where it holds a key, which may be rotated.
async fn decoder(analyze: &Analyze, turn: &Turn<'_>) -> Result<Decoder, PortError> {
    let dataset = turn.dataset;
    if let Some(known) = analyze.decoders().remove(&dataset.id) {
        return Ok(known);
    }
    let key = match &analyze.config.hash_secret {
        Some(name) if dataset.needs_hash_key() => Some(turn.ports.secrets.secret(name).await?),
        _ => None,
    };
    let treatment = Treatment::new(dataset, key.map(|key| HashKey::new(key.reveal())));
    let wrong = |error| {
        format!(
            "{}: {error}: name a secret in WATERSHED_HASH_SECRET",
            dataset.table.name
        )
    };
    let treatment = treatment.map_err(|error| PortError::fault(wrong(error)))?;
    let decoder = Decoder::new(dataset, treatment);
    decoder.ok_or_else(|| PortError::fault(format!("{}: its format has no records of a stream", dataset.table.name)))
}

/// Shards that had no record for so long go on with the clock.
async fn tick(analyze: &Analyze, invocation: &mut Invocation, name: &str) -> Result<BatchResponse, PortError> {
    let Some(idle_ms) = analyze.stream(name)?.1.idle_ms else {
        return Ok(BatchResponse::default());
    };
    let trace = invocation.trace().map(String::from);
    let turn = analyze.turn(name, trace.as_deref()).await?;
    let idle_until_ms = now_ms() - idle_ms;
    let lineage = Lineage::list(turn.ports, name).await?;
    let mut failed = None;
    for id in lineage.open() {
        if invocation.remaining_ms() < MIN_REMAINING_MS {
            break;
        }
        match tick_one(analyze, &turn, id, idle_until_ms).await {
            Ok(Some(done)) => told::done(invocation, &format!("{name}/{id}"), &done),
            // Records came: the clock is not needed.
            Ok(None) => {}
            Err(error) if error.kind == Kind::Conflict => {}
            Err(error) => failed = Some(error.context(format!("{name}/{id}"))),
        }
    }
    failed.map_or_else(|| Ok(BatchResponse::default()), Err)
}

async fn tick_one(analyze: &Analyze, turn: &Turn<'_>, id: &str, idle_until_ms: i64) -> Result<Option<Done>, PortError> {
    let location = turn.location(id);
    // A checkpoint is never older than its last record.
    let written_before = |listed: &Listed| listed.modified_ms <= idle_until_ms;
    let Some(listed) = location.find(turn.ports).await?.filter(written_before) else {
        return Ok(None);
    };
    let warm = analyze.warm().take(&turn.stream.name, id, &listed.meta.etag);
    let shard = match warm {
        None => Shard::load(turn.ports, turn.stream, &location).await?,
        warm => warm,
    };
    let Some(mut shard) = shard else {
        return Ok(None);
    };
    let done = if shard.head.handed_over || shard.head.arrival_ms > idle_until_ms {
        Done::default()
    } else {
        turn.clock(&mut shard, idle_until_ms, &mut Stopwatch::default()).await?
    };
    analyze.warm().put(shard);
    Ok(done.checkpoint_bytes.is_some().then_some(done))
}

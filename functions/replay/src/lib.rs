//! **replay**: sources are ingested again, after a contract was mended, or because they never were.
//!
//! | | |
//! |---|---|
//! | Trigger | `ReplayRequested` through EventBridge and SQS; the function's own messages on that queue; a direct invocation |
//! | Input | a [`ReplayRequest`]: quarantined rows by reason, source and time, or objects of the raw zone by prefix and time |
//! | Output | for each source a message that `ingest` takes for its event, on a queue of few consumers; `ReplayFinished`, a report and OpenLineage events in the lake |
//! | Key | the name that the person gave it: the plan is made once, and asked again, it goes on |
//! | Rows | a source is replaced as a whole and in its own order, so each row is in table and quarantine once |
//! | Gone or overwritten source | counted; rows of sources that are gone stay in quarantine |
//! | Failure | the message is delivered again; sources that were sent before are sent again, which changes nothing |
//!
//! Sequence: plan ([`plan`]: which sources, in which order their tables hold them), send, look until all are done ([`report`]).
//!
//! What is read is what was there when the plan was made: entity tags pin it. Its order is the one that the table's ledger holds the source in, so a
//! version that is written meanwhile is newer, and wins by its own event. An object that no table knows of gets the lowest order.

pub mod config;
pub mod plan;
pub mod quarantine;
pub mod report;
pub mod request;
pub mod store;

pub use config::Config;
pub use report::Report;

use chrono::DateTime;
use futures::{StreamExt, TryStreamExt, stream};
use lambda_runtime::Error;
use plan::{Plan, Planned};
use request::{GoOn, Step, Work};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::OnceCell;
use watershed_aws_events::EventBridge;
use watershed_aws_glue::GlueCatalog;
use watershed_aws_s3::S3Store;
use watershed_aws_sqs::SqsQueue;
use watershed_contract::Contracts;
use watershed_lake::{
    LakeLocation, ReplayId, ReplayRequest, SourceVersion,
    message::EVENT_SOURCE,
    replay::{REPLAY_FINISHED, object_created},
};
use watershed_lineage::{Lineage, Replay as Became};
use watershed_ops::{BatchResponse, Invocation, Level, SqsEvent, Unit, process};
use watershed_ports::{Catalog, EventBus, ObjectStore, PortError, Queue};
use watershed_table::object;

/// Name in logs and metrics.
pub const SERVICE: &str = "replay";
/// Time that must be left before more sources are sent.
pub const MIN_REMAINING_MS: u64 = 10_000;
/// Sources between two looks at the time that is left.
const SENT_AT_A_TIME: usize = 500;
/// Messages that are sent at the same time.
const MAX_CONCURRENT_SENDS: usize = 16;
/// Looks after which a replay is reported as it is: a day, at the longest delay.
pub const MAX_LOOKS: u32 = 2_880;

/// What the function needs of the outside.
#[derive(Clone)]
pub struct Ports {
    /// Raw zone and lake.
    pub store: Arc<dyn ObjectStore>,
    /// The lake's tables.
    pub catalog: Arc<dyn Catalog>,
    /// The function's own queue.
    pub own: Arc<dyn Queue>,
    /// Objects for `ingest`.
    pub objects: Arc<dyn Queue>,
    /// Where the end is announced.
    pub bus: Arc<dyn EventBus>,
}

/// The function's state across invocations.
pub struct Replay {
    contracts: Contracts,
    lake: LakeLocation,
    raw_bucket: String,
    config: Config,
    ports: OnceCell<Ports>,
}

impl Replay {
    /// Clients are made on the first use.
    pub fn new(config: Config, contracts: Contracts) -> Self {
        Self {
            contracts,
            lake: LakeLocation::bucket(&config.lake_bucket),
            raw_bucket: config.raw_bucket.clone(),
            config,
            ports: OnceCell::new(),
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
                    catalog: Arc::new(GlueCatalog::new(&aws)),
                    own: Arc::new(SqsQueue::new(&aws, &self.config.own_queue_url)),
                    objects: Arc::new(SqsQueue::new(&aws, &self.config.objects_queue_url)),
                    bus: Arc::new(EventBridge::new(&aws, &self.config.event_bus)),
                }
            })
            .await
    }

    /// `s3://bucket/key` of a key in the raw zone.
    fn source(&self, key: &str) -> String {
        self.version(key, "", "").uri()
    }

    fn version(&self, key: &str, etag: &str, sequencer: &str) -> SourceVersion {
        SourceVersion {
            bucket: self.raw_bucket.clone(),
            key: key.into(),
            version_id: None,
            etag: etag.into(),
            sequencer: sequencer.into(),
        }
    }
}

/// One invocation. Of a batch, each message is its own; a direct invocation answers with what it did, or fails.
pub async fn handle(replay: &Replay, mut invocation: Invocation, event: Value) -> Result<BatchResponse, Error> {
    let is_batch = event.pointer("/Records/0/eventSource").and_then(Value::as_str) == Some("aws:sqs");
    let answer = if is_batch {
        let batch: SqsEvent = serde_json::from_value(event)?;
        let mut outcomes = Vec::with_capacity(batch.records.len());
        for message in &batch.records {
            let outcome = match serde_json::from_str(&message.body) {
                Ok(body) => work(replay, &mut invocation, body).await,
                Err(error) => Err(PortError::fault(format!("a message that is no JSON: {error}"))),
            };
            outcomes.push((message, outcome));
        }
        Ok(process(&mut invocation, outcomes))
    } else {
        let done = work(replay, &mut invocation, event).await;
        done.map(|()| BatchResponse::default()).map_err(Into::into)
    };
    invocation.finish("replayed");
    answer
}

async fn work(replay: &Replay, invocation: &mut Invocation, message: Value) -> Result<(), PortError> {
    match Work::parse(message).map_err(|error| PortError::fault(error.to_string()))? {
        Work::Begin(request) => begin(replay, invocation, &request).await,
        Work::GoOn(GoOn { replay: id, go_on }) => {
            let places = replay.lake.replay(&id);
            let Some(plan) = plan::load(&*replay.ports().await.store, &places).await? else {
                return Err(PortError::fault(format!(
                    "replay {id} has no plan at {}: ask for it anew",
                    places.plan
                )));
            };
            match go_on {
                Step::Send { from } => send(replay, invocation, &id, &plan, from).await,
                Step::Look { before } => look(replay, invocation, &id, &plan, before).await,
            }
        }
    }
}

/// What became of the replay, as lineage: what its sources are made of names it as its parent.
async fn tell(replay: &Replay, id: &ReplayId, became: Became) -> Result<(), PortError> {
    let lineage = Lineage {
        lake: &replay.lake,
        contracts: &replay.contracts,
    };
    let event = lineage.of_replay(id, became, watershed_ops::now_ms());
    let body = event.json().to_string().into();
    object::put(&*replay.ports().await.store, &event.place(&replay.lake), body).await
}

async fn begin(replay: &Replay, invocation: &mut Invocation, request: &ReplayRequest) -> Result<(), PortError> {
    let places = replay.lake.replay(&request.replay);
    let plan = plan::plan(replay, request, &places).await?;
    let fields = json!({
        "replay": request.replay, "plan": places.plan, "sources": plan.sources.len(), "selected": plan.head.selected,
        "gone": plan.head.gone, "unmatched": plan.head.unmatched,
    });
    invocation.log(Level::Info, "planned", fields);
    tell(replay, &request.replay, Became::Planned).await?;
    send(replay, invocation, &request.replay, &plan, 0).await
}

/// Sends the sources from number `from` on: all of them, or as many as there is time for, and a message to go on.
async fn send(
    replay: &Replay,
    invocation: &mut Invocation,
    id: &ReplayId,
    plan: &Plan,
    from: usize,
) -> Result<(), PortError> {
    let ports = replay.ports().await;
    let mut next = from.min(plan.sources.len());
    while next < plan.sources.len() {
        let end = (next + SENT_AT_A_TIME).min(plan.sources.len());
        let sends = plan.sources[next..end]
            .iter()
            .map(|source| ports.objects.send(message(replay, id, source)));
        stream::iter(sends)
            .buffer_unordered(MAX_CONCURRENT_SENDS)
            .try_collect::<Vec<()>>()
            .await?;
        invocation.metric("ObjectsReplayed", Unit::Count, (end - next) as f64);
        next = end;
        if invocation.remaining_ms() < MIN_REMAINING_MS && next < plan.sources.len() {
            return go_on(ports, id, Step::Send { from: next }, 0).await;
        }
    }
    go_on(ports, id, Step::Look { before: 0 }, replay.config.look_s).await
}

fn message(replay: &Replay, id: &ReplayId, source: &Planned) -> String {
    let version = replay.version(&source.key, &source.etag, &source.sequencer);
    // S3 gives no time that is not one.
    let time = DateTime::from_timestamp_millis(source.modified_ms).unwrap_or_default();
    object_created(id, &version, source.bytes, &time.to_rfc3339()).to_string()
}

async fn go_on(ports: &Ports, id: &ReplayId, step: Step, delay_s: u32) -> Result<(), PortError> {
    let message = GoOn {
        replay: id.clone(),
        go_on: step,
    };
    let body = serde_json::to_string(&message).map_err(|e| PortError::fault(format!("a message as JSON: {e}")))?;
    ports.own.send_after(body, delay_s).await
}

/// Reports where all is done or was looked at often enough, or else looks again later.
async fn look(
    replay: &Replay,
    invocation: &mut Invocation,
    id: &ReplayId,
    plan: &Plan,
    before: u32,
) -> Result<(), PortError> {
    let ports = replay.ports().await;
    let places = replay.lake.replay(id);
    let is_last = before >= MAX_LOOKS;
    let again = || go_on(ports, id, Step::Look { before: before + 1 }, replay.config.look_s);
    let answers = report::answers(&*ports.store, &places).await?;
    if !is_last && answers.len() < plan.sources.len() {
        return again().await;
    }
    let report = report::report(replay, id, plan, answers).await?;
    if !is_last && !report.complete {
        return again().await;
    }
    let body = serde_json::to_string(&report).map_err(|e| PortError::fault(format!("a report as JSON: {e}")))?;
    object::put(&*ports.store, &places.report, body.clone().into()).await?;
    tell(replay, id, Became::Reported(report.complete)).await?;
    ports.bus.publish(EVENT_SOURCE, REPLAY_FINISHED, body).await?;
    invocation.metric("RowsPassed", Unit::Count, report.rows.passed as f64);
    let level = if report.complete { Level::Info } else { Level::Error };
    invocation.log(
        level,
        "replay is done",
        json!({"report": places.report, "replay": report}),
    );
    Ok(())
}

//! **ingest**: an object in the raw zone becomes rows of its dataset's table.
//!
//! | | |
//! |---|---|
//! | Trigger | S3 `Object Created` through EventBridge and SQS; S3 event notifications through SQS or directly |
//! | Trigger of its own | messages of the function on the raw queue: a part of a large object, or an object in one pass |
//! | Input | CSV/TSV, NDJSON, Parquet; plain, gzip or zstd; the contract whose location matches the key |
//! | Output | Parquet data files in the lake; two commit requests on the queue: the table's, and the quarantine's |
//! | Key | bucket, key, version, sequencer and contract text: running again writes the same bytes to the same keys |
//! | Large object | cut into parts ([`parts`]): a message each on the function's own queue; the last one joins them and asks for the commits |
//! | Bad row | to the quarantine table with offset, line, column, reason and bytes |
//! | Other columns | ignored, refused or added, as the contract says: the request names what is added; logged as `added_columns`, `missing_columns` |
//! | Bad object | to the quarantine table as one row with one reason |
//! | Quality rule | as its `onFailure` says: the row or the object as above, or one WARN line, counted as `QualityWarnings` |
//! | Failure | transient and fault: the message is delivered again, in the end to the dead-letter queue |
//! | Replay | the same event with the name of a replay; what came of the object is put among the replay's objects ([`watershed_lake::replay`]) |
//! | Gone or overwritten object | acknowledged: the newer version has an event of its own |
//! | No contract | acknowledged, counted as `Unmatched`; the object stays in the raw zone, a draft contract goes to the lake ([`draft`]), counted as `Drafted` |
//!
//! Sequence: read the event ([`event`]), find the contract, cut what is large ([`parts`]), else run the [`pipeline`] over the stream ([`object`]), send the requests.

pub mod config;
pub mod draft;
pub mod event;
pub mod object;
mod output;
pub mod parts;
pub mod pipeline;
mod ports;
mod replayed;
pub mod source;
mod told;

pub use config::Config;
pub use object::Places;
pub use ports::Ports;

use draft::Drafted;
use event::{Asked, Created, Event};
use lambda_runtime::Error;
use object::Outcome;
use parts::{Large, Message, Planned};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::OnceCell;
use watershed_aws_s3::S3Store;
use watershed_aws_secrets::SecretsManager;
use watershed_aws_sqs::SqsQueue;
use watershed_contract::{Contracts, Dataset};
use watershed_lake::LakeLocation;
use watershed_ops::{BatchResponse, Invocation, Level, Parameters, Unit, process};
use watershed_ports::{Kind, PortError};

/// Name in logs and metrics.
pub const SERVICE: &str = "ingest";
/// Time that must be left before another object is begun.
pub const MIN_REMAINING_MS: u64 = 5_000;

/// The function's state across invocations.
pub struct Ingest {
    contracts: Contracts,
    places: Places,
    commit_queue_url: String,
    raw_queue_url: String,
    ports: OnceCell<Ports>,
}

impl Ingest {
    /// Clients are made on the first use.
    pub fn new(config: Config, contracts: Contracts) -> Self {
        let places = Places {
            lake: LakeLocation::bucket(&config.lake_bucket),
            hash_secret: config.hash_secret,
            scratch: config.scratch,
            sink_memory_bytes: config.sink_memory_bytes,
            sizes: config.sizes,
        };
        Self {
            contracts,
            places,
            commit_queue_url: config.commit_queue_url,
            raw_queue_url: config.raw_queue_url,
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
                let commits = Arc::new(SqsQueue::new(&aws, &self.commit_queue_url));
                Ports {
                    store: Arc::new(S3Store::new(&aws)),
                    commits,
                    parts: Arc::new(SqsQueue::new(&aws, &self.raw_queue_url)),
                    secrets: Arc::new(Parameters::new(Arc::new(SecretsManager::new(&aws)))),
                }
            })
            .await
    }
}

/// One invocation.
pub async fn handle(ingest: &Ingest, mut invocation: Invocation, event: Value) -> Result<BatchResponse, Error> {
    let answer = match Event::parse(event) {
        Err(error) => Err(error.into()),
        Ok(Event::Direct(objects)) => direct(ingest, &mut invocation, &objects).await,
        Ok(Event::Queue(batch)) => {
            let mut outcomes = Vec::with_capacity(batch.records.len());
            for message in &batch.records {
                let trace = message.trace().or(invocation.trace()).map(String::from);
                let outcome = match event::parse_body(&message.body) {
                    Err(error) => Err(PortError::fault(error.to_string())),
                    Ok(Asked::Objects(objects)) => all(ingest, &mut invocation, &objects, trace.as_deref()).await,
                    Ok(Asked::Ours(message)) => ours(ingest, &mut invocation, &message).await,
                };
                outcomes.push((message, outcome));
            }
            Ok(process(&mut invocation, outcomes))
        }
    };
    invocation.finish("ingested");
    answer
}

async fn direct(ingest: &Ingest, invocation: &mut Invocation, objects: &[Created]) -> Result<BatchResponse, Error> {
    let trace = invocation.trace().map(String::from);
    all(ingest, invocation, objects, trace.as_deref()).await?;
    Ok(BatchResponse::default())
}

async fn all(
    ingest: &Ingest,
    invocation: &mut Invocation,
    objects: &[Created],
    trace: Option<&str>,
) -> Result<(), PortError> {
    for created in objects {
        one(ingest, invocation, created, trace).await?;
    }
    Ok(())
}

/// A message of the function to itself.
async fn ours(ingest: &Ingest, invocation: &mut Invocation, message: &Message) -> Result<(), PortError> {
    let created = match message {
        Message::Part(part) => &part.object,
        Message::Whole(whole) => &whole.object,
    };
    let Some(dataset) = in_time(ingest, invocation, created)? else {
        return unmatched(ingest, invocation, created).await;
    };
    let (ports, places, trace) = (ingest.ports().await, &ingest.places, message.trace());
    let outcome = match message {
        Message::Whole(_) => object::ingest(ports, places, dataset, created, trace).await?,
        Message::Part(part) => {
            let large = Large {
                ports,
                places,
                dataset,
                created,
                trace,
            };
            large.part(part).await?
        }
    };
    replayed::tell(ports, &places.lake, created, &outcome).await?;
    told::outcome(invocation, dataset, created, outcome);
    Ok(())
}

/// The contract of the object, if there is one, and there is time to work on it.
fn in_time<'a>(
    ingest: &'a Ingest,
    invocation: &Invocation,
    created: &Created,
) -> Result<Option<&'a Arc<Dataset>>, PortError> {
    if invocation.remaining_ms() < MIN_REMAINING_MS {
        return Err(PortError::transient(format!(
            "{}: not enough time is left of this invocation",
            created.source.uri()
        )));
    }
    Ok(ingest.contracts.find_by_key(&created.source.key))
}

async fn one(
    ingest: &Ingest,
    invocation: &mut Invocation,
    created: &Created,
    trace: Option<&str>,
) -> Result<(), PortError> {
    if created.bytes == 0 && created.source.key.ends_with('/') {
        return Ok(());
    }
    let Some(dataset) = in_time(ingest, invocation, created)? else {
        return unmatched(ingest, invocation, created).await;
    };
    let (ports, places) = (ingest.ports().await, &ingest.places);
    let large = Large {
        ports,
        places,
        dataset,
        created,
        trace,
    };
    let outcome = match large.plan().await {
        Err(error) if error.kind == Kind::Rejected => Outcome::Superseded(error.message),
        Err(error) => return Err(error.context(created.source.uri())),
        Ok(Planned::Cut(cut)) => Outcome::Cut(cut),
        Ok(Planned::Whole(why)) => {
            if let Some(why) = why {
                told::whole(invocation, created, why);
            }
            object::ingest(ports, places, dataset, created, trace).await?
        }
    };
    replayed::tell(ports, &places.lake, created, &outcome).await?;
    told::outcome(invocation, dataset, created, outcome);
    Ok(())
}

/// No contract's location matches the object.
async fn unmatched(ingest: &Ingest, invocation: &mut Invocation, created: &Created) -> Result<(), PortError> {
    let uri = created.source.uri();
    let drafted = draft::draft(ingest.ports().await, &ingest.places.lake, created)
        .await
        .map_err(|error| error.context(format!("a draft contract for {uri}")))?;
    invocation.metric("Unmatched", Unit::Count, 1.0);
    let (next, found) = match drafted {
        Drafted::Contract(draft) => {
            invocation.metric("Drafted", Unit::Count, 1.0);
            ("edit the draft and put it among the contracts", json!(draft))
        }
        Drafted::Refused(report, why) => ("see the report", json!({"report": report, "why": why.to_string()})),
        Drafted::NoData => ("the object is no data", Value::Null),
        Drafted::Superseded(why) => ("the object is gone or overwritten", json!(why)),
    };
    let message = "no contract's location matches the object; it stays where it is";
    invocation.log(
        Level::Warn,
        message,
        json!({"source": uri, "next": next, "draft": found}),
    );
    Ok(())
}

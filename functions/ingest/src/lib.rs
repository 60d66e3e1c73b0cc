//! **ingest**: an object in the raw zone becomes rows of its dataset's table.
//!
//! | | |
//! |---|---|
//! | Trigger | S3 `Object Created` through EventBridge and SQS; S3 event notifications through SQS or directly |
//! | Input | CSV/TSV, NDJSON, Parquet; plain, gzip or zstd; the contract whose location matches the key |
//! | Output | Parquet data files in the lake; two commit requests on the queue: the table's, and the quarantine's |
//! | Key | bucket, key, version, sequencer and contract text: running again writes the same bytes to the same keys |
//! | Bad row | to the quarantine table with offset, line, column, reason and bytes |
//! | Other columns | ignored, refused or added, as the contract says: the request names what is added; logged as `added_columns`, `missing_columns` |
//! | Bad object | to the quarantine table as one row with one reason |
//! | Failure | transient and fault: the message is delivered again, in the end to the dead-letter queue |
//! | Gone or overwritten object | acknowledged: the newer version has an event of its own |
//! | No contract | acknowledged, counted as `Unmatched`; the object stays in the raw zone, a draft contract goes to the lake ([`draft`]), counted as `Drafted` |
//!
//! Sequence: read the event ([`event`]), find the contract, run the [`pipeline`] over the stream ([`object`]), send the requests.

pub mod config;
pub mod draft;
pub mod event;
pub mod object;
pub mod pipeline;
pub mod quarantine;
pub mod source;

pub use config::Config;
pub use object::{Places, Ports};

use draft::Drafted;
use event::{Created, Event};
use lambda_runtime::Error;
use object::Outcome;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::OnceCell;
use watershed_aws_s3::S3Store;
use watershed_aws_secrets::SecretsManager;
use watershed_aws_sqs::SqsQueue;
use watershed_contract::Contracts;
use watershed_lake::LakeLocation;
use watershed_ops::{BatchResponse, Invocation, Level, Parameters, Unit, process};
use watershed_ports::PortError;

/// Name in logs and metrics.
pub const SERVICE: &str = "ingest";
/// Time that must be left before another object is begun.
pub const MIN_REMAINING_MS: u64 = 5_000;

/// The function's state across invocations.
pub struct Ingest {
    contracts: Contracts,
    places: Places,
    commit_queue_url: String,
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
        };
        Self {
            contracts,
            places,
            commit_queue_url: config.commit_queue_url,
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
                    Ok(objects) => all(ingest, &mut invocation, &objects, trace.as_deref()).await,
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

async fn one(
    ingest: &Ingest,
    invocation: &mut Invocation,
    created: &Created,
    trace: Option<&str>,
) -> Result<(), PortError> {
    let uri = created.source.uri();
    if created.bytes == 0 && uri.ends_with('/') {
        return Ok(());
    }
    if invocation.remaining_ms() < MIN_REMAINING_MS {
        return Err(PortError::transient(format!(
            "{uri}: not enough time is left of this invocation"
        )));
    }
    let Some(dataset) = ingest.contracts.find_by_key(&created.source.key) else {
        return unmatched(ingest, invocation, created).await;
    };
    match object::ingest(ingest.ports().await, &ingest.places, dataset, created, trace).await? {
        Outcome::Superseded(why) => {
            invocation.metric("Superseded", Unit::Count, 1.0);
            invocation.log(
                Level::Info,
                "object is gone or overwritten",
                json!({"source": uri, "why": why}),
            );
        }
        Outcome::Ingested(report) => {
            invocation.metric("Objects", Unit::Count, 1.0);
            invocation.metric("RowsAccepted", Unit::Count, report.accepted as f64);
            invocation.metric("RowsQuarantined", Unit::Count, report.rejected as f64);
            invocation.metric(
                "ObjectsQuarantined",
                Unit::Count,
                f64::from(u8::from(report.object.is_some())),
            );
            invocation.metric("BytesIn", Unit::Bytes, report.bytes_in as f64);
            invocation.field("source", uri.clone());
            invocation.field("table", dataset.table.name.to_string());
            invocation.field("files", report.data.len());
            let added: Vec<&str> = report.added.iter().map(|column| column.name.as_str()).collect();
            invocation.field("added_columns", added);
            invocation.field("missing_columns", report.missing_columns);
            let reasons: serde_json::Map<String, Value> = report
                .by_reason
                .iter()
                .map(|(reason, rows)| (reason.code().into(), (*rows).into()))
                .collect();
            invocation.field("quarantined_by_reason", reasons);
            if let Some(reject) = report.object {
                invocation.log(
                    Level::Warn,
                    "object quarantined",
                    json!({"source": uri, "reason": reject.to_string()}),
                );
            }
        }
    }
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

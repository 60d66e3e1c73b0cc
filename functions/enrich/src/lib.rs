//! **enrich**: rows of a dataset's table, with what references say, become rows of its enriched table.
//!
//! | | |
//! |---|---|
//! | Trigger | `TableChanged` through EventBridge and SQS; the function's own messages on that queue |
//! | Input | the dataset's table and its references, at states that an epoch pins; the contract's `enrich` |
//! | Output | Parquet data files in the lake, and a commit request for each source of the dataset's table |
//! | Key | source, epoch and contract text: running again writes the same bytes to the same keys |
//! | Row without a match | kept, null in what is added, counted |
//! | Replaced or removed source | replaces or removes what was made of it |
//! | New state of a reference | what it can have changed is made again, told by the bounds of its files |
//! | Reference with a key twice, or that does not fit into memory | a fault that says which |
//! | Table that is not there yet | waited for: its first snapshot is an event, too |
//! | Failure | the message is delivered again, in the end to the dead-letter queue |
//!
//! Sequence: [`plan`] (which states, which sources: a message each), then for each source read, join ([`steps`]), write, ask for the commit
//! ([`source`]).

pub mod config;
pub mod epoch;
pub mod message;
pub mod plan;
pub mod prepared;
pub mod reference;
pub mod source;
pub mod steps;
pub mod touch;

pub use config::Config;

use lambda_runtime::Error;
use message::{Asked, Unit};
use plan::Planner;
use prepared::Prepared;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::{Mutex, OnceCell};
use watershed_aws_glue::GlueCatalog;
use watershed_aws_s3::S3Store;
use watershed_aws_sqs::SqsQueue;
use watershed_contract::{Contracts, Dataset, Enrichment};
use watershed_follow::Planned;
use watershed_lake::{
    CommitRequest, LakeLocation, Run, SourceOrder, TableName,
    layout::{derived_source, epoch_prefix},
};
use watershed_ops::{BatchResponse, Invocation, Level, SqsEvent, SqsMessage, Unit as Of, process, scratch};
use watershed_ports::{Catalog, ObjectStore, PortError, Queue};

/// Name in logs and metrics.
pub const SERVICE: &str = "enrich";

/// What the function needs of the outside.
#[derive(Clone)]
pub struct Ports {
    /// The lake.
    pub store: Arc<dyn ObjectStore>,
    /// Its tables.
    pub catalog: Arc<dyn Catalog>,
    /// The function's own queue.
    pub own: Arc<dyn Queue>,
    /// The committer's.
    pub commits: Arc<dyn Queue>,
}

/// The function's state across invocations.
pub struct Enrich {
    contracts: Contracts,
    lake: LakeLocation,
    config: Config,
    ports: OnceCell<Ports>,
    /// Of the enriched table that was worked on last.
    prepared: Mutex<Option<Arc<Prepared>>>,
}

impl Enrich {
    /// Clients are made on the first use.
    pub fn new(config: Config, contracts: Contracts) -> Self {
        Self {
            contracts,
            lake: LakeLocation::bucket(&config.lake_bucket),
            config,
            ports: OnceCell::new(),
            prepared: Mutex::new(None),
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
                    commits: Arc::new(SqsQueue::new(&aws, &self.config.commit_queue_url)),
                }
            })
            .await
    }

    /// What is made of that table.
    fn made_of<'e>(&'e self, table: &'e TableName) -> impl Iterator<Item = Target<'e>> {
        let targets = self.contracts.iter().filter_map(|dataset| Target::of(dataset));
        targets.filter(move |Target { dataset, enrichment }| {
            dataset.table.name == *table || enrichment.references().contains(&table)
        })
    }
}

/// A dataset, and how its enriched table is made.
#[derive(Clone, Copy)]
pub struct Target<'e> {
    /// Whose rows they are.
    pub dataset: &'e Dataset,
    /// What is added to them.
    pub enrichment: &'e Enrichment,
}

impl<'e> Target<'e> {
    /// None: nothing is added to its rows.
    pub fn of(dataset: &'e Dataset) -> Option<Self> {
        let enrichment = dataset.enrichment.as_ref()?;
        Some(Self { dataset, enrichment })
    }
}

/// One invocation.
pub async fn handle(enrich: &Enrich, mut invocation: Invocation, event: Value) -> Result<BatchResponse, Error> {
    let event = SqsEvent::parse(event)?;
    let mut outcomes = Vec::with_capacity(event.records.len());
    for message in &event.records {
        outcomes.push((message, one(enrich, &mut invocation, message).await));
    }
    let response = process(&mut invocation, outcomes);
    invocation.finish("enriched");
    Ok(response)
}

async fn one(enrich: &Enrich, invocation: &mut Invocation, message: &SqsMessage) -> Result<(), PortError> {
    match Asked::parse(&message.body).map_err(|error| PortError::fault(error.to_string()))? {
        Asked::Look(table) => {
            // One that fails holds up no other.
            let mut looked = Ok(());
            for target in enrich.made_of(&table) {
                looked = looked.and(look(enrich, invocation, target).await);
            }
            looked
        }
        Asked::Source(unit) => {
            let dataset = enrich.contracts.by_table(&unit.enrich);
            let Some(target) = dataset.and_then(|dataset| Target::of(dataset)) else {
                let what = format!("no contract enriches into {}: deploy it to enrich as well", unit.enrich);
                return Err(PortError::fault(what));
            };
            let done = source(enrich, invocation, target, &unit, message.trace()).await;
            watershed_follow::or_look(done, Box::pin(look(enrich, invocation, target))).await
        }
    }
}

async fn look(enrich: &Enrich, invocation: &mut Invocation, target: Target<'_>) -> Result<(), PortError> {
    let ports = enrich.ports().await;
    let planner = Planner { enrich, ports, target };
    let dataset = target.dataset;
    let fields = match planner.plan().await? {
        Planned::Nothing => return Ok(()),
        Planned::Waiting(missing) => json!({"dataset": dataset.id, "waits_for": missing}),
        Planned::Asked {
            epoch,
            sources,
            everything,
        } => {
            invocation.metric("SourcesAsked", Of::Count, sources as f64);
            json!({"dataset": dataset.id, "epoch": epoch, "sources": sources, "everything": everything})
        }
    };
    invocation.log(Level::Info, "planned", fields);
    Ok(())
}

/// Makes what the enriched table is to have of a source, of the newest epoch.
async fn source(
    enrich: &Enrich,
    invocation: &mut Invocation,
    target: Target<'_>,
    unit: &Unit,
    trace: Option<&str>,
) -> Result<(), PortError> {
    let ports = enrich.ports().await;
    let Target { dataset, enrichment } = target;
    let (table, name) = (&enrichment.table, derived_source(&dataset.table.name, &unit.source));
    if watershed_follow::is_done(&*ports.store, &*ports.catalog, &table.name, &name, unit.epoch).await? {
        invocation.metric("SourcesKnown", Of::Count, 1.0);
        return Ok(());
    }
    let uri = enrich.lake.enrichment(&table.name);
    let epoch: epoch::Epoch = watershed_follow::newest(&*ports.store, &uri, &table.name, dataset).await?;
    let prepared = prepared(enrich, ports, target, &epoch.moment).await?;
    let files = prepared.sources.get(&unit.source).map_or(&[][..], Vec::as_slice);
    let prefix = epoch_prefix(&enrich.lake.table(table), &name, epoch.number, &dataset.digest);
    let folder = scratch::folder(&enrich.config.scratch)?;
    let made = source::make(&*ports.store, folder.path(), target, &prepared, files, &prefix).await?;
    let (order, trace) = (SourceOrder::epoch(epoch.number), trace.map(Into::into));
    let (table, contract) = (table.name.clone(), dataset.id.clone());
    let fields = json!({
        "table": table, "source": unit.source, "epoch": epoch.number, "rows": made.rows, "files": made.files.len(),
        "unmatched": made.unmatched, "failed": made.failed,
    });
    let request = CommitRequest::new(table, contract, name, order, prefix, made.files, trace);
    let request = request.made_by(Run::of(SERVICE).reading(prepared.read(dataset)));
    let body = request.body().map_err(|error| PortError::fault(error.to_string()))?;
    ports.commits.send(body).await?;
    invocation.metric("RowsEnriched", Of::Count, made.rows as f64);
    invocation.metric("RowsUnmatched", Of::Count, made.unmatched.values().sum::<u64>() as f64);
    invocation.log(Level::Info, "source", fields);
    Ok(())
}

/// The tables of that moment: those that are in memory, or read anew.
async fn prepared(
    enrich: &Enrich,
    ports: &Ports,
    target: Target<'_>,
    moment: &epoch::Moment,
) -> Result<Arc<Prepared>, PortError> {
    let mut kept = enrich.prepared.lock().await;
    if let Some(prepared) = kept.as_ref().filter(|prepared| prepared.moment == *moment) {
        return Ok(Arc::clone(prepared));
    }
    // Before others are read: there is no room for both.
    *kept = None;
    let (store, bytes) = (&*ports.store, enrich.config.reference_bytes);
    let read = Prepared::of(store, &enrich.lake, &enrich.contracts, target, moment, bytes).await?;
    Ok(Arc::clone(kept.insert(Arc::new(read))))
}

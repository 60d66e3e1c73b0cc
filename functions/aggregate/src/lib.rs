//! **aggregate**: a query over tables of the lake becomes a table, and follows them: what changed is made anew, a part at a time.
//!
//! | | |
//! |---|---|
//! | Trigger | `TableChanged` through EventBridge and SQS; a tick of the schedule; the function's own messages on that queue |
//! | Input | the tables of the contract's `aggregate`, at states that an epoch pins; its query |
//! | Output | Parquet data files in the lake, and a commit request for each part: it replaces the part as a whole |
//! | Part | the rows of one value of a field of the table's partition; or all of them |
//! | Key | part, epoch, contract, query and bytes: running again never writes over what is there |
//! | Changed input | the parts that its files can have rows of are made anew, told by their bounds |
//! | Part without rows | goes |
//! | Row outside of its part, null where none may be, key twice, value that does not fit | a fault that says which |
//! | Table that is not there yet | waited for: its first snapshot is an event, too |
//! | Failure | the message is delivered again, in the end to the dead-letter queue |
//!
//! Sequence: [`plan`] (which states, which parts: a message each), then for each part run the query ([`sql`]), check, write, ask for the commit
//! ([`source`]).

mod calendar;
pub mod changed;
pub mod config;
pub mod epoch;
pub mod fit;
pub mod keys;
pub mod message;
pub mod part;
pub mod plan;
pub mod source;
pub mod sql;

pub use config::{Config, SqlBounds};

use lambda_runtime::Error;
use message::{Asked, Unit};
use part::{Parts, WHOLE};
use plan::Planner;
use serde_json::{Value, json};
use source::Made;
use sql::Prepared;
use std::sync::Arc;
use tokio::sync::{Mutex, OnceCell};
use watershed_aws_glue::GlueCatalog;
use watershed_aws_s3::S3Store;
use watershed_aws_sqs::SqsQueue;
use watershed_contract::{Aggregation, Contracts, Dataset};
use watershed_follow::Planned;
use watershed_lake::{
    CommitRequest, LakeLocation, Run, SourceOrder, TableName, TableSpec,
    layout::{aggregate_source, epoch_prefix},
};
use watershed_ops::{BatchResponse, Invocation, Level, SqsEvent, SqsMessage, Unit as Of, process, scratch};
use watershed_ports::{Catalog, ObjectStore, PortError, Queue};
use watershed_sql::Engine;

/// Name in logs and metrics.
pub const SERVICE: &str = "aggregate";

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
pub struct Aggregate {
    contracts: Contracts,
    lake: LakeLocation,
    config: Config,
    ports: OnceCell<Ports>,
    engine: OnceCell<Engine>,
    /// Inputs that were read last.
    prepared: Mutex<Option<Arc<Prepared>>>,
}

impl Aggregate {
    /// Clients are made on the first use.
    pub fn new(config: Config, contracts: Contracts) -> Self {
        Self {
            contracts,
            lake: LakeLocation::bucket(&config.lake_bucket),
            config,
            ports: OnceCell::new(),
            engine: OnceCell::new(),
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

    async fn engine(&self, ports: &Ports) -> Result<&Engine, PortError> {
        let make = || async { sql::engine(Arc::clone(&ports.store), &self.config.sql, &self.config.scratch) };
        self.engine.get_or_try_init(make).await
    }

    fn targets(&self) -> impl Iterator<Item = Target<'_>> {
        self.contracts.iter().filter_map(|dataset| Target::of(dataset))
    }

    /// The table of that name, which is an input.
    fn spec(&self, name: &TableName) -> &TableSpec {
        spec_of(&self.contracts, name)
    }
}

/// The table of that name, which is an input.
fn spec_of<'c>(contracts: &'c Contracts, name: &TableName) -> &'c TableSpec {
    let dataset = contracts.by_table(name);
    dataset
        .and_then(|dataset| dataset.table_of(name))
        .expect("an input has a contract")
}

/// A dataset, and how its table is made.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// Whose table it is.
    pub dataset: &'a Dataset,
    /// Of what it is made.
    pub aggregation: &'a Aggregation,
}

impl<'a> Target<'a> {
    /// None: it is not made of other tables.
    pub fn of(dataset: &'a Dataset) -> Option<Self> {
        let aggregation = dataset.aggregation.as_ref()?;
        Some(Self { dataset, aggregation })
    }
}

/// One invocation.
pub async fn handle(aggregate: &Aggregate, mut invocation: Invocation, event: Value) -> Result<BatchResponse, Error> {
    let event = SqsEvent::parse(event)?;
    let mut outcomes = Vec::with_capacity(event.records.len());
    for message in &event.records {
        outcomes.push((message, one(aggregate, &mut invocation, message).await));
    }
    let response = process(&mut invocation, outcomes);
    invocation.finish("aggregated");
    Ok(response)
}

async fn one(aggregate: &Aggregate, invocation: &mut Invocation, message: &SqsMessage) -> Result<(), PortError> {
    let asked = Asked::parse(&message.body).map_err(|error| PortError::fault(error.to_string()))?;
    let unit = match asked {
        Asked::Tick => return look_at(aggregate, invocation, |_| true).await,
        Asked::Look(table) => return look_at(aggregate, invocation, |target| target.aggregation.reads(&table)).await,
        Asked::Source(unit) => unit,
    };
    let dataset = aggregate.contracts.by_table(&unit.aggregate);
    let Some(target) = dataset.and_then(|dataset| Target::of(dataset)) else {
        let what = format!(
            "no contract aggregates into {}: deploy it to aggregate as well",
            unit.aggregate
        );
        return Err(PortError::fault(what));
    };
    let done = part(aggregate, invocation, target, &unit, message.trace()).await;
    watershed_follow::or_look(done, Box::pin(look(aggregate, invocation, target))).await
}

/// Looks at those aggregates. One that fails holds up no other.
async fn look_at(
    aggregate: &Aggregate,
    invocation: &mut Invocation,
    wanted: impl Fn(&Target<'_>) -> bool,
) -> Result<(), PortError> {
    let mut looked = Ok(());
    for target in aggregate.targets().filter(wanted) {
        looked = looked.and(look(aggregate, invocation, target).await);
    }
    looked
}

async fn look(aggregate: &Aggregate, invocation: &mut Invocation, target: Target<'_>) -> Result<(), PortError> {
    let ports = aggregate.ports().await;
    let planner = Planner {
        aggregate,
        ports,
        target,
    };
    let dataset = target.dataset;
    let fields = match planner.plan().await? {
        Planned::Nothing => return Ok(()),
        Planned::Waiting(missing) => json!({"dataset": dataset.id, "waits_for": missing}),
        Planned::Asked {
            epoch,
            sources,
            everything,
        } => {
            invocation.metric("PartsAsked", Of::Count, sources as f64);
            json!({"dataset": dataset.id, "epoch": epoch, "parts": sources, "everything": everything})
        }
    };
    invocation.log(Level::Info, "planned", fields);
    Ok(())
}

/// Makes what the aggregated table is to have of a part, of the newest epoch.
async fn part(
    aggregate: &Aggregate,
    invocation: &mut Invocation,
    target: Target<'_>,
    unit: &Unit,
    trace: Option<&str>,
) -> Result<(), PortError> {
    let ports = aggregate.ports().await;
    let (store, dataset) = (&*ports.store, target.dataset);
    let table = &dataset.table;
    let source = aggregate_source(&table.name, &unit.part);
    if watershed_follow::is_done(store, &*ports.catalog, &table.name, &source, unit.epoch).await? {
        invocation.metric("PartsKnown", Of::Count, 1.0);
        return Ok(());
    }
    let uri = aggregate.lake.aggregation(&table.name);
    let epoch: epoch::Epoch = watershed_follow::newest(store, &uri, &table.name, dataset).await?;
    let prefix = epoch_prefix(&aggregate.lake.table(table), &source, epoch.number, &dataset.digest);
    let made = made(aggregate, ports, target, &unit.part, (&epoch, &source, &prefix)).await?;
    let fields = json!({
        "table": table.name, "part": unit.part, "epoch": epoch.number, "rows": made.rows, "files": made.files.len(),
        "bytes_read": made.bytes_read,
    });
    invocation.metric("RowsAggregated", Of::Count, made.rows as f64);
    let (order, trace) = (SourceOrder::epoch(epoch.number), trace.map(Into::into));
    let (table, contract) = (table.name.clone(), dataset.id.clone());
    let request = CommitRequest::new(table, contract, source, order, prefix, made.files, trace);
    let request = request.made_by(Run::of(SERVICE).reading(made.read));
    let body = request.body().map_err(|error| PortError::fault(error.to_string()))?;
    ports.commits.send(body).await?;
    invocation.log(Level::Info, "part", fields);
    Ok(())
}

/// The files of a part. None of one that the contract divides the table into no more.
async fn made(
    aggregate: &Aggregate,
    ports: &Ports,
    target: Target<'_>,
    part: &str,
    (epoch, source, prefix): (&epoch::Epoch, &str, &str),
) -> Result<Made, PortError> {
    let division = target
        .aggregation
        .partition
        .map(|field| Parts::of(&target.dataset.table, field));
    let value = division.as_ref().and_then(|parts| parts.parse(part));
    if value.is_none() && (division.is_some() || part != WHOLE) {
        return Ok(Made::default());
    }
    let prepared = prepared(aggregate, ports, &epoch.moment).await?;
    let engine = aggregate.engine(ports).await?;
    let of = division.as_ref().zip(value.as_ref());
    let answer = sql::run(engine, &aggregate.contracts, target, &prepared, of).await?;
    let provenance = source::provenance(target, source, epoch.number, &prepared);
    let folder = scratch::folder(&aggregate.config.scratch)?;
    let made = source::make(&*ports.store, folder.path(), target, of, (answer, &provenance), prefix).await?;
    let read = prepared.snapshot_ids.iter().map(|(name, id)| (name.clone(), *id));
    Ok(Made {
        read: read.collect(),
        ..made
    })
}

/// The inputs at that moment: as they are in memory, or read anew.
async fn prepared(aggregate: &Aggregate, ports: &Ports, moment: &epoch::Moment) -> Result<Arc<Prepared>, PortError> {
    let mut kept = aggregate.prepared.lock().await;
    if let Some(prepared) = kept.as_ref().filter(|prepared| prepared.moment == *moment) {
        return Ok(Arc::clone(prepared));
    }
    let read = Prepared::of(&*ports.store, moment).await?;
    Ok(Arc::clone(kept.insert(Arc::new(read))))
}

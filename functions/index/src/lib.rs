//! **index**: the rows of searchable columns are found by their words.
//!
//! | | |
//! |---|---|
//! | Trigger | `TableChanged` through EventBridge and SQS; a schedule, the net below an event that was lost; the function's own messages on that queue |
//! | Input | the columns that a contract declares searchable, of the data files that live |
//! | Output | an index of each file: its words, and in which rows they stand, but no text ([`watershed_search`]) |
//! | Key | the file's path and a digest of the columns: running again writes the same bytes to the same key |
//! | File without its index | asked for by each look, until it is there; whoever searches meanwhile is told how many there are |
//! | File that is gone meanwhile | needs none |
//! | File of very much text | cut into pieces; of more than [`file::MAX_PIECES`] it is refused, and the log says so |
//! | Other columns declared | indexes are made anew, beside the old ones, which `housekeep` sweeps |
//! | Failure | the message is delivered again, in the end to the dead-letter queue |
//!
//! Sequence: look at a table (which files have no index: a few to a message, [`plan`]), then for each file read, build, write ([`file`]).

pub mod config;
pub mod file;
pub mod message;
pub mod plan;

pub use config::Config;

use file::Indexed;
use lambda_runtime::Error;
use message::{Asked, Unit};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};
use tokio::sync::OnceCell;
use watershed_aws_glue::GlueCatalog;
use watershed_aws_s3::S3Store;
use watershed_aws_sqs::SqsQueue;
use watershed_contract::Contracts;
use watershed_lake::{TableName, TableSpec, layout::IndexPlaces};
use watershed_ops::{BatchResponse, Invocation, Level, SqsEvent, SqsMessage, Unit as Of, process, scratch};
use watershed_ports::{Catalog, ObjectStore, PortError, Queue};
use watershed_table::{current::Current, indexed};

/// Name in logs and metrics.
pub const SERVICE: &str = "index";

/// What the function needs of the outside.
#[derive(Clone)]
pub struct Ports {
    /// The lake.
    pub store: Arc<dyn ObjectStore>,
    /// Its tables.
    pub catalog: Arc<dyn Catalog>,
    /// The function's own queue.
    pub own: Arc<dyn Queue>,
}

/// The function's state across invocations.
pub struct Indexer {
    contracts: Contracts,
    config: Config,
    ports: OnceCell<Ports>,
}

/// A table as it stands, and where its indexes are.
struct Table<'i> {
    spec: &'i TableSpec,
    current: Current,
    places: IndexPlaces,
}

impl Indexer {
    /// Clients are made on the first use.
    pub fn new(config: Config, contracts: Contracts) -> Self {
        Self {
            contracts,
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
                }
            })
            .await
    }

    /// Names of the tables that have searchable columns.
    fn searchable(&self) -> BTreeSet<&TableName> {
        let tables = self.contracts.iter().flat_map(|dataset| dataset.tables());
        tables
            .filter(|table| table.searchable().next().is_some())
            .map(|table| &table.name)
            .collect()
    }

    /// None: it has no searchable column, or no row yet.
    async fn table(&self, name: &TableName) -> Result<Option<Table<'_>>, PortError> {
        let dataset = self.contracts.by_table(name);
        let spec = dataset.and_then(|dataset| dataset.table_of(name)).ok_or_else(|| {
            PortError::fault(format!(
                "no contract describes table {name}: deploy the contract to index as well"
            ))
        })?;
        let Some(declaration) = spec.search_declaration() else {
            return Ok(None);
        };
        let ports = self.ports().await;
        let current = Current::load(&*ports.store, &*ports.catalog, name).await?;
        Ok(current.map(|current| Table {
            spec,
            places: IndexPlaces::new(current.location(), &declaration),
            current,
        }))
    }
}

/// One invocation.
pub async fn handle(indexer: &Indexer, mut invocation: Invocation, event: Value) -> Result<BatchResponse, Error> {
    let event = SqsEvent::parse(event)?;
    let mut outcomes = Vec::with_capacity(event.records.len());
    // A table that changes every few seconds tells so in many messages of one batch.
    let mut looked = BTreeSet::new();
    for message in &event.records {
        outcomes.push((message, one(indexer, &mut invocation, &mut looked, message).await));
    }
    let response = process(&mut invocation, outcomes);
    invocation.finish("indexed");
    Ok(response)
}

async fn one(
    indexer: &Indexer,
    invocation: &mut Invocation,
    looked: &mut BTreeSet<TableName>,
    message: &SqsMessage,
) -> Result<(), PortError> {
    match Asked::parse(&message.body).map_err(|error| PortError::fault(error.to_string()))? {
        Asked::Tick => {
            // One that fails holds up no other.
            let mut done = Ok(());
            for table in indexer.searchable() {
                done = done.and(look(indexer, invocation, looked, table).await);
            }
            done
        }
        Asked::Look(table) => look(indexer, invocation, looked, &table).await,
        Asked::Source(unit) => files(indexer, invocation, &unit).await,
    }
}

/// Asks for the files of a table that have no index.
async fn look(
    indexer: &Indexer,
    invocation: &mut Invocation,
    looked: &mut BTreeSet<TableName>,
    name: &TableName,
) -> Result<(), PortError> {
    if looked.contains(name) {
        return Ok(());
    }
    let ports = indexer.ports().await;
    let Some(table) = indexer.table(name).await? else {
        return Ok(());
    };
    let done = indexed::list(&*ports.store, &table.places, &table.places.prefix()).await?;
    let files = table.current.files(&*ports.store).await?;
    let missing = files.into_iter().filter(|file| !done.contains_key(file.uri()));
    let planned = plan::messages(name, &table.places, missing);
    if !planned.units.is_empty() {
        let asked: usize = planned.units.iter().map(|unit| unit.files.len()).sum();
        let fields = json!({"table": name, "files": asked, "left": planned.left, "elsewhere": planned.elsewhere});
        invocation.metric("FilesAsked", Of::Count, asked as f64);
        invocation.log(Level::Info, "planned", fields);
        let bodies = planned.units.iter().map(watershed_follow::Unit::body).collect();
        ports.own.send_all(bodies).await?;
    }
    looked.insert(name.clone());
    Ok(())
}

/// Makes the indexes of some files.
async fn files(indexer: &Indexer, invocation: &mut Invocation, unit: &Unit) -> Result<(), PortError> {
    let ports = indexer.ports().await;
    let Some(table) = indexer.table(&unit.index).await? else {
        return Ok(());
    };
    let folder = scratch::folder(&indexer.config.scratch)?;
    let mut done = Ok(());
    for path in &unit.files {
        let uri = table.places.file(path);
        // One that fails holds up no other.
        match file::index(&*ports.store, folder.path(), table.spec, &table.places, &uri).await {
            Ok(what) => told(invocation, &unit.index, path, &what),
            Err(error) => done = done.and(Err(error.context(format!("{}: {path}", unit.index)))),
        }
    }
    done
}

fn told(invocation: &mut Invocation, table: &TableName, path: &str, what: &Indexed) {
    let Indexed::Made { rows, pieces, bytes } = *what else {
        let metric = if *what == Indexed::Gone {
            "FilesGone"
        } else {
            "FilesKnown"
        };
        invocation.metric(metric, Of::Count, 1.0);
        return;
    };
    let fields = json!({"table": table, "file": path, "rows": rows, "pieces": pieces, "bytes": bytes});
    invocation.metric("FilesIndexed", Of::Count, 1.0);
    invocation.metric("RowsIndexed", Of::Count, rows as f64);
    invocation.log(Level::Info, "file", fields);
}

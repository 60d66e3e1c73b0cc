//! **compact**: many small files of a table become few, and no row changes.
//!
//! | | |
//! |---|---|
//! | Trigger | a schedule, hourly, and `TableChanged`, both through SQS; the function's own messages on that queue |
//! | Input | tables as they are: the files that live, their sizes, sources and partitions |
//! | Output | one Parquet data file a group of small ones; a swap to the committer |
//! | Key | the paths of the files that are packed, and the table's columns and order: running again writes the same bytes to the same key |
//! | Repeated message | files that do not live any more are not packed; a swap that was applied changes nothing |
//! | Newer data meanwhile | wins: the swap counts only if all that it replaces lives, and what it brought is swept |
//! | Columns that a contract does not name | carried |
//! | Rows that another engine deleted by files of deletes | the table is left alone |
//! | Rows that are to be erased | rewritten without them, and looked for again until there are none ([`erase`]) |
//! | Failure | the message is delivered again, in the end to the dead-letter queue |
//!
//! Sequence: look at a table ([`plan`]), a message a group; then for each group read, sort, write ([`group`]), ask for the swap.
//!
//! Files of one source only are packed together, and lie under its prefix: so a newer version of it replaces them, a stream's position says of them
//! what it said, and what other tables were made of the source still was.

pub mod config;
pub mod erase;
pub mod group;
pub mod key;
pub mod message;
pub mod plan;

pub use config::Config;

use lambda_runtime::Error;
use message::{Asked, Look, Unit};
use plan::{Candidate, MANY_FILES};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::sync::OnceCell;
use watershed_aws_glue::GlueCatalog;
use watershed_aws_s3::S3Store;
use watershed_aws_sqs::SqsQueue;
use watershed_contract::{Contracts, Dataset};
use watershed_lake::{
    Maintain, MaintenanceRequest, TableName, TableSpec,
    layout::{digest_in_path, digest_prefix},
};
use watershed_ops::{BatchResponse, Invocation, Level, SqsEvent, Unit as Of, process, scratch};
use watershed_ports::{Catalog, ObjectStore, PortError, Queue};
use watershed_table::current::{Current, LiveFile};

/// Name in logs and metrics.
pub const SERVICE: &str = "compact";

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
pub struct Compact {
    contracts: Contracts,
    config: Config,
    ports: OnceCell<Ports>,
}

impl Compact {
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
                    commits: Arc::new(SqsQueue::new(&aws, &self.config.commit_queue_url)),
                }
            })
            .await
    }

    /// The table of that name, and whose it is.
    fn spec(&self, name: &TableName) -> Result<(&Dataset, &TableSpec), PortError> {
        let dataset = self.contracts.by_table(name);
        let found = dataset.and_then(|dataset| Some((&**dataset, dataset.table_of(name)?)));
        found.ok_or_else(|| {
            PortError::fault(format!(
                "no contract describes table {name}: deploy the contract to compact as well"
            ))
        })
    }
}

/// One invocation.
pub async fn handle(compact: &Compact, mut invocation: Invocation, event: Value) -> Result<BatchResponse, Error> {
    let event = SqsEvent::parse(event)?;
    let mut outcomes = Vec::with_capacity(event.records.len());
    let mut looked = Looked::default();
    for message in &event.records {
        let asked = Asked::parse(&message.body).map_err(|error| PortError::fault(error.to_string()));
        let done = match asked {
            Ok(Asked::Nothing) => Ok(()),
            Ok(Asked::Tick) => tick(compact).await,
            Ok(Asked::Look(table, at_least)) => look(compact, &mut invocation, &mut looked, table, at_least).await,
            Ok(Asked::Erase(ask)) => erase::erase(compact, &mut invocation, &ask).await,
            Ok(Asked::Group(unit)) => group(compact, &mut invocation, &unit, message.trace()).await,
            Err(error) => Err(error),
        };
        outcomes.push((message, done));
    }
    let response = process(&mut invocation, outcomes);
    invocation.finish("compacted");
    Ok(response)
}

/// A message for each table: one that fails, or takes long, holds up no other.
async fn tick(compact: &Compact) -> Result<(), PortError> {
    let tables: BTreeSet<&TableName> = compact
        .contracts
        .iter()
        .flat_map(|dataset| dataset.tables())
        .map(|table| &table.name)
        .collect();
    let bodies = tables.into_iter().map(|table| Look { look: table.clone() }.body());
    compact.ports().await.own.send_all(bodies.collect()).await
}

/// Tables that this invocation looked at, and for groups of how many files at least.
type Looked = BTreeMap<TableName, usize>;

/// Asks for every group that a table has.
async fn look(
    compact: &Compact,
    invocation: &mut Invocation,
    looked: &mut Looked,
    name: TableName,
    at_least: usize,
) -> Result<(), PortError> {
    compact.spec(&name)?;
    // A table that changes every few seconds tells so in many messages of one batch.
    if looked.get(&name).is_some_and(|before| *before <= at_least) {
        return Ok(());
    }
    let ports = compact.ports().await;
    let Some(table) = Current::load(&*ports.store, &*ports.catalog, &name).await? else {
        return Ok(());
    };
    let may_have_many = table
        .total("total-data-files")
        .is_none_or(|files| files >= at_least as u64);
    let files = if may_have_many {
        candidates(&table, table.packable(&*ports.store).await?)
    } else {
        Vec::new()
    };
    let groups = plan::groups(&files, at_least);
    if !groups.is_empty() {
        let files: usize = groups.iter().map(|group| group.paths.len()).sum();
        let fields = json!({"table": name, "groups": groups.len(), "files": files, "many": at_least == MANY_FILES});
        invocation.metric("GroupsAsked", Of::Count, groups.len() as f64);
        invocation.log(Level::Info, "planned", fields);
        let unit = |group: plan::Group| Unit {
            compact: name.clone(),
            source: group.source,
            files: group.paths,
            erase: None,
        };
        let bodies = groups.into_iter().map(|group| unit(group).body()).collect();
        ports.own.send_all(bodies).await?;
    }
    looked.insert(name, at_least);
    Ok(())
}

/// Files that are not where a source's lie are of another engine: they are left alone.
fn candidates(table: &Current, files: Vec<LiveFile>) -> Vec<Candidate> {
    let location = table.location();
    let files = files.into_iter().filter_map(|file| {
        let source = digest_in_path(location, file.uri())?;
        let path = file.uri().strip_prefix(&digest_prefix(location, source))?;
        Some(Candidate {
            source: source.into(),
            partition: file.partition(),
            path: path.into(),
            bytes: file.bytes(),
        })
    });
    files.collect()
}

/// Packs a group and asks for the swap.
async fn group(
    compact: &Compact,
    invocation: &mut Invocation,
    unit: &Unit,
    trace: Option<&str>,
) -> Result<(), PortError> {
    let (dataset, spec) = compact.spec(&unit.compact)?;
    let ports = compact.ports().await;
    let Some(table) = Current::load(&*ports.store, &*ports.catalog, &unit.compact).await? else {
        return Ok(());
    };
    let folder = scratch::folder(&compact.config.scratch)?;
    let Some(packed) = group::pack(&*ports.store, folder.path(), spec, &table, unit).await? else {
        invocation.metric("GroupsGone", Of::Count, 1.0);
        return Ok(());
    };
    let fields = json!({
        "table": unit.compact, "source": unit.source, "files": unit.files.len(), "rows": packed.rows, "bytes": packed.bytes,
        "erased_rows": packed.swap.erased_rows, "packed_bytes": packed.swap.files.iter().map(|file| file.bytes).sum::<u64>(),
    });
    let request = MaintenanceRequest {
        table: unit.compact.clone(),
        contract: dataset.id.clone(),
        maintain: Maintain::Swap(packed.swap),
        trace: trace.map(Into::into),
    };
    let body = serde_json::to_string(&request).expect("a request is JSON");
    ports.commits.send(body).await?;
    invocation.metric("FilesPacked", Of::Count, unit.files.len() as f64);
    invocation.metric("RowsPacked", Of::Count, packed.rows as f64);
    invocation.metric("BytesPacked", Of::Bytes, packed.bytes as f64);
    invocation.log(Level::Info, "packed", fields);
    Ok(())
}

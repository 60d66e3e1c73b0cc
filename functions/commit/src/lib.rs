//! **commit**: staged files become snapshots. The only thing that makes them.
//!
//! | | |
//! |---|---|
//! | Trigger | SQS, large batches and a short window; a few invocations at a time |
//! | Input | `CommitRequest` or `MaintenanceRequest` (see `watershed-lake`), one a message; data files that stand in the lake |
//! | Output | at most one snapshot a table and invocation; `TableChanged` on the event bus for each; OpenLineage events in the lake |
//! | Schema | follows the contract, and the request's added columns, as far as a table may change; in the same swap |
//! | Key | the request's token, source and order, kept in the table's ledger |
//! | Repeated request | changes nothing; the current snapshot is announced again, for the announcement may be lost |
//! | Maintenance | files or snapshots that are too old go, in the same swap; where there are none, nothing is made |
//! | Swap | files of a source for others with the same rows, if all that are replaced live; else nothing, acknowledged |
//! | Older request | changes nothing, acknowledged |
//! | Append | files come beside what the table holds of the source (a shard of a stream), if they follow on it; several in one snapshot |
//! | Append too early | looked for again for some seconds, then delivered again: what it follows on has not come |
//! | Append that overlaps, or of a source that is replaced | fault: its sender is wrong |
//! | Lost race | planned again with backoff, then delivered again |
//! | Faulty request | fails alone, is delivered again, in the end to the dead-letter queue; others of its batch go on |
//! | Failed announcement, or event | the requests are delivered again, and announce or write it then |
//!
//! Sequence: parse the messages, group them by table, commit each group ([`watershed_table::commit`]), announce, tell what was
//! made of what ([`told`]).

pub mod config;
pub mod host;
mod told;

pub use config::Config;

use futures::{StreamExt, stream};
use lambda_runtime::Error;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::OnceCell;
use watershed_aws_events::EventBridge;
use watershed_aws_glue::GlueCatalog;
use watershed_aws_s3::S3Store;
use watershed_contract::Contracts;
use watershed_lake::{
    CommitRequest, LakeLocation, MaintenanceRequest, TableName, TableRequest, TableSpec,
    message::{EVENT_SOURCE, TABLE_CHANGED},
};
use watershed_ops::{BatchResponse, Invocation, Level, SqsEvent, SqsMessage, Unit, process};
use watershed_ports::{Catalog, EventBus, ObjectStore, PortError};
use watershed_table::{Batch, Committed, Host, Outcome};

/// Name in logs and metrics.
pub const SERVICE: &str = "commit";
/// Tables that are committed to at the same time.
pub const MAX_CONCURRENT_TABLES: usize = 4;

/// What the function needs of the outside.
#[derive(Clone)]
pub struct Ports {
    /// The lake.
    pub store: Arc<dyn ObjectStore>,
    /// Its tables.
    pub catalog: Arc<dyn Catalog>,
    /// Where snapshots are announced.
    pub bus: Arc<dyn EventBus>,
    /// Time and chance.
    pub host: Arc<dyn Host>,
}

/// The function's state across invocations.
pub struct Commit {
    contracts: Contracts,
    lake: LakeLocation,
    event_bus: String,
    sends_lineage: bool,
    ports: OnceCell<Ports>,
}

impl Commit {
    /// Clients are made on the first use.
    pub fn new(config: Config, contracts: Contracts) -> Self {
        let lake = LakeLocation::bucket(&config.lake_bucket);
        Self {
            contracts,
            lake,
            event_bus: config.event_bus,
            sends_lineage: config.sends_lineage,
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
                    bus: Arc::new(EventBridge::new(&aws, &self.event_bus)),
                    host: Arc::new(host::Machine),
                }
            })
            .await
    }

    /// The table of that name: of a dataset, of what it refused, or of what comes of a stream.
    fn spec(&self, name: &TableName) -> Option<&TableSpec> {
        self.contracts.by_table(name)?.table_of(name)
    }
}

/// Requests for one table, and the messages that they came in: those of `requests`, then those of `maintenance`.
#[derive(Default)]
struct Group {
    messages: (Vec<usize>, Vec<usize>),
    requests: Vec<CommitRequest>,
    maintenance: Vec<MaintenanceRequest>,
    /// Contract that the first of them names.
    contract: String,
}

/// What came of a group. An announcement that failed stands in the outcomes.
struct Done {
    table: TableName,
    messages: (Vec<usize>, Vec<usize>),
    committed: Committed,
}

/// One invocation.
pub async fn handle(commit: &Commit, mut invocation: Invocation, event: Value) -> Result<BatchResponse, Error> {
    let event = SqsEvent::parse(event)?;
    let mut outcomes: Vec<Result<(), PortError>> = vec![Ok(()); event.records.len()];
    let groups = group(&event.records, &mut outcomes);
    let tables = groups.len();
    let done: Vec<Done> = stream::iter(groups.into_iter().map(|(table, group)| one_table(commit, table, group)))
        .buffer_unordered(MAX_CONCURRENT_TABLES)
        .collect()
        .await;
    invocation.field("requests", event.records.len());
    invocation.field("tables", tables);
    for done in done {
        report(&mut invocation, &done);
        let (requests, maintenance) = done.messages;
        let of_requests = requests.into_iter().zip(done.committed.outcomes);
        for (message, outcome) in of_requests.chain(maintenance.into_iter().zip(done.committed.maintained)) {
            outcomes[message] = outcome.map(drop);
        }
    }
    let response = process(&mut invocation, event.records.iter().zip(outcomes));
    invocation.finish("committed");
    Ok(response)
}

/// Requests by table. A message that is no request fails by itself.
fn group(messages: &[SqsMessage], outcomes: &mut [Result<(), PortError>]) -> BTreeMap<TableName, Group> {
    let mut groups: BTreeMap<TableName, Group> = BTreeMap::new();
    for (index, message) in messages.iter().enumerate() {
        match TableRequest::parse(&message.body) {
            Ok(request) => {
                let group = groups.entry(request.table().clone()).or_default();
                if group.contract.is_empty() {
                    group.contract = request.contract().into();
                }
                match request {
                    TableRequest::Commit(request) => {
                        group.messages.0.push(index);
                        group.requests.push(request);
                    }
                    TableRequest::Maintain(request) => {
                        group.messages.1.push(index);
                        group.maintenance.push(request);
                    }
                }
            }
            Err(error) => {
                let what = format!(
                    "the message is neither a commit nor a maintenance request ({error}); nothing but Watershed may send to this queue"
                );
                outcomes[index] = Err(PortError::fault(what));
            }
        }
    }
    groups
}

async fn one_table(commit: &Commit, table: TableName, group: Group) -> Done {
    let Group {
        messages,
        requests,
        maintenance,
        contract,
    } = group;
    let Some(spec) = commit.spec(&table) else {
        let error = PortError::fault(format!(
            "no contract describes table {table} (the request names contract {contract}): deploy the contract to commit as well"
        ));
        let committed = Committed {
            outcomes: vec![Err(error.clone()); requests.len()],
            maintained: vec![Err(error); maintenance.len()],
            changed: None,
            landed: BTreeMap::new(),
            effort: watershed_table::Effort::default(),
        };
        return Done {
            table,
            messages,
            committed,
        };
    };
    let ports = commit.ports().await;
    let table_ports = watershed_table::Ports {
        store: &*ports.store,
        catalog: &*ports.catalog,
        host: &*ports.host,
    };
    let batch = Batch {
        requests: &requests,
        maintenance: &maintenance,
    };
    let mut committed = watershed_table::commit(table_ports, &commit.lake, spec, batch).await;
    if let Some(changed) = &mut committed.changed {
        if changed.contract.is_empty() {
            changed.contract.clone_from(&contract);
        }
        let detail = serde_json::to_string(changed).expect("an event is JSON");
        if let Err(error) = ports.bus.publish(EVENT_SOURCE, TABLE_CHANGED, detail).await {
            // Delivered again, the requests are found applied, and the snapshot is announced then.
            for outcome in committed
                .outcomes
                .iter_mut()
                .chain(&mut committed.maintained)
                .filter(|o| **o != Ok(Outcome::Superseded) && o.is_ok())
            {
                *outcome = Err(error.clone());
            }
        }
    }
    told::tell(commit, ports, batch, &mut committed).await;
    Done {
        table,
        messages,
        committed,
    }
}

fn report(invocation: &mut Invocation, done: &Done) {
    let Committed {
        outcomes,
        maintained,
        changed,
        effort,
        ..
    } = &done.committed;
    let kept_house = maintained
        .iter()
        .filter(|outcome| **outcome == Ok(Outcome::Applied))
        .count();
    let count = |wanted: Outcome| outcomes.iter().filter(|outcome| **outcome == Ok(wanted)).count();
    let (applied, repeated) = (count(Outcome::Applied), count(Outcome::AlreadyApplied));
    let superseded = count(Outcome::Superseded);
    let waiting = effort.waiting;
    invocation.metric("Snapshots", Unit::Count, f64::from(effort.snapshots));
    invocation.metric("Attempts", Unit::Count, f64::from(effort.attempts));
    invocation.metric("Conflicts", Unit::Count, f64::from(effort.conflicts));
    invocation.metric("Applied", Unit::Count, applied as f64);
    invocation.metric("Repeated", Unit::Count, repeated as f64);
    invocation.metric("Superseded", Unit::Count, superseded as f64);
    invocation.metric("Waiting", Unit::Count, f64::from(waiting));
    let new = changed.as_ref().filter(|_| effort.snapshots > 0);
    invocation.metric(
        "RowsAdded",
        Unit::Count,
        new.map_or(0.0, |changed| changed.added_rows as f64),
    );
    invocation.metric(
        "RowsRemoved",
        Unit::Count,
        new.map_or(0.0, |changed| changed.removed_rows as f64),
    );
    let fields = json!({
        "table": done.table.to_string(),
        "snapshot_id": changed.as_ref().map(|changed| changed.snapshot_id),
        "total_rows": changed.as_ref().map(|changed| changed.total_rows),
        "applied": applied, "repeated": repeated, "superseded": superseded, "waiting": waiting,
        "maintained": kept_house, "waits": effort.waits,
        "attempts": effort.attempts, "conflicts": effort.conflicts,
    });
    invocation.log(Level::Info, "table", fields);
}

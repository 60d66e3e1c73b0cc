//! **housekeep**: what is older than its contract says goes, and what no table needs is swept.
//!
//! | | |
//! |---|---|
//! | Trigger | a schedule, daily; by hand with `{"table": "database.table"}` for one table |
//! | Input | the contracts; the catalog; what lies at each table's place |
//! | Output | `MaintenanceRequest`s to the committer; objects deleted; lifecycle rules of the raw bucket ([`raw`]); which erased rows are gone ([`erasures`]) |
//! | Key | none: each run looks at what is there |
//! | Repeated run | asks the same of the committer, which finds nothing to do; deletes what is still there |
//! | Failure in the middle | what was deleted was not needed; the next run goes on |
//! | One table fails | the others are done, then the invocation fails, so that the alarm tells |
//! | Too much for one run | the next one goes on, at another place |
//!
//! Sequence, a table of a dataset at a time: ask the committer to forget old snapshots and to remove old files
//! ([`watershed_lake::maintenance`]), then sweep ([`sweep`]). What the committer removes now is swept when no snapshot has it any more.
//!
//! Nothing that is needed is deleted, because what is deleted is (1) named by nothing of the table as it is ([`watershed_table::reach`]), (2) older
//! than a request or a commit under way can be, and (3) both of it still when it is looked at again.

pub mod config;
pub mod erasures;
pub mod raw;
pub mod sweep;

pub use config::Config;

use erasures::Open;
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use sweep::{Budget, Grace, Kept, MAX_DELETES, Swept, sweep};
use tokio::sync::OnceCell;
use watershed_aws_glue::GlueCatalog;
use watershed_aws_s3::{S3Lifecycle, S3Store};
use watershed_aws_sqs::SqsQueue;
use watershed_contract::{Age, Contracts, Dataset};
use watershed_lake::{
    LakeLocation, Maintain, MaintenanceRequest, TableName, TableSpec, erasure::Erased, layout::Zone, quarantine,
};
use watershed_ops::{Invocation, Level, Unit, now_ms};
use watershed_ports::{Catalog, Lifecycle, ObjectStore, PortError, Queue};

/// Name in logs and metrics.
pub const SERVICE: &str = "housekeep";
/// Milliseconds before the service would end the invocation at which it stops by itself.
pub const RESERVE_MS: u64 = 30_000;

const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// What the function needs of the outside.
#[derive(Clone)]
pub struct Ports {
    /// The lake.
    pub store: Arc<dyn ObjectStore>,
    /// Its tables.
    pub catalog: Arc<dyn Catalog>,
    /// Lifecycle rules of buckets.
    pub lifecycle: Arc<dyn Lifecycle>,
    /// Queue of the committer.
    pub commits: Arc<dyn Queue>,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
}

/// The function's state across invocations.
pub struct Housekeep {
    contracts: Contracts,
    config: Config,
    ports: OnceCell<Ports>,
}

impl Housekeep {
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
                    lifecycle: Arc::new(S3Lifecycle::new(&aws)),
                    commits: Arc::new(SqsQueue::new(&aws, &self.config.commit_queue_url)),
                    now_ms: Arc::new(now_ms),
                }
            })
            .await
    }
}

/// What the function is asked for. A schedule's event has other keys, and asks for every table.
#[derive(Debug, Deserialize)]
struct Order {
    table: Option<TableName>,
}

/// A table, and what its contract says of its age.
struct House {
    name: TableName,
    /// Of its columns that are searched, where there are any.
    searched: Option<String>,
    /// What was removed until then has rows that were erased.
    erased_before_ms: Option<i64>,
    contract: String,
    grace: Grace,
    maintain: Vec<Maintain>,
}

/// One invocation.
pub async fn handle(housekeep: &Housekeep, mut invocation: Invocation, event: Value) -> Result<Value, Error> {
    let order: Order = serde_json::from_value(event).map_err(|e| {
        format!("the event is not understood ({e}): write {{\"table\": \"database.table\"}}, or {{}} for every table")
    })?;
    let ports = housekeep.ports().await;
    let now_ms = (ports.now_ms)();
    let lake = LakeLocation::bucket(&housekeep.config.lake_bucket);
    let (open, open_failed) = opened(ports, &mut invocation, &lake).await;
    let houses = houses(&housekeep.contracts, order.table.as_ref(), now_ms, &open);
    if let (true, Some(table)) = (houses.is_empty(), &order.table) {
        return Err(
            format!("no contract describes table {table}: name a table of one, or its quarantine table").into(),
        );
    }
    let left = Duration::from_millis(invocation.remaining_ms().saturating_sub(RESERVE_MS));
    let mut budget = Budget {
        deletes: MAX_DELETES,
        deadline: Instant::now() + left,
    };
    let trace = invocation.trace().map(String::from);
    let (mut sum, mut absent, mut whole, mut failed) = (Swept::default(), 0, 0, Vec::new());
    let mut all_swept = BTreeMap::new();
    let raw_failed = match order.table {
        None => keep_raw(housekeep, ports, &mut invocation).await,
        Some(_) => None,
    };
    for house in &houses {
        match one_table(ports, house, budget, now_ms, trace.as_deref()).await {
            Ok(Some(swept)) => {
                budget.deletes -= (swept.deleted as usize).min(budget.deletes);
                whole += usize::from(swept.is_whole);
                all_swept.insert(house.name.clone(), swept);
                report(&mut invocation, house, &swept);
                add(&mut sum, &swept);
            }
            Ok(None) => absent += 1,
            Err(error) => {
                let fields =
                    json!({"table": house.name.to_string(), "kind": error.kind.to_string(), "error": error.message});
                invocation.log(Level::Error, "table failed", fields);
                failed.push(house.name.to_string());
            }
        }
    }
    let gone = close(ports, &mut invocation, &lake, &open, &all_swept, now_ms).await?;
    let answer = json!({
        "tables": houses.len(), "absent": absent, "whole": whole, "failed": failed.len(),
        "listed": sum.listed, "reachable": sum.reachable, "orphaned": sum.orphaned, "young": sum.young,
        "deleted": sum.deleted, "deleted_bytes": sum.bytes, "erasures_open": open.len() - gone, "erasures_gone": gone,
    });
    let unfinished = houses.len() - absent - failed.len() - whole;
    invocation.metric("TablesUnfinished", Unit::Count, unfinished as f64);
    finish(invocation, &answer);
    failed.extend(raw_failed.into_iter().chain(open_failed));
    if failed.is_empty() {
        return Ok(answer);
    }
    Err(format!(
        "{}: see the log; what was deleted was not needed, and the next run goes on",
        failed.join(", ")
    )
    .into())
}

/// The erasures that are open, and what failed, if anything did.
async fn opened(ports: &Ports, invocation: &mut Invocation, lake: &LakeLocation) -> (Vec<Open>, Option<String>) {
    match erasures::open(&*ports.store, lake).await {
        Ok(open) => (open, None),
        Err(error) => {
            let fields = json!({"kind": error.kind.to_string(), "error": error.message});
            invocation.log(Level::Error, "records of erasures failed", fields);
            (Vec::new(), Some("the records of erasures".into()))
        }
    }
}

/// Says of which erasures nothing is left, and remembers it. How many these are.
async fn close(
    ports: &Ports,
    invocation: &mut Invocation,
    lake: &LakeLocation,
    open: &[Open],
    swept: &BTreeMap<TableName, Swept>,
    now_ms: i64,
) -> Result<usize, PortError> {
    let mut gone = 0;
    for open in open.iter().filter(|open| open.is_gone(swept)) {
        open.close(&*ports.store, lake, now_ms).await?;
        gone += 1;
        let Erased { request, dataset, .. } = &open.erased;
        let fields = json!({"table": dataset, "request": request, "since_ms": open.since_ms});
        invocation.log(Level::Info, "erased rows are gone", fields);
    }
    Ok(gone)
}

/// Makes what contracts say of raw objects rules of their bucket. What failed, if anything did.
async fn keep_raw(housekeep: &Housekeep, ports: &Ports, invocation: &mut Invocation) -> Option<String> {
    let (bucket, rules) = (&housekeep.config.raw_bucket, raw::rules(&housekeep.contracts));
    match ports.lifecycle.set(bucket, raw::OWN, &rules).await {
        Ok(is_new) => {
            if is_new {
                let fields = json!({"bucket": bucket, "rules": rules.len()});
                invocation.log(Level::Info, "raw bucket has other rules", fields);
            }
            None
        }
        Err(error) => {
            let fields = json!({"bucket": bucket, "kind": error.kind.to_string(), "error": error.message});
            invocation.log(Level::Error, "rules of the raw bucket failed", fields);
            Some(format!("the rules of {bucket}"))
        }
    }
}

/// The tables, those of the day first, so that one that takes all the time does not hold the others up for ever.
fn houses(contracts: &Contracts, only: Option<&TableName>, now_ms: i64, open: &[Open]) -> Vec<House> {
    let all = contracts.iter().flat_map(|dataset| {
        dataset.tables().map(move |table| {
            let remove = match table.zone {
                Zone::Quarantine => refused(dataset, now_ms),
                _ if table.name == dataset.table.name => rows(dataset, now_ms),
                _ => None,
            };
            house(
                dataset,
                table,
                remove,
                (now_ms, erasures::erased_before_ms(open, &table.name)),
            )
        })
    });
    let mut houses: Vec<House> = all
        .filter(|house| only.is_none_or(|only| *only == house.name))
        .collect();
    if !houses.is_empty() {
        let first = now_ms.div_euclid(DAY_MS).rem_euclid(houses.len() as i64);
        houses.rotate_left(first as usize);
    }
    houses
}

fn house(
    dataset: &Dataset,
    table: &TableSpec,
    remove: Option<Maintain>,
    (as_of_ms, erased_before_ms): (i64, Option<i64>),
) -> House {
    let expire = Maintain::ExpireSnapshots {
        as_of_ms,
        erased_before_ms,
    };
    House {
        name: table.name.clone(),
        searched: table.search_declaration(),
        erased_before_ms,
        contract: dataset.id.clone(),
        grace: Grace {
            metadata_ms: dataset.retention.orphans_ms,
            data_ms: dataset.retention.staged_ms,
        },
        maintain: std::iter::once(expire).chain(remove).collect(),
    }
}

fn rows(dataset: &Dataset, now_ms: i64) -> Option<Maintain> {
    let rows = dataset.retention.rows?;
    Some(Maintain::RemoveBefore {
        column: dataset.table.columns[rows.column].name.clone(),
        before_us: rows.age.before_us(now_ms),
    })
}

fn refused(dataset: &Dataset, now_ms: i64) -> Option<Maintain> {
    let age_ms = dataset.retention.quarantine_ms?;
    Some(Maintain::RemoveBefore {
        column: dataset.quarantine.columns[quarantine::column::SOURCE_TIME].name.clone(),
        before_us: Age::Ms(age_ms).before_us(now_ms),
    })
}

/// None: there is no such table yet.
async fn one_table(
    ports: &Ports,
    house: &House,
    budget: Budget,
    now_ms: i64,
    trace: Option<&str>,
) -> Result<Option<Swept>, PortError> {
    let name = &house.name;
    if ports.catalog.load(name.database(), name.table()).await?.is_none() {
        return Ok(None);
    }
    for maintain in &house.maintain {
        let request = MaintenanceRequest {
            table: name.clone(),
            contract: house.contract.clone(),
            maintain: maintain.clone(),
            trace: trace.map(String::from),
        };
        let body = serde_json::to_string(&request).expect("a request is JSON");
        ports.commits.send(body).await?;
    }
    let sweep_ports = sweep::Ports {
        store: &*ports.store,
        catalog: &*ports.catalog,
    };
    sweep(
        sweep_ports,
        Kept {
            table: name,
            searched: house.searched.as_deref(),
            erased_before_ms: house.erased_before_ms,
        },
        house.grace,
        budget,
        now_ms,
    )
    .await
}

fn add(sum: &mut Swept, swept: &Swept) {
    sum.listed += swept.listed;
    sum.reachable += swept.reachable;
    sum.orphaned += swept.orphaned;
    sum.young += swept.young;
    sum.deleted += swept.deleted;
    sum.bytes += swept.bytes;
}

fn report(invocation: &mut Invocation, house: &House, swept: &Swept) {
    let fields = json!({
        "table": house.name.to_string(), "listed": swept.listed, "reachable": swept.reachable, "orphaned": swept.orphaned,
        "young": swept.young, "deleted": swept.deleted, "deleted_bytes": swept.bytes, "whole": swept.is_whole,
    });
    invocation.log(Level::Info, "table", fields);
}

fn finish(mut invocation: Invocation, answer: &Value) {
    for (name, field, unit) in [
        ("Listed", "listed", Unit::Count),
        ("Orphaned", "orphaned", Unit::Count),
        ("Deleted", "deleted", Unit::Count),
        ("DeletedBytes", "deleted_bytes", Unit::Bytes),
        ("ErasuresOpen", "erasures_open", Unit::Count),
    ] {
        invocation.metric(name, unit, answer[field].as_f64().unwrap_or(0.0));
    }
    for (name, value) in answer.as_object().into_iter().flatten() {
        invocation.field(name, value.clone());
    }
    invocation.finish("housekept");
}

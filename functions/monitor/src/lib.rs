//! **monitor**: whether tables have the rows and are as fresh as their contracts promise.
//!
//! | | |
//! |---|---|
//! | Trigger | a schedule; by hand with `{"dataset": "id"}` for one dataset |
//! | Input | the contracts' expectations; of each dataset's table one state: catalog, metadata, bounds in the manifests |
//! | Output | metrics by dataset; `ExpectationFailed` and `ExpectationHeld` when what holds changes; OpenLineage events in the lake |
//! | Key | the dataset: what came of it lies in one object, swapped by its entity tag |
//! | Repeated run | finds that nothing changed, and tells nothing again |
//! | Failure in the middle | what was to be told stands in that object, and is told by the next run, under the same id |
//! | One dataset fails | the others are looked at, then the invocation fails, so that the alarm tells |
//! | Nothing was ever delivered | late, once the promised time is over since the dataset was first looked at |
//!
//! Sequence, a dataset at a time: tell what is left to be told ([`state`]), read ([`facts`]), decide ([`decide`]), write down, tell.

pub mod config;
pub mod decide;
pub mod facts;
pub mod state;

pub use config::Config;

use decide::{Decision, decide};
use futures::{StreamExt, stream};
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::{Value, json};
use state::State;
use std::sync::Arc;
use tokio::sync::OnceCell;
use watershed_aws_events::EventBridge;
use watershed_aws_glue::GlueCatalog;
use watershed_aws_s3::S3Store;
use watershed_contract::{Contracts, Dataset};
use watershed_lake::LakeLocation;
use watershed_ops::{Invocation, Level, Unit, now_ms};
use watershed_ports::{Catalog, EventBus, ObjectStore, PortError};

/// Name in logs and metrics.
pub const SERVICE: &str = "monitor";
/// Datasets that are looked at at the same time.
const MAX_CONCURRENT_LOOKS: usize = 8;

/// What the function needs of the outside.
#[derive(Clone)]
pub struct Ports {
    /// The lake.
    pub store: Arc<dyn ObjectStore>,
    /// Its tables.
    pub catalog: Arc<dyn Catalog>,
    /// Where it is told that expectations are broken, or hold again.
    pub bus: Arc<dyn EventBus>,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
}

/// The function's state across invocations.
pub struct Monitor {
    contracts: Contracts,
    lake: LakeLocation,
    config: Config,
    ports: OnceCell<Ports>,
}

impl Monitor {
    /// Clients are made on the first use.
    pub fn new(config: Config, contracts: Contracts) -> Self {
        Self {
            contracts,
            lake: LakeLocation::bucket(&config.lake_bucket),
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
                    bus: Arc::new(EventBridge::new(&aws, &self.config.event_bus)),
                    now_ms: Arc::new(now_ms),
                }
            })
            .await
    }
}

/// What the function is asked for. A schedule's event has other keys, and asks for every dataset.
#[derive(Debug, Deserialize)]
struct Order {
    dataset: Option<String>,
}

/// What came of a dataset.
struct Looked {
    decision: Decision,
    rows: u64,
    /// Broken expectations were told, or that they hold again.
    is_news: bool,
}

/// One invocation.
pub async fn handle(monitor: &Monitor, mut invocation: Invocation, event: Value) -> Result<Value, Error> {
    let order: Order = serde_json::from_value(event).map_err(|error| {
        format!("the event is not understood ({error}): write {{\"dataset\": \"id\"}}, or {{}} for every dataset")
    })?;
    let promising = monitor
        .contracts
        .iter()
        .filter(|dataset| !dataset.expectations.is_empty());
    let is_meant = |dataset: &&Arc<Dataset>| order.dataset.as_ref().is_none_or(|id| *id == dataset.id);
    let datasets: Vec<&Arc<Dataset>> = promising.filter(is_meant).collect();
    if let (true, Some(id)) = (datasets.is_empty(), &order.dataset) {
        return Err(format!("dataset {id} has no expectations: name one that has").into());
    }
    let ports = monitor.ports().await;
    let now_ms = (ports.now_ms)();
    let looks = datasets
        .iter()
        .map(|dataset| async move { (*dataset, look(monitor, ports, dataset, now_ms).await) });
    // In their order, so that a run is the same every time.
    let looked: Vec<_> = stream::iter(looks).buffered(MAX_CONCURRENT_LOOKS).collect().await;
    let (mut expectations, mut broken, mut failed) = (0, 0, Vec::new());
    for (dataset, looked) in looked {
        match looked {
            Ok(looked) => {
                expectations += looked.decision.findings.len();
                broken += looked.decision.failed().len();
                report(&mut invocation, dataset, &looked);
            }
            Err(error) => {
                let fields = json!({"dataset": dataset.id, "kind": error.kind.to_string(), "error": error.message});
                invocation.log(Level::Error, "dataset failed", fields);
                failed.push(dataset.id.clone());
            }
        }
    }
    let answer = json!({
        "datasets": datasets.len(), "expectations": expectations, "broken": broken, "failed": failed.len(),
    });
    invocation.metric("ExpectationsFailed", Unit::Count, broken as f64);
    invocation.field("expectations", expectations);
    invocation.finish("monitored");
    if failed.is_empty() {
        return Ok(answer);
    }
    Err(format!("{}: see the log; the others were looked at", failed.join(", ")).into())
}

async fn look(monitor: &Monitor, ports: &Ports, dataset: &Dataset, now_ms: i64) -> Result<Looked, PortError> {
    let mut kept = state::load(monitor, ports, dataset).await?;
    kept.tell(monitor, ports, dataset).await?;
    let before = kept.state.as_ref();
    let since_ms = before.map_or(now_ms, |state| state.since_ms);
    let known = before.map(|state| &state.facts);
    let facts = facts::facts(&*ports.store, &*ports.catalog, dataset, known).await?;
    let decision = decide(dataset, &facts, since_ms, now_ms);
    let rows = facts.rows;
    let next = State::after(before, dataset, facts, &decision, (since_ms, now_ms));
    let is_news = next.as_ref().is_some_and(|state| state.news.is_some());
    if let Some(next) = next {
        kept.put(ports, next).await?;
        kept.tell(monitor, ports, dataset).await?;
    }
    Ok(Looked {
        decision,
        rows,
        is_news,
    })
}

fn report(invocation: &mut Invocation, dataset: &Dataset, looked: &Looked) {
    let decision = &looked.decision;
    let failed = decision.failed();
    let mut metrics = vec![
        ("Rows", Unit::Count, looked.rows as f64),
        ("ExpectationsFailed", Unit::Count, failed.len() as f64),
    ];
    metrics.extend(
        decision
            .age_ms
            .map(|ms| ("FreshnessSeconds", Unit::Seconds, ms as f64 / 1e3)),
    );
    invocation.measure("expectations", ("dataset", &dataset.table.name.to_string()), &metrics);
    if looked.is_news {
        let fields = json!({"dataset": dataset.id, "table": dataset.table.name, "failed": failed});
        let level = if failed.is_empty() { Level::Info } else { Level::Warn };
        invocation.log(level, "expectations changed", fields);
    }
}

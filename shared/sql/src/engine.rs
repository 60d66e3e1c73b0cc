//! A query with its tables → rows, within limits.

use crate::{
    Input, Limits, Query, Reference, SqlError,
    error::Limit,
    pairs,
    reader::{Footers, Lake},
    table::Table,
    threads::{Pool, Task},
};
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use datafusion::{
    arrow::compute::cast,
    catalog::{
        CatalogProvider, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider, TableProvider,
        view::ViewTable,
    },
    common::{DFSchema, DataFusionError, TableReference},
    datasource::{object_store::ObjectStoreUrl, provider_as_source},
    execution::{
        SessionState, SessionStateBuilder, TaskContext,
        config::SessionConfig,
        context::SQLOptions,
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::{FairSpillPool, TrackConsumersPool},
        runtime_env::RuntimeEnvBuilder,
    },
    logical_expr::LogicalPlanBuilder,
    object_store::memory::InMemory,
    physical_plan::{ExecutionPlan, execute_stream},
};
use futures::StreamExt;
use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex},
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use watershed_ports::{ObjectStore, PortError};

/// What the engine calls the store of the tables' files. It never asks that for a byte: files are read through our port.
pub(crate) const LAKE: &str = "lake://tables";
/// The engine's name for all databases together.
const CATALOG: &str = "lake";
/// Batches that wait for whoever takes the rows.
const MAX_WAITING_BATCHES: usize = 2;
/// Of those who hold memory when there is no more, the largest are told.
const TOLD_CONSUMERS: NonZeroUsize = NonZeroUsize::new(3).expect("three is not zero");

/// What runs queries, one after the other or several at once: each has all of the limits for itself.
pub struct Engine {
    store: Arc<dyn ObjectStore>,
    limits: Limits,
    template: SessionState,
    footers: Arc<Mutex<Footers>>,
    pool: Pool,
}

fn config(limits: &Limits) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(limits.threads.get())
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, "")
        .with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.collect_spans = true;
    // 0.05 is what it says, and not the double next to it.
    options.sql_parser.parse_float_as_decimal = true;
    config
}

impl Engine {
    /// Over the files of that store. A fault: the machine gives no threads.
    pub fn new(store: Arc<dyn ObjectStore>, limits: Limits) -> Result<Self, PortError> {
        let template = SessionStateBuilder::new()
            .with_default_features()
            .with_config(config(&limits))
            .build();
        Ok(Self {
            store,
            pool: Pool::new(limits.threads)?,
            limits,
            template,
            footers: Arc::default(),
        })
    }

    /// The engine's state for one query, which knows these tables.
    fn session(&self, inputs: &BTreeMap<Reference, Input>, lake: &Arc<Lake>) -> Result<SessionState, DataFusionError> {
        let disk = match self.limits.disk_bytes {
            0 => DiskManagerMode::Disabled,
            _ => DiskManagerMode::Directories(vec![self.limits.scratch.clone()]),
        };
        let disk = DiskManagerBuilder::default()
            .with_mode(disk)
            .with_max_temp_directory_size(self.limits.disk_bytes);
        let pool = TrackConsumersPool::new(FairSpillPool::new(self.limits.memory_bytes), TOLD_CONSUMERS);
        let environment = RuntimeEnvBuilder::new()
            .with_disk_manager_builder(disk)
            .with_memory_pool(Arc::new(pool))
            .build_arc()?;
        let nothing = Arc::new(InMemory::new());
        environment.register_object_store(ObjectStoreUrl::parse(LAKE)?.as_ref(), nothing);
        let state = SessionStateBuilder::new_from_existing(self.template.clone())
            .with_runtime_env(environment)
            .with_catalog_list(Arc::new(MemoryCatalogProviderList::new()))
            .build();
        let catalog = MemoryCatalogProvider::new();
        for (reference, input) in inputs {
            let database = reference.name.database();
            if catalog.schema(database).is_none() {
                catalog.register_schema(database, Arc::new(MemorySchemaProvider::new()))?;
            }
            let table = Arc::new(Table::new(reference.name.clone(), input, Arc::clone(lake)));
            let table = filtered(&state, table, input.filter.as_deref())?;
            let schema = catalog.schema(database).expect("it was registered");
            schema.register_table(reference.alias(), table)?;
        }
        state.catalog_list().register_catalog(CATALOG.into(), Arc::new(catalog));
        Ok(state)
    }

    /// Plans a query over these tables: one for each that it names. What it gives is all of one state of each table.
    ///
    /// Errors: of its tables and columns, and of joins that would never end.
    pub async fn plan(&self, query: &Query, inputs: &BTreeMap<Reference, Input>) -> Result<Planned, SqlError> {
        let deadline = Instant::now() + self.limits.time;
        let lake = Arc::new(Lake::new(
            Arc::clone(&self.store),
            Arc::clone(&self.footers),
            self.limits.scan_bytes,
        ));
        let state = self.session(inputs, &lake)?;
        let statement = query.statement.clone();
        let mut plan = self.pool.spawn(async move {
            let plan = state.statement_to_plan(statement).await?;
            SQLOptions::new()
                .with_allow_ddl(false)
                .with_allow_dml(false)
                .with_allow_statements(false)
                .verify_plan(&plan)?;
            let plan = state.create_physical_plan(&plan).await?;
            Ok::<_, DataFusionError>((plan, state.task_ctx()))
        })?;
        let (plan, context) = within(self.limits.time, deadline, plan.handle()).await??;
        pairs::check(&plan)?;
        Ok(Planned {
            schema: plain_schema(&plan.schema()),
            plan,
            context,
            deadline,
            lake,
        })
    }

    /// Begins what was planned. Errors: it reads more than it may. What its rows run into, [`Answer::next`] says.
    pub fn begin(&self, planned: Planned) -> Result<Answer, SqlError> {
        let Planned {
            schema,
            plan,
            context,
            deadline,
            lake,
        } = planned;
        if lake.planned() > lake.max_bytes {
            return Err(lake.too_much(lake.planned()));
        }
        let (sender, batches) = mpsc::channel(MAX_WAITING_BATCHES);
        let task = self.pool.spawn(send(plan, context, sender))?;
        Ok(Answer {
            schema,
            batches,
            deadline,
            time: self.limits.time,
            task,
            lake,
        })
    }

    /// Plans a query, and begins it.
    pub async fn run(&self, query: &Query, inputs: &BTreeMap<Reference, Input>) -> Result<Answer, SqlError> {
        self.begin(self.plan(query, inputs).await?)
    }
}

/// A query that could begin.
pub struct Planned {
    schema: SchemaRef,
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    deadline: Instant,
    lake: Arc<Lake>,
}

impl Planned {
    /// The columns that it gives. Texts are `Utf8`, bytes `Binary`.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Bytes of data files that it will read, as far as the manifests say.
    pub fn bytes(&self) -> u64 {
        self.lake.planned()
    }

    /// Whether that is more than a query may.
    pub fn is_too_large(&self) -> bool {
        self.lake.planned() > self.lake.max_bytes
    }
}

async fn send(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    sender: mpsc::Sender<Result<Option<RecordBatch>, DataFusionError>>,
) {
    let sent = match execute_stream(plan, context) {
        Err(error) => Err(error),
        Ok(mut batches) => loop {
            match batches.next().await {
                None => break Ok(None),
                Some(Err(error)) => break Err(error),
                Some(Ok(batch)) => {
                    if sender.send(Ok(Some(batch))).await.is_err() {
                        // Nobody waits for the rest.
                        return;
                    }
                }
            }
        },
    };
    // Nobody waits for the end.
    drop(sender.send(sent).await);
}

/// The table with the rows for which the filter is true only.
fn filtered(
    state: &SessionState,
    table: Arc<Table>,
    filter: Option<&str>,
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let Some(filter) = filter else {
        return Ok(table);
    };
    let name = TableReference::bare(table.name.table());
    let schema = DFSchema::try_from_qualified_schema(name.clone(), &table.schema())?;
    let filter = state.create_logical_expr(filter, &schema)?;
    let plan = LogicalPlanBuilder::scan(name, provider_as_source(table), None)?.filter(filter)?;
    Ok(Arc::new(ViewTable::new(plan.build()?, None)))
}

fn timed_out(time: std::time::Duration) -> SqlError {
    SqlError::Limit(
        Limit::Time,
        format!(
            "it takes longer than {} s: ask for fewer rows, by WHERE, or for what was aggregated before",
            time.as_secs()
        ),
    )
}

fn broken_off() -> SqlError {
    SqlError::Failed("the engine broke off: write the query another way".into())
}

async fn within<T>(time: std::time::Duration, deadline: Instant, task: &mut JoinHandle<T>) -> Result<T, SqlError> {
    let done = timeout_at(deadline, task).await;
    done.map_err(|_| timed_out(time))?.map_err(|_| broken_off())
}

/// The rows of an answer as they come.
pub struct Answer {
    schema: SchemaRef,
    batches: mpsc::Receiver<Result<Option<RecordBatch>, DataFusionError>>,
    deadline: Instant,
    time: std::time::Duration,
    #[expect(dead_code, reason = "stops the query where the answer is dropped")]
    task: Task<()>,
    lake: Arc<Lake>,
}

impl Answer {
    /// Its columns. Texts are `Utf8`, bytes `Binary`.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next rows; none: that were all. Errors: what they ran into; then there are no more.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, SqlError> {
        let next = timeout_at(self.deadline, self.batches.recv()).await;
        match next.map_err(|_| timed_out(self.time))? {
            None => Err(broken_off()),
            Some(Ok(None)) => Ok(None),
            Some(Ok(Some(batch))) => plain(&batch, &self.schema)
                .map(Some)
                .map_err(|error| SqlError::Failed(error.to_string())),
            Some(Err(error)) => Err(self.lake.failure().unwrap_or_else(|| error.into())),
        }
    }

    /// Bytes that were read of data files until now.
    pub fn bytes_read(&self) -> u64 {
        self.lake.bytes_read()
    }
}

fn plain_type(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, values) => plain_type(values),
        other => other.clone(),
    }
}

fn plain_schema(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter();
    let fields = fields.map(|field| Field::new(field.name(), plain_type(field.data_type()), field.is_nullable()));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn plain(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| {
        if column.data_type() == field.data_type() {
            return Ok(Arc::clone(column));
        }
        cast(column, field.data_type())
    });
    let rows = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect::<Result<_, _>>()?, &rows)
}

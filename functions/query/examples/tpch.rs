//! TPC-H through the API: the whole function over a lake in a folder.
//!
//! ```text
//! cargo run --release --example tpch -- load PARQUET_DIR LAKE_DIR      # lineitem, orders, customer: once
//! cargo run --release --example tpch -- ask LAKE_DIR RUNS q1 q3 q6     # RUNS=1: a cold process, else medians of warm ones
//! ```
//! Prints the wall clock and the processor time of each query, and its rows. `THREADS` is how many the engine has (1). Two gigabytes of memory are
//! needed to load; to ask, what the query needs.

use arrow_array::RecordBatch;
use async_trait::async_trait;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    error::Error,
    fs::{self, File},
    num::NonZeroUsize,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use watershed_contract::Contracts;
use watershed_ops::Invocation;
use watershed_ports::{
    ByteStream, Catalog, CatalogEntry, CatalogTable, Listed, ObjectId, ObjectMeta, ObjectStore, PortError,
};
use watershed_query::{Api, Config, Ports, handle};
use watershed_sql::Limits;
use watershed_test_lake::TestLake;

type Failure = Box<dyn Error + Send + Sync>;

const CONTRACT: &str = include_str!("tpch.odcs.yaml");
/// Which table lies under which metadata.
const CATALOG: &str = "catalog.json";
/// The Transaction Processing Performance Council's benchmark H, revision 3, as `shared/bench/query.py` asks it of the peers.
const QUERIES: [(&str, &str); 3] = [
    (
        "q1",
        "select l_returnflag, l_linestatus, sum(l_quantity) as sum_qty, sum(l_extendedprice) as sum_base, \
         sum(l_extendedprice * (1 - l_discount)) as sum_disc, sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as sum_charge, \
         avg(l_quantity) as avg_qty, avg(l_extendedprice) as avg_price, avg(l_discount) as avg_disc, count(*) as n \
         from tpch.lineitem where l_shipdate <= date '1998-09-02' group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus",
    ),
    (
        "q3",
        "select l_orderkey, sum(l_extendedprice * (1 - l_discount)) as revenue, o_orderdate, o_shippriority \
         from tpch.customer join tpch.orders on c_custkey = o_custkey join tpch.lineitem on l_orderkey = o_orderkey \
         where c_mktsegment = 'BUILDING' and o_orderdate < date '1995-03-15' and l_shipdate > date '1995-03-15' \
         group by l_orderkey, o_orderdate, o_shippriority order by revenue desc, o_orderdate limit 10",
    ),
    (
        "q6",
        "select sum(l_extendedprice * l_discount) as revenue from tpch.lineitem where l_shipdate >= date '1994-01-01' \
         and l_shipdate < date '1995-01-01' and l_discount between 0.05 and 0.07 and l_quantity < 24",
    ),
];

fn main() -> Result<(), Failure> {
    let begun = Instant::now();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments[..] {
        ["load", from, to] => runtime.block_on(load(Path::new(from), Path::new(to))),
        ["ask", lake, runs, ref queries @ ..] => runtime.block_on(ask(begun, Path::new(lake), runs.parse()?, queries)),
        _ => Err("load PARQUET_DIR LAKE_DIR, or ask LAKE_DIR RUNS QUERY…".into()),
    }
}

async fn load(from: &Path, to: &Path) -> Result<(), Failure> {
    let contracts = Contracts::parse([("tpch", CONTRACT)])?;
    let lake = TestLake::default();
    for dataset in contracts.iter() {
        let spec = &dataset.table;
        let file = File::open(from.join(format!("{}.parquet", spec.name.table())))?;
        let rows = ParquetRecordBatchReaderBuilder::try_new(file)?
            .with_batch_size(1 << 17)
            .build()?;
        let schema = watershed_sink::arrow_schema(spec);
        let cast = |batch: RecordBatch| -> Result<RecordBatch, Failure> {
            let columns = batch.columns().iter().zip(schema.fields());
            let columns = columns.map(|(column, field)| arrow_cast::cast(column, field.data_type()));
            Ok(RecordBatch::try_new(
                Arc::clone(&schema),
                columns.collect::<Result<_, _>>()?,
            )?)
        };
        let batches = rows.map(|batch| cast(batch?)).collect::<Result<Vec<_>, Failure>>()?;
        lake.put_batches(spec, spec.name.table(), 1, batches).await;
        println!("{}", spec.name);
    }
    for (key, bytes) in lake.store.snapshot() {
        let path = to.join(key);
        fs::create_dir_all(path.parent().ok_or("a key has a folder")?)?;
        fs::write(path, bytes)?;
    }
    let tables = lake.catalog.snapshot().into_iter();
    let tables: BTreeMap<String, String> = tables.map(|(name, entry)| (name, entry.metadata_location)).collect();
    fs::write(to.join(CATALOG), serde_json::to_vec(&tables)?)?;
    Ok(())
}

async fn ask(begun: Instant, lake: &Path, runs: usize, queries: &[&str]) -> Result<(), Failure> {
    let folder = Folder(lake.into());
    let tables = serde_json::from_slice(&fs::read(lake.join(CATALOG))?)?;
    let ports = Ports {
        store: Arc::new(folder),
        catalog: Arc::new(Tables(tables)),
        queries: None,
    };
    let threads = std::env::var("THREADS").ok().and_then(|number| number.parse().ok());
    let config = Config {
        contracts: PathBuf::new(),
        lake_bucket: String::new(),
        athena_workgroup: None,
        limits: Limits {
            memory_bytes: 1 << 30,
            scan_bytes: 4 << 30,
            time: Duration::from_secs(25),
            disk_bytes: 0,
            scratch: std::env::temp_dir(),
            threads: threads.unwrap_or(NonZeroUsize::MIN),
        },
        rows: 100_000,
        index_bytes: 0,
        personal_callers: Vec::new(),
        personal_scope: String::new(),
    };
    let api = Api::with_ports(config, Contracts::parse([("tpch", CONTRACT)])?, ports)?;
    for (name, sql) in QUERIES.iter().filter(|(name, _)| queries.contains(name)) {
        let (mut walls, mut processors, mut rows) = (Vec::new(), Vec::new(), Value::Null);
        for run in 0..runs + usize::from(runs > 1) {
            let (wall, processor) = (Instant::now(), processor_ms()?);
            rows = answer(&api, sql).await?;
            // The first of several is cold.
            if run > 0 || runs == 1 {
                walls.push(wall.elapsed().as_secs_f64() * 1e3);
                processors.push(processor_ms()? - processor);
            }
        }
        let since = begun.elapsed().as_millis();
        println!(
            "{name} wall {:.0} ms cpu {:.0} ms, {since} ms after the process began: {rows}",
            median(walls),
            median(processors)
        );
    }
    Ok(())
}

async fn answer(api: &Api, sql: &str) -> Result<Value, Failure> {
    let event = json!({"rawPath": "/query", "headers": {"content-type": "text/plain"}, "body": sql, "requestContext": {"http": {"method": "POST"}}});
    let deadline = SystemTime::now() + Duration::from_secs(60);
    let invocation = Invocation::begin("query", "example", "r", None, deadline, Box::new(std::io::sink()));
    let response = handle(api, invocation, event).await;
    if response.status_code != 200 {
        return Err(response.body.into());
    }
    let mut answer: Value = serde_json::from_str(&response.body)?;
    Ok(answer["rows"].take())
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Milliseconds of a tick of the kernel's clock, which it tells processor time in (proc(5), "/proc/pid/stat").
const TICK_MS: f64 = 10.0;

/// Of all threads, those that have ended among them.
fn processor_ms() -> Result<f64, Failure> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = text.rsplit_once(')').ok_or("the name stands in brackets")?;
    // The 14th and the 15th: user and system.
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()? as f64 * TICK_MS)
}

/// Objects as files.
struct Folder(PathBuf);

fn unasked<T>() -> Result<T, PortError> {
    Err(PortError::fault("a query only reads"))
}

#[async_trait]
impl ObjectStore for Folder {
    async fn open(&self, _: &ObjectId, _: u64) -> Result<(ObjectMeta, ByteStream), PortError> {
        unasked()
    }

    async fn read_range(&self, id: &ObjectId, start: u64, end: u64) -> Result<Bytes, PortError> {
        let read = || -> std::io::Result<Bytes> {
            let file = File::open(self.0.join(&id.bucket).join(&id.key))?;
            let end = end.min(file.metadata()?.len());
            let mut bytes = vec![0; end.saturating_sub(start) as usize];
            file.read_exact_at(&mut bytes, start)?;
            Ok(bytes.into())
        };
        read().map_err(|error| PortError::rejected(error.to_string()))
    }

    async fn read(&self, id: &ObjectId) -> Result<Bytes, PortError> {
        self.read_range(id, 0, u64::MAX).await
    }

    async fn put(&self, _: &str, _: &str, _: Bytes) -> Result<(), PortError> {
        unasked()
    }

    async fn put_if(&self, _: &str, _: &str, _: Bytes, _: Option<&str>) -> Result<String, PortError> {
        unasked()
    }

    async fn put_file(&self, _: &str, _: &str, _: &Path) -> Result<(), PortError> {
        unasked()
    }

    async fn list(&self, _: &str, _: &str, _: Option<&str>) -> Result<Vec<Listed>, PortError> {
        unasked()
    }

    async fn delete(&self, _: &str, _: &str) -> Result<(), PortError> {
        unasked()
    }
}

/// Where the metadata of each table lies.
struct Tables(BTreeMap<String, String>);

#[async_trait]
impl Catalog for Tables {
    async fn load(&self, database: &str, table: &str) -> Result<Option<CatalogEntry>, PortError> {
        let location = self.0.get(&format!("{database}.{table}"));
        Ok(location.map(|location| CatalogEntry {
            metadata_location: location.clone(),
            version: String::new(),
            parameters: BTreeMap::new(),
        }))
    }

    async fn create(&self, _: &CatalogTable) -> Result<(), PortError> {
        unasked()
    }

    async fn swap(&self, _: &CatalogEntry, _: &CatalogTable) -> Result<(), PortError> {
        unasked()
    }
}

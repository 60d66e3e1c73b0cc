//! A lake in memory with tables of real Parquet files, and the engine over it.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use arrow_array::RecordBatch;
use datafusion::arrow::util::pretty::pretty_format_batches;
use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};
use watershed_lake::{Column, ColumnType, PartitionField, TableSpec, Transform, layout::Zone};
use watershed_ports::memory::MemoryStore;
use watershed_sql::{Engine, Input, Limits, Query, Reference, Snapshot, SqlError};
use watershed_table::current::Current;
use watershed_test_lake::TestLake;

#[derive(Default)]
pub struct World {
    pub lake: TestLake,
    pub hidden: BTreeSet<String>,
    pub filter: Option<String>,
}

/// A table of columns `name type`; the first is what it is partitioned by, where a transform is given.
pub fn spec(table: &str, columns: &[(&str, &str)], transform: Option<Transform>) -> TableSpec {
    let column = |(id, (name, kind)): (i32, &(&str, &str))| {
        let kind: ColumnType = kind.parse().unwrap();
        Column::plain(id, name, kind, false, "")
    };
    TableSpec {
        name: format!("shop.{table}").parse().unwrap(),
        zone: Zone::Preprocessed,
        columns: (1..).zip(columns).map(column).collect(),
        partition: transform
            .map(|transform| PartitionField {
                column: 0,
                transform,
                name: "part".into(),
            })
            .into_iter()
            .collect(),
        sort: Vec::new(),
        doc: None,
        properties: BTreeMap::new(),
    }
}

pub fn limits() -> Limits {
    Limits {
        memory_bytes: 64 << 20,
        scan_bytes: 64 << 20,
        time: Duration::from_secs(20),
        disk_bytes: 0,
        scratch: std::env::temp_dir(),
        threads: NonZeroUsize::new(2).unwrap(),
    }
}

impl World {
    async fn input(&self, reference: &Reference) -> Result<Input, SqlError> {
        let current = Current::load(&*self.lake.store, &*self.lake.catalog, &reference.name).await?;
        let current = current.ok_or_else(|| SqlError::invalid(format!("no {}", reference.name)))?;
        let current = match reference.as_of_ms {
            Some(ms) => current.as_of(ms).ok_or_else(|| SqlError::invalid("nothing yet"))?,
            None => current,
        };
        Ok(Input {
            hidden: self.hidden.clone(),
            filter: self.filter.clone(),
            ..Input::whole(Arc::new(Snapshot::load(&*self.lake.store, &current).await?))
        })
    }

    pub fn engine(&self, limits: Limits) -> Engine {
        Engine::new(Arc::<MemoryStore>::clone(&self.lake.store), limits).unwrap()
    }

    /// The rows of an answer as a table of text, and bytes read.
    pub async fn ask_of(&self, engine: &Engine, sql: &str) -> Result<(Vec<RecordBatch>, u64), SqlError> {
        let query = Query::parse(sql)?;
        let mut inputs = BTreeMap::new();
        for table in &query.tables {
            inputs.insert(table.clone(), self.input(table).await?);
        }
        let mut answer = engine.run(&query, &inputs).await?;
        let mut batches = Vec::new();
        while let Some(batch) = answer.next().await? {
            assert_eq!(batch.schema(), *answer.schema());
            batches.push(batch);
        }
        Ok((batches, answer.bytes_read()))
    }

    /// Rows as text, between bars.
    pub async fn ask(&self, sql: &str) -> Result<Vec<String>, SqlError> {
        let (batches, _) = self.ask_of(&self.engine(limits()), sql).await?;
        Ok(shown(&batches))
    }
}

/// Rows as `a|b`.
pub fn shown(batches: &[RecordBatch]) -> Vec<String> {
    let table = pretty_format_batches(batches).unwrap().to_string();
    let lines = table.lines().filter(|line| line.starts_with('|')).skip(1);
    let cells = |line: &str| {
        line.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_string())
            .collect::<Vec<_>>()
            .join("|")
    };
    lines.map(cells).collect()
}

//! The queries beside the contracts that are shipped fit them: told without a row.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};
use watershed_aggregate::{SqlBounds, fit::Fit, sql};
use watershed_contract::Contracts;
use watershed_ports::memory::MemoryStore;
use watershed_sql::{Input, Query, Reference, Snapshot};

#[tokio::test]
async fn every_shipped_query_gives_the_columns_of_its_contract() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/contracts");
    let contracts = Contracts::load(&folder).unwrap_or_else(|errors| panic!("{errors}"));
    let scratch = tempfile::tempdir().unwrap();
    let bounds = SqlBounds {
        memory_bytes: 16 << 20,
        spill_bytes: 0,
        scan_bytes: 0,
        time: Duration::from_secs(60),
    };
    let engine = sql::engine(Arc::new(MemoryStore::default()), &bounds, scratch.path()).unwrap();
    let mut found = 0;
    for dataset in contracts.iter() {
        let Some(aggregation) = &dataset.aggregation else {
            continue;
        };
        let input = |name| {
            let spec = contracts
                .by_table(name)
                .and_then(|dataset| dataset.table_of(name))
                .unwrap();
            let empty = Snapshot {
                columns: spec.columns.clone(),
                files: Vec::new(),
            };
            let reference = Reference {
                name: name.clone(),
                as_of_ms: None,
            };
            (reference, Input::whole(Arc::new(empty)))
        };
        let inputs: BTreeMap<Reference, Input> = aggregation.inputs.iter().map(|it| input(&it.table)).collect();
        let query = Query::parse(&aggregation.sql).unwrap_or_else(|error| panic!("{}: {error}", aggregation.file));
        let answer = engine.run(&query, &inputs).await;
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", aggregation.file));
        Fit::of(answer.schema(), &dataset.table).unwrap_or_else(|what| panic!("{}: {what}", aggregation.file));
        found += 1;
    }
    assert!(found > 0);
}

//! A lake with people in it, an API over it, and an Athena in memory.

use bytes::Bytes;
use serde_json::{Value, json};
use std::{
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, SystemTime},
};
use watershed_contract::Contracts;
use watershed_ops::Invocation;
use watershed_ports::{ResultColumn, memory::MemoryQueries};
use watershed_query::{Api, Config, Ports, handle, http::Response};
use watershed_sql::Limits;
use watershed_test_lake::{BUCKET, TestLake};

pub const CONTRACT: &str = include_str!("../people.odcs.yaml");
pub const ASK: &str = "SELECT id, spent FROM test.people ORDER BY id";
pub const DOCTOR: &str = "arn:aws:sts::1:assumed-role/doctor/ann";
pub const NURSE: &str = "arn:aws:sts::1:assumed-role/nurse/bob";

/// When requests come, if they do not say otherwise.
pub const NOW_MS: u64 = 1_700_000_000_000;

pub struct World {
    pub lake: TestLake,
    pub queries: Arc<MemoryQueries>,
    api: Api,
}

fn config(scan_bytes: u64) -> Config {
    Config {
        contracts: ".".into(),
        lake_bucket: BUCKET.into(),
        athena_workgroup: None,
        limits: Limits {
            memory_bytes: 64 << 20,
            scan_bytes,
            time: Duration::from_secs(20),
            disk_bytes: 0,
            scratch: std::env::temp_dir(),
            threads: NonZeroUsize::MIN,
        },
        rows: 50,
        index_bytes: 0,
        personal_callers: vec!["arn:aws:sts::1:assumed-role/doctor/*".into()],
        personal_scope: "watershed/personal".into(),
    }
}

impl World {
    /// In which a query of more than `scan_bytes` is too large.
    pub async fn new(scan_bytes: u64) -> Self {
        let lake = TestLake::default();
        let queries = Arc::new(MemoryQueries::new(lake.faults.clone()));
        let contracts = Contracts::parse([("c", CONTRACT)]).unwrap_or_else(|errors| panic!("{errors}"));
        let people = contracts.by_id("people").unwrap().table.clone();
        let rows: &[&[&str]] = &[&["1", "Ada", "12.50"], &["2", "Bob", "null"], &["3", "Cyd", "3.00"]];
        lake.put(&people, "a", 1, rows).await;
        let ports = Ports {
            store: lake.store.clone(),
            catalog: lake.catalog.clone(),
            queries: Some(queries.clone()),
        };
        let api = Api::with_ports(config(scan_bytes), contracts, ports).unwrap();
        lake.faults.clear();
        Self { lake, queries, api }
    }

    pub async fn send(&self, method: &str, path: &str, arn: &str, more: Value) -> Response {
        let mut event = json!({
            "rawPath": path,
            "requestContext": {
                "http": {"method": method}, "timeEpoch": NOW_MS, "authorizer": {"iam": {"userArn": arn}},
            },
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let deadline = SystemTime::now() + Duration::from_secs(60);
        let invocation = Invocation::begin("query", "dev", "r", None, deadline, Box::new(std::io::sink()));
        handle(&self.api, invocation, event).await
    }

    pub async fn post(&self, sql: &str, arn: &str, headers: Value) -> Response {
        let body = json!({"sql": sql}).to_string();
        self.send("POST", "/query", arn, json!({"body": body, "headers": headers}))
            .await
    }

    /// Begins a query for a caller of no rights, and gives its path.
    pub async fn begin(&self, sql: &str) -> String {
        let response = self.post(sql, NURSE, json!({"prefer": "respond-async"})).await;
        assert_eq!(response.status_code, 202, "{}", response.body);
        response.headers["location"].clone()
    }

    pub async fn get(&self, path: &str, arn: &str) -> Response {
        self.send("GET", path, arn, json!({})).await
    }

    /// What was written down of queries, by key.
    pub fn written(&self) -> Vec<(String, Bytes)> {
        let objects = self.lake.store.snapshot().into_iter();
        objects.filter(|(key, _)| key.contains("/queries/")).collect()
    }

    pub fn succeed(&self, nth: usize, rows: usize) {
        let column = |name: &str, kind: &str, precision, scale| ResultColumn {
            name: name.into(),
            kind: kind.into(),
            precision,
            scale,
        };
        let columns = vec![column("id", "bigint", 19, 0), column("_col1", "decimal", 9, 2)];
        let row = |id: usize| vec![Some(id.to_string()), (id % 2 == 1).then(|| format!("{id}.50"))];
        self.queries.succeed(nth, columns, (1..=rows).map(row).collect());
    }
}

pub fn body(response: &Response) -> Value {
    serde_json::from_str(&response.body).unwrap_or_else(|error| panic!("{error}: {}", response.body))
}

//! The API as its callers see it.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use serde_json::{Value, json};
use std::{
    num::NonZeroUsize,
    time::{Duration, SystemTime},
};
use watershed_contract::Contracts;
use watershed_ops::Invocation;
use watershed_ports::{Kind, faults::Fault};
use watershed_query::{Api, Config, OPENAPI, Ports, handle, http::Response};
use watershed_sql::Limits;
use watershed_test_lake::TestLake;

const CONTRACT: &str = include_str!("people.odcs.yaml");

struct World {
    lake: TestLake,
    api: Api,
}

fn config() -> Config {
    Config {
        contracts: ".".into(),
        lake_bucket: watershed_test_lake::BUCKET.into(),
        athena_workgroup: None,
        limits: Limits {
            memory_bytes: 64 << 20,
            scan_bytes: 64 << 20,
            time: Duration::from_secs(20),
            disk_bytes: 0,
            scratch: std::env::temp_dir(),
            threads: NonZeroUsize::MIN,
        },
        rows: 50,
        index_bytes: 64 << 20,
        personal_callers: vec!["arn:aws:sts::1:assumed-role/doctor/*".into()],
        personal_scope: "watershed/personal".into(),
    }
}

impl World {
    async fn new() -> Self {
        let lake = TestLake::default();
        let contracts = Contracts::parse([("c", CONTRACT)]).unwrap_or_else(|errors| panic!("{errors}"));
        let people = contracts.by_id("people").unwrap().table.clone();
        let rows: &[&[&str]] = &[
            &["1", "Ada", "12.50"],
            &["2", "Bob", "null"],
            &["3", "Cyd \"x\", y", "3.00"],
        ];
        lake.put(&people, "a", 1, rows).await;
        let ports = Ports {
            store: lake.store.clone(),
            catalog: lake.catalog.clone(),
            queries: None,
        };
        Self {
            api: Api::with_ports(config(), contracts, ports).unwrap(),
            lake,
        }
    }

    async fn send(&self, mut event: Value) -> Response {
        let method = event["method"].take();
        event["requestContext"]["http"]["method"] = method;
        let deadline = SystemTime::now() + Duration::from_secs(60);
        let invocation = Invocation::begin("query", "dev", "r", None, deadline, Box::new(std::io::sink()));
        handle(&self.api, invocation, event).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.send(json!({"method": "GET", "rawPath": path})).await;
        (response.status_code, serde_json::from_str(&response.body).unwrap())
    }

    async fn ask_with(&self, sql: &str, headers: Value, authorizer: Value) -> Response {
        let body = json!({"sql": sql}).to_string();
        let context = json!({"authorizer": authorizer});
        self.send(
            json!({"method": "POST", "rawPath": "/query", "body": body, "headers": headers, "requestContext": context}),
        )
        .await
    }

    async fn ask(&self, sql: &str) -> (u16, Value) {
        let response = self.ask_with(sql, json!({}), Value::Null).await;
        (response.status_code, serde_json::from_str(&response.body).unwrap())
    }
}

#[tokio::test]
async fn rows_are_answered_as_json_csv_and_arrow() {
    let world = World::new().await;
    let sql = "SELECT id, spent FROM test.people WHERE id < 3 ORDER BY id";
    let (status, answer) = world.ask(sql).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer["rows"],
        json!([{"id": 1, "spent": 12.50}, {"id": 2, "spent": null}])
    );
    assert_eq!(
        answer["columns"][1],
        json!({"name": "spent", "type": "Decimal128(9, 2)"})
    );
    assert_eq!(answer["tables"][0]["table"], "test.people");
    assert!(answer["bytesRead"].as_u64().unwrap() > 0);

    let csv = world.ask_with(sql, json!({"accept": "text/csv"}), Value::Null).await;
    assert_eq!((csv.status_code, &*csv.body), (200, "id,spent\n1,12.50\n2,\n"));
    let arrow = world
        .ask_with(
            sql,
            json!({"accept": "application/vnd.apache.arrow.stream"}),
            Value::Null,
        )
        .await;
    assert!(arrow.is_base64_encoded);
    let bytes = base64_simd::STANDARD.decode_to_vec(&arrow.body).unwrap();
    let read = arrow_ipc::reader::StreamReader::try_new(std::io::Cursor::new(bytes), None).unwrap();
    let rows: usize = read.map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 2);

    for accept in ["text/csv", "application/json", "application/vnd.apache.arrow.stream"] {
        let none = world
            .ask_with(
                "SELECT id FROM test.people WHERE false",
                json!({"accept": accept}),
                Value::Null,
            )
            .await;
        assert_eq!(none.status_code, 200, "{accept}");
    }
}

#[tokio::test]
async fn personal_columns_are_there_for_those_who_may_see_them() {
    let world = World::new().await;
    let named = "SELECT name FROM test.people ORDER BY id LIMIT 1";
    let (status, problem) = world.ask(named).await;
    assert_eq!(status, 403, "{problem}");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("column name of test.people is personal")
    );
    let (_, all) = world.ask("SELECT * FROM test.people WHERE id = 1").await;
    assert_eq!(all["rows"], json!([{"id": 1, "spent": 12.50}]));
    for allowed in [
        json!({"iam": {"userArn": "arn:aws:sts::1:assumed-role/doctor/ann"}}),
        json!({"jwt": {"scopes": ["other", "watershed/personal"]}}),
        json!({"jwt": {"scopes": null, "claims": {"scope": "watershed/personal x"}}}),
    ] {
        let response = world.ask_with(named, json!({}), allowed).await;
        assert!(response.body.contains("Ada"), "{}", response.body);
    }
    for refused in [
        json!({"iam": {"userArn": "arn:aws:sts::1:assumed-role/nurse/doctor"}}),
        json!({"jwt": {"scopes": ["watershed/personal2"], "claims": {"scope": "x"}}}),
    ] {
        assert_eq!(world.ask_with(named, json!({}), refused).await.status_code, 403);
    }
    let (_, dataset) = world.get("/datasets/people").await;
    let readable: Vec<_> = dataset["tables"][0]["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["readable"].clone())
        .collect();
    assert_eq!(readable, [true, false, true]);
}

#[tokio::test]
async fn datasets_are_described() {
    let world = World::new().await;
    let (status, all) = world.get("/datasets").await;
    assert_eq!((status, &all[0]["name"]), (200, &json!("people")));
    for name in ["people", "test.people", "test.people_quarantine"] {
        let (status, mut one) = world.get(&format!("/datasets/{name}")).await;
        assert_eq!(status, 200, "{one}");
        let now = one["tables"][0]["now"].take();
        assert_eq!(
            (&now["rows"], &now["snapshots"].as_array().unwrap().len()),
            (&json!(3), &1)
        );
        assert_eq!(one["tables"][1]["now"], Value::Null);
        one["contractDigest"].take();
        insta::allow_duplicates! { insta::assert_json_snapshot!("dataset", one) };
    }
    let (status, problem) = world.get("/datasets/peple").await;
    assert_eq!(status, 404);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("did you mean test.people?"),
        "{problem}"
    );
}

#[tokio::test]
async fn what_is_wrong_is_a_problem_with_its_place() {
    let world = World::new().await;
    for (sql, status, expected) in [
        ("SELECT idd FROM test.people", 400, "did you mean `id`?"),
        ("SELECT id FROM test.peopl", 400, "did you mean test.people?"),
        ("SELECT id FROM test.people_quarantine", 400, "has no rows yet"),
        (
            "SELECT 1 FROM test.people FOR TIMESTAMP AS OF '2001-01-01'",
            400,
            "oldest snapshot",
        ),
        ("DROP TABLE test.people", 400, "only SELECT"),
        ("SELECT 1/0", 422, "ivide by zero"),
        ("SELECT * FROM generate_series(1, 60)", 422, "more than 50 rows"),
        ("SELECT repeat('x', 5000000)", 422, "more than 4400000 bytes"),
    ] {
        let (found, problem) = world.ask(sql).await;
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert_eq!(found, status, "{sql}: {problem}");
        assert!(detail.contains(expected), "{sql}: {problem}");
    }
    let (_, problem) = world.ask("SELECT\n  nothing FROM test.people").await;
    assert_eq!(problem["at"], json!({"line": 2, "column": 3}));

    let send = |method: &str, path: &str, body: &str, content_type: &str| {
        world.send(json!({"method": method, "rawPath": path, "body": body, "headers": {"content-type": content_type}}))
    };
    assert_eq!(
        send("POST", "/query", "SELECT 1 AS x", "text/plain; charset=utf-8")
            .await
            .status_code,
        200
    );
    for (method, path, body, content_type, status) in [
        ("POST", "/query", "{\"sql\": 1}", "application/json", 400),
        (
            "POST",
            "/query",
            "{\"sql\": \"SELECT 1\", \"x\": 1}",
            "application/json",
            400,
        ),
        ("POST", "/query", "", "application/json", 400),
        ("POST", "/query", "SELECT 1", "text/html", 415),
        ("GET", "/query", "", "", 405),
        ("DELETE", "/datasets", "", "", 405),
        ("GET", "/", "", "", 404),
        ("GET", "/nothing/else", "", "", 404),
    ] {
        let response = send(method, path, body, content_type).await;
        assert_eq!(
            response.status_code, status,
            "{method} {path} {body}: {}",
            response.body
        );
        assert_eq!(response.headers["content-type"], "application/problem+json");
    }
    let other = world.send(json!({"Records": []})).await;
    assert_eq!(other.status_code, 400);
    let staged = world
        .send(json!({"method": "GET", "rawPath": "/dev/datasets/", "requestContext": {"stage": "dev"}}))
        .await;
    assert_eq!(staged.status_code, 200);
}

#[tokio::test]
async fn a_lake_that_does_not_answer_says_when_to_come_again() {
    let world = World::new().await;
    let before = world.lake.faults.calls().len();
    world.ask("SELECT id FROM test.people").await;
    let calls = world.lake.faults.calls().len() - before;
    assert!(calls > 3);
    for call in 0..calls {
        for (fault, status) in [
            (Fault::Refused(Kind::Transient), 503),
            (Fault::Refused(Kind::Fault), 500),
        ] {
            // Nothing is warm, so that all calls are made.
            let world = World::new().await;
            world.lake.faults.clear();
            world.lake.faults.plan(call, fault);
            let (found, problem) = world.ask("SELECT id FROM test.people").await;
            assert_eq!(found, status, "call {call}: {problem}");
            world.lake.faults.clear();
            assert_eq!(world.ask("SELECT id FROM test.people").await.0, 200);
        }
    }
}

/// The events of `events/query`, to an API over the real contracts without a table: statuses.
#[tokio::test]
async fn every_event_is_read_as_what_it_is() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let lake = TestLake::default();
    let ports = Ports {
        store: lake.store.clone(),
        catalog: lake.catalog.clone(),
        queries: None,
    };
    let contracts = Contracts::load(&root.join("infra/contracts")).unwrap_or_else(|errors| panic!("{errors}"));
    let api = Api::with_ports(config(), contracts, ports).unwrap();
    let mut statuses = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(root.join("events/query")).unwrap() {
        let path = entry.unwrap().path();
        let event = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let deadline = SystemTime::now() + Duration::from_secs(60);
        let invocation = Invocation::begin("query", "dev", "r", None, deadline, Box::new(std::io::sink()));
        let response = handle(&api, invocation, event).await;
        statuses.insert(
            path.file_stem().unwrap().to_string_lossy().into_owned(),
            response.status_code,
        );
    }
    let expected = [
        ("cancel", 404),
        ("dataset", 200),
        ("datasets", 200),
        ("query", 400),
        ("query-as-csv", 400),
        ("query-base64", 200),
        ("state", 404),
        ("search", 200),
        ("wrong-method", 405),
    ];
    assert_eq!(
        statuses,
        expected.map(|(name, status)| (name.to_string(), status)).into()
    );
}

#[test]
fn the_description_is_json_of_every_path() {
    let openapi: Value = serde_json::from_str(OPENAPI).unwrap();
    let paths: Vec<&String> = openapi["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        paths,
        [
            "/datasets",
            "/datasets/{name}",
            "/openapi.json",
            "/query",
            "/query/{id}",
            "/search"
        ]
    );
}

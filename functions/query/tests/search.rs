//! `GET /search` as its callers see it, over indexes that the function `index` made.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use serde_json::{Value, json};
use std::{
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, SystemTime},
};
use watershed_contract::Contracts;
use watershed_index::Indexer;
use watershed_lake::TableSpec;
use watershed_ops::Invocation;
use watershed_ports::{Kind, faults::Fault, memory::MemoryQueue};
use watershed_query::{Api, Config, Ports, handle};
use watershed_sql::Limits;
use watershed_test_lake::{Log, TestLake};

const CONTRACT: &str = include_str!("library.odcs.yaml");
const BOOKS: &[&[&str]] = &[
    &["1", "A Room with a View", "200", "Ada"],
    &["2", "The Waves", "300", "null"],
    &["3", "To the Lighthouse", "250", "Bob View"],
];
const MORE: &[&[&str]] = &[&["4", "The view, the whole view", "10", "Cyd"]];

struct World {
    lake: TestLake,
    contracts: Contracts,
    books: TableSpec,
    api: Api,
    log: Log,
}

fn config(index_bytes: usize, time: Duration) -> Config {
    Config {
        contracts: ".".into(),
        lake_bucket: watershed_test_lake::BUCKET.into(),
        athena_workgroup: None,
        limits: Limits {
            memory_bytes: 64 << 20,
            scan_bytes: 64 << 20,
            time,
            disk_bytes: 0,
            scratch: std::env::temp_dir(),
            threads: NonZeroUsize::MIN,
        },
        rows: 50,
        index_bytes,
        personal_callers: vec!["arn:aws:sts::1:assumed-role/librarian/*".into()],
        personal_scope: "watershed/personal".into(),
    }
}

impl World {
    async fn new(index_bytes: usize) -> Self {
        let lake = TestLake::default();
        let contracts = Contracts::parse([("c", CONTRACT)]).unwrap_or_else(|errors| panic!("{errors}"));
        let books = contracts.by_id("library").unwrap().table.clone();
        let world = Self {
            api: api(&lake, &contracts, config(index_bytes, Duration::from_secs(20))),
            lake,
            contracts,
            books,
            log: Log::default(),
        };
        world.put("a", BOOKS).await;
        world.index().await;
        world
    }

    async fn put(&self, source: &str, rows: &[&[&str]]) {
        self.lake.put(&self.books, source, 1, rows).await;
    }

    /// The function `index` does what is to be done.
    async fn index(&self) {
        let own = Arc::new(MemoryQueue::default());
        let scratch = tempfile::tempdir().unwrap();
        let config = watershed_index::Config {
            contracts: ".".into(),
            own_queue_url: "own".into(),
            scratch: scratch.path().into(),
        };
        let ports = watershed_index::Ports {
            store: self.lake.store.clone(),
            catalog: self.lake.catalog.clone(),
            own: own.clone(),
        };
        let indexer = Indexer::with_ports(config, self.contracts.clone(), ports);
        let mut bodies = vec![r#"{"tick": {}}"#.to_string()];
        while let Some(body) = bodies.pop() {
            let event = json!({"Records": [{"messageId": "m", "body": body}]});
            let response = watershed_index::handle(&indexer, invocation(&Log::default()), event).await;
            assert!(response.unwrap().failures.is_empty(), "{body}");
            bodies.extend(own.drain());
        }
    }

    async fn ask(&self, parameters: Value, authorizer: Value) -> (u16, Value) {
        ask(&self.api, &self.log, parameters, authorizer).await
    }

    /// What is found, without a right to personal columns.
    async fn find(&self, words: &str) -> Value {
        let (status, found) = self.ask(json!({"q": words}), Value::Null).await;
        assert_eq!(status, 200, "{found}");
        found
    }
}

fn api(lake: &TestLake, contracts: &Contracts, config: Config) -> Api {
    let ports = Ports {
        store: lake.store.clone(),
        catalog: lake.catalog.clone(),
        queries: None,
    };
    Api::with_ports(config, contracts.clone(), ports).unwrap()
}

fn invocation(log: &Log) -> Invocation {
    let deadline = SystemTime::now() + Duration::from_secs(60);
    Invocation::begin("query", "dev", "r", None, deadline, Box::new(log.clone()))
}

async fn ask(api: &Api, log: &Log, parameters: Value, authorizer: Value) -> (u16, Value) {
    let event = json!({
        "rawPath": "/search", "queryStringParameters": parameters,
        "requestContext": {"http": {"method": "GET"}, "authorizer": authorizer}});
    let response = handle(api, invocation(log), event).await;
    (response.status_code, serde_json::from_str(&response.body).unwrap())
}

fn ids(found: &Value) -> Vec<i64> {
    let rows = found["rows"].as_array().unwrap();
    rows.iter().map(|row| row["key"]["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn rows_are_found_the_best_first_with_the_place_of_what_matched() {
    let world = Box::pin(World::new(1 << 20)).await;
    world.put("b", MORE).await;
    let before = world.find("view").await;
    assert_eq!((ids(&before), &before["unindexed"]), (vec![1], &json!(1)));
    world.index().await;
    let found = world.find("view").await;
    assert_eq!((ids(&found), &found["unindexed"]), (vec![4, 1], &json!(0)));
    let row = &found["rows"][0];
    assert_eq!(row["table"], "test.books");
    assert_eq!(
        row["columns"],
        json!({"title": {"text": "The view, the whole view", "marks": [[4, 8], [20, 24]]}})
    );
    assert!(row["score"].as_f64() > found["rows"][1]["score"].as_f64());
    let searched = &found["searched"][0];
    assert_eq!(
        (
            &searched["table"],
            &searched["files"],
            &searched["rows"],
            &searched["columns"]
        ),
        (&json!("test.books"), &json!(2), &json!(2), &json!(["title"]))
    );
    assert!(searched["snapshot"].is_string() && searched["made"].is_string());
    for (words, expected) in [
        ("the", vec![4, 2, 3]),
        ("\"the view\"", vec![4]),
        ("the -view", vec![2, 3]),
        ("LIGHT*", vec![3]),
        ("view waves", vec![]),
    ] {
        let mut found = ids(&world.find(words).await);
        let mut expected = expected;
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{words}");
    }
    let (_, one) = world
        .ask(json!({"q": "view", "limit": "1", "dataset": "library"}), Value::Null)
        .await;
    assert_eq!((ids(&one), &one["searched"][0]["rows"]), (vec![4], &json!(2)));
}

#[tokio::test]
async fn personal_columns_are_searched_and_shown_for_those_who_may_see_them() {
    let world = Box::pin(World::new(1 << 20)).await;
    assert_eq!(ids(&world.find("bob").await), [0_i64; 0]);
    let hidden = world.find("lighthouse").await;
    assert_eq!(hidden["rows"][0]["columns"].get("reader"), None);
    assert!(!hidden.to_string().contains("Bob"));
    let librarian = json!({"iam": {"userArn": "arn:aws:sts::1:assumed-role/librarian/eve"}});
    let (_, found) = world.ask(json!({"q": "view bob"}), librarian).await;
    assert_eq!(ids(&found), [3]);
    assert_eq!(
        found["rows"][0]["columns"]["reader"],
        json!({"text": "Bob View", "marks": [[0, 3], [4, 8]]})
    );
}

#[tokio::test]
async fn tables_are_found_by_what_contracts_say() {
    let world = Box::pin(World::new(1 << 20)).await;
    for (words, what, text) in [
        ("books", "name", "test.books"),
        ("pages", "column", "pages"),
        ("borrowed", "description", "What can be borrowed"),
        ("back", "description", "Number on its back"),
        ("reading", "tag", "reading"),
        ("size", "tag", "size"),
    ] {
        let found = world.find(words).await;
        let matched = found["tables"][0]["matched"].as_array().unwrap();
        assert!(
            matched
                .iter()
                .any(|matched| matched["what"] == what && matched["text"] == text),
            "{words}: {found}"
        );
        assert_eq!(found["tables"].as_array().unwrap().len(), 1);
    }
    assert_eq!(world.find("nothing").await["tables"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_asked_is_told() {
    let world = Box::pin(World::new(1 << 20)).await;
    for (parameters, status, expected) in [
        (json!({}), 400, "there is no q"),
        (json!({"q": ""}), 400, "no word that is to be found"),
        (json!({"q": "-x"}), 400, "no word that is to be found"),
        (json!({"q": "x".repeat(2_000)}), 400, "longer than 1024 bytes"),
        (json!({"q": "x", "limit": "0"}), 400, "from 1 to 100"),
        (json!({"q": "x", "limit": "ten"}), 400, "from 1 to 100"),
        (json!({"q": "x", "like": "y"}), 400, "no parameter like"),
        (json!({"q": "x", "dataset": "librar"}), 404, "there is no dataset"),
    ] {
        let (found, problem) = world.ask(parameters.clone(), Value::Null).await;
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(
            found == status && detail.contains(expected),
            "{parameters}: {found} {problem}"
        );
    }
    let late = api(&world.lake, &world.contracts, config(1 << 20, Duration::ZERO));
    let (status, problem) = ask(&late, &world.log, json!({"q": "view"}), Value::Null).await;
    assert_eq!(status, 408, "{problem}");
}

#[tokio::test]
async fn a_lake_that_does_not_answer_is_told_and_nothing_is_taken_for_not_there() {
    // Without room for an index, each search reads all of them.
    for index_bytes in [1 << 20, 0] {
        let world = Box::pin(World::new(index_bytes)).await;
        world.lake.faults.clear();
        assert_eq!(ids(&world.find("view").await), [1]);
        let calls = world.lake.faults.calls().len();
        assert!(calls > 5, "{calls}");
        world.lake.faults.clear();
        world.find("view").await;
        let warm = world.lake.faults.calls();
        assert_eq!(
            warm.iter().filter(|call| call.contains("/search/")).count() > 0,
            index_bytes == 0,
            "{warm:?}"
        );
        for call in 0..calls {
            for (fault, status) in [
                (Fault::Refused(Kind::Transient), 503),
                (Fault::Refused(Kind::Fault), 500),
            ] {
                let world = Box::pin(World::new(index_bytes)).await;
                world.lake.faults.clear();
                world.lake.faults.plan(call, fault);
                let (found, problem) = world.ask(json!({"q": "view"}), Value::Null).await;
                assert_eq!(found, status, "call {call}: {problem}");
                assert_eq!(ids(&world.find("view").await), [1]);
            }
        }
    }
}

#[tokio::test]
async fn an_index_that_is_gone_or_damaged_counts_as_none() {
    let world = Box::pin(World::new(0)).await;
    let objects = world.lake.store.snapshot();
    let uri = objects.keys().find(|uri| uri.contains("/search/")).unwrap();
    let key = uri.trim_start_matches("s3://").trim_start_matches("lake/");
    world.lake.store.insert("lake", key, "damaged");
    let found = world.find("view").await;
    assert_eq!((ids(&found), &found["unindexed"]), (vec![], &json!(1)));
    assert_eq!(world.log.lines("failed").len(), 1);
    world.lake.store.remove("lake", key);
    let found = world.find("view").await;
    assert_eq!((ids(&found), &found["unindexed"]), (vec![], &json!(1)));
    world.index().await;
    assert_eq!(ids(&world.find("view").await), [1]);
}

//! Queries that Athena runs, as their callers see them; and whatever port call fails, each is run once, and its rows come.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{ASK, CONTRACT, DOCTOR, NOW_MS, NURSE, World, body};
use serde_json::{Value, json};
use watershed_contract::Contracts;
use watershed_ports::{Progress, faults::Fault};
use watershed_query::http::Response;

/// Tries that a caller has of each request in a sweep.
const MAX_TRIES: usize = 3;

#[tokio::test]
async fn what_is_too_large_is_begun_elsewhere_and_asked_for_by_its_id() {
    let world = World::new(0).await;
    let response = world.post(ASK, NURSE, json!({})).await;
    let told = body(&response);
    assert_eq!(response.status_code, 202, "{told}");
    let id = told["id"].as_str().unwrap();
    assert_eq!(response.headers["location"], format!("/query/{id}"));
    assert_eq!(told["state"], "QUEUED");
    assert!(told["estimatedBytes"].as_u64().unwrap() > 0, "{told}");
    let snapshot = told["tables"][0]["snapshot"].as_str().unwrap();
    assert_eq!(
        world.queries.started(),
        [format!(
            "SELECT id, spent FROM (SELECT \"id\", \"spent\" FROM \"test\".\"people\" FOR VERSION AS OF {snapshot}) AS \"people\" ORDER BY id"
        )]
    );
    let path = &response.headers["location"];
    for (progress, state) in [(Progress::Queued, "QUEUED"), (Progress::Running, "RUNNING")] {
        world.queries.set(0, progress);
        let response = world.get(path, NURSE).await;
        assert_eq!((response.status_code, &body(&response)["state"]), (202, &json!(state)));
        assert_eq!(response.headers["retry-after"], "2");
    }
    world.succeed(0, 3);
    let response = world.get(path, NURSE).await;
    let answer = body(&response);
    assert_eq!(response.status_code, 200, "{answer}");
    assert_eq!(
        answer["rows"],
        json!([{"id": 1, "spent": 1.5}, {"id": 2, "spent": null}, {"id": 3, "spent": 3.5}])
    );
    assert_eq!(
        answer["columns"][1],
        json!({"name": "spent", "type": "Decimal128(9, 2)"})
    );
    assert_eq!(answer.get("next"), None);
    // What is small enough is answered at once, unless that is not what is preferred.
    let world = World::new(64 << 20).await;
    let at_once = world.post(ASK, NURSE, json!({"prefer": "handling=lenient"})).await;
    assert_eq!(at_once.status_code, 200);
    let later = world.post(ASK, NURSE, json!({"prefer": "wait=1, Respond-Async"})).await;
    assert_eq!(
        (later.status_code, &*later.headers["preference-applied"]),
        (202, "respond-async")
    );
}

#[tokio::test]
async fn rows_come_in_pages_in_each_form() {
    let world = World::new(0).await;
    let path = world.begin(ASK).await;
    world.succeed(0, 8);
    for accept in ["application/json", "text/csv", "application/vnd.apache.arrow.stream"] {
        let (mut pages, mut ids, mut next) = (0, Vec::new(), String::new());
        loop {
            let more = match next.as_str() {
                "" => json!({"headers": {"accept": accept}}),
                page => json!({"headers": {"accept": accept}, "queryStringParameters": {"page": page}}),
            };
            let response = world.send("GET", &path, NURSE, more).await;
            assert_eq!(response.status_code, 200, "{}", response.body);
            ids.extend(ids_of(&response, accept));
            pages += 1;
            let Some(link) = response.headers.get("link") else {
                break;
            };
            next = link
                .strip_prefix("<?page=")
                .and_then(|link| link.strip_suffix(">; rel=\"next\""))
                .unwrap()
                .into();
        }
        assert_eq!((ids, pages), ((1..=8).collect(), 3), "{accept}");
    }
    for page in ["x", "", "MCA", "LTEgeA"] {
        let response = world
            .send("GET", &path, NURSE, json!({"queryStringParameters": {"page": page}}))
            .await;
        let expected = if page == "MCA" { 200 } else { 400 };
        assert_eq!(response.status_code, expected, "{page}: {}", response.body);
    }
    // A page of the right form that Athena never named.
    let never = world
        .send("GET", &path, NURSE, json!({"queryStringParameters": {"page": "MCB4"}}))
        .await;
    assert_eq!(never.status_code, 410, "{}", never.body);
}

fn ids_of(response: &Response, accept: &str) -> Vec<i64> {
    match accept {
        "application/json" => {
            let rows = body(response)["rows"].as_array().unwrap().clone();
            rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
        }
        "text/csv" => {
            let rows = response.body.lines().skip(1);
            rows.map(|row| row.split(',').next().unwrap().parse().unwrap())
                .collect()
        }
        _ => {
            let bytes = base64_simd::STANDARD.decode_to_vec(&response.body).unwrap();
            let read = arrow_ipc::reader::StreamReader::try_new(std::io::Cursor::new(bytes), None).unwrap();
            let ids = read.flat_map(|batch| {
                let ids = arrow_cast::cast(batch.unwrap().column(0), &arrow_schema::DataType::Int64).unwrap();
                let ids = ids.as_any().downcast_ref::<arrow_array::Int64Array>().unwrap().clone();
                ids.iter().flatten().collect::<Vec<_>>()
            });
            ids.collect()
        }
    }
}

#[tokio::test]
async fn only_who_began_it_may_ask() {
    let world = World::new(0).await;
    let path = world.begin(ASK).await;
    world.succeed(0, 1);
    let unknown = world.get("/query/0123456789abcdef0123456789abcdef", NURSE).await;
    assert_eq!(unknown.status_code, 404);
    for (method, arn, path) in [
        ("GET", DOCTOR, &*path),
        ("DELETE", DOCTOR, &path),
        ("GET", "", &path),
        ("GET", NURSE, "/query/x"),
        ("GET", NURSE, "/query/..%2Fx"),
        ("DELETE", NURSE, "/query/0123456789abcdef0123456789abcdef"),
    ] {
        let response = world.send(method, path, arn, json!({})).await;
        assert_eq!(
            (response.status_code, &response.body),
            (404, &unknown.body),
            "{method} {path}"
        );
    }
    assert_eq!(world.get(&path, NURSE).await.status_code, 200);
    assert_eq!(
        world.send("PUT", &path, NURSE, json!({})).await.headers["allow"],
        "GET, DELETE"
    );
}

#[tokio::test]
async fn each_caller_gets_the_columns_that_it_may_see() {
    let world = World::new(0).await;
    let refused = world.post("SELECT name FROM test.people", NURSE, json!({})).await;
    assert_eq!(refused.status_code, 403);
    for arn in [NURSE, DOCTOR] {
        let response = world.post("SELECT * FROM test.people", arn, json!({})).await;
        assert_eq!(response.status_code, 202, "{}", response.body);
    }
    let started = world.queries.started();
    assert!(started[0].contains(r#"(SELECT "id", "spent" FROM"#), "{started:?}");
    assert!(
        started[1].contains(r#"(SELECT "id", "name", "spent" FROM"#),
        "{started:?}"
    );
    // A token that has lost its scope since.
    let token = |scope: &str| json!({"jwt": {"claims": {"iss": "i", "sub": "s", "scope": scope}}});
    let of = |method: &str, scope: &str| json!({"http": {"method": method}, "authorizer": token(scope)});
    let sql = json!({"sql": "SELECT name FROM test.people"}).to_string();
    let ask = json!({"body": sql, "requestContext": of("POST", "watershed/personal")});
    let begun = world.send("POST", "/query", "", ask).await;
    let path = &begun.headers["location"];
    for (scope, status) in [("watershed/personal", 202), ("", 403)] {
        let response = world
            .send("GET", path, "", json!({"requestContext": of("GET", scope)}))
            .await;
        assert_eq!(response.status_code, status, "{scope}: {}", response.body);
    }
}

#[tokio::test]
async fn what_athena_says_is_told_with_its_place() {
    let world = World::new(0).await;
    let path = world.begin("SELECT id\nFROM test.people WHERE abs(id) = 1").await;
    let text = world.queries.started().remove(0);
    let column = text.lines().nth(1).unwrap().find("abs").unwrap() + 1;
    assert!(column > 24, "{text}");
    let unknown = format!("SYNTAX_ERROR: line 2:{column}: no such function");
    let failed = |reason: &str, of_the_engine| Progress::Failed {
        reason: reason.into(),
        of_the_engine,
    };
    for (progress, status, detail, at) in [
        (
            failed(&unknown, false),
            422,
            "SYNTAX_ERROR: no such function",
            json!({"line": 2, "column": 24}),
        ),
        (failed("DIVISION_BY_ZERO", false), 422, "DIVISION_BY_ZERO", Value::Null),
        (
            failed("GENERIC_INTERNAL_ERROR", true),
            503,
            "POST the query again",
            Value::Null,
        ),
        (Progress::Cancelled, 410, "cancelled", Value::Null),
    ] {
        world.queries.set(0, progress);
        let response = world.get(&path, NURSE).await;
        let problem = body(&response);
        assert_eq!(
            (response.status_code, &*response.headers["content-type"]),
            (status, "application/problem+json")
        );
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
        assert_eq!(problem["at"], at, "{problem}");
    }
    let refused = world.post("SELECT id::text FROM test.people", NURSE, json!({})).await;
    assert_eq!(
        (refused.status_code, &body(&refused)["at"]),
        (400, &json!({"line": 1, "column": 10}))
    );
}

#[tokio::test]
async fn what_was_begun_can_be_ended_and_begun_again() {
    let world = World::new(0).await;
    let path = world.begin(ASK).await;
    for _ in 0..2 {
        assert_eq!(world.send("DELETE", &path, NURSE, json!({})).await.status_code, 204);
    }
    assert_eq!(world.get(&path, NURSE).await.status_code, 410);
    let again = world.begin(ASK).await;
    assert_ne!(again, path);
    assert_eq!(again, world.begin(ASK).await);
    assert_eq!(world.queries.started().len(), 2);
    // But not for ever.
    for _ in 0..20 {
        let response = world.post(ASK, NURSE, json!({})).await;
        let Some(path) = response.headers.get("location") else {
            break;
        };
        world.send("DELETE", path, NURSE, json!({})).await;
    }
    let spent = world.post(ASK, NURSE, json!({})).await;
    assert_eq!(
        (spent.status_code, world.queries.started().len()),
        (503, 10),
        "{}",
        spent.body
    );
    // Another state of the table is another query.
    let contracts = Contracts::parse([("c", CONTRACT)]).unwrap();
    let people = contracts.by_id("people").unwrap().table.clone();
    world.lake.put(&people, "b", 1, &[&["4", "Dee", "1.00"]]).await;
    assert_ne!(world.begin(ASK).await, again);
}

#[tokio::test]
async fn the_same_request_is_the_same_query_for_a_quarter_of_an_hour() {
    let world = World::new(0).await;
    let ask = async |minutes: u64| {
        let context = json!({
            "http": {"method": "POST"}, "timeEpoch": NOW_MS + minutes * 60_000, "authorizer": {"iam": {"userArn": NURSE}},
        });
        let ask = json!({"body": json!({"sql": ASK}).to_string(), "requestContext": context});
        world.send("POST", "/query", NURSE, ask).await.headers["location"].clone()
    };
    let first = ask(0).await;
    for minutes in 1..15 {
        assert_eq!(ask(minutes).await, first, "{minutes}");
    }
    assert_ne!(ask(31).await, first);
    assert_eq!(world.queries.started().len(), 2);
}

#[tokio::test]
async fn what_is_refused_before_it_begins_or_while_it_runs_stays_so() {
    let world = World::new(64 << 20).await;
    let many = world
        .post("SELECT * FROM generate_series(1, 60)", NURSE, json!({}))
        .await;
    assert_eq!(many.status_code, 422);
    assert!(
        body(&many)["detail"]
            .as_str()
            .unwrap()
            .contains("Prefer: respond-async"),
        "{}",
        many.body
    );
    let pairs = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b";
    let pairs = world.post(pairs, NURSE, json!({"prefer": "respond-async"})).await;
    assert!(pairs.status_code == 408 || pairs.status_code == 400, "{}", pairs.body);
    let explained = world
        .post(
            "EXPLAIN SELECT id FROM test.people",
            NURSE,
            json!({"prefer": "respond-async"}),
        )
        .await;
    assert_eq!(explained.status_code, 200, "{}", explained.body);
    assert!(world.queries.started().is_empty());
}

/// One caller's way to its rows; a request that fails is sent again.
async fn way(world: &World) -> Value {
    let mut place = None;
    for _ in 0..MAX_TRIES {
        let response = world.post(ASK, NURSE, json!({})).await;
        if response.status_code == 202 {
            place = Some(response.headers["location"].clone());
            break;
        }
        assert!(response.status_code >= 500, "{}", response.body);
    }
    let place = place.expect("it was begun");
    world.succeed(0, 3);
    for _ in 0..MAX_TRIES {
        let response = world.get(&place, NURSE).await;
        if response.status_code == 200 {
            return body(&response)["rows"].clone();
        }
        assert!(response.status_code >= 500, "{}", response.body);
    }
    panic!("no rows came");
}

#[tokio::test]
async fn whatever_call_fails_it_runs_once_and_its_rows_come() {
    let world = World::new(0).await;
    let expected = way(&world).await;
    let calls = world.lake.faults.calls();
    for written in ["start", "look", "page"] {
        assert!(calls.iter().any(|call| call == written), "{calls:?}");
    }
    let objects = world.written();
    for (call, name) in calls.iter().enumerate() {
        for fault in Fault::ALL {
            // Nothing is warm, so that all calls are made.
            let world = World::new(0).await;
            world.lake.faults.plan(call, fault);
            let case = format!("{fault:?} at {name}");
            assert_eq!(way(&world).await, expected, "{case}");
            assert_eq!(world.queries.started().len(), 1, "{case}");
            assert_eq!(world.written(), objects, "{case}");
        }
    }
    assert!(calls.iter().any(|call| call.starts_with("put")), "{calls:?}");
}

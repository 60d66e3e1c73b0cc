//! The deployed API over the real tables: its answers are DuckDB's, and what is hostile is refused.

use crate::{cloud, nycflights13::landed};
use serde_json::{Map, Value};
use std::time::{Duration, Instant};
use watershed_local::{
    api::{Api, SIGNATURE},
    command,
    lake::Format,
    search::Search,
    venv::Venv,
};
use watershed_tests::{home, python};

pub fn api() -> Api {
    let cloud = cloud();
    landed();
    cloud.until_rows("nyc", "flights_enriched", 336_776);
    Api::new(&cloud.emulator, &cloud.stack).expect("the stack has an API")
}

/// Numbers as numbers, however they are written.
pub fn plain(rows: &[Map<String, Value>]) -> Vec<Vec<String>> {
    let cell = |value: &Value| match value {
        Value::Number(number) => format!("{:.6}", number.as_f64().expect("a number")),
        Value::String(text) => text
            .parse::<f64>()
            .map_or_else(|_| text.clone(), |number| format!("{number:.6}")),
        other => other.to_string(),
    };
    rows.iter().map(|row| row.values().map(cell).collect()).collect()
}

/// In SQL that both engines read alike.
pub const QUESTIONS: [&str; 8] = [
    "SELECT origin, count(*) AS n, count(dep_time) AS left_at, sum(distance) AS miles FROM nyc.flights GROUP BY origin ORDER BY origin",
    "SELECT a.name, avg(f.dep_delay) AS delay FROM nyc.flights f JOIN nyc.airlines a ON f.carrier = a.carrier GROUP BY a.name ORDER BY a.name",
    "SELECT count(*) AS n FROM nyc.flights WHERE time_hour >= TIMESTAMPTZ '2013-07-01 00:00:00+00' AND time_hour < TIMESTAMPTZ '2013-08-01 00:00:00+00' AND dest LIKE 'B%'",
    "SELECT CASE WHEN dest_people >= 3000000 THEN 'large' ELSE 'other' END AS city, count(*) AS n, avg(dep_delay) AS delay FROM nyc.flights_enriched WHERE NOT cancelled GROUP BY 1 ORDER BY 1",
    "SELECT dest, n FROM (SELECT dest, count(*) AS n, row_number() OVER (ORDER BY count(*) DESC, dest) AS place FROM nyc.flights GROUP BY dest) ranked WHERE place <= 5 ORDER BY place",
    "SELECT month, max(temp) AS warmest FROM (SELECT extract(month FROM time_hour) AS month, temp FROM nyc.weather) w GROUP BY month ORDER BY month",
    "SELECT count(*) AS n FROM nyc.flights f WHERE NOT EXISTS (SELECT 1 FROM nyc.planes p WHERE p.tailnum = f.tailnum)",
    "WITH late AS (SELECT carrier FROM nyc.flights WHERE arr_delay > 120) SELECT carrier, count(*) AS n FROM late GROUP BY carrier HAVING count(*) > 100 ORDER BY n DESC, carrier",
];

#[test]
fn answers_are_those_of_another_engine() {
    let api = api();
    for sql in QUESTIONS {
        let answer = api.ask(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let expected = cloud()
            .reader
            .sql(sql, Format::Json)
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let expected: Vec<Map<String, Value>> = serde_json::from_str(&expected).expect("rows");
        assert!(!expected.is_empty(), "{sql}");
        assert_eq!(plain(&answer.rows), plain(&expected), "{sql}");
    }
}

#[test]
fn datasets_are_told_as_they_stand() {
    let api = api();
    let get = |path: &str| {
        let response = api
            .send(path, "application/json", None)
            .unwrap_or_else(|error| panic!("{error}"));
        (
            response.status,
            serde_json::from_slice::<Value>(&response.body).expect("JSON"),
        )
    };
    let (status, all) = get("/datasets");
    let names: Vec<&str> = all
        .as_array()
        .expect("all")
        .iter()
        .filter_map(|dataset| dataset["name"].as_str())
        .collect();
    assert!(
        status == 200 && names.iter().any(|name| name.contains("flights")),
        "{names:?}"
    );
    let (_, flights) = get("/datasets/nyc.flights");
    let tables = flights["tables"].as_array().expect("tables");
    let table = |name: &str| tables.iter().find(|table| table["name"] == name).expect(name);
    assert!(table("nyc.flights")["now"]["rows"].as_u64().expect("rows") >= 336_776);
    assert_eq!(
        table("nyc.flights")["makes"],
        serde_json::json!(["nyc.flights_enriched"])
    );
    let made_of = table("nyc.flights_enriched")["madeOf"].to_string();
    assert!(
        made_of.contains("nyc.weather") && made_of.contains("nyc.cities"),
        "{made_of}"
    );
    assert_eq!(get("/datasets/nothing").0, 404);
    assert_eq!(get("/nothing").0, 404);
    assert_eq!(get("/openapi.json").1["openapi"], "3.0.3");
}

#[test]
fn rows_are_found_by_their_words() {
    let api = api();
    let search = |words: &str, dataset: Option<&str>| Search {
        words: words.into(),
        limit: None,
        dataset: dataset.map(Into::into),
    };
    let ask = |search: &Search| search.ask(&api).unwrap_or_else(|error| panic!("{error}"));
    let of_all = search("kennedy", None);
    cloud().until("all files have their index", |_| ask(&of_all).unindexed == 0);
    let keys = |search: &Search| -> Vec<Value> {
        let rows = ask(search).rows.into_iter();
        rows.filter_map(|row| row.key.into_iter().next().map(|(_, key)| key))
            .collect()
    };
    assert!(keys(&of_all).contains(&"JFK".into()));
    let airports = Some("nyc.airports");
    assert_eq!(keys(&search("\"john f kennedy\"", airports)), ["JFK"]);
    assert!(
        keys(&search("john f -kennedy", airports))
            .iter()
            .all(|key| key != "JFK")
    );
    assert!(ask(&search("airport", None)).shown().contains("nyc.airports"));
}

#[test]
fn what_is_hostile_gets_a_clear_answer_within_its_limits() {
    let api = api();
    let long = format!("SELECT '{}'", "x".repeat(1 << 20));
    let deep = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    let wide = format!("SELECT {}", vec!["origin || dest || carrier"; 2_000].join(", "));
    for (sql, expected) in [
        (
            "SELECT count(*) FROM nyc.flights a, nyc.flights b, nyc.flights c WHERE a.dep_delay + b.dep_delay + c.dep_delay = 1e9",
            &[408, 422][..],
        ),
        ("SELECT * FROM nyc.flights", &[422]),
        ("SELECT * FROM nyc.flights_enriched ORDER BY random()", &[422]),
        (&long, &[400]),
        (&deep, &[400]),
        (&wide, &[400]),
        ("SELECT * FROM '/etc/passwd'", &[400]),
        ("SELECT * FROM read_csv('/etc/passwd')", &[400]),
        ("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'", &[400]),
        ("DROP TABLE nyc.flights", &[400]),
        ("COPY nyc.flights TO '/tmp/x'", &[400]),
        (
            "SELECT count(*) FROM nyc.flights WHERE regexp_like(tailnum, '(((a{1,1000}){1,1000}){1,1000})')",
            &[400, 422],
        ),
        (
            "SELECT array_agg(a.x) FROM generate_series(1, 1000000000) AS a(x)",
            &[408, 422],
        ),
        ("SELECT repeat('x', 2000000000)", &[400, 408, 422]),
        (
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
            &[400, 408, 422],
        ),
    ] {
        let begun = Instant::now();
        let response = api.send("/query", "application/json", Some(("text/plain", sql)));
        let response = response.unwrap_or_else(|error| panic!("{error}"));
        let shown: String = sql.chars().take(90).collect();
        let body = String::from_utf8_lossy(&response.body);
        assert!(
            expected.contains(&response.status),
            "{shown}: {} {body:.300}",
            response.status
        );
        assert_eq!(response.content_type, "application/problem+json", "{shown}");
        assert!(
            begun.elapsed() < Duration::from_secs(35),
            "{shown}: {:?}",
            begun.elapsed()
        );
    }
    let after = api
        .ask("SELECT count(*) AS n FROM nyc.airlines")
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(after.rows[0]["n"], 16);
}

/// Requests for each operation of the description, some of them broken in every way that schemathesis knows.
#[test]
fn the_api_is_as_it_is_described() {
    let api = api();
    let mut schemathesis = python(Venv::Api).tool("schemathesis");
    schemathesis
        // It keeps what it learnt where it runs.
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .args(["run", "--url", api.url(), "--header"])
        .arg(format!("Authorization:{SIGNATURE}"))
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "20",
            "--seed",
            "1",
        ])
        .args([
            "--checks",
            "all",
            "--exclude-checks",
            "ignored_auth,positive_data_acceptance",
        ])
        .arg(home().root().join("functions/query/openapi.json"));
    command::output(&mut schemathesis).unwrap_or_else(|error| panic!("{error}"));
}

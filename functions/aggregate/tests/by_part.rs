//! Which parts are made anew, of what, and how they come out.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{CONTRACT, QUERIES, World, contracts};
use watershed_table::{current::Current, footer};

const JANUARY: i64 = (2013 - 1970) * 12;

fn month(after: i64) -> String {
    format!("day_month={}", JANUARY + after)
}

/// Two stations, trips in January and February from one source, and in March from another.
async fn settled() -> World {
    let mut world = World::new();
    world.put("stations", "s", 1, &[&["JFK", "Kennedy"]]).await;
    let first: &[&[&str]] = &[
        &["2013-01-05T10:20:00Z", "JFK", "10"],
        &["2013-01-05T23:59:59.999999Z", "JFK", "20"],
        &["2013-02-01T00:00:00Z", "LGA", "3"],
    ];
    world.put("trips", "t1", 1, first).await;
    world
        .put("trips", "t2", 1, &[&["2013-03-07T00:00:00Z", "JFK", "null"]])
        .await;
    world.settle().await;
    world
}

#[tokio::test]
async fn a_table_is_what_its_query_gives() {
    let mut world = settled().await;
    assert_eq!(
        world.rows("daily").await,
        [
            ["2013-01-05", "Kennedy", "2", "15.0"],
            ["2013-02-01", "LGA", "1", "3.0"],
            ["2013-03-07", "Kennedy", "1", "null"],
        ]
    );
    assert_eq!(world.rows("by_station").await, [["JFK", "3"], ["LGA", "1"]]);
    assert_eq!(world.rows("totals").await, [["Kennedy", "3"], ["LGA", "1"]]);
    for table in ["daily", "by_station", "totals"] {
        assert_eq!(world.rows(table).await, world.by_query(table).await, "{table}");
    }
    // What was made at once before the March came, or after.
    assert!(world.parts("daily").len() >= 3);
}

#[tokio::test]
async fn only_parts_that_changed_files_have_rows_of_are_made_anew() {
    let mut world = settled().await;
    world.requests.clear();
    world
        .put("trips", "t3", 1, &[&["2013-02-03T00:00:00Z", "JFK", "1"]])
        .await;
    world.settle().await;
    assert_eq!(world.parts("daily"), [(month(1), 2)]);
    assert_eq!(
        world.parts("by_station"),
        [("station=JFK".to_string(), 4)].map(|(part, _)| (part, 1))
    );
    assert_eq!(world.parts("totals"), [("whole".to_string(), 2)]);

    world
        .put("trips", "t1", 2, &[&["2013-01-31T23:59:59Z", "EWR", "1"]])
        .await;
    world.settle().await;
    assert_eq!(
        world.parts("daily"),
        [(month(0), 1), (month(1), 1)],
        "what went counts, too"
    );
    assert_eq!(
        world.rows("daily").await,
        [
            ["2013-01-31", "EWR", "1", "1.0"],
            ["2013-02-03", "Kennedy", "1", "1.0"],
            ["2013-03-07", "Kennedy", "1", "null"],
        ]
    );
    assert_eq!(world.rows("by_station").await, [["EWR", "1"], ["JFK", "2"]], "LGA went");
}

#[tokio::test]
async fn an_input_without_a_column_of_the_partition_changes_everything() {
    let mut world = settled().await;
    world.requests.clear();
    world.put("stations", "s", 2, &[&["JFK", "John F. Kennedy"]]).await;
    world.settle().await;
    assert_eq!(world.parts("daily"), [(month(0), 1), (month(1), 1), (month(2), 1)]);
    assert_eq!(world.parts("by_station"), []);
    let planned = world.log.lines("planned");
    let why = planned.iter().filter_map(|line| line["everything"].as_str());
    let expected = "test.stations is another, and each of its rows can be of every part";
    assert!(why.into_iter().any(|why| why == expected), "{planned:?}");
    assert_eq!(world.rows("totals").await, [["John F. Kennedy", "3"], ["LGA", "1"]]);
}

#[tokio::test]
async fn a_part_is_replaced_in_one_snapshot_and_goes_where_it_has_no_rows() {
    let mut world = settled().await;
    let name = "test.daily".parse().unwrap();
    let files = async |world: &World| {
        let current = Current::load(&*world.store, &*world.catalog, &name)
            .await
            .unwrap()
            .unwrap();
        current.files(&*world.store).await.unwrap().len()
    };
    assert_eq!(files(&world).await, 3);
    world.requests.clear();
    world.put("trips", "t2", 2, &[]).await;
    world.settle().await;
    assert_eq!(files(&world).await, 2);
    assert_eq!(world.parts("daily"), [(month(2), 0)]);
}

#[tokio::test]
async fn a_tick_finds_what_no_event_told_of() {
    let mut world = settled().await;
    world
        .put("trips", "t4", 1, &[&["2013-04-01T00:00:00Z", "JFK", "1"]])
        .await;
    world.waiting.clear();
    assert!(!world.invoke(r#"{"tick": {}}"#).await);
    world.collect().await;
    world.settle().await;
    assert_eq!(world.rows("daily").await.len(), 4);
    assert_eq!(world.rows("daily").await, world.by_query("daily").await);
}

#[tokio::test]
async fn footers_name_the_snapshots_of_the_inputs() {
    let world = settled().await;
    let name = "test.daily".parse().unwrap();
    let current = Current::load(&*world.store, &*world.catalog, &name)
        .await
        .unwrap()
        .unwrap();
    let stations = "test.stations".parse().unwrap();
    let stations = Current::load(&*world.store, &*world.catalog, &stations)
        .await
        .unwrap()
        .unwrap();
    for file in current.files(&*world.store).await.unwrap() {
        let footer = footer::metadata(&*world.store, file.uri(), file.bytes()).await.unwrap();
        let said = footer.file_metadata().key_value_metadata().unwrap();
        let said = |key: &str| {
            said.iter()
                .find(|pair| pair.key == key)
                .and_then(|pair| pair.value.clone())
        };
        assert_eq!(
            said("watershed.input.test.stations"),
            stations.snapshot_id().map(|id| id.to_string())
        );
        assert!(said("watershed.input.test.trips").is_some());
        assert!(
            said("watershed.source")
                .unwrap()
                .starts_with("aggregate/test.daily/day_month=5")
        );
    }
}

/// Where a part is made twice of the same states, the second writes the same bytes to the same keys, and asks for the same.
#[tokio::test]
async fn the_same_states_give_the_same_files() {
    let mut world = settled().await;
    world
        .put("trips", "t3", 1, &[&["2013-01-03T00:00:00Z", "EWR", "1"]])
        .await;
    world.step(0).await;
    let unit = world
        .waiting
        .iter()
        .find(|(body, _)| body.contains("test.daily\",\"part"));
    let unit = unit.unwrap().0.clone();
    for _ in 0..2 {
        assert!(!world.invoke(&unit).await);
        world.restart();
    }
    let asked = world.commits.drain();
    assert_eq!((asked.len(), &asked[0]), (2, &asked[1]));
}

#[tokio::test]
async fn a_changed_query_makes_all_anew() {
    let mut world = settled().await;
    world.requests.clear();
    let changed = QUERIES[0].1.replace("avg(t.minutes)", "CAST(max(t.minutes) AS DOUBLE)");
    world.deploy(contracts(CONTRACT, &[("daily.sql", &*changed), QUERIES[1], QUERIES[2]]));
    assert!(!world.invoke(r#"{"tick": {}}"#).await);
    world.collect().await;
    world.settle().await;
    // The contract of all three is one document, but each has its own query.
    assert_eq!(world.parts("daily").len(), 3);
    assert_eq!(world.rows("daily").await[0], ["2013-01-05", "Kennedy", "2", "20.0"]);
}

#[tokio::test]
async fn a_table_that_is_divided_otherwise_keeps_nothing_of_what_it_was() {
    let whole = CONTRACT.replace("            partition: {column: day, of: {test.trips: at}}\n", "");
    let mut world = World::of(contracts(&whole, &QUERIES));
    world.put("stations", "s", 1, &[&["JFK", "Kennedy"]]).await;
    world
        .put("trips", "t1", 1, &[&["2013-01-05T10:20:00Z", "JFK", "10"]])
        .await;
    world.settle().await;
    assert_eq!(world.parts("daily").last(), Some(&("whole".to_string(), 1)));
    world.deploy(contracts(
        &CONTRACT.replace("version: 1.0.0", "version: 1.1.0"),
        &QUERIES,
    ));
    world
        .put("trips", "t2", 1, &[&["2013-02-05T10:20:00Z", "JFK", "10"]])
        .await;
    world.settle().await;
    assert_eq!(
        world.parts("daily"),
        [(month(0), 1), (month(1), 1), ("whole".to_string(), 0)]
    );
    assert_eq!(world.rows("daily").await, world.by_query("daily").await);
}

/// The sample contract with another query of the days; what the function says of it.
async fn said(from: &str, to: &str) -> String {
    let daily = QUERIES[0].1;
    assert!(daily.contains(from), "{from}");
    let daily = daily.replace(from, to);
    let mut world = World::of(contracts(CONTRACT, &[("daily.sql", &*daily), QUERIES[1], QUERIES[2]]));
    world
        .put("stations", "s", 1, &[&["JFK", "Kennedy"], &["LGA", "Kennedy"]])
        .await;
    let rows: &[&[&str]] = &[
        &["2013-01-31T20:20:00Z", "JFK", "10"],
        &["2013-01-31T20:20:00Z", "LGA", "null"],
    ];
    world.put("trips", "t1", 1, rows).await;
    for _ in 0..12 {
        if !world.waiting.is_empty() {
            world.step(0).await;
        }
    }
    assert_eq!(world.rows("daily").await, Vec::<common::Row>::new());
    world.log.error()
}

#[tokio::test]
async fn what_is_wrong_with_a_query_or_its_rows_is_told() {
    let cases = [
        (
            "GROUP BY 1, 2",
            "GROUP BY 1, 2, t.station",
            "the primary key 2013-01-31, Kennedy comes twice",
        ),
        (
            "CAST(t.at AS DATE)",
            "CAST(t.at + INTERVAL '1 day' AS DATE)",
            "part day_month=516: a row with day 2013-02-01 does not lie in it: aggregate.partition.of names a column",
        ),
        (
            "coalesce(s.name, t.station)",
            "nullif(s.name, 'Kennedy')",
            "station is required, and null in 1 rows",
        ),
        (
            "count(*)",
            "avg(t.minutes)",
            "trips is Float64 in the query and long in the contract: write CAST(… AS long)",
        ),
        (
            "AS trips",
            "AS trip",
            "the query gives a column trip, which the contract has not",
        ),
        ("t.minutes", "t.minute", "daily.sql: line 6, column"),
        (
            "t.station\nGROUP",
            "t.station WHERE false AND\nGROUP",
            "daily.sql: line",
        ),
        (
            "LEFT JOIN test.stations s",
            "LEFT JOIN test.stations s ON true LEFT JOIN test.by_station s",
            "test.by_station, which is no input as it is now",
        ),
        (
            "FROM test.trips t",
            "FROM test.trips FOR TIMESTAMP AS OF TIMESTAMP '2013-01-01 00:00:00 UTC' t",
            "test.trips, which is no input as it is now",
        ),
    ];
    for (from, to, expected) in cases {
        let error = said(from, to).await;
        assert!(error.contains(expected), "{to}: {error}");
    }
}

#[tokio::test]
async fn an_instance_of_another_contract_makes_nothing_of_an_epoch() {
    let mut world = settled().await;
    let old = world.instance();
    world.requests.clear();
    let changed = QUERIES[0].1.replace("avg(t.minutes)", "CAST(max(t.minutes) AS DOUBLE)");
    world.deploy(contracts(CONTRACT, &[("daily.sql", &*changed), QUERIES[1], QUERIES[2]]));
    world
        .put("trips", "t3", 1, &[&["2013-01-05T00:00:00Z", "JFK", "1"]])
        .await;
    world.step(0).await;
    let unit = world
        .waiting
        .iter()
        .find(|(body, _)| body.contains("test.daily\",\"part"));
    let unit = unit.unwrap().0.clone();
    let event = serde_json::json!({"Records": [{"messageId": "m", "body": unit}]});
    assert_eq!(
        common::failures(&old, &world.log, event).await,
        1,
        "delivered again, to another in the end"
    );
    world.settle().await;
    assert_eq!(world.rows("daily").await, world.by_query("daily").await);
}

/// The events of `events/aggregate`, each to a function whose inputs are there: how many parts are asked for, made, and messages that fail.
#[tokio::test]
async fn every_event_is_answered() {
    let expected = [
        ("aggregate-changed", [0, 0, 0]),
        ("another-table", [0, 0, 0]),
        ("malformed", [0, 0, 1]),
        ("part", [2, 0, 1]),
        ("table-changed", [4, 0, 0]),
        ("tick", [4, 0, 0]),
    ];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/aggregate");
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let mut world = World::new();
        world.put("stations", "s", 1, &[&["JFK", "Kennedy"]]).await;
        let rows: &[&[&str]] = &[
            &["2013-01-05T10:20:00Z", "JFK", "10"],
            &["2013-02-05T10:20:00Z", "LGA", "10"],
        ];
        world.put("trips", "t1", 1, rows).await;
        let event = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let failed = world.failures(event).await;
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        found.push((
            name,
            [world.own.messages().len(), world.commits.messages().len(), failed],
        ));
    }
    found.sort();
    assert_eq!(found, expected.map(|(name, counts)| (name.to_string(), counts)));
}

#[tokio::test]
async fn a_part_of_a_table_that_is_none_of_ours_goes_to_the_dead_letters() {
    let world = World::new();
    assert!(
        world
            .invoke(r#"{"aggregate": "test.trips", "part": "whole", "epoch": 1}"#)
            .await
    );
    let error = world.log.error();
    assert!(error.contains("no contract aggregates into test.trips"), "{error}");
}

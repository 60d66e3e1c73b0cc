//! Whatever comes to a reference, replaces what is there or goes: what its bounds say is not touched would not have become another.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::World;
use proptest::prelude::*;

const SCHEMA: &str = r"
  - name: trips
    properties:
      - {name: at, logicalType: timestamp}
      - {name: day, logicalType: date}
      - {name: station, logicalType: string}
      - {name: line, logicalType: integer}
    customProperties:
      - property: watershed
        value:
          enrich:
            - {lookup: places, on: {station: code, line: line}, add: {name: name}}
            - {asOf: weather, on: {station: station}, time: {at: hour}, DIRECTION, TOLERANCE, add: {rain: rain}}
            - {asOf: weather, time: {at: hour}, DIRECTION, TOLERANCE, add: {any_rain: rain}}
            - {asOf: fares, on: {name: name}, time: {day: day}, DIRECTION, DAYS, add: {fare: fare}}
  - name: places
    properties:
      - {name: code, logicalType: string}
      - {name: line, logicalType: integer}
      - {name: name, logicalType: string}
  - name: weather
    properties:
      - {name: station, logicalType: string}
      - {name: hour, logicalType: timestamp}
      - {name: rain, logicalType: integer}
  - name: fares
    properties:
      - {name: name, logicalType: string}
      - {name: day, logicalType: date}
      - {name: fare, logicalType: integer}
";

/// Their bounds in the table, which have 16 characters, are not they.
const KEYS: [&str; 7] = [
    "a",
    "b",
    "station number 1 of many",
    "station number 1 of some",
    "station number 2",
    "station number 2\u{10ffff}\u{10ffff}",
    "z",
];

#[derive(Debug, Clone)]
struct Put {
    table: &'static str,
    source: u8,
    rows: Vec<Vec<String>>,
}

fn maybe(texts: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop_oneof![9 => texts, 1 => Just("null".to_string())]
}

fn key() -> impl Strategy<Value = String> {
    let keys = prop_oneof![2 => prop::sample::select(&KEYS[..2]), 1 => prop::sample::select(&KEYS[2..])];
    maybe(keys.prop_map(Into::into))
}

fn at() -> impl Strategy<Value = String> {
    let seconds = prop_oneof![6 => Just(0), 1 => Just(1), 1 => Just(59)];
    maybe((0..8_u32, seconds).prop_map(|(hour, second)| format!("2013-01-05T{hour:02}:00:{second:02}.000001Z")))
}

fn day() -> impl Strategy<Value = String> {
    maybe((1..8_u32).prop_map(|day| format!("2013-01-{day:02}")))
}

fn line() -> impl Strategy<Value = String> {
    maybe((0..2_i32).prop_map(|line| line.to_string()))
}

fn put() -> impl Strategy<Value = Put> {
    let number = || (0..1_000_000_u32).prop_map(|number| number.to_string());
    let few = |rows: BoxedStrategy<Vec<String>>| prop::collection::vec(rows, 0..3);
    let trips = (at(), day(), key(), line()).prop_map(|(at, day, key, line)| vec![at, day, key, line]);
    let places = (key(), line(), number()).prop_map(|(key, line, _)| vec![key.clone(), line, key]);
    let weather = (key(), at(), number()).prop_map(|(key, at, rain)| vec![key, at, rain]);
    let fares = (key(), day(), number()).prop_map(|(key, day, fare)| vec![key, day, fare]);
    let of = move |table, rows: BoxedStrategy<Vec<String>>| {
        (0..4_u8, few(rows)).prop_map(move |(source, rows)| Put { table, source, rows })
    };
    prop_oneof![
        of("trips", trips.boxed()),
        of("places", places.boxed()),
        of("weather", weather.boxed()),
        of("fares", fares.boxed()),
    ]
}

/// Columns by which rows are told apart: of another source a row that has the same is left out.
fn keys(table: &str) -> &'static [usize] {
    match table {
        "trips" => &[],
        _ => &[0, 1],
    }
}

/// What each source holds in the end, and on the way: rows that no other source of the table has the key of.
#[derive(Default)]
struct Held(std::collections::BTreeMap<(&'static str, u8), Vec<Vec<String>>>);

impl Held {
    fn take(&mut self, put: &Put) -> Vec<Vec<String>> {
        let keys = keys(put.table);
        let key = |row: &[String]| -> Vec<String> { keys.iter().map(|at| row[*at].clone()).collect() };
        self.0.remove(&(put.table, put.source));
        let others = self.0.iter().filter(|((table, _), _)| *table == put.table);
        let mut known: Vec<Vec<String>> = others.flat_map(|(_, rows)| rows).map(|row| key(row)).collect();
        let mut rows = put.rows.clone();
        rows.retain(|row| {
            let new = keys.is_empty() || !known.contains(&key(row));
            known.push(key(row));
            // A reference by time alone has each time once.
            new && (put.table != "weather" || row[1] == "null" || !self.has_time(put, row, &known))
        });
        self.0.insert((put.table, put.source), rows.clone());
        rows
    }

    fn has_time(&self, put: &Put, row: &[String], known: &[Vec<String>]) -> bool {
        let others = self.0.iter().filter(|((table, _), _)| *table == put.table);
        others.flat_map(|(_, rows)| rows).any(|other| other[1] == row[1])
            || known[..known.len() - 1].iter().any(|key| key[1] == row[1])
    }
}

async fn happen(world: &mut World, table: &str, source: u8, version: u64, rows: &[Vec<String>]) {
    let rows: Vec<Vec<&str>> = rows
        .iter()
        .map(|row| row.iter().map(String::as_str).collect())
        .collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    world.put(table, &format!("s3://raw/{source}"), version, &rows).await;
}

fn contract(direction: &str, hours: Option<u32>, days: Option<u32>) -> String {
    let tolerance = hours.map(|hours| format!("tolerance: {hours}h"));
    let days = days.map(|hours| format!("tolerance: {hours}h"));
    let text = common::contract(SCHEMA).replace("DIRECTION", &format!("direction: {direction}"));
    let text = text.replace("TOLERANCE, ", &tolerance.map_or(String::new(), |it| it + ", "));
    text.replace("DAYS, ", &days.map_or(String::new(), |it| it + ", "))
}

const REFERENCES: [&str; 3] = ["places", "weather", "fares"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_not_touched_would_be_the_same(
        direction in prop::sample::select(&["backward", "forward", "nearest"][..]),
        hours in prop::option::of(0_u32..4),
        days in prop::option::of(1_u32..100),
        puts in prop::collection::vec(put(), 1..28),
    ) {
        let contract = contract(direction, hours, days);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (found, expected) = runtime.block_on(async {
            let (mut world, mut held) = (World::of(&contract, 64 << 20), Held::default());
            for table in REFERENCES {
                // A table that is there: with rows that went.
                let row = match table {
                    "places" => ["none", "9", "none"],
                    "weather" => ["none", "2000-01-01T00:00:00Z", "9"],
                    _ => ["none", "2000-01-01", "9"],
                };
                let row = row.map(String::from).to_vec();
                happen(&mut world, table, 9, 1, std::slice::from_ref(&row)).await;
                happen(&mut world, table, 9, 2, &[]).await;
            }
            for (version, put) in (3..).zip(&puts) {
                let rows = held.take(put);
                happen(&mut world, put.table, put.source, version, &rows).await;
                world.settle().await;
            }
            let found = world.enriched().await;
            world.store.remove("lake", "enrich/test/trips_enriched.json");
            happen(&mut world, "trips", 8, 1, &[vec!["null".into(); 4]]).await;
            world.settle().await;
            happen(&mut world, "trips", 8, 2, &[]).await;
            world.settle().await;
            (found, world.enriched().await)
        });
        prop_assert_eq!(found, expected);
    }
}

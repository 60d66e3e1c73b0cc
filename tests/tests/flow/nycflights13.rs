//! The whole of nycflights13: row counts, null counts and sums are those of pyarrow on the same files.

use crate::cloud;
use serde_json::Value;
use std::{fs, path::PathBuf, sync::OnceLock};
use watershed_local::{
    command,
    seed::{self, File},
    venv::Venv,
};
use watershed_tests::{Cloud, cloud::wait, home, python, script};

/// A table as it was read back.
pub(crate) struct Landed {
    file: File,
    export: PathBuf,
    comparison: Value,
}

/// Every file sent, arrived, compared and written to Parquet: once for all tests.
pub(crate) fn landed() -> &'static [Landed] {
    static LANDED: OnceLock<Vec<Landed>> = OnceLock::new();
    LANDED.get_or_init(|| {
        let cloud = cloud();
        let _flowing = cloud
            .deliveries
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let files = seed::files(cloud.home(), &cloud.python).unwrap_or_else(|error| panic!("{error}"));
        let files: Vec<File> = files
            .into_iter()
            .filter(|file| file.path.ends_with(format!("{}.csv", file.table)))
            .collect();
        for file in &files {
            wait(seed::put(&cloud.emulator, cloud.output("RawBucket"), file)).unwrap_or_else(|error| panic!("{error}"));
        }
        // Of the cities a country's code is NA, which pyarrow takes for null.
        let files = files.into_iter().filter(|file| file.key.starts_with("nycflights13/"));
        files.map(|file| compare(cloud, file)).collect()
    })
}

fn compare(cloud: &Cloud, file: File) -> Landed {
    cloud.until_rows("nyc", file.table, file.rows);
    let export = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.parquet", file.table));
    let mut reader = cloud.python.command(script("compare.py"));
    reader
        .arg(cloud.emulator.endpoint())
        .arg(format!("nyc.{}", file.table))
        .arg(&file.path)
        .arg(&export);
    let answer = command::output(&mut reader).unwrap_or_else(|error| panic!("{error}"));
    Landed {
        file,
        export,
        comparison: serde_json::from_str(&answer).expect("the script prints JSON"),
    }
}

#[test]
fn every_table_agrees_with_pyarrow_on_the_same_file() {
    for landed in landed() {
        assert_eq!(
            landed.comparison["differences"],
            serde_json::json!([]),
            "{}",
            landed.file.table
        );
        assert_eq!(landed.comparison["rows"], landed.file.rows, "{}", landed.file.table);
    }
    let flights = landed()
        .iter()
        .find(|landed| landed.file.table == "flights")
        .expect("flights were sent");
    assert_eq!(flights.comparison["rows"], 336_776);
}

/// What DuckDB makes of the same tables: as many rows of each kind.
const SAME_JOINS: &str = "
    WITH joined AS (
        SELECT f.*, o.name AS origin_name, o.lat AS origin_lat, o.lon AS origin_lon,
               d.name AS dest_name, d.lat AS dest_lat, d.lon AS dest_lon, d.tz AS dest_tz, p.manufacturer, p.seats,
               w.time_hour >= f.time_hour - INTERVAL 3 HOURS AS near, w.temp, w.wind_speed, w.precip, w.visib, w.pressure
        FROM nyc.flights f
        LEFT JOIN nyc.airports o ON f.origin = o.faa
        LEFT JOIN nyc.airports d ON f.dest = d.faa
        LEFT JOIN nyc.planes p ON f.tailnum = p.tailnum
        ASOF LEFT JOIN nyc.weather w ON f.origin = w.origin AND f.time_hour >= w.time_hour),
    expected AS (
        SELECT * EXCLUDE (near, temp, wind_speed, precip, visib, pressure),
               CASE WHEN near THEN temp END AS temp, CASE WHEN near THEN wind_speed END AS wind_speed,
               CASE WHEN near THEN precip END AS precip, CASE WHEN near THEN visib END AS visib,
               CASE WHEN near THEN pressure END AS pressure,
               dep_time IS NULL AS cancelled
        FROM joined),
    found AS (SELECT * EXCLUDE (seat_delay, labels, completeness, dest_city_m, dest_city, dest_cities, dest_people) FROM nyc.flights_enriched)
    SELECT (SELECT count(*) FROM found) AS found,
           (SELECT count(*) FROM (FROM found EXCEPT ALL FROM expected)) AS other,
           (SELECT count(*) FROM (FROM expected EXCEPT ALL FROM found)) AS missing";

/// Distances by the haversine, over all cities for each airport; and two as they are known.
const SAME_CITIES: &str = "
    WITH places AS (SELECT DISTINCT dest, dest_lat, dest_lon FROM nyc.flights_enriched WHERE dest_lat IS NOT NULL),
    distances AS (
        SELECT dest, c.name, c.population, 2 * 6371008.8 * asin(sqrt(pow(sin(radians(c.latitude - dest_lat) / 2), 2)
               + cos(radians(dest_lat)) * cos(radians(c.latitude)) * pow(sin(radians(c.longitude - dest_lon) / 2), 2))) AS metres
        FROM places CROSS JOIN nyc.cities c WHERE abs(c.latitude - dest_lat) < 1),
    expected AS (
        SELECT dest, arg_min(name, metres) AS city, min(metres) AS metres, count(*) FILTER (metres <= 50000) AS cities,
               sum(population) FILTER (metres <= 50000) AS people
        FROM distances GROUP BY dest),
    found AS (SELECT dest, any_value(dest_city) AS city, any_value(dest_city_m) AS metres, any_value(dest_cities) AS cities,
                     any_value(dest_people) AS people, any_value(dest_lat) AS lat, count(DISTINCT (dest_city, dest_people)) AS kinds
              FROM nyc.flights_enriched GROUP BY dest)
    SELECT count(*) FILTER (lat IS NOT NULL) AS airports, max(kinds) AS kinds,
           count(*) FILTER (f.people IS DISTINCT FROM e.people OR (lat IS NOT NULL AND f.cities IS DISTINCT FROM coalesce(e.cities, 0))) AS people,
           count(*) FILTER (CASE WHEN e.metres <= 80000 THEN f.city IS DISTINCT FROM e.city OR abs(f.metres - e.metres) > 0.01
                                 ELSE f.city IS NOT NULL END) AS cities,
           max(f.city) FILTER (f.dest = 'BOS') AS boston
    FROM found f LEFT JOIN expected e ON f.dest = e.dest";

/// Columns that the contract makes of others.
const SAME_COLUMNS: &str = "
    SELECT count(*) FILTER (seat_delay IS DISTINCT FROM seats * dep_delay) AS delays,
           count(*) FILTER (list_contains(labels, 'wind') IS DISTINCT FROM coalesce(wind_speed >= 20, false)) AS wind,
           count(*) FILTER (list_contains(labels, 'late') IS DISTINCT FROM coalesce(dep_delay > 15, false)) AS late,
           count(*) FILTER (abs(completeness - ((dest_lat IS NOT NULL)::INT + (seats IS NOT NULL)::INT + (temp IS NOT NULL)::INT) / 3.0)
               > 1e-9) AS score
    FROM nyc.flights_enriched";

#[test]
fn enriched_flights_are_what_the_same_joins_give() {
    landed();
    let cloud = cloud();
    cloud.until_rows("nyc", "flights_enriched", 336_776);
    let _flowing = cloud
        .deliveries
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    cloud.settle();
    let expected = serde_json::json!([{"found": 336_776, "other": 0, "missing": 0}]);
    assert_eq!(cloud.ask(SAME_JOINS), expected);
    let answer = cloud.ask(SAME_CITIES);
    let (airports, boston) = (&answer[0]["airports"], &answer[0]["boston"]);
    assert_eq!(
        answer,
        serde_json::json!([{"airports": airports, "kinds": 1, "people": 0, "cities": 0, "boston": boston}])
    );
    assert!(airports.as_u64().is_some_and(|airports| airports > 90), "{airports}");
    let expected = serde_json::json!([{"delays": 0, "wind": 0, "late": 0, "score": 0}]);
    assert_eq!(cloud.ask(SAME_COLUMNS), expected);
}

/// What DuckDB makes of the enriched flights by the same question.
const SAME_DAYS: &str = "
    WITH expected AS (
        SELECT CAST(time_hour AT TIME ZONE 'UTC' AS DATE) AS day, origin, count(*) AS flights, count(*) FILTER (cancelled) AS cancelled,
               round(avg(dep_delay), 9) AS mean_delay, max(dep_delay) AS longest_delay, count(*) FILTER (dep_delay > 15) AS late,
               count(*) FILTER (precip > 0) AS in_rain, round(avg(dep_delay) FILTER (precip > 0), 9) AS mean_delay_in_rain,
               count(*) FILTER (wind_speed >= 20) AS in_wind, count(DISTINCT dest) AS destinations
        FROM nyc.flights_enriched GROUP BY ALL),
    found AS (
        SELECT * REPLACE (round(mean_delay, 9) AS mean_delay, round(mean_delay_in_rain, 9) AS mean_delay_in_rain) FROM nyc.daily_delays)
    SELECT (SELECT count(*) FROM found) > 1000 AS days, (SELECT sum(flights)::BIGINT FROM found) AS flights,
           (SELECT sum(cancelled)::BIGINT FROM found) AS cancelled,
           (SELECT count(*) FROM (FROM found EXCEPT ALL FROM expected)) AS other,
           (SELECT count(*) FROM (FROM expected EXCEPT ALL FROM found)) AS missing";

#[test]
fn days_are_what_the_same_question_gives() {
    landed();
    let cloud = cloud();
    cloud.until_rows("nyc", "flights_enriched", 336_776);
    let _flowing = cloud
        .deliveries
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    // The last of what references change is aggregated, too.
    cloud.until("all days are aggregated", |cloud| {
        cloud.settle();
        let is_there = cloud.current("nyc", "daily_delays").is_some();
        is_there
            && cloud.ask("SELECT sum(flights)::BIGINT AS flights FROM nyc.daily_delays")
                == serde_json::json!([{"flights": 336_776}])
    });
    cloud.settle();
    let expected =
        serde_json::json!([{"days": true, "flights": 336_776, "cancelled": 8_255, "other": 0, "missing": 0}]);
    assert_eq!(cloud.ask(SAME_DAYS), expected);
}

#[test]
fn datacontract_test_passes_on_what_landed() {
    let checks = python(Venv::Checks);
    for landed in landed() {
        let table = landed.file.table;
        let path = home().contracts().join(format!("{table}.odcs.yaml"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let here = landed.export.with_extension("odcs.yaml");
        fs::write(&here, with_local_server(&text, &landed.export)).expect("the temporary folder can be written");
        let mut datacontract = checks.tool("datacontract");
        command::output(datacontract.arg("test").arg(&here)).unwrap_or_else(|error| panic!("{table}: {error}"));
    }
}

/// The contract, but its one server is a Parquet file of this machine.
fn with_local_server(contract: &str, parquet: &std::path::Path) -> String {
    let (head, rest) = contract.split_once("\nservers:\n").expect("a contract has servers");
    let (_, schema) = rest.split_once("\nschema:\n").expect("schema comes after servers");
    let server = format!(
        "  - server: local\n    type: local\n    path: {}\n    format: parquet",
        parquet.display()
    );
    format!("{head}\nservers:\n{server}\nschema:\n{schema}")
}

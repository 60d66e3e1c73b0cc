//! What contracts say of aggregates, looked up in the contracts of their inputs.

use watershed_contract::{
    Contracts, Source,
    aggregate::{Aggregation, Input},
    parse,
};
use watershed_lake::{layout::Zone, table::properties};

const REFERENCE: &str = include_str!("../REFERENCE.md");

/// The first block of that language in the chapter.
fn example(chapter: &str, language: &str) -> &'static str {
    let (_, chapter) = REFERENCE.split_once(&format!("\n## {chapter}\n")).expect("a chapter");
    let (_, rest) = chapter.split_once(&format!("```{language}\n")).expect("an example");
    rest.split_once("```").expect("it has an end").0
}

fn contract() -> &'static str {
    example("Aggregates", "yaml")
}

/// With the contract of the inputs, which `at` has the required time of.
fn read(contract: &str, sql: &str) -> Result<Contracts, String> {
    let files = [
        ("aggregate", contract),
        ("trips", example("Enrichment", "yaml")),
        ("daily_trips.sql", sql),
    ];
    Contracts::parse(files).map_err(|errors| errors.to_string())
}

fn aggregation(contracts: &Contracts) -> &Aggregation {
    let dataset = contracts.by_id("journeys-daily").expect("there");
    dataset.aggregation.as_ref().expect("it is one")
}

fn query() -> &'static str {
    example("Aggregates", "sql")
}

/// The errors where that stands instead.
fn said(from: &str, to: &str) -> String {
    assert!(contract().contains(from), "{from}");
    read(&contract().replacen(from, to, 1), query())
        .err()
        .unwrap_or_default()
}

#[test]
fn the_example_is_read() {
    let contracts = read(contract(), query()).unwrap_or_else(|errors| panic!("{errors}"));
    let dataset = contracts.by_id("journeys-daily").expect("there");
    let input = |table: &str, column| Input {
        table: table.parse().expect("a name"),
        column,
    };
    assert_eq!(
        *aggregation(&contracts),
        Aggregation {
            sql: query().into(),
            file: "daily_trips.sql".into(),
            inputs: vec![input("travel.trips_enriched", Some(0)), input("travel.stations", None)],
            partition: Some(0),
        }
    );
    let table = &dataset.table;
    assert!(matches!(dataset.source, Source::Tables));
    assert_eq!(
        (table.zone, &*table.properties[properties::ROLE]),
        (Zone::Mart, "aggregate")
    );
    let sorted: Vec<_> = table
        .sort
        .iter()
        .map(|field| (field.column, field.descending))
        .collect();
    assert_eq!(sorted, [(0, false), (1, false)], "by its primary key");
    let tables: Vec<String> = dataset.tables().map(|table| table.name.to_string()).collect();
    assert_eq!(tables, ["travel.daily_trips"], "nothing is refused");
    assert!(contracts.find_by_key("").is_none() && dataset.stream().is_none());
}

#[test]
fn a_changed_query_is_another_dataset() {
    let digest = |contract: &str, sql: &str| {
        let contracts = read(contract, sql).unwrap_or_else(|errors| panic!("{errors}"));
        contracts.by_id("journeys-daily").expect("there").digest.clone()
    };
    let one = digest(contract(), query());
    assert_eq!(one, digest(contract(), query()));
    assert_ne!(
        one,
        digest(contract(), &query().replace("count(*)", "count(t.minutes)"))
    );
    assert_ne!(one, digest(&contract().replace("1.0.0", "1.0.1"), query()));
}

#[test]
fn a_table_may_be_made_as_a_whole_and_sorted_otherwise() {
    let (begin, rest) = contract().split_once("            partition:").expect("there");
    let end = rest
        .find("at}")
        .map(|at| &rest[at..])
        .and_then(|rest| rest.split_once('\n'));
    let whole = format!("{begin}{}", end.expect("there").1).replace(
        "partition: [{column: day, transform: month}]",
        "sort: [{column: trips, descending: true}]",
    );
    let contracts = read(&whole, query()).unwrap_or_else(|errors| panic!("{errors}"));
    let dataset = contracts.by_id("journeys-daily").expect("there");
    assert_eq!(aggregation(&contracts).partition, None);
    assert_eq!((dataset.table.sort.len(), dataset.table.sort[0].column), (1, 2));
}

/// What is written in place of what, and what is said of it.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "sql: daily_trips.sql ",
        "sql: daily_trip.sql ",
        r#"no file "daily_trip.sql" beside the contract: write daily_trips.sql"#,
    ),
    (
        "sql: daily_trips.sql ",
        "sql: ../daily_trips.sql ",
        "its name without a folder here",
    ),
    (
        "sql: daily_trips.sql ",
        "sql: daily_trips.txt ",
        "write the query in a file *.sql",
    ),
    (
        "            sql: daily_trips.sql ",
        "            # ",
        "no sql: write sql:",
    ),
    (
        "[travel.trips_enriched, travel.stations]",
        "[]",
        "0 inputs: write 1 to 32",
    ),
    (
        "travel.stations]",
        "travel.station]",
        r#"no contract makes a table "travel.station": did you mean travel.stations?"#,
    ),
    (
        "travel.stations]",
        "stations]",
        r#"no contract makes a table "stations""#,
    ),
    (
        "travel.stations]",
        "travel.stations, travel.stations]",
        "travel.stations a second time",
    ),
    (
        "travel.stations]",
        "travel.stations, travel.cities]",
        "travel.cities is not in the query of",
    ),
    (
        "travel.stations]",
        "travel.stations, travel.daily_trips]",
        "travel.daily_trips is not in the query",
    ),
    (
        "column: day     ",
        "column: dya     ",
        r#"travel.daily_trips has no column "dya": did you mean day?"#,
    ),
    (
        "column: day     ",
        "column: station     ",
        "the table is not partitioned by station: write day",
    ),
    (
        "          partition: [{column: day, transform: month}]\n",
        "",
        "the table is not partitioned by day: write partition: [{column: day, transform: month}]",
    ),
    (
        "transform: month",
        "transform: \"bucket[4]\"",
        "bucket[4] of day, which is of type date: partition by the year",
    ),
    (
        "{name: day, logicalType: date, required: true, primaryKey: true, primaryKeyPosition: 1}",
        "{name: day, logicalType: date}",
        "day, which may be null: write required: true there",
    ),
    (
        "{name: day, logicalType: date, required: true, primaryKey: true, primaryKeyPosition: 1}",
        "{name: day, logicalType: date, required: true}",
        "day is not in the primary key: write primaryKey: true there",
    ),
    (
        "of: {travel.trips_enriched: at}",
        "of: {travel.trips_enriched: station}",
        "day of type date, station of type string",
    ),
    (
        "of: {travel.trips_enriched: at}",
        "of: {travel.trips_enriched: att}",
        r#"travel.trips_enriched has no column "att""#,
    ),
    (
        "of: {travel.trips_enriched: at}",
        "of: {travel.trips: at}",
        r#""travel.trips" is no input: did you mean travel.trips_enriched?"#,
    ),
    ("of: {travel.trips_enriched: at}", "of: {}", "of of no input"),
    (
        "              column: day ",
        "              colour: red\n              column: day ",
        "unknown key \"colour\"",
    ),
    (
        "          aggregate:",
        "          nulls: [NA]\n          aggregate:",
        "nulls does not apply: rows of an aggregate are made by a query",
    ),
    (
        "          aggregate:",
        "          quote: none\n          aggregate:",
        "quote does not apply",
    ),
    (
        "          aggregate:",
        "          windows: []\n          aggregate:",
        "windows does not apply",
    ),
    (
        "          aggregate:",
        "          enrich: [{score: s, of: [trips > 1]}]\n          aggregate:",
        "enrich does not apply: an aggregate is not enriched",
    ),
    (
        "minutes, logicalType: number}",
        "minutes, logicalType: number, logicalTypeOptions: {minimum: 0}}",
        "minimum does not apply: values of an aggregate are not checked",
    ),
    (
        "minutes, logicalType: number}",
        "minutes, logicalType: number, transformLogic: cast(trips as double)}",
        "a computed column of an aggregate",
    ),
    (
        "minutes, logicalType: number}",
        "minutes, logicalType: number, quality: [{metric: nullValues, mustBe: 0}]}",
        "a quality rule of an aggregate",
    ),
    (
        "minutes, logicalType: number}",
        "minutes, logicalType: number, customProperties: [{property: watershed, value: {source: m}}]}",
        "source does not apply: the column is made by a query",
    ),
    (
        "minutes, logicalType: number}",
        "minutes, logicalType: string, classification: personal, customProperties: [{property: watershed, value: {personal: hash}}]}",
        "hide it where it is read",
    ),
    (
        "minutes, logicalType: number}",
        "minutes, logicalType: array, items: {logicalType: number}}",
        "a list in an aggregate",
    ),
];

#[test]
fn one_mistake_makes_one_message() {
    for (from, to, expected) in MISTAKES {
        let errors = said(from, to);
        assert!(errors.contains(expected), "{to}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{to}: {errors}");
    }
    let no_key = contract()
        .replace(", primaryKey: true, primaryKeyPosition: 1", "")
        .replace(", primaryKey: true, primaryKeyPosition: 2", "");
    let errors = read(&no_key, query()).expect_err("no key");
    assert!(errors.contains("an aggregate without primary key"), "{errors}");
    let errors = read(contract(), " \n").expect_err("no query");
    assert!(
        errors.contains("daily_trips.sql of 2 bytes: write one SELECT in it"),
        "{errors}"
    );
}

#[test]
fn errors_tell_the_line() {
    let errors = said("column: day     ", "column: station     ");
    assert_eq!(
        errors,
        "aggregate:22: schema.daily_trips.watershed.aggregate.partition: the table is not partitioned by station: write day"
    );
}

#[test]
fn no_table_is_made_of_itself() {
    let one = |name: &str, input: &str| {
        contract()
            .replace("id: journeys-daily", &format!("id: {name}"))
            .replace("name: daily_trips", &format!("name: {name}"))
            .replace("sql: daily_trips.sql", &format!("sql: {name}.sql"))
            .replace(
                "inputs: [travel.trips_enriched, travel.stations]",
                &format!("inputs: [{input}]"),
            )
            .replace("of: {travel.trips_enriched: at}", &format!("of: {{{input}: day}}"))
    };
    let (a, b) = (one("a", "travel.b"), one("b", "travel.a"));
    let files = [
        ("a", &*a),
        ("b", &b),
        ("a.sql", "FROM travel.b"),
        ("b.sql", "FROM travel.a"),
    ];
    let errors = Contracts::parse(files).expect_err("a cycle").to_string();
    assert!(
        errors.contains("travel.a is made of itself, by way of travel.b, travel.a: take one of them out"),
        "{errors}"
    );
    assert_eq!(errors.lines().count(), 2, "{errors}");
}

#[test]
fn a_reference_that_is_made_of_what_it_enriches_is_a_cycle() {
    let trips = "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: j\nstatus: active\ndomain: travel\nservers:\n  - {server: raw, type: s3, location: \"s3://{raw}/t/{model}/*.csv\", format: csv}\nschema:\n  - name: stations\n    properties: [{name: code, logicalType: string, required: true, primaryKey: true}, {name: name, logicalType: string}]\n  - name: trips\n    properties: [{name: at, logicalType: timestamp, required: true}, {name: day, logicalType: date}, {name: station, logicalType: string}, {name: minutes, logicalType: number}]\n    customProperties:\n      - property: watershed\n        value: {enrich: [{lookup: daily_trips, on: {day: day, station: station}, add: {all_trips: trips}}]}\n";
    let read = Contracts::parse([("a", contract()), ("t", trips), ("daily_trips.sql", query())]);
    let errors = read.expect_err("a cycle").to_string();
    let expected = "travel.daily_trips is made of itself, by way of travel.trips_enriched, travel.daily_trips";
    assert!(errors.contains(expected), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

/// What is tried on a contract alone has no need of the others.
#[test]
fn a_contract_by_itself_is_read_without_its_inputs() {
    let datasets = parse("f", contract()).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(datasets[0].aggregation.is_none() && datasets[0].location().is_none());
}

/// What is wrong with an enrichment is not said again of the aggregates over it.
#[test]
fn an_input_that_was_reported_is_no_further_mistake() {
    let trips = example("Enrichment", "yaml").replacen("minutes > 15", "minutes >", 1);
    let files = [("a", contract()), ("t", &*trips), ("daily_trips.sql", query())];
    let errors = Contracts::parse(files).expect_err("one mistake").to_string();
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

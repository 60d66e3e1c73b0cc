//! What contracts say of enrichment, looked up in the contracts of the references.

use watershed_contract::{
    Contracts, Dataset,
    enrich::{Around, Direction, Enrichment, Matching, Pair, Point, Work},
    parse,
};
use watershed_lake::{ColumnType, added::added_id, layout::Zone, table::properties};

const REFERENCE: &str = include_str!("../REFERENCE.md");

/// The example of the chapter: it uses every key.
fn example() -> &'static str {
    let (_, chapter) = REFERENCE.split_once("\n## Enrichment\n").expect("a chapter");
    let (_, rest) = chapter.split_once("```yaml\n").expect("the chapter has an example");
    rest.split_once("```").expect("it has an end").0
}

fn contracts(text: &str) -> Contracts {
    Contracts::parse([("f", text)]).unwrap_or_else(|errors| panic!("{errors}"))
}

fn trips(contracts: &Contracts) -> (&Dataset, &Enrichment) {
    let trips = contracts.by_id("journeys/trips").expect("there");
    (trips, trips.enrichment.as_ref().expect("it has one"))
}

fn said(from: &str, to: &str) -> String {
    assert!(example().contains(from), "{from}");
    let text = example().replacen(from, to, 1);
    let read = Contracts::parse([("f", text.as_str())]);
    read.map_or_else(|errors| errors.to_string(), |_| String::new())
}

#[test]
fn every_step_is_read() {
    let contracts = contracts(example());
    let (trips, enrichment) = trips(&contracts);
    let table = &enrichment.table;
    let steps: Vec<_> = enrichment
        .steps
        .iter()
        .map(|step| (&*step.label, step.added.clone()))
        .collect();
    assert_eq!(
        steps,
        [
            ("lookup stations on station", 3..6),
            ("asOf weather on at", 6..8),
            ("nearest cities on lat", 8..11),
            ("around cities at lat", 11..13),
            ("region zones on lat", 13..14),
            ("derive late", 14..15),
            ("labels labels", 15..16),
            ("score completeness", 16..17),
        ]
    );
    let columns: Vec<String> = table.columns.iter().map(|c| format!("{} {}", c.name, c.kind)).collect();
    insta::assert_snapshot!(columns.join(", "), @"at timestamptz, station string, minutes long, lat double, lon double, station_name string, temperature double, rain double, city string, city_population long, city_m double, cities_around long, people_around long, zone string, late boolean, labels list, completeness double");
    assert_eq!(
        (table.zone, table.name.to_string()),
        (Zone::Enriched, "travel.trips_enriched".into())
    );
    assert_eq!(table.properties[properties::ROLE], "enriched");
    assert_eq!(table.columns[..3], trips.table.columns);
    assert_eq!(table.columns[3].id, added_id("lat"));
    assert_eq!(trips.table_of(&table.name), Some(table));
    assert_eq!(
        contracts.by_table(&table.name).map(|found| &*found.id),
        Some("journeys/trips")
    );
    let references: Vec<_> = enrichment.references().iter().map(ToString::to_string).collect();
    assert_eq!(
        references,
        ["stations", "weather", "cities", "zones"].map(|name| format!("travel.{name}"))
    );
    let cities = enrichment.references()[2].clone();
    assert_eq!(enrichment.columns_of(&cities), [0, 1, 2, 3]);
}

#[test]
fn joins_name_columns_by_their_indexes() {
    let contracts = contracts(example());
    let (_, enrichment) = trips(&contracts);
    let pair = |ours, theirs| Pair { ours, theirs };
    let point = Point {
        latitude: pair(3, 1),
        longitude: pair(4, 2),
    };
    let expected = [
        Matching::Lookup {
            on: vec![pair(1, 0)],
            columns: vec![2, 3, 1],
        },
        Matching::AsOf {
            on: vec![pair(1, 0)],
            time: pair(0, 1),
            direction: Direction::Backward,
            tolerance_us: Some(3 * 3_600_000_000),
            columns: vec![2, 3],
        },
        Matching::Nearest {
            point,
            within_m: 50_000.0,
            columns: vec![0, 3],
            distance: true,
        },
        Matching::Around {
            point,
            within_m: 30_000.0,
            aggregates: vec![Around::Count, Around::Sum(3)],
        },
        Matching::Region {
            latitude: 3,
            longitude: 4,
            shape: 1,
            columns: vec![0],
        },
    ];
    let joins = enrichment.steps.iter().filter_map(|step| match &step.work {
        Work::Join(join) => Some(&join.matching),
        _ => None,
    });
    assert!(joins.eq(&expected));
}

#[test]
fn descriptions_say_where_a_column_is_from() {
    let contracts = contracts(example());
    let table = &trips(&contracts).1.table;
    let docs = [
        "station_name",
        "rain",
        "city",
        "city_m",
        "people_around",
        "zone",
        "late",
        "labels",
        "completeness",
    ]
    .map(|name| {
        format!(
            "{name}: {}",
            table.column(name).and_then(|(_, c)| c.doc.clone()).unwrap_or_default()
        )
    });
    insta::assert_snapshot!(docs.join("\n"));
}

#[test]
fn what_a_column_is_stays_with_it() {
    let text = example().replace(
        "{name: name, logicalType: string}\n      - {name: lat,",
        "{name: name, logicalType: string, classification: personal, tags: [who], customProperties: [{property: watershed, value: {personal: hash}}]}\n      - {name: lat,",
    );
    let text = text.replace("\"minutes > 15\"", "station_name = 'x'");
    let text = text.replace("of: [lat is not null,", "of: [station_name = 'x',").replace(
        "{name: longitude, logicalType: number, required: true}",
        "{name: longitude, logicalType: number, required: true, classification: pii, customProperties: [{property: watershed, value: {personal: keep}}]}",
    );
    let contracts = contracts(&text);
    let table = &trips(&contracts).1.table;
    let column = |name| table.column(name).expect("there").1;
    assert_eq!(column("station_name").tags, ["who"]);
    for name in ["station_name", "late", "completeness"] {
        assert_eq!(column(name).classification.as_deref(), Some("personal"), "{name}");
    }
    assert_eq!(column("city_m").classification.as_deref(), Some("pii"));
    assert_eq!(column("lat").classification, None);
    assert_eq!(column("late").kind, ColumnType::Boolean);
}

#[test]
fn one_mistake_makes_one_message() {
    let cases = [
        (
            "lookup: stations ",
            "lookup: station ",
            r#"no contract makes a table "travel.station": did you mean travel.stations?"#,
        ),
        (
            "lookup: stations ",
            "lookup: trips ",
            "a table that is its own reference",
        ),
        (
            "{station: code}",
            "{stations: code}",
            r#"travel.trips has no column "stations": did you mean station?"#,
        ),
        (
            "{station: code}",
            "{station: cod}",
            r#"travel.stations has no column "cod": did you mean code?"#,
        ),
        (
            "{station: code}",
            "{minutes: code}",
            "minutes = code: long and string: write columns of one type",
        ),
        (
            "{station: code}",
            "{station: name}",
            "rows of travel.stations are told apart by code too",
        ),
        (
            "on: {station: station} ",
            "on: {} ",
            "rows of travel.weather are told apart by station too",
        ),
        (
            "{at: hour}",
            "{minutes: hour}",
            "time minutes of long, time hour of timestamptz",
        ),
        (
            "{at: hour}",
            "{at: hour, station: station}",
            "time is a mapping: write one pair",
        ),
        ("tolerance: 3h", "tolerance: 3 hours", "tolerance is \"3 hours\""),
        ("direction: backward", "direction: back", "did you mean backward?"),
        ("within: 50km", "within: 50", "within is 50: write a number of m or km"),
        (
            "within: 50km",
            "within: 50000km",
            "write a number of m or km, up to 20015.115km",
        ),
        (
            "{lat: latitude}",
            "{station_name: latitude}",
            "station_name, which is of type string",
        ),
        (
            "function: sum, column: population",
            "function: sum, column: name",
            "name, which is of type string",
        ),
        (
            "function: records}",
            "function: records, column: name}",
            "column does not apply: records counts rows",
        ),
        ("shape: polygon ", "shape: polygons ", "did you mean polygon?"),
        ("minutes > 15", "minutes >", "at 1:10"),
        (
            "\"rain > 0\"",
            "rain",
            "a condition of type double: write what is true or false",
        ),
        ("\"rain > 0\"", "\"completeness > 0\"", "completeness"),
        (
            "{zone: name}",
            "{city: name}",
            "a second column \"city\": write another name",
        ),
        ("{zone: name}", "{Zone: name}", "a column named \"Zone\""),
        ("{zone: name}", "{}", "a step that adds no column"),
        (
            "- score: completeness ",
            "- scores: completeness ",
            "a step of 0 kinds: write just one of lookup",
        ),
        (
            "        on: {station: code}",
            "        on: {station: code}\n              within: 1km",
            r#"unknown key "within""#,
        ),
    ];
    for (from, to, expected) in cases {
        let errors = said(from, to);
        assert!(errors.contains(expected), "{to}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{to}: {errors}");
    }
}

/// What is named is looked up once all contracts can be read.
#[test]
fn everything_wrong_is_said_at_once() {
    for (name, text) in [
        ("bad_enrich", include_str!("bad_enrich.odcs.yaml")),
        ("bad_references", include_str!("bad_references.odcs.yaml")),
    ] {
        let file = format!("{name}.odcs.yaml");
        let errors = Contracts::parse([(file.as_str(), text)]).expect_err("nothing in it is right");
        insta::assert_snapshot!(name, errors);
    }
}

/// What is tried on a contract alone has no need of the others.
#[test]
fn a_contract_by_itself_is_read_without_its_references() {
    let (alone, _) = example().split_once("  - name: stations\n").expect("there");
    let datasets = parse("f", alone).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(datasets[0].enrichment.is_none());
    assert!(Contracts::parse([("f", alone)]).is_err());
    assert!(parse("f", example()).is_ok_and(|all| all[0].enrichment.is_some()));
}

#[test]
fn rows_of_a_stream_are_not_enriched() {
    let stream = include_str!("../../../tests/contracts/readings.odcs.yaml").replace("TABLE", "readings");
    let enrich = "          enrich: [{score: s, of: [value is not null]}]\n          stream: {";
    let text = stream.replacen("          stream: {", enrich, 1);
    assert_ne!(text, stream);
    let errors = parse("f", &text).expect_err("no").to_string();
    assert!(errors.contains("rows of a stream are not enriched yet"), "{errors}");
}

//! The contracts that are shipped, and the example of the reference, mean what they say.

use std::{path::Path, sync::Arc};
use watershed_contract::{
    Bound, BoundValue, Case, Contracts, CsvFormat, Dataset, Encoding, EpochUnit, Format, Locale, Negative,
    NumberFormat, OnFailure, RaggedEnds, RepeatedHeader, parse,
};
use watershed_lake::{ColumnType, TableName, Transform, layout::Zone, table::properties, windows};

fn shipped() -> Contracts {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/contracts");
    Contracts::load(&dir).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn every_shipped_contract_loads_and_finds_its_objects() {
    let contracts = shipped();
    let tables: Vec<String> = contracts.iter().map(|d| d.table.name.to_string()).collect();
    assert_eq!(
        tables,
        [
            "nyc.airlines",
            "nyc.airports",
            "nyc.cities",
            "nyc.daily_delays",
            "nyc.departures",
            "nyc.flights",
            "nyc.planes",
            "nyc.weather"
        ]
    );
    for name in ["airlines", "airports", "flights", "planes", "weather"] {
        for key in [
            format!("{name}.csv"),
            format!("{name}.csv.gz"),
            "2013-01.csv.zst".into(),
        ] {
            let found = contracts
                .find_by_key(&format!("nycflights13/{name}/{key}"))
                .expect(&key);
            assert_eq!(found.id, format!("nycflights13-{name}"));
        }
        assert!(contracts.by_id(&format!("nycflights13-{name}")).is_some());
        assert!(
            contracts
                .by_table(&TableName::new("nyc", name).expect("a name"))
                .is_some()
        );
        let quarantine = TableName::new("nyc", &format!("{name}_quarantine")).expect("a name");
        assert!(contracts.by_table(&quarantine).is_some());
    }
    for key in [
        "nycflights13/flights/x.parquet",
        "nycflights13/flights/a/x.csv",
        "flights/x.csv",
        "",
    ] {
        assert!(contracts.find_by_key(key).is_none(), "{key}");
    }
    for dataset in contracts.iter() {
        assert_eq!(dataset.columns.len(), dataset.table.columns.len());
        let is_file = dataset.location().is_some();
        // NA is a country's code among cities.
        let has_na = is_file && dataset.id != "geonames-cities";
        assert!(
            dataset
                .columns
                .iter()
                .all(|rule| rule.nulls.contains("NA") == has_na && rule.trim)
        );
        assert_eq!(dataset.primary_key.is_empty(), dataset.stream().is_some());
        assert!(
            dataset
                .table
                .columns
                .iter()
                .all(|c| c.doc.is_some() && c.classification.as_deref() == Some("public"))
        );
    }
}

#[test]
fn flights_are_partitioned_by_month_and_sorted_by_hour() {
    let contracts = shipped();
    let flights = contracts.by_id("nycflights13-flights").expect("shipped");
    let names = |indexes: &mut dyn Iterator<Item = usize>| {
        indexes
            .map(|i| flights.table.columns[i].name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(&mut flights.primary_key.iter().copied()),
        ["time_hour", "carrier", "flight", "origin"]
    );
    assert_eq!(
        names(&mut flights.table.sort.iter().map(|f| f.column)),
        ["time_hour", "carrier", "flight"]
    );
    let [field] = flights.table.partition.as_slice() else {
        panic!("one field")
    };
    assert_eq!(
        (field.transform, field.name.as_str()),
        (Transform::Month, "time_hour_month")
    );
    assert_eq!(flights.version_text(), "1.1.0");
    assert_eq!(
        rules(flights),
        [
            ("hour and minute are those of sched_dep_time", OnFailure::RejectRow),
            ("a file has flights", OnFailure::Warn),
            ("planes are mostly assigned", OnFailure::Warn),
            ("invalidValues of origin", OnFailure::RejectRow),
        ]
    );
    assert_eq!(flights.format, Format::Csv(CsvFormat::rfc4180(b',')));
    let (index, origin) = flights.table.column("origin").expect("a column");
    assert!(origin.required);
    assert_eq!(
        flights.columns[index].checks.one_of.iter().collect::<Vec<_>>(),
        ["EWR", "JFK", "LGA"]
    );
    let (index, _) = flights.table.column("time_hour").expect("a column");
    assert_eq!(flights.kind(index), ColumnType::TimestampTz);
}

#[test]
fn departures_are_a_stream_that_is_watched_hour_by_hour() {
    let contracts = shipped();
    let departures = contracts.by_stream("departures").expect("shipped");
    let stream = departures.stream().expect("a stream");
    let tables: Vec<String> = departures.tables().map(|table| table.name.to_string()).collect();
    let beside = ["", "_quarantine", "_late", "_hourly", "_daily", "_anomalies"];
    assert_eq!(tables, beside.map(|suffix| format!("nyc.departures{suffix}")));
    assert_eq!(
        stream.event_time.map(|at| departures.table.columns[at].name.as_str()),
        Some("scheduled")
    );
    // A clock of today must not close windows of a replay.
    assert_eq!(stream.idle_ms, None);
    let [hourly, daily] = stream.windows.as_slice() else {
        panic!("two windows")
    };
    let key: Vec<&str> = hourly
        .key
        .iter()
        .map(|at| departures.table.columns[*at].name.as_str())
        .collect();
    assert_eq!((key, &hourly.key), (vec!["origin"], &daily.key));
    let outputs = &hourly.table.columns[windows::column::COUNT + hourly.key.len()..];
    let watched: Vec<&str> = hourly
        .detectors
        .iter()
        .map(|detect| outputs[detect.output].name.as_str())
        .collect();
    assert_eq!(watched, ["mean_delay", "cancelled_share"]);
    // What the defaults find in a year of hours was looked at; a day is too long for them.
    assert!(
        hourly
            .detectors
            .iter()
            .all(|detect| detect.settings == watershed_anomaly::Settings::default())
    );
    assert_eq!(daily.detectors, []);
}

#[test]
fn of_several_locations_the_longest_literal_prefix_wins() {
    let contract = |id: &str, location: &str| {
        format!(
            "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: {id}\nstatus: active\ndomain: d\n\
             servers: [{{server: raw, type: s3, location: 's3://{{raw}}/{location}', format: json}}]\n\
             schema: [{{name: {id}, properties: [{{name: a, logicalType: string}}]}}]\n"
        )
    };
    let files = [
        ("a", contract("a", "x/**")),
        ("b", contract("b", "x/y/*.json")),
        ("c", contract("c", "x/y/z*.json")),
    ];
    let contracts = Contracts::parse(files.iter().map(|(n, t)| (*n, t.as_str()))).expect("valid");
    for (key, id) in [
        ("x/1", "a"),
        ("x/y/1.json", "b"),
        ("x/y/z1.json", "c"),
        ("x/y/z/1.json", "a"),
        ("x/y/z1.csv", "a"),
    ] {
        assert_eq!(contracts.find_by_key(key).map(|d| d.id.as_str()), Some(id), "{key}");
    }
}

#[test]
fn several_schema_objects_share_a_location() {
    let text = "version: 2.1.0\nkind: DataContract\napiVersion: v3.0.2\nid: shop\nstatus: active\ndomain: shop\n\
                servers: [{server: raw, type: s3, location: 's3://{raw}/shop/{model}/**', format: parquet}]\n\
                schema:\n  - {name: orders, properties: [{name: a, logicalType: string}]}\n  \
                - {name: bills, properties: [{name: a, logicalType: integer, partitioned: true}]}\n";
    let datasets = parse("f", text).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(
        datasets.iter().map(|d| d.id.as_str()).collect::<Vec<_>>(),
        ["shop/orders", "shop/bills"]
    );
    assert!(
        datasets[0]
            .location()
            .unwrap()
            .key
            .is_match("shop/orders/2024/1.parquet")
    );
    assert!(
        !datasets[0]
            .location()
            .unwrap()
            .key
            .is_match("shop/bills/2024/1.parquet")
    );
    assert_eq!(datasets[1].table.partition[0].name, "a");
    assert_eq!(datasets[1].format, Format::Parquet);
    let errors = parse("f", &text.replace("{model}", "all")).expect_err("both would take every object");
    assert!(errors.to_string().contains("write {model}"), "{errors}");
}

/// Names of the rules, and what they do.
fn rules(dataset: &Dataset) -> Vec<(&str, OnFailure)> {
    let rules = dataset.quality.iter();
    rules.map(|rule| (rule.name.as_str(), rule.on_failure)).collect()
}

/// The dataset of the reference's example.
fn example() -> Arc<Dataset> {
    let reference = include_str!("../REFERENCE.md");
    let example = reference
        .split_once("```yaml\n")
        .and_then(|(_, rest)| rest.split_once("```"))
        .expect("an example")
        .0;
    let mut datasets = parse("example", example).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(datasets.len(), 1);
    datasets.remove(0)
}

#[test]
fn the_example_has_a_computed_column_and_rules() {
    let orders = example();
    let rule = |name: &str| &orders.columns[orders.table.column(name).expect(name).0];
    let net = rule("net").computed.as_ref().expect("it is computed");
    assert!(!net.reads_field && !rule("net").is_read());
    assert_eq!(orders.source_columns, orders.columns.len() - 1);
    assert_eq!(
        rules(&orders),
        [
            ("rowCount", OnFailure::RejectObject),
            ("due after the order", OnFailure::RejectRow),
            ("freshness of ordered_at", OnFailure::Warn),
            ("invalidValues of state", OnFailure::RejectRow),
        ]
    );
}

#[test]
fn the_example_of_the_reference_says_what_it_says() {
    let orders = example();
    assert_eq!(orders.table.name.to_string(), "shop.orders");
    assert_eq!(orders.table.zone, Zone::Preprocessed);
    assert_eq!(orders.quarantine.name.to_string(), "shop.orders_quarantine");
    assert_eq!(
        orders.format,
        Format::Csv(CsvFormat {
            quote: Some(b'\''),
            escape: Some(b'\\'),
            comment: Some(b'#'),
            skip_lines: 2,
            multiline: false,
            ragged_ends: RaggedEnds::Pad,
            repeated_header: RepeatedHeader::Skip,
            ..CsvFormat::rfc4180(b';')
        })
    );
    assert_eq!(orders.encoding, Encoding::Windows1252);
    assert_eq!(orders.table.properties[properties::TAGS], "shop,finance");
    assert_eq!(orders.table.properties[properties::DOMAIN], "sales");
    assert_eq!(orders.table.properties[properties::CONTRACT], "shop-orders");
    assert_eq!(orders.table.properties[properties::ROLE], "data");
    assert_eq!(orders.quarantine.properties[properties::ROLE], "quarantine");
    let partition: Vec<_> = orders
        .table
        .partition
        .iter()
        .map(|f| (f.transform, f.name.as_str()))
        .collect();
    assert_eq!(
        partition,
        [(Transform::Month, "ordered_at_month"), (Transform::Bucket(16), "shard")]
    );
    assert!(orders.table.sort[1].descending);
    let rule = |name: &str| &orders.columns[orders.table.column(name).expect(name).0];
    let exact = |value, exclusive| {
        Some(Bound {
            value: BoundValue::Exact(value),
            exclusive,
        })
    };
    assert_eq!(rule("order_id").source, "Order No");
    assert_eq!(rule("order_id").checks.min, exact(1, false));
    assert_eq!(rule("ordered_at").temporal.patterns, ["%d.%m.%Y %H:%M:%S"]);
    assert_eq!(
        rule("ordered_at").temporal.zone,
        Some("Europe/Paris".parse().expect("a zone"))
    );
    assert_eq!(rule("ordered_at").checks.min, exact(978_307_200_000_000, false));
    assert_eq!((rule("customer").case, rule("customer").trim), (Case::Upper, false));
    assert!(rule("customer").nulls.is_empty() && rule("amount").nulls.contains("-"));
    assert_eq!(rule("amount").checks.min, exact(0, true));
    assert_eq!(rule("amount").checks.max, exact(100_000_000, false));
    let number = |group, negative, strip: &[&str]| NumberFormat {
        decimal: ',',
        group: Some(group),
        negative,
        strip: strip.iter().map(ToString::to_string).collect(),
        units: None,
    };
    assert_eq!(rule("order_id").number, number('.', Negative::Leading, &[]));
    assert_eq!(
        rule("amount").number,
        number('\'', Negative::Parentheses, &["EUR", "€"])
    );
    assert_eq!(
        (rule("due").temporal.locale, rule("seen_at").temporal.locale),
        (Locale::Fr, Locale::De)
    );
    assert!(rule("state").checks.one_of.contains("paid"));
    assert!(rule("paid").booleans.0.contains("ja") && !rule("paid").booleans.0.contains("true"));
    assert_eq!(rule("due").temporal.patterns.len(), 2);
    assert_eq!(rule("seen_at").temporal.epoch, Some(EpochUnit::Millisecond));
    let classified = orders.table.column("customer").expect("a column").1;
    assert_eq!(
        (classified.classification.as_deref(), classified.tags.as_slice()),
        (Some("personal"), &["customer".to_string()][..])
    );
}

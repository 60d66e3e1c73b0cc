//! Lineage is OpenLineage: every kind of event, of every kind of table, is one by the classes that its makers generate from its schemas.

use serde_json::Value;
use std::{io::Write, process::Stdio};
use watershed_contract::{Contracts, Dataset};
use watershed_lake::{
    CommitRequest, LakeLocation, Maintain, MaintenanceRequest, Run, SourceOrder, StagedFile, Swap, TableSpec,
    layout::derived_source,
    lineage::{Landed, Period, RunRule},
};
use watershed_lineage::{Checked, Lineage, Replay, RunEvent};
use watershed_local::venv::Venv;
use watershed_tests::{home, python, script};

const LANDED: Landed = Landed {
    snapshot_id: 7,
    made_ms: 1_360_454_399_999,
    before: Some(Period {
        start_ms: 1_360_447_200_000,
        snapshot_id: 6,
        files: 2,
        rows: 5,
        bytes: 900,
    }),
};

fn file() -> StagedFile {
    StagedFile {
        path: "0.parquet".into(),
        bytes: 100,
        rows: 3,
    }
}

fn request(dataset: &Dataset, table: &TableSpec, source: &str, run: Run) -> CommitRequest {
    let (order, prefix) = (SourceOrder::epoch(1), "s3://lake/x/".into());
    let (table, contract) = (table.name.clone(), dataset.id.clone());
    CommitRequest::new(table, contract, source.into(), order, prefix, vec![file()], None).made_by(run)
}

fn rules() -> Vec<RunRule> {
    let rule = |column: Option<&str>, holds| RunRule {
        name: "rowCount".into(),
        column: column.map(Into::into),
        holds,
    };
    vec![rule(None, true), rule(Some("dest"), false)]
}

/// Of each kind one, of the shipped contracts.
fn events(lineage: &Lineage<'_>) -> Vec<RunEvent> {
    let dataset = |name: &str| lineage.contracts.by_id(name).expect("it is shipped");
    let (flights, departures) = (dataset("nycflights13-flights"), dataset("nycflights13-departures"));
    let daily = lineage.contracts.iter().find(|dataset| dataset.aggregation.is_some());
    let daily = daily.expect("an aggregate is shipped");
    let object = "s3://raw/nycflights13/flights/2013.csv.gz";
    let replay = "mended".parse().expect("a name");
    let ingest = || Run {
        replay: Some(replay),
        ..Run::of("ingest").checked(rules())
    };
    let replay = "mended".parse().expect("a name");
    let enriched = &flights.enrichment.as_ref().expect("it is enriched").table;
    let airports = "nyc.airports".parse().expect("a name");
    let read = [(flights.table.name.clone(), Some(5)), (airports, None)];
    let part = Run::of("aggregate").reading([(enriched.name.clone(), Some(5))]);
    let requests = [
        request(flights, &flights.table, object, ingest()),
        request(
            flights,
            &flights.quarantine,
            object,
            Run::of("ingest").failing(Some("damaged".into())),
        ),
        request(
            flights,
            enriched,
            &derived_source(&flights.table.name, "0a"),
            Run::of("enrich").reading(read),
        ),
        request(daily, &daily.table, "aggregate/x/whole", part),
        request(
            departures,
            &departures.table,
            "kinesis://departures/shardId-0",
            Run::of("analyze"),
        )
        .appending(None),
        request(
            departures,
            &departures.quarantine,
            "kinesis://departures/shardId-0",
            Run::of("analyze"),
        )
        .appending(None),
    ];
    let swap = Swap {
        prefix: "s3://lake/x/".into(),
        replaced: vec!["1.parquet".into()],
        files: vec![file()],
        erased_rows: 0,
    };
    let remove = Maintain::RemoveBefore {
        column: "time_hour".into(),
        before_us: 1,
    };
    let maintenance = [Maintain::Swap(swap), remove].map(|maintain| MaintenanceRequest {
        table: flights.table.name.clone(),
        contract: flights.id.clone(),
        maintain,
        trace: None,
    });
    let rules = rules();
    let looked = |snapshot_id| Checked {
        dataset: flights,
        snapshot_id,
        rules: &rules,
        time_ms: LANDED.made_ms,
    };
    let became = [Replay::Planned, Replay::Reported(true), Replay::Reported(false)];
    let told = requests.iter().map(|request| lineage.of_request(request, &LANDED));
    let kept = maintenance
        .iter()
        .map(|request| lineage.of_maintenance(request, &LANDED));
    let mut events: Vec<RunEvent> = told.chain(kept).map(|event| event.expect("it is told")).collect();
    events.extend(became.map(|became| lineage.of_replay(&replay, became, LANDED.made_ms)));
    events.extend([Some(3), None].map(|snapshot_id| lineage.of_expectations(&looked(snapshot_id))));
    events
}

/// What the classes say of these events, one a line.
fn check(lines: &str) -> Result<String, String> {
    let mut python = python(Venv::Lineage).command(script("lineage.py"));
    python
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = python.spawn().expect("python starts");
    let mut input = child.stdin.take().expect("it is piped");
    // Whoever refuses the first event reads no further.
    let _ = input.write_all(lines.as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("python ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_string();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

#[test]
fn every_kind_of_event_is_openlineage() {
    let (lake, contracts) = (
        LakeLocation::bucket("lake"),
        Contracts::load(&home().contracts()).expect("the shipped contracts"),
    );
    let lineage = Lineage {
        lake: &lake,
        contracts: &contracts,
    };
    let events: Vec<Value> = events(&lineage).iter().map(RunEvent::json).collect();
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    assert_eq!(check(&lines.join("\n")), Ok(events.len().to_string()));
    // Every facet that there is was among them.
    let all = lines.join("\n");
    for facet in [
        "schema",
        "dataSource",
        "version",
        "columnLineage",
        "outputStatistics",
        "dataQualityAssertions",
        "nominalTime",
        "errorMessage",
        "parent",
        "jobType",
    ] {
        assert!(
            all.contains(&format!("\"{facet}\":{{")),
            "no event has the facet {facet}"
        );
    }
    // And it is a check that fails.
    for (good, bad) in [
        ("\"COMPLETE\"", "\"DONE\""),
        ("\"rowCount\":3", "\"rowCount\":\"3\""),
        ("\"runId\":\"", "\"runId\":\"x"),
    ] {
        let damaged = lines[0].replacen(good, bad, 1);
        assert_ne!(damaged, lines[0]);
        check(&damaged).expect_err(bad);
    }
}

#[test]
fn columns_of_enriched_tables_say_where_they_come_from() {
    let (lake, contracts) = (
        LakeLocation::bucket("lake"),
        Contracts::load(&home().contracts()).expect("the shipped contracts"),
    );
    let lineage = Lineage {
        lake: &lake,
        contracts: &contracts,
    };
    let events: Vec<Value> = events(&lineage).iter().map(RunEvent::json).collect();
    let enriched = events.iter().find(|event| event["job"]["name"] == "enrich.nyc.flights");
    let fields = &enriched.expect("it is told")["outputs"][0]["facets"]["columnLineage"]["fields"];
    let origins = |column: &str| {
        let inputs = fields[column]["inputFields"].as_array().expect("its origins").iter();
        let origin = |input: &Value| {
            let way = input["transformations"][0]["subtype"].as_str().unwrap_or_default();
            let (name, field) = (
                input["name"].as_str().unwrap_or_default(),
                input["field"].as_str().unwrap_or_default(),
            );
            format!("{name} {field} {way}")
        };
        let mut origins: Vec<String> = inputs.map(origin).collect();
        origins.sort();
        origins
    };
    assert_eq!(
        origins("dest_name"),
        [
            "preprocessed/nyc/airports name IDENTITY",
            "preprocessed/nyc/flights dest JOIN"
        ]
    );
    assert_eq!(origins("dest"), ["preprocessed/nyc/flights dest IDENTITY"]);
}

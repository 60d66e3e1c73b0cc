//! Contracts of streams: where rows come from, windows, and the tables that come of them.

use std::{collections::BTreeSet, sync::Arc};
use watershed_contract::{Contracts, Dataset, Detect, Format, OutputColumn, parse};
use watershed_lake::{Column, ColumnType, TableName, Transform, layout::Zone, table::properties, windows};
use watershed_stream::{Outcome, Partial, Position, Record, State, Value};

const REFERENCE: &str = include_str!("../REFERENCE.md");
const READINGS: &str = include_str!("../../../tests/contracts/readings.odcs.yaml");

/// The second example of the reference: it uses every key of streams.
fn example() -> &'static str {
    let (_, section) = REFERENCE
        .split_once("\n## Streams\n")
        .expect("the reference has a chapter");
    let (_, rest) = section.split_once("```yaml\n").expect("the chapter has an example");
    rest.split_once("```").expect("it has an end").0
}

fn dataset(text: &str) -> Arc<Dataset> {
    let read = parse("f", text).unwrap_or_else(|errors| panic!("{errors}"));
    let [dataset]: [Arc<Dataset>; 1] = read.try_into().expect("one");
    dataset
}

fn column<'d>(columns: &'d [Column], name: &str) -> &'d Column {
    columns
        .iter()
        .find(|column| column.name == name)
        .unwrap_or_else(|| panic!("{name}"))
}

#[test]
fn a_stream_is_found_by_its_name_and_not_by_a_key() {
    let text = READINGS.replace("TABLE", "readings");
    let files = "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: files\nstatus: active\ndomain: d\n\
                 servers: [{server: raw, type: s3, location: 's3://{raw}/**', format: json}]\n\
                 schema: [{name: t, properties: [{name: a, logicalType: string}]}]\n";
    let contracts = Contracts::parse([("s", text.as_str()), ("f", files)]).expect("valid together");
    assert_eq!(
        contracts.by_stream("readings").map(|found| found.id.as_str()),
        Some("readings")
    );
    assert!(contracts.by_stream("files").is_none());
    assert_eq!(
        contracts.find_by_key("readings").map(|found| found.id.as_str()),
        Some("files")
    );
    let dataset = contracts.by_id("readings").expect("there");
    assert_eq!((&dataset.format, dataset.location().is_none()), (&Format::NdJson, true));
    let tables: Vec<String> = dataset.tables().map(|table| table.name.to_string()).collect();
    let expected = ["", "_quarantine", "_late", "_minutely", "_visits", "_anomalies"];
    assert_eq!(tables, expected.map(|suffix| format!("streams.readings{suffix}")));
    for table in dataset.tables() {
        assert_eq!(
            contracts.by_table(&table.name).map(|found| found.id.as_str()),
            Some("readings")
        );
        assert_eq!(dataset.table_of(&table.name), Some(table));
        assert_eq!(table.properties[properties::CONTRACT], "readings");
    }
    let two = Contracts::parse([("a", text.as_str()), ("b", &text.replace("readings", "others"))]);
    assert_eq!(two.expect("two streams").iter().count(), 2);
}

#[test]
fn what_contracts_of_streams_cannot_share() {
    let text = READINGS.replace("TABLE", "readings");
    let errors = |from: &str, to: &str| {
        let other = READINGS
            .replace("stream: TABLE", "stream: other")
            .replace("TABLE", "other")
            .replace(from, to);
        let read = Contracts::parse([("a", text.as_str()), ("b", &other)]);
        read.map_or_else(|errors| errors.to_string(), |_| String::new())
    };
    assert_eq!(errors("", ""), "");
    assert!(
        errors("stream: other", "stream: readings").contains("stream readings is also read by a: write one contract")
    );
    let taken = errors(
        "  - name: other\n",
        "  - name: other\n    physicalName: readings_late\n",
    );
    assert!(
        taken.contains("table streams.readings_late is also made by a"),
        "{taken}"
    );
}

#[test]
fn the_example_uses_every_key() {
    let dataset = dataset(example());
    let stream = dataset.stream().expect("a stream");
    assert_eq!(
        stream.event_time.map(|at| dataset.table.columns[at].name.as_str()),
        Some("at")
    );
    assert_eq!((stream.name.as_str(), stream.idle_ms), ("plant-readings", Some(60_000)));
    assert_eq!(stream.late.columns.len(), 17);
    let [hourly, visits] = &stream.windows[..] else {
        panic!("two windows")
    };
    assert_eq!((hourly.name.as_str(), visits.name.as_str()), ("hourly", "visits"));
    let keys: BTreeSet<&str> = example()
        .lines()
        .filter_map(|line| line.trim().split_once(':'))
        .map(|(key, _)| key)
        .collect();
    for key in ["slide", "offset", "early", "gap", "max", "bounds", "detect"] {
        assert!(keys.contains(key) || example().contains(&format!("{key}:")), "{key}");
    }
}

#[test]
fn a_window_s_table_has_its_key_its_aggregates_and_what_every_window_has() {
    let dataset = dataset(&READINGS.replace("TABLE", "readings"));
    let stream = dataset.stream().expect("a stream");
    let [minutely, visits] = &stream.windows[..] else {
        panic!("two windows")
    };
    let names: Vec<&str> = minutely.table.columns[windows::column::COUNT..]
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["device", "metric", "readings", "mean", "value_p50", "value_p99"]
    );
    let fixed: Vec<(i32, &str, bool)> = minutely.table.columns[..windows::column::COUNT]
        .iter()
        .map(|it| (it.id, it.name.as_str(), it.required))
        .collect();
    let expected = [
        "window_start",
        "window_end",
        "kind",
        "revision",
        "id",
        "shard",
        "born",
        "due",
        "partial",
    ];
    assert!(
        fixed
            .into_iter()
            .eq((1..).zip(expected).map(|(id, name)| (id, name, true)))
    );
    assert_eq!(minutely.table.columns[windows::column::PARTIAL].name, "partial");
    assert_eq!(minutely.table.zone, Zone::Mart);
    assert_eq!(minutely.table.properties[properties::ROLE], "window");
    let partition = &minutely.table.partition[..];
    assert_eq!(
        (partition[0].name.as_str(), partition[0].transform),
        ("window_start_month", Transform::Month)
    );
    let mean = column(&minutely.table.columns, "mean");
    assert_eq!(
        (mean.kind, mean.required, mean.doc.as_deref()),
        (ColumnType::Double, false, Some("mean of value"))
    );
    let device = column(&minutely.table.columns, "device");
    assert_eq!((device.id, device.required), (101, true));

    let output = |aggregate, quantile| OutputColumn { aggregate, quantile };
    assert_eq!(
        minutely.outputs,
        [output(0, None), output(1, None), output(2, Some(0)), output(2, Some(1))]
    );
    assert_eq!(minutely.spec.names(), ["readings", "mean", "value"]);
    assert_eq!(
        minutely.detectors,
        [Detect {
            output: 1,
            settings: watershed_anomaly::Settings::default()
        }]
    );
    assert_eq!(
        minutely
            .inputs
            .iter()
            .map(|at| dataset.table.columns[*at].name.as_str())
            .collect::<Vec<_>>(),
        ["value"]
    );

    // A list of structs, of ids that are each its own.
    let sites = column(&visits.table.columns, "sites");
    let inside: Vec<(&str, ColumnType)> = sites.all().map(|it| (it.name.as_str(), it.kind)).collect();
    let expected = [
        ("sites", ColumnType::List),
        ("element", ColumnType::Struct),
        ("value", ColumnType::String),
        ("count", ColumnType::Long),
        ("error", ColumnType::Long),
    ];
    assert_eq!(inside, expected);
    for table in dataset.tables() {
        let ids: BTreeSet<i32> = table
            .columns
            .iter()
            .flat_map(Column::all)
            .map(|column| column.id)
            .collect();
        assert_eq!(
            ids.len(),
            table.columns.iter().flat_map(Column::all).count(),
            "{}",
            table.name
        );
    }
    let anomalies = stream.anomalies.as_ref().expect("one is watched");
    assert_eq!(anomalies.columns[windows::anomaly::SCORE].name, "score");
    assert_eq!(anomalies.partition[0].name, "time_month");
}

#[test]
fn outputs_have_the_types_of_what_they_are_made_of() {
    let all = "{name: r, function: records}, {name: c, function: count, column: i}, {name: si, function: sum, column: i}, \
               {name: sd, function: sum, column: d}, {name: sf, function: sum, column: f}, {name: md, function: max, column: day}, \
               {name: fs, function: first, column: email}, {name: ls, function: last, column: d}, {name: mn, function: min, column: ok}, \
               {name: dd, function: stddev, column: d}, {name: dc, function: distinct, column: email}, \
               {name: q, function: quantiles, column: i, probabilities: [0, 0.999, 1]}";
    let text = format!(
        "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\ndomain: d\n\
         servers: [{{server: stream, type: kinesis, stream: t.x_1-y, format: csv, delimiter: \";\"}}]\n\
         schema:\n  - name: t\n    customProperties: [{{property: watershed, value: {{windows: [{{name: w, size: 1d, aggregates: [{all}]}}]}}}}]\n    \
         properties:\n      - {{name: i, logicalType: integer}}\n      - {{name: d, logicalType: number, physicalType: \"DECIMAL(9,2)\"}}\n      \
         - {{name: f, logicalType: number, physicalType: FLOAT}}\n      - {{name: day, logicalType: date}}\n      - {{name: ok, logicalType: boolean}}\n      \
         - {{name: email, logicalType: string, classification: personal, customProperties: [{{property: watershed, value: {{personal: hash}}}}]}}\n"
    );
    let dataset = dataset(&text);
    let stream = dataset.stream().expect("a stream");
    let Format::Csv(csv) = &dataset.format else {
        panic!("CSV")
    };
    assert_eq!((csv.header, csv.delimiter), (false, b';'));
    assert!(stream.event_time.is_none() && stream.anomalies.is_none() && stream.idle_ms.is_none());
    let found: Vec<(&str, String)> = stream.windows[0].table.columns[windows::column::COUNT..]
        .iter()
        .map(|column| (column.name.as_str(), column.kind.to_string()))
        .collect();
    let expected = [
        ("r", "long"),
        ("c", "long"),
        ("si", "decimal(38,0)"),
        ("sd", "decimal(38,2)"),
        ("sf", "double"),
        ("md", "date"),
        ("fs", "string"),
        ("ls", "decimal(9,2)"),
        ("mn", "boolean"),
        ("dd", "double"),
        ("dc", "long"),
        ("q_p0", "double"),
        ("q_p99_9", "double"),
        ("q_p100", "double"),
    ];
    assert_eq!(found, expected.map(|(name, kind)| (name, kind.to_string())));
    // What shows values of a personal column is one.
    let personal = |name: &str| column(&stream.windows[0].table.columns, name).classification.clone();
    assert_eq!((personal("fs").as_deref(), personal("dc")), (Some("personal"), None));
    assert_eq!(
        TableName::new("d", "t_w").ok(),
        Some(stream.windows[0].table.name.clone())
    );
}

#[test]
fn a_digest_is_of_what_a_state_hangs_on() {
    let digests = |from: &str, to: &str| {
        assert!(READINGS.contains(from), "{from}");
        let dataset = dataset(&READINGS.replacen(from, to, 1).replace("TABLE", "readings"));
        let stream = dataset.stream().expect("a stream");
        stream
            .windows
            .iter()
            .map(|window| window.digest.clone())
            .collect::<Vec<_>>()
    };
    let as_is = digests("", "");
    assert_ne!(as_is[0], as_is[1]);
    // What may change.
    for (from, to) in [
        ("- {column: mean}", "- {column: value_p50}"),
        ("            - name: minutely", "            - name: each_minute"),
        ("[0.5, 0.99]", "[0.9]"),
        ("size: 1m", "size: 60s"),
    ] {
        assert_eq!(digests(from, to), as_is, "{to}");
    }
    // What may not.
    for (from, to) in [
        ("key: [device, metric]", "key: [metric, device]"),
        ("key: [device, metric]", "key: [device]"),
        ("key: [device, metric]", "key: [device, site]"),
        ("function: mean, column: value", "function: max, column: value"),
        ("function: mean, column: value", "function: mean, column: seq"),
        ("size: 1m", "size: 2m"),
    ] {
        let other = digests(from, to);
        assert_eq!((other[0] != as_is[0], &other[1]), (true, &as_is[1]), "{to}");
    }
    let by_arrival = digests("eventTime: at, ", "");
    assert!(by_arrival[0] != as_is[0] && by_arrival[1] != as_is[1]);
}

#[test]
fn what_is_about_files_is_refused() {
    let said = |format: &str, keys: &str| {
        let text = format!(
            "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\ndomain: d\nservers: [{format}]\n\
             schema: [{{name: t, properties: [{{name: a, logicalType: string}}], customProperties: [{{property: watershed, value: {{{keys}}}}}]}}]\n"
        );
        parse("f", &text).map_or_else(|errors| errors.to_string(), |_| String::new())
    };
    let csv = "{server: stream, type: kinesis, stream: t, format: csv}";
    assert_eq!(said(csv, "quote: none, multiline: false, raggedEnds: pad"), "");
    for key in ["header: false", "skipRows: 1", "comment: \"#\"", "encoding: utf-8"] {
        let errors = said(csv, key);
        assert!(
            errors.contains("does not apply: a record of a stream is one row in UTF-8: remove it"),
            "{key}: {errors}"
        );
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
    let raw = "{server: raw, type: s3, location: \"s3://{raw}/t/*\", format: json}";
    for key in ["stream: {}", "windows: []"] {
        assert!(
            said(raw, key).contains("does not apply: only a server: stream of type kinesis has it"),
            "{key}"
        );
    }
    assert!(said(&format!("{raw}, {csv}"), "").contains("a second server that is read, stream: remove one"));
    // A server of another kind that happens to be called so is of other tools.
    assert_eq!(
        said(&format!("{raw}, {{server: stream, type: kafka, host: h}}"), ""),
        ""
    );
    let json = "{server: stream, type: kinesis, stream: t, format: json, delimiter: array}";
    assert!(said(json, "").contains("delimiter does not apply: a record is one JSON object"));
}

#[test]
fn the_spec_of_a_window_takes_records() {
    let dataset = dataset(&READINGS.replace("TABLE", "readings"));
    let stream = dataset.stream().expect("a stream");
    let spec = &stream.windows[0].spec;
    let mut state = State::new(Arc::clone(spec), "shardId-000000000000");
    for (at, value) in [(0, 1.0), (30_000, 3.0), (700_000, 9.0)] {
        let record = Record {
            position: Position {
                high: 0,
                sequence: at as u128 + 1,
                sub: 0,
            },
            arrival_ms: at,
            event_ms: at,
            key: b"k",
            values: &[Value::Float(value)],
        };
        assert_eq!(state.add(&record), Outcome::Added);
    }
    let fired = state.take_fired();
    assert_eq!(
        fired.len(),
        1,
        "the first minute is over, thirty seconds behind the newest record"
    );
    let partial = Partial::decode(spec, &fired[0].partial.encode(spec)).expect("its own bytes");
    assert_eq!(partial.records(), 2);
    assert_eq!(partial.outputs(spec).len(), 3);
}

//! What the tests of rows share: a contract with all types and functions, batches as text, files of them.

use super::{Place, StreamOrigin};
use arrow_array::RecordBatch;
use arrow_cast::display::array_value_to_string;
use std::{collections::BTreeMap, fs, sync::Arc};
use watershed_contract::{Dataset, parse};
use watershed_kinesis::Sequence;
use watershed_lake::TableSpec;
use watershed_sink::{FinishedFile, Sink, SinkSettings};

/// Columns of all types, and whether they are numbers.
pub const COLUMNS: [(&str, &str, bool); 12] = [
    ("ok", "logicalType: boolean", false),
    ("i", "logicalType: integer, physicalType: INTEGER", true),
    ("l", "logicalType: integer, physicalType: BIGINT", true),
    ("f", "logicalType: number, physicalType: FLOAT", true),
    ("x", "logicalType: number, physicalType: DOUBLE", true),
    ("d", "logicalType: number, physicalType: \"DECIMAL(9,2)\"", true),
    ("day", "logicalType: date", false),
    ("clock", "logicalType: time", false),
    ("local", "logicalType: timestamp, physicalType: TIMESTAMP_NTZ", false),
    ("at", "logicalType: timestamp, physicalType: TIMESTAMP_TZ", false),
    ("site", "logicalType: string", false),
    ("raw", "logicalType: string, physicalType: BINARY", false),
];
/// Functions with what they want, and whether they want numbers. Each has a window that is called so, by `site`, of all columns.
pub const FUNCTIONS: [(&str, &str, bool); 11] = [
    ("count", "", false),
    ("distinct", "", false),
    ("min", "", false),
    ("max", "", false),
    ("first", "", false),
    ("last", "", false),
    ("top", ", k: 2", false),
    ("sum", "", true),
    ("mean", "", true),
    ("stddev", "", true),
    ("quantiles", ", probabilities: [0, 1]", true),
];
/// The keys of windows of records.
pub const KEYS: [(&str, &str); 3] = [
    ("none", ""),
    ("eight", "ok, i, d, day, clock, local, at, site"),
    ("others", "l, raw"),
];

/// A window a minute for each function, and each of [`KEYS`].
pub fn dataset() -> Arc<Dataset> {
    let window = |name: &str, key: &str, aggregates: &str| {
        let detect = if name == "mean" {
            ", detect: [{column: mean_i}]"
        } else {
            ""
        };
        format!("              - {{name: {name}, key: [{key}], size: 1m, aggregates: [{aggregates}]{detect}}}\n")
    };
    let mut windows = String::new();
    for (function, more, numbers) in FUNCTIONS {
        let of = COLUMNS.iter().filter(|(_, _, is_number)| *is_number || !numbers);
        let aggregates = of
            .map(|(column, ..)| format!("{{name: {function}_{column}, function: {function}, column: {column}{more}}}"));
        windows += &window(function, "site", &aggregates.collect::<Vec<_>>().join(", "));
    }
    for (name, key) in KEYS {
        windows += &window(name, key, "{name: rows, function: records}");
    }
    let columns = COLUMNS
        .map(|(name, kind, _)| format!("      - {{name: {name}, {kind}}}\n"))
        .concat();
    let text = format!(
        "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\ndomain: d\n\
         servers: [{{server: stream, type: kinesis, stream: t, format: json}}]\n\
         schema:\n  - name: t\n    customProperties:\n      - property: watershed\n        value:\n          windows:\n{windows}    properties:\n{columns}"
    );
    let read = parse("t", &text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let [dataset]: [Arc<Dataset>; 1] = read.try_into().unwrap();
    dataset
}

pub fn origin() -> StreamOrigin {
    StreamOrigin {
        source: "kinesis://t/shardId-000000000000".into(),
        shard: "shardId-000000000000".into(),
        contract_version: "1.0.0".into(),
    }
}

pub fn place(sequence: &str, sub: u32) -> Place {
    Place {
        sequence: Sequence::parse(sequence).unwrap(),
        sub,
        arrival_ms: 1_360_321_200_250,
    }
}

/// A row's values, with `|` between them; null is nothing.
pub fn shown(batch: &RecordBatch, row: usize) -> String {
    let values = batch
        .columns()
        .iter()
        .map(|column| array_value_to_string(column, row).unwrap());
    values.collect::<Vec<_>>().join("|")
}

/// How many rows stand in the table's files.
pub fn written(table: &TableSpec, batches: impl IntoIterator<Item = RecordBatch>) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = Sink::new(
        table,
        &BTreeMap::new(),
        SinkSettings::new(folder.path().join("scratch")),
    )
    .unwrap();
    let mut emit = |file: FinishedFile| {
        fs::remove_file(&file.local).unwrap();
        Ok(())
    };
    for batch in batches {
        sink.write(batch, &mut emit).unwrap();
    }
    sink.finish(&mut emit).unwrap().rows
}

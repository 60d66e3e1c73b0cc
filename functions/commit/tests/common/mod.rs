//! Messages, real Parquet files, and the shipped contract of airlines.
#![allow(dead_code, reason = "each test binary uses its part")]

use arrow_array::{RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};
use watershed_contract::Contracts;
use watershed_lake::{
    CommitRequest, LakeLocation, SourceOrder, StagedFile, TableSpec,
    layout::{position_prefix, source_prefix, split_uri},
};
use watershed_ops::Invocation;

pub const LAKE: &str = "lake";
pub const SHARD: &str = "kinesis://carriers/shardId-000000000000";

pub fn contracts() -> Contracts {
    let text = include_str!("../../../../infra/contracts/airlines.odcs.yaml");
    Contracts::parse([("airlines.odcs.yaml", text)]).unwrap()
}

pub fn parquet(spec: &TableSpec, rows: &[[&str; 2]]) -> Vec<u8> {
    let fields: Vec<Field> = spec
        .columns
        .iter()
        .map(|column| {
            let id = HashMap::from([("PARQUET:field_id".to_string(), column.id.to_string())]);
            Field::new(&column.name, DataType::Utf8, !column.required).with_metadata(id)
        })
        .collect();
    let column = |n: usize| Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row[n]))) as _;
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![column(0), column(1)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// The request for these rows, and the object that it names.
pub fn request(
    spec: &TableSpec,
    lake: &str,
    source: &str,
    version: u32,
    rows: &[[&str; 2]],
) -> (CommitRequest, Vec<(String, Vec<u8>)>) {
    let uri = format!("s3://raw/nycflights13/airlines/{source}.csv");
    let prefix = format!(
        "{}v{version}/",
        source_prefix(&LakeLocation::bucket(lake).table(spec), &uri)
    );
    let (files, objects) = stage(spec, &prefix, rows);
    let order = SourceOrder::s3(&format!("{version:08X}"), (1, 0, 0));
    let contract = "nycflights13-airlines".into();
    (
        CommitRequest::new(spec.name.clone(), contract, uri, order, prefix, files, None),
        objects,
    )
}

/// The request that appends these rows, what the shard has behind `after` (0: its beginning) up to `order`, and the object that it names.
pub fn append(
    spec: &TableSpec,
    (after, order): (u32, u32),
    rows: &[[&str; 2]],
) -> (CommitRequest, Vec<(String, Vec<u8>)>) {
    let position = |number: u32| SourceOrder::kinesis(&number.to_string(), 0).unwrap();
    let prefix = position_prefix(&LakeLocation::bucket(LAKE).table(spec), SHARD, &position(order));
    let (files, objects) = stage(spec, &prefix, rows);
    let contract = "nycflights13-airlines".into();
    let request = CommitRequest::new(
        spec.name.clone(),
        contract,
        SHARD.into(),
        position(order),
        prefix,
        files,
        None,
    );
    (request.appending((after > 0).then(|| position(after))), objects)
}

fn stage(spec: &TableSpec, prefix: &str, rows: &[[&str; 2]]) -> (Vec<StagedFile>, Vec<(String, Vec<u8>)>) {
    let (mut files, mut objects) = (Vec::new(), Vec::new());
    if !rows.is_empty() {
        let bytes = parquet(spec, rows);
        files.push(StagedFile {
            path: "00000-00000.parquet".into(),
            bytes: bytes.len() as u64,
            rows: rows.len() as u64,
        });
        let full = format!("{prefix}00000-00000.parquet");
        objects.push((split_uri(&full).unwrap().1.to_string(), bytes));
    }
    (files, objects)
}

pub fn event(bodies: &[(String, String)]) -> Value {
    let records: Vec<Value> = bodies
        .iter()
        .map(|(id, body)| json!({"messageId": id, "body": body}))
        .collect();
    json!({"Records": records})
}

pub fn invocation() -> Invocation {
    let deadline = SystemTime::now() + Duration::from_mins(1);
    Invocation::begin("commit", "dev-commit", "r-1", None, deadline, Box::new(std::io::sink()))
}

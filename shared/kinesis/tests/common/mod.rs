//! Events and aggregates, as Lambda and the Kinesis Producer Library write them.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use flate2::{Compression, write::GzEncoder};
use md5::{Digest, Md5};
use serde_json::{Value, json};
use std::io::Write;

pub const SEQUENCE: u128 = 575_989_136_588_898;

/// A user record of an aggregate: partition key, explicit hash key, data.
pub type Packed<'a> = (&'a str, Option<u128>, &'a [u8]);

/// The event of Kinesis records with that data, by the partition keys `key 0`, `key 1`, …
pub fn event(data: &[&[u8]]) -> Vec<u8> {
    let records: Vec<Value> = data.iter().enumerate().map(|(at, data)| record(at, data)).collect();
    serde_json::to_vec(&json!({ "Records": records })).expect("JSON is written")
}

pub fn record(at: usize, data: &[u8]) -> Value {
    let sequence = format!("4959033827149025660855969253836157109{}", SEQUENCE + at as u128);
    json!({
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": format!("key {at}"),
            "sequenceNumber": sequence,
            "data": base64_simd::STANDARD.encode_to_string(data),
            "approximateArrivalTimestamp": 1_545_084_650.987
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": format!("shardId-000000000006:{sequence}"),
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/lambda-role",
        "awsRegion": "us-east-2",
        "eventSourceARN": "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"
    })
}

/// An aggregate. Keys that come again are in its tables once.
pub fn aggregate(records: &[Packed<'_>]) -> Vec<u8> {
    let (mut keys, mut hash_keys) = (Vec::<String>::new(), Vec::<String>::new());
    let mut messages = Vec::new();
    for (key, hash_key, data) in records {
        let mut record = Vec::new();
        number(&mut record, 1, index(&mut keys, (*key).into()));
        if let Some(hash_key) = hash_key {
            number(&mut record, 2, index(&mut hash_keys, hash_key.to_string()));
        }
        bytes(&mut record, 3, data);
        bytes(&mut messages, 3, &record);
    }
    let mut message = Vec::new();
    for key in keys {
        bytes(&mut message, 1, key.as_bytes());
    }
    for hash_key in hash_keys {
        bytes(&mut message, 2, hash_key.as_bytes());
    }
    message.extend(messages);
    sealed(&message)
}

/// A message between magic and digest.
pub fn sealed(message: &[u8]) -> Vec<u8> {
    [&[0xf3, 0x89, 0x9a, 0xc2], message, Md5::digest(message).as_slice()].concat()
}

pub fn number(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(field << 3);
    varint(out, value);
}

pub fn bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn index(table: &mut Vec<String>, key: String) -> u64 {
    let found = table.iter().position(|held| *held == key);
    found.unwrap_or_else(|| {
        table.push(key);
        table.len() - 1
    }) as u64
}

pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

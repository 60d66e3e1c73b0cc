//! Sends readings as producers do: plain, compressed, many in one record as the Kinesis Producer Library packs them.

use crate::input::{self, Reading, mixed};
use aws_sdk_kinesis::{
    Client,
    primitives::Blob,
    types::{PutRecordsRequestEntry, Shard},
};
use md5::{Digest, Md5};
use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};
use watershed_local::aws;
use watershed_tests::Cloud;

/// User records of an aggregate.
const PACKED: usize = 20;
/// Of a hundred records so many are aggregates, and so many of the others compressed.
const AGGREGATES_PERCENT: u64 = 10;
const COMPRESSED_PERCENT: u64 = 10;
/// Records of a request (Amazon Kinesis API, "PutRecords"): half a megabyte or so.
const MAX_REQUEST_RECORDS: usize = 500;
/// How the library's aggregates begin (awslabs/amazon-kinesis-producer, "KPL Aggregated Record Format").
const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];

/// A producer of one stream. It writes down what it sends: what the batch computation reads.
pub struct Producer {
    runtime: tokio::runtime::Runtime,
    client: Client,
    stream: String,
    all: u64,
    request: Vec<Outgoing>,
    packing: Vec<Reading>,
    input: (PathBuf, BufWriter<File>),
    refused: (PathBuf, BufWriter<File>),
}

struct Outgoing {
    entry: PutRecordsRequestEntry,
    /// Why, and the number in the record, of each that is refused.
    refused: Vec<(&'static str, usize)>,
}

impl Producer {
    /// Of `all` readings to that stream.
    pub fn new(cloud: &Cloud, stream: &str, all: u64, dir: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let file = |name: &str| {
            let path = dir.join(name);
            let file = File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path, BufWriter::new(file))
        };
        Self {
            runtime: runtime.expect("a runtime can be made"),
            client: Client::new(&aws::config(&cloud.emulator.endpoint())),
            stream: stream.into(),
            all,
            request: Vec::new(),
            packing: Vec::new(),
            input: file("input.ndjson"),
            refused: file("refused.ndjson"),
        }
    }

    /// Sends readings of these numbers.
    pub fn send(&mut self, numbers: std::ops::Range<u64>) {
        for seq in numbers {
            let reading = input::reading(seq, self.all);
            let chance = mixed(!seq) % 100;
            if !self.packing.is_empty() || chance < AGGREGATES_PERCENT {
                self.packing.push(reading);
                if self.packing.len() == PACKED {
                    self.pack();
                }
                continue;
            }
            let compress = chance < AGGREGATES_PERCENT + COMPRESSED_PERCENT && reading.refused.is_none();
            let data = if compress {
                input::gzip(&reading.data)
            } else {
                reading.data.clone()
            };
            self.push(data, None, &[reading]);
        }
        self.pack();
        self.flush();
    }

    /// Sends each open shard a reading, of which numbers begin there, that closes its windows: as many as that, and their sequence numbers.
    pub fn close(&mut self, first: u64) -> Vec<String> {
        let open = self.open();
        for (seq, shard) in (first..).zip(&open) {
            let reading = input::closing(seq);
            let hash_key = shard
                .hash_key_range
                .as_ref()
                .map(|range| range.starting_hash_key.clone());
            self.push(reading.data.clone(), hash_key, &[reading]);
        }
        self.flush()
    }

    /// Where it wrote down what it sent, and what of it is refused.
    pub fn files(mut self) -> (PathBuf, PathBuf) {
        self.input.1.flush().expect("the input can be written");
        self.refused.1.flush().expect("the input can be written");
        (self.input.0, self.refused.0)
    }

    /// The second of the shards becomes two.
    pub fn split(&self) {
        let shard = &self.open()[1];
        let range = shard.hash_key_range.as_ref().expect("a shard has a range");
        let number = |text: &str| text.parse::<u128>().expect("hash keys are numbers");
        let (first, last) = (number(&range.starting_hash_key), number(&range.ending_hash_key));
        let split = self
            .client
            .split_shard()
            .stream_name(&self.stream)
            .shard_to_split(&shard.shard_id);
        let split = split.new_starting_hash_key((first + (last - first) / 2).to_string());
        self.runtime.block_on(split.send()).expect("a shard can be split");
    }

    /// Its second half and the shard behind that become one.
    pub fn merge(&self) {
        let open = self.open();
        let merge = self.client.merge_shards().stream_name(&self.stream);
        let merge = merge
            .shard_to_merge(&open[2].shard_id)
            .adjacent_shard_to_merge(&open[3].shard_id);
        self.runtime.block_on(merge.send()).expect("shards can be merged");
    }

    /// Open shards in the order of their hash keys.
    fn open(&self) -> Vec<Shard> {
        let list = self.client.list_shards().stream_name(&self.stream).send();
        let mut shards = self
            .runtime
            .block_on(list)
            .expect("shards are listed")
            .shards
            .unwrap_or_default();
        shards.retain(|shard| {
            let range = shard.sequence_number_range.as_ref();
            range.is_some_and(|range| range.ending_sequence_number.is_none())
        });
        shards.sort_by_key(|shard| {
            let range = shard.hash_key_range.as_ref();
            range.and_then(|range| range.starting_hash_key.parse::<u128>().ok())
        });
        shards
    }

    fn pack(&mut self) {
        let readings = std::mem::take(&mut self.packing);
        if !readings.is_empty() {
            self.push(aggregate(&readings), None, &readings);
        }
    }

    fn push(&mut self, data: Vec<u8>, hash_key: Option<String>, readings: &[Reading]) {
        for reading in readings.iter().filter(|reading| reading.refused.is_none()) {
            writeln!(self.input.1, "{}", reading.line).expect("the input can be written");
        }
        let refused = readings.iter().enumerate();
        let refused = refused
            .filter_map(|(sub, reading)| Some((reading.refused?, sub)))
            .collect();
        let entry = PutRecordsRequestEntry::builder().partition_key(&readings[0].device);
        let entry = entry.set_explicit_hash_key(hash_key).data(Blob::new(data)).build();
        self.request.push(Outgoing {
            entry: entry.expect("a record has a key and data"),
            refused,
        });
        if self.request.len() == MAX_REQUEST_RECORDS {
            self.flush();
        }
    }

    /// Sends what waits; gives the sequence numbers. What fails would lose its order, and with it the test its meaning.
    fn flush(&mut self) -> Vec<String> {
        let sent = std::mem::take(&mut self.request);
        if sent.is_empty() {
            return Vec::new();
        }
        let entries = sent.iter().map(|sent| sent.entry.clone()).collect();
        let put = self
            .client
            .put_records()
            .stream_name(&self.stream)
            .set_records(Some(entries));
        let answer = self.runtime.block_on(put.send()).expect("records can be put");
        let mut numbers = Vec::new();
        for (sent, took) in sent.into_iter().zip(answer.records) {
            let (shard, number) = (
                took.shard_id.unwrap_or_default(),
                took.sequence_number.unwrap_or_default(),
            );
            assert!(took.error_code.is_none(), "{:?}", took.error_message);
            for (reason, sub) in sent.refused {
                let place = format!(r#"{{"shard":"{shard}","sequence":"{number}","sub":{sub},"reason":"{reason}"}}"#);
                writeln!(self.refused.1, "{place}").expect("the input can be written");
            }
            numbers.push(number);
        }
        numbers
    }
}

/// Many user records in one, each with its own partition key.
fn aggregate(readings: &[Reading]) -> Vec<u8> {
    let mut message = Vec::new();
    for reading in readings {
        bytes(&mut message, 1, reading.device.as_bytes());
    }
    for (at, reading) in readings.iter().enumerate() {
        let mut record = vec![1 << 3];
        varint(&mut record, at);
        bytes(&mut record, 3, &reading.data);
        bytes(&mut message, 3, &record);
    }
    [&MAGIC[..], &message, Md5::digest(&message).as_slice()].concat()
}

/// A field of a protobuf message.
fn bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

//! What the tests of `analyze` share: the function over ports in memory, Lambda's deliveries, and what the committer would make of it all.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, SystemTime},
};
use watershed_analyze::{Analyze, Config, Ports, handle};
use watershed_contract::Contracts;
use watershed_lake::CommitRequest;
use watershed_ops::{Invocation, Parameters};
use watershed_ports::{
    Shard,
    faults::Faults,
    memory::{MemoryBus, MemoryQueue, MemorySecrets, MemoryShards, MemoryStore},
};

/// A stream of readings: an archive by day, windows by the minute that are watched, and sessions.
pub const CONTRACT: &str = r#"
version: 1.0.0
kind: DataContract
apiVersion: v3.1.0
id: readings
status: active
domain: test
servers:
  - {server: stream, type: kinesis, stream: readings, format: json}
schema:
  - name: readings
    customProperties:
      - property: watershed
        value:
          stream: {eventTime: at, outOfOrder: 5s, lateness: 20s, maxAhead: 1h, idle: 1m}
          partition: [{column: at, transform: day}]
          windows:
            - name: minutely
              key: [device]
              size: 1m
              early: 30s
              aggregates:
                - {name: readings, function: records}
                - {name: total, function: sum, column: value}
                - {name: middle, function: quantiles, column: value, probabilities: [0.5]}
              detect: [{column: total, warmUpRows: 8}]
            - name: visits
              key: [site]
              gap: 30s
              max: 4h
              aggregates:
                - {name: devices, function: distinct, column: device}
                - {name: last, function: last, column: value}
    properties:
      - {name: device, logicalType: string, required: true}
      - {name: at, logicalType: timestamp, required: true}
      - {name: site, logicalType: string}
      - {name: value, logicalType: number, physicalType: "DECIMAL(9,2)"}
"#;
/// Name of the stream.
pub const STREAM: &str = "readings";
/// The first shard.
pub const SHARD: &str = "shardId-000000000000";
/// When Kinesis gets records, unless told otherwise: milliseconds since 1970-01-01T00:00:00Z.
pub const ARRIVAL_MS: i64 = 1_700_000_000_000;
/// Deliveries after which an event counts as never acknowledged.
const MAX_DELIVERIES: usize = 30;

/// The function, and everything around it.
pub struct World {
    pub faults: Faults,
    pub store: Arc<MemoryStore>,
    pub commits: Arc<MemoryQueue>,
    pub bus: Arc<MemoryBus>,
    pub shards: Arc<MemoryShards>,
    pub contracts: String,
    scratch: tempfile::TempDir,
    analyze: Analyze,
}

/// A record of Kinesis.
#[derive(Debug, Clone)]
pub struct Put {
    pub key: String,
    pub data: Vec<u8>,
    pub sequence: u128,
    pub arrival_ms: i64,
}

/// Row number `row` of its table, as text.
pub type Row = Vec<String>;

impl World {
    /// Of the sample contract.
    pub fn new() -> Self {
        Self::of(CONTRACT)
    }

    /// Of that contract's text, whose stream has one shard.
    pub fn of(contract: &str) -> Self {
        let faults = Faults::default();
        let store = Arc::new(MemoryStore::new(faults.clone()));
        let commits = Arc::new(MemoryQueue::new(faults.clone()));
        let bus = Arc::new(MemoryBus::new(faults.clone()));
        let shards = Arc::new(MemoryShards::new(faults.clone()));
        shards.set(STREAM, vec![shard(SHARD, &[], (0, u128::MAX))]);
        let scratch = tempfile::tempdir().unwrap();
        let mut world = Self {
            analyze: Analyze::new(config(&scratch), Contracts::parse([("c.odcs.yaml", contract)]).unwrap()),
            contracts: contract.into(),
            faults,
            store,
            commits,
            bus,
            shards,
            scratch,
        };
        world.restart();
        world
    }

    /// Another process over the same ports.
    pub fn beside(&self) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let mut world = Self {
            analyze: Analyze::new(
                config(&scratch),
                Contracts::parse([("c.odcs.yaml", self.contracts.as_str())]).unwrap(),
            ),
            contracts: self.contracts.clone(),
            faults: self.faults.clone(),
            store: self.store.clone(),
            commits: self.commits.clone(),
            bus: self.bus.clone(),
            shards: self.shards.clone(),
            scratch,
        };
        world.restart();
        world
    }

    /// A new process: nothing is warm.
    pub fn restart(&mut self) {
        let secrets = Arc::new(MemorySecrets::new(self.faults.clone()));
        secrets.insert("hash", b"a key of the tests");
        let ports = Ports {
            store: self.store.clone(),
            commits: self.commits.clone(),
            bus: self.bus.clone(),
            shards: self.shards.clone(),
            secrets: Arc::new(Parameters::new(secrets)),
        };
        let contracts = Contracts::parse([("c.odcs.yaml", self.contracts.as_str())]).unwrap();
        self.analyze = Analyze::with_ports(config(&self.scratch), contracts, ports);
    }

    /// One invocation: the sequence number from which on it failed, if it did; an error fails it whole.
    pub async fn invoke(&self, event: &Value) -> Result<Option<String>, String> {
        let deadline = SystemTime::now() + Duration::from_secs(60);
        let invocation = Invocation::begin("analyze", "dev-analyze", "r", None, deadline, Box::new(std::io::sink()));
        let answer = handle(&self.analyze, invocation, event.to_string().as_bytes()).await;
        let answer = answer.map_err(|error| error.to_string())?;
        Ok(answer.failures.into_iter().next().map(|failure| failure.id))
    }

    /// As the event source mapping does: what failed from somewhere on again from there; what failed whole in halves, down to one record, which
    /// is tried again.
    pub async fn deliver(&self, shard: &str, records: &[Put]) {
        let mut waiting = vec![records.to_vec()];
        for _ in 0..MAX_DELIVERIES {
            let Some(batch) = waiting.pop() else { return };
            match self.invoke(&event(shard, &batch)).await {
                Ok(None) => {}
                Ok(Some(from)) => {
                    let at = batch.iter().position(|put| put.sequence.to_string() == from);
                    waiting.push(batch[at.expect("a record of the batch")..].to_vec());
                }
                Err(_) if batch.len() > 1 => {
                    let (first, second) = batch.split_at(batch.len() / 2);
                    waiting.extend([second.to_vec(), first.to_vec()]);
                }
                Err(_) => waiting.push(batch),
            }
        }
        panic!("never acknowledged");
    }

    /// Every request, once.
    pub fn requests(&self) -> Vec<CommitRequest> {
        let messages: BTreeSet<String> = self.commits.messages().into_iter().collect();
        let requests = messages.iter().map(|body| serde_json::from_str(body).unwrap());
        let by_token: BTreeMap<String, CommitRequest> = requests
            .map(|request: CommitRequest| (request.token.clone(), request))
            .collect();
        by_token.into_values().collect()
    }

    /// Every alert, once.
    pub fn alerts(&self) -> BTreeSet<String> {
        self.bus.events().into_iter().map(|(.., detail)| detail).collect()
    }

    /// What the tables hold: rows of the files that requests name. The requests of each shard and table are one chain without gap or overlap.
    pub fn tables(&self) -> BTreeMap<String, Vec<Row>> {
        let objects = self.store.snapshot();
        let mut tables = BTreeMap::<String, Vec<Row>>::new();
        let mut chains = BTreeMap::<(String, String), Vec<CommitRequest>>::new();
        for request in self.requests() {
            let chain = chains.entry((request.table.to_string(), request.source.clone()));
            chain.or_default().push(request);
        }
        for ((table, source), mut chain) in chains {
            chain.sort_by(|left, right| left.order.cmp(&right.order));
            let mut before = None;
            for request in chain {
                let append = request.append.as_ref().expect("an append");
                assert_eq!(append.after, before, "{table} of {source}: a gap or an overlap");
                before = Some(request.order.clone());
                for file in &request.files {
                    let uri = request.uri(file);
                    let body = &objects[uri.strip_prefix("s3://").unwrap()];
                    assert_eq!(body.len() as u64, file.bytes, "{uri}");
                    tables.entry(table.clone()).or_default().extend(rows(body));
                }
            }
        }
        for rows in tables.values_mut() {
            rows.sort();
        }
        tables
    }

    /// The shard's checkpoint.
    pub fn checkpoint(&self, shard: &str) -> Option<Bytes> {
        let key = format!("lake/streams/{STREAM}/checkpoints/{shard}");
        self.store.snapshot().get(&key).cloned()
    }
}

fn config(scratch: &tempfile::TempDir) -> Config {
    Config {
        contracts: ".".into(),
        lake_bucket: "lake".into(),
        commit_queue_url: "queue".into(),
        event_bus: "default".into(),
        hash_secret: Some("hash".into()),
        scratch: scratch.path().into(),
    }
}

/// A shard of those parents, with hash keys from the first to the last.
pub fn shard(id: &str, parents: &[&str], (first_hash, last_hash): (u128, u128)) -> Shard {
    Shard {
        id: id.into(),
        parents: parents.iter().map(ToString::to_string).collect(),
        first_hash,
        last_hash,
    }
}

/// What Lambda sends.
pub fn event(shard: &str, records: &[Put]) -> Value {
    let record = |put: &Put| {
        json!({
            "kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": put.key, "sequenceNumber": put.sequence.to_string(),
                "data": base64_simd::STANDARD.encode_to_string(&put.data), "approximateArrivalTimestamp": put.arrival_ms as f64 / 1e3},
            "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": format!("{shard}:{}", put.sequence),
            "eventName": "aws:kinesis:record", "awsRegion": "us-east-1",
            "eventSourceARN": format!("arn:aws:kinesis:us-east-1:000000000000:stream/{STREAM}"),
        })
    };
    json!({"Records": records.iter().map(record).collect::<Vec<_>>()})
}

/// A record whose data are these.
pub fn put(sequence: u128, key: &str, data: impl Into<Vec<u8>>) -> Put {
    Put {
        key: key.into(),
        data: data.into(),
        sequence,
        arrival_ms: ARRIVAL_MS + sequence as i64,
    }
}

/// A reading so many milliseconds after [`ARRIVAL_MS`].
pub fn reading(sequence: u128, device: &str, after_ms: i64, value: &str) -> Put {
    let at_ms = ARRIVAL_MS + after_ms;
    let (s, ms) = (at_ms.div_euclid(1_000), at_ms.rem_euclid(1_000));
    let at = chrono::DateTime::from_timestamp(s, ms as u32 * 1_000_000).unwrap();
    let site = &device[..1];
    let body = json!({"device": device, "at": at.to_rfc3339(), "site": site, "value": value.parse::<f64>().unwrap()});
    Put {
        arrival_ms: at_ms.max(ARRIVAL_MS),
        ..put(sequence, device, body.to_string())
    }
}

/// Rows of a Parquet file, as text.
pub fn rows(body: &Bytes) -> Vec<Row> {
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(body.clone(), 1_024).unwrap();
    reader.flat_map(|batch| shown(&batch.unwrap())).collect()
}

fn shown(batch: &RecordBatch) -> Vec<Row> {
    let options = FormatOptions::new().with_null("null");
    let columns = batch.columns().iter();
    let columns: Vec<_> = columns
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
        .collect();
    let row = |row| columns.iter().map(|column| column.value(row).to_string()).collect();
    (0..batch.num_rows()).map(row).collect()
}

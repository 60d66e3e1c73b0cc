//! The fault sweep: whatever port call fails, in whatever way, the event is delivered again until it is acknowledged, and
//! the lake ends equal to the run without faults.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime},
};
use watershed_contract::Contracts;
use watershed_ingest::{Config, Ingest, Ports, handle, parts::Sizes};
use watershed_ops::{Invocation, Parameters};
use watershed_ports::{
    Kind,
    faults::{Fault, Faults},
    memory::{MemoryQueue, MemorySecrets, MemoryStore},
};

const CONTRACT: &str = r#"
version: 1.0.0
kind: DataContract
apiVersion: v3.1.0
id: things
status: active
domain: test
servers:
  - {server: raw, type: s3, location: "s3://{raw}/things/*.csv", format: csv}
schema:
  - name: things
    customProperties: [{property: watershed, value: {unknownColumns: add, addedPersonal: hash, partition: [{column: at, transform: month}], sort: [id]}}]
    quality: [{metric: rowCount, mustBeLessThan: 1000}]
    properties:
      - {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: at, logicalType: timestamp, physicalType: TIMESTAMPTZ}
      - name: who
        logicalType: string
        classification: personal
        customProperties: [{property: watershed, value: {personal: hash}}]
"#;
/// Of JSON, whose unknown keys take a second pass.
const DOCUMENTS: &str = r#"
version: 1.0.0
kind: DataContract
apiVersion: v3.1.0
id: documents
status: active
domain: test
servers:
  - {server: raw, type: s3, location: "s3://{raw}/documents/*.json", format: json}
schema:
  - name: documents
    customProperties: [{property: watershed, value: {unknownColumns: add}}]
    properties: [{name: id, logicalType: integer, required: true, primaryKey: true}]
"#;
/// Deliveries after which an event counts as never acknowledged.
const MAX_DELIVERIES: usize = 20;

struct World {
    faults: Faults,
    store: Arc<MemoryStore>,
    commits: Arc<MemoryQueue>,
    ingest: Ingest,
    etags: Vec<(String, u64, String)>,
    _scratch: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let faults = Faults::default();
        let store = Arc::new(MemoryStore::new(faults.clone()));
        let commits = Arc::new(MemoryQueue::new(faults.clone()));
        let secrets = Arc::new(MemorySecrets::new(faults.clone()));
        secrets.insert("hash", b"a key of the tests");
        let scratch = tempfile::tempdir().unwrap();
        let config = Config {
            contracts: ".".into(),
            lake_bucket: "lake".into(),
            commit_queue_url: "queue".into(),
            raw_queue_url: "raw".into(),
            sizes: Sizes::default(),
            hash_secret: Some("hash".into()),
            scratch: scratch.path().into(),
            sink_memory_bytes: 1 << 20,
        };
        let contracts = Contracts::parse([("things.odcs.yaml", CONTRACT), ("documents.odcs.yaml", DOCUMENTS)]).unwrap();
        let ports = Ports {
            store: store.clone(),
            commits: commits.clone(),
            parts: Arc::new(MemoryQueue::new(faults.clone())),
            secrets: Arc::new(Parameters::new(secrets)),
        };
        let ingest = Ingest::with_ports(config, contracts, ports);
        let rows: String = (0..900)
            .map(|i| format!("{i},2013-0{}-01T00:00:00Z\n", 1 + i % 3))
            .collect();
        let many: String = (1_000..2_100).map(|i| format!("{i},\n")).collect();
        let objects = [
            (
                "things/good.csv",
                format!("id,at,Mail\n{}", rows.replace("Z\n", "Z,x@y.org\n")),
            ),
            (
                "documents/one.json",
                "{\"id\": 2, \"k\": 1}\n{\"id\": 1, \"l\": [2]}\n".to_string(),
            ),
            ("things/some bad.csv", format!("id,at\n1,\nx,\n1,\n{rows}")),
            ("things/wrong.csv", "PK\u{3}\u{4}".to_string()),
            (
                "things/too many.csv",
                format!("id,at\n{}", "7,\n8,\n".repeat(3)) + &many,
            ),
            ("others/2013.csv", format!("Id;Created At\n{}", rows.replace(',', ";"))),
            ("others/letter.txt", "Dear all,\nno table.\n".to_string()),
            ("others/_SUCCESS", "1".to_string()),
        ];
        let put = |(key, body): (&str, String)| {
            let meta = store.insert("raw", key, body);
            (key.to_string(), meta.bytes, meta.etag)
        };
        let etags = objects.map(put).to_vec();
        Self {
            faults,
            store,
            commits,
            ingest,
            etags,
            _scratch: scratch,
        }
    }

    /// The objects' events as one batch of the queue.
    fn batch(&self) -> Value {
        let record = |(number, (key, bytes, etag)): (usize, &(String, u64, String))| {
            let body = json!({
                "version": "0", "id": "e", "detail-type": "Object Created", "source": "aws.s3", "account": "1",
                "time": "2013-01-01T10:00:00Z", "region": "us-east-1", "resources": [],
                "detail": {"version": "0", "bucket": {"name": "raw"}, "reason": "PutObject",
                    "object": {"key": key, "size": bytes, "etag": etag, "sequencer": format!("00{number}")}}
            });
            json!({"messageId": number.to_string(), "eventSource": "aws:sqs", "body": body.to_string()})
        };
        json!({"Records": self.etags.iter().enumerate().map(record).collect::<Vec<_>>()})
    }

    /// Delivers what is not acknowledged, again and again.
    async fn deliver(&self) {
        let mut batch = self.batch();
        for _ in 0..MAX_DELIVERIES {
            let deadline = SystemTime::now() + Duration::from_secs(60);
            let invocation = Invocation::begin("ingest", "dev-ingest", "r", None, deadline, Box::new(std::io::sink()));
            let answer = handle(&self.ingest, invocation, batch.clone())
                .await
                .expect("a batch never fails whole");
            let failed: BTreeSet<String> = answer.failures.into_iter().map(|failure| failure.id).collect();
            if failed.is_empty() {
                return;
            }
            let records = batch["Records"].as_array_mut().unwrap();
            records.retain(|record| failed.contains(record["messageId"].as_str().unwrap()));
        }
        panic!("never acknowledged");
    }

    /// What the committer would see: each request once, and the objects.
    fn lake(&self) -> (BTreeSet<String>, std::collections::BTreeMap<String, bytes::Bytes>) {
        (self.commits.messages().into_iter().collect(), self.store.snapshot())
    }
}

#[tokio::test]
async fn every_fault_at_every_call_ends_in_the_same_lake() {
    let world = World::new();
    world.deliver().await;
    let (expected, calls) = (world.lake(), world.faults.calls());
    assert_eq!(expected.0.len(), 10, "two requests an object that a contract matches");
    let adds = expected.0.iter().filter(|request| request.contains("\"added\":[{"));
    assert_eq!(adds.count(), 2);
    let drafts: Vec<&str> = expected
        .1
        .keys()
        .filter_map(|key| key.strip_prefix("lake/drafts/"))
        .collect();
    let of_letter = "others/letter.txt.report.json";
    assert_eq!(
        drafts,
        ["others/2013.csv.odcs.yaml", "others/2013.csv.report.json", of_letter]
    );
    for name in ["open", "stream", "put_file", "send", "read_range", "put "] {
        assert!(
            calls.iter().any(|call| call.starts_with(name)),
            "{name} is among {calls:?}"
        );
    }
    for (number, call) in calls.iter().enumerate() {
        for fault in Fault::ALL {
            let world = World::new();
            world.faults.plan(number, fault);
            world.deliver().await;
            assert!(world.lake() == expected, "call {number} ({call}) failed as {fault:?}");
        }
    }
}

#[tokio::test]
async fn an_object_that_is_gone_or_overwritten_is_acknowledged() {
    let world = World::new();
    world.store.insert("raw", "things/good.csv", "id,at\n5,\n");
    world.faults.clear();
    world.deliver().await;
    assert_eq!(world.lake().0.len(), 8, "two requests for each of the other four");
    let gone = watershed_ports::ObjectStore::delete(world.store.as_ref(), "raw", "things/good.csv").await;
    assert_eq!(gone.map_err(|e| e.kind), Ok::<(), Kind>(()));
    world.deliver().await;
    assert_eq!(world.lake().0.len(), 8);
}

#[tokio::test]
async fn an_unmatched_object_that_is_overwritten_has_the_draft_of_its_newest_version() {
    let world = World::new();
    let newer = world.store.insert("raw", "others/2013.csv", "a,b\n1,x\n2,y\n");
    world.deliver().await;
    assert!(!world.lake().1.contains_key("lake/drafts/others/2013.csv.odcs.yaml"));
    let mut world = world;
    let (bytes, etag) = (newer.bytes, newer.etag);
    world.etags = vec![("others/2013.csv".to_string(), bytes, etag)];
    world.deliver().await;
    let draft = world.lake().1["lake/drafts/others/2013.csv.odcs.yaml"].clone();
    assert!(String::from_utf8(draft.to_vec()).is_ok_and(|text| text.contains("- name: b\n")));
}

#[tokio::test]
async fn direct_notifications_make_the_same_lake() {
    let queued = World::new();
    queued.deliver().await;
    let world = World::new();
    for (number, (key, bytes, etag)) in world.etags.iter().enumerate() {
        let event = json!({"Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2013-01-01T10:00:00.000Z",
            "s3": {"bucket": {"name": "raw"}, "object":
                {"key": key.replace(' ', "+"), "size": bytes, "eTag": etag, "sequencer": format!("00{number}")}}
        }]});
        let deadline = SystemTime::now() + Duration::from_secs(60);
        let invocation = Invocation::begin("ingest", "dev-ingest", "r", None, deadline, Box::new(std::io::sink()));
        handle(&world.ingest, invocation, event).await.unwrap();
    }
    assert!(world.lake() == queued.lake());
}

//! What is told of quality rules: a warning each, and the metric.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use serde_json::{Value, json};
use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};
use watershed_contract::Contracts;
use watershed_ingest::{Config, Ingest, Ports, handle};
use watershed_ops::{Invocation, Parameters};
use watershed_ports::{
    faults::Faults,
    memory::{MemoryQueue, MemorySecrets, MemoryStore},
};

const CONTRACT: &str = r#"
version: 1.0.0
kind: DataContract
apiVersion: v3.1.0
id: things
status: active
domain: test
servers: [{server: raw, type: s3, location: "s3://{raw}/things/*.csv", format: csv}]
schema:
  - name: things
    quality:
      - {name: many, metric: rowCount, mustBeGreaterThan: 5, severity: warning}
      - {name: few, metric: rowCount, mustBeLessThan: 5, severity: warning}
    properties:
      - name: id
        logicalType: integer
        quality: [{name: known, metric: nullValues, mustBe: 0, unit: percent, severity: info}]
"#;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_rule_that_warns_is_one_line_and_counts() {
    let faults = Faults::default();
    let store = Arc::new(MemoryStore::new(faults.clone()));
    let scratch = tempfile::tempdir().unwrap();
    let config = Config {
        contracts: ".".into(),
        lake_bucket: "lake".into(),
        commit_queue_url: "queue".into(),
        raw_queue_url: "raw".into(),
        sizes: watershed_ingest::parts::Sizes::default(),
        hash_secret: None,
        scratch: scratch.path().into(),
        sink_memory_bytes: 1 << 20,
    };
    let ports = Ports {
        store: store.clone(),
        commits: Arc::new(MemoryQueue::new(faults.clone())),

        parts: Arc::new(MemoryQueue::new(Faults::default())),
        secrets: Arc::new(Parameters::new(Arc::new(MemorySecrets::new(faults)))),
    };
    let contracts = Contracts::parse([("things.odcs.yaml", CONTRACT)]).unwrap();
    let ingest = Ingest::with_ports(config, contracts, ports);
    let meta = store.insert("raw", "things/a.csv", "id\n1\nNA\n\"\"\n");
    let event = json!({"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2013-01-01T10:00:00.000Z",
        "s3": {"bucket": {"name": "raw"}, "object": {"key": "things/a.csv", "size": meta.bytes, "eTag": meta.etag, "sequencer": "00"}}
    }]});
    let log = Log::default();
    let deadline = SystemTime::now() + Duration::from_secs(60);
    let invocation = Invocation::begin("ingest", "dev-ingest", "r", None, deadline, Box::new(log.clone()));
    handle(&ingest, invocation, event).await.unwrap();

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let warned: Vec<&Value> = lines
        .iter()
        .filter(|line| line["message"] == "quality rule broken")
        .collect();
    assert_eq!(warned.len(), 2, "{text}");
    assert_eq!(
        (&warned[0]["rule"], &warned[0]["found"], &warned[0]["wanted"]),
        (&json!("many"), &json!("2 rows"), &json!("greater than 5 rows"))
    );
    assert_eq!(
        (&warned[1]["rule"], &warned[1]["column"], &warned[1]["found"]),
        (&json!("known"), &json!("id"), &json!("50 percent"))
    );
    assert_eq!(lines.last().unwrap()["QualityWarnings"], 2.0, "{text}");
}

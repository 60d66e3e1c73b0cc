//! `cargo local stream` against a stream that refuses much of what it is sent: all arrives, and in the order of its key where that is asked for.

use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread,
};
use watershed_local::{
    Emulator, Home,
    stream::{Replay, pace::Speed},
};

const CONTRACT: &str = "version: 1.0.0
kind: DataContract
apiVersion: v3.1.0
id: t
status: active
servers: [{server: raw, type: s3, location: 's3://{raw}/t/*', format: json}]
schema:
- name: t
  customProperties: [{property: watershed, value: {database: d}}]
  properties:
  - {name: at, logicalType: timestamp, physicalType: TIMESTAMPTZ}
  - {name: who, logicalType: string, physicalType: STRING}
";

/// What a stream does with its requests.
#[derive(Default)]
struct Stream {
    requests: u64,
    /// Data of what it took, in its order.
    taken: Vec<Value>,
    largest: usize,
}

impl Stream {
    fn answer(&mut self, call: &str, body: &Value) -> (u16, Value) {
        if call == "DescribeStreamSummary" {
            let summary = json!({
                "StreamName": "t", "StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/t", "StreamStatus": "ACTIVE",
                "RetentionPeriodHours": 24, "StreamCreationTimestamp": 1, "EnhancedMonitoring": [], "OpenShardCount": 1,
            });
            return (200, json!({"StreamDescriptionSummary": summary}));
        }
        assert_eq!(call, "PutRecords");
        self.requests += 1;
        let records = body["Records"].as_array().expect("records");
        self.largest = self.largest.max(records.len());
        if self.requests == 2 {
            let exceeded = json!({"__type": "ProvisionedThroughputExceededException", "message": "slow down"});
            return (400, exceeded);
        }
        // Of the first requests every second record is refused, those first that the one before took.
        let mut refused = 0;
        let results: Vec<Value> = (self.requests as usize..)
            .zip(records)
            .map(|(number, record)| {
                if self.requests < 6 && number % 2 == 0 {
                    refused += 1;
                    return json!({"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"});
                }
                let data = aws_smithy_types::base64::decode(record["Data"].as_str().expect("data")).expect("base64");
                self.taken.push(serde_json::from_slice(&data).expect("JSON"));
                json!({"SequenceNumber": self.taken.len().to_string(), "ShardId": "shardId-000000000000"})
            })
            .collect();
        (200, json!({"FailedRecordCount": refused, "Records": results}))
    }
}

/// Answers one client's requests.
fn serve(stream: &Mutex<Stream>, mut client: TcpStream) -> Option<()> {
    let mut input = BufReader::new(client.try_clone().ok()?);
    loop {
        let (mut call, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            input.read_line(&mut line).ok().filter(|read| *read > 0)?;
            let Some((name, value)) = line.trim().split_once(':') else {
                if line.trim().is_empty() {
                    break;
                }
                continue;
            };
            match name.to_ascii_lowercase().as_str() {
                "x-amz-target" => call = value.trim().rsplit('.').next()?.into(),
                "content-length" => length = value.trim().parse().ok()?,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        input.read_exact(&mut body).ok()?;
        let body = serde_json::from_slice(&body).ok()?;
        let (status, answer) = stream.lock().ok()?.answer(&call, &body);
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        client.write_all((head + &answer).as_bytes()).ok()?;
    }
}

/// What the stream took of so many rows of three keys.
fn send(dir: &Path, rows: u64, strict: bool) -> Stream {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let port = listener.local_addr().expect("an address").port();
    let stream = Arc::new(Mutex::new(Stream::default()));
    let of_server = Arc::clone(&stream);
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let stream = Arc::clone(&of_server);
            thread::spawn(move || serve(&stream, client));
        }
    });
    // What the local cloud is known by: a lock, and its port.
    let state = dir.join("cloud");
    fs::create_dir_all(&state).expect("the folder can be made");
    let lock = File::create(state.join("lock")).expect("the folder can be written");
    lock.lock().expect("nobody else holds it");
    fs::write(state.join("port"), port.to_string()).expect("the folder can be written");
    let home = Home::new(None).expect("the repository is there").with_state(&state);
    let emulator = Emulator::running(&home).expect("the lock says so");
    let text: String = (0..rows)
        .map(|row| format!("{{\"at\": {row}, \"who\": \"{}\"}}\n", row % 3))
        .collect();
    let (file, contract) = (dir.join("t.ndjson"), dir.join("t.odcs.yaml"));
    fs::write(&file, text).expect("the folder can be written");
    fs::write(&contract, CONTRACT).expect("the folder can be written");
    let replay = Replay {
        contract: contract.display().to_string(),
        inputs: vec![file],
        speed: Speed::Max,
        stream: None,
        shards: None,
        limit: Some(rows - 1),
        time: None,
        key: Some("who".into()),
        strict,
        json: true,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let sent = runtime.block_on(replay.run(&home, &emulator));
    sent.unwrap_or_else(|error| panic!("{error}"));
    let mut stream = stream.lock().expect("the server does not panic");
    std::mem::take(&mut stream)
}

#[test]
fn what_is_refused_is_sent_again_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a folder");
    let stream = send(dir.path(), 1_203, false);
    let mut times: Vec<u64> = stream.taken.iter().filter_map(|row| row["at"].as_u64()).collect();
    times.sort_unstable();
    assert_eq!(times, (0..1_202).collect::<Vec<u64>>(), "each once, up to the limit");
    assert_eq!(stream.largest, 500);
}

#[test]
fn in_strict_order_no_record_passes_another_of_its_key() {
    let dir = tempfile::tempdir().expect("a folder");
    let stream = send(dir.path(), 31, true);
    let mut by_key: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for row in &stream.taken {
        let times = by_key.entry(row["who"].to_string()).or_default();
        times.extend(row["at"].as_u64());
    }
    assert!(
        by_key.values().all(|times| times.len() == 10 && times.is_sorted()),
        "{by_key:?}"
    );
    assert_eq!(stream.largest, 3);
}

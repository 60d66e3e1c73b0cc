//! Streams on the local cloud: the producer, the emulator's Kinesis, the poller and a function, through failures and a reshard.

use aws_sdk_kinesis::types::ScalingType;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use watershed_local::{
    Emulator, Home, Ui, aws,
    emulator::Lifetime,
    package::Package,
    stream::{Replay, pace::Speed},
    venv::Venv,
};
use watershed_tests::{cloud::wait, home, invoke::post, python};

/// Longest until the function has all.
const TIMEOUT: Duration = Duration::from_mins(2);
const STREAM: &str = "notes";
const FUNCTION: &str = "stream-probe";

/// An emulator with a stream, a function that is mapped to it, and a queue for what the function fails with.
struct Streams {
    emulator: Emulator,
    home: Home,
    dir: PathBuf,
    queue: String,
}

impl Streams {
    fn start() -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("streams");
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("the folder can be made");
        let contract =
            fs::read_to_string(home().root().join("tests/contracts/simple.odcs.yaml")).expect("the contract");
        fs::write(dir.join("notes.odcs.yaml"), contract.replace("TABLE", STREAM)).expect("the folder can be written");
        let home = home().with_state(&dir.join("cloud"));
        let emulator = Emulator::start(&home, &python(Venv::Lake), None, Lifetime::Test, Ui::Silent);
        let emulator = emulator.unwrap_or_else(|error| panic!("{error}"));
        let sqs = aws_sdk_sqs::Client::new(&aws::config(&emulator.endpoint()));
        let queue = wait(sqs.create_queue().queue_name("given-up").send()).expect("a queue can be made");
        Self {
            emulator,
            home,
            dir,
            queue: queue.queue_url.unwrap_or_default(),
        }
    }

    fn map_function(&self) {
        let package = Package::function(FUNCTION, Path::new(env!("CARGO_BIN_EXE_stream-probe"))).expect("the function");
        let s3 = aws::s3(&self.emulator.endpoint());
        let body = package.zip().expect("a zip").into();
        wait(async {
            s3.create_bucket()
                .bucket("code")
                .send()
                .await
                .expect("a bucket can be made");
            let put = s3.put_object().bucket("code").key(&package.key).body(body).send();
            put.await.expect("the code can be put");
        });
        let (port, arn) = (self.emulator.port(), "arn:aws:iam::000000000000:role/probe");
        let function = json!({
            "FunctionName": FUNCTION, "Runtime": "provided.al2023", "Handler": "bootstrap", "Role": arn, "Timeout": 30,
            "Code": {"S3Bucket": "code", "S3Key": package.key},
            "Environment": {"Variables": {"SEEN": self.dir.join("seen")}},
        });
        post(port, "/2015-03-31/functions", &function);
        let mapping = json!({
            "EventSourceArn": format!("arn:aws:kinesis:us-east-1:000000000000:stream/{STREAM}"), "FunctionName": FUNCTION,
            "StartingPosition": "TRIM_HORIZON", "BatchSize": 10, "MaximumRetryAttempts": 0, "BisectBatchOnFunctionError": true,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:given-up"}},
        });
        let made = post(port, "/2015-03-31/event-source-mappings/", &mapping);
        assert_eq!(made["MaximumRetryAttempts"], 0, "{made}");
    }

    /// `cargo local stream`: a row an id, with this note; the id is the event time, the note the key.
    fn send(&self, rows: impl IntoIterator<Item = (u64, &'static str)>) {
        let lines: String = rows.into_iter().map(|(id, note)| format!("{id},{note}\n")).collect();
        let file = self.dir.join("notes.csv");
        fs::write(&file, format!("id,note\n{lines}")).expect("the file can be written");
        let replay = Replay {
            contract: self.dir.join("notes.odcs.yaml").display().to_string(),
            inputs: vec![file],
            speed: Speed::Times(1_000.0),
            stream: None,
            shards: Some(2),
            limit: None,
            time: Some("id".into()),
            key: Some("note".into()),
            strict: false,
            json: true,
        };
        wait(replay.run(&self.home, &self.emulator)).unwrap_or_else(|error| panic!("{error}"));
    }

    fn reshard(&self, shards: i32) {
        let kinesis = aws_sdk_kinesis::Client::new(&aws::config(&self.emulator.endpoint()));
        let update = kinesis
            .update_shard_count()
            .stream_name(STREAM)
            .target_shard_count(shards);
        wait(update.scaling_type(ScalingType::UniformScaling).send()).expect("the stream can be resharded");
    }

    /// What the function got, an invocation each.
    fn seen(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.dir.join("seen")).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).expect("the function writes JSON"))
            .collect()
    }

    /// Ids by note, in the order in which the function first got them without failing.
    fn passed(&self) -> BTreeMap<String, Vec<u64>> {
        let mut by_note: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for invocation in self.seen().iter().filter(|invocation| invocation["fails"] == false) {
            for row in invocation["rows"].as_array().into_iter().flatten() {
                let ids = by_note
                    .entry(row["note"].as_str().unwrap_or_default().into())
                    .or_default();
                let id = row["id"].as_u64().expect("ids are sent as numbers");
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
        by_note
    }

    fn until(&self, what: &str, arrived: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !arrived(self) {
            let log = || fs::read_to_string(self.home.streams().join("log")).unwrap_or_default();
            assert!(begun.elapsed() < TIMEOUT, "{what}: {:?}\n{}", self.passed(), log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Messages of the destination.
    fn given_up(&self, wanted: usize) -> Vec<Value> {
        let (begun, mut found) = (Instant::now(), Vec::new());
        let sqs = || aws_sdk_sqs::Client::new(&aws::config(&self.emulator.endpoint()));
        while found.len() < wanted {
            assert!(begun.elapsed() < TIMEOUT, "{found:?}");
            let receive = sqs()
                .receive_message()
                .queue_url(&self.queue)
                .max_number_of_messages(10)
                .send();
            let messages = wait(receive)
                .expect("the queue can be read")
                .messages
                .unwrap_or_default();
            let bodies = messages.into_iter().filter_map(|message| message.body);
            found.extend(bodies.map(|body| serde_json::from_str::<Value>(&body).expect("invocation records are JSON")));
            std::thread::sleep(Duration::from_millis(100));
        }
        found
    }
}

#[test]
fn records_come_in_order_through_failures_and_reshards() {
    const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];
    let rows = |ids: std::ops::Range<u64>| ids.map(|id| (id, KEYS[id as usize % KEYS.len()]));
    let expected = |ids: std::ops::Range<u64>, key: u64| ids.filter(|id| id % 5 == key).collect::<Vec<u64>>();
    let streams = Streams::start();
    streams.send(rows(0..50));
    streams.map_function();
    streams.send(rows(50..60).chain([(60, "fail"), (61, "report")]));
    // Parents are read to their end, and then their children, although records are in both.
    streams.reshard(4);
    streams.send(rows(65..100));
    streams.reshard(2);
    streams.send(rows(100..120));
    streams.until("all is seen", |streams| {
        let passed = streams.passed();
        KEYS.iter().all(|key| {
            passed
                .get(*key)
                .and_then(|ids| ids.last())
                .is_some_and(|last| *last >= 115)
        })
    });
    let passed = streams.passed();
    for (number, key) in (0..).zip(KEYS) {
        let all = [
            expected(0..60, number),
            expected(65..100, number),
            expected(100..120, number),
        ]
        .concat();
        assert_eq!(passed[key], all, "{key}");
    }
    let mut records = streams.given_up(2);
    records.sort_by_key(|record| record["responseContext"]["functionError"].is_null());
    for record in &records {
        assert_eq!(
            record["requestContext"]["condition"], "RetryAttemptsExhausted",
            "{record}"
        );
        assert_eq!(
            record["KinesisBatchInfo"]["batchSize"], 1,
            "bisecting isolates it: {record}"
        );
    }
    assert_eq!(records[0]["responseContext"]["functionError"], "Unhandled");
    assert!(
        records[1]["responseContext"].get("functionError").is_none(),
        "{}",
        records[1]
    );
    assert!(
        streams
            .seen()
            .iter()
            .all(|invocation| invocation["rows"].as_array().is_some_and(|rows| rows.len() <= 10))
    );
}

//! Where a warm invocation's time goes, with many keys in open windows: the whole function over the services that its environment names.
//!
//! ```text
//! WATERSHED_CONTRACTS=functions/analyze/examples WATERSHED_LAKE_BUCKET=… WATERSHED_COMMIT_QUEUE_URL=… \
//!     cargo run --release --example warm -- [KEYS] [TURNS]
//! ```
//! The stream is `lambda-stream` of `telemetry.odcs.yaml`, and must be there with a shard. Each turn brings 8,000 records; windows are kept open
//! by event times of one minute. Laps are medians over the turns after the first two, in milliseconds of the wall clock. An emulator on this machine
//! answers faster than S3 does ("Best practices design patterns: optimizing Amazon S3 performance" speaks of 100 to 200 ms for small objects):
//! the example `delay` puts what is missing between.

use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    error::Error,
    io::Write,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};
use watershed_analyze::{Analyze, Config, handle, turn::lap};
use watershed_contract::Contracts;
use watershed_ops::{Environment, Invocation};

type Failure = Box<dyn Error + Send + Sync>;

const RECORDS: usize = 8_000;
const DEFAULT_KEYS: usize = 10_000;
const DEFAULT_TURNS: usize = 12;
/// Turns that come before what is measured: the first is cold, and not all keys have come.
const FIRST_TURNS: usize = 2;
const LAPS: [(&str, &str); 8] = [
    (lap::READ, "I/O"),
    (lap::WORK, "CPU"),
    (lap::FILES, "CPU"),
    (lap::UPLOAD, "I/O"),
    (lap::ENCODE, "CPU"),
    (lap::SWAP, "I/O"),
    (lap::SEND, "I/O"),
    ("Duration", "all"),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).map(|number| number.parse());
    let keys = arguments.next().transpose()?.unwrap_or(DEFAULT_KEYS);
    let turns = arguments.next().transpose()?.unwrap_or(DEFAULT_TURNS);
    let config = Config::parse(Environment::new(std::env::vars()))?;
    let contracts = Contracts::load(&config.contracts)?;
    let analyze = Analyze::new(config, contracts);
    let begun_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
    let mut laps = BTreeMap::<&str, Vec<f64>>::new();
    let mut state = 0.0;
    for turn in 0..turns {
        let text = event(turn, keys, begun_ms).to_string();
        let log = Log::default();
        let deadline = SystemTime::now() + Duration::from_secs(300);
        let invocation = Invocation::begin("analyze", "warm", "r", None, deadline, Box::new(log.clone()));
        let answer = handle(&analyze, invocation, text.as_bytes()).await?;
        let log = log.0.lock().map_err(|_| "the log")?.clone();
        let line: Value = serde_json::from_slice(log.split(|byte| *byte == b'\n').rev().nth(1).unwrap_or_default())?;
        if !answer.failures.is_empty() || line["RowsAccepted"].as_f64() != Some(RECORDS as f64) {
            return Err(String::from_utf8_lossy(&log).into());
        }
        state = line["StateBytes"].as_f64().unwrap_or(0.0);
        for (name, _) in LAPS.iter().filter(|_| turn >= FIRST_TURNS) {
            laps.entry(name).or_default().push(line[name].as_f64().unwrap_or(0.0));
        }
    }
    println!(
        "{keys} keys, {RECORDS} records a turn, a checkpoint of {:.1} MB",
        state / 1e6
    );
    for (name, kind) in LAPS {
        let times = laps.entry(name).or_default();
        times.sort_unstable_by(f64::total_cmp);
        println!("{name:10} {kind:4} {:9.2}", times.get(times.len() / 2).unwrap_or(&0.0));
    }
    Ok(())
}

/// A turn's records: each key in its turn, within one minute.
fn event(turn: usize, keys: usize, begun_ms: u128) -> Value {
    let record = |at: usize| {
        let (number, metric) = (turn * RECORDS + at, ["temperature", "pressure", "vibration"]);
        let key = number % keys;
        let second = turn % 50;
        let body = json!({"device_id": format!("dev-{:06}", key / 3), "ts": format!("2026-01-01T00:00:{second:02}.000Z"), "metric": metric[key % 3],
            "value": (number % 997) as f64 / 8.0, "site": "plant-01", "seq": number, "quality": "good"});
        // Later runs go on where this one ended.
        let sequence = format!("4959033827149025660855{begun_ms:015}{number:012}");
        json!({"kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": key.to_string(), "sequenceNumber": sequence,
            "data": base64_simd::STANDARD.encode_to_string(body.to_string()), "approximateArrivalTimestamp": 1_767_225_650.987},
            "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": format!("shardId-000000000000:{sequence}"),
            "eventName": "aws:kinesis:record", "awsRegion": "us-east-1",
            "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/lambda-stream"})
    };
    json!({"Records": (0..RECORDS).map(record).collect::<Vec<_>>()})
}

/// What an invocation logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut log = self.0.lock().map_err(|_| std::io::Error::other("poisoned"))?;
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

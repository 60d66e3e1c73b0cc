//! How fast `ingest` is, and how much memory it takes, on TPC-H's lineitem: the function's own pipeline, from text to Parquet
//! files, with every check of `lineitem.odcs.yaml` on.
//!
//! ```text
//! cargo bench -p watershed-ingest                        every job, on rows that are made
//! cargo bench -p watershed-ingest -- csv month --rounds 5 --input lineitem.csv
//! ```
//! Jobs: `csv`, `month` (84 partitions by ship date), `bad` (every tenth row), `gzip`, `ndjson`. Each round runs every job once; what is
//! shown is the median of the rounds. Only CPU time counts, as Linux tells it: other processes do not disturb. MB are those of
//! the text, before compression.

use std::{
    error::Error,
    fs::File,
    io::{Cursor, Read, Write},
    sync::Arc,
    time::Duration,
};
use watershed_contract::Dataset;
use watershed_decode::{Treatment, quarantine::Origin};
use watershed_ingest::pipeline::{self, Job};

type Failure = Box<dyn Error>;

const CONTRACT: &str = include_str!("lineitem.odcs.yaml");
const DEFAULT_ROWS: usize = 1_500_000;
const DEFAULT_ROUNDS: usize = 3;
const JOBS: [&str; 5] = ["csv", "month", "bad", "gzip", "ndjson"];

fn main() -> Result<(), Failure> {
    let mut jobs: Vec<String> = Vec::new();
    let (mut rounds, mut input) = (DEFAULT_ROUNDS, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--rounds" => rounds = arguments.next().ok_or("--rounds N")?.parse()?,
            "--input" => input = arguments.next(),
            job if JOBS.contains(&job) => jobs.push(job.into()),
            other => return Err(format!("`{other}` is no job: {}", JOBS.join(", ")).into()),
        }
    }
    if jobs.is_empty() {
        jobs = JOBS.map(String::from).to_vec();
    }
    let csv = match input {
        Some(path) => std::fs::read(path)?,
        None => made(DEFAULT_ROWS),
    };
    let inputs: Vec<Input> = jobs.iter().map(|job| Input::new(job, &csv)).collect::<Result<_, _>>()?;
    let mut times = vec![Vec::new(); inputs.len()];
    for _ in 0..rounds {
        for (input, times) in inputs.iter().zip(&mut times) {
            times.push(input.run()?);
        }
    }
    println!("{:8} {:>8} {:>8} {:>10} {:>12}", "job", "MB", "cpu s", "MB/s", "rows/s");
    for (input, times) in inputs.iter().zip(&mut times) {
        times.sort_unstable();
        let seconds = times[times.len() / 2].as_secs_f64();
        let megabytes = input.text_bytes as f64 / 1e6;
        let (speed, rows) = (megabytes / seconds, input.rows as f64 / seconds);
        println!("{:8} {megabytes:8.1} {seconds:8.2} {speed:10.1} {rows:12.0}", input.job);
    }
    println!("memory at most, with the input held: {}", peak_memory());
    Ok(())
}

struct Input {
    job: String,
    dataset: Arc<Dataset>,
    bytes: Arc<[u8]>,
    text_bytes: usize,
    rows: usize,
}

impl Input {
    fn new(job: &str, csv: &[u8]) -> Result<Self, Failure> {
        let text = match job {
            "bad" => spoilt(csv),
            "ndjson" => ndjson(csv),
            _ => csv.to_vec(),
        };
        let rows = memchr::memchr_iter(b'\n', &text).count();
        let (text_bytes, bytes) = (text.len(), if job == "gzip" { gzip(&text)? } else { text });
        Ok(Self {
            job: job.into(),
            dataset: dataset(job)?,
            bytes: bytes.into(),
            text_bytes,
            rows,
        })
    }

    fn run(&self) -> Result<Duration, Failure> {
        let folder = tempfile::tempdir()?;
        let job = Job {
            treatment: Arc::new(Treatment::new(&self.dataset, None)?),
            dataset: Arc::clone(&self.dataset),
            origin: Origin {
                source: "lineitem".into(),
                version: "1".into(),
                time_us: 0,
                contract_version: self.dataset.version_text(),
            },
            scratch: folder.path().into(),
            sink_memory_bytes: 64 << 20,
        };
        let begun = cpu_time();
        let mut open = || Ok(Box::new(Cursor::new(Arc::clone(&self.bytes))) as Box<dyn Read + Send>);
        pipeline::run(&job, &mut open, &mut |file| Ok(std::fs::remove_file(file.local)?))?;
        Ok(cpu_time().saturating_sub(begun))
    }
}

fn dataset(job: &str) -> Result<Arc<Dataset>, Failure> {
    let month = "  - name: lineitem\n    customProperties: [{property: watershed, value: {partition: [{column: l_shipdate, transform: month}]}}]\n";
    let contract = match job {
        "month" => CONTRACT.replace("  - name: lineitem\n", month),
        "ndjson" => CONTRACT.replace("format: csv", "format: json"),
        _ => CONTRACT.into(),
    };
    Ok(watershed_contract::parse("lineitem.odcs.yaml", &contract)?.remove(0))
}

/// Every tenth row has a month that does not exist.
fn spoilt(csv: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(csv.len());
    for (number, line) in csv.split_inclusive(|b| *b == b'\n').enumerate() {
        let at = memchr::memmem::find(line, b",19").filter(|_| number % 10 == 9);
        match at {
            Some(at) => {
                out.extend_from_slice(&line[..at + 6]);
                out.extend_from_slice(b"13");
                out.extend_from_slice(&line[at + 8..]);
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

fn ndjson(csv: &[u8]) -> Vec<u8> {
    let mut lines = csv.split(|b| *b == b'\n');
    let names: Vec<&[u8]> = lines.next().unwrap_or_default().split(|b| *b == b',').collect();
    let mut out = Vec::with_capacity(csv.len() * 3);
    for line in lines.filter(|line| !line.is_empty()) {
        out.push(b'{');
        // The comment is the last field, and the only one with commas in it.
        for (index, (name, value)) in names.iter().zip(line.splitn(names.len(), |b| *b == b',')).enumerate() {
            let bare = value.first().is_some_and(u8::is_ascii_digit) && !value.contains(&b'-');
            let quote: &[u8] = if bare || value.first() == Some(&b'"') {
                b""
            } else {
                b"\""
            };
            let parts: [&[u8]; 7] = [
                if index > 0 { b"," } else { b"" },
                b"\"",
                name,
                b"\":",
                quote,
                value,
                quote,
            ];
            for part in &parts {
                out.extend_from_slice(part);
            }
        }
        out.extend_from_slice(b"}\n");
    }
    out
}

fn gzip(text: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(text)?;
    encoder.finish()
}

/// xorshift64*: the same rows every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) * limit) >> 32
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

/// Lines like those of lineitem.csv.
fn made(rows: usize) -> Vec<u8> {
    const WORDS: [&str; 12] = [
        "carefully",
        "quickly",
        "final",
        "pending",
        "deposits",
        "accounts",
        "regular,",
        "ironic",
        "packages",
        "the",
        "sleep",
        "furiously",
    ];
    const INSTRUCTIONS: [&str; 4] = ["DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"];
    const MODES: [&str; 7] = ["REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"];
    let mut random = Random(42);
    let header = "l_orderkey,l_partkey,l_suppkey,l_linenumber,l_quantity,l_extendedprice,l_discount,l_tax,l_returnflag,l_linestatus,\
        l_shipdate,l_commitdate,l_receiptdate,l_shipinstruct,l_shipmode,l_comment\n";
    let mut out = header.to_string().into_bytes();
    for row in 0..rows {
        let r = &mut random;
        let date = |r: &mut Random| format!("{}-{:02}-{:02}", 1992 + r.below(7), 1 + r.below(12), 1 + r.below(28));
        let price = 90_000 + r.below(9_000_000);
        let comment: Vec<&str> = (0..2 + r.below(4)).map(|_| r.of(&WORDS)).collect();
        let line = format!(
            "{},{},{},{},{},{}.{:02},0.{:02},0.{:02},{},{},{},{},{},{},{},\"{}\"\n",
            row / 4 + 1,
            1 + r.below(200_000),
            1 + r.below(10_000),
            row % 4 + 1,
            1 + r.below(50),
            price / 100,
            price % 100,
            r.below(11),
            r.below(9),
            r.of(&["A", "N", "R"]),
            r.of(&["F", "O"]),
            date(r),
            date(r),
            date(r),
            r.of(&INSTRUCTIONS),
            r.of(&MODES),
            comment.join(" "),
        );
        out.extend_from_slice(line.as_bytes());
    }
    out
}

fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

fn peak_memory() -> String {
    let mut status = String::new();
    let read = File::open("/proc/self/status").and_then(|mut file| file.read_to_string(&mut status));
    let line = read
        .ok()
        .and_then(|_| status.lines().find_map(|line| line.strip_prefix("VmHWM:")));
    line.map_or("unknown".into(), |value| value.trim().into())
}

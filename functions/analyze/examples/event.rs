//! How fast an event of Lambda is decoded, checked and put in windows, by the function's own code.
//!
//! ```text
//! cargo run --release --example event -- EVENT.json [ROUNDS]
//! ```
//! The event is of stream `lambda-stream`, its records are those of `telemetry.odcs.yaml`; windows count, sum and bound them by device, metric
//! and minute. Medians of CPU time, as Linux tells it, of the rounds; each begins with the JSON text and an empty state. With `open` windows all
//! stay open, which is what a loop does that groups by these keys; with `closing` ones, each window of a minute is made a row of its table.

use std::{error::Error, time::Duration};
use watershed_analyze::{checkpoint::Head, decoder::Decoder, output::Outputs, pipeline::Pipeline, shard::Shard};
use watershed_decode::Treatment;
use watershed_kinesis::Event;

type Failure = Box<dyn Error>;

const CONTRACT: &str = include_str!("telemetry.odcs.yaml");
const DEFAULT_ROUNDS: usize = 51;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let text = std::fs::read(arguments.next().ok_or("event EVENT.json [ROUNDS]")?)?;
    let rounds: usize = arguments.next().map_or(Ok(DEFAULT_ROUNDS), |rounds| rounds.parse())?;
    for (name, out_of_order) in [("open", "1h"), ("closing", "30s")] {
        let contract = CONTRACT.replace("outOfOrder: 1h", &format!("outOfOrder: {out_of_order}"));
        measure(name, &contract, &text, rounds)?;
    }
    Ok(())
}

fn measure(windows: &str, contract: &str, text: &[u8], rounds: usize) -> Result<(), Failure> {
    let dataset = watershed_contract::parse("telemetry.odcs.yaml", contract)?.remove(0);
    let stream = dataset.stream().ok_or("the contract is of a stream")?;
    let treatment = Treatment::new(&dataset, None)?;
    let mut decoder = Decoder::new(&dataset, treatment).ok_or("records stand by themselves")?;
    let scratch = tempfile::tempdir()?;
    let (mut work, mut files, mut encode, mut records, mut fired) = (Vec::new(), Vec::new(), Vec::new(), 0, 0);
    for _ in 0..rounds {
        let begun = cpu_time()?;
        let event = Event::parse(text)?;
        let mut shard = Shard::new(stream, Head::new(&stream.name, "shardId-000000000006"));
        let provenance = dataset.provenance(&shard.source(), "0");
        let outputs = Outputs::new(dataset.tables(), scratch.path().into(), provenance);
        let mut pipeline = Pipeline::new(&dataset, stream, &mut shard, outputs);
        let left = pipeline.records(&event, &mut decoder, &|| true);
        let (outputs, counts, _) = pipeline.finish();
        work.push(cpu_time()?.saturating_sub(begun));
        if left.is_err() || counts.accepted != counts.records {
            return Err(format!("not all records were accepted: {counts:?}").into());
        }
        (records, fired) = (counts.records, counts.fired);
        let begun = cpu_time()?;
        outputs.finish()?;
        files.push(cpu_time()?.saturating_sub(begun));
        let begun = cpu_time()?;
        let bytes = shard.encode(stream).len();
        encode.push(cpu_time()?.saturating_sub(begun));
        if bytes == 0 {
            return Err("there is no state".into());
        }
    }
    println!("{windows} windows, {records} records, {fired} firings");
    for (name, times) in [
        ("decode, check and window", &mut work),
        ("Parquet", &mut files),
        ("state as bytes", &mut encode),
    ] {
        times.sort_unstable();
        let median = times[times.len() / 2].as_secs_f64();
        let speed = records as f64 / median / 1e3;
        println!("  {name:26} {:8.2} ms {speed:9.0} krec/s/core", median * 1e3);
    }
    Ok(())
}

/// CPU time of this process so far.
fn cpu_time() -> Result<Duration, Failure> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let ns = text.split(' ').next().ok_or("schedstat has a first field")?.parse()?;
    Ok(Duration::from_nanos(ns))
}

//! How long the steps from an event of Kinesis to windows take: `cargo run --example stream EVENT.json CONTRACT.odcs.yaml`. The contract
//! is one of a stream whose first window has a key of texts and aggregates a float.
#![allow(clippy::print_stdout, reason = "it is what the example is for")]

use arrow_array::{Array, RecordBatch, cast::AsArray, types::TimestampMicrosecondType};
use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};
use watershed_contract::{Dataset, Window, parse};
use watershed_decode::{KeyIndex, Quality, RecordReader, Records, Standardiser, Treatment, block::Record as Place};
use watershed_kinesis::{Batch, Event, Unpacker};
use watershed_sink::arrow_schema;
use watershed_stream::{Outcome, Position, Record, State, Value};

/// Passes over the event, of which the median counts.
const PASSES: usize = 15;
const STEPS: [&str; 4] = ["event", "unpack", "decode and validate", "window"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (event, contract) = arguments
        .next()
        .zip(arguments.next())
        .ok_or("write EVENT.json CONTRACT.odcs.yaml")?;
    let text = std::fs::read(&event)?;
    let dataset = parse(&contract, &std::fs::read_to_string(&contract)?)?.remove(0);
    let passes = (0..PASSES)
        .map(|_| pass(&text, &dataset))
        .collect::<Result<Vec<_>, _>>()?;
    let rows = passes[0].rows;
    println!(
        "{rows} records, {} B each, {} accepted, {} windows fired",
        text.len() / rows,
        passes[0].added,
        passes[0].fired
    );
    let median = |of: &dyn Fn(&Pass) -> Duration| {
        let mut times: Vec<Duration> = passes.iter().map(of).collect();
        times.sort();
        times[PASSES / 2].as_nanos() as f64 / rows as f64
    };
    for (step, name) in STEPS.iter().enumerate() {
        println!("{name:20} {:6.0} ns a record", median(&|pass| pass.times[step]));
    }
    let all = median(&|pass| pass.times.iter().sum());
    println!(
        "{:20} {all:6.0} ns a record, {:.0} thousand records a second",
        "all",
        1e6 / all
    );
    Ok(())
}

#[derive(Default)]
struct Pass {
    rows: usize,
    added: usize,
    fired: usize,
    times: [Duration; STEPS.len()],
}

fn pass(text: &[u8], dataset: &Arc<Dataset>) -> Result<Pass, Box<dyn Error>> {
    let stream = dataset.stream().ok_or("the contract is of no stream")?;
    let window = stream.windows.first().ok_or("the contract has no windows")?;
    let mut reader = RecordReader::new(dataset).ok_or("the contract's format has no records")?;
    let treatment = Arc::new(Treatment::new(dataset, None)?);
    let (schema, rules) = (
        arrow_schema(&dataset.table),
        Quality::new(dataset, std::path::Path::new("none")),
    );
    let mut standardiser = Standardiser::new(
        Arc::clone(dataset),
        schema,
        KeyIndex::known(Vec::new()),
        treatment,
        rules,
    );
    let mut state = State::new(Arc::clone(&window.spec), "shardId-000000000006");
    let mut pass = Pass::default();

    let begun = Instant::now();
    let event = Event::parse(text)?;
    pass.times[0] += begun.elapsed();
    let (mut unpacker, mut batch, mut places) = (Unpacker::new(&event), Batch::default(), Vec::new());
    loop {
        let begun = Instant::now();
        let more = unpacker.fill(&mut batch);
        places.clear();
        places.extend(batch.records.iter().map(|record| Place {
            start: record.start,
            end: record.end,
        }));
        pass.times[1] += begun.elapsed();
        if !more {
            return Ok(pass);
        }
        pass.rows += places.len();
        let mut decoded = Vec::new();
        let begun = Instant::now();
        let records = Records {
            bytes: &mut batch.bytes,
            places: &places,
            refused: &[],
        };
        reader.read(records, &mut standardiser, |read| {
            decoded.push(read);
            Ok(())
        })?;
        pass.times[2] += begun.elapsed();
        let begun = Instant::now();
        for read in decoded {
            let numbers: Vec<usize> = read.accepted().collect();
            let position = |row: usize| {
                let record = &batch.records[numbers[row]];
                let entry = &event.records[record.entry as usize];
                let (high, sequence) = (entry.sequence.high, entry.sequence.low);
                let sub = u64::from(record.sub);
                (Position { high, sequence, sub }, entry.arrival_ms)
            };
            let (added, fired) = add(&mut state, (stream.event_time, window), &read.decoded.batch, position);
            pass.added += added;
            pass.fired += fired;
        }
        pass.times[3] += begun.elapsed();
    }
}

/// How many rows are in their windows, and how many windows fired. The event's times are its own, whenever it came.
fn add(
    state: &mut State,
    (event_time, window): (Option<usize>, &Window),
    batch: &RecordBatch,
    position: impl Fn(usize) -> (Position, i64),
) -> (usize, usize) {
    let times = event_time.and_then(|at| batch.column(at).as_primitive_opt::<TimestampMicrosecondType>());
    let keys: Vec<_> = window
        .key
        .iter()
        .map(|at| batch.column(*at).as_string::<i32>())
        .collect();
    let input = batch
        .column(window.inputs[0])
        .as_primitive::<arrow_array::types::Float64Type>();
    let (mut bytes, mut ends, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..batch.num_rows() {
        for key in &keys {
            let text = key.value(row).as_bytes();
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(text);
        }
        ends.push(bytes.len());
        values.push(if input.is_valid(row) {
            Value::Float(input.value(row))
        } else {
            Value::Null
        });
    }
    let starts = std::iter::once(&0).chain(&ends);
    let records: Vec<Record<'_>> = starts
        .zip(&ends)
        .enumerate()
        .map(|(row, (start, end))| {
            let (position, arrival_ms) = position(row);
            let event_ms = times.map_or(arrival_ms, |times| times.value(row).div_euclid(1_000));
            Record {
                position,
                arrival_ms: arrival_ms.max(event_ms),
                event_ms,
                key: &bytes[*start..*end],
                values: &values[row..=row],
            }
        })
        .collect();
    let (mut added, mut fired) = (0, 0);
    let told = |_: &Record<'_>, outcome| added += usize::from(outcome == Outcome::Added);
    state.add_all(&records, told, &mut |piece| fired += piece.len());
    (added, fired)
}

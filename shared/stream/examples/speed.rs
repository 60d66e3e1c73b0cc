//! Records a second that one core windows, of 10,000 keys in windows of an hour every five minutes:
//!
//! ```text
//! cargo run --release -p watershed-stream --example speed [PART OF A NAME]
//! ```
//!
//! Time is that of the processor where Linux tells it, so that what else the machine does is left out. Each line is one set of aggregates. The stream has 2,000 records a second of event time, mostly in order; it comes in batches of
//! 8,000, and the state is encoded every 100 of them, as a checkpoint is (told apart).

use std::{
    error::Error,
    fs,
    sync::Arc,
    time::{Duration, Instant},
};
use watershed_stream::{
    Aggregate, Bounds, DEFAULT_ACCURACY, DEFAULT_PRECISION, Function, InputType, Outcome, Position, Record, Spec,
    State, Timing, Value, WindowSpec,
};

const KEYS: u64 = 10_000;
const RECORDS: u64 = 4_000_000;
const RECORDS_PER_S: u64 = 2_000;
const BATCH: usize = 8_000;
/// Batches from one checkpoint to the next.
const CHECKPOINT: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let numbers = [
        Function::Count,
        Function::Sum,
        Function::Min,
        Function::Max,
        Function::Mean,
        Function::Stddev,
    ];
    let sketches = [
        Function::Distinct {
            precision: DEFAULT_PRECISION,
        },
        Function::Quantiles {
            probabilities: vec![0.5, 0.95, 0.99],
            accuracy: DEFAULT_ACCURACY,
        },
        Function::Top { values: 5 },
    ];
    let minutes = |minutes: i64| minutes * 60_000;
    let hopping = WindowSpec::Hopping {
        size_ms: minutes(60),
        slide_ms: minutes(5),
        offset_ms: 0,
    };
    let tumbling = WindowSpec::Tumbling {
        size_ms: minutes(5),
        offset_ms: 0,
    };
    let session = WindowSpec::Session {
        gap_ms: minutes(1),
        max_ms: minutes(60),
    };
    let all: Vec<Function> = numbers.iter().chain(&sketches).cloned().collect();
    let integers = InputType::Int;
    measure("hopping, numbers of floats", hopping, InputType::Float, &numbers)?;
    measure("hopping, numbers of integers", hopping, integers, &numbers)?;
    measure("hopping, distinct", hopping, integers, &sketches[..1])?;
    measure("hopping, quantiles", hopping, integers, &sketches[1..2])?;
    measure("hopping, top", hopping, integers, &sketches[2..])?;
    measure("hopping, sketches", hopping, integers, &sketches)?;
    measure("hopping, all", hopping, integers, &all)?;
    measure("tumbling, numbers of floats", tumbling, InputType::Float, &numbers)?;
    measure("sessions, numbers of floats", session, InputType::Float, &numbers)
}

/// Time that this thread ran for (Linux: `/proc/thread-self/schedstat`), else since the measurement began.
fn now(began: Instant) -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ran = told.and_then(|told| told.split(' ').next()?.parse().ok());
    ran.map_or_else(|| began.elapsed(), Duration::from_nanos)
}

struct Row {
    event_ms: i64,
    key: [u8; 8],
    value: u64,
}

impl Row {
    fn value(&self, input: InputType) -> Value<'_> {
        match input {
            InputType::Float => Value::Float(self.value as f64 / 7.0),
            _ => Value::Int(self.value as i64),
        }
    }

    fn record<'a>(&'a self, sequence: usize, values: &'a [Value<'a>]) -> Record<'a> {
        Record {
            position: Position {
                high: 0,
                sequence: sequence as u128,
                sub: 0,
            },
            arrival_ms: self.event_ms,
            event_ms: self.event_ms,
            key: &self.key,
            values,
        }
    }
}

fn rows() -> Vec<Row> {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let rows = (0..RECORDS).map(|at| Row {
        event_ms: (at * 1_000 / RECORDS_PER_S) as i64 - (next() % 10_000) as i64,
        key: (next() % KEYS).to_be_bytes(),
        value: next() % 1_000,
    });
    rows.collect()
}

fn measure(name: &str, window: WindowSpec, input: InputType, functions: &[Function]) -> Result<(), Box<dyn Error>> {
    if std::env::args().nth(1).is_some_and(|wanted| !name.contains(&wanted)) {
        return Ok(());
    }
    let aggregates: Vec<Aggregate> = functions
        .iter()
        .map(|function| Aggregate {
            name: format!("{function:?}"),
            function: function.clone(),
            input: Some(0),
        })
        .collect();
    let timing = Timing {
        out_of_order_ms: 10_000,
        allowed_lateness_ms: 0,
        early_ms: None,
        max_ahead_ms: 60_000,
    };
    let bounds = Bounds {
        keys: 100_000,
        bytes: 1 << 30,
    };
    let mut state = State::new(
        Arc::new(Spec::new(window, timing, vec![input], &aggregates, bounds)?),
        "shard",
    );
    let (rows, mut windows, mut fired, mut largest) = (rows(), Duration::ZERO, 0, 0);
    let (mut checkpoints, began) = (Vec::new(), Instant::now());
    for (at, batch) in rows.chunks(BATCH).enumerate() {
        let values: Vec<[Value<'_>; 1]> = batch.iter().map(|row| [row.value(input)]).collect();
        let records: Vec<Record<'_>> = (1..)
            .zip(batch.iter().zip(&values))
            .map(|(nth, (row, values))| row.record(at * BATCH + nth, values))
            .collect();
        let start = now(began);
        let added = |_: &Record<'_>, outcome| assert_eq!(outcome, Outcome::Added);
        state.add_all(&records, added, &mut |piece| fired += piece.len());
        windows += now(began).saturating_sub(start);
        if at % CHECKPOINT == CHECKPOINT - 1 {
            let start = now(began);
            let bytes = state.encode();
            largest = largest.max(bytes.len());
            checkpoints.push(now(began).saturating_sub(start));
        }
    }
    let nanoseconds = windows.as_nanos() as f64 / RECORDS as f64;
    println!(
        "{name}: {:.0} records/s, {nanoseconds:.0} ns each, {fired} windows fired; {} keys in {largest} bytes, of {} at \
         most, encoded in {:.0?}; {} keys evicted",
        1e9 / nanoseconds,
        state.keys(),
        state.weight(),
        checkpoints.iter().max().copied().unwrap_or_default(),
        state.evicted().keys,
    );
    Ok(())
}

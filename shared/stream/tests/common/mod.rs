//! Specs and records for the tests.
#![allow(dead_code, reason = "each test uses a part of it")]

use proptest::prelude::*;
use std::sync::Arc;
use watershed_stream::{
    Aggregate, Bounds, Firing, Function, InputType, Merger, Outcome, Output, Position, Record, Spec, State, Timing,
    Value, WindowSpec,
};

/// Adds all rows as one batch: what became of them, and what fired.
pub fn add_all(state: &mut State, rows: &[Row]) -> (Vec<Outcome>, Vec<Firing>) {
    let values: Vec<[Value<'_>; 4]> = rows.iter().map(Row::values).collect();
    let keys: Vec<[u8; 2]> = rows.iter().map(|row| [b'k', row.key]).collect();
    let rows = rows.iter().zip(&values).zip(&keys);
    let records: Vec<Record<'_>> = rows.map(|((row, values), key)| row.record(key, values)).collect();
    let mut outcomes = Vec::new();
    let mut fired = Vec::new();
    let told = |_: &Record<'_>, outcome| outcomes.push(outcome);
    state.add_all(&records, told, &mut |piece| fired.extend(piece));
    (outcomes, fired)
}

/// A record of its own.
#[derive(Debug, Clone)]
pub struct Row {
    pub sequence: u128,
    pub event_ms: i64,
    pub key: u8,
    pub int: Option<i64>,
    pub float: f64,
    pub decimal: i128,
    pub text: String,
}

pub const INPUTS: [InputType; 4] = [
    InputType::Int,
    InputType::Float,
    InputType::Decimal { scale: 2 },
    InputType::Text,
];

impl Row {
    /// A record of which only time, key and text matter.
    pub fn plain(sequence: u128, event_ms: i64, key: u8, text: &str) -> Self {
        Self {
            sequence,
            event_ms,
            key,
            int: Some(event_ms),
            float: 1.5,
            decimal: 125,
            text: text.into(),
        }
    }

    pub fn values(&self) -> [Value<'_>; 4] {
        [
            self.int.map_or(Value::Null, Value::Int),
            Value::Float(self.float),
            Value::Decimal(self.decimal),
            Value::Text(self.text.as_bytes()),
        ]
    }

    pub fn record<'a>(&self, key: &'a [u8], values: &'a [Value<'a>]) -> Record<'a> {
        Record {
            position: Position {
                high: 0,
                sequence: self.sequence,
                sub: 0,
            },
            arrival_ms: self.event_ms,
            event_ms: self.event_ms,
            key,
            values,
        }
    }

    pub fn add_to(&self, state: &mut State) -> Outcome {
        state.add(&self.record(&[b'k', self.key], &self.values()))
    }
}

pub fn aggregate(function: Function, input: usize) -> Aggregate {
    let records = function == Function::Records;
    Aggregate {
        name: format!("{function:?} {input}"),
        function,
        input: (!records).then_some(input),
    }
}

/// Every function on every input that it takes.
pub fn all() -> Vec<Aggregate> {
    let mut all = vec![aggregate(Function::Records, 0)];
    for input in 0..4 {
        let any = [
            Function::Count,
            Function::Min,
            Function::Max,
            Function::First,
            Function::Last,
        ];
        all.extend(any.map(|function| aggregate(function, input)));
        all.push(aggregate(Function::Distinct { precision: 8 }, input));
        all.push(aggregate(Function::Top { values: 3 }, input));
        if input < 3 {
            let numbers = [Function::Sum, Function::Mean, Function::Stddev];
            all.extend(numbers.map(|function| aggregate(function, input)));
            let probabilities = vec![0.0, 0.5, 0.9, 1.0];
            all.push(aggregate(
                Function::Quantiles {
                    probabilities,
                    accuracy: 0.01,
                },
                input,
            ));
        }
    }
    all
}

/// How long windows wait for records out of order.
pub const OUT_OF_ORDER_MS: i64 = 20;
pub const TUMBLING: WindowSpec = WindowSpec::Tumbling {
    size_ms: 100,
    offset_ms: 7,
};
pub const HOPPING: WindowSpec = WindowSpec::Hopping {
    size_ms: 100,
    slide_ms: 30,
    offset_ms: 7,
};
pub const SESSION: WindowSpec = WindowSpec::Session {
    gap_ms: 40,
    max_ms: 150,
};

pub fn bounds() -> Bounds {
    Bounds {
        keys: 1_000,
        bytes: 64 << 20,
    }
}

pub fn spec(window: WindowSpec, lateness_ms: i64, early_ms: Option<i64>, bounds: Bounds) -> Arc<Spec> {
    spec_of(window, lateness_ms, early_ms, bounds, &all())
}

pub fn spec_of(
    window: WindowSpec,
    allowed_lateness_ms: i64,
    early_ms: Option<i64>,
    bounds: Bounds,
    aggregates: &[Aggregate],
) -> Arc<Spec> {
    let timing = Timing {
        out_of_order_ms: OUT_OF_ORDER_MS,
        allowed_lateness_ms,
        early_ms,
        max_ahead_ms: 1_000,
    };
    Arc::new(Spec::new(window, timing, INPUTS.to_vec(), aggregates, bounds).expect("a spec that is right"))
}

/// Any window, lateness and early firings.
pub fn specs(bounds: Bounds) -> impl Strategy<Value = Arc<Spec>> {
    let windows = prop_oneof![Just(TUMBLING), Just(HOPPING), Just(SESSION)];
    let early = prop_oneof![Just(None), Just(Some(25))];
    (windows, prop_oneof![Just(0), Just(60), Just(250)], early)
        .prop_map(move |(window, lateness, early)| spec(window, lateness, early, bounds))
}

/// Event time goes on, and back by more than windows wait for, and far ahead now and then.
pub fn rows(keys: u8, most: usize) -> impl Strategy<Value = Vec<Row>> {
    let step = prop_oneof![12 => -60_i64..80, 2 => -400_i64..0, 1 => 200_i64..900];
    let float = prop_oneof![
        8 => -1e6..1e6_f64,
        2 => any::<f64>(),
        1 => Just(f64::NAN),
        1 => Just(-0.0),
    ];
    let decimal = prop_oneof![4 => -100_000_i128..100_000, 1 => any::<i128>()];
    let int = prop_oneof![1 => Just(None), 4 => (-50_i64..50).prop_map(Some), 1 => any::<i64>().prop_map(Some)];
    let row = (step, 0..keys, int, float, decimal, "[a-d]{0,2}");
    prop::collection::vec(row, 0..most).prop_map(|rows| {
        let mut now = 0;
        let rows = (1..)
            .zip(rows)
            .map(|(sequence, (step, key, int, float, decimal, text))| {
                now += step;
                Row {
                    sequence,
                    event_ms: now,
                    key,
                    int,
                    float,
                    decimal,
                    text,
                }
            });
        rows.collect()
    })
}

/// All windows closed.
pub fn end(state: &mut State) {
    let time = state.watermark_ms().unwrap_or(0);
    state.advance(time + 10_000_000);
}

/// Records by key and begin of window.
pub fn records(spec: &Arc<Spec>, firings: impl IntoIterator<Item = Firing>) -> Vec<(Vec<u8>, i64, u64)> {
    let mut merger = Merger::new(Arc::clone(spec));
    for firing in firings {
        merger.push(firing);
    }
    let windows = merger.windows();
    windows
        .map(|window| (window.key.to_vec(), window.start_ms, window.partial.records()))
        .collect()
}

pub fn number(output: &Output) -> f64 {
    match output {
        Output::Float(value) => *value,
        Output::Integer(value) | Output::Decimal(value) => *value as f64,
        other => panic!("a number, not {other:?}"),
    }
}

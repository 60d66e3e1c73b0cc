//! What is declared of a stream's windows, checked.

use crate::{
    aggregate::{Aggregate, Function, Plan},
    error::SpecErrors,
    value::InputType,
    window::{MAX_PERIOD_MS, MIN_PERIOD_MS, Shape, WindowSpec},
};
use xxhash_rust::xxh3::xxh3_64;

/// Fewest bytes that a state may be bound to: one key of one window needs some.
pub const MIN_STATE_BYTES: usize = 64 << 10;
/// Most bytes that a state may be bound to.
pub const MAX_STATE_BYTES: usize = 1 << 30;
/// Most keys that a state may be bound to.
pub const MAX_KEYS: usize = 10_000_000;
/// Most windows that can be open at once, all keys together: one record after a long pause fires them all, and that takes half a minute for
/// four million.
pub const MAX_OPEN_WINDOWS: usize = 10_000_000;
/// Bytes of a key.
pub const MAX_KEY_BYTES: usize = 2_048;

/// How event time goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How far records may be behind the newest one of their shard before windows close without them.
    pub out_of_order_ms: i64,
    /// How long a window that has fired still takes records, and fires corrections.
    pub allowed_lateness_ms: i64,
    /// Windows fire before their end whenever event time passes a multiple of this. None: only at the end.
    pub early_ms: Option<i64>,
    /// How far an event time may be ahead of the record's arrival: beyond it is refused, lest it close all windows.
    pub max_ahead_ms: i64,
}

/// What a state may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Keys with open windows.
    pub keys: usize,
    /// Bytes of the encoded state: it never has more.
    pub bytes: usize,
}

/// Everything that is declared, validated: windows, time, inputs, aggregates and bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    pub(crate) shape: Shape,
    pub(crate) timing: Timing,
    pub(crate) inputs: Vec<InputType>,
    pub(crate) plan: Plan,
    pub(crate) bounds: Bounds,
    pub(crate) fingerprint: u64,
    names: Vec<String>,
    inputs_of: Vec<Option<usize>>,
}

impl Spec {
    /// Checks the declaration; all that is wrong is said at once.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub fn new(
        window: WindowSpec,
        timing: Timing,
        inputs: Vec<InputType>,
        aggregates: &[Aggregate],
        bounds: Bounds,
    ) -> Result<Self, SpecErrors> {
        let mut wrong = Vec::new();
        let shape = window.shape(&mut wrong);
        let plan = Plan::new(&inputs, aggregates, &mut wrong);
        check_timing(timing, &mut wrong);
        check_bounds(bounds, &mut wrong);
        if wrong.is_empty() {
            check_open(shape, bounds, &mut wrong);
        }
        if !wrong.is_empty() {
            return Err(SpecErrors(wrong));
        }
        Ok(Self {
            fingerprint: fingerprint(shape, &inputs, aggregates),
            shape,
            timing,
            inputs,
            plan,
            bounds,
            names: aggregates.iter().map(|aggregate| aggregate.name.clone()).collect(),
            inputs_of: aggregates.iter().map(|aggregate| aggregate.input).collect(),
        })
    }

    /// Names of the aggregates, in the order of their outputs.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Which input an aggregate is of, both counted from 0. None: `Records`, or there is no such aggregate.
    pub fn input_of(&self, aggregate: usize) -> Option<usize> {
        self.inputs_of.get(aggregate).copied().flatten()
    }

    /// What a state may hold.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// A digest of windows, inputs and aggregates: what partial results must have in common to be merged. Names, timing,
    /// quantiles' probabilities and bounds may change under it.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// A digest of what a state must have been written for: windows, inputs, aggregates, and which windows are still open.
    pub(crate) fn state_fingerprint(&self) -> u64 {
        let Timing {
            allowed_lateness_ms,
            early_ms,
            ..
        } = self.timing;
        let text = format!("{:016x} {allowed_lateness_ms} {early_ms:?}", self.fingerprint);
        xxh3_64(text.as_bytes())
    }

    /// From one correction to the next, in event time.
    pub(crate) fn tick_ms(&self) -> i64 {
        self.timing.early_ms.unwrap_or(match self.shape {
            Shape::Grid(grid) => grid.slide,
            Shape::Session { gap, .. } => gap,
        })
    }
}

fn check_timing(timing: Timing, wrong: &mut Vec<String>) {
    let spans = [
        ("out of order", timing.out_of_order_ms),
        ("the allowed lateness", timing.allowed_lateness_ms),
        ("ahead of arrival", timing.max_ahead_ms),
    ];
    for (name, value) in spans {
        if !(0..=MAX_PERIOD_MS).contains(&value) {
            wrong.push(format!("{name} is 0 to {MAX_PERIOD_MS} ms, not {value}"));
        }
    }
    if let Some(value) = timing
        .early_ms
        .filter(|it| !(MIN_PERIOD_MS..=MAX_PERIOD_MS).contains(it))
    {
        wrong.push(format!(
            "early firings come every {MIN_PERIOD_MS} to {MAX_PERIOD_MS} ms, not {value}"
        ));
    }
}

fn check_bounds(bounds: Bounds, wrong: &mut Vec<String>) {
    if !(1..=MAX_KEYS).contains(&bounds.keys) {
        wrong.push(format!("a state holds 1 to {MAX_KEYS} keys, not {}", bounds.keys));
    }
    if !(MIN_STATE_BYTES..=MAX_STATE_BYTES).contains(&bounds.bytes) {
        wrong.push(format!(
            "a state holds {MIN_STATE_BYTES} to {MAX_STATE_BYTES} bytes, not {}",
            bounds.bytes
        ));
    }
}

fn check_open(shape: Shape, bounds: Bounds, wrong: &mut Vec<String>) {
    let most = shape.most_keys();
    if bounds.keys > most {
        wrong.push(format!(
            "{} keys whose windows overlap so often can have more than {MAX_OPEN_WINDOWS} windows open: let a state hold up to {most} keys",
            bounds.keys
        ));
    }
}

/// Of what decides how states look and what they mean.
fn fingerprint(shape: Shape, inputs: &[InputType], aggregates: &[Aggregate]) -> u64 {
    let mut text = match shape {
        Shape::Grid(grid) => format!("grid {} {} {}", grid.size, grid.slide, grid.offset),
        Shape::Session { gap, most } => format!("session {gap} {most}"),
    };
    for input in inputs {
        text += &match input {
            InputType::Int => "\nint".to_string(),
            InputType::Float => "\nfloat".to_string(),
            InputType::Decimal { scale } => format!("\ndecimal {scale}"),
            InputType::Timestamp => "\ntimestamp".to_string(),
            InputType::Text => "\ntext".to_string(),
            InputType::Bool => "\nbool".to_string(),
        };
    }
    for aggregate in aggregates {
        text += &match &aggregate.function {
            Function::Records => "\nrecords".to_string(),
            Function::Count => "\ncount".to_string(),
            Function::Sum => "\nsum".to_string(),
            Function::Mean => "\nmean".to_string(),
            Function::Stddev => "\nstddev".to_string(),
            Function::Min => "\nmin".to_string(),
            Function::Max => "\nmax".to_string(),
            Function::First => "\nfirst".to_string(),
            Function::Last => "\nlast".to_string(),
            Function::Distinct { precision } => format!("\ndistinct {precision}"),
            // Of the same buckets any quantile can be asked.
            Function::Quantiles { accuracy, .. } => format!("\nquantiles {:016x}", accuracy.to_bits()),
            Function::Top { values } => format!("\ntop {values}"),
        };
        text += &aggregate.input.map_or(String::new(), |input| format!(" of {input}"));
    }
    xxh3_64(text.as_bytes())
}

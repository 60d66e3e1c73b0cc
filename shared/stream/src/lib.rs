//! Windows of event time over a stream of records, with aggregates that merge.
//!
//! What stands where:
//!
//! | module | knows |
//! |---|---|
//! | `state` | the open windows of a shard: what a record does |
//! | `spec`, `window`, `aggregate` | what is declared, and whether it can be |
//! | `grid`, `session`, `panes` | when windows of a key fire, and of what |
//! | `keys` | keys by bytes, by their last record, by what is due |
//! | `accumulator`, `exact`, `big`, `distinct`, `quantile`, `top` | aggregates |
//! | `partial`, `firing`, `fired`, `merger` | what windows give, and how parts of several shards become one |
//! | `inherit` | shards that split and merge |
//! | `snapshot`, `seal`, `codec` | bytes |
//!
//! What holds of each aggregate. *Order*: the order of the records and how they lie in batches, slices and shards.
//!
//! | aggregate | the state is a function of | merging |
//! |---|---|---|
//! | `Records`, `Count`, `Min`, `Max` | the values | associative and commutative to the byte |
//! | `Sum`, `Mean`, `Stddev` | the values: sums are exact, and rounded once | the same |
//! | `First`, `Last` | values, event times and places; where all three are told alike, the value decides | the same |
//! | `Distinct` | the set of values | the same, and idempotent |
//! | `Quantiles` | the values | the same |
//! | `Top` | the records of a slice in their order | the same of any given parts (up to [`MAX_COUNTERS`] of them together, beyond which its bound holds) |
//!
//! So the same records in the same order, in whatever batches and with whatever checkpoints in between, give the same firings and
//! the same bytes. A sum is `Overflow` where it has no 128 bits; it never wraps.
//!
//! ```
//! # use std::sync::Arc;
//! # use watershed_stream::*;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let delay = |name: &str, function| Aggregate { name: name.into(), function, input: Some(0) };
//! let spec = Arc::new(Spec::new(
//!     WindowSpec::Hopping { size_ms: 3_600_000, slide_ms: 300_000, offset_ms: 0 },
//!     Timing { out_of_order_ms: 10_000, allowed_lateness_ms: 0, early_ms: None, max_ahead_ms: 60_000 },
//!     vec![InputType::Float],
//!     &[delay("mean", Function::Mean), delay("worst", Function::Max)],
//!     Bounds { keys: 100_000, bytes: 64 << 20 },
//! )?);
//! let mut state = State::new(Arc::clone(&spec), "shardId-000000000000");
//! let values = [Value::Float(12.5)];
//! let (position, event_ms) = (Position { high: 0, sequence: 49_590_338, sub: 0 }, 1_700_000_000_000);
//! let record = Record { position, arrival_ms: event_ms + 80, event_ms, key: b"JFK", values: &values };
//! let mut fired = Vec::new();
//! state.add_all(&[record], |_, outcome| assert_eq!(outcome, Outcome::Added), &mut |piece| fired.extend(piece));
//!
//! // Firings go to the table, then the state to its checkpoint; the next invocation reads it and goes on.
//! assert!(fired.is_empty());
//! let mut state = State::decode(&spec, &state.encode())?;
//! state.idle_until(event_ms + 3_700_000, &mut |piece| fired.extend(piece));
//! assert_eq!(fired.len(), 12);
//! let row = fired[0].partial.encode(&spec);
//! let outputs = Partial::decode(&spec, &row)?.outputs(&spec);
//! assert_eq!(outputs, [Output::Float(12.5), Output::Scalar(Scalar::Float(12.5))]);
//! # Ok(())
//! # }
//! ```
//!
//! Null and NaN are no values. Infinities are: sums with one are infinite, with both NaN.

mod accumulator;
mod aggregate;
mod big;
pub mod codec;
mod distinct;
mod error;
mod exact;
mod fired;
mod firing;
mod grid;
mod inherit;
mod keys;
mod merger;
mod panes;
mod partial;
mod quantile;
mod seal;
mod session;
mod snapshot;
mod spec;
mod state;
mod top;
mod value;
mod watermark;
mod window;

pub use accumulator::Position;
pub use aggregate::{Aggregate, DEFAULT_ACCURACY, DEFAULT_PRECISION, Function, MAX_AGGREGATES, MAX_INPUTS};
pub use distinct::{MAX_PRECISION, MIN_PRECISION};
pub use error::{DecodeError, SpecErrors};
pub use fired::{HandOn, PIECE_BYTES};
pub use firing::{Firing, Kind, Origin};
pub use merger::{Combined, Merger};
pub use panes::Record;
pub use partial::Partial;
pub use quantile::{MAX_ACCURACY, MAX_BUCKETS, MAX_QUANTILES, MIN_ACCURACY};
pub use spec::{Bounds, MAX_KEY_BYTES, MAX_KEYS, MAX_OPEN_WINDOWS, MAX_STATE_BYTES, MIN_STATE_BYTES, Spec, Timing};
pub use state::{Evicted, MAX_SHARD_BYTES, Outcome, State};
pub use top::{MAX_COUNTERS, MAX_TOP};
pub use value::{InputType, MAX_SCALE, MAX_TEXT_BYTES, Output, Scalar, TopValue, Value};
pub use watermark::{MAX_TIME_MS, MIN_TIME_MS};
pub use window::{MAX_OVERLAPS, MAX_PERIOD_MS, MAX_SLICES, MIN_PERIOD_MS, WindowSpec};

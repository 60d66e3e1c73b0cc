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
//! | `partial`, `firing`, `merger` | what windows give, and how parts of several shards become one |
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
//! Null and NaN are no values. Infinities are: sums with one are infinite, with both NaN.

mod accumulator;
mod aggregate;
mod big;
mod codec;
mod distinct;
mod error;
mod exact;
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
pub use firing::{Firing, Kind, Origin};
pub use merger::{Combined, Merger};
pub use panes::Record;
pub use partial::Partial;
pub use quantile::{MAX_ACCURACY, MAX_BUCKETS, MAX_QUANTILES, MIN_ACCURACY};
pub use spec::{Bounds, MAX_KEY_BYTES, MAX_KEYS, MAX_STATE_BYTES, MIN_STATE_BYTES, Spec, Timing};
pub use state::{Evicted, MAX_SHARD_BYTES, Outcome, State};
pub use top::{MAX_COUNTERS, MAX_TOP};
pub use value::{InputType, MAX_SCALE, MAX_TEXT_BYTES, Output, Scalar, TopValue, Value};
pub use watermark::{MAX_TIME_MS, MIN_TIME_MS};
pub use window::{MAX_OVERLAPS, MAX_PERIOD_MS, MAX_SLICES, MIN_PERIOD_MS, WindowSpec};

//! What every function needs around its work: one wide JSON log line an invocation with CloudWatch metrics embedded in it,
//! the trace id carried through, partial batch failures, configuration read once with all its errors, secrets that cannot
//! be printed. What Powertools for AWS Lambda gives Python users, in the shape that this house needs.
//!
//! * [`invocation`]: logger, metrics, tracing.
//! * [`batch`]: SQS batches with partial failures.
//! * [`config`]: settings from the environment. [`parameters`]: secrets from the service that keeps them.
//! * Masking: [`Secret`].
//! * [`runtime`]: the loop. [`stopwatch`]: where the time goes. [`scratch`]: files on their way into the store.
//!
//! Powertools' idempotency keeps a record of every call in a table of its own, and forgets it after an hour. Here nothing needs to
//! be remembered beside the data: object keys and request tokens are digests of the input (`watershed_lake`), and what a table
//! holds of each source is swapped together with the table (the committer's ledger). A call that comes again a month later, out of a
//! dead-letter queue, still changes nothing.

pub mod batch;
pub mod config;
pub mod invocation;
pub mod parameters;
pub mod runtime;
pub mod scratch;
pub mod stopwatch;

pub use batch::{BatchResponse, SqsEvent, SqsMessage, process};
pub use config::{ConfigErrors, Environment};
pub use invocation::{Invocation, Level, Unit, now_ms};
pub use parameters::Parameters;
pub use runtime::run;
pub use stopwatch::Stopwatch;
pub use watershed_ports::Secret;

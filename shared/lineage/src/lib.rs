//! What the functions did, as OpenLineage run events (openlineage.io, specification 2-0-2). Pure.
//!
//! * [`event`]: a run event, where it lies in the lake, and its run id, which is a digest of what the run does: told again, it is the same run.
//! * [`name`]: what jobs and datasets are called.
//! * [`told`]: the event of a request that the committer applied, of an hour of a stream, of a replay, of expectations.
//! * [`columns`]: which columns a column is made of, as far as contracts say.

pub mod columns;
pub mod event;
mod facet;
pub mod name;
pub mod told;

pub use event::{RunEvent, State};
pub use told::{Checked, Lineage, Replay};

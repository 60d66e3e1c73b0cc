//! SQL over the lake: one `SELECT` over states of its tables, in this process, within limits. By Apache DataFusion, which gets no other
//! table, no file and no network: so nothing but reading is possible, whatever the text says.
//!
//! * [`text`]: the text of a query → what it asks for, and of which tables at which times. Only a `SELECT` is one.
//! * [`table`]: a state of a table as the engine sees it: its columns and files. `pruning` tells files by their bounds that need not be read.
//! * `reader`: the bytes of a file that a query needs, counted.
//! * [`engine`]: a query with its tables → rows, within [`Limits`]. `pairs` tells joins that would never end before they begin. `threads`:
//!   where queries run.
//! * [`trino`]: the same query for another engine, over the same states.
//! * [`error`]: what is wrong, and where in the text.

pub mod engine;
pub mod error;
mod pairs;
mod pruning;
mod reader;
pub mod table;
pub mod text;
mod threads;
pub mod trino;

pub use engine::{Answer, Engine, Planned};
pub use error::{Place, SqlError};
pub use table::{Input, Snapshot};
pub use text::{Query, Reference};
pub use trino::{Pinned, Shift, Trino};

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

/// Longest text of a query, in bytes.
pub const MAX_SQL_BYTES: usize = 64 << 10;
/// Most tables that a query names, each as often as it does.
pub const MAX_TABLES: usize = 64;
/// How deep parentheses and expressions of a query may stand in each other.
pub const MAX_DEPTH: usize = 50;

/// What a query may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Memory of what it must hold: groups, join tables, sorted rows.
    pub memory_bytes: usize,
    /// Bytes that it reads of files.
    pub scan_bytes: u64,
    /// From its plan to its last row.
    pub time: Duration,
    /// Disk under `scratch` for what does not fit in memory; 0: it fails.
    pub disk_bytes: u64,
    /// Where that is.
    pub scratch: PathBuf,
    /// Threads.
    pub threads: NonZeroUsize,
}

//! What the lake is made of: tables and their columns, where every object lies, and what functions say to each other.
//!
//! Pure. The one owner of object keys: nothing else in Watershed concatenates one.
//!
//! * [`added`]: columns that a table has from its sources, and no contract names.
//! * [`enriched`]: the table of a dataset's rows, joined with references.
//! * [`erasure`]: what is remembered of rows that were erased, until they are gone from disk, too.
//! * [`hex()`]: bytes as text.
//! * [`name`]: identifiers made of names as people write them.
//! * [`table`]: a table as the catalog knows it (names, columns with field ids, partition and sort).
//! * [`layout`]: zones and keys.
//! * [`message`]: the commit request (writers → committer) and `TableChanged` (committer → everyone).
//! * [`lineage`]: what a run was, as requests carry it.
//! * [`replay`]: the request to do it again (people → `replay`), and what came of each source (`ingest` → `replay`).
//! * [`maintenance`]: the maintenance request (housekeeping, compaction → committer).
//! * [`quarantine`]: the table that every dataset has for the rows it refused, and that a stream has for late ones.
//! * [`windows`]: the tables of a stream's windows and anomalies.

pub mod added;
pub mod enriched;
pub mod erasure;
mod hex;
pub mod layout;
pub mod lineage;
pub mod maintenance;
pub mod message;
pub mod name;
pub mod quarantine;
pub mod replay;
pub mod table;
pub mod windows;

pub use added::AddedColumn;
pub use hex::hex;
pub use layout::{LakeLocation, SourceVersion, staged_prefix};
pub use lineage::Run;
pub use maintenance::{Maintain, MaintenanceRequest, Swap, TableRequest};
pub use message::{Append, CommitRequest, SourceOrder, StagedFile, TableChanged};
pub use replay::{ReplayId, ReplayRequest};
pub use table::{Column, ColumnType, PartitionField, SortField, TableName, TableSpec, Transform};

//! Where a dataset's rows come from; of a stream, what is worked out of them while they go by.

mod aggregates;
mod detectors;
mod read;
mod windows;

pub use detectors::MAX_DETECTORS;
pub use read::{DEFAULT_MAX_AHEAD_MS, DEFAULT_OUT_OF_ORDER_MS, MAX_STREAM_NAME_BYTES};
pub(crate) use read::{Declared, KEYS, check_name, read, refuse};
pub use windows::{DEFAULT_STATE_BYTES, DEFAULT_STATE_KEYS, MAX_KEY_COLUMNS, MAX_WINDOWS};

use crate::dataset::{Dataset, LocationPattern};
use std::sync::Arc;
use watershed_anomaly::Settings;
use watershed_lake::{ColumnType, TableName, TableSpec};
use watershed_stream::{InputType, Spec};

/// Where a dataset's rows come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// Objects of the raw zone.
    Objects(LocationPattern),
    /// A stream of Amazon Kinesis Data Streams, a row a record.
    Stream(Box<Stream>),
    /// Other tables: [`Dataset::aggregation`] says how.
    Tables,
}

/// A stream, and what is worked out of it. Windows see rows as they stand in the table: standardised, and hidden where they are.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// The column, by its index, of timestamps that say when what a row tells of happened; no row has null there. None: it happened
    /// when Kinesis got the record.
    pub event_time: Option<usize>,
    /// So long after its last record a shard goes on with the clock: what is due then fires. None: it waits for a record.
    pub idle_ms: Option<i64>,
    /// Windows, in the contract's order.
    pub windows: Vec<Window>,
    /// The table of rows that came too late for a window.
    pub late: TableSpec,
    /// The table of anomalies, where any window is watched.
    pub anomalies: Option<TableSpec>,
}

/// A kind of window.
#[derive(Debug, Clone)]
pub struct Window {
    /// Its name.
    pub name: String,
    /// Columns whose values make a key, by their index; none: all rows have one.
    pub key: Vec<usize>,
    /// Columns that are aggregated, by their index: the inputs of the spec, in their order.
    pub inputs: Vec<usize>,
    /// Windows, times, aggregates, bounds.
    pub spec: Arc<Spec>,
    /// A digest of what its state and partial results must have been written for: what [`Spec::fingerprint`] is of, and which columns
    /// say when, by what and of what. Names of aggregates, bounds and what is watched may change under it.
    pub digest: String,
    /// What the table has behind the key's columns, in order.
    pub outputs: Vec<OutputColumn>,
    /// What is watched.
    pub detectors: Vec<Detect>,
    /// The table: see [`watershed_lake::windows`].
    pub table: TableSpec,
}

/// Which output of the aggregates a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputColumn {
    /// The aggregate, in the order of the spec.
    pub aggregate: usize,
    /// Of quantiles: which one.
    pub quantile: Option<usize>,
}

/// A series that is watched: a column of the windows of a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Detect {
    /// By its index in [`Window::outputs`].
    pub output: usize,
    /// How.
    pub settings: Settings,
}

/// What a column of that type is to aggregates; none: a struct or list is nothing to them. Dates, times and timestamps are
/// [`InputType::Timestamp`], in their own unit.
pub fn input_type(kind: ColumnType) -> Option<InputType> {
    Some(match kind {
        ColumnType::Boolean => InputType::Bool,
        ColumnType::Int | ColumnType::Long => InputType::Int,
        ColumnType::Float | ColumnType::Double => InputType::Float,
        ColumnType::Decimal { scale, .. } => InputType::Decimal { scale },
        ColumnType::Date | ColumnType::Time | ColumnType::Timestamp | ColumnType::TimestampTz => InputType::Timestamp,
        ColumnType::String | ColumnType::Binary => InputType::Text,
        ColumnType::Struct | ColumnType::List => return None,
    })
}

impl Dataset {
    /// Where its objects are; none: its rows come from a stream or of other tables.
    pub fn location(&self) -> Option<&LocationPattern> {
        match &self.source {
            Source::Objects(location) => Some(location),
            Source::Stream(_) | Source::Tables => None,
        }
    }

    /// The stream that its rows come from.
    pub fn stream(&self) -> Option<&Stream> {
        match &self.source {
            Source::Objects(_) | Source::Tables => None,
            Source::Stream(stream) => Some(stream),
        }
    }

    /// All tables that are made of it: its own, that of refused rows (which an aggregate has none of), the enriched one, and of a stream those
    /// of late rows, windows and anomalies.
    pub fn tables(&self) -> impl Iterator<Item = &TableSpec> {
        let of_stream = self.stream().into_iter().flat_map(|stream| {
            let windows = stream.windows.iter().map(|window| &window.table);
            [&stream.late].into_iter().chain(windows).chain(&stream.anomalies)
        });
        let enriched = self.enrichment.iter().map(|enrichment| &enrichment.table);
        let refused = (!matches!(self.source, Source::Tables)).then_some(&self.quarantine);
        std::iter::once(&self.table)
            .chain(refused)
            .chain(enriched)
            .chain(of_stream)
    }

    /// The one of that name.
    pub fn table_of(&self, name: &TableName) -> Option<&TableSpec> {
        self.tables().find(|table| table.name == *name)
    }
}

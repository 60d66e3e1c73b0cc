//! What stands in a quarantine table: rows by source and reason.

use arrow_array::{RecordBatch, cast::AsArray, types::TimestampMicrosecondType};
use arrow_schema::{ArrowError, SchemaRef};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};
use watershed_lake::{TableSpec, quarantine::column};
use watershed_ports::{ObjectStore, PortError};
use watershed_sink::arrow_schema;
use watershed_table::current::{Bound, Current};

/// Most sources of a replay: their plan is kept in memory.
pub const MAX_SOURCES: usize = 100_000;
/// The columns that are read, in the table's order.
const COLUMNS: [usize; 3] = [column::SOURCE, column::REASON, column::SOURCE_TIME];

/// Which rows count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter<'a> {
    /// One of these reasons; none: any.
    pub reasons: &'a [String],
    /// Of these sources.
    pub sources: Sources,
    /// Their source was made then: microseconds since 1970-01-01T00:00:00Z.
    pub times_us: Range<i64>,
}

/// Which sources count, by their addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// Those that begin so.
    Prefix(String),
    /// These.
    These(BTreeSet<String>),
}

impl Sources {
    fn hold(&self, source: &str) -> bool {
        match self {
            Self::Prefix(prefix) => source.starts_with(prefix),
            Self::These(sources) => sources.contains(source),
        }
    }
}

/// Quarantined rows of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub rows: u64,
    /// Those that the filter takes, by reason.
    pub selected: BTreeMap<String, u64>,
}

/// The sources of which at least one row is taken, by their addresses.
///
/// Errors: a fault where there are more than [`MAX_SOURCES`].
pub async fn scan(
    store: &dyn ObjectStore,
    (table, spec): (&Current, &TableSpec),
    filter: &Filter<'_>,
) -> Result<BTreeMap<String, Tally>, PortError> {
    let mut sources: BTreeMap<String, Tally> = BTreeMap::new();
    let schema = arrow_schema(spec).project(&COLUMNS);
    let schema: SchemaRef = schema
        .map_err(|error: ArrowError| PortError::fault(error.to_string()))?
        .into();
    // All rows of a source were made at one time: what the times leave out has no row of those that they take.
    let field_id = column::SOURCE_TIME as i32 + 1;
    for file in table.files(store).await? {
        let times = [filter.times_us.start, filter.times_us.end].map(|time| Bound::Number(time.into()));
        let may_hold = |(low, high): (Bound, Bound)| low < times[1] && high >= times[0];
        if !file.bounds(field_id).is_none_or(may_hold) {
            continue;
        }
        let mut count = |batch: RecordBatch| {
            tally(&batch, filter, &mut sources);
            Ok(())
        };
        watershed_scan::read(store, file.uri(), file.bytes(), &schema, &mut count).await?;
        if sources.len() > MAX_SOURCES {
            let what = format!(
                "more than {MAX_SOURCES} sources have quarantined rows: narrow the replay by prefix, from or to"
            );
            return Err(PortError::fault(what));
        }
    }
    sources.retain(|_, tally| !tally.selected.is_empty());
    Ok(sources)
}

fn tally(batch: &RecordBatch, filter: &Filter<'_>, sources: &mut BTreeMap<String, Tally>) {
    let [names, reasons] = [0, 1].map(|index| batch.column(index).as_string::<i32>());
    let times = batch.column(2).as_primitive::<TimestampMicrosecondType>();
    for row in 0..batch.num_rows() {
        let (source, reason) = (names.value(row), reasons.value(row));
        if !filter.times_us.contains(&times.value(row)) || !filter.sources.hold(source) {
            continue;
        }
        // Rows of a source mostly stand together: looked up before it is copied.
        if !sources.contains_key(source) {
            sources.insert(source.into(), Tally::default());
        }
        let Some(tally) = sources.get_mut(source) else { continue };
        tally.rows += 1;
        if filter.reasons.is_empty() || filter.reasons.iter().any(|wanted| wanted == reason) {
            match tally.selected.get_mut(reason) {
                Some(rows) => *rows += 1,
                None => drop(tally.selected.insert(reason.into(), 1)),
            }
        }
    }
}

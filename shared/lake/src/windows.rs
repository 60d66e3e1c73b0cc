//! The tables that come of a stream: one for each kind of window, and one for the anomalies in them.

use crate::{
    added::{added_id, nested_id},
    layout::Zone,
    table::{
        BadTableName, Column, ColumnType, ELEMENT, PartitionField, SortField, TableName, TableSpec, Transform,
        properties,
    },
};

/// Added to the table name of a stream's dataset, for anomalies.
pub const ANOMALIES_SUFFIX: &str = "_anomalies";
/// Field id of the first column of a window's key; the other columns of the key follow.
const FIRST_KEY_ID: i32 = 101;

/// Columns of a window's table that every such table has, in order; field ids count from 1. Behind them stand the key's columns, then
/// those of the aggregates.
pub mod column {
    /// When the window begins; of a session its first record.
    pub const WINDOW_START: usize = 0;
    /// When it ends; it does not belong to it.
    pub const WINDOW_END: usize = 1;
    /// `early`, `final`, `correction`, `evicted` or `retracted`.
    pub const KIND: usize = 2;
    /// Of rows with one id the highest revision holds.
    pub const REVISION: usize = 3;
    /// Of the window's part: 32 hexadecimal digits.
    pub const ID: usize = 4;
    /// The shard whose part it is.
    pub const SHARD: usize = 5;
    /// Which record of the shard's began the part.
    pub const BORN: usize = 6;
    /// The event time at which it was due.
    pub const DUE: usize = 7;
    /// What is known of the window, as `watershed-stream` writes it: parts of several shards are merged by it.
    pub const PARTIAL: usize = 8;
    /// How many these are.
    pub const COUNT: usize = 9;
}

/// Columns of the table of anomalies, in order; field ids count from 1.
pub mod anomaly {
    /// The same for an anomaly that is found again: 32 hexadecimal digits.
    pub const ID: usize = 0;
    /// Name of the window.
    pub const WINDOW: usize = 1;
    /// The window's key: a JSON object of its columns.
    pub const KEY: usize = 2;
    /// When the window begins.
    pub const TIME: usize = 3;
    /// The column of the window's table that surprised.
    pub const COLUMN: usize = 4;
    /// What of it surprised most: `record`, `jump`, `season`, …
    pub const SIGNAL: usize = 5;
    /// What was expected.
    pub const EXPECTED: usize = 6;
    /// From here on it would have been usual.
    pub const LOW: usize = 7;
    /// Up to here it would have been usual.
    pub const HIGH: usize = 8;
    /// What was there.
    pub const OBSERVED: usize = 9;
    /// How anomalous, from 0 to below 1.
    pub const SCORE: usize = 10;
    /// Revision of the window's row.
    pub const REVISION: usize = 11;
}

const COLUMNS: [(&str, ColumnType, &str); column::COUNT] = [
    ("window_start", ColumnType::TimestampTz, "When the window begins"),
    (
        "window_end",
        ColumnType::TimestampTz,
        "When it ends, which does not belong to it",
    ),
    (
        "kind",
        ColumnType::String,
        "early, final, correction, evicted or retracted",
    ),
    ("revision", ColumnType::Int, "Of rows with one id the highest holds"),
    ("id", ColumnType::String, "Of this part of the window"),
    ("shard", ColumnType::String, "Whose part of the window it is"),
    ("born", ColumnType::Long, "Which record of the shard's began the part"),
    ("due", ColumnType::TimestampTz, "Event time at which it was due"),
    (
        "partial",
        ColumnType::Binary,
        "What is known of the window, to be merged with other parts",
    ),
];

const ANOMALY_COLUMNS: [(&str, ColumnType, &str); 12] = [
    ("id", ColumnType::String, "The same for an anomaly that is found again"),
    ("window", ColumnType::String, "Name of the window"),
    ("key", ColumnType::String, "Key of the window, a JSON object"),
    ("time", ColumnType::TimestampTz, "When the window begins"),
    ("column", ColumnType::String, "Column of the window's table"),
    ("signal", ColumnType::String, "What of it surprised most"),
    ("expected", ColumnType::Double, "What was expected"),
    ("low", ColumnType::Double, "From here on it would have been usual"),
    ("high", ColumnType::Double, "Up to here it would have been usual"),
    ("observed", ColumnType::Double, "What was there"),
    ("score", ColumnType::Double, "How anomalous, from 0 to below 1"),
    ("revision", ColumnType::Int, "Revision of the window's row"),
];

/// Names that no column of a key and no aggregate may have.
pub fn reserved() -> impl Iterator<Item = &'static str> {
    COLUMNS.iter().map(|(name, ..)| *name)
}

/// The table of the window `name` of the dataset whose table is `data`. `key` are columns of that table, `outputs` those of the
/// aggregates, as [`output`] makes them.
pub fn spec(data: &TableSpec, name: &str, key: &[&Column], outputs: Vec<Column>) -> Result<TableSpec, BadTableName> {
    let columns = key.iter().map(|column| (*column).clone());
    let key = (FIRST_KEY_ID..).zip(columns).map(|(id, column)| Column {
        id,
        searchable: false,
        ..column
    });
    let doc = format!(
        "Windows `{name}` of {}: of rows with one id the highest revision holds",
        data.name
    );
    let columns = numbered(&COLUMNS).chain(key).chain(outputs).collect();
    let mut table = beside(data, &format!("_{name}"), "window", (columns, column::WINDOW_START))?;
    table.sort.push(SortField {
        column: column::WINDOW_START,
        descending: false,
    });
    table.doc = Some(doc);
    Ok(table)
}

/// A column of what an aggregate gives: null where there was nothing to give it of. Its field id is made of its name, so that aggregates
/// come and go.
pub fn output(name: &str, kind: ColumnType, doc: &str) -> Column {
    Column::plain(added_id(name), name, kind, false, doc)
}

/// The same of the most frequent values: a list of structs.
pub fn frequent(name: &str, doc: &str) -> Column {
    let id = |path: &str| nested_id(&format!("{name}.{path}"));
    let field = |field: &str, kind, doc: &str| Column::plain(id(&format!("{ELEMENT}.{field}")), field, kind, true, doc);
    let element = Column {
        fields: vec![
            field("value", ColumnType::String, "The value, as text"),
            field(
                "count",
                ColumnType::Long,
                "It came as often, or up to error times more often",
            ),
            field("error", ColumnType::Long, "How many times may be missing in count"),
        ],
        ..Column::plain(id(ELEMENT), ELEMENT, ColumnType::Struct, true, "A frequent value")
    };
    Column {
        fields: vec![element],
        ..output(name, ColumnType::List, doc)
    }
}

/// The table of the anomalies in windows of the dataset whose table is `data`.
pub fn anomalies(data: &TableSpec) -> Result<TableSpec, BadTableName> {
    let columns = numbered(&ANOMALY_COLUMNS).collect();
    let mut table = beside(data, ANOMALIES_SUFFIX, "anomalies", (columns, anomaly::TIME))?;
    table.doc = Some(format!("Anomalies in the windows of {}", data.name));
    Ok(table)
}

fn numbered(columns: &'static [(&str, ColumnType, &str)]) -> impl Iterator<Item = Column> {
    (1..)
        .zip(columns)
        .map(|(id, (name, kind, doc))| Column::plain(id, name, *kind, true, doc))
}

/// A table beside `data`, partitioned by the months of one of its columns. A stream brings rows in the order of their time, so each file has a
/// narrow span of it already and is passed over by its bounds; days would only cut what a batch of fast records brings into a file for each.
fn beside(
    data: &TableSpec,
    suffix: &str,
    role: &str,
    (columns, time): (Vec<Column>, usize),
) -> Result<TableSpec, BadTableName> {
    let mut table_properties = data.properties.clone();
    table_properties.insert(properties::ROLE.into(), role.into());
    Ok(TableSpec {
        name: TableName::new(data.name.database(), &format!("{}{suffix}", data.name.table()))?,
        zone: Zone::Mart,
        partition: vec![PartitionField {
            column: time,
            transform: Transform::Month,
            name: format!("{}_month", columns[time].name),
        }],
        columns,
        sort: Vec::new(),
        doc: None,
        properties: table_properties,
    })
}

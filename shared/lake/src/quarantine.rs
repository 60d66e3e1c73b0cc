//! The quarantine table: every dataset has one, named after it, for the rows and objects that it refused.
//! A table like any other: same committer, same readers.

use crate::{
    layout::Zone,
    table::{BadTableName, Column, ColumnType, PartitionField, TableName, TableSpec, Transform, properties},
};

/// Added to a dataset's table name.
pub const SUFFIX: &str = "_quarantine";
/// Raw bytes that a quarantined object (not a row) is shown by; the object itself stays in the raw zone.
pub const MAX_OBJECT_PREVIEW_BYTES: usize = 65_536;

/// Columns of the quarantine table, in order; field ids count from 1.
pub mod column {
    /// `s3://bucket/key`.
    pub const SOURCE: usize = 0;
    /// Version id or entity tag of the source.
    pub const SOURCE_VERSION: usize = 1;
    /// `row` or `object`.
    pub const SCOPE: usize = 2;
    /// Where the row's first byte lies in the object, after decompression, from 0.
    pub const BYTE_OFFSET: usize = 3;
    /// Bytes of the row in the object, its line end not counted.
    pub const BYTE_LENGTH: usize = 4;
    /// Line that the row starts on (text) or its number (Parquet), from 1.
    pub const LINE: usize = 5;
    /// Column of the first violation; null where it is the row's or the object's.
    pub const COLUMN: usize = 6;
    /// Code of the first violation: see `watershed-decode`.
    pub const REASON: usize = 7;
    /// Every violation of the row, for people.
    pub const MESSAGE: usize = 8;
    /// The raw bytes.
    pub const RAW: usize = 9;
    /// Version of the contract that refused it.
    pub const CONTRACT_VERSION: usize = 10;
    /// When the source says it was made (an S3 event's time).
    pub const SOURCE_TIME: usize = 11;
}

const COLUMNS: [(&str, ColumnType, bool, &str); 12] = [
    (
        "source",
        ColumnType::String,
        true,
        "Where it came from: s3://bucket/key",
    ),
    (
        "source_version",
        ColumnType::String,
        true,
        "Version id or entity tag of the source",
    ),
    (
        "scope",
        ColumnType::String,
        true,
        "row, or object where the whole object was refused",
    ),
    (
        "byte_offset",
        ColumnType::Long,
        true,
        "First byte of the row in the decompressed object, from 0",
    ),
    (
        "byte_length",
        ColumnType::Long,
        true,
        "Bytes of the row in the decompressed object",
    ),
    (
        "line",
        ColumnType::Long,
        true,
        "Line that the row starts on, from 1 (in Parquet: row number)",
    ),
    (
        "column",
        ColumnType::String,
        false,
        "Column of the first violation; null: the row itself",
    ),
    ("reason", ColumnType::String, true, "Code of the first violation"),
    ("message", ColumnType::String, true, "Every violation, and what to do"),
    (
        "raw",
        ColumnType::Binary,
        true,
        "The raw bytes; of a whole object, its beginning",
    ),
    (
        "contract_version",
        ColumnType::String,
        true,
        "Version of the contract that refused it",
    ),
    ("source_time", ColumnType::TimestampTz, true, "When the source was made"),
];

/// The quarantine table of the dataset whose table is `data`.
pub fn spec(data: &TableSpec) -> Result<TableSpec, BadTableName> {
    let mut table_properties = data.properties.clone();
    table_properties.insert(properties::ROLE.into(), "quarantine".into());
    Ok(TableSpec {
        name: TableName::new(data.name.database(), &format!("{}{SUFFIX}", data.name.table()))?,
        zone: Zone::Quarantine,
        columns: (1..)
            .zip(COLUMNS)
            .map(|(id, (name, kind, required, doc))| Column {
                id,
                name: name.into(),
                kind,
                required,
                doc: Some(doc.into()),
                fields: Vec::new(),
                classification: None,
                tags: Vec::new(),
            })
            .collect(),
        partition: vec![PartitionField {
            column: column::SOURCE_TIME,
            transform: Transform::Day,
            name: "source_time_day".into(),
        }],
        sort: Vec::new(),
        doc: Some(format!("Rows and objects that {} refused, and why", data.name)),
        properties: table_properties,
    })
}

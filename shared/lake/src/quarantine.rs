//! The quarantine table: every dataset has one, named after it, for the rows and objects that it refused.
//! A table like any other: same committer, same readers. Of a stream it says of which record the row was, and there is a second one, for rows
//! that came too late for their windows.

use crate::{
    layout::Zone,
    table::{BadTableName, Column, ColumnType, PartitionField, TableName, TableSpec, Transform, properties},
};

/// Added to a dataset's table name.
pub const SUFFIX: &str = "_quarantine";
/// Raw bytes that a quarantined object (not a row) is shown by; the object itself stays in the raw zone.
pub const MAX_OBJECT_PREVIEW_BYTES: usize = 65_536;

/// Added to the table name of a stream's dataset, for its late rows.
pub const LATE_SUFFIX: &str = "_late";

/// Columns of the quarantine table, in order; field ids count from 1. Those from [`column::SHARD`] on has only that of a stream, those
/// from [`column::WINDOW`] on only the table of late rows.
pub mod column {
    /// `s3://bucket/key`; of a stream `kinesis://stream/shard`.
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
    /// The shard of a stream.
    pub const SHARD: usize = 12;
    /// The record's number in the shard, in decimal digits.
    pub const SEQUENCE_NUMBER: usize = 13;
    /// The row's number in the record, from 0: of an aggregated record.
    pub const SUB_SEQUENCE_NUMBER: usize = 14;
    /// The window that a late row is missing in; null: in all of them.
    pub const WINDOW: usize = 15;
    /// When what a late row tells of happened.
    pub const EVENT_TIME: usize = 16;
}

const COLUMNS: [(&str, ColumnType, bool, &str); 17] = [
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
    ("shard", ColumnType::String, true, "Shard of the stream"),
    (
        "sequence_number",
        ColumnType::String,
        true,
        "Number of the record in its shard",
    ),
    (
        "sub_sequence_number",
        ColumnType::Long,
        true,
        "Number of the row in an aggregated record, from 0",
    ),
    (
        "window",
        ColumnType::String,
        false,
        "Window that the row is missing in; null: all of them",
    ),
    (
        "event_time",
        ColumnType::TimestampTz,
        true,
        "When what the row tells of happened",
    ),
];

/// The quarantine table of the dataset whose table is `data`.
pub fn spec(data: &TableSpec) -> Result<TableSpec, BadTableName> {
    let doc = format!("Rows and objects that {} refused, and why", data.name);
    of(data, SUFFIX, ("quarantine", doc), column::SHARD)
}

/// The same of a dataset that is read from a stream: rows are found by shard and sequence number, which is `source_version`, too.
/// `source_time` is when the record came, `byte_offset` 0, `line` the row's number in an aggregated record, from 1.
pub fn of_stream(data: &TableSpec) -> Result<TableSpec, BadTableName> {
    let doc = format!("Records that {} refused, and why", data.name);
    of(data, SUFFIX, ("quarantine", doc), column::WINDOW)
}

/// The table of a stream's rows that were accepted, and came too late, or from too far in the future, for a window.
pub fn late(data: &TableSpec) -> Result<TableSpec, BadTableName> {
    let doc = format!("Rows of {} that came too late for a window, and why", data.name);
    of(data, LATE_SUFFIX, ("late", doc), COLUMNS.len())
}

fn of(data: &TableSpec, suffix: &str, (role, doc): (&str, String), columns: usize) -> Result<TableSpec, BadTableName> {
    let mut table_properties = data.properties.clone();
    table_properties.insert(properties::ROLE.into(), role.into());
    Ok(TableSpec {
        name: TableName::new(data.name.database(), &format!("{}{suffix}", data.name.table()))?,
        zone: Zone::Quarantine,
        columns: (1..)
            .zip(&COLUMNS[..columns])
            .map(|(id, (name, kind, required, doc))| Column::plain(id, name, *kind, *required, doc))
            .collect(),
        partition: vec![PartitionField {
            column: column::SOURCE_TIME,
            transform: Transform::Day,
            name: "source_time_day".into(),
        }],
        sort: Vec::new(),
        doc: Some(doc),
        properties: table_properties,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stream_refuses_has_the_columns_of_any_quarantine_and_its_own_place() {
        let data = TableSpec {
            name: TableName::new("d", "readings").unwrap(),
            zone: Zone::Preprocessed,
            columns: Vec::new(),
            partition: Vec::new(),
            sort: Vec::new(),
            doc: None,
            properties: [(properties::DOMAIN.to_string(), "plants".to_string())].into(),
        };
        let (plain, stream, late) = (spec(&data).unwrap(), of_stream(&data).unwrap(), late(&data).unwrap());
        assert_eq!(plain.columns[..], stream.columns[..column::SHARD]);
        assert_eq!(stream.columns[..], late.columns[..column::WINDOW]);
        assert_eq!([&plain, &stream, &late].map(|it| it.columns.len()), [12, 15, 17]);
        assert_eq!(
            (plain.name.table(), late.name.table()),
            ("readings_quarantine", "readings_late")
        );
        assert_eq!(
            stream.column("sequence_number").map(|it| it.0),
            Some(column::SEQUENCE_NUMBER)
        );
        assert_eq!(late.column("event_time").map(|it| it.0), Some(column::EVENT_TIME));
        assert_eq!(
            (
                &*late.properties[properties::ROLE],
                &*late.properties[properties::DOMAIN]
            ),
            ("late", "plants")
        );
    }
}

//! A table as the catalog knows it.

use crate::layout::Zone;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// Longest database or table name, in bytes (AWS Glue, "Database structure": 255; Athena and Redshift read less).
pub const MAX_NAME_BYTES: usize = 127;

/// `database.table`, both in `[a-z][a-z0-9_]*`: what Glue, Athena, Redshift and Spark all read without quoting.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableName {
    database: String,
    table: String,
}

/// A name that the catalog could not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a table name: write `database.table`, each part lower-case letters, digits and `_`, starting with a letter, at most {MAX_NAME_BYTES} bytes"
)]
pub struct BadTableName(pub String);

impl TableName {
    /// Both parts are checked.
    pub fn new(database: &str, table: &str) -> Result<Self, BadTableName> {
        if is_identifier(database) && is_identifier(table) {
            Ok(Self {
                database: database.into(),
                table: table.into(),
            })
        } else {
            Err(BadTableName(format!("{database}.{table}")))
        }
    }

    /// The Glue database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The table within its database.
    pub fn table(&self) -> &str {
        &self.table
    }
}

/// True for `[a-z][a-z0-9_]*` of at most [`MAX_NAME_BYTES`].
pub fn is_identifier(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.database, self.table)
    }
}

impl FromStr for TableName {
    type Err = BadTableName;
    fn from_str(text: &str) -> Result<Self, BadTableName> {
        let (database, table) = text.split_once('.').ok_or_else(|| BadTableName(text.into()))?;
        Self::new(database, table)
    }
}

impl TryFrom<String> for TableName {
    type Error = BadTableName;
    fn try_from(text: String) -> Result<Self, BadTableName> {
        text.parse()
    }
}

impl From<TableName> for String {
    fn from(name: TableName) -> String {
        name.to_string()
    }
}

/// A column's type: the primitive types of the Apache Iceberg table specification, version 2, and two of its nested ones, whose
/// fields stand in [`Column::fields`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// True or false.
    Boolean,
    /// 32-bit signed.
    Int,
    /// 64-bit signed.
    Long,
    /// 32-bit IEEE 754.
    Float,
    /// 64-bit IEEE 754.
    Double,
    /// Fixed point: `precision` digits (1 to 38), of which `scale` after the point (0 to `precision`).
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// Days since 1970-01-01.
    Date,
    /// Microseconds since midnight.
    Time,
    /// Microseconds since 1970-01-01T00:00:00, no zone.
    Timestamp,
    /// Microseconds since 1970-01-01T00:00:00Z, stored in UTC.
    TimestampTz,
    /// UTF-8.
    String,
    /// Bytes.
    Binary,
    /// Named fields.
    Struct,
    /// Any number of values of one type.
    List,
}

impl fmt::Display for ColumnType {
    /// As the Iceberg specification spells it, Appendix C: `decimal(9,2)`, `timestamptz`. Nested types by their first word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::Int => f.write_str("int"),
            Self::Long => f.write_str("long"),
            Self::Float => f.write_str("float"),
            Self::Double => f.write_str("double"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Date => f.write_str("date"),
            Self::Time => f.write_str("time"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::TimestampTz => f.write_str("timestamptz"),
            Self::String => f.write_str("string"),
            Self::Binary => f.write_str("binary"),
            Self::Struct => f.write_str("struct"),
            Self::List => f.write_str("list"),
        }
    }
}

/// A type that is no primitive one of [`ColumnType`]: of a nested one the word says too little.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no type of a column")]
pub struct BadColumnType(pub String);

impl FromStr for ColumnType {
    type Err = BadColumnType;
    fn from_str(text: &str) -> Result<Self, BadColumnType> {
        let decimal = || {
            let (precision, scale) = text.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
            Some(Self::Decimal {
                precision: precision.trim().parse().ok()?,
                scale: scale.trim().parse().ok()?,
            })
        };
        Ok(match text {
            "boolean" => Self::Boolean,
            "int" => Self::Int,
            "long" => Self::Long,
            "float" => Self::Float,
            "double" => Self::Double,
            "date" => Self::Date,
            "time" => Self::Time,
            "timestamp" => Self::Timestamp,
            "timestamptz" => Self::TimestampTz,
            "string" => Self::String,
            "binary" => Self::Binary,
            _ => decimal().ok_or_else(|| BadColumnType(text.into()))?,
        })
    }
}

impl ColumnType {
    /// Whether values of it have fields.
    pub fn is_nested(self) -> bool {
        matches!(self, Self::Struct | Self::List)
    }

    /// Whether values of it are numbers.
    pub fn is_number(self) -> bool {
        matches!(
            self,
            Self::Int | Self::Long | Self::Float | Self::Double | Self::Decimal { .. }
        )
    }

    /// Whether a column of this type may become one of `wider` without a file being written again (Iceberg specification,
    /// "Schema Evolution", the promotions of version 2).
    pub fn widens_to(self, wider: Self) -> bool {
        match (self, wider) {
            (Self::Int, Self::Long) | (Self::Float, Self::Double) => true,
            (
                Self::Decimal { precision, scale },
                Self::Decimal {
                    precision: wider,
                    scale: same,
                },
            ) => precision < wider && scale == same,
            _ => false,
        }
    }
}

/// A column of a table, or a field of one that is nested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Iceberg field id: what a reader finds the column by. Stable for the life of the table.
    pub id: i32,
    /// `[a-z][a-z0-9_]*`.
    pub name: String,
    /// Its type.
    pub kind: ColumnType,
    /// Of a struct its fields, one or more; of a list its element, called [`ELEMENT`]; else none.
    pub fields: Vec<Column>,
    /// No row has null here; of a field, no struct or list that is there.
    pub required: bool,
    /// For people.
    pub doc: Option<String>,
    /// `public`, `internal`, `confidential`, `personal`, …: the contract's own word.
    pub classification: Option<String>,
    /// The contract's tags on this column.
    pub tags: Vec<String>,
    /// Its texts are found by their words.
    pub searchable: bool,
}

/// Name of a list's only field (Iceberg specification, Appendix A "Parquet").
pub const ELEMENT: &str = "element";

impl Column {
    /// One that no contract describes any further.
    pub fn plain(id: i32, name: &str, kind: ColumnType, required: bool, doc: &str) -> Self {
        Self {
            id,
            name: name.into(),
            kind,
            fields: Vec::new(),
            required,
            doc: Some(doc.into()),
            classification: None,
            tags: Vec::new(),
            searchable: false,
        }
    }

    /// It and all fields below it.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        let mut waiting = vec![self];
        std::iter::from_fn(move || {
            let next = waiting.pop()?;
            waiting.extend(next.fields.iter().rev());
            Some(next)
        })
    }
}

/// How a partition value is made of a column (Iceberg specification, "Partition Transforms").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transform {
    /// The value itself.
    Identity,
    /// Years since 1970.
    Year,
    /// Months since 1970-01.
    Month,
    /// Days since 1970-01-01.
    Day,
    /// Hours since 1970-01-01T00.
    Hour,
    /// Murmur3 of the value, modulo so many buckets.
    Bucket(u32),
    /// Cut to a width: characters of a string, or down to a multiple of a number.
    Truncate(u32),
}

impl fmt::Display for Transform {
    /// As the specification spells it, Appendix C: `bucket[16]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity => f.write_str("identity"),
            Self::Year => f.write_str("year"),
            Self::Month => f.write_str("month"),
            Self::Day => f.write_str("day"),
            Self::Hour => f.write_str("hour"),
            Self::Bucket(n) => write!(f, "bucket[{n}]"),
            Self::Truncate(n) => write!(f, "truncate[{n}]"),
        }
    }
}

/// One field of the partition spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionField {
    /// Index into [`TableSpec::columns`].
    pub column: usize,
    /// What is done to it.
    pub transform: Transform,
    /// The partition field's own name: `time_hour_month`.
    pub name: String,
}

/// One field of the sort order. Nulls come first when ascending, last when descending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortField {
    /// Index into [`TableSpec::columns`].
    pub column: usize,
    /// Largest first.
    pub descending: bool,
}

/// Everything the committer needs to create a table, and a writer to write a data file of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    /// `database.table`.
    pub name: TableName,
    /// The part of the lake it lies in.
    pub zone: Zone,
    /// In order.
    pub columns: Vec<Column>,
    /// Empty for an unpartitioned table. One data file holds rows of one partition.
    pub partition: Vec<PartitionField>,
    /// Every data file is sorted so.
    pub sort: Vec<SortField>,
    /// For people.
    pub doc: Option<String>,
    /// Table properties: domain, tags, contract id and version (keys of [`properties`]).
    pub properties: BTreeMap<String, String>,
}

impl TableSpec {
    /// The column of that name and its index.
    pub fn column(&self, name: &str) -> Option<(usize, &Column)> {
        self.columns.iter().enumerate().find(|(_, c)| c.name == name)
    }
}

/// Names of the table properties that Watershed writes, in Iceberg and Glue alike.
pub mod properties {
    /// Contract id.
    pub const CONTRACT: &str = "watershed.contract";
    /// Contract version that created or last evolved the table.
    pub const CONTRACT_VERSION: &str = "watershed.contract-version";
    /// Domain (category) of the data.
    pub const DOMAIN: &str = "watershed.domain";
    /// Comma-separated tags.
    pub const TAGS: &str = "watershed.tags";
    /// `data` or `quarantine`; of a stream also `late`, `window` and `anomalies`.
    pub const ROLE: &str = "watershed.role";
    /// Where the ledger of sources lies (see `watershed-table`).
    pub const LEDGER: &str = "watershed.ledger";
    /// A forgotten snapshot in which another engine rewrote files: from then on not every source's files are known by their paths.
    pub const REWRITTEN: &str = "watershed.rewritten";
    /// Iceberg's own ("Table behavior properties"): how long snapshots are kept, in milliseconds.
    pub const MAX_SNAPSHOT_AGE: &str = "history.expire.max-snapshot-age-ms";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_spelled_as_iceberg_spells_them() {
        for text in ["int", "decimal(38,0)", "timestamptz", "binary"] {
            assert_eq!(text.parse::<ColumnType>().map(|kind| kind.to_string()), Ok(text.into()));
        }
        assert!("decimal(9)".parse::<ColumnType>().is_err() && "list".parse::<ColumnType>().is_err());
    }

    #[test]
    fn only_the_promotions_of_the_specification_widen() {
        let decimal = |precision, scale| ColumnType::Decimal { precision, scale };
        assert!(ColumnType::Int.widens_to(ColumnType::Long) && !ColumnType::Long.widens_to(ColumnType::Int));
        assert!(ColumnType::Float.widens_to(ColumnType::Double) && !ColumnType::Int.widens_to(ColumnType::Double));
        assert!(decimal(9, 2).widens_to(decimal(12, 2)) && !decimal(9, 2).widens_to(decimal(12, 3)));
        assert!(!decimal(9, 2).widens_to(decimal(9, 2)) && !ColumnType::Date.widens_to(ColumnType::Timestamp));
    }

    #[test]
    fn table_names_are_what_every_engine_reads_unquoted() {
        assert_eq!(
            "nyc.flights".parse::<TableName>().map(|n| n.to_string()),
            Ok("nyc.flights".into())
        );
        for bad in ["", "flights", "a.b.c", "A.b", "a.b-c", "1a.b", "a.", ".b", "a.b c"] {
            assert!(bad.parse::<TableName>().is_err(), "{bad}");
        }
        assert!(TableName::new("a", &"b".repeat(MAX_NAME_BYTES + 1)).is_err());
    }
}

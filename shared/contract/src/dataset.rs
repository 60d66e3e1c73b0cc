//! A dataset: a contract that was read and found valid. A value that exists is valid.

use crate::{
    Aggregation, Computed, Enrichment, Expectation, QualityRule, age::Retention, drift::UnknownColumns,
    number::NumberFormat, path::XmlPath, stream::Source,
};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use watershed_lake::{ColumnType, TableSpec, table::properties};

/// One dataset: where its objects are found, how they are read, what a row must be, and the table that it becomes.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Id of the contract document (`id`), or `id/schema-name` where a document describes several datasets.
    pub id: String,
    /// Semantic version of the contract (`version`).
    pub version: (u32, u32, u32),
    /// SHA-256 (128 bits, hex) of the contract's text, and of the query's that it names: decides, with the source, which bytes are made.
    pub digest: String,
    /// Where its rows come from.
    pub source: Source,
    /// What its objects, or the records of its stream, are.
    pub format: Format,
    /// How the text of its objects is encoded; of no meaning for Parquet.
    pub encoding: Encoding,
    /// How each column is read and checked; same order and length as `table.columns`.
    pub columns: Vec<ColumnRule>,
    /// Columns of a source without header: those of the contract, dropped ones too.
    pub source_columns: usize,
    /// Names in the source of columns that are personal and go no further.
    pub dropped: Vec<String>,
    /// What is measured of the rows of an object.
    pub quality: Vec<QualityRule>,
    /// What is promised of its table as a whole.
    pub expectations: Vec<Expectation>,
    /// What is done with columns that it does not name.
    pub unknown: UnknownColumns,
    /// Indexes of the primary key's columns, in key order; empty: none.
    pub primary_key: Vec<usize>,
    /// How long its rows and files are kept.
    pub retention: Retention,
    /// The table.
    pub table: TableSpec,
    /// Its quarantine table; of a stream with the columns that say which record it was.
    pub quarantine: TableSpec,
    /// What is added to its rows in another table, where anything is.
    pub enrichment: Option<Enrichment>,
    /// How its rows are made of other tables, where they are; none where those are of contracts that were not read.
    pub aggregation: Option<Aggregation>,
}

/// What an object holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 and its relatives.
    Csv(CsvFormat),
    /// One JSON object a line.
    NdJson,
    /// One JSON array of objects.
    JsonArray {
        /// Keys that lead to it in the object around it; empty: the array is everything.
        records: Vec<String>,
    },
    /// An XML document with an element for each row.
    Xml(XmlFormat),
    /// One record a line, its fields at fixed places.
    Fixed(FixedFormat),
    /// Apache Parquet.
    Parquet,
}

/// A dialect of delimited text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvFormat {
    /// Between fields; one byte, not a quote nor a line end.
    pub delimiter: u8,
    /// Around fields; none: a quote is an ordinary character.
    pub quote: Option<u8>,
    /// Before a quote, a delimiter, a line end or itself: the character behind it is part of the value.
    pub escape: Option<u8>,
    /// A line that begins with it, where a record could, is none.
    pub comment: Option<u8>,
    /// Lines before the header (or, without one, before the first record) that are none.
    pub skip_lines: u32,
    /// The first record names the columns. Without one, columns come in the contract's order.
    pub header: bool,
    /// A value may hold line ends, quoted or escaped. Where not, every line is a record, whatever quotes are in it.
    pub multiline: bool,
    /// What happens to a record with more or fewer fields.
    pub ragged_ends: RaggedEnds,
    /// What happens to a record that is the header again.
    pub repeated_header: RepeatedHeader,
}

impl CsvFormat {
    /// RFC 4180 with that delimiter.
    pub const fn rfc4180(delimiter: u8) -> Self {
        Self {
            delimiter,
            quote: Some(b'"'),
            escape: None,
            comment: None,
            skip_lines: 0,
            header: true,
            multiline: true,
            ragged_ends: RaggedEnds::Refuse,
            repeated_header: RepeatedHeader::Refuse,
        }
    }
}

/// What happens to a record that is the header again, as where files were joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepeatedHeader {
    /// It is a row like any other, and most likely refused.
    Refuse,
    /// It is no row.
    Skip,
}

/// How text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// ISO 8859-1: every byte is a character.
    Latin1,
    /// Windows code page 1252: five bytes are none.
    Windows1252,
    /// UTF-16, as its byte order mark says.
    Utf16,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
}

impl Encoding {
    /// Every encoding by the name that the contract has for it.
    pub const ALL: [(&'static str, Self); 6] = [
        ("utf-8", Self::Utf8),
        ("latin-1", Self::Latin1),
        ("windows-1252", Self::Windows1252),
        ("utf-16", Self::Utf16),
        ("utf-16le", Self::Utf16Le),
        ("utf-16be", Self::Utf16Be),
    ];

    /// The contract's name for it.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, encoding)| *encoding == self)
            .map_or("utf-8", |(name, _)| name)
    }
}

/// Where the rows of an XML document are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct XmlFormat {
    /// Local name of the element that is a row, wherever it is; or of several the way to it from the root.
    pub row: Vec<String>,
    /// Where each column that is read stands, in their order.
    pub columns: Vec<XmlPath>,
}

/// Where the fields of a line are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedFormat {
    /// Where each column that is read stands, in their order.
    pub columns: Vec<FixedField>,
    /// What happens to a line that ends before its columns do.
    pub ragged_ends: RaggedEnds,
}

/// Where a field of fixed width stands in its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedField {
    /// Its first byte, from 0.
    pub start: usize,
    /// Its bytes.
    pub width: usize,
}

impl FixedField {
    /// The byte behind its last.
    pub fn end(self) -> usize {
        self.start + self.width
    }
}

/// What happens to a record that has not as many fields as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RaggedEnds {
    /// It is refused.
    Refuse,
    /// Fields that are missing at the end are null; fields too many at the end are dropped if all of them are empty.
    Pad,
}

/// `s3://{raw}/prefix/*.csv`: bucket is the raw zone's whatever its name; `*` any characters but `/`, `**` any.
#[derive(Debug, Clone)]
pub struct LocationPattern {
    /// As the contract writes it.
    pub text: String,
    /// Matches the whole key.
    pub key: Regex,
}

/// How one column is read and what its values must be. Applied in this order: trim, null spellings, case, type, checks.
#[derive(Debug, Clone)]
pub struct ColumnRule {
    /// Name in the source (header cell, JSON key or path, XML path).
    pub source: String,
    /// The source is a name as it stands, and no path.
    pub literal: bool,
    /// Place in a source without header, from 0.
    pub position: usize,
    /// What is done with its values before they are written.
    pub personal: Personal,
    /// White space at both ends is not part of the value.
    pub trim: bool,
    /// Spellings of null, after trimming. The empty field is null for every type but string, and there where listed.
    pub nulls: BTreeSet<String>,
    /// For strings.
    pub case: Case,
    /// For numbers.
    pub number: NumberFormat,
    /// For dates and timestamps; none: ISO 8601.
    pub temporal: TemporalFormat,
    /// Spellings of true and false, lower case; compared without regard to case.
    pub booleans: (BTreeSet<String>, BTreeSet<String>),
    /// What a value must be.
    pub checks: Checks,
    /// Made of other columns, where it is.
    pub computed: Option<Computed>,
    /// Of a struct or list how its fields are read, in the order of `Column::fields`. Their sources are keys, never paths.
    pub fields: Vec<ColumnRule>,
}

/// What is done with the values of a personal column. In quarantine no value of it stands but for `Keep`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personal {
    /// Nothing: the column is not personal, or the contract wants it as it is.
    Keep,
    /// Replaced by their keyed hash: equal values stay equal.
    Hash,
    /// Replaced by one text.
    Redact,
    /// The column is not read, and not in the table.
    Drop,
}

/// What is done to the letters of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// Nothing.
    Keep,
    /// To upper case.
    Upper,
    /// To lower case.
    Lower,
}

/// Language of the names of months and weekdays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// French.
    Fr,
    /// Spanish.
    Es,
    /// Italian.
    It,
    /// Dutch.
    Nl,
    /// Portuguese.
    Pt,
}

/// How a date or time is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemporalFormat {
    /// `strftime` patterns (crate chrono's `format::strftime`), tried in order; empty: ISO 8601 / RFC 3339.
    pub patterns: Vec<String>,
    /// Language of the names in the patterns' values.
    pub locale: Locale,
    /// Zone of a timestamp that is written without one; none: such a timestamp is refused where the column has a zone.
    pub zone: Option<chrono_tz::Tz>,
    /// A number of these since 1970-01-01T00:00:00Z is read as well.
    pub epoch: Option<EpochUnit>,
}

/// Unit of a numeric timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpochUnit {
    /// Seconds.
    Second,
    /// Milliseconds.
    Millisecond,
    /// Microseconds.
    Microsecond,
}

/// A bound of a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// In the column's own unit: integers and decimals scaled by 10^scale, days for dates, microseconds for times and timestamps.
    pub value: BoundValue,
    /// The bound itself is out.
    pub exclusive: bool,
}

/// Value of a bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BoundValue {
    /// For every type but the binary floats.
    Exact(i128),
    /// For float and double.
    Float(f64),
}

/// What a value that is not null must be.
#[derive(Debug, Clone, Default)]
pub struct Checks {
    /// Null is refused.
    pub required: bool,
    /// Smallest.
    pub min: Option<Bound>,
    /// Largest.
    pub max: Option<Bound>,
    /// Fewest characters (Unicode scalar values) of a string.
    pub min_length: Option<usize>,
    /// Most characters of a string.
    pub max_length: Option<usize>,
    /// A string must match; not anchored unless the pattern is (JSON Schema's meaning, which ODCS takes over).
    pub pattern: Option<Regex>,
    /// A string must be one of these (after case); empty: any.
    pub one_of: BTreeSet<String>,
}

impl ColumnRule {
    /// True where its values may not be shown.
    pub fn is_private(&self) -> bool {
        self.personal != Personal::Keep
    }
}

impl Dataset {
    /// What the footer of every file says that is made of the source in that version.
    pub fn provenance(&self, source: &str, version: &str) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("watershed.source".to_string(), source.to_string()),
            ("watershed.source-version".to_string(), version.to_string()),
            (properties::CONTRACT.to_string(), self.id.clone()),
            (properties::CONTRACT_VERSION.to_string(), self.version_text()),
            ("watershed.contract-digest".to_string(), self.digest.clone()),
        ])
    }

    /// `1.2.3`.
    pub fn version_text(&self) -> String {
        let (major, minor, patch) = self.version;
        format!("{major}.{minor}.{patch}")
    }

    /// True where values of the source may not be shown: neither in quarantine nor in messages.
    pub fn is_private(&self) -> bool {
        !self.dropped.is_empty()
            || self
                .columns
                .iter()
                .chain(self.unknown.added())
                .any(ColumnRule::is_private)
    }

    /// True where a column is hashed.
    pub fn needs_hash_key(&self) -> bool {
        let added = self.unknown.added();
        self.columns
            .iter()
            .chain(added)
            .any(|rule| rule.personal == Personal::Hash)
    }

    /// Type of column `index`.
    pub fn kind(&self, index: usize) -> ColumnType {
        self.table.columns[index].kind
    }
}

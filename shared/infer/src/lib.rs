//! The beginning of an object that no contract matches → a draft contract and a report, for a person to edit and commit.
//!
//! ```text
//! bytes ─sample─▶ records, column names ─guess─▶ type, formats ─profile─▶ nulls, ranges, keys ─▶ Draft ─yaml│report─▶ text
//! ```
//! Pure. Records are split and values are read by `watershed-decode`, so that what a draft says is what `ingest` does with it: a value
//! of the sample that the guessed type would refuse makes the column text. Output is a function of the bytes and the name.
//!
//! What is guessed is a comment `# guessed: …` in the draft. Values of columns that look personal are shown nowhere.

mod csv;
mod encoding;
mod guess;
mod json;
mod keys;
mod names;
mod numbers;
mod parquet;
mod personal;
mod profile;
mod report;
mod sample;
mod seen;
mod temporal;
mod values;
mod yaml;

pub use keys::{Key, Partition};
pub use names::{Place, is_data};
pub use parquet::{FOOTER_END_BYTES, Sparse, footer_bytes, is_parquet};
pub use profile::{Column, Distinct, Ends};
pub use sample::{Layout, Sample};

use std::io::Read;

/// Decompressed bytes of an object that are looked at.
pub const SAMPLE_BYTES: usize = 4 * 1024 * 1024;
/// Records of an object that are looked at.
pub const MAX_ROWS: usize = 50_000;
/// Cells of an object that are looked at: of wide objects fewer records.
pub const MAX_CELLS: usize = 4_000_000;
/// Objects that one draft is made of.
pub const MAX_SAMPLES: usize = 32;

/// Why there is no draft.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}: {help}")]
pub struct Refusal {
    /// What is wrong, without a value of the object.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Refusal {
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
        }
    }
}

/// How sure a guess is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sure {
    /// Something else is about as likely.
    Unsure,
    /// Every value of the sample agrees.
    Likely,
    /// The object says it itself.
    Certain,
}

impl Sure {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unsure => "unsure",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// What an object seems to be.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Where the contract's objects lie, and what the table is called.
    pub place: Place,
    /// How the objects are laid out.
    pub layout: Layout,
    /// How sure the layout is.
    pub layout_sure: Sure,
    /// How text is encoded.
    pub encoding: watershed_contract::Encoding,
    /// Rows that were looked at.
    pub rows: usize,
    /// Records that were left out: their quoting or their number of fields is wrong.
    pub left_out: usize,
    /// The sample is the whole of the objects.
    pub complete: bool,
    /// The columns, in the order of the object.
    pub columns: Vec<Column>,
    /// Spellings of null that were found in any column.
    pub nulls: Vec<String>,
    /// What may be the primary key.
    pub key: Option<Key>,
    /// What may be the partition.
    pub partition: Option<Partition>,
    /// What a person should know of the object as a whole.
    pub notes: Vec<String>,
}

impl Draft {
    /// Of the objects of one dataset, which must have one shape. `key` is where one of them lies or will lie.
    pub fn of(samples: &[Sample], key: &str) -> Result<Self, Refusal> {
        profile::draft(samples, key)
    }

    /// The draft contract.
    pub fn yaml(&self) -> String {
        yaml::contract(self)
    }

    /// The report, for machines.
    pub fn report(&self) -> serde_json::Value {
        report::report(self)
    }
}

/// The draft of one object, of which `input` gives the bytes. A Parquet file that is larger than [`SAMPLE_BYTES`] is read with
/// [`Sample::parquet`] instead.
pub fn infer(input: impl Read + Send, key: &str) -> Result<Draft, Refusal> {
    Draft::of(&[Sample::read(input, key)?], key)
}

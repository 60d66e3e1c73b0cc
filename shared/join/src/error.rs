//! What is wrong with a reference, and with what is asked of it.

use arrow_array::{Array, ArrayRef};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType};

/// Most characters that a message shows of a value.
const MAX_SHOWN_CHARS: usize = 60;

/// Why a reference gives no index. Rows count from 0.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No key columns, or too many.
    #[error("a key has 1 to {max} columns, and this one {count}")]
    KeyColumns {
        /// How many there are.
        count: usize,
        /// How many there may be: [`MAX_KEY_COLUMNS`](crate::MAX_KEY_COLUMNS).
        max: usize,
    },
    /// Two columns of a reference are not of the same length.
    #[error("columns of one reference have {first} and {second} rows")]
    Lengths {
        /// Rows of the first column.
        first: usize,
        /// Rows of the other.
        second: usize,
    },
    /// More rows than can be counted.
    #[error("a reference of {rows} rows is too long: at most {max}")]
    TooManyRows {
        /// How many there are.
        rows: usize,
        /// How many there may be: [`MAX_ROWS`](crate::MAX_ROWS).
        max: usize,
    },
    /// A key column of a type that has no equality to join by.
    #[error(
        "column {column} of the key is {found}: a key is of whole numbers, decimals, texts, bytes, booleans, dates and times"
    )]
    KeyType {
        /// Which of the key columns, from 0.
        column: usize,
        /// Its type.
        found: DataType,
    },
    /// A time column of another type.
    #[error("a time is a timestamp or a date, not {found}")]
    TimeType {
        /// Its type.
        found: DataType,
    },
    /// A key that stands twice: a join never multiplies rows.
    #[error("({key}) stands twice in the reference, in rows {first} and {second}")]
    Duplicate {
        /// The key's values, and the time of an as-of join, as text.
        key: String,
        /// The first row that has it.
        first: usize,
        /// The next.
        second: usize,
    },
    /// A geometry that cannot be read, or is none.
    #[error("the geometry of row {row} is wrong at character {at}: {message}")]
    Geometry {
        /// Row of the reference.
        row: usize,
        /// Character of the text, from 1.
        at: usize,
        /// What is wrong.
        message: String,
    },
    /// What arrow says, such as of a text column above 2 GiB.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

/// Why a batch gets no answer. Rows count from 0.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The batch has not as many key columns as the reference.
    #[error("the reference has {reference} key columns, the batch {batch}")]
    KeyColumns {
        /// Of the reference.
        reference: usize,
        /// Of the batch.
        batch: usize,
    },
    /// A column of the batch has not the type of the reference's, nor one that has its values.
    #[error("{what} is {reference} in the reference and {batch} in the batch: cast one of them")]
    Types {
        /// `column 0 of the key`, or `the time`.
        what: String,
        /// Type in the reference.
        reference: DataType,
        /// Type in the batch.
        batch: DataType,
    },
    /// Two columns of a batch are not of the same length.
    #[error("columns of one batch have {first} and {second} rows")]
    Lengths {
        /// Rows of the first column.
        first: usize,
        /// Rows of the other.
        second: usize,
    },
    /// A distance that is none.
    #[error("{metres} is no distance in metres: it is 0 or more, and finite")]
    Distance {
        /// What was given.
        metres: f64,
    },
    /// A column to sum or compare that is neither Float64 nor Int64, or not of the reference.
    #[error(
        "measure {measure} is {found} of {rows} rows: it is Float64 or Int64, of the {expected} rows of the reference"
    )]
    Measure {
        /// Which measure, from 0.
        measure: usize,
        /// Its type.
        found: DataType,
        /// Its rows.
        rows: usize,
        /// The reference's rows.
        expected: usize,
    },
    /// A sum of whole numbers that 64 bits do not hold.
    #[error("measure {measure} of row {row} sums to {sum}, which 64 bits do not hold")]
    Overflow {
        /// Which measure, from 0.
        measure: usize,
        /// The first row of the batch that it is so for.
        row: usize,
        /// The sum.
        sum: i128,
    },
    /// What arrow says, such as of a text column above 2 GiB.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

/// `"JFK", 2013-01-01T05:00:00`: the values of a row.
pub(crate) fn shown<'a>(columns: impl Iterator<Item = &'a ArrayRef>, row: usize) -> String {
    let values: Vec<String> = columns.map(|column| value(column, row)).collect();
    values.join(", ")
}

fn value(column: &ArrayRef, row: usize) -> String {
    let options = FormatOptions::default();
    let text = ArrayFormatter::try_new(column.as_ref(), &options)
        .and_then(|formatter| formatter.value(row).try_to_string())
        .unwrap_or_else(|error| error.to_string());
    let text = match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    };
    if is_text(column.data_type()) {
        format!("{text:?}")
    } else {
        text
    }
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

//! Why a row or an object was refused.

use std::fmt;

/// Codes of what is wrong, as the quarantine's `reason` column has them: people select by them when they replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// A record has more or fewer fields than the header.
    FieldCount,
    /// A quoted field does not end.
    UnclosedQuote,
    /// Text between a closing quote and the next delimiter.
    TextAfterQuote,
    /// Longer than [`crate::MAX_RECORD_BYTES`].
    RecordTooLong,
    /// Not the encoding that it should be in.
    Encoding,
    /// Not JSON.
    InvalidJson,
    /// Not XML.
    InvalidXml,
    /// JSON, but not an object.
    NotAnObject,
    /// A key stands twice in one JSON object, or an element or attribute in one XML row.
    RepeatedKey,
    /// Null where a value is required.
    Required,
    /// Not a value of the column's type.
    Type,
    /// Does not fit the column's type: too large, or too many digits.
    Overflow,
    /// Outside the range.
    Range,
    /// Shorter or longer than allowed.
    Length,
    /// Does not match the pattern.
    Pattern,
    /// Not one of the allowed values.
    Enumeration,
    /// A local time without a zone, or one that its zone does not have, or has twice.
    Zone,
    /// The column's expression (`transformLogic`) could not be worked out.
    Transform,
    /// Row or object: breaks a quality rule.
    Quality,
    /// The primary key stands in the object already.
    DuplicateKey,
    /// Object: the compressed stream ends too early.
    Truncated,
    /// Object: the compressed stream or the file is damaged.
    Corrupt,
    /// Object: not the format that the contract says.
    WrongFormat,
    /// Object: the header lacks columns or names one twice.
    Header,
    /// A column that the contract does not name, and wants refused or cannot add: of the object, or of a record with keys of its own.
    UnknownColumn,
    /// Object: more than a named limit of this software.
    Limit,
}

impl Reason {
    /// The code.
    pub fn code(self) -> &'static str {
        match self {
            Self::FieldCount => "field_count",
            Self::UnclosedQuote => "unclosed_quote",
            Self::TextAfterQuote => "text_after_quote",
            Self::RecordTooLong => "record_too_long",
            Self::Encoding => "encoding",
            Self::InvalidJson => "invalid_json",
            Self::InvalidXml => "invalid_xml",
            Self::NotAnObject => "not_an_object",
            Self::RepeatedKey => "repeated_key",
            Self::Required => "required",
            Self::Type => "type",
            Self::Overflow => "overflow",
            Self::Range => "range",
            Self::Length => "length",
            Self::Pattern => "pattern",
            Self::Enumeration => "enumeration",
            Self::Zone => "zone",
            Self::Transform => "transform",
            Self::Quality => "quality",
            Self::DuplicateKey => "duplicate_key",
            Self::Truncated => "truncated",
            Self::Corrupt => "corrupt",
            Self::WrongFormat => "wrong_format",
            Self::Header => "header",
            Self::UnknownColumn => "unknown_column",
            Self::Limit => "limit",
        }
    }

    /// False where its message never shows anything of the input.
    pub fn shows_input(self) -> bool {
        !matches!(
            self,
            Self::FieldCount
                | Self::UnclosedQuote
                | Self::TextAfterQuote
                | Self::RecordTooLong
                | Self::Required
                | Self::Transform
                | Self::Quality
                | Self::DuplicateKey
                | Self::Truncated
                | Self::Corrupt
                | Self::Limit
        )
    }

    /// What is said of it where no value may be shown.
    pub fn without_value(self) -> String {
        format!("{self}; personal data is not shown")
    }

    /// True where the record itself could not be split into fields, so that its values were not looked at.
    pub fn is_structural(self) -> bool {
        matches!(
            self,
            Self::FieldCount
                | Self::UnclosedQuote
                | Self::TextAfterQuote
                | Self::RecordTooLong
                | Self::Encoding
                | Self::InvalidJson
                | Self::InvalidXml
                | Self::NotAnObject
                | Self::RepeatedKey
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// One thing that is wrong with one row of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Row within the block.
    pub row: u32,
    /// Column, by its index in the dataset; none: the record itself.
    pub column: Option<u32>,
    /// What is wrong.
    pub reason: Reason,
    /// The same for people, without the column's name.
    pub message: String,
}

/// A row that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRow {
    /// Its first byte in the decompressed object.
    pub offset: u64,
    /// Its bytes, line end not counted, even where `raw` is shorter.
    pub length: u64,
    /// Line that it starts on, from 1; in Parquet its number.
    pub line: u64,
    /// Name of the column of the first violation.
    pub column: Option<String>,
    /// The first violation.
    pub reason: Reason,
    /// All violations.
    pub message: String,
    /// The bytes.
    pub raw: Vec<u8>,
}

/// Why the whole object was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct ObjectReject {
    /// What is wrong.
    pub reason: Reason,
    /// What is wrong, where, what to do.
    pub message: String,
    /// The same with nothing of what the object holds, not even names that it gives its columns: a header may be missing, and the
    /// first row stand there. None: nothing can be said so but the reason.
    without_values: Option<String>,
}

impl ObjectReject {
    /// For that reason.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            without_values: None,
        }
    }

    /// For that reason; nothing of what the object holds is in the message.
    pub fn safe(reason: Reason, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            without_values: Some(message.clone()),
            ..Self::new(reason, message)
        }
    }

    /// The same, of which `told` may be said where the object holds personal data: counts, places, names of the contract.
    #[must_use]
    pub fn without(self, told: impl std::fmt::Display) -> Self {
        Self {
            without_values: Some(format!("{told}; personal data is not shown")),
            ..self
        }
    }

    /// The same as it may be told where the object holds personal data.
    #[must_use]
    pub fn hidden(self) -> Self {
        let message = match &self.without_values {
            Some(told) => told.clone(),
            None if self.reason.shows_input() => self.reason.without_value(),
            None => return self,
        };
        Self { message, ..self }
    }
}

/// What stops decoding.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The object is refused as a whole.
    #[error(transparent)]
    Object(#[from] ObjectReject),
    /// The input could not be read: nothing is said about what it holds.
    #[error("reading the input: {0}")]
    Input(std::io::Error),
}

/// Longest value that a message shows, in bytes.
const MAX_SHOWN_BYTES: usize = 60;

/// Names that an error lists.
const MAX_LISTED: usize = 20;

/// Names as a message lists them.
pub fn listed(names: &[&str]) -> String {
    let listed: Vec<String> = names
        .iter()
        .take(MAX_LISTED)
        .map(|name| shown(name.as_bytes()))
        .collect();
    let more = names.len().saturating_sub(MAX_LISTED);
    if more > 0 {
        format!("{} and {more} more", listed.join(", "))
    } else {
        listed.join(", ")
    }
}

/// A value as a message shows it: quoted, cut, control characters escaped.
pub fn shown(value: &[u8]) -> String {
    let cut = &value[..value.len().min(MAX_SHOWN_BYTES)];
    let text = String::from_utf8_lossy(cut);
    let more = if cut.len() < value.len() { "…" } else { "" };
    format!("`{}{more}`", text.escape_debug())
}

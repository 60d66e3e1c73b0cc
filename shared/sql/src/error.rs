//! What is wrong with a query: told in the terms of its text.

use datafusion::{
    common::{DataFusionError, Diagnostic, SchemaError},
    sql::sqlparser::parser::ParserError,
};
use parquet::errors::ParquetError;
use std::fmt;
use watershed_ports::PortError;

/// A place in the text of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: u64,
    /// In characters, from 1.
    pub column: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// What a query ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`crate::Limits::memory_bytes`], and disk where there is any.
    Memory,
    /// [`crate::Limits::scan_bytes`].
    Scan,
    /// [`crate::Limits::time`].
    Time,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SqlError {
    /// The text is no query, or asks for what there is not.
    #[error("{message}")]
    Invalid {
        /// What is wrong, and what to do.
        message: String,
        /// Where, if that is known.
        place: Option<Place>,
        /// The column that is asked for, where it is that there is none of its name.
        column: Option<String>,
    },
    /// A value cannot be worked out: a division by zero, a text that is no number.
    #[error("{0}")]
    Failed(String),
    /// It takes more than it may.
    #[error("{1}")]
    Limit(Limit, String),
    /// The lake does not answer, or something in it is wrong.
    #[error("{0}")]
    Port(PortError),
}

impl SqlError {
    /// Of the text, at no known place.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::at(message, None)
    }

    pub(crate) fn at(message: impl Into<String>, place: Option<Place>) -> Self {
        Self::Invalid {
            message: message.into(),
            place,
            column: None,
        }
    }
}

impl From<PortError> for SqlError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl From<ParserError> for SqlError {
    fn from(error: ParserError) -> Self {
        match error {
            ParserError::ParserError(message) | ParserError::TokenizerError(message) => {
                let (message, place) = split_place(&message);
                Self::at(message, place)
            }
            ParserError::RecursionLimitExceeded => Self::invalid(format!(
                "parentheses and expressions stand more than {} deep in each other: write parts of it as WITH name AS (…)",
                crate::MAX_DEPTH
            )),
        }
    }
}

/// The parser ends its messages with ` at Line: 1, Column: 8`.
fn split_place(message: &str) -> (&str, Option<Place>) {
    let found = message.rsplit_once(" at Line: ").and_then(|(rest, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        let (line, column) = (line.parse().ok()?, column.parse().ok()?);
        Some((rest, Place { line, column }))
    });
    found.map_or((message, None), |(rest, place)| {
        (rest, Some(place).filter(|place| place.line > 0))
    })
}

impl From<DataFusionError> for SqlError {
    fn from(error: DataFusionError) -> Self {
        let place = diagnostic(&error).and_then(|found| found.span).map(|span| Place {
            line: span.start.line,
            column: span.start.column,
        });
        let root = error.find_root();
        match root {
            DataFusionError::SQL(error, _) => (**error).clone().into(),
            DataFusionError::SchemaError(error, _) => Self::Invalid {
                message: said(error),
                place,
                column: match &**error {
                    SchemaError::FieldNotFound { field, .. } => Some(field.name.clone()),
                    _ => None,
                },
            },
            DataFusionError::Plan(message)
            | DataFusionError::NotImplemented(message)
            | DataFusionError::Configuration(message) => Self::at(message.clone(), place),
            DataFusionError::ResourcesExhausted(message) => Self::Limit(
                Limit::Memory,
                format!(
                    "what it has to hold (groups, joined or sorted rows) does not fit in memory: {}",
                    message.split(" with top").next().unwrap_or_default()
                ),
            ),
            // What filters run into while a file is read comes as an error of the file's.
            DataFusionError::ParquetError(error) => match &**error {
                ParquetError::ArrowError(message) => Self::Failed(message.clone()),
                ParquetError::External(inner) => Self::Failed(inner.to_string()),
                _ => Self::Port(PortError::fault(root.to_string())),
            },
            DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => {
                Self::Port(PortError::fault(root.to_string()))
            }
            DataFusionError::External(inner) => Self::Failed(first_line(&inner.to_string()).into()),
            DataFusionError::ArrowError(error, _) => Self::Failed(error.to_string()),
            DataFusionError::Execution(message) => Self::Failed(message.clone()),
            other => Self::Failed(format!("the engine cannot do this: {}", first_line(&other.to_string()))),
        }
    }
}

/// The first diagnostic on the way to the root.
fn diagnostic(error: &DataFusionError) -> Option<&Diagnostic> {
    match error {
        DataFusionError::Diagnostic(found, _) => Some(found),
        DataFusionError::Context(_, inner) => diagnostic(inner),
        DataFusionError::Shared(inner) => diagnostic(inner),
        DataFusionError::Collection(all) => all.iter().find_map(diagnostic),
        _ => None,
    }
}

fn said(error: &SchemaError) -> String {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let known: Vec<&str> = valid_fields.iter().map(|field| field.name.as_str()).collect();
            let most_alike = known
                .iter()
                .map(|name| (strsim::jaro_winkler(name, &field.name), *name))
                .filter(|(likeness, _)| *likeness > 0.7)
                .max_by(|a, b| a.0.total_cmp(&b.0));
            let help = match most_alike {
                Some((_, name)) => format!("did you mean `{name}`?"),
                None if known.is_empty() => "there are no columns here".into(),
                None => format!("there are: {}", known.join(", ")),
            };
            format!("there is no column `{}`: {help}", field.name)
        }
        SchemaError::AmbiguousReference { field } => {
            format!("`{}` is in several of the tables: write table.{0}", field.name)
        }
        other => other.to_string(),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parsers_place_is_taken_out_of_its_message() {
        let place = |line, column| Some(Place { line, column });
        assert_eq!(
            split_place("Expected: an expression, found: FROM at Line: 2, Column: 14"),
            ("Expected: an expression, found: FROM", place(2, 14))
        );
        assert_eq!(split_place("found: EOF"), ("found: EOF", None));
        assert_eq!(
            split_place("x at Line: 0, Column: 0"),
            ("x", None),
            "the end of the text"
        );
    }
}

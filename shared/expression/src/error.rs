//! What is wrong with an expression, and with one row of it.

use std::fmt;
use watershed_lake::ColumnType;

/// Bytes of an expression, from its beginning: `start..end`.
pub(crate) type Span = (u32, u32);

/// Longest word that a near name is looked for, in bytes: the distance takes quadratic time.
const MAX_SUGGESTED_BYTES: usize = 64;
/// Most names that a message lists.
const MAX_LISTED: usize = 16;
/// Longest excerpt of an expression in a message, in characters.
const MAX_SHOWN_CHARS: usize = 60;

/// What is wrong with an expression: where, what, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at {line}:{column} of the expression): {help}")]
pub struct ExpressionError {
    /// From 1, within the expression.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

/// The same, before its place is looked up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) at: u32,
    pub(crate) message: String,
    pub(crate) help: String,
}

impl Mistake {
    pub(crate) fn new(at: u32, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
            help: help.into(),
        }
    }

    pub(crate) fn in_text(self, text: &str) -> ExpressionError {
        let before = text.get(..self.at as usize).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        ExpressionError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: self.message,
            help: self.help,
        }
    }
}

/// Why a row has no value. It never holds anything of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Overflow,
    DivisionByZero,
    Inexact,
    NotA(ColumnType),
    TooLong,
    Year,
    LocalTime,
    Argument,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overflow => f.write_str("does not fit its type"),
            Self::DivisionByZero => f.write_str("divides by zero"),
            Self::Inexact => f.write_str("is not exact with so many decimals"),
            Self::NotA(kind) => write!(f, "is no {kind}"),
            Self::TooLong => f.write_str("is too long a text"),
            Self::Year => f.write_str("is not of the years 1 to 9999"),
            Self::LocalTime => f.write_str("is a local time that its zone has twice or never"),
            Self::Argument => f.write_str("has an argument that means nothing"),
        }
    }
}

/// Why a row has no value, and in which part of the expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) span: Span,
    pub(crate) why: Why,
}

impl Failure {
    /// `a / b divides by zero`, of the expression `text`.
    pub(crate) fn message(self, text: &str) -> String {
        let part = text.get(self.span.0 as usize..self.span.1 as usize).unwrap_or(text);
        format!("`{}` {}", shown(part), self.why)
    }
}

/// Text of the expression in a message: on one line, cut.
pub(crate) fn shown(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// `did you mean x? Write one of x, y, z`.
pub(crate) fn one_of(word: &str, choices: &[&str]) -> String {
    let mut list = choices[..choices.len().min(MAX_LISTED)].join(", ");
    if choices.len() > MAX_LISTED {
        list.push_str(", …");
    }
    match nearest(word, choices) {
        Some(near) => format!("did you mean {near}? Write one of {list}"),
        None => format!("write one of {list}"),
    }
}

fn nearest<'c>(word: &str, choices: &[&'c str]) -> Option<&'c str> {
    if word.len() > MAX_SUGGESTED_BYTES {
        return None;
    }
    let near = (word.chars().count() / 3).max(1);
    let measured = choices
        .iter()
        .map(|choice| (strsim::osa_distance(word, choice), *choice));
    measured
        .filter(|(distance, _)| *distance <= near)
        .min()
        .map(|(_, choice)| choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_line_and_a_column() {
        let error = Mistake::new(6, "wrong", "mend it").in_text("é +\n ?");
        assert_eq!((error.line, error.column), (2, 2));
        assert_eq!(error.to_string(), "wrong (at 2:2 of the expression): mend it");
    }

    #[test]
    fn a_near_name_is_suggested() {
        assert_eq!(
            one_of("dep_tme", &["dep_time", "arr_time"]),
            "did you mean dep_time? Write one of dep_time, arr_time"
        );
        assert_eq!(
            one_of("x", &["dep_time", "arr_time"]),
            "write one of dep_time, arr_time"
        );
    }
}

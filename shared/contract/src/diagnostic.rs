//! What is wrong with a contract: where, what, and what to write instead.

use std::{cell::RefCell, fmt};

/// One thing that is wrong with one contract.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Name of the file, as it was given.
    pub file: String,
    /// From 1; 0 where it is the file as a whole.
    pub line: usize,
    /// From 1, in characters; 0 where it is the file as a whole.
    pub column: usize,
    /// The element of the document: `schema.flights.properties.dep_time`; empty at the top.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl fmt::Display for Diagnostic {
    /// `flights.odcs.yaml:42: schema.flights.properties.dep_time: unknown logicalType "int": write one of …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        f.write_str(": ")?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}: {}", self.message, self.help)
    }
}

/// Everything that is wrong with one or more contracts, ordered by file, line and column; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors(Vec<Diagnostic>);

impl Errors {
    /// In order; none for an empty list.
    pub(crate) fn of(mut found: Vec<Diagnostic>) -> Option<Self> {
        found.sort();
        found.dedup();
        (!found.is_empty()).then_some(Self(found))
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    pub(crate) fn into_inner(self) -> Vec<Diagnostic> {
        self.0
    }
}

impl fmt::Display for Errors {
    /// One a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}

/// Collects what is wrong with one file while it is read to its end.
pub(crate) struct Report {
    file: String,
    found: RefCell<Vec<Diagnostic>>,
}

impl Report {
    pub(crate) fn new(file: &str) -> Self {
        Self {
            file: file.into(),
            found: RefCell::new(Vec::new()),
        }
    }

    pub(crate) fn add(&self, (line, column): (usize, usize), path: &str, message: String, help: String) {
        let file = self.file.clone();
        self.found.borrow_mut().push(Diagnostic {
            file,
            line,
            column,
            path: path.into(),
            message,
            help,
        });
    }

    pub(crate) fn count(&self) -> usize {
        self.found.borrow().len()
    }

    /// `value`, unless something was reported.
    pub(crate) fn result<T>(self, value: Option<T>) -> Result<T, Errors> {
        match (Errors::of(self.found.into_inner()), value) {
            (None, Some(value)) => Ok(value),
            (Some(errors), _) => Err(errors),
            (None, None) => unreachable!("a contract that cannot be read has a diagnostic that says why"),
        }
    }
}

/// Longest word that a spelling is looked up for, in bytes: the distance takes quadratic time.
const MAX_SUGGESTED_BYTES: usize = 64;
/// Most choices that a message lists.
const MAX_LISTED: usize = 16;
/// Longest excerpt of the document in a message, in characters.
const MAX_SHOWN_CHARS: usize = 60;

/// The spelling that was probably meant.
fn nearest<'c>(word: &str, choices: &[&'c str]) -> Option<&'c str> {
    if word.len() > MAX_SUGGESTED_BYTES {
        return None;
    }
    let word = word.to_lowercase();
    let near = (word.chars().count() / 3).max(1);
    let distance = |choice: &str| match choice.to_lowercase() {
        lower if lower == word => 0,
        lower if word.len() >= 3 && lower.starts_with(&word) => 1,
        lower => strsim::osa_distance(&lower, &word),
    };
    choices
        .iter()
        .map(|&c| (distance(c), c))
        .filter(|(d, _)| *d <= near)
        .min()
        .map(|(_, c)| c)
}

/// `did you mean x? Write one of x, y, z`.
pub(crate) fn one_of(word: &str, choices: &[&str]) -> String {
    let mut list = choices[..choices.len().min(MAX_LISTED)].join(", ");
    if choices.len() > MAX_LISTED {
        list.push_str(", …");
    }
    match (nearest(word, choices), choices) {
        (_, []) => "remove it".into(),
        (_, [only]) => format!("write {only}"),
        (Some(near), _) => format!("did you mean {near}? Write one of {list}"),
        (None, _) => format!("write one of {list}"),
    }
}

/// Text of the document in a message: quoted, cut, control characters escaped.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_spelling_is_suggested() {
        let types = ["string", "integer", "number", "boolean"];
        assert_eq!(nearest("int", &types), Some("integer"));
        assert_eq!(nearest("Strnig", &types), Some("string"));
        assert_eq!(nearest("NUMBER", &types), Some("number"));
        assert_eq!(nearest("varchar", &types), None);
        assert_eq!(nearest(&"x".repeat(10_000), &types), None);
    }

    #[test]
    fn a_message_shows_a_bounded_excerpt() {
        assert_eq!(shown("a\tb"), "\"a\\tb\"");
        assert!(shown(&"é".repeat(5_000)).chars().count() < 70);
    }
}

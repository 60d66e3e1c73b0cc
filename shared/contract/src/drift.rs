//! What is done with columns of a source that the contract does not name.

use crate::{
    dataset::{ColumnRule, CsvFormat, Format, Personal},
    property::{Defaults, rule_of_text},
    reader::Map,
};

/// Keys of a schema object.
pub(crate) const KEYS: [&str; 2] = ["unknownColumns", "addedPersonal"];

/// What is done with columns of a source that the contract does not name.
#[derive(Debug, Clone)]
pub enum UnknownColumns {
    /// They are not read.
    Ignore,
    /// What has them is refused: the object where they are named once, the record where each has its own.
    Reject,
    /// They become columns of the table, read by this rule, whose `source` is theirs.
    Add(Box<ColumnRule>),
}

impl UnknownColumns {
    /// Whether there is anything to do about them.
    pub fn is_ignored(&self) -> bool {
        matches!(self, Self::Ignore)
    }

    /// The rule of those that are added.
    pub fn added(&self) -> Option<&ColumnRule> {
        match self {
            Self::Add(rule) => Some(rule),
            Self::Ignore | Self::Reject => None,
        }
    }
}

/// What the schema object says. `hides` is true where it has columns that are hashed, redacted or dropped.
pub(crate) fn read(custom: Option<&Map<'_>>, format: &Format, defaults: &Defaults, hides: bool) -> UnknownColumns {
    #[derive(Clone, Copy, PartialEq)]
    enum Word {
        Ignore,
        Add,
        Reject,
    }
    let Some(custom) = custom else {
        return UnknownColumns::Ignore;
    };
    let at = custom.get("unknownColumns");
    let words = [("ignore", Word::Ignore), ("add", Word::Add), ("reject", Word::Reject)];
    let word = at.as_ref().map_or(Some(Word::Ignore), |at| at.word(&words));
    let has_names = !matches!(format, Format::Fixed(_) | Format::Csv(CsvFormat { header: false, .. }));
    if let Some(at) = at.filter(|_| !has_names && word != Some(Word::Ignore)) {
        at.error(
            "unknownColumns of a source without names",
            "remove it: only a header, keys, elements or a schema name columns",
        );
    }
    if word.is_some_and(|word| word != Word::Add) {
        custom.refuse(&["addedPersonal"], "write it beside unknownColumns: add, or remove it");
    }
    match word {
        Some(Word::Add) => UnknownColumns::Add(Box::new(ColumnRule {
            personal: personal(custom, hides),
            literal: true,
            ..rule_of_text(defaults)
        })),
        Some(Word::Reject) => UnknownColumns::Reject,
        Some(Word::Ignore) | None => UnknownColumns::Ignore,
    }
}

/// Where a dataset hides columns, one that nobody knows yet may hold the same again: the contract must say what is done with it.
fn personal(custom: &Map<'_>, hides: bool) -> Personal {
    let words = [
        ("hash", Personal::Hash),
        ("redact", Personal::Redact),
        ("keep", Personal::Keep),
    ];
    if let Some(at) = custom.get("addedPersonal") {
        return at.word(&words).unwrap_or(Personal::Keep);
    }
    if hides {
        custom.error(
            "unknownColumns: add of a dataset that hides columns, and an unknown one may hold the same",
            "write addedPersonal: hash, redact or keep, or unknownColumns: reject",
        );
    }
    Personal::Keep
}

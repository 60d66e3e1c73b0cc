//! How null, true and false are spelled in the source.

use crate::{
    diagnostic::shown,
    reader::{At, Map},
};
use std::collections::BTreeSet;
use watershed_lake::ColumnType;

/// Most spellings of null, true or false.
pub const MAX_SPELLINGS: usize = 100;

/// The spellings of null, where they are given.
pub(crate) fn nulls(custom: &Map<'_>, trim: bool) -> Option<BTreeSet<String>> {
    let at = custom.get("nulls")?;
    bounded(&at);
    let padded = |text: &str| trim && text.trim() != text;
    for item in at.list() {
        if item.is_text() && item.text().is_some_and(padded) {
            item.error(
                "a spelling with white space at its end, which is trimmed away",
                "write it without, or trim: false",
            );
        }
    }
    Some(at.spellings().into_iter().map(Into::into).collect())
}

fn bounded(at: &At<'_>) {
    let count = at.list().len();
    if count > MAX_SPELLINGS {
        at.error(format!("{count} spellings"), format!("write at most {MAX_SPELLINGS}"));
    }
}

/// What is true and what is false where a column does not say it.
const BOOLEANS: ([&str; 5], [&str; 5]) = (["true", "t", "yes", "y", "1"], ["false", "f", "no", "n", "0"]);

/// Spellings of true and of false.
pub(crate) fn booleans(custom: Option<&Map<'_>>, kind: Option<ColumnType>) -> (BTreeSet<String>, BTreeSet<String>) {
    let set = |words: &[&str]| words.iter().map(|word| word.to_lowercase()).collect::<BTreeSet<_>>();
    let default = (set(&BOOLEANS.0), set(&BOOLEANS.1));
    let Some(custom) = custom else { return default };
    if let Some(kind) = kind.filter(|kind| *kind != ColumnType::Boolean) {
        custom.refuse(
            &["true", "false"],
            &format!("a column of type {kind} is not boolean: remove it"),
        );
        return default;
    }
    let read = |key: &str| {
        let at = custom.get(key)?;
        bounded(&at);
        let words = set(&at.spellings());
        if words.is_empty() {
            at.error(format!("no spelling of {key}"), "write one or more");
        }
        Some((at, words))
    };
    match (read("true"), read("false")) {
        (None, None) => default,
        (Some((at, yes)), Some((_, no))) => {
            if let Some(both) = yes.intersection(&no).next() {
                at.error(
                    format!("{} is true and false", shown(both)),
                    "write it in one of the two",
                );
            }
            (yes, no)
        }
        (Some((at, _)), None) | (None, Some((at, _))) => {
            at.error(
                format!("spellings of {} only", at.name),
                "write both true: [...] and false: [...]",
            );
            default
        }
    }
}

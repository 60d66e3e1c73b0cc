//! What is done with personal data, column by column.

use crate::{
    dataset::Personal,
    property::Position,
    reader::{At, Map},
};
use watershed_lake::ColumnType;

/// Classifications (the standard's `classification`) that mark a column as personal.
const CLASSIFICATIONS: [&str; 2] = ["personal", "pii"];

/// Whether this classification marks a column as personal.
pub(crate) fn is_personal(at: &At<'_>) -> bool {
    let word = if at.is_text() { at.text() } else { None };
    word.is_some_and(is_personal_word)
}

/// Whether this word marks a column as personal.
pub fn is_personal_word(word: &str) -> bool {
    CLASSIFICATIONS.contains(&word.to_lowercase().as_str())
}

/// The treatment of the property `map`. A column that is classified as personal must say it: nobody is to find out from the lake
/// that it was forgotten.
pub(crate) fn read(
    map: &Map<'_>,
    custom: Option<&Map<'_>>,
    kind: Option<ColumnType>,
    orders: [Option<&Position<'_>>; 2],
) -> Personal {
    let classification = map.get("classification").filter(At::is_text);
    let is_personal = classification.as_ref().is_some_and(is_personal);
    let Some(at) = custom.and_then(|c| c.get("personal")) else {
        if let Some(at) = classification.filter(|_| is_personal) {
            at.error(
                "a personal column that does not say what is done with it",
                "write watershed.personal: hash, redact, drop or keep",
            );
        }
        return Personal::Keep;
    };
    let words = [
        ("hash", Personal::Hash),
        ("redact", Personal::Redact),
        ("drop", Personal::Drop),
        ("keep", Personal::Keep),
    ];
    let Some(personal) = at.word(&words) else {
        return Personal::Keep;
    };
    if !is_personal {
        at.error(
            "watershed.personal of a column that is not classified as personal",
            "write classification: personal beside it",
        );
    }
    let is_text = kind.is_none_or(|kind| kind == ColumnType::String);
    if matches!(personal, Personal::Hash | Personal::Redact) && !is_text {
        at.error(
            "only text can be hashed or redacted",
            "write logicalType: string, or personal: drop",
        );
    }
    if personal == Personal::Redact || personal == Personal::Drop {
        for order in orders.into_iter().flatten() {
            order.at.error(
                "a column without its values",
                "remove the primary key or partition, or write personal: hash",
            );
        }
    }
    personal
}

//! How numbers are written: separators, signs, and what stands around them.

use crate::{
    diagnostic::shown,
    reader::{At, Map},
    spellings::MAX_SPELLINGS,
    units::Units,
};
use std::cmp::Reverse;

/// How a number is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberFormat {
    /// Before the decimals.
    pub decimal: char,
    /// Between groups of three digits; none: digits are not grouped.
    pub group: Option<char>,
    /// How a number below zero is marked.
    pub negative: Negative,
    /// Texts at either end that are no part of the number, such as a currency; longest first.
    pub strip: Vec<String>,
    /// Its unit, where it is another than the column's.
    pub units: Option<Units>,
}

impl Default for NumberFormat {
    fn default() -> Self {
        Self {
            decimal: '.',
            group: None,
            negative: Negative::Leading,
            strip: Vec::new(),
            units: None,
        }
    }
}

impl NumberFormat {
    /// Numbers are written as programs write them.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// How a number below zero is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Negative {
    /// `-5`. The others read this as well.
    Leading,
    /// `(5)`.
    Parentheses,
    /// `5-`.
    Trailing,
}

/// Keys of the watershed property of a schema object or a column that say how numbers are written.
pub(crate) const KEYS: [&str; 4] = ["decimalSeparator", "groupSeparator", "negative", "strip"];
/// Why they may not stand in a contract of JSON: `1.500` is a number there, whatever the separators.
pub(crate) const JSON_HELP: &str = "JSON has one way to write a number: remove it";
/// Longest text that is stripped, in bytes.
pub const MAX_STRIP_BYTES: usize = 20;

const NEGATIVES: [(&str, Negative); 3] = [
    ("leading", Negative::Leading),
    ("parentheses", Negative::Parentheses),
    ("trailing", Negative::Trailing),
];

/// What `custom` says, and `defaults` where it is silent.
pub(crate) fn read(custom: &Map<'_>, defaults: &NumberFormat) -> NumberFormat {
    let decimal = custom.get("decimalSeparator");
    let group = custom.get("groupSeparator");
    let own_decimal = decimal
        .as_ref()
        .map(|at| separator(at, "one character that is no part of a number: \",\""));
    let own_group = group.as_ref().map(|at| {
        if at.is_text() && at.text() == Some("none") {
            return Some(None);
        }
        separator(at, "one character that is no part of a number, or none: \".\"").map(Some)
    });
    let format = NumberFormat {
        decimal: own_decimal.flatten().unwrap_or(defaults.decimal),
        group: own_group.flatten().unwrap_or(defaults.group),
        negative: custom
            .get("negative")
            .and_then(|at| at.word(&NEGATIVES))
            .unwrap_or(defaults.negative),
        strip: custom
            .get("strip")
            .map_or_else(|| defaults.strip.clone(), |at| strip(&at)),
        units: None,
    };
    let reported = own_decimal == Some(None) || own_group == Some(None);
    if let Some(at) = group.or(decimal)
        && format.group == Some(format.decimal)
        && !reported
    {
        at.error(
            format!(
                "decimals and groups are both set off by {}",
                shown(&format.decimal.to_string())
            ),
            "write decimalSeparator and groupSeparator: two different characters, or groupSeparator: none",
        );
    }
    format
}

fn separator(at: &At<'_>, expected: &str) -> Option<char> {
    let mut chars = at.spelling()?.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if !is_of_number(c) && !c.is_alphabetic() && !matches!(c, '\r' | '\n' | '\0') => Some(c),
        _ => {
            at.wrong(expected);
            None
        }
    }
}

/// Digits and signs: taking these away would make another number.
fn is_of_number(c: char) -> bool {
    c.is_numeric() || matches!(c, '+' | '-' | '(' | ')')
}

fn strip(at: &At<'_>) -> Vec<String> {
    let items = at.list();
    if items.len() > MAX_SPELLINGS {
        at.error(
            format!("{} texts to strip", items.len()),
            format!("write at most {MAX_SPELLINGS}"),
        );
    }
    let text = |item: &At<'_>| {
        let text = item.text()?.trim();
        if text.is_empty() || text.len() > MAX_STRIP_BYTES || text.chars().any(is_of_number) {
            item.wrong(&format!(
                "a text of 1 to {MAX_STRIP_BYTES} bytes without digits and signs: \"%\""
            ));
            return None;
        }
        Some(text.to_string())
    };
    let mut texts: Vec<String> = items.iter().take(MAX_SPELLINGS).filter_map(text).collect();
    texts.sort_by_key(|text| Reverse(text.len()));
    texts
}

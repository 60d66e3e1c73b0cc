//! Typed access to the tree: every wrong type is reported where it stands, and reading goes on.

use crate::{
    diagnostic::{Report, one_of, shown},
    spot::{Spot, Word},
    yaml::{Key, Node, Position, Value},
};

/// A value of the document, its name, and the path of what it stands in.
#[derive(Clone)]
pub(crate) struct At<'a> {
    node: &'a Node<'a>,
    owner: String,
    pub(crate) name: String,
    report: &'a Report,
}

/// A mapping of the document.
#[derive(Clone)]
pub(crate) struct Map<'a> {
    pub(crate) position: Position,
    entries: &'a [(Key<'a>, Node<'a>)],
    pub(crate) path: String,
    report: &'a Report,
}

impl<'a> At<'a> {
    pub(crate) fn root(node: &'a Node<'a>, report: &'a Report) -> Self {
        Self {
            node,
            owner: String::new(),
            name: String::new(),
            report,
        }
    }

    pub(crate) fn error(&self, message: impl Into<String>, help: impl Into<String>) {
        self.report
            .add(self.node.position, &self.owner, message.into(), help.into());
    }

    /// `required is "yes": write true or false`.
    pub(crate) fn wrong(&self, expected: &str) {
        let found = match &self.node.value {
            Value::Scalar { text, plain: true } if is_null(text) => "null".into(),
            Value::Scalar { text, plain: true } if is_special(text) => text.to_string(),
            Value::Scalar { text, .. } => shown(text),
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a mapping".into(),
        };
        let name = if self.name.is_empty() {
            "the document"
        } else {
            &self.name
        };
        self.error(format!("{name} is {found}"), format!("write {expected}"));
    }

    fn path(&self) -> String {
        match (self.owner.as_str(), self.name.as_str()) {
            ("", name) => name.into(),
            (owner, "") => owner.into(),
            (owner, name) => format!("{owner}.{name}"),
        }
    }

    pub(crate) fn map(&self) -> Option<Map<'a>> {
        let Value::Map(entries) = &self.node.value else {
            self.wrong("a mapping (key: value)");
            return None;
        };
        Some(Map {
            position: self.node.position,
            entries,
            path: self.path(),
            report: self.report,
        })
    }

    /// The items, named `name[0]`, `name[1]`, …; none and a report where it is no list.
    pub(crate) fn list(&self) -> Vec<At<'a>> {
        let Value::List(items) = &self.node.value else {
            self.wrong("a list");
            return Vec::new();
        };
        let item = |(index, node)| At {
            node,
            name: format!("{}[{index}]", self.name),
            ..self.clone()
        };
        items.iter().enumerate().map(item).collect()
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    fn scalar(&self) -> Option<(&'a str, bool)> {
        match &self.node.value {
            Value::Scalar { text, plain } => Some((text, *plain)),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.scalar(), Some((text, true)) if is_null(text))
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self.scalar(), Some((text, plain)) if !(plain && is_special(text)))
    }

    /// Text: what is in quotes, or could not be a number, a truth value or null.
    pub(crate) fn text(&self) -> Option<&'a str> {
        match self.scalar() {
            Some((text, _)) if self.is_text() => Some(text),
            Some((text, _)) if !is_null(text) => {
                self.error(
                    format!("{} is {text}, which is no text in YAML", self.name),
                    format!("quote it: \"{text}\""),
                );
                None
            }
            _ => {
                self.wrong("text");
                None
            }
        }
    }

    pub(crate) fn spot(&self) -> Spot {
        Spot {
            position: self.node.position,
            path: self.owner.clone(),
        }
    }

    /// Text, and where it stands.
    pub(crate) fn spotted(&self) -> Option<Word> {
        Some(Word {
            text: self.text()?.into(),
            spot: self.spot(),
        })
    }

    /// A value as it is spelled in data: text, but also a number or a truth value as it stands.
    pub(crate) fn spelling(&self) -> Option<&'a str> {
        match self.scalar() {
            Some((text, plain)) if !(plain && is_null(text)) => Some(text),
            _ => {
                self.wrong("text, in quotes where it is empty or null");
                None
            }
        }
    }

    pub(crate) fn spellings(&self) -> Vec<&'a str> {
        self.list().iter().filter_map(At::spelling).collect()
    }

    /// The digits of a number as they are written.
    pub(crate) fn number(&self) -> Option<&'a str> {
        match self.scalar() {
            Some((text, true)) if is_number(text) => Some(text),
            _ => {
                self.wrong("a number");
                None
            }
        }
    }

    pub(crate) fn flag(&self) -> Option<bool> {
        match self.scalar() {
            Some(("true" | "True" | "TRUE", true)) => Some(true),
            Some(("false" | "False" | "FALSE", true)) => Some(false),
            _ => {
                self.wrong("true or false");
                None
            }
        }
    }

    /// An integer of at least `low` and at most `high`.
    pub(crate) fn integer(&self, low: i64, high: i64) -> Option<i64> {
        let found = self
            .scalar()
            .filter(|(_, plain)| *plain)
            .and_then(|(text, _)| text.parse().ok());
        if found.is_none_or(|n| n < low || n > high) {
            self.wrong(&format!("an integer from {low} to {high}"));
            return None;
        }
        found
    }

    /// Whether it is written just so.
    pub(crate) fn is_spelled(&self, text: &str) -> bool {
        self.scalar().is_some_and(|(spelled, _)| spelled == text)
    }

    /// One of a few words; `what` names the set in the message: `unknown logicalType "int"`.
    pub(crate) fn word<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.error(format!("unknown {} {}", self.name, shown(text)), one_of(text, &words));
        }
        found
    }
}

impl<'a> Map<'a> {
    pub(crate) fn error(&self, message: impl Into<String>, help: impl Into<String>) {
        self.report.add(self.position, &self.path, message.into(), help.into());
    }

    pub(crate) fn spot(&self) -> Spot {
        Spot {
            position: self.position,
            path: self.path.clone(),
        }
    }

    /// Every key with its text, in order; a report where one has something else.
    pub(crate) fn pairs(&self) -> Vec<(Word, Word)> {
        let pair = |(key, node): &'a (Key<'a>, Node<'a>)| {
            let at = At {
                node,
                owner: self.path.clone(),
                name: key.text.to_string(),
                report: self.report,
            };
            let spot = Spot {
                position: key.position,
                path: self.path.clone(),
            };
            let text = at.name.clone();
            Some((Word { text, spot }, at.spotted()?))
        };
        self.entries.iter().filter_map(pair).collect()
    }

    /// Whether it has no key at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Renames the place in messages: a list's item by its own name, not its number.
    pub(crate) fn called(self, path: String) -> Self {
        Self { path, ..self }
    }

    /// The value, where there is one that is not null.
    pub(crate) fn get(&self, key: &str) -> Option<At<'a>> {
        let (_, node) = self.entries.iter().find(|(k, _)| k.text == key)?;
        let at = At {
            node,
            owner: self.path.clone(),
            name: key.into(),
            report: self.report,
        };
        (!at.is_null()).then_some(at)
    }

    /// The value; a report where there is none.
    pub(crate) fn need(&self, key: &str, help: &str) -> Option<At<'a>> {
        let found = self.get(key);
        if found.is_none() {
            self.error(format!("no {key}"), help);
        }
        found
    }

    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key)?.text()
    }

    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        self.get(key)?.flag()
    }

    /// The items of a list; none where there is no such key.
    pub(crate) fn list(&self, key: &str) -> Vec<At<'a>> {
        self.get(key).map(|at| at.list()).unwrap_or_default()
    }

    /// Reports every key that is not among those.
    pub(crate) fn only(&self, known: &[&str]) {
        self.others(known, |key| format!("unknown key {key}"));
    }

    /// Reports every option that is not among those: the standard may know it, but nothing here would check it.
    pub(crate) fn only_checked(&self, known: &[&str]) {
        self.others(known, |key| format!("option {key} is not checked"));
    }

    fn others(&self, known: &[&str], message: impl Fn(&str) -> String) {
        for (key, _) in self
            .entries
            .iter()
            .filter(|(key, _)| !known.contains(&key.text.as_ref()))
        {
            self.report.add(
                key.position,
                &self.path,
                message(&shown(&key.text)),
                one_of(&key.text, known),
            );
        }
    }

    /// Reports each of these keys that stands here: `help` says why it may not.
    pub(crate) fn refuse(&self, keys: &[&str], help: &str) {
        for (key, _) in self.entries.iter().filter(|(key, _)| keys.contains(&key.text.as_ref())) {
            self.report.add(
                key.position,
                &self.path,
                format!("{} does not apply", key.text),
                help.into(),
            );
        }
    }

    /// The value of our custom property, and a report of whatever looks like it and is not.
    pub(crate) fn custom(&self) -> Option<Map<'a>> {
        let mut found: Option<Map<'a>> = None;
        for item in self.list("customProperties") {
            let Some(entry) = item.map() else { continue };
            let Some(property) = entry.get("property") else {
                continue;
            };
            match property.text() {
                Some(CUSTOM) if found.is_some() => {
                    property.error("a second custom property watershed", "join the two");
                }
                Some(CUSTOM) => {
                    let value = entry.need("value", "write value: {…} below property: watershed");
                    found = value
                        .and_then(|v| v.map())
                        .map(|map| map.called(format!("{}.{CUSTOM}", self.path)));
                }
                Some(other) if strsim::osa_distance(&bounded(other), CUSTOM) <= 2 => {
                    property.error(format!("custom property {}", shown(other)), "did you mean watershed?");
                }
                _ => {}
            }
        }
        found
    }
}

/// Name of our custom property.
const CUSTOM: &str = "watershed";

/// Lower case, and no longer than is worth comparing.
fn bounded(text: &str) -> String {
    text.chars().take(CUSTOM.len() + 3).collect::<String>().to_lowercase()
}

/// YAML 1.2.2, 10.3.2: null of the core schema.
fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// YAML 1.2.2, 10.3.2: integers and floats of the core schema, decimal only.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && digits.parse::<f64>().is_ok()
}

/// What a plain scalar is other than text.
fn is_special(text: &str) -> bool {
    is_null(text)
        || is_number(text)
        || matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
        || text
            .strip_prefix("0x")
            .is_some_and(|d| u64::from_str_radix(d, 16).is_ok())
        || text
            .strip_prefix("0o")
            .is_some_and(|d| u64::from_str_radix(d, 8).is_ok())
}

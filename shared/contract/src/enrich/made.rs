//! Columns that are made of the row's own: expressions, labels, a score.

use super::{
    Work,
    read::DeclaredColumn,
    resolve::{New, Scope},
};
use crate::{computed, diagnostic::shown, personal, spot::Word};
use watershed_expression::Expression;
use watershed_lake::{
    Column, ColumnType,
    enriched::{added, labels},
};

impl Scope<'_> {
    fn expression(&self, word: &Word) -> Option<Expression> {
        if self.unknown.iter().any(|name| word.text.contains(name)) {
            return None;
        }
        let names: Vec<(&str, ColumnType)> = self.columns.iter().map(|c| (c.name.as_str(), c.kind)).collect();
        let read = computed::read_expression(&word.text, &names, &shown(&word.text));
        read.map_err(|(message, help)| self.say(&word.spot, message, help)).ok()
    }

    fn condition(&self, word: &Word) -> Option<Expression> {
        let found = self.expression(word)?;
        let kind = found.kind();
        if kind.is_some_and(|kind| kind != ColumnType::Boolean) {
            let kind = kind.map(|kind| kind.to_string()).unwrap_or_default();
            self.say(
                &word.spot,
                format!("a condition of type {kind}"),
                "write what is true or false",
            );
            return None;
        }
        Some(found)
    }

    pub(super) fn derive(&self, columns: &[DeclaredColumn]) -> (String, Work, New) {
        let derived = columns.iter().filter_map(|it| {
            let expression = self.expression(&it.expression)?;
            let Some(kind) = expression.kind() else {
                self.say(
                    &it.expression.spot,
                    "null in every row",
                    "write cast(null as string), or remove it",
                );
                return None;
            };
            let said = it.doc.clone().unwrap_or_else(|| it.name.text.clone());
            let doc = format!("{said} [{expression}]");
            let column = Column {
                classification: self.classification(&[&expression]),
                ..added(&it.name.text, kind, &doc)
            };
            Some((expression, (it.name.clone(), column)))
        });
        let (expressions, new): (Vec<_>, Vec<_>) = derived.unzip();
        (
            label("derive", columns.first().map(|it| &it.name)),
            Work::Derive(expressions),
            new,
        )
    }

    pub(super) fn labels(&self, name: &Word, rules: &[(Word, Word)]) -> (String, Work, New) {
        let rules = rules
            .iter()
            .filter_map(|(text, condition)| Some((text.text.clone(), self.condition(condition)?)));
        let rules: Vec<(String, Expression)> = rules.collect();
        let said: Vec<String> = rules
            .iter()
            .map(|(text, condition)| format!("{text}: {condition}"))
            .collect();
        let read: Vec<&Expression> = rules.iter().map(|(_, condition)| condition).collect();
        let column = Column {
            classification: self.classification(&read),
            ..labels(&name.text, &format!("Labels [{}]", said.join("; ")))
        };
        (
            label("labels", Some(name)),
            Work::Labels(rules),
            vec![(name.clone(), column)],
        )
    }

    pub(super) fn score(&self, name: &Word, conditions: &[Word]) -> (String, Work, New) {
        let conditions: Vec<Expression> = conditions.iter().filter_map(|word| self.condition(word)).collect();
        let said: Vec<String> = conditions.iter().map(ToString::to_string).collect();
        let doc = format!("Share of conditions that hold, 0 to 1 [{}]", said.join("; "));
        let read: Vec<&Expression> = conditions.iter().collect();
        let column = Column {
            classification: self.classification(&read),
            ..added(&name.text, ColumnType::Double, &doc)
        };
        (
            label("score", Some(name)),
            Work::Score(conditions),
            vec![(name.clone(), column)],
        )
    }

    /// What is made of a personal column is personal.
    fn classification(&self, expressions: &[&Expression]) -> Option<String> {
        let read = expressions.iter().flat_map(|expression| expression.columns());
        personal_of(read.map(|column| &self.columns[column]))
    }
}

/// The classification of the first of these that is personal.
pub(super) fn personal_of<'c>(columns: impl IntoIterator<Item = &'c Column>) -> Option<String> {
    let mut words = columns.into_iter().filter_map(|column| column.classification.as_ref());
    words.find(|word| personal::is_personal_word(word)).cloned()
}

fn label(kind: &str, name: Option<&Word>) -> String {
    name.map_or_else(|| kind.into(), |name| format!("{kind} {}", name.text))
}

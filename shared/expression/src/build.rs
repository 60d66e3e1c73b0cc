//! Conditions that are not written as text.

use crate::{
    Expression, check,
    error::Mistake,
    plan::{Operation, Plan},
    set::Set,
    vector::{Data, Vector},
};
use arrow_array::StringArray;
use regex::Regex;
use std::sync::Arc;
use watershed_lake::ColumnType;

/// Of the text of an expression, none.
const NOWHERE: (u32, u32) = (0, 0);

impl Expression {
    /// `column is null`.
    pub fn is_null(index: usize, (name, kind): (&str, ColumnType)) -> Self {
        let column = Plan::new(Operation::Column(index), kind, Vec::new(), NOWHERE);
        let plan = Plan::new(Operation::IsNull, ColumnType::Boolean, vec![column], NOWHERE);
        Self::made(format!("{name} is null"), plan)
    }

    /// `column in (…)`; values as `cast` reads them from text. An error holds the value that is none of the column's type.
    pub fn is_in(index: usize, (name, kind): (&str, ColumnType), values: &[&str]) -> Result<Self, String> {
        let column = Plan::new(Operation::Column(index), kind, Vec::new(), NOWHERE);
        let mut literals = Vec::with_capacity(values.len());
        for value in values {
            let bad = |_: Mistake| (*value).to_string();
            literals.push(check::convert(text(value), kind).map_err(bad)?);
        }
        let vectors: Vec<&Vector> = literals
            .iter()
            .filter_map(|literal| match &literal.operation {
                Operation::Literal(value) => Some(value),
                _ => None,
            })
            .collect();
        let plan = match Set::new(&vectors) {
            Some(set) => Plan::new(Operation::InSet(set), ColumnType::Boolean, vec![column], NOWHERE),
            None => check::any_of(&column, literals, NOWHERE).map_err(|mistake| mistake.message)?,
        };
        Ok(Self::made(format!("{name} in (…)"), plan))
    }

    /// True where the pattern is found in the column, which is of strings.
    pub fn matches(index: usize, name: &str, pattern: Regex) -> Self {
        let column = Plan::new(Operation::Column(index), ColumnType::String, Vec::new(), NOWHERE);
        let text = format!("regexp_like({name}, '{pattern}')");
        let plan = Plan::new(Operation::Matches(pattern), ColumnType::Boolean, vec![column], NOWHERE);
        Self::made(text, plan)
    }

    /// Of two conditions over the same columns.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let text = format!("{} or {}", self.text, other.text);
        let both = vec![Plan::clone(&self.plan), Plan::clone(&other.plan)];
        let plan = Plan::new(Operation::Or, ColumnType::Boolean, both, NOWHERE);
        Self::made(text, plan)
    }

    /// Of two conditions over the same columns.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let text = format!("{} and {}", self.text, other.text);
        let both = vec![Plan::clone(&self.plan), Plan::clone(&other.plan)];
        let plan = Plan::new(Operation::And, ColumnType::Boolean, both, NOWHERE);
        Self::made(text, plan)
    }

    fn made(text: String, plan: Plan) -> Self {
        Self {
            text: text.into(),
            plan: Arc::new(plan),
        }
    }
}

fn text(value: &str) -> Plan {
    let value = Vector::constant(Data::Texts(StringArray::from(vec![value])));
    Plan::literal(value, Some(ColumnType::String), NOWHERE)
}

//! Expressions: a subset of SQL's, parsed once, checked once against the columns and their types, worked out over Arrow columns a
//! batch at a time. Pure, and knows nothing of contracts.
//!
//! | | |
//! |---|---|
//! | values | `12` int or long, `1.50` decimal, `1e3` double, `'text'` (`''` is one quote), `true`, `false`, `null`, `date '2013-12-31'`, `time '23:59:59'`, `timestamp '2013-12-31 23:59:59'`, `timestamptz '2013-12-31T23:59:59Z'` |
//! | columns | by name; in double quotes where the name is a keyword: `"end"` |
//! | operators, weakest first | `or`; `and`; `not`; `= <> != < <= > >= is [not] null, [not] in (…), [not] between … and …, [not] like '…'`; `\|\|`; `+ -`; `* / %`; `-x`; `x at time zone '…'` |
//! | choice | `case [x] when … then … else … end`, `coalesce`, `nullif` |
//! | texts | `upper lower trim ltrim rtrim length substring left right lpad rpad replace split_part starts_with ends_with contains concat regexp_like regexp_extract regexp_replace` |
//! | numbers | `abs round floor ceil div mod` |
//! | time | `extract(year from x)`, `date_trunc('month', x)`, `x + interval '3 days'`, `make_date(y, m, d)`, `date - date` (days) |
//! | types | `cast(x as T)`, `try_cast(x as T)` (null where it fails) |
//!
//! Null is SQL's: three-valued logic, and null where an argument is null. Where a row's value cannot be worked out (overflow, division
//! by zero, a cast that fails), that row *fails*: it has a failure in place of a value, and so has what is made of it. But `and`, `or`,
//! `case` and `coalesce` that do not need it do not fail: `case when b <> 0 then a / b end`.
//!
//! Nothing is rounded unless it says so. `a / b` of integers and decimals is a decimal of six decimals or more, exact or failed;
//! `round(a / b, 2)` divides and rounds, half away from zero; `div(a, b)` is the whole part. Doubles are as near as doubles are.

mod arithmetic;
mod build;
mod check;
mod convert;
mod decimal;
mod error;
mod evaluate;
mod functions;
mod lexer;
mod like;
mod output;
mod parser;
mod plan;
mod set;
mod syntax;
mod temporal;
mod text;
mod units;
mod vector;

pub use error::ExpressionError;

use crate::{
    error::{Mistake, shown},
    plan::Plan,
};
use arrow_array::ArrayRef;
use std::{fmt, sync::Arc};
use watershed_lake::ColumnType;

/// Limits on what an expression may hold.
pub mod limits {
    pub use crate::{
        check::MAX_COMPILED_BYTES,
        parser::{MAX_DEPTH, MAX_EXPRESSION_BYTES, MAX_ITEMS},
        vector::MAX_TEXT_BYTES,
    };
}

/// An expression over columns that have those names and types: it can be worked out for any batch of them.
#[derive(Clone)]
pub struct Expression {
    text: Arc<str>,
    plan: Arc<Plan>,
}

/// What came of a batch.
#[derive(Debug)]
pub struct Evaluated {
    /// A value or null a row; null in rows that failed.
    pub values: ArrayRef,
    /// Rows that failed, in their order.
    pub failures: Vec<RowFailure>,
}

/// A row for which the expression could not be worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFailure {
    /// Row of the batch.
    pub row: u32,
    /// The part of the expression that failed, and why; it holds no value of the row.
    pub message: String,
}

impl Expression {
    /// Of text, over these columns: name and type.
    pub fn new(text: &str, columns: &[(&str, ColumnType)]) -> Result<Self, ExpressionError> {
        let plan = parser::parse(text).and_then(|syntax| check::check(&syntax, columns));
        Ok(Self {
            plan: Arc::new(plan.map_err(|mistake| mistake.in_text(text))?),
            text: text.into(),
        })
    }

    /// The text, printed from what was read of it.
    pub fn printed(text: &str) -> Result<String, ExpressionError> {
        let syntax = parser::parse(text).map_err(|mistake| mistake.in_text(text))?;
        Ok(syntax.to_string())
    }

    /// The type of its values; none: it is null for every row.
    pub fn kind(&self) -> Option<ColumnType> {
        self.plan.kind
    }

    /// Indexes of the columns that it reads.
    pub fn columns(&self) -> Vec<usize> {
        let mut found = Vec::new();
        self.plan.columns(&mut found);
        found
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same values as a type that holds all of them; an error where that would lose something.
    pub fn assigned_to(self, kind: ColumnType) -> Result<Self, ExpressionError> {
        match self.plan.kind {
            Some(found) if !check::holds(kind, found) => {
                let message = format!("a {found}, where a {kind} is wanted");
                let help = if convert::is_possible(found, kind) {
                    format!("write cast(… as {kind}), or another type for the column")
                } else {
                    format!("write an expression of type {kind}")
                };
                Err(Mistake::new(0, message, help).in_text(&self.text))
            }
            _ => {
                let plan = check::convert(Plan::clone(&self.plan), kind);
                let plan = Arc::new(plan.map_err(|mistake| mistake.in_text(&self.text))?);
                Ok(Self { plan, ..self })
            }
        }
    }

    /// The values for `rows` rows of the columns, which have the types that they were said to have, in that order.
    pub fn evaluate(&self, columns: &[ArrayRef], rows: usize) -> Evaluated {
        let vector = evaluate::evaluate(&self.plan, columns, rows);
        let failures = vector.failures().iter().map(|(row, failure)| RowFailure {
            row: *row,
            message: failure.message(&self.text),
        });
        let failures = failures.collect();
        Evaluated {
            values: vector.into_array(self.plan.kind.unwrap_or(ColumnType::Boolean), rows),
            failures,
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({})", shown(&self.text))
    }
}

impl fmt::Display for Expression {
    /// As it was written, on one line, cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.text))
    }
}

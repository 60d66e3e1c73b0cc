//! An expression whose names and types are known: what is worked out, part by part.

use crate::{error::Span, functions::Function, like::Like, set::Set, syntax::OnFailure, units::Unit, vector::Vector};
use regex::Regex;
use watershed_lake::ColumnType;

/// A part of an expression. What an operation takes for granted of its arguments' types, the checker has made true.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) operation: Operation,
    /// None: null, of any type.
    pub(crate) kind: Option<ColumnType>,
    pub(crate) arguments: Vec<Plan>,
    pub(crate) span: Span,
}

/// What is done with the arguments.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    /// By its index.
    Column(usize),
    Literal(Vector),
    Not,
    And,
    Or,
    IsNull,
    Compare(Comparison),
    Calculate(Calculation),
    /// The quotient of two exact numbers, rounded to the decimals of the type, half away from zero.
    DivideRounded,
    /// Condition, value, condition, value, …, value.
    Case,
    Coalesce,
    InSet(Set),
    Like(Like),
    Matches(Regex),
    Replace(Regex, String),
    /// The text of a group; null where there is no match.
    Group(Regex, usize),
    /// To the type.
    Convert(OnFailure),
    Call(Function),
    Extract(Unit),
    Truncate(Unit),
    /// So many units later.
    Shift(i64, Unit),
    /// Between local time and an instant.
    AtZone(chrono_tz::Tz),
}

/// Of two values of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// With two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Calculation {
    Add,
    Subtract,
    Multiply,
    Divide,
    /// The whole part of the quotient.
    Quotient,
    Remainder,
}

impl Plan {
    pub(crate) fn new(operation: Operation, kind: ColumnType, arguments: Vec<Plan>, span: Span) -> Self {
        Self {
            operation,
            kind: Some(kind),
            arguments,
            span,
        }
    }

    pub(crate) fn literal(value: Vector, kind: Option<ColumnType>, span: Span) -> Self {
        Self {
            operation: Operation::Literal(value),
            kind,
            arguments: Vec::new(),
            span,
        }
    }

    pub(crate) fn is_literal(&self) -> bool {
        matches!(self.operation, Operation::Literal(_))
    }

    /// Digits after the point of an exact number.
    pub(crate) fn scale(&self) -> u8 {
        match self.kind {
            Some(ColumnType::Decimal { scale, .. }) => scale,
            _ => 0,
        }
    }

    /// The indexes of the columns that it reads.
    pub(crate) fn columns(&self, found: &mut Vec<usize>) {
        if let Operation::Column(index) = self.operation
            && !found.contains(&index)
        {
            found.push(index);
        }
        for argument in &self.arguments {
            argument.columns(found);
        }
    }
}

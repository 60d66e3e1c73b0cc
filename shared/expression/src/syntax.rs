//! An expression as it is written, before names and types are looked at; and printed again.

use crate::{error::Span, units::Unit};
use std::fmt;
use watershed_lake::{ColumnType, table::is_identifier};

/// Words that are no column's name unless in double quotes.
pub(crate) const RESERVED: [&str; 21] = [
    "and", "as", "between", "case", "cast", "else", "end", "extract", "false", "from", "in", "is", "like", "not",
    "null", "or", "then", "true", "try_cast", "when", "interval",
];

/// A node of the expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub(crate) node: Node,
    pub(crate) span: Span,
    /// Nodes from here to the deepest leaf, this one among them.
    pub(crate) depth: usize,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Column(String),
    Null,
    Boolean(bool),
    /// Digits as they are written.
    Number(String),
    Text(String),
    /// `date '2013-01-01'`.
    Temporal(ColumnType, String),
    /// `interval '3 day'`.
    Interval(i64, Unit),
    Not(Box<Syntax>),
    Negate(Box<Syntax>),
    Binary(Operator, Box<Syntax>, Box<Syntax>),
    IsNull(Box<Syntax>, Negated),
    In(Box<Syntax>, Vec<Syntax>, Negated),
    Between(Box<[Syntax; 3]>, Negated),
    Like(Box<Syntax>, String, Negated),
    /// Operand, arms, else.
    Case(Option<Box<Syntax>>, Vec<(Syntax, Syntax)>, Option<Box<Syntax>>),
    Cast(Box<Syntax>, ColumnType, OnFailure),
    Extract(Unit, Box<Syntax>),
    /// `x at time zone 'Europe/Paris'`.
    AtZone(Box<Syntax>, String),
    Call(String, Vec<Syntax>),
}

/// `not` before `in`, `like`, `between`, or within `is not null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Negated {
    No,
    Yes,
}

/// `cast` or `try_cast`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnFailure {
    Fail,
    Null,
}

/// Between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Join,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    pub(crate) const ALL: [(&'static str, Self); 15] = [
        ("or", Self::Or),
        ("and", Self::And),
        ("=", Self::Equal),
        ("<>", Self::NotEqual),
        ("!=", Self::NotEqual),
        ("<", Self::Less),
        ("<=", Self::LessOrEqual),
        (">", Self::Greater),
        (">=", Self::GreaterOrEqual),
        ("||", Self::Join),
        ("+", Self::Add),
        ("-", Self::Subtract),
        ("*", Self::Multiply),
        ("/", Self::Divide),
        ("%", Self::Remainder),
    ];

    /// How tightly it binds; the left of two alike comes first.
    pub(crate) fn power(self) -> u8 {
        match self {
            Self::Or => power::OR,
            Self::And => power::AND,
            Self::Join => power::JOIN,
            Self::Add | Self::Subtract => power::SUM,
            Self::Multiply | Self::Divide | Self::Remainder => power::PRODUCT,
            _ => power::COMPARISON,
        }
    }

    pub(crate) fn sign(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, operator)| *operator == self)
            .map_or("", |(sign, _)| sign)
    }
}

/// How tightly operators bind.
pub(crate) mod power {
    pub(crate) const LOWEST: u8 = 0;
    pub(crate) const OR: u8 = 1;
    pub(crate) const AND: u8 = 2;
    pub(crate) const NOT: u8 = 3;
    pub(crate) const COMPARISON: u8 = 4;
    pub(crate) const JOIN: u8 = 5;
    pub(crate) const SUM: u8 = 6;
    pub(crate) const PRODUCT: u8 = 7;
    pub(crate) const MINUS: u8 = 8;
    pub(crate) const ZONE: u8 = 9;
    pub(crate) const ATOM: u8 = 10;
}

impl Syntax {
    fn power(&self) -> u8 {
        match &self.node {
            Node::Binary(operator, ..) => operator.power(),
            Node::Not(_) => power::NOT,
            Node::IsNull(..) | Node::In(..) | Node::Between(..) | Node::Like(..) => power::COMPARISON,
            Node::Negate(_) => power::MINUS,
            Node::AtZone(..) => power::ZONE,
            _ => power::ATOM,
        }
    }

    /// Calls `take` with every child.
    pub(crate) fn each<'s>(&'s self, take: &mut dyn FnMut(&'s Syntax)) {
        match &self.node {
            Node::Not(of) | Node::Negate(of) | Node::IsNull(of, _) | Node::Like(of, ..) => take(of),
            Node::Cast(of, ..) | Node::Extract(_, of) | Node::AtZone(of, _) => take(of),
            Node::Binary(_, left, right) => {
                take(left);
                take(right);
            }
            Node::In(of, list, _) => {
                take(of);
                list.iter().for_each(take);
            }
            Node::Between(all, _) => all.iter().for_each(take),
            Node::Call(_, arguments) => arguments.iter().for_each(take),
            Node::Case(operand, arms, otherwise) => {
                if let Some(operand) = operand {
                    take(operand);
                }
                for (when, then) in arms {
                    take(when);
                    take(then);
                }
                if let Some(otherwise) = otherwise {
                    take(otherwise);
                }
            }
            Node::Column(_) | Node::Null | Node::Boolean(_) | Node::Number(_) | Node::Text(_) => {}
            Node::Temporal(..) | Node::Interval(..) => {}
        }
    }
}

/// Prints `of` so that it stands as an operand of something that binds as tightly as `least`.
fn operand(f: &mut fmt::Formatter<'_>, of: &Syntax, least: u8) -> fmt::Result {
    if of.power() < least {
        write!(f, "({of})")
    } else {
        write!(f, "{of}")
    }
}

fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn list(f: &mut fmt::Formatter<'_>, items: &[Syntax]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        write!(f, "{comma}{item}")?;
    }
    f.write_str(")")
}

impl fmt::Display for Syntax {
    /// Text that is read as the same expression.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = |negated: &Negated| if *negated == Negated::Yes { "not " } else { "" };
        match &self.node {
            Node::Column(name) if is_identifier(name) && !RESERVED.contains(&name.as_str()) => f.write_str(name),
            Node::Column(name) => write!(f, "\"{}\"", name.replace('"', "\"\"")),
            Node::Null => f.write_str("null"),
            Node::Boolean(value) => write!(f, "{value}"),
            Node::Number(digits) => f.write_str(digits),
            Node::Text(value) => f.write_str(&text(value)),
            Node::Temporal(kind, value) => write!(f, "{kind} {}", text(value)),
            Node::Interval(count, unit) => write!(f, "interval '{count} {unit}'"),
            Node::Not(of) => {
                f.write_str("not ")?;
                operand(f, of, power::NOT)
            }
            Node::Negate(of) => {
                f.write_str("-")?;
                operand(f, of, power::MINUS)
            }
            Node::Binary(operator, left, right) => {
                operand(f, left, operator.power())?;
                write!(f, " {} ", operator.sign())?;
                operand(f, right, operator.power() + 1)
            }
            Node::IsNull(of, negated) => {
                operand(f, of, power::COMPARISON)?;
                write!(f, " is {}null", not(negated))
            }
            Node::In(of, items, negated) => {
                operand(f, of, power::COMPARISON)?;
                write!(f, " {}in (", not(negated))?;
                list(f, items)
            }
            Node::Between(all, negated) => {
                let [of, low, high] = &**all;
                operand(f, of, power::COMPARISON)?;
                write!(f, " {}between ", not(negated))?;
                operand(f, low, power::COMPARISON + 1)?;
                f.write_str(" and ")?;
                operand(f, high, power::COMPARISON + 1)
            }
            Node::Like(of, pattern, negated) => {
                operand(f, of, power::COMPARISON)?;
                write!(f, " {}like {}", not(negated), text(pattern))
            }
            Node::Case(of, arms, otherwise) => case(f, of.as_deref(), arms, otherwise.as_deref()),
            Node::Cast(of, kind, OnFailure::Fail) => write!(f, "cast({of} as {kind})"),
            Node::Cast(of, kind, OnFailure::Null) => write!(f, "try_cast({of} as {kind})"),
            Node::Extract(unit, of) => write!(f, "extract({unit} from {of})"),
            Node::AtZone(of, zone) => {
                operand(f, of, power::ZONE)?;
                write!(f, " at time zone {}", text(zone))
            }
            Node::Call(name, arguments) => {
                write!(f, "{name}(")?;
                list(f, arguments)
            }
        }
    }
}

fn case(
    f: &mut fmt::Formatter<'_>,
    of: Option<&Syntax>,
    arms: &[(Syntax, Syntax)],
    otherwise: Option<&Syntax>,
) -> fmt::Result {
    f.write_str("case")?;
    if let Some(of) = of {
        write!(f, " {of}")?;
    }
    for (when, then) in arms {
        write!(f, " when {when} then {then}")?;
    }
    if let Some(otherwise) = otherwise {
        write!(f, " else {otherwise}")?;
    }
    f.write_str(" end")
}

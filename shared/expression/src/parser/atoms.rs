//! What stands between operators: names, literals, calls, parentheses.

use super::{MAX_ITEMS, Parser};
use crate::{
    error::{Mistake, one_of, shown},
    lexer::Token,
    syntax::{Node, OnFailure, RESERVED, Syntax, power},
    units::Unit,
};
use watershed_lake::ColumnType;

/// Words before a text in quotes that make it a literal of that type.
const TEMPORAL: [(&str, ColumnType); 4] = [
    ("date", ColumnType::Date),
    ("time", ColumnType::Time),
    ("timestamp", ColumnType::Timestamp),
    ("timestamptz", ColumnType::TimestampTz),
];

/// Names of types in `cast`, but for `decimal(p,s)`.
const TYPES: [(&str, ColumnType); 15] = [
    ("boolean", ColumnType::Boolean),
    ("int", ColumnType::Int),
    ("integer", ColumnType::Int),
    ("bigint", ColumnType::Long),
    ("long", ColumnType::Long),
    ("float", ColumnType::Float),
    ("real", ColumnType::Float),
    ("double", ColumnType::Double),
    ("date", ColumnType::Date),
    ("time", ColumnType::Time),
    ("timestamp", ColumnType::Timestamp),
    ("timestamptz", ColumnType::TimestampTz),
    ("string", ColumnType::String),
    ("text", ColumnType::String),
    ("varchar", ColumnType::String),
];
/// Most digits of a decimal.
const MAX_PRECISION: u8 = 38;

impl Parser<'_> {
    pub(super) fn atom(&mut self) -> Result<Syntax, Mistake> {
        const WANTED: &str = "a column, a value, a function or (";
        let start = self.start();
        let node = match self.peek().clone() {
            Token::Number(digits) => self.taken(Node::Number(digits)),
            Token::Text(text) => self.taken(Node::Text(text)),
            Token::Quoted(name) => self.taken(Node::Column(name)),
            Token::Sign("(") => {
                self.next += 1;
                let inner = self.expression(power::LOWEST)?;
                self.need_sign(")")?;
                return Ok(inner);
            }
            Token::Word(word) => self.word(word)?,
            _ => return Err(self.unexpected(WANTED)),
        };
        self.node(start, node)
    }

    fn taken(&mut self, node: Node) -> Node {
        self.next += 1;
        node
    }

    /// What begins with a word.
    fn word(&mut self, word: String) -> Result<Node, Mistake> {
        let behind = self.tokens[self.next + 1].token.clone();
        if let (Some((_, kind)), Token::Text(text)) = (TEMPORAL.iter().find(|(name, _)| *name == word), &behind) {
            self.next += 2;
            return Ok(Node::Temporal(*kind, text.clone()));
        }
        match word.as_str() {
            "null" => Ok(self.taken(Node::Null)),
            "true" => Ok(self.taken(Node::Boolean(true))),
            "false" => Ok(self.taken(Node::Boolean(false))),
            "case" => self.case(),
            "cast" => self.cast(OnFailure::Fail),
            "try_cast" => self.cast(OnFailure::Null),
            "extract" => self.extract(),
            "interval" => self.interval(),
            reserved if RESERVED.contains(&reserved) => Err(self.unexpected("a column, a value or a function")),
            _ if behind == Token::Sign("(") => {
                self.next += 2;
                let arguments = if self.take_sign(")") { Vec::new() } else { self.items()? };
                Ok(Node::Call(word, arguments))
            }
            _ => Ok(self.taken(Node::Column(word))),
        }
    }

    fn case(&mut self) -> Result<Node, Mistake> {
        let start = self.start();
        self.next += 1;
        let operand = match self.peek() {
            Token::Word(word) if word == "when" => None,
            _ => Some(Box::new(self.expression(power::LOWEST)?)),
        };
        let mut arms = Vec::new();
        while self.take_word("when") {
            let when = self.expression(power::LOWEST)?;
            self.need_word("then")?;
            arms.push((when, self.expression(power::LOWEST)?));
        }
        if arms.is_empty() {
            return Err(self.unexpected("when"));
        }
        if arms.len() > MAX_ITEMS {
            return Err(Mistake::new(
                start,
                format!("{} arms", arms.len()),
                format!("write at most {MAX_ITEMS}"),
            ));
        }
        let otherwise = if self.take_word("else") {
            Some(Box::new(self.expression(power::LOWEST)?))
        } else {
            None
        };
        self.need_word("end")?;
        Ok(Node::Case(operand, arms, otherwise))
    }

    fn cast(&mut self, failure: OnFailure) -> Result<Node, Mistake> {
        self.next += 1;
        self.need_sign("(")?;
        let of = Box::new(self.expression(power::LOWEST)?);
        self.need_word("as")?;
        let kind = self.kind()?;
        self.need_sign(")")?;
        Ok(Node::Cast(of, kind, failure))
    }

    fn kind(&mut self) -> Result<ColumnType, Mistake> {
        let start = self.start();
        let Token::Word(word) = self.peek().clone() else {
            return Err(self.unexpected("a type"));
        };
        self.next += 1;
        if word == "decimal" || word == "numeric" {
            return self.decimal(start);
        }
        let found = TYPES.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind);
        found.ok_or_else(|| {
            let mut names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
            names.push("decimal(p,s)");
            Mistake::new(start, format!("unknown type {}", shown(&word)), one_of(&word, &names))
        })
    }

    fn decimal(&mut self, start: u32) -> Result<ColumnType, Mistake> {
        self.need_sign("(")?;
        let precision = self.digits()?;
        self.need_sign(",")?;
        let scale = self.digits()?;
        self.need_sign(")")?;
        match (precision, scale) {
            (Some(precision @ 1..=MAX_PRECISION), Some(scale)) if scale <= precision => {
                Ok(ColumnType::Decimal { precision, scale })
            }
            _ => Err(Mistake::new(
                start,
                "a decimal that there is not",
                format!("write decimal(p,s): p digits in all, 1 to {MAX_PRECISION}, of which s decimals"),
            )),
        }
    }

    /// A small number; none where it is none.
    fn digits(&mut self) -> Result<Option<u8>, Mistake> {
        let Token::Number(digits) = self.peek().clone() else {
            return Err(self.unexpected("a number of digits"));
        };
        self.next += 1;
        Ok(digits.parse().ok())
    }

    fn extract(&mut self) -> Result<Node, Mistake> {
        self.next += 1;
        self.need_sign("(")?;
        let start = self.start();
        let Token::Word(word) = self.peek().clone() else {
            return Err(self.unexpected("what to extract: year, month, …"));
        };
        let Some(unit) = Unit::named(&word) else {
            let message = format!("{} cannot be extracted", shown(&word));
            return Err(Mistake::new(start, message, one_of(&word, &Unit::names(true))));
        };
        self.next += 1;
        self.need_word("from")?;
        let of = Box::new(self.expression(power::LOWEST)?);
        self.need_sign(")")?;
        Ok(Node::Extract(unit, of))
    }

    /// `interval '3 days'`, or `interval '3' day`.
    fn interval(&mut self) -> Result<Node, Mistake> {
        self.next += 1;
        let start = self.start();
        let text = self.need_text("a span of time in quotes: '3 days'")?;
        let (count, unit) = match text.trim().split_once(' ') {
            Some((count, unit)) => (count.to_string(), unit.trim().to_lowercase()),
            None => match self.peek().clone() {
                Token::Word(unit) => {
                    self.next += 1;
                    (text.trim().to_string(), unit)
                }
                _ => (text, String::new()),
            },
        };
        let unit = Unit::named(&unit).filter(|unit| unit.is_span());
        match (count.parse(), unit) {
            (Ok(count), Some(unit)) => Ok(Node::Interval(count, unit)),
            _ => Err(Mistake::new(
                start,
                "a span of time that there is not",
                format!("write a number and one of {}: '3 day'", Unit::names(false).join(", ")),
            )),
        }
    }
}

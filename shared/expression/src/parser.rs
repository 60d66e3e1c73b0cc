//! Tokens to syntax: Pratt's operator precedence ("Top Down Operator Precedence", 1973).

mod atoms;

use crate::{
    error::{Mistake, Span, shown},
    lexer::{Placed, Token, tokens},
    syntax::{Negated, Node, Operator, RESERVED, Syntax, power},
};

/// Longest expression, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 8_192;
/// Deepest nesting of an expression's parts; a chain of operators nests to its left.
pub const MAX_DEPTH: usize = 100;
/// Most arguments of a function, values of a list, arms of a `case`.
pub const MAX_ITEMS: usize = 1_000;

/// What `text` says.
pub(crate) fn parse(text: &str) -> Result<Syntax, Mistake> {
    if text.len() > MAX_EXPRESSION_BYTES {
        return Err(Mistake::new(
            0,
            format!("an expression of {} bytes", text.len()),
            format!("write at most {MAX_EXPRESSION_BYTES}, or several columns"),
        ));
    }
    let mut parser = Parser {
        text,
        tokens: tokens(text)?,
        next: 0,
        open: 0,
    };
    let found = parser.expression(power::LOWEST)?;
    match parser.peek() {
        Token::End => Ok(found),
        _ => Err(parser.unexpected("an operator, or the end")),
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Placed>,
    next: usize,
    /// Calls of [`Parser::expression`] that are not done.
    open: usize,
}

impl Parser<'_> {
    /// An expression of operators that bind more tightly than `least`, or as tightly.
    fn expression(&mut self, least: u8) -> Result<Syntax, Mistake> {
        self.open += 1;
        // Parentheses add to what is open, not to the depth of what comes of it: twice as many may be.
        if self.open > 2 * MAX_DEPTH {
            return Err(too_deep(self.start()));
        }
        let mut left = self.prefix()?;
        loop {
            left = match self.infix(left, least)? {
                Grown::More(more) => more,
                Grown::Done(done) => {
                    self.open -= 1;
                    return Ok(done);
                }
            };
        }
    }

    fn prefix(&mut self) -> Result<Syntax, Mistake> {
        let start = self.start();
        if self.take_word("not") {
            let of = Box::new(self.expression(power::NOT)?);
            return self.node(start, Node::Not(of));
        }
        if self.take_sign("-") {
            let of = Box::new(self.expression(power::MINUS)?);
            return self.node(start, Node::Negate(of));
        }
        self.atom()
    }

    /// `left` with the operator behind it and what that takes, if it binds tightly enough.
    fn infix(&mut self, left: Syntax, least: u8) -> Result<Grown, Mistake> {
        let start = left.span.0;
        let operator = match self.peek() {
            Token::Sign(sign) => named(sign),
            Token::Word(word) => named(word),
            _ => None,
        };
        if let Some(operator) = operator {
            if operator.power() < least {
                return Ok(Grown::Done(left));
            }
            self.next += 1;
            let right = self.expression(operator.power() + 1)?;
            let node = Node::Binary(operator, Box::new(left), Box::new(right));
            return self.node(start, node).map(Grown::More);
        }
        let Token::Word(word) = self.peek() else {
            return Ok(Grown::Done(left));
        };
        match word.as_str() {
            "at" if least <= power::ZONE => {
                self.next += 1;
                self.need_word("time")?;
                self.need_word("zone")?;
                let zone = self.need_text("the name of a zone: 'Europe/Paris'")?;
                self.node(start, Node::AtZone(Box::new(left), zone)).map(Grown::More)
            }
            "is" | "not" | "in" | "between" | "like" if least <= power::COMPARISON => {
                let node = self.test(left)?;
                self.node(start, node).map(Grown::More)
            }
            _ => Ok(Grown::Done(left)),
        }
    }

    /// `is [not] null`, `[not] in (…)`, `[not] between … and …`, `[not] like '…'`.
    fn test(&mut self, left: Syntax) -> Result<Node, Mistake> {
        let left = Box::new(left);
        if self.take_word("is") {
            let negated = self.negated();
            self.need_word("null")?;
            return Ok(Node::IsNull(left, negated));
        }
        let negated = self.negated();
        if self.take_word("in") {
            self.need_sign("(")?;
            return Ok(Node::In(left, self.items()?, negated));
        }
        if self.take_word("between") {
            let low = self.expression(power::COMPARISON + 1)?;
            self.need_word("and")?;
            let high = self.expression(power::COMPARISON + 1)?;
            return Ok(Node::Between(Box::new([*left, low, high]), negated));
        }
        if self.take_word("like") {
            let pattern = self.need_text("a pattern in quotes: 'EWR%'")?;
            return Ok(Node::Like(left, pattern, negated));
        }
        Err(self.unexpected("in, between or like"))
    }

    fn negated(&mut self) -> Negated {
        if self.take_word("not") {
            Negated::Yes
        } else {
            Negated::No
        }
    }

    /// One or more expressions up to the closing parenthesis.
    fn items(&mut self) -> Result<Vec<Syntax>, Mistake> {
        let start = self.start();
        let mut items = vec![self.expression(power::LOWEST)?];
        while self.take_sign(",") {
            items.push(self.expression(power::LOWEST)?);
        }
        self.need_sign(")")?;
        if items.len() > MAX_ITEMS {
            return Err(Mistake::new(
                start,
                format!("{} values", items.len()),
                format!("write at most {MAX_ITEMS}"),
            ));
        }
        Ok(items)
    }

    /// The node that began at `start` and ends before the next token.
    fn node(&self, start: u32, node: Node) -> Result<Syntax, Mistake> {
        let end = self.tokens[self.next.saturating_sub(1)].end;
        let span: Span = (start, end.max(start));
        let mut syntax = Syntax { node, span, depth: 1 };
        let mut deepest = 0;
        syntax.each(&mut |child| deepest = deepest.max(child.depth));
        syntax.depth += deepest;
        if syntax.depth > MAX_DEPTH {
            return Err(too_deep(start));
        }
        Ok(syntax)
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.next].token
    }

    fn start(&self) -> u32 {
        self.tokens[self.next].start
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(found) if *found == sign);
        self.next += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(found) if found == word);
        self.next += usize::from(found);
        found
    }

    fn need_sign(&mut self, sign: &str) -> Result<(), Mistake> {
        if self.take_sign(sign) {
            return Ok(());
        }
        Err(self.unexpected(sign))
    }

    fn need_word(&mut self, word: &str) -> Result<(), Mistake> {
        if self.take_word(word) {
            return Ok(());
        }
        Err(self.unexpected(word))
    }

    fn need_text(&mut self, what: &str) -> Result<String, Mistake> {
        if let Token::Text(text) = self.peek() {
            let text = text.clone();
            self.next += 1;
            return Ok(text);
        }
        Err(self.unexpected(what))
    }

    /// What stands here is not what should.
    fn unexpected(&self, wanted: &str) -> Mistake {
        let Placed { token, start, end } = &self.tokens[self.next];
        let (found, help) = match token {
            Token::End => (
                "the expression ends too early".to_string(),
                format!("write {wanted} here"),
            ),
            Token::Word(word) if RESERVED.contains(&word.as_str()) => (
                format!("the keyword {word} is not expected here"),
                format!("write {wanted}; a column of that name in double quotes: \"{word}\""),
            ),
            _ => {
                let text = shown(&self.text[*start as usize..*end as usize]);
                (format!("{text} is not expected here"), format!("write {wanted} here"))
            }
        };
        Mistake::new(*start, found, help)
    }
}

/// What came of looking for an operator behind an operand.
enum Grown {
    More(Syntax),
    Done(Syntax),
}

fn named(sign: &str) -> Option<Operator> {
    Operator::ALL
        .iter()
        .find(|(name, _)| *name == sign)
        .map(|(_, operator)| *operator)
}

fn too_deep(at: u32) -> Mistake {
    Mistake::new(
        at,
        "nested too deep",
        format!("nest at most {MAX_DEPTH} levels, a chain of operators among them, or write in (…)"),
    )
}

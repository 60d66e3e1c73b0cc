//! A query in the SQL of Trino, which Athena runs, over exactly the states of tables that it was planned over. Pure.
//!
//! Not the parsed statement is written, but its tokens, each quoted by the one rule that both engines have: what the parser prints leaves
//! backslashes and doubled quotes of a text as they are, and so could end it elsewhere than it was read. In place of each table stands a
//! subquery of the columns that the caller may see, of the snapshot that was looked at (Amazon Athena User Guide, "Perform time travel and
//! version travel queries"); so no other column or state can be named, whatever the text says. What Athena has no word for is refused with its
//! place; functions that it does not have it tells itself, and [`Trino::place`] finds where that stands in the caller's text.

use crate::{Place, Query, Reference, SqlError, text::place};
use datafusion::sql::{
    parser::Statement as Parsed,
    sqlparser::{
        ast::{ObjectName, Statement, TableFactor, Visit, Visitor},
        keywords::Keyword,
        tokenizer::{Location, Token, TokenWithSpan},
    },
};
use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
};

/// Longest text of a query, in bytes (Amazon Athena User Guide, "Service Quotas").
pub const MAX_BYTES: usize = 262_144;

/// The state of a table that a query shall read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// Its snapshot; none: it never had a row.
    pub snapshot: Option<i64>,
    /// The columns that may be read.
    pub columns: Vec<String>,
}

/// A query in Trino's SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trino {
    /// Its text, on the same lines as the caller's.
    pub sql: String,
    /// Where columns of its lines begin to be others than the caller's.
    pub shifts: Vec<Shift>,
}

/// From this column of a line on the text stood elsewhere, up to the next shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// From 1.
    pub line: u64,
    /// In Trino's text, from 1.
    pub column: u64,
    /// In the caller's text.
    pub stood: u64,
}

impl Trino {
    /// Where in the caller's text that stands which stands here in Trino's.
    pub fn place(shifts: &[Shift], line: u64, column: u64) -> Place {
        let before = |shift: &&Shift| shift.line == line && shift.column <= column;
        let column = match shifts.iter().rev().find(before) {
            Some(shift) => shift.stood + (column - shift.column),
            None => column,
        };
        Place { line, column }
    }
}

impl Query {
    /// The query over those states: one for each table that it names.
    ///
    /// Errors: what cannot be said in Trino's SQL.
    pub fn to_trino(&self, states: &BTreeMap<Reference, Pinned>) -> Result<Trino, SqlError> {
        let Parsed::Statement(statement) = &self.statement else {
            return Err(SqlError::invalid("only SELECT is done by Athena"));
        };
        if matches!(**statement, Statement::Explain { .. }) {
            return Err(SqlError::invalid(
                "EXPLAIN tells of the engine here: Athena is not asked for it",
            ));
        }
        let mut found = Relations::default();
        // It breaks off at nothing.
        let _ = statement.visit(&mut found);
        if let Some(reason) = found.refused {
            return Err(reason);
        }
        let mut text = Text::default();
        let mut tokens = self.tokens.iter().enumerate();
        while let Some((nth, token)) = tokens.next() {
            if let Some(relation) = found
                .tables
                .remove(&token.span.start)
                .filter(|_| token.span.start.line > 0)
            {
                text.put(token, &relation.over(states)?);
                // The dot and the table's own name.
                let last = tokens.nth(1).map_or(token, |(_, last)| last);
                text.end = Some(last.span.end);
                continue;
            }
            if self.is_qualified(nth) {
                // A column is the alias's now, which has no database.
                tokens.next();
                continue;
            }
            match &token.token {
                Token::EOF | Token::SemiColon => {}
                _ if self.is_descending(nth) => text.put(token, "DESC NULLS FIRST"),
                _ => text.put(token, &written(token)?),
            }
        }
        if !found.tables.is_empty() {
            return Err(SqlError::invalid(
                "a table stands where Athena would not find it: write it after FROM or JOIN",
            ));
        }
        if text.sql.len() > MAX_BYTES {
            return Err(SqlError::invalid(format!(
                "with the columns of its tables it has {} bytes, more than Athena's {MAX_BYTES}: name fewer tables",
                text.sql.len()
            )));
        }
        Ok(Trino {
            sql: text.sql,
            shifts: text.shifts,
        })
    }

    /// Whether the token is a `DESC` that does not say where nulls are: first, as PostgreSQL and the engine here have it, and Trino has not.
    fn is_descending(&self, nth: usize) -> bool {
        let is = |at: Option<usize>, keyword| {
            let token = at.and_then(|at| self.tokens.get(at)).map(|token| &token.token);
            matches!(token, Some(Token::Word(word)) if word.keyword == keyword && word.quote_style.is_none())
        };
        is(Some(nth), Keyword::DESC) && !is(Some(nth + 1), Keyword::NULLS) && !is(nth.checked_sub(1), Keyword::AS)
    }

    /// Whether the token is the database before a table and a column of it: `nyc` of `nyc.flights.origin`.
    fn is_qualified(&self, nth: usize) -> bool {
        let token = |at: usize| self.tokens.get(at).map(|token| &token.token);
        let is_dot = |at: Option<usize>| at.and_then(token) == Some(&Token::Period);
        let (Some(Token::Word(database)), Some(Token::Word(table))) = (token(nth), token(nth + 2)) else {
            return false;
        };
        let known = |reference: &Reference| {
            reference.name.database() == plain(database) && reference.name.table() == plain(table)
        };
        !is_dot(nth.checked_sub(1)) && is_dot(Some(nth + 1)) && is_dot(Some(nth + 3)) && self.tables.iter().any(known)
    }
}

/// As the engine reads a name: in lower case where it is not quoted.
fn plain(word: &datafusion::sql::sqlparser::tokenizer::Word) -> String {
    match word.quote_style {
        Some(_) => word.value.clone(),
        None => word.value.to_lowercase(),
    }
}

/// A table where it stands.
struct Relation {
    reference: Reference,
    has_alias: bool,
}

impl Relation {
    /// What stands for it.
    fn over(&self, states: &BTreeMap<Reference, Pinned>) -> Result<String, SqlError> {
        let name = &self.reference.name;
        let state = states
            .get(&self.reference)
            .ok_or_else(|| SqlError::invalid(format!("there is no state of {name}")))?;
        if state.columns.is_empty() {
            return Err(SqlError::invalid(format!("{name} has no column that you may read")));
        }
        let columns: Vec<String> = state.columns.iter().map(|column| quoted(column)).collect();
        let which = match state.snapshot {
            Some(snapshot) => format!("FOR VERSION AS OF {snapshot}"),
            None => "WHERE false".into(),
        };
        let alias = if self.has_alias {
            String::new()
        } else {
            format!(" AS {}", quoted(name.table()))
        };
        Ok(format!(
            "(SELECT {} FROM {}.{} {which}){alias}",
            columns.join(", "),
            quoted(name.database()),
            quoted(name.table())
        ))
    }
}

/// The tables of a statement, by where they begin.
#[derive(Default)]
struct Relations {
    tables: HashMap<Location, Relation>,
    named: HashMap<Location, ObjectName>,
    refused: Option<SqlError>,
}

impl Relations {
    fn refuse(&mut self, name: &ObjectName, message: &str) {
        let at = location(name).and_then(place);
        self.refused
            .get_or_insert_with(|| SqlError::at(format!("{name}: {message}"), at));
    }
}

fn location(name: &ObjectName) -> Option<Location> {
    name.0.first()?.as_ident().map(|ident| ident.span.start)
}

impl Visitor for Relations {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let TableFactor::Table {
            name,
            alias,
            args,
            sample,
            version,
            ..
        } = factor
        else {
            return ControlFlow::Continue(());
        };
        if args.is_some() {
            self.refuse(name, "functions that stand where a table does are not asked of Athena");
        } else if sample.is_some() || version.is_some() {
            self.refuse(
                name,
                "samples and versions are not asked of Athena: FOR TIMESTAMP AS OF is",
            );
        } else if name.0.len() > 1 {
            match (location(name), Reference::of_parts(name)) {
                (Some(at), Some(reference)) => {
                    let has_alias = alias.is_some();
                    self.tables.insert(at, Relation { reference, has_alias });
                }
                _ => self.refuse(name, "write database.table"),
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
        if let Some(at) = location(name).filter(|_| name.0.len() > 1) {
            self.named.insert(at, name.clone());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_statement(&mut self, _statement: &Statement) -> ControlFlow<()> {
        let stray = self.named.iter().find(|(at, _)| !self.tables.contains_key(at));
        if let Some(name) = stray.map(|(_, name)| name.clone()) {
            self.refuse(&name, "a table stands after FROM or JOIN");
        }
        ControlFlow::Continue(())
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A token as Trino reads it; only those that it reads as we do.
fn written(token: &TokenWithSpan) -> Result<String, SqlError> {
    let refused = |help: &str| {
        SqlError::at(
            format!("Athena's SQL has no `{}`{help}", token.token),
            place(token.span.start),
        )
    };
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() && word.keyword == Keyword::TABLE => {
            Err(refused(" where tables are: write SELECT … FROM database.table"))
        }
        Token::Word(word) if word.quote_style.is_none() && is_plain(&word.value) => Ok(word.value.clone()),
        Token::Word(word) => Ok(quoted(&plain(word))),
        Token::Number(digits, false)
            if digits
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".+-".contains(&byte)) =>
        {
            Ok(digits.clone())
        }
        Token::SingleQuotedString(text) => Ok(format!("'{}'", text.replace('\'', "''"))),
        Token::HexStringLiteral(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Ok(format!("X'{digits}'"))
        }
        Token::Comma
        | Token::Eq
        | Token::Neq
        | Token::Lt
        | Token::Gt
        | Token::LtEq
        | Token::GtEq
        | Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::Mod
        | Token::StringConcat
        | Token::LParen
        | Token::RParen
        | Token::Period
        | Token::LBracket
        | Token::RBracket => Ok(token.token.to_string()),
        Token::DoubleColon => Err(refused(": write CAST(value AS type)")),
        Token::DollarQuotedString(_) | Token::EscapedStringLiteral(_) | Token::NationalStringLiteral(_) => {
            Err(refused(": write '…', with two quotes for one"))
        }
        _ => Err(refused("")),
    }
}

/// Trino reads it as a name, or the same keyword, without quotes.
fn is_plain(word: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    word.bytes().all(letters) && !word.starts_with(|first: char| first.is_ascii_digit())
}

/// What was written until now.
#[derive(Default)]
struct Text {
    sql: String,
    line: u64,
    column: u64,
    /// Where the last token ended in the caller's text.
    end: Option<Location>,
    last: Option<Token>,
    shifts: Vec<Shift>,
}

impl Text {
    /// A token, as far behind the one before it as it stood.
    fn put(&mut self, token: &TokenWithSpan, written: &str) {
        let start = token.span.start;
        if start.line > self.line.max(1) || self.sql.is_empty() {
            let lines = start.line.saturating_sub(self.line.max(1));
            self.push(&"\n".repeat(lines as usize));
            self.push(&" ".repeat(start.column.saturating_sub(1) as usize));
        } else {
            let same = self.end.filter(|end| end.line == start.line);
            let gap = same.map_or(1, |end| start.column.saturating_sub(end.column));
            let joins = |token: &Token| matches!(token, Token::Period | Token::Comma | Token::LParen | Token::RParen);
            let may_touch = joins(&token.token) || self.last.as_ref().is_some_and(joins);
            let least = u64::from(!may_touch);
            self.push(&" ".repeat(gap.max(least) as usize));
        }
        if start.line > 0 {
            self.shift(start);
            self.end = Some(token.span.end);
        }
        self.push(written);
        self.last = Some(token.token.clone());
    }

    fn shift(&mut self, start: Location) {
        let here = Shift {
            line: self.line,
            column: self.column,
            stood: start.column,
        };
        let before = self.shifts.last().filter(|before| before.line == here.line);
        let expected = before.map_or(here.column, |before| before.stood + (here.column - before.column));
        if expected != here.stood {
            self.shifts.push(here);
        }
    }

    fn push(&mut self, text: &str) {
        (self.line, self.column) = (self.line.max(1), self.column.max(1));
        for char in text.chars() {
            match char {
                '\n' => (self.line, self.column) = (self.line + 1, 1),
                _ => self.column += 1,
            }
        }
        self.sql.push_str(text);
    }
}

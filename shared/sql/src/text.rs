//! The text of a query: what it asks for, and of which tables. Pure.
//!
//! The language is DataFusion's (SQL of the PostgreSQL kind), with Athena's `TABLE FOR TIMESTAMP AS OF TIMESTAMP '…'` for an earlier state of a
//! table (Amazon Athena User Guide, "Perform time travel and version travel queries").

use crate::{MAX_DEPTH, MAX_SQL_BYTES, MAX_TABLES, Place, SqlError};
use datafusion::{
    common::TableReference,
    sql::{
        parser::Statement as Parsed,
        resolve::resolve_table_references,
        sqlparser::{
            ast::{ObjectName, ObjectNamePart, SetExpr, Statement},
            dialect::GenericDialect,
            keywords::Keyword,
            parser::Parser,
            tokenizer::{Span, Token, TokenWithSpan, Tokenizer, Word},
        },
    },
};
use std::collections::BTreeSet;
use watershed_lake::TableName;

/// A query that was read and found to be one. Its tables and columns were not looked at.
#[derive(Debug, Clone)]
pub struct Query {
    pub(crate) statement: Parsed,
    /// What it was read from.
    pub(crate) tokens: Vec<TokenWithSpan>,
    /// The tables that it names, each once for each time.
    pub tables: BTreeSet<Reference>,
}

/// A table that a query names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Which.
    pub name: TableName,
    /// As it was at that time, in milliseconds since 1970; none: as it is now.
    pub as_of_ms: Option<i64>,
}

impl Reference {
    /// The table's name in the statement that the engine gets.
    pub(crate) fn alias(&self) -> String {
        match self.as_of_ms {
            Some(ms) => format!("{}{AT}{ms}", self.name.table()),
            None => self.name.table().into(),
        }
    }

    fn parse(reference: &TableReference) -> Result<Self, SqlError> {
        let TableReference::Partial { schema, table } = reference else {
            return Err(SqlError::invalid(format!(
                "there is no table `{reference}`: write database.table, as in nyc.flights"
            )));
        };
        Self::of_words(schema, table).map_err(SqlError::invalid)
    }

    fn of_words(database: &str, table: &str) -> Result<Self, String> {
        let (table, as_of_ms) = match table.split_once(AT) {
            Some((table, ms)) => (table, ms.parse().ok()),
            None => (table, None),
        };
        let name = TableName::new(database, table).map_err(|error| error.to_string())?;
        Ok(Self { name, as_of_ms })
    }

    /// Of a name in a statement that was read.
    pub(crate) fn of_parts(name: &ObjectName) -> Option<Self> {
        let plain = |part: &ObjectNamePart| {
            part.as_ident().map(|ident| match ident.quote_style {
                Some(_) => ident.value.clone(),
                None => ident.value.to_lowercase(),
            })
        };
        match &*name.0 {
            [database, table] => Self::of_words(&plain(database)?, &plain(table)?).ok(),
            _ => None,
        }
    }
}

const ONLY_SELECT: &str = "only SELECT is done here: tables are changed by files, streams and contracts";
/// Functions that stand where a table does, and are none.
const TABLE_FUNCTIONS: [&str; 2] = ["generate_series", "range"];
/// Between the name of a table and a time; in no name of a table.
const AT: char = '@';

impl Query {
    /// Of a text.
    ///
    /// Errors: where it is no query, or longer or deeper than one may be.
    pub fn parse(sql: &str) -> Result<Self, SqlError> {
        if sql.len() > MAX_SQL_BYTES {
            return Err(SqlError::invalid(format!(
                "the SQL has {} bytes, more than {MAX_SQL_BYTES}: put long lists of values in a table",
                sql.len()
            )));
        }
        let dialect = GenericDialect {};
        let tokens = Tokenizer::new(&dialect, sql).tokenize_with_location();
        let tokens = tokens.map_err(|error| SqlError::at(error.message, place(error.location)))?;
        if let Some(first) = tokens
            .iter()
            .find(|token| counts(token))
            .filter(|first| !begins_query(first))
        {
            return Err(SqlError::at(ONLY_SELECT, place(first.span.start)));
        }
        let tokens = with_times(tokens)?;
        let mut parser = Parser::new(&dialect)
            .with_recursion_limit(MAX_DEPTH)
            .with_tokens_with_locations(tokens.clone());
        let mut statements = parser.parse_statements()?;
        let statement = match (statements.pop(), statements.len()) {
            (Some(statement), 0) if is_query(&statement) => statement,
            (None, _) => return Err(SqlError::invalid("there is no SQL in it: write SELECT …")),
            (_, 0) => return Err(SqlError::invalid(ONLY_SELECT)),
            _ => return Err(SqlError::invalid("there are several statements: send one at a time")),
        };
        let statement = Parsed::Statement(Box::new(statement));
        let (named, _) = resolve_table_references(&statement, true)?;
        if named.len() > MAX_TABLES {
            return Err(SqlError::invalid(format!(
                "it names {} tables, more than {MAX_TABLES}",
                named.len()
            )));
        }
        let is_function = |named: &&TableReference| matches!(named, TableReference::Bare { table } if TABLE_FUNCTIONS.contains(&&**table));
        let tables = named
            .iter()
            .filter(|named| !is_function(named))
            .map(Reference::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            statement,
            tokens,
            tables,
        })
    }

    /// It asks how it would be done, and for no rows.
    pub fn is_explain(&self) -> bool {
        matches!(&self.statement, Parsed::Statement(statement) if matches!(**statement, Statement::Explain { .. }))
    }
}

fn is_query(statement: &Statement) -> bool {
    match statement {
        Statement::Query(query) => !matches!(
            &*query.body,
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
        ),
        Statement::Explain { statement, .. } => is_query(statement),
        _ => false,
    }
}

pub(crate) fn place(at: datafusion::sql::sqlparser::tokenizer::Location) -> Option<Place> {
    (at.line > 0).then_some(Place {
        line: at.line,
        column: at.column,
    })
}

/// Whether a query may begin so.
fn begins_query(token: &TokenWithSpan) -> bool {
    match &token.token {
        Token::LParen | Token::SemiColon => true,
        Token::Word(word) => {
            let beginnings = [
                Keyword::SELECT,
                Keyword::WITH,
                Keyword::VALUES,
                Keyword::FROM,
                Keyword::EXPLAIN,
            ];
            beginnings.contains(&word.keyword)
        }
        _ => false,
    }
}

/// What is not space or comment.
fn counts(token: &TokenWithSpan) -> bool {
    !matches!(token.token, Token::Whitespace(_))
}

fn is_word(token: Option<&&TokenWithSpan>, keyword: Keyword) -> bool {
    matches!(token.map(|token| &token.token), Some(Token::Word(word)) if word.keyword == keyword && word.quote_style.is_none())
}

/// Puts the time of `TABLE FOR TIMESTAMP AS OF TIME` in the name of the table, which goes on by its own name if no other follows.
fn with_times(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, SqlError> {
    let tokens: Vec<TokenWithSpan> = tokens.into_iter().filter(counts).collect();
    let mut made: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut rest = tokens.iter().peekable();
    while let Some(token) = rest.next() {
        let ahead: Vec<&TokenWithSpan> = rest.clone().take(3).collect();
        let is_time = is_word(Some(&token), Keyword::FOR)
            && (is_word(ahead.first(), Keyword::TIMESTAMP) || is_word(ahead.first(), Keyword::SYSTEM_TIME))
            && is_word(ahead.get(1), Keyword::AS)
            && is_word(ahead.get(2), Keyword::OF);
        if !is_time {
            made.push(token.clone());
            continue;
        }
        rest.by_ref().take(3).for_each(drop);
        if rest.peek().is_some_and(|next| is_word(Some(next), Keyword::TIMESTAMP)) {
            rest.next();
        }
        let wrong = |at: &TokenWithSpan| {
            let message = "FOR TIMESTAMP AS OF follows a table's name and is followed by a time, as in \
                           nyc.flights FOR TIMESTAMP AS OF TIMESTAMP '2013-02-09 12:00:00 UTC'";
            SqlError::at(message, place(at.span.start))
        };
        let time = rest.next().ok_or_else(|| wrong(token))?;
        let Token::SingleQuotedString(text) = &time.token else {
            return Err(wrong(time));
        };
        let ms = milliseconds(text).ok_or_else(|| wrong(time))?;
        let name = match made.last_mut() {
            Some(TokenWithSpan {
                token: Token::Word(word),
                ..
            }) => {
                let name = std::mem::take(&mut word.value);
                let name = if word.quote_style.is_some() {
                    name
                } else {
                    name.to_lowercase()
                };
                *word = quoted(&format!("{name}{AT}{ms}"));
                name
            }
            _ => return Err(wrong(token)),
        };
        if !is_alias(rest.peek().copied()) {
            let own = |token| TokenWithSpan::new(token, Span::empty());
            made.push(own(Token::make_keyword("AS")));
            made.push(own(Token::Word(quoted(&name))));
        }
    }
    Ok(made)
}

fn quoted(name: &str) -> Word {
    Word {
        value: name.into(),
        quote_style: Some('"'),
        keyword: Keyword::NoKeyword,
    }
}

/// Whether what follows a table is another name of it.
fn is_alias(token: Option<&TokenWithSpan>) -> bool {
    match token.map(|token| &token.token) {
        Some(Token::Word(word)) => {
            word.keyword == Keyword::AS || word.keyword == Keyword::NoKeyword || word.quote_style.is_some()
        }
        _ => false,
    }
}

/// Of a date, or a date and a time, in UTC if it does not say otherwise.
fn milliseconds(text: &str) -> Option<i64> {
    use datafusion::arrow::compute::kernels::cast_utils::string_to_datetime;
    let text = text.trim();
    let text = text.strip_suffix("UTC").map_or(text, str::trim_end);
    let time = string_to_datetime(&chrono::Utc, text).ok()?;
    Some(time.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(sql: &str) -> Vec<(String, Option<i64>)> {
        let query = Query::parse(sql).expect(sql);
        let tables = query.tables.into_iter();
        tables.map(|table| (table.name.to_string(), table.as_of_ms)).collect()
    }

    #[test]
    fn tables_are_found_wherever_they_stand() {
        let now = |name: &str| (name.to_string(), None);
        assert_eq!(tables("SELECT 1"), []);
        assert_eq!(tables("select * from nyc.flights"), [now("nyc.flights")]);
        assert_eq!(
            tables(
                "WITH late AS (SELECT * FROM nyc.flights WHERE x IN (SELECT y FROM a.b)) SELECT * FROM late JOIN NYC.Planes p ON true"
            ),
            [now("a.b"), now("nyc.flights"), now("nyc.planes")]
        );
        assert_eq!(tables("EXPLAIN SELECT * FROM a.b"), [now("a.b")]);
    }

    #[test]
    fn a_table_is_asked_for_as_it_was() {
        let then = |ms| ("nyc.flights".to_string(), Some(ms));
        let now = ("nyc.flights".to_string(), None);
        for sql in [
            "SELECT flights.x FROM nyc.flights FOR TIMESTAMP AS OF TIMESTAMP '1970-01-01 00:00:01 UTC'",
            "SELECT f.x FROM nyc.flights FOR SYSTEM_TIME AS OF '1970-01-01T00:00:01Z' AS f WHERE true",
            "SELECT f.x FROM nyc.Flights for timestamp as of timestamp '1970-01-01 01:00:01+01:00' f",
        ] {
            assert_eq!(tables(sql), [then(1_000)], "{sql}");
        }
        let both = "SELECT * FROM nyc.flights JOIN nyc.flights FOR TIMESTAMP AS OF '1970-01-02' b USING (x)";
        assert_eq!(tables(both), [now, then(86_400_000)]);
    }

    #[test]
    fn what_is_no_query_is_told_with_its_place() {
        for (sql, expected, at) in [
            ("", "there is no SQL", None),
            (" ;; ", "there is no SQL", None),
            ("SELECT 1; SELECT 2", "several statements", None),
            ("DROP TABLE nyc.flights", "only SELECT", None),
            ("INSERT INTO a.b SELECT 1", "only SELECT", None),
            (
                "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
                "only SELECT",
                Some((1, 1)),
            ),
            ("COPY (SELECT 1) TO '/tmp/x'", "only SELECT", Some((1, 1))),
            ("-- x\n SET x = 1", "only SELECT", Some((2, 2))),
            ("WITH x AS (SELECT 1) INSERT INTO a.b SELECT 1", "only SELECT", None),
            ("EXPLAIN DROP TABLE a.b", "only SELECT", None),
            ("SELECT 1\n  FROM a.b WHERE ,", "Expected", Some((2, 18))),
            ("SELECT 'x", "Unterminated", Some((1, 8))),
            ("SELECT * FROM flights", "write database.table", None),
            ("SELECT * FROM '/etc/passwd'", "write database.table", None),
            ("SELECT * FROM a.b.c", "write database.table", None),
            ("SELECT * FROM nyc.\"x/y\"", "x/y", None),
            (
                "SELECT * FROM a.b FOR TIMESTAMP AS OF x",
                "followed by a time",
                Some((1, 39)),
            ),
            (
                "SELECT * FROM a.b FOR TIMESTAMP AS OF 'soon'",
                "followed by a time",
                Some((1, 39)),
            ),
            (
                "SELECT * FROM a.b FOR TIMESTAMP AS OF",
                "followed by a time",
                Some((1, 19)),
            ),
        ] {
            let SqlError::Invalid { message, place, .. } = Query::parse(sql).expect_err(sql) else {
                panic!("{sql}");
            };
            assert!(message.contains(expected), "{sql}: {message}");
            if at.is_some() {
                assert_eq!(place.map(|place| (place.line, place.column)), at, "{sql}: {message}");
            }
        }
        let deep = format!("SELECT {}1{}", "(".repeat(500), ")".repeat(500));
        assert!(Query::parse(&deep).unwrap_err().to_string().contains("deep"));
        let long = format!("SELECT '{}'", "x".repeat(1 << 20));
        assert!(Query::parse(&long).unwrap_err().to_string().contains("more than 65536"));
        let many: Vec<String> = (0..100).map(|n| format!("a.t{n}")).collect();
        let many = format!("SELECT 1 FROM {}", many.join(", "));
        assert!(
            Query::parse(&many)
                .unwrap_err()
                .to_string()
                .contains("names 100 tables")
        );
    }
}

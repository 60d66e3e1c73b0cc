//! What Athena gets of a query: the same question, of exactly those states and columns, whatever the text says.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use proptest::prelude::*;
use std::collections::BTreeMap;
use watershed_sql::{Pinned, Place, Query, SqlError, Trino};

/// Every table that it names at snapshot 7, with the columns `x` and `y`; those named `empty` never had a row.
fn translated(sql: &str) -> Result<Trino, SqlError> {
    let query = Query::parse(sql)?;
    let states: BTreeMap<_, _> = query
        .tables
        .iter()
        .map(|reference| {
            let has_rows = reference.name.table() != "empty";
            let snapshot = has_rows.then(|| reference.as_of_ms.unwrap_or(7));
            let columns = vec!["x".into(), "y".into()];
            (reference.clone(), Pinned { snapshot, columns })
        })
        .collect();
    query.to_trino(&states)
}

/// Texts and names as Trino reads them: `'…'` and `"…"`, in which only the quote itself is written twice.
fn lexed(sql: &str) -> Vec<String> {
    let chars: Vec<char> = sql.chars().collect();
    let (mut at, mut found) = (0, Vec::new());
    while at < chars.len() {
        let begin = at;
        at += 1;
        if ['\'', '"'].contains(&chars[begin]) {
            while at < chars.len() {
                if chars[at] != chars[begin] {
                    at += 1;
                } else if chars.get(at + 1) == Some(&chars[begin]) {
                    at += 2;
                } else {
                    break;
                }
            }
            assert!(at < chars.len(), "it does not end: {sql}");
            at += 1;
        } else if chars[begin].is_alphanumeric() {
            at += chars[at..].iter().take_while(|char| char.is_alphanumeric()).count();
        } else if chars[begin].is_whitespace() {
            continue;
        }
        found.push(chars[begin..at].iter().collect());
    }
    found
}

const T: &str = r#"(SELECT "x", "y" FROM "a"."t" FOR VERSION AS OF 7)"#;

#[test]
fn each_table_is_its_state_with_the_columns_that_may_be_seen() {
    let t = |alias: &str| format!("{T}{alias}");
    for (sql, expected) in [
        ("SELECT 1", "SELECT 1".to_string()),
        ("SELECT * FROM a.t", format!("SELECT * FROM {}", t(" AS \"t\""))),
        ("select X from A.T;", format!("select X from {}", t(" AS \"t\""))),
        ("SELECT u.x FROM a.t u", format!("SELECT u.x FROM {}", t(" u"))),
        (
            "SELECT u.p FROM a.t AS u(p, q)",
            format!("SELECT u.p FROM {}", t(" AS u(p, q)")),
        ),
        (
            "SELECT a.t.x, t.y, a.t.* FROM a.t",
            format!("SELECT t.x, t.y, t.* FROM {}", t(" AS \"t\"")),
        ),
        (
            "SELECT x FROM a.empty",
            r#"SELECT x FROM (SELECT "x", "y" FROM "a"."empty" WHERE false) AS "empty""#.into(),
        ),
        ("SELECT x FROM (a.t)", format!("SELECT x FROM ({})", t(" AS \"t\""))),
        (
            "SELECT 1 AS desc ORDER BY 1 DESC, 2 desc NULLS LAST LIMIT 3",
            "SELECT 1 AS desc ORDER BY 1 DESC NULLS FIRST, 2 desc NULLS LAST LIMIT 3".into(),
        ),
        (
            "WITH t AS (SELECT x FROM a.t) SELECT t.x FROM t JOIN a.t z ON t.x IN (SELECT y FROM a.t)",
            format!(
                "WITH t AS (SELECT x FROM {}) SELECT t.x FROM t JOIN {} z ON t.x IN (SELECT y FROM {})",
                t(" AS \"t\""),
                t(""),
                t(" AS \"t\"")
            ),
        ),
        (
            "SELECT t.x FROM a.t FOR TIMESTAMP AS OF '1970-01-01T00:00:01Z' WHERE true",
            r#"SELECT t.x FROM (SELECT "x", "y" FROM "a"."t" FOR VERSION AS OF 1000) AS "t" WHERE true"#.into(),
        ),
        (
            "SELECT 'it''s', 1.5e3, X'0f', `x` || \"Y\" /* x */ FROM a.t -- z",
            format!("SELECT 'it''s', 1.5e3, X'0f', \"x\" || \"Y\" FROM {}", t(" AS \"t\"")),
        ),
    ] {
        let found = translated(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let words: Vec<&str> = found.sql.split_whitespace().collect();
        assert_eq!(words.join(" "), expected, "{sql}");
    }
}

#[test]
fn a_place_in_athenas_text_is_one_in_the_callers() {
    let sql = "SELECT a.t.x,\n  nothing\nFROM a.t   JOIN\n a.t AS u ON wrong(u.x) = 'x\ny' AND also(x)";
    let found = translated(sql).unwrap();
    for word in ["nothing", "JOIN", "wrong", "also"] {
        let place = |text: &str| {
            let before = &text[..text.find(word).unwrap()];
            let line = before.matches('\n').count() as u64 + 1;
            (
                line,
                before.chars().rev().take_while(|char| *char != '\n').count() as u64 + 1,
            )
        };
        let (line, column) = place(&found.sql);
        let (expected_line, expected) = place(sql);
        let expected = Place {
            line: expected_line,
            column: expected,
        };
        assert_eq!(
            Trino::place(&found.shifts, line, column),
            expected,
            "{word} of {}",
            found.sql
        );
    }
}

#[test]
fn what_athena_would_read_otherwise_is_refused_with_its_place() {
    for (sql, expected, at) in [
        ("SELECT x::text FROM a.t", "write CAST(value AS type)", Some((1, 9))),
        ("SELECT E'a\\'b'", "with two quotes for one", Some((1, 8))),
        ("SELECT $$x$$", "with two quotes for one", Some((1, 8))),
        ("SELECT x & 1 FROM a.t", "no `&`", Some((1, 10))),
        (
            "SELECT *\n FROM generate_series(1, 3)",
            "stand where a table does",
            Some((2, 7)),
        ),
        ("EXPLAIN SELECT 1", "EXPLAIN", None),
    ] {
        let Err(SqlError::Invalid { message, place, .. }) = translated(sql) else {
            panic!("{sql}");
        };
        assert!(message.contains(expected), "{sql}: {message}");
        assert_eq!(place.map(|place| (place.line, place.column)), at, "{sql}: {message}");
    }
}

/// What only Athena knows: functions of others, other catalogs, hidden tables, results put elsewhere.
#[test]
fn what_reaches_outside_is_no_query() {
    for sql in [
        "USING EXTERNAL FUNCTION f(x VARCHAR) RETURNS VARCHAR LAMBDA 'f' SELECT f(x) FROM a.t",
        "UNLOAD (SELECT x FROM a.t) TO 's3://elsewhere/' WITH (format = 'PARQUET')",
        "SELECT * FROM TABLE(system.query(query => 'SELECT 1'))",
        "SELECT * FROM TABLE a.t",
        "SELECT * FROM awsdatacatalog.a.t",
        "SELECT * FROM \"lambda:f\".a.t",
        "SELECT * FROM a.\"t$files\"",
        "SELECT * FROM a.t FOR VERSION AS OF 3",
        "CREATE TABLE a.b AS SELECT x FROM a.t",
        "INSERT INTO a.t SELECT 1",
        "EXECUTE f",
        "SELECT 1; SELECT x FROM a.t",
    ] {
        assert!(
            translated(sql).is_err(),
            "{sql}: {:?}",
            translated(sql).map(|found| found.sql)
        );
    }
}

#[test]
fn a_text_does_not_end_where_another_engine_would_end_it() {
    // What the parser prints of this has the second text outside of quotes.
    let hostile = r"SELECT '\''', ' UNION ALL SELECT secret FROM a.t -- '";
    let found = translated(hostile).unwrap();
    assert_eq!(
        lexed(&found.sql),
        ["SELECT", r"'\'''", ",", "' UNION ALL SELECT secret FROM a.t -- '"]
    );
}

proptest! {
    #[test]
    fn texts_and_names_are_what_they_were(texts in prop::collection::vec("[ -~é\n]{0,12}", 1..4), names in prop::collection::vec("[!-~é]{1,8}", 1..4)) {
        let literal = |text: &String| format!("'{}'", text.replace('\'', "''"));
        let name = |name: &String| format!("\"{}\"", name.replace('"', "\"\""));
        let all: Vec<String> = texts.iter().map(literal).chain(names.iter().map(name)).collect();
        let sql = format!("SELECT {}", all.join(","));
        let found = translated(&sql).map_err(|error| TestCaseError::fail(format!("{sql}: {error}")))?;
        let read: Vec<String> = lexed(&found.sql).into_iter().filter(|token| token != "SELECT" && token != ",").collect();
        prop_assert_eq!(read, all);
    }
}

#[test]
fn no_table_is_named_but_as_its_state_wherever_it_stands() {
    let wheres = [
        "SELECT * FROM {}",
        "SELECT * FROM {} AS t, {} u",
        "SELECT * FROM (SELECT 1 AS z) z CROSS JOIN {}",
        "SELECT * FROM ((SELECT 1 AS z) z JOIN {} ON true)",
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM {}) AND 2 NOT IN (SELECT x FROM {})",
        "WITH w AS (SELECT * FROM {}), v AS (SELECT * FROM w JOIN {} ON true) SELECT * FROM v",
        "SELECT * FROM (SELECT 1 AS z) z, LATERAL (SELECT * FROM {}) l",
        "SELECT (SELECT max(x) FROM {}), CASE WHEN (SELECT true FROM {}) THEN 1 END",
        "SELECT 1 UNION ALL (SELECT x FROM {} EXCEPT SELECT y FROM {})",
        "SELECT sum(1) OVER (ORDER BY (SELECT 1 FROM {})) FROM {} GROUP BY (SELECT 1 FROM {}) HAVING (SELECT true FROM {})",
        "VALUES ((SELECT 1 FROM {}))",
        "SELECT 1 ORDER BY (SELECT 1 FROM {}) LIMIT (SELECT 1 FROM {})",
        "SELECT extract(year FROM (SELECT max(x) FROM {})), trim((SELECT 'x' FROM {}))",
    ];
    for (sql, table) in wheres
        .iter()
        .flat_map(|sql| ["a.t", "A . T", "\"a\".\"t\"", "`a`.t", "a/**/.\nt"].map(|table| (sql, table)))
    {
        let asked = sql.replace("{}", table);
        let found = translated(&asked).unwrap_or_else(|error| panic!("{asked}: {error}"));
        assert_eq!(found.sql.matches(T).count(), sql.matches("{}").count(), "{}", found.sql);
        let rest = lexed(&found.sql.replace(T, "()"));
        let names = |three: &[String]| three[1] == "." && three[0].to_lowercase().trim_matches('"') == "a";
        assert!(!rest.windows(3).any(names), "{}", found.sql);
    }
}

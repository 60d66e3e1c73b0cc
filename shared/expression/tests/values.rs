//! What expressions are worth, by hand: nulls, failures, every function.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray, cast::AsArray,
};
use std::sync::Arc;
use watershed_expression::Expression;
use watershed_lake::ColumnType;

const AMOUNT: ColumnType = ColumnType::Decimal { precision: 9, scale: 2 };

/// Names, types, and three rows: usual, at a border, null.
fn columns() -> Vec<(&'static str, ColumnType, ArrayRef)> {
    let day = 15_764; // 2013-02-28
    let stamp = 1_362_095_999_000_000; // 2013-02-28T23:59:59
    vec![
        (
            "a",
            ColumnType::Int,
            Arc::new(Int32Array::from(vec![Some(7), Some(i32::MAX), None])),
        ),
        (
            "b",
            ColumnType::Int,
            Arc::new(Int32Array::from(vec![Some(2), Some(0), Some(3)])),
        ),
        (
            "n",
            ColumnType::Long,
            Arc::new(Int64Array::from(vec![Some(-7), Some(i64::MIN), None])),
        ),
        (
            "x",
            ColumnType::Double,
            Arc::new(Float64Array::from(vec![Some(2.5), Some(1e308), None])),
        ),
        (
            "p",
            AMOUNT,
            Arc::new(
                Decimal128Array::from(vec![Some(1250), Some(-999_999_999), None])
                    .with_precision_and_scale(9, 2)
                    .unwrap(),
            ),
        ),
        (
            "s",
            ColumnType::String,
            Arc::new(StringArray::from(vec![Some(" Größe "), Some(""), None])),
        ),
        (
            "k",
            ColumnType::String,
            Arc::new(StringArray::from(vec![Some("a-b-c"), Some("12"), None])),
        ),
        (
            "t",
            ColumnType::Boolean,
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
        ),
        (
            "d",
            ColumnType::Date,
            Arc::new(Date32Array::from(vec![Some(day), Some(2_932_896), None])),
        ),
        (
            "z",
            ColumnType::TimestampTz,
            Arc::new(TimestampMicrosecondArray::from(vec![Some(stamp), Some(0), None]).with_timezone("UTC")),
        ),
    ]
}

/// Each row's value as text: `null`, or `! why` where it failed.
fn values(text: &str) -> Result<Vec<String>, String> {
    let columns = columns();
    let names: Vec<(&str, ColumnType)> = columns.iter().map(|(name, kind, _)| (*name, *kind)).collect();
    let arrays: Vec<ArrayRef> = columns.into_iter().map(|(.., array)| array).collect();
    let as_text = format!("cast({text} as string)");
    let expression = Expression::new(text, &names).map_err(|error| error.to_string())?;
    let shown = Expression::new(&as_text, &names).map_err(|error| error.to_string())?;
    let failures = expression.evaluate(&arrays, 3).failures;
    let found = shown.evaluate(&arrays, 3);
    assert_eq!(failures.len(), found.failures.len(), "{text}");
    let strings = found.values.as_string::<i32>();
    Ok((0..3_u32)
        .map(|row| {
            let failed = failures.iter().find(|failure| failure.row == row);
            match failed {
                Some(failure) => format!("! {}", failure.message),
                None if strings.is_null(row as usize) => "null".into(),
                None => strings.value(row as usize).to_string(),
            }
        })
        .collect())
}

fn check(cases: &[(&str, [&str; 3])]) {
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let found = values(text).unwrap_or_else(|error| vec![error]);
        if found != expected {
            wrong.push(format!("{text}: {found:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn numbers_are_exact_or_fail() {
    check(&[
        ("a + b", ["9", "2147483647", "null"]),
        ("a + 1", ["8", "! `a + 1` does not fit its type", "null"]),
        ("cast(a as bigint) + 1", ["8", "2147483648", "null"]),
        ("n - 1", ["-8", "! `n - 1` does not fit its type", "null"]),
        ("-n", ["7", "! `-n` does not fit its type", "null"]),
        ("abs(n)", ["7", "! `abs(n)` does not fit its type", "null"]),
        ("a * b", ["14", "0", "null"]),
        ("a % b", ["1", "! `a % b` divides by zero", "null"]),
        ("div(n, 2)", ["-3", "-4611686018427387904", "null"]),
        ("mod(n, -1)", ["0", "0", "null"]),
        ("b / 2", ["1.000000", "0.000000", "1.500000"]),
        (
            "b / 3",
            ["! `b / 3` is not exact with so many decimals", "0.000000", "1.000000"],
        ),
        ("round(b / 3, 2)", ["0.67", "0.00", "1.00"]),
        ("round(a / b)", ["4", "! `round(a / b)` divides by zero", "null"]),
        (
            "cast(a as double) / b",
            ["3.5", "! `cast(a as double) / b` divides by zero", "null"],
        ),
        ("x * 10", ["25.0", "! `x * 10` does not fit its type", "null"]),
        ("p + 0.005", ["12.505", "-9999999.985", "null"]),
        ("p * 2", ["25.00", "-19999999.98", "null"]),
        ("p * p", ["156.2500", "99999999800000.0001", "null"]),
        ("p % 5", ["2.50", "-4.99", "null"]),
        ("round(p, 1)", ["12.5", "-10000000.0", "null"]),
        ("floor(p)", ["12", "-10000000", "null"]),
        ("ceil(p)", ["13", "-9999999", "null"]),
        ("round(x)", ["3.0", "1e308", "null"]),
        (
            "cast(p as int)",
            [
                "! `cast(p as int)` is not exact with so many decimals",
                "! `cast(p as int)` is not exact with so many decimals",
                "null",
            ],
        ),
        (
            "cast(x as decimal(4,1))",
            ["2.5", "! `cast(x as decimal(4,1))` does not fit its type", "null"],
        ),
        ("cast(p as double)", ["12.5", "-9999999.99", "null"]),
        ("1.50 + 1", ["2.50", "2.50", "2.50"]),
        ("p = 12.5 and p > 12", ["true", "false", "null"]),
        ("x > p", ["false", "true", "null"]),
    ]);
}

#[test]
fn null_is_sqls() {
    check(&[
        ("t and null", ["null", "false", "null"]),
        ("t or null", ["true", "null", "null"]),
        ("not t", ["false", "true", "null"]),
        ("a = null", ["null", "null", "null"]),
        ("a is null", ["false", "false", "true"]),
        ("a is not null", ["true", "true", "false"]),
        ("b in (2, 4)", ["true", "false", "false"]),
        ("b not in (2, null)", ["false", "null", "null"]),
        ("a in (b + 5, 1)", ["true", "false", "null"]),
        ("x in (2.5, 3)", ["true", "false", "null"]),
        ("b between 2 and 3", ["true", "false", "true"]),
        ("a not between b and 100", ["false", "true", "null"]),
        ("coalesce(a, b)", ["7", "2147483647", "3"]),
        ("coalesce(null, null)", ["null", "null", "null"]),
        ("nullif(b, 0)", ["2", "null", "3"]),
        (
            "case when a > 10 then 'big' when a is null then 'none' else 'small' end",
            ["small", "big", "none"],
        ),
        ("case b when 2 then 1.5 when 3 then 2 end", ["1.5", "null", "2.0"]),
        ("case when null then 1 else 2 end", ["2", "2", "2"]),
    ]);
}

#[test]
fn what_is_not_needed_does_not_fail() {
    check(&[
        ("case when b <> 0 then div(a, b) end", ["3", "null", "null"]),
        ("coalesce(b, div(a, b))", ["2", "0", "3"]),
        ("b = 0 or div(a, b) > 1", ["true", "true", "null"]),
        ("b <> 0 and div(a, b) > 1", ["true", "false", "null"]),
        ("div(a, b) > 1 and t", ["true", "false", "null"]),
        ("div(a, b) > 1 or t", ["true", "! `div(a, b)` divides by zero", "null"]),
        ("div(a, b) is null", ["false", "! `div(a, b)` divides by zero", "true"]),
        ("try_cast(k as int)", ["null", "12", "null"]),
        ("cast(k as int)", ["! `cast(k as int)` is no int", "12", "null"]),
    ]);
}

#[test]
fn texts() {
    check(&[
        ("upper(trim(s))", ["GRÖSSE", "", "null"]),
        ("lower(s) || '!'", [" größe !", "!", "null"]),
        ("concat(ltrim(s), a, null)", ["Größe 7", "2147483647", ""]),
        ("length(s)", ["7", "0", "null"]),
        ("substring(s, 2, 3)", ["Grö", "", "null"]),
        ("substring(s, -1, 4)", [" G", "", "null"]),
        ("substr(k, 3)", ["b-c", "", "null"]),
        ("left(k, 3) || right(k, 1)", ["a-bc", "122", "null"]),
        (
            "left(k, b - 1)",
            ["a", "! `left(k, b - 1)` has an argument that means nothing", "null"],
        ),
        ("lpad(k, 7, 'xy')", ["xya-b-c", "xyxyx12", "null"]),
        ("rpad(k, 4)", ["a-b-", "12  ", "null"]),
        ("replace(k, '-', '++')", ["a++b++c", "12", "null"]),
        ("split_part(k, '-', 2)", ["b", "", "null"]),
        ("split_part(k, '-', -1)", ["c", "12", "null"]),
        (
            "starts_with(k, 'a') and ends_with(k, 'c') and contains(k, 'b')",
            ["true", "false", "null"],
        ),
        ("k like 'a%c'", ["true", "false", "null"]),
        ("k not like '__'", ["true", "false", "null"]),
        ("regexp_like(k, '^[0-9]+$')", ["false", "true", "null"]),
        ("regexp_replace(k, '([a-c])-', '$1$1')", ["aabbc", "12", "null"]),
        ("regexp_extract(k, '-(.)-', 1)", ["b", "null", "null"]),
        ("k in ('12', 'x')", ["false", "true", "null"]),
        ("'it''s'", ["it's", "it's", "it's"]),
    ]);
}

#[test]
fn dates_and_times() {
    check(&[
        ("d", ["2013-02-28", "9999-12-31", "null"]),
        (
            "d + interval '1 day'",
            [
                "2013-03-01",
                "! `d + interval '1 day'` is not of the years 1 to 9999",
                "null",
            ],
        ),
        ("d - interval '1' month", ["2013-01-28", "9999-11-30", "null"]),
        ("d - date '2013-01-01'", ["58", "2917190", "null"]),
        ("date_trunc('quarter', d)", ["2013-01-01", "9999-10-01", "null"]),
        (
            "date_trunc('week', z)",
            ["2013-02-25T00:00:00Z", "1969-12-29T00:00:00Z", "null"],
        ),
        (
            "date_trunc('hour', z)",
            ["2013-02-28T23:00:00Z", "1970-01-01T00:00:00Z", "null"],
        ),
        (
            "extract(year from d) * 100 + extract(month from d)",
            ["201302", "999912", "null"],
        ),
        ("extract(doy from d)", ["59", "365", "null"]),
        ("extract(isodow from z)", ["4", "4", "null"]),
        ("extract(epoch from z)", ["1362095999.000000", "0.000000", "null"]),
        (
            "z at time zone 'Europe/Paris'",
            ["2013-03-01T00:59:59", "1970-01-01T01:00:00", "null"],
        ),
        (
            "cast(z at time zone 'Asia/Tokyo' as date)",
            ["2013-03-01", "1970-01-01", "null"],
        ),
        (
            "z >= timestamptz '2013-02-28T23:59:59+00:00'",
            ["true", "false", "null"],
        ),
        (
            "make_date(2013, b, 29)",
            [
                "! `make_date(2013, b, 29)` is no date",
                "! `make_date(2013, b, 29)` is no date",
                "2013-03-29",
            ],
        ),
        ("cast('2013-03-31 02:30' as timestamp)", ["2013-03-31T02:30:00"; 3]),
        ("extract(hour from time '05:17')", ["5", "5", "5"]),
        ("cast(z as time)", ["23:59:59", "00:00:00", "null"]),
    ]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let cases = [
        (
            "dep + 1",
            "no column dep (at 1:1 of the expression): write one of a, b, n, x, p, s, k, t, d, z",
        ),
        (
            "uper(s)",
            "no function uper (at 1:1 of the expression): did you mean upper? Write one of ",
        ),
        (
            "a +\n  'x'",
            "+ of a string, where a number is wanted (at 2:3 of the expression)",
        ),
        (
            "s = 1",
            "a comparison of a string and a int (at 1:5 of the expression): write two of one type: cast(… as string)",
        ),
        ("d > '2013-01-01'", "a comparison of a date and a string"),
        ("not a", "not of a int, where a boolean is wanted"),
        ("upper(a)", "upper of a int, where a string is wanted"),
        ("upper()", "upper of 0 arguments (at 1:1 of the expression): write 1"),
        (
            "a + ",
            "the expression ends too early (at 1:5 of the expression): write a column, a value, a function or ( here",
        ),
        (
            "a b",
            "b is not expected here (at 1:3 of the expression): write an operator, or the end here",
        ),
        ("end = 1", "the keyword end is not expected here"),
        ("(a", "write ) here"),
        ("1 / 0", "this part divides by zero whatever the row is"),
        (
            "cast(a as it)",
            "unknown type it (at 1:11 of the expression): did you mean int?",
        ),
        ("cast(t as date)", "a boolean is never a date"),
        ("date '2013-02-30'", "'2013-02-30' is no date"),
        ("extract(years_ from d)", "years_ cannot be extracted"),
        ("extract(hour from d)", "write a timestamp: a date has no hour"),
        ("regexp_like(s, k)", "k in place of a regular expression"),
        ("regexp_like(s, '(')", "pattern (: "),
        ("z at time zone 'Mars'", "unknown time zone Mars"),
        ("z - z", "write an interval"),
        ("interval '1 day'", "an interval by itself"),
        ("cast(a as decimal(39,1))", "write decimal(p,s)"),
        ("99999999999999999999999999999999999999999", "has more than 38 digits"),
        ("round(p, k)", "write a number from 0 to 38"),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        match values(text) {
            Err(error) if error.contains(expected) => {}
            other => wrong.push(format!("{text}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_value_goes_into_a_column_that_holds_it() {
    let columns = [("a", ColumnType::Int), ("p", AMOUNT), ("s", ColumnType::String)];
    let assigned = |text: &str, kind| Expression::new(text, &columns).unwrap().assigned_to(kind);
    assert!(assigned("a", ColumnType::Long).is_ok());
    assert!(assigned("null", ColumnType::Binary).is_ok());
    assert!(assigned("a", AMOUNT).is_err());
    assert!(assigned("a * 2", ColumnType::Int).is_ok());
    let error = assigned("p", ColumnType::Double).unwrap_err().to_string();
    assert!(error.contains("a decimal(9,2), where a double is wanted"), "{error}");
    assert!(error.contains("write cast(… as double)"), "{error}");
    assert!(assigned("s", ColumnType::Int).is_err());
}

//! No text makes the parser panic; what is printed is read as the same; batches are worth what rows are worth one at a time.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, StringArray, cast::AsArray, types::Int64Type};
use proptest::prelude::*;
use std::sync::Arc;
use watershed_expression::Expression;
use watershed_lake::ColumnType;

const COLUMNS: [(&str, ColumnType); 4] = [
    ("a", ColumnType::Long),
    ("b", ColumnType::Long),
    ("t", ColumnType::Boolean),
    ("s", ColumnType::String),
];

/// Text of expressions of every shape, most of them ill-typed.
fn any_text() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a",
        "b",
        "t",
        "s",
        "null",
        "true",
        "12",
        "1.5",
        "2e3",
        "'it''s'",
        "\"end\"",
        "date '2013-12-31'",
        "interval '3 days'",
    ]);
    leaf.prop_map(String::from).prop_recursive(5, 40, 3, |inner| {
        let operator = prop::sample::select(vec![
            "or", "and", "=", "<>", "<", "<=", ">", ">=", "||", "+", "-", "*", "/", "%",
        ]);
        let test = prop::sample::select(vec![
            "is null",
            "is not null",
            "in (1, 2)",
            "not in ('x')",
            "between 1 and 2",
            "like 'a%'",
            "at time zone 'UTC'",
        ]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(l, o, r)| format!("({l}) {o} ({r})")),
            (
                inner.clone(),
                prop::sample::select(vec!["-", "+", "*", "and"]),
                inner.clone()
            )
                .prop_map(|(l, o, r)| format!("{l} {o} {r}")),
            (inner.clone(), test).prop_map(|(of, test)| format!("({of}) {test}")),
            inner.clone().prop_map(|of| format!("not ({of})")),
            inner.clone().prop_map(|of| format!("- ({of})")),
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("coalesce({l}, {r})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(c, l, r)| format!("case when {c} then {l} else {r} end")),
            inner.clone().prop_map(|of| format!("try_cast({of} as decimal(9,2))")),
            inner.prop_map(|of| format!("extract(year from {of})")),
        ]
    })
}

/// What a row is worth: a value, null, or a failure.
type Worth = Result<Option<i64>, ()>;

/// Numbers and conditions (0 and 1) of two numbers, by the definition, a row at a time.
#[derive(Debug, Clone)]
enum Naive {
    A,
    B,
    Number(i64),
    Null,
    Calculate(char, Box<Naive>, Box<Naive>),
    Less(Box<Naive>, Box<Naive>),
    And(Box<Naive>, Box<Naive>),
    Or(Box<Naive>, Box<Naive>),
    Not(Box<Naive>),
    IsNull(Box<Naive>),
    Case(Box<Naive>, Box<Naive>, Box<Naive>),
    Coalesce(Box<Naive>, Box<Naive>),
}

impl Naive {
    fn text(&self) -> String {
        match self {
            Self::A => "a".into(),
            Self::B => "b".into(),
            Self::Number(n) => n.to_string(),
            Self::Null => "cast(null as bigint)".into(),
            Self::Calculate('/', l, r) => format!("div({}, {})", l.text(), r.text()),
            Self::Calculate(sign, l, r) => format!("({} {sign} {})", l.text(), r.text()),
            Self::Less(l, r) => format!("({} < {})", l.text(), r.text()),
            Self::And(l, r) => format!("({} and {})", l.text(), r.text()),
            Self::Or(l, r) => format!("({} or {})", l.text(), r.text()),
            Self::Not(of) => format!("(not {})", of.text()),
            Self::IsNull(of) => format!("({} is null)", of.text()),
            Self::Case(c, l, r) => format!("case when {} then {} else {} end", c.text(), l.text(), r.text()),
            Self::Coalesce(l, r) => format!("coalesce({}, {})", l.text(), r.text()),
        }
    }

    fn worth(&self, row: (Option<i64>, Option<i64>)) -> Worth {
        let of = |naive: &Self| naive.worth(row);
        // A failure is stronger than null: whatever the other side is.
        let both = |l: &Self, r: &Self| -> Result<Option<(i64, i64)>, ()> {
            let (l, r) = (of(l), of(r));
            Ok(l?.zip(r?))
        };
        Ok(match self {
            Self::A => row.0,
            Self::B => row.1,
            Self::Number(n) => Some(*n),
            Self::Null => None,
            Self::Calculate(sign, l, r) => match both(l, r)? {
                None => None,
                Some((l, r)) => Some(
                    match sign {
                        '+' => l.checked_add(r),
                        '-' => l.checked_sub(r),
                        '*' => l.checked_mul(r),
                        _ => l.checked_div(r),
                    }
                    .ok_or(())?,
                ),
            },
            Self::Less(l, r) => both(l, r)?.map(|(l, r)| i64::from(l < r)),
            Self::And(l, r) => match (of(l), of(r)) {
                (Ok(Some(0)), _) | (_, Ok(Some(0))) => Some(0),
                (l, r) => l?.zip(r?).map(|_| 1),
            },
            Self::Or(l, r) => match (of(l), of(r)) {
                (Ok(Some(1)), _) | (_, Ok(Some(1))) => Some(1),
                (l, r) => l?.zip(r?).map(|_| 0),
            },
            Self::Not(inner) => of(inner)?.map(|value| 1 - value),
            Self::IsNull(inner) => Some(i64::from(of(inner)?.is_none())),
            Self::Case(c, l, r) => {
                if of(c)? == Some(1) {
                    of(l)?
                } else {
                    of(r)?
                }
            }
            Self::Coalesce(l, r) => match of(l)? {
                None => of(r)?,
                value => value,
            },
        })
    }
}

fn numbers(depth: u32) -> BoxedStrategy<Naive> {
    let leaf = prop_oneof![
        3 => Just(Naive::A),
        3 => Just(Naive::B),
        1 => Just(Naive::Null),
        2 => prop::sample::select(vec![0, 1, 2, i64::MAX]).prop_map(Naive::Number),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let inner = numbers(depth - 1);
    let pair = (inner.clone(), inner.clone()).prop_map(|(l, r)| (Box::new(l), Box::new(r)));
    prop_oneof![
        1 => leaf,
        4 => (prop::sample::select(vec!['+', '-', '*', '/']), pair.clone()).prop_map(|(sign, (l, r))| Naive::Calculate(sign, l, r)),
        1 => pair.clone().prop_map(|(l, r)| Naive::Coalesce(l, r)),
        2 => (conditions(depth - 1), pair).prop_map(|(c, (l, r))| Naive::Case(Box::new(c), l, r)),
    ]
    .boxed()
}

fn conditions(depth: u32) -> BoxedStrategy<Naive> {
    let inner = numbers(depth.saturating_sub(1));
    let less = (inner.clone(), inner.clone()).prop_map(|(l, r)| Naive::Less(Box::new(l), Box::new(r)));
    let null = inner.prop_map(|of| Naive::IsNull(Box::new(of)));
    if depth == 0 {
        return less.boxed();
    }
    let inner = conditions(depth - 1);
    let pair = (inner.clone(), inner.clone()).prop_map(|(l, r)| (Box::new(l), Box::new(r)));
    prop_oneof![
        2 => less,
        1 => null,
        2 => pair.clone().prop_map(|(l, r)| Naive::And(l, r)),
        2 => pair.prop_map(|(l, r)| Naive::Or(l, r)),
        1 => inner.prop_map(|of| Naive::Not(Box::new(of))),
    ]
    .boxed()
}

fn value() -> impl Strategy<Value = Option<i64>> {
    prop::option::weighted(0.8, prop::sample::select(vec![0, 1, -1, 2, 7, i64::MAX, i64::MIN]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in "\\PC{0,120}") {
        let _ = Expression::new(&text, &COLUMNS);
    }

    #[test]
    fn no_tokens_panic(parts in prop::collection::vec(prop::sample::select(vec![
        "a", "s", "t", "(", ")", ",", "'x'", "\"y\"", "1", ".5", "1e9", "+", "-", "*", "/", "%", "||", "<", "=", "is", "not",
        "null", "in", "between", "and", "or", "like", "case", "when", "then", "else", "end", "cast", "try_cast", "as",
        "int", "decimal", "extract", "year", "from", "interval", "date", "'2013-12-31'", "at", "time", "zone", "'UTC'",
        "coalesce", "round", "substring", "regexp_replace", "é", "'",
    ]), 0..25)) {
        let _ = Expression::new(&parts.join(" "), &COLUMNS);
    }

    #[test]
    fn what_is_printed_is_read_as_the_same(text in any_text()) {
        let printed = Expression::printed(&text);
        prop_assume!(printed.is_ok());
        let printed = printed.unwrap();
        prop_assert_eq!(&Expression::printed(&printed).unwrap(), &printed);
        let kind = |text: &str| Expression::new(text, &COLUMNS).ok().map(|expression| expression.kind());
        prop_assert_eq!(kind(&text), kind(&printed));
    }

    #[test]
    fn nothing_that_is_well_typed_panics(text in any_text(), a in value(), s in "\\PC{0,5}") {
        if let Ok(expression) = Expression::new(&text, &COLUMNS) {
            let columns: [ArrayRef; 4] = [
                Arc::new(Int64Array::from(vec![a])),
                Arc::new(Int64Array::from(vec![None])),
                Arc::new(BooleanArray::from(vec![true])),
                Arc::new(StringArray::from(vec![s])),
            ];
            prop_assert_eq!(expression.evaluate(&columns, 1).values.len(), 1);
        }
    }

    #[test]
    fn a_batch_is_worth_what_its_rows_are(
        naive in numbers(4),
        rows in prop::collection::vec((value(), value()), 1..12),
    ) {
        // A part without columns that fails is refused beforehand.
        let Ok(expression) = Expression::new(&naive.text(), &COLUMNS) else { return Ok(()) };
        let expression = expression.assigned_to(ColumnType::Long).unwrap();
        let columns: [ArrayRef; 4] = [
            Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>()),
            Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>()),
            Arc::new(BooleanArray::from(vec![None; rows.len()])),
            Arc::new(StringArray::new_null(rows.len())),
        ];
        let found = expression.evaluate(&columns, rows.len());
        let values = found.values.as_primitive::<Int64Type>();
        for (index, row) in rows.iter().enumerate() {
            let failed = found.failures.iter().any(|failure| failure.row as usize == index);
            let worth = if failed { Err(()) } else { Ok(values.is_valid(index).then(|| values.value(index))) };
            prop_assert_eq!(worth, naive.worth(*row), "{} of {:?}", naive.text(), row);
        }
    }
}

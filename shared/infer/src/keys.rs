//! Which columns may be the primary key, and which may be the partition.

use crate::{
    Sure,
    profile::{Column, Distinct},
    seen::ids,
    temporal::is_time_name,
    values::Values,
};
use std::collections::{BTreeSet, HashSet};
use watershed_lake::ColumnType;

/// Columns that pairs are made of: the likeliest ones.
const MAX_PAIRED: usize = 10;
/// Rows from which on a column that is unique is so by no accident.
const MIN_ROWS: usize = 100;
/// Longest text that is a key, in characters: a UUID.
const MAX_KEY_CHARS: usize = 36;
/// Longest time that a partition by month may span: more make too many files of an object.
const MAX_SPAN_DAYS: i128 = 366 * 30;
/// Microseconds of a day.
const DAY_US: i128 = 86_400_000_000;

/// What may be the primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// One or two columns.
    pub columns: Vec<usize>,
    /// Unsure: the draft says it in a comment only.
    pub sure: Sure,
}

/// What may be the partition, by month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    /// A date or a timestamp.
    pub column: usize,
    /// How sure.
    pub sure: Sure,
}

/// The smallest set of columns that is unique and never null in each object.
pub fn key(columns: &[Column], values: &[Values<'_>], nulls: &BTreeSet<String>, rows: usize) -> Option<Key> {
    if rows < 2 {
        return None;
    }
    let mut fitting: Vec<usize> = (0..columns.len())
        .filter(|index| may_be_key(&columns[*index]))
        .collect();
    // The likelier ones first, in the object's order.
    fitting.sort_by_key(|index| std::cmp::Reverse(rank(&columns[*index])));
    let single = fitting
        .iter()
        .find(|index| columns[**index].unique && !is_time(&columns[**index]));
    if let Some(index) = single {
        // The first column is often the key, whatever it is called.
        let sure = sure(*index == 0 || rank(&columns[*index]) > 1, rows);
        return Some(Key {
            columns: vec![*index],
            sure,
        });
    }
    let paired: Vec<(usize, Vec<Vec<Option<u128>>>)> = fitting
        .into_iter()
        .take(MAX_PAIRED)
        .map(|index| (index, ids(&values[index], &columns[index], nulls)))
        .collect();
    let pairs = paired
        .iter()
        .enumerate()
        .flat_map(|(at, a)| paired[at + 1..].iter().map(move |b| (a, b)));
    let mut found: Vec<(usize, Vec<usize>)> = pairs
        .filter(|(a, b)| are_unique(&a.1, &b.1))
        .map(|(a, b)| {
            (
                rank(&columns[a.0]) + rank(&columns[b.0]),
                vec![a.0.min(b.0), a.0.max(b.0)],
            )
        })
        .collect();
    found.sort_by_key(|(rank, columns)| (std::cmp::Reverse(*rank), columns.clone()));
    let (rank, columns) = found.into_iter().next()?;
    Some(Key {
        columns,
        sure: sure(rank > 2, rows),
    })
}

fn sure(named: bool, rows: usize) -> Sure {
    if named && rows >= MIN_ROWS {
        Sure::Likely
    } else {
        Sure::Unsure
    }
}

fn may_be_key(column: &Column) -> bool {
    let kind = matches!(column.kind, ColumnType::Int | ColumnType::Long | ColumnType::String) || is_time(column);
    let short = column.lengths.is_none_or(|(_, longest)| longest <= MAX_KEY_CHARS);
    let several = column.distinct != Distinct::Exactly(1);
    // Of personal columns only text can be a key: it is hashed, others are dropped.
    let shown = column.personal.is_none() || (column.kind == ColumnType::String && rank(column) > 1);
    kind && short && several && column.nulls == 0 && shown
}

fn is_time(column: &Column) -> bool {
    matches!(
        column.kind,
        ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampTz
    )
}

/// How much a column's name and type say that it is a key.
fn rank(column: &Column) -> usize {
    const WORDS: [&str; 9] = ["id", "key", "code", "no", "nr", "number", "uuid", "guid", "num"];
    let last = column.name.rsplit('_').next().unwrap_or_default();
    match () {
        () if ["id", "uuid", "key"].contains(&column.name.as_str()) => 4,
        () if WORDS.contains(&last) => 3,
        () if ["id", "key", "code", "number"].iter().any(|word| last.ends_with(word)) && last.len() <= 12 => 2,
        () if column.kind == ColumnType::String || is_time(column) => 1,
        () => 0,
    }
}

fn are_unique(a: &[Vec<Option<u128>>], b: &[Vec<Option<u128>>]) -> bool {
    a.iter().zip(b).all(|(a, b)| {
        let mut seen = HashSet::with_capacity(a.len());
        a.iter().zip(b).all(|pair| seen.insert(pair))
    })
}

/// A date or a timestamp by which the rows may be told apart; not one of a person.
pub fn partition(columns: &[Column], values: &[Values<'_>], nulls: &BTreeSet<String>) -> Option<Partition> {
    let fits = |index: &usize| {
        let column = &columns[*index];
        is_time(column) && column.personal.is_none() && span_days(&values[*index], column, nulls) <= MAX_SPAN_DAYS
    };
    let by_name = |index: &usize| (!is_time_name(&columns[*index].name), columns[*index].nulls > 0, *index);
    let column = (0..columns.len()).filter(fits).min_by_key(by_name)?;
    let sure = if is_time_name(&columns[column].name) {
        Sure::Likely
    } else {
        Sure::Unsure
    };
    Some(Partition { column, sure })
}

fn span_days(values: &Values<'_>, column: &Column, nulls: &BTreeSet<String>) -> i128 {
    let ids = ids(values, column, nulls);
    let places = || ids.iter().flatten().flatten().map(|id| *id as i128);
    let (Some(min), Some(max)) = (places().min(), places().max()) else {
        return 0;
    };
    let unit = if column.kind == ColumnType::Date { 1 } else { DAY_US };
    (max - min) / unit
}

//! What the columns hold: nulls, ranges, lengths, different values.

use crate::{
    Draft, MAX_SAMPLES, Refusal, Sure,
    guess::{self, Guess},
    keys, names,
    personal::personal,
    sample::{Layout, Sample},
    seen::{MAX_DISTINCT, MAX_SHOWN_CHARS, Seen, shown},
    values::{NULLS, NULLS_OF_TEXT, Values},
};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use watershed_contract::{EpochUnit, limits::MAX_CONTRACT_BYTES};
use watershed_lake::ColumnType;

/// Different values of a column that may be an enumeration.
const MAX_ENUM: usize = 20;
/// Rows for each of them, so that they are no accident.
const MIN_ROWS_PER_ENUM: usize = 10;
/// Longest text that is a code: `NA` is Namibia.
const MAX_CODE_BYTES: usize = 3;

/// How many different values a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distinct {
    /// So many.
    Exactly(usize),
    /// More than are counted.
    Many,
}

/// Smallest and largest value, as the object writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    /// Smallest.
    pub min: String,
    /// Largest.
    pub max: String,
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Name in the table.
    pub name: String,
    /// Name in the object.
    pub source: String,
    /// Type.
    pub kind: ColumnType,
    /// `strftime` patterns; none: ISO 8601.
    pub formats: Vec<String>,
    /// Unit of times that are numbers.
    pub epoch: Option<EpochUnit>,
    /// Spellings of true and false, where they are not the usual ones.
    pub booleans: Option<(&'static str, &'static str)>,
    /// Timestamps without offset are taken for UTC.
    pub utc: bool,
    /// How sure the type is.
    pub sure: Sure,
    /// Rows in which it is null.
    pub nulls: usize,
    /// Spellings of null that were found, and how often.
    pub spellings: BTreeMap<String, usize>,
    /// Different values.
    pub distinct: Distinct,
    /// No value stands twice in one object, and none is null.
    pub unique: bool,
    /// Smallest and largest; none where it is personal or has no value.
    pub ends: Option<Ends>,
    /// Fewest and most characters of a text.
    pub lengths: Option<(usize, usize)>,
    /// Some values; none where it is personal.
    pub examples: Vec<String>,
    /// All values, where they are few and often repeated.
    pub values: Vec<String>,
    /// Why it seems personal.
    pub personal: Option<&'static str>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// The draft of objects of one shape.
pub fn draft(samples: &[Sample], key: &str) -> Result<Draft, Refusal> {
    let (first, others) = samples
        .split_first()
        .ok_or_else(|| Refusal::new("no object", "name one or more"))?;
    if samples.len() > MAX_SAMPLES {
        let message = format!("{} objects", samples.len());
        return Err(Refusal::new(message, format!("choose {MAX_SAMPLES} of them")));
    }
    for other in others {
        check_shape(first, other)?;
    }
    let sources = sources(samples);
    let names = names::columns(&sources);
    let all: Vec<Values<'_>> = sources
        .iter()
        .zip(&names)
        .map(|(source, name)| values(samples, source, name))
        .collect();
    let guesses: Vec<Guess> = all
        .iter()
        .enumerate()
        .map(|(index, values)| guessed(first, index, values))
        .collect();
    let nulls = nulls(first, &all, &guesses);
    let columns: Vec<Column> = all
        .iter()
        .zip(guesses)
        .zip(sources)
        .map(|((values, guess), source)| column(values, guess, source, &nulls))
        .collect();
    let rows = samples.iter().map(Sample::rows).sum();
    let mut notes: Vec<String> = Vec::new();
    for note in samples.iter().flat_map(|sample| &sample.notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    let draft = Draft {
        place: names::place(key),
        layout: first.layout.clone(),
        layout_sure: samples
            .iter()
            .map(|sample| sample.layout_sure)
            .min()
            .unwrap_or(Sure::Unsure),
        encoding: first.encoding,
        rows,
        left_out: samples.iter().map(|sample| sample.left_out).sum(),
        complete: samples.iter().all(|sample| sample.complete),
        key: keys::key(&columns, &all, &nulls, rows),
        partition: keys::partition(&columns, &all, &nulls),
        nulls: nulls.into_iter().collect(),
        columns,
        notes,
    };
    check_size(draft)
}

/// Names may be so long that their contract is too large to be read.
fn check_size(draft: Draft) -> Result<Draft, Refusal> {
    let bytes = draft.yaml().len();
    if bytes <= MAX_CONTRACT_BYTES {
        return Ok(draft);
    }
    Err(Refusal::new(
        format!("the contract would have {bytes} bytes, more than {MAX_CONTRACT_BYTES}"),
        "give the columns shorter names",
    ))
}

/// One contract reads both.
fn check_shape(a: &Sample, b: &Sample) -> Result<(), Refusal> {
    let differ = |what: String| {
        let message = format!("{} and {} are of two shapes: {what}", a.label, b.label);
        Err(Refusal::new(message, "make a draft of each"))
    };
    if a.encoding != b.encoding {
        return differ(format!("{} and {}", a.encoding.name(), b.encoding.name()));
    }
    if a.layout != b.layout {
        return differ(format!("{} and {}", a.layout.describe(), b.layout.describe()));
    }
    let (of_a, of_b): (BTreeSet<_>, BTreeSet<_>) = (a.names.iter().collect(), b.names.iter().collect());
    let shared = of_a.intersection(&of_b).count();
    // Keys of JSON may be missing; fields of records are not.
    if of_a == of_b || (a.layout.is_json() && shared * 2 >= of_a.len().max(of_b.len())) {
        return if a.kinds == b.kinds || of_a != of_b || a.names != b.names {
            Ok(())
        } else {
            differ("their columns have other types".into())
        };
    }
    let only = |a: &BTreeSet<&String>, b: &BTreeSet<&String>| {
        let names: Vec<&str> = a.difference(b).take(5).map(|name| name.as_str()).collect();
        if names.is_empty() {
            "none".into()
        } else {
            names.join(", ")
        }
    };
    differ(format!(
        "columns of the first only: {}; of the second only: {}",
        only(&of_a, &of_b),
        only(&of_b, &of_a)
    ))
}

/// The columns of all objects, as they come.
fn sources(samples: &[Sample]) -> Vec<String> {
    let mut seen = HashSet::new();
    let all = samples.iter().flat_map(|sample| &sample.names);
    all.filter(|name| seen.insert(*name)).cloned().collect()
}

fn values<'a>(samples: &'a [Sample], source: &str, name: &'a str) -> Values<'a> {
    let field = |sample: &'a Sample| (sample, sample.names.iter().position(|name| name == source));
    Values {
        name,
        parts: samples.iter().map(field).collect(),
    }
}

fn guessed(first: &Sample, index: usize, values: &Values<'_>) -> Guess {
    match &first.kinds {
        Some(kinds) => Guess::plain(kinds[index], Sure::Certain),
        None => guess::guess(values),
    }
}

/// What stands for null in the objects: spellings found where a number, a date or a truth value should stand, those that are no word, and
/// the empty field.
fn nulls(first: &Sample, all: &[Values<'_>], guesses: &[Guess]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if first.kinds.is_some() {
        return found;
    }
    for (values, guess) in all.iter().zip(guesses) {
        let is_text = guess.kind == ColumnType::String;
        let known = if is_text && is_code(values) {
            &NULLS[..NULLS_OF_TEXT]
        } else {
            &NULLS[..]
        };
        let empty = is_text && matches!(first.layout, Layout::Csv(_));
        for text in values.texts().flatten() {
            if text.is_empty() && empty && !found.contains("") {
                found.insert(String::new());
            }
            if let Some(null) = known.iter().find(|null| null.as_bytes() == text)
                && !found.contains(*null)
            {
                found.insert((*null).into());
            }
        }
    }
    found
}

/// True where most texts are so short that a spelling of null may be one of them.
fn is_code(values: &Values<'_>) -> bool {
    let long = values.values().filter(|text| text.len() > MAX_CODE_BYTES).count();
    long * 2 < values.values().count()
}

fn column(values: &Values<'_>, guess: Guess, source: String, nulls: &BTreeSet<String>) -> Column {
    let parser = guess.parser(nulls);
    let (arrays, _) = values.read(&parser);
    let seen = Seen::of(values, guess.kind, &arrays, nulls);
    let looked_through = matches!(
        guess.kind,
        ColumnType::String | ColumnType::Int | ColumnType::Long | ColumnType::Decimal { .. }
    );
    let personal = if looked_through {
        personal(values.name, values.values())
    } else {
        personal(values.name, std::iter::empty())
    };
    let distinct = if seen.distinct.len() > MAX_DISTINCT {
        Distinct::Many
    } else {
        Distinct::Exactly(seen.distinct.len())
    };
    let is_text = guess.kind == ColumnType::String;
    let is_enum = is_text
        && (1..=MAX_ENUM).contains(&seen.distinct.len())
        && seen.values >= seen.distinct.len() * MIN_ROWS_PER_ENUM
        && seen.lengths.1 <= MAX_SHOWN_CHARS;
    let mut listed: Vec<String> = if is_enum && personal.is_none() {
        seen.distinct.iter().map(|text| shown(text)).collect()
    } else {
        Vec::new()
    };
    listed.sort();
    let show = personal.is_none();
    Column {
        name: values.name.into(),
        source,
        kind: guess.kind,
        formats: guess.formats,
        epoch: guess.epoch,
        booleans: guess.booleans,
        utc: guess.utc,
        sure: guess.sure,
        nulls: seen.rows - seen.values,
        spellings: seen.spellings,
        distinct,
        unique: seen.unique && seen.values > 0,
        ends: seen.ends.filter(|_| show).map(|(min, max)| Ends {
            min: shown(min.1),
            max: shown(max.1),
        }),
        lengths: (is_text && seen.values > 0).then_some(seen.lengths),
        examples: if show {
            seen.examples.iter().map(|text| shown(text)).collect()
        } else {
            Vec::new()
        },
        values: listed,
        personal,
        notes: guess.notes,
    }
}

impl Column {
    /// How its values are read.
    pub(crate) fn as_guess(&self) -> Guess {
        Guess {
            formats: self.formats.clone(),
            epoch: self.epoch,
            booleans: self.booleans,
            utc: self.utc,
            ..Guess::plain(self.kind, self.sure)
        }
    }
}

//! `aggregates` of a window: what is worked out, of which column, and the columns that come of it.

use super::{OutputColumn, input_type, windows};
use crate::{
    diagnostic::shown,
    property::Property,
    reader::{At, Map},
};
use watershed_lake::{
    Column, ColumnType,
    table::is_identifier,
    windows::{frequent, output},
};
use watershed_stream::{
    Aggregate, DEFAULT_ACCURACY, DEFAULT_PRECISION, Function, InputType, MAX_ACCURACY, MAX_AGGREGATES, MAX_PRECISION,
    MAX_QUANTILES, MAX_TOP, MIN_ACCURACY, MIN_PRECISION,
};

const KEYS: [&str; 7] = [
    "name",
    "function",
    "column",
    "probabilities",
    "accuracy",
    "precision",
    "k",
];
/// How many values `top` gives, unless the contract says something else.
const DEFAULT_TOP: u16 = 10;
/// Digits of a decimal at most (Iceberg specification, "Primitive Types").
const MAX_DIGITS: u8 = 38;
/// Decimals of a percentage in a column's name.
const PERCENT_DECIMALS: usize = 4;

/// A function, without what is to be said of it.
#[derive(Clone, Copy, PartialEq)]
enum Word {
    Records,
    Count,
    Sum,
    Mean,
    Stddev,
    Min,
    Max,
    First,
    Last,
    Distinct,
    Quantiles,
    Top,
}

const WORDS: [(&str, Word); 12] = [
    ("records", Word::Records),
    ("count", Word::Count),
    ("sum", Word::Sum),
    ("mean", Word::Mean),
    ("stddev", Word::Stddev),
    ("min", Word::Min),
    ("max", Word::Max),
    ("first", Word::First),
    ("last", Word::Last),
    ("distinct", Word::Distinct),
    ("quantiles", Word::Quantiles),
    ("top", Word::Top),
];

/// The aggregates of a window.
#[derive(Default)]
pub(super) struct Read {
    pub(super) aggregates: Vec<Aggregate>,
    /// Columns that are aggregated, by their index, each once.
    pub(super) inputs: Vec<usize>,
    pub(super) input_types: Vec<InputType>,
    /// Columns of the window's table, and what they are.
    pub(super) columns: Vec<Column>,
    pub(super) outputs: Vec<OutputColumn>,
}

/// None, where there are none or something of one was reported, in the place of that one.
pub(super) fn read(map: &Map<'_>, columns: &[Property<'_>]) -> Read {
    let mut read = Read::default();
    let Some(list) = map.need("aggregates", "write aggregates: [{name: rows, function: records}]") else {
        return read;
    };
    let items = list.list();
    if items.len() > MAX_AGGREGATES || (items.is_empty() && list.is_list()) {
        list.error(
            format!("{} aggregates", items.len()),
            format!("write 1 to {MAX_AGGREGATES}"),
        );
    }
    for item in items.iter().take(MAX_AGGREGATES).filter_map(At::map) {
        read.aggregate(&item, columns);
    }
    read
}

impl Read {
    fn aggregate(&mut self, map: &Map<'_>, columns: &[Property<'_>]) -> Option<()> {
        map.only(&KEYS);
        let name = map
            .need("name", "write name: the column of what it gives")
            .and_then(|at| name(&at));
        let word = map
            .need("function", "write function: mean, sum, records, …")
            .and_then(|at| at.word(&WORDS));
        let word = word?;
        let function = function(map, word);
        let column = column(map, word, columns);
        let (name, function) = (name?, function?);
        let input = match column? {
            Some(index) => Some((self.input(index, columns[index].kind?)?, &columns[index].column)),
            None => None,
        };
        self.columns(&name, word, &function, input.map(|(_, column)| column));
        self.aggregates.push(Aggregate {
            name,
            function,
            input: input.map(|(input, _)| input),
        });
        Some(())
    }

    fn input(&mut self, index: usize, kind: ColumnType) -> Option<usize> {
        if let Some(found) = self.inputs.iter().position(|other| *other == index) {
            return Some(found);
        }
        self.input_types.push(input_type(kind)?);
        self.inputs.push(index);
        Some(self.inputs.len() - 1)
    }

    /// Makes the columns of the next aggregate.
    fn columns(&mut self, name: &str, word: Word, function: &Function, input: Option<&Column>) {
        let aggregate = self.aggregates.len();
        let of = input.map_or(String::new(), |input| format!(" of {}", input.name));
        let doc = |what: &str| format!("{what}{of}");
        let mut push = |column: Column, quantile: Option<usize>| {
            self.columns.push(Column {
                classification: input
                    .filter(|_| shows_values(function))
                    .and_then(|input| input.classification.clone()),
                ..column
            });
            self.outputs.push(OutputColumn { aggregate, quantile });
        };
        match function {
            Function::Quantiles { probabilities, .. } => {
                for (at, probability) in probabilities.iter().enumerate() {
                    let percent = percent(*probability);
                    let name = format!("{name}_p{}", percent.replace('.', "_"));
                    let doc = doc(&format!("{percent} % of the values are no larger: quantile"));
                    push(output(&name, ColumnType::Double, &doc), Some(at));
                }
            }
            Function::Top { .. } => push(frequent(name, &doc("Most frequent values")), None),
            other => {
                let kind = kind_of(other, input.map(|input| input.kind));
                let what = WORDS
                    .iter()
                    .find(|(_, other)| *other == word)
                    .map_or("", |(text, _)| text);
                push(output(name, kind, &doc(what)), None);
            }
        }
    }
}

/// Whether what comes of it are values as they stand in the column.
fn shows_values(function: &Function) -> bool {
    matches!(
        function,
        Function::Min | Function::Max | Function::First | Function::Last | Function::Top { .. }
    )
}

/// What is given of a column of that type. A sum has all digits that there are, so that it is exact.
fn kind_of(function: &Function, input: Option<ColumnType>) -> ColumnType {
    match (function, input) {
        (Function::Sum, Some(ColumnType::Decimal { scale, .. })) => ColumnType::Decimal {
            precision: MAX_DIGITS,
            scale,
        },
        (Function::Sum, Some(ColumnType::Int | ColumnType::Long)) => ColumnType::Decimal {
            precision: MAX_DIGITS,
            scale: 0,
        },
        (Function::Min | Function::Max | Function::First | Function::Last, Some(kind)) => kind,
        (Function::Sum | Function::Mean | Function::Stddev, _) => ColumnType::Double,
        _ => ColumnType::Long,
    }
}

fn name(at: &At<'_>) -> Option<String> {
    let name = at.text()?;
    if !is_identifier(name) {
        at.error(
            format!("an aggregate named {}", shown(name)),
            "write a-z, 0-9 and _, starting with a letter",
        );
        return None;
    }
    Some(name.into())
}

/// The function, with what is said of it. What is said of others is reported.
fn function(map: &Map<'_>, word: Word) -> Option<Function> {
    if word != Word::Quantiles {
        map.refuse(&["probabilities", "accuracy"], "only quantiles have it: remove it");
    }
    if word != Word::Distinct {
        map.refuse(&["precision"], "only distinct has it: remove it");
    }
    if word != Word::Top {
        map.refuse(&["k"], "only top has it: remove it");
    }
    Some(match word {
        Word::Records => Function::Records,
        Word::Count => Function::Count,
        Word::Sum => Function::Sum,
        Word::Mean => Function::Mean,
        Word::Stddev => Function::Stddev,
        Word::Min => Function::Min,
        Word::Max => Function::Max,
        Word::First => Function::First,
        Word::Last => Function::Last,
        Word::Distinct => {
            let (low, high) = (i64::from(MIN_PRECISION), i64::from(MAX_PRECISION));
            let read = map.get("precision").map(|at| at.integer(low, high));
            let precision = read.unwrap_or(Some(i64::from(DEFAULT_PRECISION)))?;
            Function::Distinct {
                precision: u8::try_from(precision).ok()?,
            }
        }
        Word::Quantiles => {
            let (probabilities, accuracy) = (probabilities(map), map.get("accuracy").map(|at| accuracy(&at)));
            Function::Quantiles {
                probabilities: probabilities?,
                accuracy: accuracy.unwrap_or(Some(DEFAULT_ACCURACY))?,
            }
        }
        Word::Top => {
            let read = map.get("k").map(|at| at.integer(1, i64::from(MAX_TOP)));
            let values = read.unwrap_or(Some(i64::from(DEFAULT_TOP)))?;
            Function::Top {
                values: u16::try_from(values).ok()?,
            }
        }
    })
}

fn probabilities(map: &Map<'_>) -> Option<Vec<f64>> {
    let list = map.need("probabilities", "write probabilities: [0.5, 0.99]")?;
    let items = list.list();
    if items.is_empty() || items.len() > MAX_QUANTILES {
        if list.is_list() {
            let message = format!("{} probabilities", items.len());
            list.error(message, format!("write 1 to {MAX_QUANTILES}"));
        }
        return None;
    }
    let read = |at: &At<'_>| {
        let value = at.number()?.parse::<f64>().ok()?;
        // The column's name has no more.
        let millionths = value * 1e6;
        let is_short = (millionths - millionths.round()).abs() < 1e-6;
        if !(0.0..=1.0).contains(&value) || !is_short {
            at.wrong("a number from 0 to 1, of six decimals at most");
            return None;
        }
        Some(value)
    };
    let found: Vec<f64> = items.iter().filter_map(read).collect();
    (found.len() == items.len()).then_some(found)
}

/// `0.999` is `99.9`.
fn percent(probability: f64) -> String {
    let text = format!("{:.PERCENT_DECIMALS$}", probability * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').into()
}

fn accuracy(at: &At<'_>) -> Option<f64> {
    let value = at.number()?.parse::<f64>().ok()?;
    if !(MIN_ACCURACY..=MAX_ACCURACY).contains(&value) {
        at.wrong(&format!("a number from {MIN_ACCURACY} to {MAX_ACCURACY}"));
        return None;
    }
    Some(value)
}

/// The column that is aggregated: none of `records`. Outer none: reported.
#[allow(clippy::option_option, reason = "reported, none, or one")]
fn column(map: &Map<'_>, word: Word, columns: &[Property<'_>]) -> Option<Option<usize>> {
    if word == Word::Records {
        map.refuse(
            &["column"],
            "records are counted whatever is in them: remove it, or write function: count",
        );
        return Some(None);
    }
    let at = map.need(
        "column",
        "write column: what it is worked out of; only records has none",
    )?;
    let index = windows::column(&at, columns)?;
    let kind = columns[index].kind?;
    let is_number = matches!(
        input_type(kind),
        Some(InputType::Int | InputType::Float | InputType::Decimal { .. })
    );
    let wants_number = matches!(word, Word::Sum | Word::Mean | Word::Stddev | Word::Quantiles);
    if kind.is_nested() || (wants_number && !is_number) {
        let name = &columns[index].column.name;
        let help = if wants_number {
            "write a column of integers, floats or decimals"
        } else {
            crate::order::FLATTEN
        };
        at.error(format!("an aggregate of {name}, which is of type {kind}"), help);
        return None;
    }
    Some(Some(index))
}

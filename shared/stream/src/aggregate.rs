//! What is asked of the records of a window, and the accumulators that answer it.

use crate::{
    distinct::{MAX_PRECISION, MIN_PRECISION},
    quantile::{MAX_ACCURACY, MAX_QUANTILES, MIN_ACCURACY, Mapping},
    top::MAX_TOP,
    value::{InputType, MAX_SCALE},
};

/// Registers of `Distinct` as a power of two, unless something else is wanted: an error of 1.6 %.
pub const DEFAULT_PRECISION: u8 = 12;
/// Relative error of `Quantiles`, unless something else is wanted.
pub const DEFAULT_ACCURACY: f64 = 0.01;
/// Aggregates of a window.
pub const MAX_AGGREGATES: usize = 64;
/// Input columns of a window.
pub const MAX_INPUTS: usize = 64;

/// A column of the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// The name of the column in the result.
    pub name: String,
    /// What is worked out.
    pub function: Function,
    /// Of which input, counted from 0. `Records` has none.
    pub input: Option<usize>,
}

/// What is worked out. Each is mergeable; the crate's documentation says how far that holds to the byte.
#[derive(Debug, Clone, PartialEq)]
pub enum Function {
    /// Records, whatever they hold.
    Records,
    /// Values.
    Count,
    /// The sum of numbers, exact; of floats it is rounded once, at the end.
    Sum,
    /// The mean of numbers, from the exact sum.
    Mean,
    /// The standard deviation of a sample (by n - 1) of numbers, from the exact sums of values and squares.
    Stddev,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The value with the earliest event time, of those the one that comes first in the stream.
    First,
    /// The value with the latest event time, of those the one that comes last in the stream.
    Last,
    /// About how many distinct values.
    Distinct {
        /// Registers as a power of two, [`MIN_PRECISION`] to [`MAX_PRECISION`]. The relative error is 1.04 / √registers.
        precision: u8,
    },
    /// Quantiles of numbers: the value of rank `p · (n - 1)`, rounded down.
    Quantiles {
        /// 0 to 1, up to [`MAX_QUANTILES`] of them.
        probabilities: Vec<f64>,
        /// The relative error, [`MIN_ACCURACY`] to [`MAX_ACCURACY`], as long as
        /// [`MAX_BUCKETS`](crate::MAX_BUCKETS) buckets hold the values.
        accuracy: f64,
    },
    /// The most frequent values.
    Top {
        /// How many, up to [`MAX_TOP`].
        values: u16,
    },
}

/// What one accumulator takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Take {
    Count,
    Sum,
    Squares,
    Min,
    Max,
    First,
    Last,
    Distinct { precision: u8 },
    Quantiles { mapping: Mapping, decimals: u8 },
    Top { capacity: usize },
}

/// An accumulator of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slot {
    pub(crate) input: usize,
    pub(crate) take: Take,
}

/// How a column of the result is worked out, of accumulators by their place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Recipe {
    Records,
    Plain {
        slot: usize,
    },
    Sum {
        sum: usize,
        count: usize,
        kind: InputType,
    },
    Mean {
        sum: usize,
        count: usize,
        decimals: u8,
    },
    Stddev {
        sum: usize,
        squares: usize,
        count: usize,
        decimals: u8,
    },
    Quantiles {
        slot: usize,
        mapping: Mapping,
        probabilities: Vec<f64>,
    },
    Top {
        slot: usize,
        values: u16,
    },
}

/// Accumulators and recipes: what several aggregates need is held once.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Plan {
    pub(crate) slots: Vec<Slot>,
    pub(crate) recipes: Vec<Recipe>,
}

impl Plan {
    /// `wrong` gets what is wrong, all of it.
    pub(crate) fn new(inputs: &[InputType], aggregates: &[Aggregate], wrong: &mut Vec<String>) -> Self {
        let mut plan = Self::default();
        if inputs.len() > MAX_INPUTS {
            wrong.push(format!("{} inputs: {MAX_INPUTS} at most", inputs.len()));
        }
        for (at, input) in inputs.iter().enumerate() {
            if matches!(input, InputType::Decimal { scale } if *scale > MAX_SCALE) {
                wrong.push(format!("input {at}: a decimal has a scale of {MAX_SCALE} at most"));
            }
        }
        if aggregates.is_empty() || aggregates.len() > MAX_AGGREGATES {
            wrong.push(format!("{} aggregates: give 1 to {MAX_AGGREGATES}", aggregates.len()));
        }
        for (at, aggregate) in aggregates.iter().enumerate() {
            if aggregates[..at].iter().any(|before| before.name == aggregate.name) {
                wrong.push(format!(
                    "aggregate {:?} is there twice: give it another name",
                    aggregate.name
                ));
            }
            match plan.recipe(inputs, aggregate) {
                Ok(recipe) => plan.recipes.push(recipe),
                Err(why) => wrong.push(format!("aggregate {:?}: {why}", aggregate.name)),
            }
        }
        plan
    }

    fn recipe(&mut self, inputs: &[InputType], aggregate: &Aggregate) -> Result<Recipe, String> {
        let (input, kind) = match (&aggregate.function, aggregate.input) {
            (Function::Records, None) => return Ok(Recipe::Records),
            (Function::Records, Some(_)) => {
                return Err("it counts records, of no input: leave the input out, or count its values".into());
            }
            (_, None) => return Err("say of which input".into()),
            (_, Some(input)) => match inputs.get(input) {
                Some(kind) => (input, *kind),
                None => return Err(format!("there is no input {input}, only {}", inputs.len())),
            },
        };
        let mut slot = |take| self.slot(Slot { input, take });
        Ok(match &aggregate.function {
            Function::Records => Recipe::Records,
            Function::Count => Recipe::Plain {
                slot: slot(Take::Count),
            },
            Function::Min => Recipe::Plain { slot: slot(Take::Min) },
            Function::Max => Recipe::Plain { slot: slot(Take::Max) },
            Function::First => Recipe::Plain {
                slot: slot(Take::First),
            },
            Function::Last => Recipe::Plain { slot: slot(Take::Last) },
            Function::Distinct { precision } => {
                if !(MIN_PRECISION..=MAX_PRECISION).contains(precision) {
                    return Err(format!(
                        "a precision is {MIN_PRECISION} to {MAX_PRECISION}, not {precision}"
                    ));
                }
                let precision = *precision;
                Recipe::Plain {
                    slot: slot(Take::Distinct { precision }),
                }
            }
            Function::Top { values } => {
                if !(1..=MAX_TOP).contains(values) {
                    return Err(format!("it gives 1 to {MAX_TOP} values, not {values}"));
                }
                let (values, capacity) = (*values, crate::top::capacity(*values));
                Recipe::Top {
                    slot: slot(Take::Top { capacity }),
                    values,
                }
            }
            Function::Sum | Function::Mean | Function::Stddev | Function::Quantiles { .. } => {
                return self.of_numbers(&aggregate.function, input, kind);
            }
        })
    }

    fn of_numbers(&mut self, function: &Function, input: usize, kind: InputType) -> Result<Recipe, String> {
        let decimals = number(kind)?;
        let mut slot = |take| self.slot(Slot { input, take });
        if let Function::Quantiles {
            probabilities,
            accuracy,
        } = function
        {
            quantiles(probabilities, *accuracy)?;
            let mapping = Mapping::new(*accuracy);
            return Ok(Recipe::Quantiles {
                slot: slot(Take::Quantiles { mapping, decimals }),
                mapping,
                probabilities: probabilities.clone(),
            });
        }
        let (sum, count) = (slot(Take::Sum), slot(Take::Count));
        Ok(match function {
            Function::Sum => Recipe::Sum { sum, count, kind },
            Function::Mean => Recipe::Mean { sum, count, decimals },
            _ => Recipe::Stddev {
                sum,
                squares: slot(Take::Squares),
                count,
                decimals,
            },
        })
    }

    fn slot(&mut self, slot: Slot) -> usize {
        self.slots.iter().position(|held| *held == slot).unwrap_or_else(|| {
            self.slots.push(slot);
            self.slots.len() - 1
        })
    }
}

fn quantiles(probabilities: &[f64], accuracy: f64) -> Result<(), String> {
    if probabilities.is_empty() || probabilities.len() > MAX_QUANTILES {
        return Err(format!("give 1 to {MAX_QUANTILES} quantiles"));
    }
    if let Some(p) = probabilities.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(format!("a quantile is 0 to 1, not {p}"));
    }
    if !(MIN_ACCURACY..=MAX_ACCURACY).contains(&accuracy) {
        return Err(format!(
            "an accuracy is {MIN_ACCURACY} to {MAX_ACCURACY}, not {accuracy}"
        ));
    }
    Ok(())
}

/// Digits after the point of a column of numbers.
fn number(kind: InputType) -> Result<u8, String> {
    match kind {
        InputType::Int | InputType::Float => Ok(0),
        InputType::Decimal { scale } => Ok(scale),
        InputType::Timestamp | InputType::Text | InputType::Bool => {
            Err("it wants an input of integers, floats or decimals".into())
        }
    }
}

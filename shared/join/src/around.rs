//! By place: what all points of a reference around it come to.

use crate::{
    answer::rows_of,
    error::JoinError,
    place::Places,
    points::{Points, check_distance},
    sphere::vector,
};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, cast::AsArray};
use arrow_schema::DataType;
use arrow_select::take::take;
use std::sync::Arc;

/// What is made of the values around a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Their sum. Of whole numbers it is exact; doubles are added in the order of the reference's rows.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

/// A column of the reference, and what is made of it. Null and NaN are no values, and of no values the answer is null.
#[derive(Debug, Clone)]
pub struct Measure {
    /// What is made of the values.
    pub function: Function,
    /// A value for each row of the reference: Float64 or Int64, and so is the answer.
    pub values: ArrayRef,
}

/// What is around the rows of a batch.
#[derive(Debug, Clone)]
pub struct Around {
    /// For each row how many points there are; null where it has no possible place.
    pub count: Int64Array,
    /// Of each measure, in their order, a value for each row.
    pub measures: Vec<ArrayRef>,
}

impl Points {
    /// For each row of a batch what the points within `within_m` metres come to, each place of the batch being worked out once. The work
    /// grows with the points around, so a distance that takes in the whole of a long reference costs as much as it sounds.
    pub fn around(
        &self,
        latitude: &Float64Array,
        longitude: &Float64Array,
        within_m: f64,
        measures: &[Measure],
    ) -> Result<Around, JoinError> {
        check_distance(within_m)?;
        let places = Places::of(latitude, longitude)?;
        let mut columns = measures
            .iter()
            .enumerate()
            .map(|(at, measure)| Column::of(at, measure, self.rows()))
            .collect::<Result<Vec<_>, _>>()?;
        let mut counts = Vec::with_capacity(places.places.len());
        for (number, place) in (0_u32..).zip(&places.places) {
            let rows = self.within(&vector(*place), within_m);
            counts.push(rows.len() as i64);
            for (measure, column) in columns.iter_mut().enumerate() {
                column.add(&rows).map_err(|sum| JoinError::Overflow {
                    measure,
                    row: places.numbers.iter().position(|at| *at == number).unwrap_or(0),
                    sum,
                })?;
            }
        }
        let numbers = rows_of(places.numbers);
        let count = take(&Int64Array::from(counts), &numbers, None)?;
        let measures = columns
            .into_iter()
            .map(|column| Ok(take(&column.finish(), &numbers, None)?))
            .collect::<Result<Vec<_>, JoinError>>()?;
        Ok(Around {
            count: count.as_primitive().clone(),
            measures,
        })
    }
}

/// A measure and its answers so far, one a place.
enum Column<'m> {
    Float(Function, &'m Float64Array, Vec<Option<f64>>),
    Int(Function, &'m Int64Array, Vec<Option<i64>>),
}

impl<'m> Column<'m> {
    fn of(at: usize, measure: &'m Measure, rows: usize) -> Result<Self, JoinError> {
        match measure.values.data_type() {
            DataType::Float64 if measure.values.len() == rows => {
                Ok(Self::Float(measure.function, measure.values.as_primitive(), Vec::new()))
            }
            DataType::Int64 if measure.values.len() == rows => {
                Ok(Self::Int(measure.function, measure.values.as_primitive(), Vec::new()))
            }
            found => Err(JoinError::Measure {
                measure: at,
                found: found.clone(),
                rows: measure.values.len(),
                expected: rows,
            }),
        }
    }

    /// The next place's, of those rows. A sum that does not fit is the error.
    fn add(&mut self, rows: &[u32]) -> Result<(), i128> {
        match self {
            Self::Float(function, values, answers) => {
                let valid = rows.iter().filter(|row| values.is_valid(**row as usize));
                let values = valid
                    .map(|row| values.value(*row as usize))
                    .filter(|value| !value.is_nan());
                answers.push(match function {
                    Function::Sum => values.reduce(|sum, value| sum + value),
                    Function::Min => values.min_by(f64::total_cmp),
                    Function::Max => values.max_by(f64::total_cmp),
                });
            }
            Self::Int(function, values, answers) => {
                let valid = rows.iter().filter(|row| values.is_valid(**row as usize));
                let values = valid.map(|row| values.value(*row as usize));
                answers.push(match function {
                    Function::Sum => sum(values)?,
                    Function::Min => values.min(),
                    Function::Max => values.max(),
                });
            }
        }
        Ok(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Float(.., answers) => Arc::new(Float64Array::from(answers)),
            Self::Int(.., answers) => Arc::new(Int64Array::from(answers)),
        }
    }
}

/// No 2³² values of 64 bits overflow 128.
fn sum(values: impl Iterator<Item = i64>) -> Result<Option<i64>, i128> {
    let sum = values.map(i128::from).reduce(|sum, value| sum + value);
    sum.map(|sum| i64::try_from(sum).map_err(|_| sum)).transpose()
}

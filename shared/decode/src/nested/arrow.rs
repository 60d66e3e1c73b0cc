//! Values that are arrays already, of a Parquet file.

use super::{Field, Found, Shape, lists, nulls, of_lists, offsets, structs};
use crate::parquet_source::typed;
use arrow_array::{Array, ArrayRef, GenericListArray, OffsetSizeTrait, cast::AsArray};
use arrow_schema::{ArrowError, DataType};

/// Types that do not fit: all rows have them, so it is the object that is wrong.
#[derive(Debug)]
pub struct Misfit {
    /// `.price`, `[].price`; empty: the column itself.
    pub path: String,
    /// Of the file.
    pub found: String,
    /// Of the table.
    pub wanted: String,
}

impl Misfit {
    /// Of the value itself.
    pub fn of(found: &DataType, wanted: &DataType) -> Self {
        Self {
            path: String::new(),
            found: found.to_string(),
            wanted: wanted.to_string(),
        }
    }

    fn inside(self, step: &str) -> Self {
        let path = step.to_string() + &self.path;
        Self { path, ..self }
    }
}

impl From<ArrowError> for Misfit {
    fn from(error: ArrowError) -> Self {
        Self {
            path: String::new(),
            found: error.to_string(),
            wanted: "what the table has".into(),
        }
    }
}

impl Shape {
    /// The values of the array, where its type fits the table's: structs by the names of their fields, lists by their elements.
    pub fn convert(&self, array: &ArrayRef, target: &DataType, found: &mut Vec<Found>) -> Result<ArrayRef, Misfit> {
        let misfit = || Misfit::of(array.data_type(), target);
        match (self, target, array.data_type()) {
            (_, _, DataType::Null) => Ok(nulls(target, array.len())),
            (Self::Struct(fields), DataType::Struct(targets), DataType::Struct(_)) => {
                let of = array.as_struct();
                let has = |field: &Field| of.column_by_name(&field.source).is_some();
                if !fields.iter().any(has) {
                    return Err(misfit());
                }
                let valid: Vec<bool> = (0..of.len()).map(|row| of.is_valid(row)).collect();
                let columns = fields.iter().zip(targets).map(|(field, target)| {
                    let step = format!(".{}", field.source);
                    let mut inside = Vec::new();
                    let column = match of.column_by_name(&field.source) {
                        Some(column) => field.convert(column, target.data_type(), &valid, &mut inside),
                        None => field.convert(
                            &nulls(target.data_type(), of.len()),
                            target.data_type(),
                            &valid,
                            &mut inside,
                        ),
                    };
                    found.extend(inside.into_iter().map(|found| {
                        let row = found.row;
                        found.inside(row, &step)
                    }));
                    column.map_err(|misfit| misfit.inside(&step))
                });
                let columns = columns.collect::<Result<Vec<_>, _>>()?;
                Ok(structs(
                    fields.iter().map(|field| field.source.as_str()),
                    columns,
                    valid,
                )?)
            }
            (Self::List(element), DataType::List(target), DataType::List(_)) => {
                elements(element, array.as_list::<i32>(), target.data_type(), found)
            }
            (Self::List(element), DataType::List(target), DataType::LargeList(_)) => {
                elements(element, array.as_list::<i64>(), target.data_type(), found)
            }
            _ => Err(misfit()),
        }
    }
}

fn elements<O: OffsetSizeTrait>(
    element: &Field,
    of: &GenericListArray<O>,
    target: &DataType,
    found: &mut Vec<Found>,
) -> Result<ArrayRef, Misfit> {
    let valid: Vec<bool> = (0..of.len()).map(|row| of.is_valid(row)).collect();
    let lengths: Vec<usize> = of.offsets().lengths().collect();
    let (first, last) = (of.offsets()[0].as_usize(), of.offsets()[of.len()].as_usize());
    let of_rows = offsets(&lengths);
    // A list that is null may have elements behind it, of which nothing is said.
    let is_there: Vec<bool> = valid
        .iter()
        .zip(&lengths)
        .flat_map(|(valid, length)| std::iter::repeat_n(*valid, *length))
        .collect();
    let mut inside = Vec::new();
    let values = of.values().slice(first, last - first);
    let values = element
        .convert(&values, target, &is_there, &mut inside)
        .map_err(|misfit| misfit.inside("[]"))?;
    found.extend(of_lists(inside, &of_rows));
    Ok(lists(lengths, values, valid)?)
}

impl Field {
    /// Converts and checks the values of rows that are `there`.
    fn convert(
        &self,
        array: &ArrayRef,
        target: &DataType,
        there: &[bool],
        found: &mut Vec<Found>,
    ) -> Result<ArrayRef, Misfit> {
        let array = if let Some(shape) = self.parser.shape() {
            shape.convert(array, target, found)?
        } else {
            let mut violations = Vec::new();
            let array = typed(array, target, &self.parser, 0, &mut violations)?;
            found.extend(violations.into_iter().map(Found::of));
            array
        };
        found.retain(|found| there[found.row]);
        self.check(&array, &|row| !there[row], found);
        Ok(array)
    }
}

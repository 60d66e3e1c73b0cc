//! Nested arrays of the table's own types.

use arrow_array::{Array, ArrayRef, ListArray, StructArray, cast::AsArray};
use arrow_schema::{ArrowError, DataType, Field};
use std::sync::Arc;

/// The array as the table has it: fields with their ids, and those not nullable that are required. Nothing is copied.
pub fn fitted(array: &ArrayRef, target: &DataType) -> Result<ArrayRef, ArrowError> {
    Ok(match target {
        _ if array.data_type() == target => Arc::clone(array),
        DataType::Struct(fields) => {
            let of = array.as_struct();
            let columns = of.columns().iter().zip(fields).map(|(c, f)| fitted(c, f.data_type()));
            let columns = columns.collect::<Result<_, _>>()?;
            let nulls = of.nulls().cloned();
            Arc::new(StructArray::try_new_with_length(
                fields.clone(),
                columns,
                nulls,
                of.len(),
            )?)
        }
        DataType::List(element) => {
            let of = array.as_list::<i32>();
            let values = fitted(of.values(), element.data_type())?;
            let (offsets, nulls) = (of.offsets().clone(), of.nulls().cloned());
            Arc::new(ListArray::try_new(Arc::clone(element), offsets, values, nulls)?)
        }
        _ => {
            let message = format!("a column of {}, where the table has {target}", array.data_type());
            return Err(ArrowError::InvalidArgumentError(message));
        }
    })
}

/// The type with nullable fields at every depth.
pub fn loose(target: &DataType) -> DataType {
    let of = |field: &Arc<Field>| Arc::new(Field::new(field.name(), loose(field.data_type()), true));
    match target {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(of).collect()),
        DataType::List(element) => DataType::List(of(element)),
        other => other.clone(),
    }
}

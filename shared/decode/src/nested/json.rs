//! Nested arrays as JSON, for people.

use crate::{arrays, personal::json_text};
use arrow_array::{Array, ArrayRef, cast::AsArray};
use arrow_schema::DataType;

/// The value of a row; none where something in it has no text.
pub fn json(array: &ArrayRef, row: usize) -> Option<String> {
    if array.is_null(row) {
        return Some("null".into());
    }
    match array.data_type() {
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            let members =
                columns.map(|(field, column)| Some(format!("{}: {}", json_text(field.name()), json(column, row)?)));
            Some(format!("{{{}}}", members.collect::<Option<Vec<_>>>()?.join(", ")))
        }
        DataType::List(_) => elements(&array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => elements(&array.as_list::<i64>().value(row)),
        kind => {
            let text = arrays::text(array, row)?;
            let is_number = kind.is_integer() || kind.is_floating() || *kind == DataType::Boolean;
            // Not a number is none of JSON.
            let is_plain = is_number && text.parse::<f64>().is_ok_and(f64::is_finite) || *kind == DataType::Boolean;
            Some(if is_plain { text } else { json_text(&text) })
        }
    }
}

fn elements(values: &ArrayRef) -> Option<String> {
    let all: Option<Vec<String>> = (0..values.len()).map(|at| json(values, at)).collect();
    Some(format!("[{}]", all?.join(", ")))
}

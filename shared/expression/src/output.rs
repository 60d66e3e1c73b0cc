//! What was worked out, as an Arrow array.

use crate::vector::{State, Vector};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array,
    Int64Array, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use std::sync::Arc;
use watershed_lake::ColumnType;

impl Vector {
    /// The values of `rows` rows; null in rows that failed.
    pub(crate) fn into_array(self, kind: ColumnType, rows: usize) -> ArrayRef {
        let known = |row: &usize| self.state(*row) == State::Value;
        let (longs, wides, doubles, booleans) = (self.longs(), self.wides(), self.doubles(), self.booleans());
        let rows = 0..rows;
        let long = |row| known(&row).then(|| longs.at(row));
        // What is kept in 64 bits for a type of 32 was checked when it was made.
        let int = |row| long(row).map(|value| value as i32);
        let double = |row| known(&row).then(|| doubles.at(row));
        match kind {
            ColumnType::Boolean => {
                let values = rows.map(|row| known(&row).then(|| booleans.at(row)));
                Arc::new(values.collect::<BooleanArray>())
            }
            ColumnType::Int => Arc::new(rows.map(int).collect::<Int32Array>()),
            ColumnType::Date => Arc::new(rows.map(int).collect::<Date32Array>()),
            ColumnType::Long => Arc::new(rows.map(long).collect::<Int64Array>()),
            ColumnType::Time => Arc::new(rows.map(long).collect::<Time64MicrosecondArray>()),
            ColumnType::Timestamp => Arc::new(rows.map(long).collect::<TimestampMicrosecondArray>()),
            ColumnType::TimestampTz => Arc::new(
                rows.map(long)
                    .collect::<TimestampMicrosecondArray>()
                    .with_timezone("UTC"),
            ),
            ColumnType::Float => Arc::new(
                rows.map(|row| double(row).map(|value| value as f32))
                    .collect::<Float32Array>(),
            ),
            ColumnType::Double => Arc::new(rows.map(double).collect::<Float64Array>()),
            ColumnType::Decimal { precision, scale } => {
                let values = rows.map(|row| known(&row).then(|| wides.at(row)));
                let typed = values
                    .collect::<Decimal128Array>()
                    .with_precision_and_scale(precision, scale.cast_signed());
                Arc::new(typed.expect("a decimal has 1 to 38 digits, and no more decimals"))
            }
            ColumnType::String => {
                let values = rows.map(|row| known(&row).then(|| self.text(row)));
                Arc::new(values.collect::<StringArray>())
            }
            // No expression makes one: nothing is known of these but whether they are null.
            ColumnType::Binary | ColumnType::Struct | ColumnType::List => Arc::new(BinaryArray::new_null(rows.len())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::Data;
    use arrow_array::Array;

    #[test]
    fn a_constant_stands_in_every_row() {
        let five = Vector::constant(Data::Longs(vec![5].into()));
        let array = five.into_array(ColumnType::Date, 3);
        assert_eq!(array.len(), 3);
        assert_eq!(array.null_count(), 0);
        assert_eq!(Vector::null().into_array(ColumnType::String, 2).null_count(), 2);
    }
}

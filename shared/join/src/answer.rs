//! What a join answers: a row of the reference, or null, for each row of the batch.

use crate::intern::NONE;
use arrow_array::UInt32Array;
use arrow_buffer::{BooleanBuffer, NullBuffer};

/// Null where [`NONE`] stands. There the value is 0, not a row that could not be.
pub(crate) fn rows_of(mut rows: Vec<u32>) -> UInt32Array {
    let valid = BooleanBuffer::collect_bool(rows.len(), |row| rows[row] != NONE);
    let nulls = NullBuffer::new(valid);
    if nulls.null_count() == 0 {
        return UInt32Array::new(rows.into(), None);
    }
    for row in &mut rows {
        if *row == NONE {
            *row = 0;
        }
    }
    UInt32Array::new(rows.into(), Some(nulls))
}

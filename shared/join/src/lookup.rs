//! By key: the one row of a reference that has it.

use crate::{
    MAX_KEY_COLUMNS,
    answer::rows_of,
    error::{BuildError, JoinError, shown},
    intern::NONE,
    key::Keys,
};
use arrow_array::{Array, ArrayRef, UInt32Array};

/// Rows of a reference by their key, which each has for itself.
#[derive(Debug)]
pub struct Lookup {
    keys: Keys,
    /// The row of each key's number.
    rows: Vec<u32>,
    without_key: usize,
}

impl Lookup {
    /// Over all rows of a reference, by 1 to [`MAX_KEY_COLUMNS`] columns of any type but floats, lists and structs. A row whose key is
    /// null in any column matches nothing. A key that two rows have is an error: a lookup never multiplies rows.
    pub fn build(keys: &[ArrayRef]) -> Result<Self, BuildError> {
        let Some(first) = keys.first() else {
            return Err(BuildError::KeyColumns {
                count: 0,
                max: MAX_KEY_COLUMNS,
            });
        };
        let (index, numbers) = Keys::build(keys, first.len())?;
        let mut rows = vec![NONE; index.count() as usize];
        let mut without_key = 0;
        for (row, number) in (0_u32..).zip(&numbers) {
            if *number == NONE {
                without_key += 1;
                continue;
            }
            let known = &mut rows[*number as usize];
            if *known != NONE {
                return Err(BuildError::Duplicate {
                    key: shown(keys.iter(), row as usize),
                    first: *known as usize,
                    second: row as usize,
                });
            }
            *known = row;
        }
        Ok(Self {
            keys: index,
            rows,
            without_key,
        })
    }

    /// For each row of a batch the reference's row of the same key; null where the key is null in any column, or the reference has it
    /// not. Whole numbers and decimals compare by value, and so do texts, bytes and times of one kind however they are stored.
    pub fn rows(&self, keys: &[ArrayRef]) -> Result<UInt32Array, JoinError> {
        let mut numbers = self.keys.find(keys, keys.first().map_or(0, Array::len))?;
        for number in &mut numbers {
            if *number != NONE {
                *number = self.rows[*number as usize];
            }
        }
        Ok(rows_of(numbers))
    }

    /// Rows of the reference that have null in their key, which nothing matches.
    pub fn without_key(&self) -> usize {
        self.without_key
    }

    /// What the index takes, in bytes; the reference's columns, which it does not keep, aside.
    pub fn size_bytes(&self) -> usize {
        self.keys.size_bytes() + self.rows.capacity() * size_of::<u32>()
    }
}

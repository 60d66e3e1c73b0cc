//! Keys of several columns as dense numbers: each column's values are numbered, then the pairs of numbers that come.

use crate::{
    MAX_KEY_COLUMNS, MAX_ROWS,
    error::{BuildError, JoinError},
    intern::{Interner, NONE},
    kind::Kind,
    read,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// A table of all pairs is made where it has no more cells than so many for each row, and these.
const CELLS_PER_ROW: usize = 4;
const FREE_CELLS: usize = 1024;

/// The keys of a reference.
#[derive(Debug)]
pub(crate) struct Keys {
    columns: Vec<Column>,
    /// Of the columns up to each but the first, with it.
    pairs: Vec<Pairs>,
}

#[derive(Debug)]
struct Column {
    data_type: DataType,
    kind: Kind,
    values: Interner,
}

impl Keys {
    /// The keys, and each row's number among them: [`NONE`] where one of its columns is null. Without columns all rows have one key.
    pub(crate) fn build(arrays: &[ArrayRef], rows: usize) -> Result<(Self, Vec<u32>), BuildError> {
        check(arrays, rows)?;
        let mut keys = Self {
            columns: Vec::with_capacity(arrays.len()),
            pairs: Vec::new(),
        };
        let mut numbers: Option<Vec<u32>> = None;
        for (at, array) in arrays.iter().enumerate() {
            let found = || array.data_type().clone();
            let kind = Kind::of(array.data_type()).ok_or_else(|| BuildError::KeyType {
                column: at,
                found: found(),
            })?;
            let mut values = Interner::default();
            let next = read::intern(array.as_ref(), &mut values);
            values.finish();
            let before = keys.count();
            numbers = Some(match numbers.take() {
                None => next,
                Some(mut first) => {
                    keys.pairs.push(Pairs::build(&mut first, before, &next, values.count()));
                    first
                }
            });
            keys.columns.push(Column {
                data_type: found(),
                kind,
                values,
            });
        }
        Ok((keys, numbers.unwrap_or_else(|| vec![0; rows])))
    }

    /// How many keys there are; each number is below that.
    pub(crate) fn count(&self) -> u32 {
        match (self.pairs.last(), self.columns.first()) {
            (Some(pairs), _) => pairs.count,
            (None, Some(column)) => column.values.count(),
            (None, None) => 1,
        }
    }

    pub(crate) fn size_bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(|column| column.values.size_bytes()).sum();
        let pairs: usize = self.pairs.iter().map(Pairs::size_bytes).sum();
        columns + pairs
    }

    /// The number of each row's key, [`NONE`] where it is null or the reference has it not.
    pub(crate) fn find(&self, arrays: &[ArrayRef], rows: usize) -> Result<Vec<u32>, JoinError> {
        if arrays.len() != self.columns.len() {
            return Err(JoinError::KeyColumns {
                reference: self.columns.len(),
                batch: arrays.len(),
            });
        }
        let mut numbers: Option<Vec<u32>> = None;
        for (at, (array, column)) in arrays.iter().zip(&self.columns).enumerate() {
            if array.len() != rows {
                return Err(JoinError::Lengths {
                    first: rows,
                    second: array.len(),
                });
            }
            let scale = Kind::of(array.data_type()).and_then(|kind| kind.to(column.kind));
            let scale = scale.ok_or_else(|| JoinError::Types {
                what: format!("column {at} of the key"),
                reference: column.data_type.clone(),
                batch: array.data_type().clone(),
            })?;
            let next = read::find(array.as_ref(), scale, &column.values);
            numbers = Some(match numbers.take() {
                None => next,
                Some(mut first) => {
                    self.pairs[at - 1].find(&mut first, &next);
                    first
                }
            });
        }
        Ok(numbers.unwrap_or_else(|| vec![0; rows]))
    }
}

fn check(arrays: &[ArrayRef], rows: usize) -> Result<(), BuildError> {
    if arrays.len() > MAX_KEY_COLUMNS {
        return Err(BuildError::KeyColumns {
            count: arrays.len(),
            max: MAX_KEY_COLUMNS,
        });
    }
    check_rows(rows)?;
    match arrays.iter().find(|array| array.len() != rows) {
        Some(array) => Err(BuildError::Lengths {
            first: rows,
            second: array.len(),
        }),
        None => Ok(()),
    }
}

/// Rows of a reference are numbers below [`NONE`].
pub(crate) fn check_rows(rows: usize) -> Result<(), BuildError> {
    if rows > MAX_ROWS {
        return Err(BuildError::TooManyRows { rows, max: MAX_ROWS });
    }
    Ok(())
}

/// Pairs of numbers, numbered.
#[derive(Debug)]
struct Pairs {
    /// Numbers of the second are below that.
    width: usize,
    numbers: Numbers,
    count: u32,
}

#[derive(Debug)]
enum Numbers {
    /// A cell for each pair that could be.
    Cells(Vec<u32>),
    Hashed(RandomState, HashTable<(u64, u32)>),
}

impl Pairs {
    /// Each number of `first` becomes that of its pair.
    fn build(first: &mut [u32], first_count: u32, second: &[u32], second_count: u32) -> Self {
        let width = second_count as usize;
        let cells = (first_count as usize).checked_mul(width);
        let room = first.len().saturating_mul(CELLS_PER_ROW).saturating_add(FREE_CELLS);
        let mut count = 0;
        let numbers = if let Some(cells) = cells.filter(|cells| *cells <= room) {
            let mut table = vec![NONE; cells];
            each(first, second, |first, second| {
                next(&mut table[first as usize * width + second as usize], &mut count)
            });
            Numbers::Cells(table)
        } else {
            let (hasher, mut table) = (RandomState::default(), HashTable::new());
            let rehash = |(pair, _): &(u64, u32)| hasher.hash_one(*pair);
            each(first, second, |first, second| {
                let pair = word(first, second);
                let entry = table.entry(hasher.hash_one(pair), |(known, _)| *known == pair, rehash);
                let mut entry = entry.or_insert((pair, NONE));
                next(&mut entry.get_mut().1, &mut count)
            });
            table.shrink_to_fit(rehash);
            Numbers::Hashed(hasher, table)
        };
        Self { width, numbers, count }
    }

    fn find(&self, first: &mut [u32], second: &[u32]) {
        match &self.numbers {
            Numbers::Cells(table) => each(first, second, |first, second| {
                table[first as usize * self.width + second as usize]
            }),
            Numbers::Hashed(hasher, table) => each(first, second, |first, second| {
                let pair = word(first, second);
                table
                    .find(hasher.hash_one(pair), |(known, _)| *known == pair)
                    .map_or(NONE, |(_, number)| *number)
            }),
        }
    }

    fn size_bytes(&self) -> usize {
        match &self.numbers {
            Numbers::Cells(table) => table.capacity() * size_of::<u32>(),
            Numbers::Hashed(_, table) => table.allocation_size(),
        }
    }
}

/// The number in a cell, the next one if it has none.
fn next(cell: &mut u32, count: &mut u32) -> u32 {
    if *cell == NONE {
        *cell = *count;
        *count += 1;
    }
    *cell
}

fn word(first: u32, second: u32) -> u64 {
    u64::from(first) << 32 | u64::from(second)
}

/// Pairs that are there become what `number` says.
fn each(first: &mut [u32], second: &[u32], mut number: impl FnMut(u32, u32) -> u32) {
    for (first, second) in first.iter_mut().zip(second) {
        if *first != NONE {
            *first = if *second == NONE { NONE } else { number(*first, *second) };
        }
    }
}

//! What was seen of the values of one column, in the order of their type.

use crate::{profile::Column, values::Values};
use arrow_array::{
    Array, ArrayRef,
    cast::AsArray,
    types::{
        Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, Time64MicrosecondType,
        TimestampMicrosecondType,
    },
};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use watershed_lake::ColumnType;
use xxhash_rust::xxh3::xxh3_128;

/// Different values that are counted; more are many.
pub const MAX_DISTINCT: usize = 1_000;
/// Longest value that is shown, in characters.
pub const MAX_SHOWN_CHARS: usize = 40;
/// Values that are shown.
const MAX_EXAMPLES: usize = 3;

/// What was seen of a column's values.
pub struct Seen<'a> {
    pub rows: usize,
    pub values: usize,
    pub spellings: BTreeMap<String, usize>,
    pub distinct: HashSet<&'a [u8]>,
    pub examples: Vec<&'a [u8]>,
    pub unique: bool,
    pub ends: Option<(Place<'a>, Place<'a>)>,
    pub lengths: (usize, usize),
}

/// A value: its place in the order of its type, and its text.
pub type Place<'a> = (i128, &'a [u8]);

impl<'a> Seen<'a> {
    pub fn of(values: &Values<'a>, kind: ColumnType, arrays: &[ArrayRef], nulls: &BTreeSet<String>) -> Self {
        let mut seen = Self {
            rows: 0,
            values: 0,
            spellings: BTreeMap::new(),
            distinct: HashSet::new(),
            examples: Vec::new(),
            unique: true,
            ends: None,
            lengths: (usize::MAX, 0),
        };
        let mut texts = values.texts();
        for array in arrays {
            let places = places(array);
            let mut ids = HashSet::new();
            for row in 0..array.len() {
                let text = texts.next().flatten();
                seen.rows += 1;
                let Some(text) = text.filter(|_| array.is_valid(row)) else {
                    seen.null(text, nulls);
                    continue;
                };
                let place = places.as_ref().and_then(|places| places[row]);
                seen.value(kind, text, place);
                seen.unique = seen.unique && ids.insert(id(text, place));
            }
        }
        seen
    }

    fn null(&mut self, text: Option<&[u8]>, nulls: &BTreeSet<String>) {
        self.unique = false;
        // What is none of them could not be read, and is a value.
        let spelling = text.and_then(|text| std::str::from_utf8(text).ok());
        if let Some(spelling) = spelling.filter(|text| text.is_empty() || nulls.contains(*text)) {
            *self.spellings.entry(spelling.into()).or_default() += 1;
        }
    }

    fn value(&mut self, kind: ColumnType, text: &'a [u8], place: Option<i128>) {
        self.values += 1;
        if self.distinct.len() <= MAX_DISTINCT && self.distinct.insert(text) && self.examples.len() < MAX_EXAMPLES {
            self.examples.push(text);
        }
        if kind == ColumnType::String {
            let length = String::from_utf8_lossy(text).chars().count();
            self.lengths = (self.lengths.0.min(length), self.lengths.1.max(length));
        }
        // Texts and truth values are in the order of their bytes.
        let here = (place.unwrap_or(0), text);
        self.ends = Some(match self.ends.take() {
            None => (here, here),
            Some((min, max)) => (min.min(here), max.max(here)),
        });
    }
}

/// The places of a column's values in the order of its type; none where that is the order of their bytes.
fn places(array: &ArrayRef) -> Option<Vec<Option<i128>>> {
    macro_rules! places {
        ($kind:ty, $place:expr) => {
            if let Some(array) = array.as_primitive_opt::<$kind>() {
                return Some(array.iter().map(|value| value.map($place)).collect());
            }
        };
    }
    // As total_cmp orders them.
    let of_float = |value: f64| {
        let bits = value.to_bits() as i64;
        i128::from(bits ^ (((bits >> 63) as u64) >> 1) as i64)
    };
    places!(Int32Type, i128::from);
    places!(Int64Type, i128::from);
    places!(Decimal128Type, |value| value);
    places!(Date32Type, i128::from);
    places!(Time64MicrosecondType, i128::from);
    places!(TimestampMicrosecondType, i128::from);
    places!(Float32Type, |value| of_float(value.into()));
    places!(Float64Type, of_float);
    None
}

fn id(text: &[u8], place: Option<i128>) -> u128 {
    place.map_or_else(|| xxh3_128(text), |place| place as u128)
}

/// For each object the values of a column as numbers that are the same where the values are; none where they are null.
pub fn ids(values: &Values<'_>, column: &Column, nulls: &BTreeSet<String>) -> Vec<Vec<Option<u128>>> {
    let (arrays, _) = values.read(&column.as_guess().parser(nulls));
    let mut texts = values.texts();
    let of_array = |array: &ArrayRef| {
        let places = places(array);
        (0..array.len())
            .map(|row| {
                let text = texts.next().flatten().filter(|_| array.is_valid(row))?;
                Some(id(text, places.as_ref().and_then(|places| places[row])))
            })
            .collect()
    };
    arrays.iter().map(of_array).collect()
}

/// A value as it is shown: cut.
pub fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut out: String = text.chars().take(MAX_SHOWN_CHARS).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}

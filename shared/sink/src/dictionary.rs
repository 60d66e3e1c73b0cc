//! Whether a dictionary pays for a column. The writer would find out too, but only after it has hashed a megabyte of
//! values in every row group, and then half of the group is encoded the worse way.

use crate::error::SinkError;
use arrow_array::{Array, ArrayRef};
use arrow_row::{RowConverter, SortField};
use std::collections::HashMap;

/// Fewer rows say too little.
pub const MIN_SAMPLE_ROWS: usize = 1_024;
/// More rows say little more.
const MAX_SAMPLE_ROWS: usize = 8_192;

/// Part of a sample that is distinct in a column which hardly repeats within a file of usual size.
const HARDLY_REPEATS: f64 = 0.9;

/// False where hardly a value repeats, or where the distinct values of as many `rows` as these are estimated to exceed
/// `limit_bytes`.
pub fn pays(sample: &ArrayRef, rows: usize, limit_bytes: usize) -> Result<bool, SinkError> {
    let sample = sample.slice(0, sample.len().min(MAX_SAMPLE_ROWS));
    let converter = RowConverter::new(vec![SortField::new(sample.data_type().clone())])?;
    let values = converter.convert_columns(&[sample])?;
    let hashes: Vec<u64> = values
        .iter()
        .map(|value| xxhash_rust::xxh3::xxh3_64(value.data()))
        .collect();
    let bytes: usize = values.lengths().sum();
    let (seen, estimate) = distinct(&hashes, rows);
    let value_bytes = bytes as f64 / hashes.len() as f64;
    Ok(seen < HARDLY_REPEATS * hashes.len() as f64 && estimate * value_bytes <= limit_bytes as f64)
}

/// How many distinct values these are, and an estimate of how many `rows` rows have that begin with these.
///
/// Where new values come as often at the end of the sample as before (keys, measurements, values that come in clusters),
/// they will go on coming. Else the values repeat from anywhere, and Chao's lower bound holds: d + f1² / 2 f2, with f1
/// values that occur once and f2 twice (A. Chao, "Nonparametric Estimation of the Number of Classes in a Population", 1984).
fn distinct(sample: &[u64], rows: usize) -> (f64, f64) {
    /// New values of the last quarter, of those of a usual quarter, that make the growth steady.
    const STEADY: f64 = 0.95;
    let last_quarter = sample.len() - sample.len() / 4;
    let mut counts: HashMap<u64, u32> = HashMap::new();
    let mut new_at_last = 0;
    for (row, hash) in sample.iter().enumerate() {
        let count = counts.entry(*hash).or_insert(0);
        *count += 1;
        new_at_last += usize::from(*count == 1 && row >= last_quarter);
    }
    let seen = counts.len() as f64;
    if new_at_last as f64 >= STEADY * seen / 4.0 {
        return (seen, seen * (rows as f64 / sample.len() as f64).max(1.0));
    }
    let occur = |times: u32| counts.values().filter(|count| **count == times).count() as f64;
    let (once, twice) = (occur(1), occur(2).max(1.0));
    (
        seen,
        (seen + once * once / (2.0 * twice)).min(rows.max(sample.len()) as f64),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int64Array, StringArray};
    use std::sync::Arc;

    const ROWS: usize = 1 << 20;
    const LIMIT: usize = 1 << 20;

    fn scattered(limit: u64) -> impl Iterator<Item = i64> {
        (0_u64..8_192).map(move |n| (xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()) % limit).cast_signed())
    }

    fn of_longs(values: impl Iterator<Item = i64>) -> bool {
        pays(
            &(Arc::new(Int64Array::from_iter_values(values)) as ArrayRef),
            ROWS,
            LIMIT,
        )
        .unwrap()
    }

    #[test]
    fn values_that_repeat_pay_and_keys_do_not() {
        assert!(of_longs(std::iter::repeat_n(7, 8_192)), "a constant");
        assert!(of_longs(scattered(7)), "few");
        assert!(of_longs(scattered(2_500)), "dates");
        assert!(of_longs(scattered(10_000)), "more than the sample shows");
        assert!(!of_longs(scattered(400_000)), "too many");
        assert!(!of_longs(scattered(40_000)), "too few of each");
        assert!(!of_longs(0..8_192), "a key");
        assert!(!of_longs((0..8_192).map(|n| n / 4)), "a key of several rows each");
        let texts = StringArray::from_iter_values(scattered(1 << 40).map(|n| format!("a text {n}")));
        assert!(!pays(&(Arc::new(texts) as ArrayRef), ROWS, LIMIT).unwrap());
        let words = StringArray::from_iter_values(scattered(30).map(|n| format!("word {n}")));
        assert!(pays(&(Arc::new(words) as ArrayRef), ROWS, LIMIT).unwrap());
    }
}

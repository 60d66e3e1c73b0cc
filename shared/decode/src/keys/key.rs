//! A row's key as a number.

use arrow_array::{
    Array, ArrayRef,
    cast::AsArray,
    types::{
        Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, Time64MicrosecondType,
        TimestampMicrosecondType,
    },
};
use arrow_schema::{DataType, TimeUnit};
use std::hash::{BuildHasherDefault, Hasher};
use xxhash_rust::xxh3::xxh3_128;

/// The rows' keys: where the columns have 128 bits together at most, their values one behind the other, which compare as the
/// rows do; else digests of them. Which of the two hangs on the types alone: keys of different batches compare. A row with a
/// null in its key has no key, and what stands here for it means nothing.
pub fn keys(columns: &[ArrayRef]) -> Vec<u128> {
    if compare(columns.iter().map(Array::data_type)) {
        packed(columns)
    } else {
        digests(columns)
    }
}

/// Whether keys of columns of these types compare as the rows do.
pub fn compare<'a>(types: impl Iterator<Item = &'a DataType>) -> bool {
    let bits: Option<u32> = types.map(bits).sum();
    bits.is_some_and(|bits| bits <= u128::BITS)
}

/// Bits of a value; none: it has no fixed number.
fn bits(kind: &DataType) -> Option<u32> {
    match kind {
        DataType::Int32 | DataType::Date32 => Some(32),
        DataType::Int64 | DataType::Time64(_) | DataType::Timestamp(..) => Some(64),
        DataType::Decimal128(..) => Some(128),
        _ => None,
    }
}

fn packed(columns: &[ArrayRef]) -> Vec<u128> {
    let mut keys = vec![0; columns.first().map_or(0, Array::len)];
    for column in columns {
        match column.data_type() {
            DataType::Int32 => append_32(&mut keys, column.as_primitive::<Int32Type>().values()),
            DataType::Date32 => append_32(&mut keys, column.as_primitive::<Date32Type>().values()),
            DataType::Int64 => append_64(&mut keys, column.as_primitive::<Int64Type>().values()),
            DataType::Time64(_) => append_64(&mut keys, column.as_primitive::<Time64MicrosecondType>().values()),
            DataType::Timestamp(..) => {
                append_64(&mut keys, column.as_primitive::<TimestampMicrosecondType>().values());
            }
            _ => {
                for (key, value) in keys.iter_mut().zip(column.as_primitive::<Decimal128Type>().values()) {
                    *key = value.cast_unsigned() ^ (1 << 127);
                }
            }
        }
    }
    keys
}

/// The sign bit is turned over, so that negative numbers come before positive ones.
fn append_32(keys: &mut [u128], values: &[i32]) {
    for (key, value) in keys.iter_mut().zip(values) {
        *key = *key << 32 | u128::from(value.cast_unsigned() ^ (1 << 31));
    }
}

fn append_64(keys: &mut [u128], values: &[i64]) {
    for (key, value) in keys.iter_mut().zip(values) {
        *key = *key << 64 | u128::from(value.cast_unsigned() ^ (1 << 63));
    }
}

/// Each value as fixed-width or length-prefixed bytes, nulls apart.
fn digests(columns: &[ArrayRef]) -> Vec<u128> {
    let rows = columns.first().map_or(0, Array::len);
    let mut bytes = Vec::new();
    let digest = |row: usize| {
        bytes.clear();
        for column in columns {
            bytes.push(u8::from(column.is_valid(row)));
            if column.is_valid(row) {
                append(column, row, &mut bytes);
            }
        }
        xxh3_128(&bytes)
    };
    (0..rows).map(digest).collect()
}

fn append(column: &ArrayRef, row: usize, out: &mut Vec<u8>) {
    match column.data_type() {
        DataType::Boolean => out.push(u8::from(column.as_boolean().value(row))),
        DataType::Int32 => out.extend(column.as_primitive::<Int32Type>().value(row).to_le_bytes()),
        DataType::Int64 => out.extend(column.as_primitive::<Int64Type>().value(row).to_le_bytes()),
        DataType::Float32 => out.extend(column.as_primitive::<Float32Type>().value(row).to_le_bytes()),
        DataType::Float64 => out.extend(column.as_primitive::<Float64Type>().value(row).to_le_bytes()),
        DataType::Decimal128(..) => out.extend(column.as_primitive::<Decimal128Type>().value(row).to_le_bytes()),
        DataType::Date32 => out.extend(column.as_primitive::<Date32Type>().value(row).to_le_bytes()),
        DataType::Time64(_) => out.extend(column.as_primitive::<Time64MicrosecondType>().value(row).to_le_bytes()),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            out.extend(
                column
                    .as_primitive::<TimestampMicrosecondType>()
                    .value(row)
                    .to_le_bytes(),
            );
        }
        DataType::Utf8 => append_bytes(column.as_string::<i32>().value(row).as_bytes(), out),
        DataType::Binary => append_bytes(column.as_binary::<i32>().value(row), out),
        other => unreachable!("{other} is not the type of a column"),
    }
}

fn append_bytes(value: &[u8], out: &mut Vec<u8>) {
    out.extend((value.len() as u64).to_le_bytes());
    out.extend(value);
}

/// Hashes keys with [`mix`].
pub type Mixed = BuildHasherDefault<Mixer>;

/// See [`Mixed`].
#[derive(Debug, Default, Clone, Copy)]
pub struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxhash_rust::xxh3::xxh3_64_with_seed(bytes, self.0);
    }
    fn write_u128(&mut self, key: u128) {
        self.0 = mix(key);
    }
}

/// 64 bits that each depend on every bit of the key: the halves, each changed by a constant, multiplied, and the product
/// folded (Wang Yi, "wyhash").
pub fn mix(key: u128) -> u64 {
    let low = key as u64 ^ 0xa076_1d64_78bd_642f;
    let high = (key >> 64) as u64 ^ 0xe703_7ed1_a0b4_28db;
    let product = u128::from(low) * u128::from(high);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Date32Array, Int64Array, StringArray};
    use proptest::prelude::*;
    use std::sync::Arc;

    proptest! {
        #[test]
        fn packed_keys_compare_as_the_rows_do(rows in proptest::collection::vec((any::<i64>(), any::<i32>()), 2..30)) {
            let longs: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)));
            let days: ArrayRef = Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| row.1)));
            let keys = keys(&[longs, days]);
            for (a, key_a) in rows.iter().zip(&keys) {
                for (b, key_b) in rows.iter().zip(&keys) {
                    prop_assert_eq!(a.cmp(b), key_a.cmp(key_b));
                }
            }
        }
    }

    #[test]
    fn values_do_not_run_into_each_other() {
        let strings = |values: [&str; 2]| -> ArrayRef { Arc::new(StringArray::from_iter_values(values)) };
        let keys = keys(&[strings(["ab", "a"]), strings(["c", "bc"])]);
        assert_ne!(keys[0], keys[1]);
    }
}

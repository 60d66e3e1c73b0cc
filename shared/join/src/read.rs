//! Arrays → keys: a loop for each type.

use crate::{
    intern::{Interner, Key, NONE},
    kind::Scale,
};
use arrow_array::{
    Array, ArrayAccessor, ArrowPrimitiveType, PrimitiveArray,
    cast::AsArray,
    types::{
        ArrowTimestampType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Int8Type, Int16Type,
        Int32Type, Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
        TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
        UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_schema::{DataType, TimeUnit};

/// The number of each row's value, where values that are not known yet get one.
pub(crate) fn intern(array: &dyn Array, into: &mut Interner) -> Vec<u32> {
    numbers(array, Scale::SAME, &mut |key| into.intern(key))
}

/// The number of each row's value, [`NONE`] where there is none.
pub(crate) fn find(array: &dyn Array, scale: Scale, known: &Interner) -> Vec<u32> {
    numbers(array, scale, &mut |key| known.find(key))
}

fn numbers(array: &dyn Array, scale: Scale, number: &mut impl FnMut(Key<'_>) -> u32) -> Vec<u32> {
    if let Some(dictionary) = array.as_any_dictionary_opt() {
        let values = numbers(dictionary.values().as_ref(), scale, number);
        if values.is_empty() {
            return vec![NONE; array.len()];
        }
        let keys = dictionary.normalized_keys().into_iter().enumerate();
        let null = |row| dictionary.keys().is_null(row);
        return keys
            .map(|(row, key)| if null(row) { NONE } else { values[key] })
            .collect();
    }
    let mut found = Vec::with_capacity(array.len());
    each(array, scale, &mut |key: Option<Key<'_>>| {
        found.push(key.map_or(NONE, &mut *number));
    });
    found
}

/// Hands on the key of each row in turn; none for a null, and for a number that the scale has not. Types that are no key's have no rows
/// here: whoever calls has checked them.
fn each(array: &dyn Array, scale: Scale, sink: &mut impl FnMut(Option<Key<'_>>)) {
    match array.data_type() {
        DataType::Utf8 => items(array.as_string::<i32>(), sink, |text| Key::bytes(text.as_bytes())),
        DataType::LargeUtf8 => items(array.as_string::<i64>(), sink, |text| Key::bytes(text.as_bytes())),
        DataType::Utf8View => items(array.as_string_view(), sink, |text| Key::bytes(text.as_bytes())),
        DataType::Binary => items(array.as_binary::<i32>(), sink, Key::bytes),
        DataType::LargeBinary => items(array.as_binary::<i64>(), sink, Key::bytes),
        DataType::BinaryView => items(array.as_binary_view(), sink, Key::bytes),
        DataType::FixedSizeBinary(_) => items(array.as_fixed_size_binary(), sink, Key::bytes),
        DataType::Boolean => items(array.as_boolean(), sink, |value| Key::Word(u64::from(value))),
        DataType::Int8 => primitive::<Int8Type>(array, scale, sink),
        DataType::Int16 => primitive::<Int16Type>(array, scale, sink),
        DataType::Int32 => primitive::<Int32Type>(array, scale, sink),
        DataType::Int64 => primitive::<Int64Type>(array, scale, sink),
        DataType::UInt8 => primitive::<UInt8Type>(array, scale, sink),
        DataType::UInt16 => primitive::<UInt16Type>(array, scale, sink),
        DataType::UInt32 => primitive::<UInt32Type>(array, scale, sink),
        DataType::UInt64 => primitive::<UInt64Type>(array, scale, sink),
        DataType::Decimal32(..) => primitive::<Decimal32Type>(array, scale, sink),
        DataType::Decimal64(..) => primitive::<Decimal64Type>(array, scale, sink),
        DataType::Decimal128(..) => primitive::<Decimal128Type>(array, scale, sink),
        DataType::Date32 => primitive::<Date32Type>(array, scale, sink),
        DataType::Date64 => primitive::<Date64Type>(array, scale, sink),
        DataType::Time32(TimeUnit::Second) => primitive::<Time32SecondType>(array, scale, sink),
        DataType::Time32(_) => primitive::<Time32MillisecondType>(array, scale, sink),
        DataType::Time64(TimeUnit::Microsecond) => primitive::<Time64MicrosecondType>(array, scale, sink),
        DataType::Time64(_) => primitive::<Time64NanosecondType>(array, scale, sink),
        DataType::Timestamp(TimeUnit::Second, _) => primitive::<TimestampSecondType>(array, scale, sink),
        DataType::Timestamp(TimeUnit::Millisecond, _) => primitive::<TimestampMillisecondType>(array, scale, sink),
        DataType::Timestamp(TimeUnit::Microsecond, _) => primitive::<TimestampMicrosecondType>(array, scale, sink),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => primitive::<TimestampNanosecondType>(array, scale, sink),
        _ => {}
    }
}

fn items<'a, A: ArrayAccessor + Copy>(
    array: A,
    sink: &mut impl FnMut(Option<Key<'a>>),
    key: impl Fn(A::Item) -> Key<'a>,
) {
    match array.logical_nulls() {
        None => (0..array.len()).for_each(|row| sink(Some(key(array.value(row))))),
        Some(nulls) => {
            for row in 0..array.len() {
                sink(nulls.is_valid(row).then(|| key(array.value(row))));
            }
        }
    }
}

fn primitive<T: ArrowPrimitiveType<Native: Into<i128>>>(
    array: &dyn Array,
    scale: Scale,
    sink: &mut impl FnMut(Option<Key<'_>>),
) {
    let array: &PrimitiveArray<T> = array.as_primitive();
    if scale == Scale::SAME {
        items(array, sink, |value| Key::number(value.into()));
    } else {
        for value in array {
            sink(value.and_then(|value| scale.exactly(value.into())).map(Key::number));
        }
    }
}

/// The ticks of a column of timestamps or dates, not copied where they are 64 bits wide.
pub(crate) fn ticks(array: &dyn Array) -> Option<arrow_buffer::ScalarBuffer<i64>> {
    fn of<T: ArrowTimestampType>(array: &dyn Array) -> arrow_buffer::ScalarBuffer<i64> {
        array.as_primitive::<T>().values().clone()
    }
    Some(match array.data_type() {
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().values();
            days.iter().map(|days| i64::from(*days)).collect()
        }
        DataType::Date64 => array.as_primitive::<Date64Type>().values().clone(),
        DataType::Timestamp(TimeUnit::Second, _) => of::<TimestampSecondType>(array),
        DataType::Timestamp(TimeUnit::Millisecond, _) => of::<TimestampMillisecondType>(array),
        DataType::Timestamp(TimeUnit::Microsecond, _) => of::<TimestampMicrosecondType>(array),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => of::<TimestampNanosecondType>(array),
        _ => return None,
    })
}

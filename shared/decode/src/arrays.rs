//! Typed arrays as they come out of a Parquet file: casts that keep every value, and values as text. Only what is needed of
//! arrow's own casts, which know every pair of types and make a third of a binary.

use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, PrimitiveArray, StringArray,
    cast::AsArray,
    types::{
        ArrowDictionaryKeyType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Float32Type,
        Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType,
        Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
        TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_schema::{DataType, TimeUnit};
use chrono::DateTime;
use std::sync::Arc;
use watershed_lake::ColumnType;

/// The array as `target`, where every value can be kept; none: there is no such cast. Timestamps finer than microseconds are cut;
/// dates and timestamps beyond the type are its first or last value.
pub fn exact(array: &ArrayRef, target: &DataType) -> Option<ArrayRef> {
    use DataType::{Binary, Date32, Float32, Float64, Int8, Int16, Int32, Int64, Timestamp, UInt8, UInt16, UInt32};
    if array.data_type() == target {
        return Some(Arc::clone(array));
    }
    Some(match (array.data_type(), target) {
        (DataType::Null, _) => arrow_array::new_null_array(target, array.len()),
        (Int8, Int32) => widen::<Int8Type, Int32Type>(array),
        (Int16, Int32) => widen::<Int16Type, Int32Type>(array),
        (UInt8, Int32) => widen::<UInt8Type, Int32Type>(array),
        (UInt16, Int32) => widen::<UInt16Type, Int32Type>(array),
        (Int8, Int64) => widen::<Int8Type, Int64Type>(array),
        (Int16, Int64) => widen::<Int16Type, Int64Type>(array),
        (Int32, Int64) => widen::<Int32Type, Int64Type>(array),
        (UInt8, Int64) => widen::<UInt8Type, Int64Type>(array),
        (UInt16, Int64) => widen::<UInt16Type, Int64Type>(array),
        (UInt32, Int64) => widen::<UInt32Type, Int64Type>(array),
        (Float32, Float64) => widen::<Float32Type, Float64Type>(array),
        (DataType::Date64, Date32) => Arc::new(array.as_primitive::<Date64Type>().unary::<_, Date32Type>(days)),
        (Timestamp(unit, from_zone), Timestamp(TimeUnit::Microsecond, to_zone))
            if from_zone.is_some() == to_zone.is_some() =>
        {
            Arc::new(micros(array, *unit).with_timezone_opt(to_zone.clone()))
        }
        (DataType::BinaryView | DataType::LargeBinary | DataType::FixedSizeBinary(_), Binary) => {
            let values = (0..array.len()).map(|row| bytes_at(array, row));
            Arc::new(values.collect::<BinaryArray>())
        }
        _ => return None,
    })
}

/// The type of a table's column that holds every value of an array of that type; none: there is no such type.
pub fn column_type(kind: &DataType) -> Option<ColumnType> {
    Some(match kind {
        DataType::Boolean => ColumnType::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => ColumnType::Int,
        DataType::Int64 | DataType::UInt32 => ColumnType::Long,
        // Up to 18446744073709551615.
        DataType::UInt64 => ColumnType::Decimal {
            precision: 20,
            scale: 0,
        },
        DataType::Float32 => ColumnType::Float,
        DataType::Float64 => ColumnType::Double,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => ColumnType::Decimal {
            precision: *precision,
            scale: u8::try_from(*scale).ok()?,
        },
        DataType::Date32 | DataType::Date64 => ColumnType::Date,
        DataType::Time32(_) | DataType::Time64(_) => ColumnType::Time,
        DataType::Timestamp(_, None) => ColumnType::Timestamp,
        DataType::Timestamp(_, Some(_)) => ColumnType::TimestampTz,
        DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnType::String,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            ColumnType::Binary
        }
        DataType::Dictionary(_, values) => column_type(values)?,
        _ => return None,
    })
}

fn widen<From: ArrowPrimitiveType, To: ArrowPrimitiveType>(array: &ArrayRef) -> ArrayRef
where
    From::Native: Into<To::Native>,
{
    Arc::new(array.as_primitive::<From>().unary::<_, To>(Into::into))
}

/// What does not fit is the first or the last microsecond that there is: of no year that a table may have.
fn micros(array: &ArrayRef, unit: TimeUnit) -> PrimitiveArray<TimestampMicrosecondType> {
    match unit {
        TimeUnit::Second => array
            .as_primitive::<TimestampSecondType>()
            .unary(|s| s.saturating_mul(1_000_000)),
        TimeUnit::Millisecond => array
            .as_primitive::<TimestampMillisecondType>()
            .unary(|ms| ms.saturating_mul(1_000)),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().unary(|us| us),
        TimeUnit::Nanosecond => array
            .as_primitive::<TimestampNanosecondType>()
            .unary(|ns| ns.div_euclid(1_000)),
    }
}

/// The same of days: of milliseconds there are more.
fn days(ms: i64) -> i32 {
    let days = ms.div_euclid(86_400_000);
    i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX })
}

/// Every value as text; none: values of that type have no text (lists, structs, maps).
pub fn texts(array: &ArrayRef) -> Option<StringArray> {
    if *array.data_type() == DataType::Null {
        return Some(StringArray::new_null(array.len()));
    }
    (0..array.len())
        .map(|row| {
            if array.is_null(row) {
                Ok(None)
            } else {
                text(array, row).map(Some).ok_or(())
            }
        })
        .collect::<Result<StringArray, ()>>()
        .ok()
}

/// The value of a row, which is not null, as text that reads as the same value again; bytes that are no UTF-8, and types
/// without a text: none.
pub fn text(array: &ArrayRef, row: usize) -> Option<String> {
    Some(match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).to_string(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).to_string(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).to_string(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).to_string(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Float32 => format!("{:?}", array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => format!("{:?}", array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal32(_, scale) => decimal(array.as_primitive::<Decimal32Type>().value(row).into(), *scale),
        DataType::Decimal64(_, scale) => decimal(array.as_primitive::<Decimal64Type>().value(row).into(), *scale),
        DataType::Decimal128(_, scale) => decimal(array.as_primitive::<Decimal128Type>().value(row), *scale),
        DataType::Dictionary(key, _) => dictionary(array, key, row)?,
        DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_) | DataType::Timestamp(..) => {
            temporal(array, row)?
        }
        _ => String::from_utf8(bytes_at(array, row)?.to_vec()).ok()?,
    })
}

fn bytes_at(array: &ArrayRef, row: usize) -> Option<&[u8]> {
    Some(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).as_bytes(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).as_bytes(),
        DataType::Utf8View => array.as_string_view().value(row).as_bytes(),
        DataType::Binary => array.as_binary::<i32>().value(row),
        DataType::LargeBinary => array.as_binary::<i64>().value(row),
        DataType::BinaryView => array.as_binary_view().value(row),
        DataType::FixedSizeBinary(_) => array.as_fixed_size_binary().value(row),
        _ => return None,
    })
    .filter(|_| array.is_valid(row))
}

fn dictionary(array: &ArrayRef, key: &DataType, row: usize) -> Option<String> {
    fn of<K: ArrowDictionaryKeyType>(array: &ArrayRef, row: usize) -> Option<String> {
        let dictionary = array.as_dictionary::<K>();
        let key = dictionary.key(row)?;
        dictionary
            .values()
            .is_valid(key)
            .then(|| text(dictionary.values(), key))?
    }
    match key {
        DataType::Int8 => of::<Int8Type>(array, row),
        DataType::Int16 => of::<Int16Type>(array, row),
        DataType::Int32 => of::<Int32Type>(array, row),
        DataType::Int64 => of::<Int64Type>(array, row),
        DataType::UInt8 => of::<UInt8Type>(array, row),
        DataType::UInt16 => of::<UInt16Type>(array, row),
        DataType::UInt32 => of::<UInt32Type>(array, row),
        DataType::UInt64 => of::<UInt64Type>(array, row),
        _ => None,
    }
}

/// Value × 10^-scale, with all its decimals.
pub fn decimal(value: i128, scale: i8) -> String {
    let (sign, digits) = (if value < 0 { "-" } else { "" }, value.unsigned_abs().to_string());
    match usize::try_from(scale) {
        Ok(0) => format!("{sign}{digits}"),
        Ok(scale) => {
            let digits = format!("{digits:0>width$}", width = scale + 1);
            let (whole, decimals) = digits.split_at(digits.len() - scale);
            format!("{sign}{whole}.{decimals}")
        }
        Err(_) => format!("{sign}{digits}{}", "0".repeat(usize::from(scale.unsigned_abs()))),
    }
}

fn temporal(array: &ArrayRef, row: usize) -> Option<String> {
    const DATE: &str = "%Y-%m-%d";
    const TIME: &str = "%H:%M:%S%.f";
    const STAMP: &str = "%Y-%m-%dT%H:%M:%S%.f";
    let (seconds, nanos, pattern) = match array.data_type() {
        DataType::Date32 => (
            i64::from(array.as_primitive::<Date32Type>().value(row)) * 86_400,
            0,
            DATE,
        ),
        DataType::Date64 => (array.as_primitive::<Date64Type>().value(row).div_euclid(1_000), 0, DATE),
        DataType::Time32(TimeUnit::Second) => {
            split(array.as_primitive::<Time32SecondType>().value(row).into(), 1, TIME)
        }
        DataType::Time32(_) => split(
            array.as_primitive::<Time32MillisecondType>().value(row).into(),
            1_000,
            TIME,
        ),
        DataType::Time64(TimeUnit::Microsecond) => split(
            array.as_primitive::<Time64MicrosecondType>().value(row),
            1_000_000,
            TIME,
        ),
        DataType::Time64(_) => split(
            array.as_primitive::<Time64NanosecondType>().value(row),
            1_000_000_000,
            TIME,
        ),
        DataType::Timestamp(TimeUnit::Second, _) => {
            split(array.as_primitive::<TimestampSecondType>().value(row), 1, STAMP)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => split(
            array.as_primitive::<TimestampMillisecondType>().value(row),
            1_000,
            STAMP,
        ),
        DataType::Timestamp(TimeUnit::Microsecond, _) => split(
            array.as_primitive::<TimestampMicrosecondType>().value(row),
            1_000_000,
            STAMP,
        ),
        _ => split(
            array.as_primitive::<TimestampNanosecondType>().value(row),
            1_000_000_000,
            STAMP,
        ),
    };
    let zone = match array.data_type() {
        DataType::Timestamp(_, Some(_)) => "Z",
        _ => "",
    };
    Some(DateTime::from_timestamp(seconds, nanos)?.format(pattern).to_string() + zone)
}

/// Seconds and nanoseconds of a number of `per_second`ths, and the pattern to show them by.
fn split(value: i64, per_second: i64, pattern: &'static str) -> (i64, u32, &'static str) {
    let nanos = value.rem_euclid(per_second) * (1_000_000_000 / per_second);
    (value.div_euclid(per_second), nanos as u32, pattern)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{
        Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int32Array, StringViewArray,
        TimestampNanosecondArray, UInt64Array,
    };

    fn shown(array: impl Array + 'static) -> Vec<Option<String>> {
        let texts = texts(&(Arc::new(array) as ArrayRef)).unwrap();
        texts.iter().map(|text| text.map(String::from)).collect()
    }

    #[test]
    fn values_read_as_the_same_again() {
        let some = |texts: &[&str]| texts.iter().map(|text| Some((*text).to_string())).collect::<Vec<_>>();
        assert_eq!(
            shown(UInt64Array::from(vec![u64::MAX])),
            some(&["18446744073709551615"])
        );
        assert_eq!(
            shown(Float64Array::from(vec![1.0, 1e300, -0.1])),
            some(&["1.0", "1e300", "-0.1"])
        );
        let decimals = Decimal128Array::from(vec![5, -105, 0])
            .with_precision_and_scale(9, 2)
            .unwrap();
        assert_eq!(shown(decimals), some(&["0.05", "-1.05", "0.00"]));
        assert_eq!(
            shown(Date32Array::from(vec![Some(15_764), None])),
            [Some("2013-02-28".into()), None]
        );
        let stamps = TimestampNanosecondArray::from(vec![1_500_000_000, -1]);
        assert_eq!(
            shown(stamps.clone()),
            some(&["1970-01-01T00:00:01.500", "1969-12-31T23:59:59.999999999"])
        );
        assert_eq!(
            shown(stamps.with_timezone("UTC"))[0].as_deref(),
            Some("1970-01-01T00:00:01.500Z")
        );
        assert_eq!(shown(StringViewArray::from(vec!["a"])), some(&["a"]));
        let words: DictionaryArray<Int32Type> = vec![Some("x"), None, Some("x")].into_iter().collect();
        assert_eq!(shown(words), [Some("x".into()), None, Some("x".into())]);
    }

    #[test]
    fn a_column_without_type_is_all_null() {
        assert_eq!(shown(arrow_array::NullArray::new(2)), [None, None]);
    }

    #[test]
    fn a_cast_keeps_every_value_or_is_none() {
        let ints: ArrayRef = Arc::new(Int32Array::from(vec![Some(7), None]));
        let longs = exact(&ints, &DataType::Int64).unwrap();
        assert_eq!(
            longs.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(),
            [Some(7), None]
        );
        assert!(exact(&longs, &DataType::Int32).is_none());
        let stamps: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![-1]).with_timezone("UTC"));
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        assert_eq!(
            exact(&stamps, &zoned)
                .unwrap()
                .as_primitive::<TimestampMicrosecondType>()
                .value(0),
            -1
        );
        assert!(exact(&stamps, &DataType::Timestamp(TimeUnit::Microsecond, None)).is_none());
    }
}

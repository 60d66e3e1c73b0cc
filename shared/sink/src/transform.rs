//! Iceberg's partition transforms on arrow arrays (specification, "Partition Transforms" and Appendix B). Null gives null.

use crate::{
    error::SinkError,
    hash::{hash_decimal, hash_long, murmur3_32},
    human::civil,
};
use arrow_array::{Array, ArrayRef, BinaryArray, Int32Array, StringArray, cast::AsArray, types};
use arrow_schema::DataType;
use std::sync::Arc;
use watershed_lake::{ColumnType, Transform};

const MICROS_PER_DAY: i64 = 86_400_000_000;
const MICROS_PER_HOUR: i64 = 3_600_000_000;

/// True where the specification defines the transform for that type.
pub fn applies(transform: Transform, kind: ColumnType) -> bool {
    use ColumnType as C;
    match transform {
        Transform::Identity => true,
        Transform::Year | Transform::Month | Transform::Day => matches!(kind, C::Date | C::Timestamp | C::TimestampTz),
        Transform::Hour => matches!(kind, C::Timestamp | C::TimestampTz),
        Transform::Bucket(n) => n > 0 && i32::try_from(n).is_ok() && !matches!(kind, C::Boolean | C::Float | C::Double),
        Transform::Truncate(width) => {
            width > 0
                && i32::try_from(width).is_ok()
                && matches!(kind, C::Int | C::Long | C::Decimal { .. } | C::String | C::Binary)
        }
    }
}

/// The partition values of a column: `Int32` for year, month, day, hour and bucket, else of the column's own type.
pub fn apply(transform: Transform, array: &ArrayRef) -> Result<ArrayRef, SinkError> {
    Ok(match transform {
        Transform::Identity => Arc::clone(array),
        Transform::Year => calendar(array, |day| (civil(day).0 - 1970) as i32)?,
        Transform::Month => calendar(array, |day| {
            let (year, month, _) = civil(day);
            ((year - 1970) * 12 + month - 1) as i32
        })?,
        Transform::Day => calendar(array, |day| day as i32)?,
        Transform::Hour => {
            let hours: Int32Array = array
                .as_primitive_opt::<types::TimestampMicrosecondType>()
                .ok_or_else(|| unfit(transform, array))?
                .unary(|micros| micros.div_euclid(MICROS_PER_HOUR) as i32);
            Arc::new(hours)
        }
        Transform::Bucket(buckets) => bucket(array, buckets)?,
        Transform::Truncate(width) => truncate(array, width)?,
    })
}

fn unfit(transform: Transform, array: &ArrayRef) -> SinkError {
    SinkError::Internal(format!(
        "transform {transform} is not defined for {}",
        array.data_type()
    ))
}

/// `of_day` of each value's day since 1970-01-01 (UTC where the column has a zone).
fn calendar(array: &ArrayRef, of_day: impl Fn(i64) -> i32) -> Result<ArrayRef, SinkError> {
    // Neighbours mostly share a day, and always an answer with it.
    let mut last = (0, of_day(0));
    let mut cached = |day: i64| {
        if day != last.0 {
            last = (day, of_day(day));
        }
        last.1
    };
    let mut out = Vec::with_capacity(array.len());
    if let Some(dates) = array.as_primitive_opt::<types::Date32Type>() {
        out.extend(dates.values().iter().map(|day| cached(i64::from(*day))));
    } else if let Some(stamps) = array.as_primitive_opt::<types::TimestampMicrosecondType>() {
        out.extend(
            stamps
                .values()
                .iter()
                .map(|micros| cached(micros.div_euclid(MICROS_PER_DAY))),
        );
    } else {
        return Err(SinkError::Internal(format!(
            "a calendar transform is not defined for {}",
            array.data_type()
        )));
    }
    Ok(Arc::new(Int32Array::new(out.into(), array.nulls().cloned())))
}

fn bucket(array: &ArrayRef, buckets: u32) -> Result<ArrayRef, SinkError> {
    let of = |hash: u32| ((hash & 0x7fff_ffff) % buckets) as i32;
    let long = |value: i64| of(hash_long(value));
    let out: Int32Array = match array.data_type() {
        DataType::Int32 => array.as_primitive::<types::Int32Type>().unary(|v| long(i64::from(v))),
        DataType::Date32 => array.as_primitive::<types::Date32Type>().unary(|v| long(i64::from(v))),
        DataType::Int64 => array.as_primitive::<types::Int64Type>().unary(long),
        DataType::Time64(_) => array.as_primitive::<types::Time64MicrosecondType>().unary(long),
        DataType::Timestamp(_, _) => array.as_primitive::<types::TimestampMicrosecondType>().unary(long),
        DataType::Decimal128(_, _) => array
            .as_primitive::<types::Decimal128Type>()
            .unary(|v| of(hash_decimal(v))),
        DataType::Utf8 => array
            .as_string::<i32>()
            .iter()
            .map(|v| v.map(|v| of(murmur3_32(v.as_bytes()))))
            .collect(),
        DataType::Binary => array
            .as_binary::<i32>()
            .iter()
            .map(|v| v.map(|v| of(murmur3_32(v))))
            .collect(),
        _ => return Err(unfit(Transform::Bucket(buckets), array)),
    };
    Ok(Arc::new(out))
}

/// Numbers go down to a multiple of `width` (also below zero), strings keep `width` characters, binary `width` bytes.
fn truncate(array: &ArrayRef, width: u32) -> Result<ArrayRef, SinkError> {
    let keep = width as usize;
    Ok(match array.data_type() {
        DataType::Int32 => {
            let down = |v: i32| v.wrapping_sub(i64::from(v).rem_euclid(i64::from(width)) as i32);
            Arc::new(
                array
                    .as_primitive::<types::Int32Type>()
                    .unary::<_, types::Int32Type>(down),
            )
        }
        DataType::Int64 => {
            let down = |v: i64| v.wrapping_sub(v.rem_euclid(i64::from(width)));
            Arc::new(
                array
                    .as_primitive::<types::Int64Type>()
                    .unary::<_, types::Int64Type>(down),
            )
        }
        DataType::Decimal128(_, _) => {
            let down = |v: i128| v.wrapping_sub(v.rem_euclid(i128::from(width)));
            let out = array
                .as_primitive::<types::Decimal128Type>()
                .unary::<_, types::Decimal128Type>(down);
            Arc::new(out.with_data_type(array.data_type().clone()))
        }
        DataType::Utf8 => {
            let cut = |v: &str| v.char_indices().nth(keep).map_or(v.len(), |(at, _)| at);
            let strings = array.as_string::<i32>().iter();
            Arc::new(
                strings
                    .map(|v| v.map(|v| v[..cut(v)].to_string()))
                    .collect::<StringArray>(),
            )
        }
        DataType::Binary => {
            let values = array.as_binary::<i32>().iter();
            Arc::new(
                values
                    .map(|v| v.map(|v| v[..v.len().min(keep)].to_vec()))
                    .collect::<BinaryArray>(),
            )
        }
        _ => return Err(unfit(Transform::Truncate(width), array)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::human::partition_value;
    use arrow_array::{Date32Array, Decimal128Array, Int64Array, Time64MicrosecondArray, TimestampMicrosecondArray};

    fn ints(transform: Transform, array: impl Array + 'static) -> Vec<Option<i32>> {
        let out = apply(transform, &(Arc::new(array) as ArrayRef)).unwrap();
        out.as_primitive::<types::Int32Type>().iter().collect()
    }

    fn text(transform: Transform, array: impl Array + 'static) -> Vec<String> {
        let out = apply(transform, &(Arc::new(array) as ArrayRef)).unwrap();
        (0..out.len())
            .map(|row| partition_value(&out, row, transform).unwrap())
            .collect()
    }

    #[test]
    fn dates_and_timestamps_fall_into_years_months_days_and_hours() {
        let dates = || Date32Array::from(vec![Some(17_486), Some(-1), Some(0), None]);
        assert_eq!(ints(Transform::Year, dates()), [Some(47), Some(-1), Some(0), None]);
        assert_eq!(ints(Transform::Month, dates()), [Some(574), Some(-1), Some(0), None]);
        assert_eq!(ints(Transform::Day, dates()), [Some(17_486), Some(-1), Some(0), None]);
        assert_eq!(
            text(Transform::Month, dates()),
            ["2017-11", "1969-12", "1970-01", "null"]
        );
        let stamps = || TimestampMicrosecondArray::from(vec![Some(1_510_871_468_000_000), Some(-1), Some(0), None]);
        assert_eq!(ints(Transform::Day, stamps()), [Some(17_486), Some(-1), Some(0), None]);
        assert_eq!(
            ints(Transform::Hour, stamps()),
            [Some(419_686), Some(-1), Some(0), None]
        );
        assert_eq!(
            text(Transform::Hour, stamps()),
            ["2017-11-16-22", "1969-12-31-23", "1970-01-01-00", "null"]
        );
        assert_eq!(text(Transform::Year, stamps()), ["2017", "1969", "1970", "null"]);
        assert_eq!(
            text(Transform::Day, stamps()),
            ["2017-11-16", "1969-12-31", "1970-01-01", "null"]
        );
        assert_eq!(
            text(Transform::Identity, stamps().with_timezone("UTC"))[..2],
            ["2017-11-16T22:31:08Z", "1969-12-31T23:59:59.999999Z"]
        );
    }

    #[test]
    fn buckets_are_the_positive_hash_modulo_their_number() {
        let of = |hash: i32, n: i32| Some((hash & i32::MAX) % n);
        assert_eq!(
            ints(Transform::Bucket(16), Int32Array::from(vec![Some(34), None])),
            [of(2_017_239_379, 16), None]
        );
        assert_eq!(
            ints(Transform::Bucket(16), Int64Array::from(vec![34])),
            [of(2_017_239_379, 16)]
        );
        assert_eq!(
            ints(Transform::Bucket(100), StringArray::from(vec!["iceberg"])),
            [of(1_210_000_089, 100)]
        );
        let decimal = Decimal128Array::from(vec![1420])
            .with_precision_and_scale(9, 2)
            .unwrap();
        assert_eq!(ints(Transform::Bucket(100), decimal), [of(-500_754_589, 100)]);
        assert_eq!(
            ints(Transform::Bucket(100), Date32Array::from(vec![17_486])),
            [of(-653_330_422, 100)]
        );
        let time = Time64MicrosecondArray::from(vec![81_068_000_000]);
        assert_eq!(ints(Transform::Bucket(100), time), [of(-662_762_989, 100)]);
        let stamp = TimestampMicrosecondArray::from(vec![1_510_871_468_000_000]);
        assert_eq!(ints(Transform::Bucket(100), stamp), [of(-2_047_944_441, 100)]);
        assert_eq!(
            ints(Transform::Bucket(9), BinaryArray::from_vec(vec![&[0, 1, 2, 3]])),
            [of(-188_683_207, 9)]
        );
    }

    /// The examples of the specification's "Truncate Transform Details".
    #[test]
    fn truncation_goes_down_and_keeps_characters() {
        assert_eq!(
            ints(
                Transform::Truncate(10),
                Int32Array::from(vec![Some(1), Some(-1), Some(10), None])
            ),
            [Some(0), Some(-10), Some(10), None]
        );
        assert_eq!(
            text(Transform::Truncate(10), Int64Array::from(vec![1, -1, -10])),
            ["0", "-10", "-10"]
        );
        let decimal = Decimal128Array::from(vec![1065, -1065])
            .with_precision_and_scale(4, 2)
            .unwrap();
        assert_eq!(text(Transform::Truncate(50), decimal), ["10.50", "-11.00"]);
        let strings = StringArray::from(vec![Some("iceberg"), Some("日本語文"), Some("ab"), Some(""), None]);
        assert_eq!(
            text(Transform::Truncate(3), strings),
            ["ice", "日本語", "ab", "", "null"]
        );
        let bytes = BinaryArray::from_vec(vec![&[1, 2, 3, 4], &[1]]);
        assert_eq!(text(Transform::Truncate(3), bytes), ["AQID", "AQ=="]);
    }

    #[test]
    fn what_the_specification_does_not_define_is_refused() {
        assert!(!applies(Transform::Hour, ColumnType::Date));
        assert!(!applies(Transform::Bucket(0), ColumnType::Int));
        assert!(!applies(Transform::Bucket(4), ColumnType::Double));
        assert!(!applies(Transform::Truncate(4), ColumnType::Date));
        assert!(applies(Transform::Identity, ColumnType::Boolean));
        let doubles: ArrayRef = Arc::new(arrow_array::Float64Array::from(vec![1.0]));
        for transform in [
            Transform::Day,
            Transform::Hour,
            Transform::Bucket(3),
            Transform::Truncate(3),
        ] {
            assert!(apply(transform, &doubles).is_err(), "{transform}");
        }
    }
}

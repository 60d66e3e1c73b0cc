//! Which types can be compared, and how a value of one becomes a value of another: exactly or not at all.

use arrow_schema::{DataType, TimeUnit};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// What a column holds, as far as equality needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Bytes,
    Bool,
    /// A whole number, or a decimal: with so many decimals.
    Number(i8),
    /// A time, in ticks of so many nanoseconds.
    Time(Family, i64),
}

/// Times that can be compared with each other: a local one and an instant cannot without a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Date,
    OfDay,
    Local,
    Instant,
}

impl Kind {
    /// Of a type that can stand in a key; of a dictionary its values'.
    pub(crate) fn of(kind: &DataType) -> Option<Self> {
        use DataType as T;
        Some(match kind {
            T::Utf8 | T::LargeUtf8 | T::Utf8View => Self::Text,
            T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => Self::Bytes,
            T::Boolean => Self::Bool,
            T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64 => Self::Number(0),
            T::Decimal32(_, scale) | T::Decimal64(_, scale) | T::Decimal128(_, scale) => Self::Number(*scale),
            T::Date32 => Self::Time(Family::Date, DAY),
            T::Date64 => Self::Time(Family::Date, SECOND / 1000),
            T::Time32(unit) | T::Time64(unit) => Self::Time(Family::OfDay, nanos(*unit)),
            T::Timestamp(unit, None) => Self::Time(Family::Local, nanos(*unit)),
            T::Timestamp(unit, Some(_)) => Self::Time(Family::Instant, nanos(*unit)),
            T::Dictionary(_, values) => return Self::of(values),
            _ => return None,
        })
    }

    /// How values of `self` become values of `other`. None where they cannot be compared.
    pub(crate) fn to(self, other: Self) -> Option<Scale> {
        match (self, other) {
            (Self::Number(from), Self::Number(to)) => {
                let power = |decimals: i16| 10_i128.checked_pow(decimals.max(0) as u32);
                let more = i16::from(to) - i16::from(from);
                Some(Scale::new(power(more)?, power(-more)?))
            }
            (Self::Time(family, from), Self::Time(same, to)) if family == same => Some(Scale::new(
                i128::from((from / to).max(1)),
                i128::from((to / from).max(1)),
            )),
            _ => (self == other).then_some(Scale::SAME),
        }
    }
}

fn nanos(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => SECOND,
        TimeUnit::Millisecond => SECOND / 1000,
        TimeUnit::Microsecond => SECOND / 1_000_000,
        TimeUnit::Nanosecond => 1,
    }
}

/// From one unit to another: times the one, divided by the other, of which one is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scale {
    pub(crate) times: i128,
    pub(crate) over: i128,
}

impl Scale {
    pub(crate) const SAME: Self = Self { times: 1, over: 1 };

    fn new(times: i128, over: i128) -> Self {
        Self { times, over }
    }

    /// The value in the other unit. None where that has no such value.
    pub(crate) fn exactly(self, value: i128) -> Option<i128> {
        if value % self.over == 0 {
            (value / self.over).checked_mul(self.times)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(from: &DataType, to: &DataType) -> Option<Scale> {
        Kind::of(from)?.to(Kind::of(to)?)
    }

    #[test]
    fn a_value_becomes_another_exactly_or_not_at_all() {
        let cents = scale(&DataType::Decimal128(9, 2), &DataType::Int32).expect("both are numbers");
        assert_eq!((cents.exactly(300), cents.exactly(301)), (Some(3), None));
        let widened = scale(&DataType::Int64, &DataType::Decimal128(38, 2)).expect("both are numbers");
        assert_eq!((widened.exactly(3), widened.exactly(i128::MAX)), (Some(300), None));
        let days = scale(&DataType::Date64, &DataType::Date32).expect("both are dates");
        assert_eq!((days.exactly(-172_800_000), days.exactly(1)), (Some(-2), None));
    }

    #[test]
    fn what_cannot_be_compared_has_no_scale() {
        let local = DataType::Timestamp(TimeUnit::Microsecond, None);
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        for (one, other) in [
            (&local, &instant),
            (&DataType::Date32, &local),
            (&DataType::Utf8, &DataType::Int32),
            (&DataType::Utf8, &DataType::Binary),
            (&DataType::Decimal128(38, 38), &DataType::Decimal128(38, -38)),
        ] {
            assert_eq!(scale(one, other), None, "{one} and {other}");
            assert_eq!(scale(other, one), None, "{other} and {one}");
        }
    }
}

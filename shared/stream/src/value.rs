//! What goes into aggregates, and what comes out.

use std::cmp::Ordering;

/// Bytes of a text that are kept as a smallest, largest, first, last or frequent one. Of a longer text its beginning is kept;
/// distinct texts are told apart by all their bytes.
pub const MAX_TEXT_BYTES: usize = 1_024;
/// Digits after the point of a decimal at most, as in Iceberg.
pub const MAX_SCALE: u8 = 38;

/// What an input column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputType {
    /// [`Value::Int`].
    Int,
    /// [`Value::Float`].
    Float,
    /// [`Value::Decimal`].
    Decimal {
        /// Digits after the point, of every value of the column; [`MAX_SCALE`] at most.
        scale: u8,
    },
    /// [`Value::Timestamp`].
    Timestamp,
    /// [`Value::Text`].
    Text,
    /// [`Value::Bool`].
    Bool,
}

/// A value of an input column. Null and NaN are no values: no aggregate but `Records` counts them. Negative zero is zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// No value, in a column of any type.
    Null,
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A decimal's digits, without the point.
    Decimal(i128),
    /// A point in time, in the unit that the caller likes: it comes out as it went in.
    Timestamp(i64),
    /// Text or bytes.
    Text(&'a [u8]),
    /// True or false; false is the smaller.
    Bool(bool),
}

/// A value of its own.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// [`Value::Int`].
    Int(i64),
    /// [`Value::Float`]: no NaN and no negative zero.
    Float(f64),
    /// [`Value::Decimal`].
    Decimal(i128),
    /// [`Value::Timestamp`].
    Timestamp(i64),
    /// [`Value::Text`], cut to [`MAX_TEXT_BYTES`].
    Text(Box<[u8]>),
    /// [`Value::Bool`].
    Bool(bool),
}

/// What an aggregate gives.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// There was nothing to give it of: no value, or too few (`Stddev` wants two).
    Null,
    /// The exact sum has no 128 bits.
    Overflow,
    /// A count, an estimated count, or the sum of integers.
    Integer(i128),
    /// A mean, a standard deviation, or the sum of floats.
    Float(f64),
    /// The sum of decimals: digits in the scale of the column.
    Decimal(i128),
    /// A smallest, largest, first or last value.
    Scalar(Scalar),
    /// The quantiles, in the order in which they were asked for.
    Quantiles(Vec<f64>),
    /// The most frequent values, the most frequent first, then by value.
    Top(Vec<TopValue>),
}

/// A frequent value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopValue {
    /// The text, cut to [`MAX_TEXT_BYTES`]; other values as their decimal text.
    pub value: Box<[u8]>,
    /// It came as often as this, or up to `error` times more often.
    pub count: u64,
    /// How many times may be missing in `count`.
    pub error: u64,
}

impl Value<'_> {
    /// Whether a column of the type may hold it.
    #[inline]
    pub(crate) fn fits(&self, kind: InputType) -> bool {
        matches!(
            (self, kind),
            (Self::Null, _)
                | (Self::Int(_), InputType::Int)
                | (Self::Float(_), InputType::Float)
                | (Self::Decimal(_), InputType::Decimal { .. })
                | (Self::Timestamp(_), InputType::Timestamp)
                | (Self::Text(_), InputType::Text)
                | (Self::Bool(_), InputType::Bool)
        )
    }

    /// NaN is null, negative zero is zero.
    #[inline]
    pub(crate) fn normal(self) -> Self {
        match self {
            Self::Float(value) if value.is_nan() => Self::Null,
            Self::Float(0.0) => Self::Float(0.0),
            other => other,
        }
    }

    /// None: null.
    pub(crate) fn scalar(self) -> Option<Scalar> {
        Some(match self {
            Self::Null => return None,
            Self::Int(value) => Scalar::Int(value),
            Self::Float(value) => Scalar::Float(value),
            Self::Decimal(value) => Scalar::Decimal(value),
            Self::Timestamp(value) => Scalar::Timestamp(value),
            Self::Text(value) => Scalar::Text(cut(value).into()),
            Self::Bool(value) => Scalar::Bool(value),
        })
    }
}

impl Scalar {
    /// Texts by their bytes, all else by size.
    #[inline]
    pub(crate) fn order(&self, other: Value<'_>) -> Ordering {
        match (self, other) {
            (Self::Int(left), Value::Int(right)) | (Self::Timestamp(left), Value::Timestamp(right)) => left.cmp(&right),
            (Self::Float(left), Value::Float(right)) => left.total_cmp(&right),
            (Self::Decimal(left), Value::Decimal(right)) => left.cmp(&right),
            (Self::Text(left), Value::Text(right)) => (**left).cmp(cut(right)),
            (Self::Bool(left), Value::Bool(right)) => left.cmp(&right),
            // A column has one type.
            _ => Ordering::Equal,
        }
    }

    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Self::Int(value) => Value::Int(*value),
            Self::Float(value) => Value::Float(*value),
            Self::Decimal(value) => Value::Decimal(*value),
            Self::Timestamp(value) => Value::Timestamp(*value),
            Self::Text(value) => Value::Text(value),
            Self::Bool(value) => Value::Bool(*value),
        }
    }
}

/// The beginning that is kept: whole characters where it is UTF-8.
#[inline]
pub(crate) fn cut(text: &[u8]) -> &[u8] {
    if text.len() <= MAX_TEXT_BYTES {
        return text;
    }
    // A byte of the form 10xxxxxx goes on with a character.
    let inside = |at: usize| text[at] & 0xc0 == 0x80;
    let end = (MAX_TEXT_BYTES - 3..=MAX_TEXT_BYTES).rev().find(|at| !inside(*at));
    &text[..end.unwrap_or(MAX_TEXT_BYTES)]
}

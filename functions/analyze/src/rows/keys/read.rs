//! A key's values.

use super::{
    tag,
    varint::{get, get_signed},
};
use arrow_schema::ArrowError;
use watershed_lake::ColumnType;

/// Digits of a decimal at most: how many the column has, a key does not say.
const MAX_DIGITS: u8 = 38;

/// A value of a key's column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyValue<'k> {
    /// None.
    Null,
    /// True or false.
    Bool(bool),
    /// A number or a time.
    Exact {
        /// In the column's own unit: decimals without their point, days, microseconds.
        value: i128,
        /// `Long` for integers of either width, `Decimal` of 38 digits for all decimals of its scale, or of times the column's type.
        kind: ColumnType,
    },
    /// Text.
    Text(&'k str),
    /// Bytes.
    Binary(&'k [u8]),
}

/// Bytes that no [`KeyWriter`](super::KeyWriter) wrote, or not for that window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes of a window's key are none of that window: its state is of another program or another contract")]
pub struct BadKey;

impl From<BadKey> for ArrowError {
    fn from(bad: BadKey) -> Self {
        Self::ExternalError(Box::new(bad))
    }
}

/// The values of a key, in the order of its columns.
///
/// # Errors
/// The bytes are none that [`KeyWriter`](super::KeyWriter) writes.
pub fn read_key(mut bytes: &[u8]) -> Result<Vec<KeyValue<'_>>, BadKey> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        values.push(next(&mut bytes).ok_or(BadKey)?);
    }
    Ok(values)
}

/// The first value. None: there is none, or what stands there is none.
pub(super) fn next<'k>(bytes: &mut &'k [u8]) -> Option<KeyValue<'k>> {
    let (tag, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(match *tag {
        tag::NULL => KeyValue::Null,
        tag::FALSE => KeyValue::Bool(false),
        tag::TRUE => KeyValue::Bool(true),
        tag::INTEGER => exact(bytes, ColumnType::Long)?,
        tag::DECIMAL => {
            let (&scale, rest) = bytes.split_first().filter(|(scale, _)| **scale <= MAX_DIGITS)?;
            *bytes = rest;
            let precision = MAX_DIGITS;
            exact(bytes, ColumnType::Decimal { precision, scale })?
        }
        tag::DATE => exact(bytes, ColumnType::Date)?,
        tag::TIME => exact(bytes, ColumnType::Time)?,
        tag::TIMESTAMP => exact(bytes, ColumnType::Timestamp)?,
        tag::TIMESTAMP_TZ => exact(bytes, ColumnType::TimestampTz)?,
        tag::TEXT => KeyValue::Text(std::str::from_utf8(long(bytes)?).ok()?),
        tag::BINARY => KeyValue::Binary(long(bytes)?),
        _ => return None,
    })
}

fn exact(bytes: &mut &[u8], kind: ColumnType) -> Option<KeyValue<'static>> {
    let value = get_signed(bytes)?;
    let is_wide = matches!(kind, ColumnType::Decimal { .. });
    (is_wide || i64::try_from(value).is_ok()).then_some(KeyValue::Exact { value, kind })
}

fn long<'k>(bytes: &mut &'k [u8]) -> Option<&'k [u8]> {
    let length = usize::try_from(get(bytes)?).ok()?;
    let (value, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(value)
}

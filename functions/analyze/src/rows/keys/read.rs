//! A key's values.

use super::tag;
use arrow_schema::ArrowError;
use watershed_lake::ColumnType;
use watershed_stream::{DecodeError, codec::Reader};

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
pub fn read_key(bytes: &[u8]) -> Result<Vec<KeyValue<'_>>, BadKey> {
    let mut input = Reader::new(bytes);
    let mut values = Vec::new();
    while !input.is_empty() {
        values.push(next(&mut input)?);
    }
    Ok(values)
}

impl From<DecodeError> for BadKey {
    fn from(_: DecodeError) -> Self {
        Self
    }
}

/// The next value.
pub(super) fn next<'k>(input: &mut Reader<'k>) -> Result<KeyValue<'k>, BadKey> {
    Ok(match input.byte()? {
        tag::NULL => KeyValue::Null,
        tag::FALSE => KeyValue::Bool(false),
        tag::TRUE => KeyValue::Bool(true),
        tag::INTEGER => exact(input, ColumnType::Long)?,
        tag::DECIMAL => {
            let (precision, scale) = (MAX_DIGITS, input.byte()?);
            if scale > MAX_DIGITS {
                return Err(BadKey);
            }
            KeyValue::Exact {
                value: input.get_signed_wide()?,
                kind: ColumnType::Decimal { precision, scale },
            }
        }
        tag::DATE => exact(input, ColumnType::Date)?,
        tag::TIME => exact(input, ColumnType::Time)?,
        tag::TIMESTAMP => exact(input, ColumnType::Timestamp)?,
        tag::TIMESTAMP_TZ => exact(input, ColumnType::TimestampTz)?,
        tag::TEXT => KeyValue::Text(std::str::from_utf8(input.get_bytes(usize::MAX)?).map_err(|_| BadKey)?),
        tag::BINARY => KeyValue::Binary(input.get_bytes(usize::MAX)?),
        _ => return Err(BadKey),
    })
}

fn exact(input: &mut Reader<'_>, kind: ColumnType) -> Result<KeyValue<'static>, BadKey> {
    let value = input.get_signed()?.into();
    Ok(KeyValue::Exact { value, kind })
}

//! The key of a window as bytes: what windows tell keys apart by, and what their tables' columns are read back from.
//!
//! Values stand in the order of the key's columns, each behind a byte that says what it is ([`tag`]), written as states are
//! ([`watershed_stream::codec`]): numbers as zigzag variable-length
//! integers (Protocol Buffers, "Encoding"), texts behind their length. So no value runs into the next one: two rows have the same bytes
//! if, and only if, they have the same values, and null is not the empty text.

mod read;
#[cfg(test)]
mod tests;
mod text;
mod write;

pub use read::{BadKey, KeyValue, read_key};
pub use text::{key_json, owner};
pub use write::KeyWriter;

/// What a value is.
mod tag {
    pub(super) const NULL: u8 = 0;
    pub(super) const FALSE: u8 = 1;
    pub(super) const TRUE: u8 = 2;
    /// An integer, of 32 or 64 bits: a column that becomes wider keeps its keys.
    pub(super) const INTEGER: u8 = 3;
    /// Behind it the scale, then the digits.
    pub(super) const DECIMAL: u8 = 4;
    pub(super) const DATE: u8 = 5;
    pub(super) const TIME: u8 = 6;
    pub(super) const TIMESTAMP: u8 = 7;
    pub(super) const TIMESTAMP_TZ: u8 = 8;
    pub(super) const TEXT: u8 = 9;
    pub(super) const BINARY: u8 = 10;
}

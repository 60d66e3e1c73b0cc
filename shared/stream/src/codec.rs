//! Bytes of states, partial results and keys: varints, zigzag, lengths. One way to write each value, and a reader that never panics.

use crate::error::DecodeError;

/// Bytes of a `u64` at most (LEB128).
pub(crate) const MAX_VARINT_BYTES: usize = 10;
/// Bytes of a `u128` at most (LEB128).
pub(crate) const MAX_WIDE_BYTES: usize = 19;

/// LEB128.
#[inline]
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// LEB128 of 128 bits.
pub(crate) fn put_wide(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Zigzag: small numbers of either sign are short.
#[inline]
pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Zigzag of 128 bits.
#[inline]
pub fn put_signed_wide(out: &mut Vec<u8>, value: i128) {
    put_wide(out, ((value << 1) ^ (value >> 127)) as u128);
}

/// A length and that many bytes.
#[inline]
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads what the functions above wrote.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(count)
            .ok_or(DecodeError::Damaged("it ends too soon"))?;
        self.bytes = rest;
        Ok(taken)
    }

    /// Whether all was read.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// One byte.
    ///
    /// # Errors
    /// There is none.
    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.take(1)?[0])
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("as many bytes as were asked for"))
    }

    pub(crate) fn get_wide(&mut self) -> Result<u128, DecodeError> {
        let mut value = 0_u128;
        for at in 0..MAX_WIDE_BYTES as u32 {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            if (bits << (7 * at)) >> (7 * at) != bits {
                return Err(DecodeError::Damaged("a number is too large"));
            }
            value |= bits << (7 * at);
            if byte < 0x80 {
                return if byte == 0 && at > 0 {
                    Err(DecodeError::Damaged("a number is written longer than it need be"))
                } else {
                    Ok(value)
                };
            }
        }
        Err(DecodeError::Damaged("a number is too large"))
    }

    pub(crate) fn get(&mut self) -> Result<u64, DecodeError> {
        u64::try_from(self.get_wide()?).map_err(|_| DecodeError::Damaged("a number is too large"))
    }

    /// What [`put_signed`] wrote.
    ///
    /// # Errors
    /// It is something else, or is written longer than it need be.
    pub fn get_signed(&mut self) -> Result<i64, DecodeError> {
        let value = self.get()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// What [`put_signed_wide`] wrote.
    ///
    /// # Errors
    /// It is something else, or is written longer than it need be.
    pub fn get_signed_wide(&mut self) -> Result<i128, DecodeError> {
        let value = self.get_wide()?;
        Ok((value >> 1) as i128 ^ -((value & 1) as i128))
    }

    pub(crate) fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Damaged("a flag is neither 0 nor 1")),
        }
    }

    /// A number of things that take a byte each at least: no more than there are bytes, so that nothing is allocated for
    /// what is not there.
    pub(crate) fn get_length(&mut self, most: usize) -> Result<usize, DecodeError> {
        let length = usize::try_from(self.get()?).unwrap_or(usize::MAX);
        if length > most || length > self.bytes.len() {
            return Err(DecodeError::Damaged("it holds more than it may"));
        }
        Ok(length)
    }

    /// What [`put_bytes`] wrote: no more than `most` bytes.
    ///
    /// # Errors
    /// It is something else, or longer.
    pub fn get_bytes(&mut self, most: usize) -> Result<&'a [u8], DecodeError> {
        let length = self.get_length(most)?;
        self.take(length)
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), DecodeError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Damaged("bytes follow its end"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let mut out = Vec::new();
        for value in [0, 1, 127, 128, u64::MAX] {
            put(&mut out, value);
            put_signed(&mut out, value as i64);
            put_wide(&mut out, u128::from(value) << 64);
            put_signed_wide(&mut out, -i128::from(value));
        }
        put_signed_wide(&mut out, i128::MIN);
        let mut reader = Reader::new(&out);
        for value in [0, 1, 127, 128, u64::MAX] {
            assert_eq!(reader.get().unwrap(), value);
            assert_eq!(reader.get_signed().unwrap(), value as i64);
            assert_eq!(reader.get_wide().unwrap(), u128::from(value) << 64);
            assert_eq!(reader.get_signed_wide().unwrap(), -i128::from(value));
        }
        assert_eq!(reader.get_signed_wide().unwrap(), i128::MIN);
        reader.end().unwrap();
    }

    #[test]
    fn a_number_is_written_one_way() {
        assert!(Reader::new(&[0x80, 0x00]).get().is_err());
        assert!(Reader::new(&[0xff; 19]).get_wide().is_err());
        assert!(Reader::new(&[0x80]).get().is_err());
    }
}

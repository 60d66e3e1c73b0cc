//! Compressed user records.

use crate::unpack::Damage;
use flate2::bufread::MultiGzDecoder;
use std::io::{ErrorKind, Read};

/// Bytes of a user record, decompressed: what the decoder takes at most.
pub const MAX_RECORD_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of all user records of one Kinesis record together that were compressed: an aggregate may hold thousands, each of which is a
/// few bytes that become many.
pub const MAX_INFLATED_BYTES: usize = 64 * 1024 * 1024;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// Whether data is gzip (RFC 1952). No JSON begins so, and no text in UTF-8.
#[inline]
pub(crate) fn is_compressed(data: &[u8]) -> bool {
    data.starts_with(GZIP_MAGIC)
}

/// Appends what the data is, decompressed, at most `most` bytes. Where that does not work nothing is appended.
pub(crate) fn inflate(data: &[u8], most: usize, out: &mut Vec<u8>) -> Result<(), Damage> {
    let start = out.len();
    let most = most.min(MAX_RECORD_BYTES);
    let read = MultiGzDecoder::new(data).take(most as u64 + 1).read_to_end(out);
    let damage = match read {
        Ok(length) if length <= most => return Ok(()),
        Ok(_) => Damage::TooLong,
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Damage::Truncated,
        Err(_) => Damage::Corrupt,
    };
    out.truncate(start);
    Err(damage)
}

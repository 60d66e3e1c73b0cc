//! How bytes that are kept begin and end: what they are, their version, what they were written for; and a checksum.

use crate::error::DecodeError;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of magic, version and fingerprint.
const HEAD_BYTES: usize = 4 + 1 + 8;
/// Bytes of the checksum (XXH3 of all before it).
const CHECKSUM_BYTES: usize = 8;
/// Bytes that are neither of a state nor of a partial result.
pub(crate) const SEAL_BYTES: usize = HEAD_BYTES + CHECKSUM_BYTES;

pub(crate) fn begin(magic: &'static str, version: u8, fingerprint: u64) -> Vec<u8> {
    let mut out = magic.as_bytes().to_vec();
    out.push(version);
    out.extend_from_slice(&fingerprint.to_le_bytes());
    out
}

pub(crate) fn close(mut out: Vec<u8>) -> Vec<u8> {
    let checksum = xxh3_64(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// What stands between the two. The checksum is looked at before the fingerprint: a damaged one is not another spec.
pub(crate) fn open<'a>(
    bytes: &'a [u8],
    what: &'static str,
    magic: &'static str,
    version: u8,
    fingerprint: u64,
) -> Result<&'a [u8], DecodeError> {
    let Some(rest) = bytes.strip_prefix(magic.as_bytes()) else {
        return Err(DecodeError::Foreign { what, magic });
    };
    match rest.first() {
        Some(found) if *found != version => {
            return Err(DecodeError::Version {
                found: *found,
                known: version,
            });
        }
        _ if bytes.len() < SEAL_BYTES => return Err(DecodeError::Checksum),
        _ => {}
    }
    let (sealed, checksum) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
    if xxh3_64(sealed).to_le_bytes() != checksum {
        return Err(DecodeError::Checksum);
    }
    let (head, body) = sealed.split_at(HEAD_BYTES);
    if head[HEAD_BYTES - 8..] != fingerprint.to_le_bytes() {
        return Err(DecodeError::OtherSpec);
    }
    Ok(body)
}

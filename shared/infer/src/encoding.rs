//! How text is encoded: told by its byte order mark, or by what is no UTF-8.

use crate::Refusal;
use watershed_contract::Encoding;
use watershed_decode::encoding;

/// Longest UTF-8 sequence less one: so many bytes may be missing where a sample is cut.
const MAX_CUT_BYTES: usize = 3;

/// Text as UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub struct Text {
    /// What it was.
    pub encoding: Encoding,
    /// Without byte order mark.
    pub bytes: Vec<u8>,
    /// Characters that are none of the encoding: something else stands for them.
    pub undecodable: usize,
}

/// The text of an object. `complete`: the bytes are not cut at their end.
pub fn decode(bytes: Vec<u8>, complete: bool) -> Result<Text, Refusal> {
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return decode(rest.to_vec(), complete);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        return Ok(utf16(rest, u16::from_le_bytes, complete));
    }
    if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        return Ok(utf16(rest, u16::from_be_bytes, complete));
    }
    if bytes.contains(&0) {
        return Err(Refusal::new(
            "the object is not text: it has NUL bytes",
            "send CSV, NDJSON or Parquet; UTF-16 needs a byte order mark",
        ));
    }
    let valid = match std::str::from_utf8(&bytes) {
        Ok(_) => bytes.len(),
        Err(error)
            if !complete && error.error_len().is_none() && bytes.len() - error.valid_up_to() <= MAX_CUT_BYTES =>
        {
            error.valid_up_to()
        }
        Err(_) => return Ok(windows_1252(&bytes)),
    };
    let mut bytes = bytes;
    bytes.truncate(valid);
    Ok(Text {
        encoding: Encoding::Utf8,
        bytes,
        undecodable: 0,
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, complete: bool) -> Text {
    let (pairs, half) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let mut undecodable = if complete { half.len() } else { 0 };
    let character = |decoded: Result<char, _>| {
        decoded.unwrap_or_else(|_| {
            undecodable += 1;
            char::REPLACEMENT_CHARACTER
        })
    };
    let text: String = char::decode_utf16(units).map(character).collect();
    Text {
        encoding: Encoding::Utf16,
        bytes: text.into_bytes(),
        undecodable,
    }
}

/// A byte that the code page leaves open stands for itself.
fn windows_1252(bytes: &[u8]) -> Text {
    let mut undecodable = 0;
    let character = |byte: &u8| {
        encoding::windows_1252(*byte).unwrap_or_else(|| {
            undecodable += 1;
            char::from(*byte)
        })
    };
    let text: String = bytes.iter().map(character).collect();
    Text {
        encoding: Encoding::Windows1252,
        bytes: text.into_bytes(),
        undecodable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], complete: bool) -> (Encoding, String) {
        let text = decode(bytes.to_vec(), complete).expect("text");
        (text.encoding, String::from_utf8(text.bytes).expect("UTF-8"))
    }

    #[test]
    fn encodings_are_told_apart() {
        assert_eq!(text("\u{feff}é".as_bytes(), true), (Encoding::Utf8, "é".into()));
        assert_eq!(text(b"\xff\xfee\0\xac\x20", true), (Encoding::Utf16, "e€".into()));
        assert_eq!(text(b"\xfe\xff\0e\xd8", true), (Encoding::Utf16, "e".into()));
        assert_eq!(text(b"caf\xe9 \x80", true), (Encoding::Windows1252, "café €".into()));
        assert_eq!(text(b"caf\xc3", false), (Encoding::Utf8, "caf".into()));
        assert_eq!(text(b"caf\xc3", true), (Encoding::Windows1252, "cafÃ".into()));
        for (bytes, undecodable) in [(&b"\xff\xfea\0\0\xd8b\0c"[..], 2), (b"\x81caf\xe9", 1), (b"caf\xe9", 0)] {
            assert_eq!(
                decode(bytes.to_vec(), true).map(|text| text.undecodable),
                Ok(undecodable)
            );
        }
        assert!(decode(b"a\0b".to_vec(), true).is_err());
    }
}

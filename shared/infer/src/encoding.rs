//! How text is encoded: told by its byte order mark, or by what is no UTF-8.

use crate::Refusal;
use watershed_contract::Encoding;
use watershed_decode::encoding;

/// Longest UTF-8 sequence less one: so many bytes may be missing where a sample is cut.
const MAX_CUT_BYTES: usize = 3;

/// The text as UTF-8, without byte order mark. `complete`: the bytes are not cut at their end.
pub fn decode(bytes: Vec<u8>, complete: bool) -> Result<(Encoding, Vec<u8>), Refusal> {
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return decode(rest.to_vec(), complete);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        return Ok((Encoding::Utf16, utf16(rest, u16::from_le_bytes)));
    }
    if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        return Ok((Encoding::Utf16, utf16(rest, u16::from_be_bytes)));
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
        Err(_) => return Ok((Encoding::Windows1252, windows_1252(&bytes))),
    };
    let mut bytes = bytes;
    bytes.truncate(valid);
    Ok((Encoding::Utf8, bytes))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let text: String = char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    text.into_bytes()
}

/// A byte that the code page leaves open stands for itself.
fn windows_1252(bytes: &[u8]) -> Vec<u8> {
    let character = |byte: &u8| encoding::windows_1252(*byte).unwrap_or(char::from(*byte));
    bytes.iter().map(character).collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], complete: bool) -> (Encoding, String) {
        let (encoding, text) = decode(bytes.to_vec(), complete).expect("text");
        (encoding, String::from_utf8(text).expect("UTF-8"))
    }

    #[test]
    fn encodings_are_told_apart() {
        assert_eq!(text("\u{feff}é".as_bytes(), true), (Encoding::Utf8, "é".into()));
        assert_eq!(text(b"\xff\xfee\0\xac\x20", true), (Encoding::Utf16, "e€".into()));
        assert_eq!(text(b"\xfe\xff\0e\xd8", true), (Encoding::Utf16, "e".into()));
        assert_eq!(text(b"caf\xe9 \x80", true), (Encoding::Windows1252, "café €".into()));
        assert_eq!(text(b"caf\xc3", false), (Encoding::Utf8, "caf".into()));
        assert_eq!(text(b"caf\xc3", true), (Encoding::Windows1252, "cafÃ".into()));
        assert!(decode(b"a\0b".to_vec(), true).is_err());
    }
}

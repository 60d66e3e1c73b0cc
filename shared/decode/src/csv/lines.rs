//! How lines end: told by the first block.

use memchr::memchr;
use watershed_contract::CsvFormat;

/// Whether lines end with `\r` alone: there is one outside quotes, and there no `\n` is. `text` is the beginning of the object.
pub fn end_with_bare_cr(text: &[u8], format: &CsvFormat) -> bool {
    if !format.multiline && memchr(b'\n', text).is_some() {
        return false;
    }
    let (mut found, mut lines) = (false, 0);
    let mut at = 0;
    let is = |byte: u8, wanted: Option<u8>| wanted == Some(byte);
    // A quote opens where a field begins, and means nothing in a line that is no record.
    let (mut line_begins, mut field_begins, mut is_record) = (true, true, true);
    while at < text.len() {
        let byte = text[at];
        if line_begins {
            is_record = lines >= format.skip_lines && !is(byte, format.comment);
        }
        if is_record && field_begins && is(byte, format.quote) {
            at = behind_quoted(text, at, byte, format.escape);
            (line_begins, field_begins) = (false, false);
            continue;
        }
        if byte == b'\n' || (byte == b'\r' && text.get(at + 1) == Some(&b'\n')) {
            return false;
        }
        line_begins = byte == b'\r';
        field_begins = line_begins || byte == format.delimiter;
        found |= line_begins;
        lines += u32::from(line_begins);
        // An escaped byte is looked at no further.
        at += if is_record && is(byte, format.escape) { 2 } else { 1 };
    }
    found
}

/// Behind the quoted field at `at`, or behind the text.
fn behind_quoted(text: &[u8], at: usize, quote: u8, escape: Option<u8>) -> usize {
    let mut at = at + 1;
    while at < text.len() {
        let doubled = text[at] == quote && text.get(at + 1) == Some(&quote);
        if doubled || Some(text[at]) == escape {
            at += 2;
        } else if text[at] == quote {
            return at + 1;
        } else {
            at += 1;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_carriage_return_is_a_line_end_where_there_is_no_other() {
        let mut format = CsvFormat::rfc4180(b',');
        let check = |format: &CsvFormat, text: &str| end_with_bare_cr(text.as_bytes(), format);
        for text in [
            "a,b\r1,2\r",
            "\"a\nb\",c\r1,2",
            "\"a\"\"\n\",c\r1,2",
            "a\r\r",
            "it\"s\r1",
        ] {
            assert!(check(&format, text), "{text:?}");
        }
        for text in [
            "",
            "a",
            "a\n",
            "a\r\nb\r\n",
            "a\rb,c\n1,2\n",
            "\"a\rb\",c\n",
            "\"a\r",
            "a\r\r\n",
        ] {
            assert!(!check(&format, text), "{text:?}");
        }
        (format.skip_lines, format.comment, format.escape) = (1, Some(b'#'), Some(b'\\'));
        for text in [
            "\"said\ra,b\r1,2",
            "x\r#,\"\ra,b\r",
            "x\ra,\"\\\"\n\"\r",
            "x\ra\\\n,b\r",
        ] {
            assert!(check(&format, text), "{text:?}");
        }
        format.quote = None;
        assert!(!check(&format, "x\ra,\"\n\"\r"));
        format.multiline = false;
        assert!(check(&format, "a\rb,c\r"));
        assert!(!check(
            &CsvFormat {
                multiline: false,
                ..CsvFormat::rfc4180(b',')
            },
            "\"a\nb\",c\r1,2"
        ));
    }
}

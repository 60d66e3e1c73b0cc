//! Where a JSON value ends, without reading it.

use memchr::memchr3;

/// Looks for the end of one value among others: the comma or the closing bracket behind it. What it has seen it keeps, so that the
/// text may come in pieces. Brackets are counted, not matched: a broken value ends where one of as many brackets would. A string ends
/// with its line, because JSON has no line ends in strings: a quote that is not closed so costs no more than it must.
#[derive(Debug)]
pub struct ValueEnd {
    closing: u8,
    depth: u64,
    string: bool,
    escaped: bool,
}

impl ValueEnd {
    /// Of a value of an array (`]`) or of an object (`}`).
    pub fn before(closing: u8) -> Self {
        Self {
            closing,
            depth: 0,
            string: false,
            escaped: false,
        }
    }

    /// Where in the bytes, which go on from the last ones, the comma or bracket is; none: not in them.
    pub fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.escaped {
                self.escaped = false;
                at += usize::from(bytes[at] != b'\n');
                continue;
            }
            if self.string {
                at += memchr3(b'"', b'\\', b'\n', &bytes[at..])?;
                self.escaped = bytes[at] == b'\\';
                self.string = self.escaped;
                at += 1;
                continue;
            }
            match bytes[at] {
                b'"' => self.string = true,
                b'{' | b'[' => self.depth += 1,
                b',' if self.depth == 0 => return Some(at),
                b if b == self.closing && self.depth == 0 => return Some(at),
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            at += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn end(text: &str) -> Option<usize> {
        ValueEnd::before(b']').find(text.as_bytes())
    }

    #[test]
    fn ends_are_found() {
        assert_eq!(end("1,2]"), Some(1));
        assert_eq!(end(r#"{"a":[1,2],"b":"],\",\\"} ]"#), Some(26));
        assert_eq!(end("]"), Some(0));
        assert_eq!(end(r#"{"a":1}},{}"#), Some(8), "one bracket too many is of the value");
        assert_eq!(end("{\"a\":\"x}\n},{}"), Some(10), "a string ends with its line");
        assert_eq!(end(r#"{"a":1"#), None);
        assert_eq!(ValueEnd::before(b'}').find(b"[1]}"), Some(3));
    }

    proptest! {
        #[test]
        fn pieces_are_the_same_as_the_whole(text in r#"[\[\]{},"\\\na]{0,60}"#, cut in any::<prop::sample::Index>()) {
            let bytes = text.as_bytes();
            let whole = ValueEnd::before(b']').find(bytes);
            let at = cut.index(bytes.len() + 1);
            let mut pieces = ValueEnd::before(b']');
            let found = pieces.find(&bytes[..at]).or_else(|| Some(at + pieces.find(&bytes[at..])?));
            prop_assert_eq!(found, whole);
        }
    }
}

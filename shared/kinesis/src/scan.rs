//! The JSON that Lambda writes, gone over once: strings are borrowed, and what nobody asks for is skipped without being looked at.
//!
//! Lambda's JSON is well formed (RFC 8259). Text that is not is refused where that shows; what is skipped is not checked any further,
//! because nothing is made of it.

use memchr::memchr2;
use std::borrow::Cow;

/// What is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken {
    /// Byte of the text, from 0.
    pub(crate) at: usize,
    /// What should stand there.
    pub(crate) wanted: &'static str,
}

/// A place in the text.
pub(crate) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

/// A string, between its quotes.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    /// Its first byte in the text.
    pub(crate) start: usize,
    pub(crate) raw: &'a [u8],
    escaped: bool,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The members of the object at hand: `member` is given each key as it is written, and reads or skips its value.
    pub(crate) fn object<E: From<Broken>>(
        &mut self,
        mut member: impl FnMut(&mut Self, &'a [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.take(b'{', "an object")?;
        if self.takes(b'}') {
            return Ok(());
        }
        loop {
            let key = self.string()?;
            self.take(b':', "a colon")?;
            member(self, key.raw)?;
            if !self.takes(b',') {
                return Ok(self.take(b'}', "a comma or a closing brace")?);
            }
        }
    }

    /// The items of the array at hand: `item` reads each.
    pub(crate) fn array<E: From<Broken>>(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), E>) -> Result<(), E> {
        self.take(b'[', "an array")?;
        if self.takes(b']') {
            return Ok(());
        }
        loop {
            item(self)?;
            if !self.takes(b',') {
                return Ok(self.take(b']', "a comma or a closing bracket")?);
            }
        }
    }

    #[inline]
    pub(crate) fn string(&mut self) -> Result<Text<'a>, Broken> {
        self.take(b'"', "a string")?;
        let start = self.at;
        let mut escaped = false;
        loop {
            let Some(found) = memchr2(b'"', b'\\', &self.text[self.at..]) else {
                self.at = self.text.len();
                return Err(self.broken("the end of a string"));
            };
            let end = self.at + found;
            if self.text[end] == b'"' {
                self.at = end + 1;
                let raw = &self.text[start..end];
                return Ok(Text { start, raw, escaped });
            }
            escaped = true;
            self.at = (end + 2).min(self.text.len());
        }
    }

    /// A number, `true`, `false` or `null`, as it is written.
    pub(crate) fn plain(&mut self) -> Result<Text<'a>, Broken> {
        self.space();
        let rest = &self.text[self.at..];
        let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
        let length = rest.iter().position(is_end).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.broken("a value"));
        }
        let (start, raw) = (self.at, &rest[..length]);
        self.at += length;
        Ok(Text {
            start,
            raw,
            escaped: false,
        })
    }

    /// Goes over the value at hand, however deep it is: brackets are counted.
    pub(crate) fn skip(&mut self) -> Result<(), Broken> {
        let mut depth = 0_usize;
        loop {
            self.space();
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                Some(_) => {
                    self.plain()?;
                }
                None => return Err(self.broken("a value")),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Nothing more stands behind.
    pub(crate) fn end(&mut self) -> Result<(), Broken> {
        self.space();
        if self.at == self.text.len() {
            return Ok(());
        }
        Err(self.broken("nothing more"))
    }

    /// The place of the next value.
    pub(crate) fn at(&mut self) -> usize {
        self.space();
        self.at
    }

    /// Goes over what was read otherwise, up to `at`.
    pub(crate) fn go_on(&mut self, at: usize) {
        self.at = at;
    }

    pub(crate) fn broken(&self, wanted: &'static str) -> Broken {
        Broken { at: self.at, wanted }
    }

    #[inline]
    fn takes(&mut self, byte: u8) -> bool {
        self.space();
        let stands = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(stands);
        stands
    }

    #[inline]
    fn take(&mut self, byte: u8, wanted: &'static str) -> Result<(), Broken> {
        if self.takes(byte) {
            return Ok(());
        }
        Err(self.broken(wanted))
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
    }
}

impl<'a> Text<'a> {
    /// The string that it is; none where it is no UTF-8, or an escape is none.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        if !self.escaped {
            return std::str::from_utf8(self.raw).ok().map(Cow::Borrowed);
        }
        let quoted = [b"\"", self.raw, b"\""].concat();
        serde_json::from_slice::<String>(&quoted).ok().map(Cow::Owned)
    }

    /// The bytes that it is; none where an escape is none. Whether they are UTF-8 is not looked at.
    pub(crate) fn bytes(self) -> Option<Cow<'a, [u8]>> {
        if !self.escaped {
            return Some(Cow::Borrowed(self.raw));
        }
        self.text().map(|text| Cow::Owned(text.into_owned().into_bytes()))
    }

    /// The string, where it is written without an escape.
    pub(crate) fn plain(self) -> Option<&'a str> {
        std::str::from_utf8(self.raw).ok().filter(|_| !self.escaped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            "\\PC{0,8}|[\"\\\\{}\\[\\],:]{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::vec(("\\PC{0,4}", inner), 0..4)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_value_is_gone_over(value in value(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
            let mut scanner = Scanner::new(&text);
            prop_assert_eq!(scanner.skip(), Ok(()));
            prop_assert_eq!(scanner.end(), Ok(()));
        }

        #[test]
        fn any_string_is_read(text in any::<String>()) {
            let written = serde_json::to_vec(&text).unwrap();
            let read = Scanner::new(&written).string().unwrap().text();
            prop_assert_eq!(read.as_deref(), Some(text.as_str()));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), Just(b'{'), Just(b'}'), Just(b'['), Just(b','), Just(b':'), any::<u8>()], 0..60)) {
            let mut scanner = Scanner::new(&bytes);
            let read = scanner.object(|scanner, _| scanner.array(Scanner::skip));
            if let Err(broken) = read {
                prop_assert!(broken.at <= bytes.len());
            }
            let _ = Scanner::new(&bytes).skip();
            let _ = Scanner::new(&bytes).plain();
        }
    }
}

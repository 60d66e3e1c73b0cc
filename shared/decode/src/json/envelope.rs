//! What is around an array of records: nothing, or objects of which one key is the array. What other keys hold is gone over, not read.

use super::{element::ValueEnd, objects::unescape};

/// Bytes that a letter of a key is written in at most: `\u0041`.
const MAX_ESCAPED_BYTES: usize = 6;

/// Goes over the text before the array and behind it, in pieces.
pub struct Envelope {
    /// The keys that lead to the array.
    path: Vec<String>,
    /// Objects of the path that are open, and for each whether its key was there.
    found: Vec<bool>,
    state: State,
    key: Vec<u8>,
}

#[derive(Debug)]
enum State {
    /// The next object of the path, or the array.
    Value,
    /// A key, or the end of an object that has none.
    First,
    /// A key.
    Key,
    /// Inside a key, behind a backslash or not.
    InKey { escaped: bool },
    /// Behind a key, which is the path's or not.
    Colon { of_path: bool },
    /// Another value.
    Other(ValueEnd),
    /// Behind a value.
    Behind,
    /// Behind everything.
    End,
}

/// What is wrong, and at which byte of the piece.
pub type Wrong = (usize, String);

impl Envelope {
    /// With the array at that path; empty: the array is everything.
    pub fn new(path: &[String]) -> Self {
        Self {
            path: path.to_vec(),
            found: Vec::new(),
            state: State::Value,
            key: Vec::new(),
        }
    }

    /// True at the end of the text where one may be: behind everything.
    pub fn is_complete(&self) -> bool {
        matches!(self.state, State::End)
    }

    /// Goes over a piece. Where the array begins in it, the place of its bracket is told: the array's text is not for the next call.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<usize>, Wrong> {
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            match &mut self.state {
                State::InKey { escaped } => {
                    let ends = byte == b'"' && !*escaped;
                    *escaped = byte == b'\\' && !*escaped;
                    if ends {
                        self.key_ends().map_err(|message| (at, message))?;
                    } else {
                        self.keep(byte);
                    }
                }
                State::Other(value) => {
                    let Some(length) = value.find(&bytes[at..]) else {
                        return Ok(None);
                    };
                    at += length;
                    self.state = State::Behind;
                    continue;
                }
                _ if byte.is_ascii_whitespace() => {}
                _ => {
                    if self.token(byte).map_err(|message| (at, message))? {
                        return Ok(Some(at));
                    }
                }
            }
            at += 1;
        }
        Ok(None)
    }

    /// One character of structure; true: the array begins.
    fn token(&mut self, byte: u8) -> Result<bool, String> {
        let open = self.found.len();
        self.state = match (&self.state, byte) {
            (State::Value, b'{') if open < self.path.len() => {
                self.found.push(false);
                State::First
            }
            (State::Value, b'[') if open == self.path.len() => {
                self.state = if open == 0 { State::End } else { State::Behind };
                return Ok(true);
            }
            (State::Value, _) => return Err(format!("there is no array {}", self.place())),
            (State::First | State::Key, b'"') => {
                self.key.clear();
                State::InKey { escaped: false }
            }
            (State::First | State::Behind, b'}') => {
                if self.found.pop() == Some(false) {
                    return Err(format!("there is no array {}", self.place()));
                }
                if open == 1 { State::End } else { State::Behind }
            }
            (State::Behind, b',') => State::Key,
            (State::Colon { of_path: true }, b':') => State::Value,
            (State::Colon { of_path: false }, b':') => State::Other(ValueEnd::before(b'}')),
            (State::End, _) => return Err("there is more behind the end".into()),
            _ => return Err("what is around the array is not JSON".into()),
        };
        Ok(false)
    }

    fn key_ends(&mut self) -> Result<(), String> {
        let level = self.found.len() - 1;
        let of_path = unescape(&self.key).is_some_and(|key| key == self.path[level].as_bytes());
        if of_path && std::mem::replace(&mut self.found[level], true) {
            return Err(format!("the key `{}` is there twice", self.path[level]));
        }
        self.state = State::Colon { of_path };
        Ok(())
    }

    /// More of a key than the path's could be long is not kept: it is another one.
    fn keep(&mut self, byte: u8) {
        let wanted = &self.path[self.found.len() - 1];
        if self.key.len() <= wanted.len() * MAX_ESCAPED_BYTES {
            self.key.push(byte);
        }
    }

    fn place(&self) -> String {
        if self.path.is_empty() {
            "at the top".into()
        } else {
            format!("at `{}`", self.path.join("."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn envelope(path: &str) -> Envelope {
        let path: Vec<String> = path.split('.').filter(|key| !key.is_empty()).map(Into::into).collect();
        Envelope::new(&path)
    }

    #[test]
    fn the_array_is_found() {
        for (path, text, expected) in [
            ("", " [1]", Ok(Some(1))),
            ("", "{}", Err(0)),
            ("a", r#"{"b":[{"a":[]}],"a":[1]}"#, Ok(Some(20))),
            ("a", r#"{"\u0061":[1]}"#, Ok(Some(10))),
            ("a.b", r#"{"b":1,"a" : { "c":"}" , "b" : [ ]}}"#, Ok(Some(31))),
            ("a.b", r#"{"a":[]}"#, Err(5)),
            ("a", r#"{"a":null}"#, Err(5)),
            ("a", r#"{"b":1}"#, Err(6)),
            ("a", r#"{"b" 1}"#, Err(5)),
            ("a", "", Ok(None)),
        ] {
            let found = envelope(path).push(text.as_bytes()).map_err(|(at, _)| at);
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn the_end_is_looked_at() {
        for (text, expected) in [
            ("} \n", Ok(true)),
            (r#","next":{"a":[1]},"b":2}"#, Ok(true)),
            (r#","b":2"#, Ok(false)),
            ("", Ok(false)),
            (r#","a":[2]}"#, Err(3)),
            ("}}", Err(1)),
            ("]", Err(0)),
        ] {
            let mut envelope = envelope("a");
            assert_eq!(envelope.push(br#"{"a":["#).map_err(|(at, _)| at), Ok(Some(5)));
            let ended = envelope.push(text.as_bytes()).map_err(|(at, _)| at);
            assert_eq!(ended.map(|_| envelope.is_complete()), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn pieces_are_the_same_as_the_whole(text in r#"(\{|\}|"a"|"b"|:|,|\[|\]|1| |"\\"){0,20}"#, cut in any::<prop::sample::Index>()) {
            let bytes = text.as_bytes();
            let whole = envelope("a.b").push(bytes).map_err(|(at, _)| at);
            let at = cut.index(bytes.len() + 1);
            let mut pieces = envelope("a.b");
            let found = match pieces.push(&bytes[..at]) {
                Ok(None) => pieces.push(&bytes[at..]).map(|found| found.map(|n| n + at)).map_err(|(n, _)| n + at),
                other => other.map_err(|(at, _)| at),
            };
            prop_assert_eq!(found, whole);
        }
    }
}

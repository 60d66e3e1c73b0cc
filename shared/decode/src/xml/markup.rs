//! Markup of XML as far as it must be known to find rows: where tags, comments and the like begin and end.

use memchr::{memchr, memchr2, memmem};

/// A piece of markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// `<name …>`
    Start(&'a [u8]),
    /// `<name …/>`
    Empty(&'a [u8]),
    /// `</name>`
    End(&'a [u8]),
    /// Comment, CDATA section, processing instruction.
    Other,
    /// Declarations of the document's type.
    Doctype,
    /// A start tag that has no end before the next markup.
    Unended(&'a [u8]),
    /// A `<` that begins nothing.
    Stray,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// Markup, in bytes `start..end`.
    Markup { start: usize, end: usize, kind: Kind<'a> },
    /// Markup that begins at `start` and has no end in the text.
    Open { start: usize },
    /// Nothing but text.
    Text,
}

const COMMENT: &[u8] = b"<!--";
const COMMENT_END: &[u8] = b"-->";
const CDATA: &[u8] = b"<![CDATA[";
const CDATA_END: &[u8] = b"]]>";
const INSTRUCTION: &[u8] = b"<?";
const INSTRUCTION_END: &[u8] = b"?>";
const DOCTYPE: &[u8] = b"<!DOCTYPE";

/// The next piece of markup from `at`.
pub fn find(text: &[u8], at: usize) -> Found<'_> {
    let Some(length) = memchr(b'<', &text[at..]) else {
        return Found::Text;
    };
    let start = at + length;
    let rest = &text[start..];
    let found = match rest {
        [_, b'!', ..] => declared(rest),
        [_, b'?', ..] => behind(rest, INSTRUCTION.len(), INSTRUCTION_END).map(|end| (end, Kind::Other)),
        [_, b'/', ..] => memchr(b'>', rest).map(|end| (end + 1, Kind::End(rest[2..end].trim_ascii_end()))),
        [_, first, ..] if begins_name(*first) => tag(rest),
        [_] => None,
        _ => Some((1, Kind::Stray)),
    };
    match found {
        Some((length, kind)) => Found::Markup {
            start,
            end: start + length,
            kind,
        },
        None => Found::Open { start },
    }
}

/// What ends the markup that `text` begins with, and how long its beginning is, where nothing in it is read, so that it may be as long
/// as it likes: a comment, a CDATA section, a processing instruction.
pub fn unread(text: &[u8]) -> Option<(usize, &'static [u8])> {
    const UNREAD: [(&[u8], &[u8]); 3] = [
        (COMMENT, COMMENT_END),
        (CDATA, CDATA_END),
        (INSTRUCTION, INSTRUCTION_END),
    ];
    let found = UNREAD.iter().find(|(begin, _)| text.starts_with(begin));
    found.map(|(begin, end)| (begin.len(), *end))
}

/// The part of a name behind its prefix.
pub fn local_name(name: &[u8]) -> &[u8] {
    memchr(b':', name).map_or(name, |at| &name[at + 1..])
}

/// Whether declarations of the document's type declare entities.
pub fn declares_entities(doctype: &[u8]) -> bool {
    memmem::find(doctype, b"<!ENTITY").is_some()
}

fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b':' || byte >= 0x80
}

fn behind(text: &[u8], from: usize, end: &[u8]) -> Option<usize> {
    Some(from + memmem::find(text.get(from..)?, end)? + end.len())
}

fn declared(text: &[u8]) -> Option<(usize, Kind<'_>)> {
    let begins = |with: &[u8]| text.starts_with(with);
    if begins(COMMENT) {
        behind(text, COMMENT.len(), COMMENT_END).map(|end| (end, Kind::Other))
    } else if begins(CDATA) {
        behind(text, CDATA.len(), CDATA_END).map(|end| (end, Kind::Other))
    } else if begins(DOCTYPE) {
        doctype(text).map(|end| (end, Kind::Doctype))
    } else if [COMMENT, CDATA, DOCTYPE].iter().any(|known| known.starts_with(text)) {
        None
    } else {
        Some((1, Kind::Stray))
    }
}

/// Behind the `>` that is in no quotes, brackets or comment.
fn doctype(text: &[u8]) -> Option<usize> {
    let (mut at, mut brackets) = (DOCTYPE.len(), 0_usize);
    loop {
        match *text.get(at)? {
            quote @ (b'"' | b'\'') => at += 1 + memchr(quote, &text[at + 1..])?,
            b'<' if text[at..].starts_with(COMMENT) => at = behind(text, at + COMMENT.len(), COMMENT_END)? - 1,
            b'[' => brackets += 1,
            b']' => brackets = brackets.saturating_sub(1),
            b'>' if brackets == 0 => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
}

/// A start tag. Its attributes may have `>` in them, but no `<`: where one comes, the tag is broken.
fn tag(text: &[u8]) -> Option<(usize, Kind<'_>)> {
    let name_end = 1 + text[1..]
        .iter()
        .position(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'>' | b'<'))?;
    let name = &text[1..name_end];
    let mut at = name_end;
    // Where the next `>` or `<` is: looked for once, however many quotes stand before it.
    let mut stop = name_end + memchr2(b'>', b'<', &text[name_end..]).unwrap_or(text.len() - name_end);
    loop {
        if stop < at {
            stop = at + memchr2(b'>', b'<', &text[at..]).unwrap_or(text.len() - at);
        }
        let quote = memchr2(b'"', b'\'', &text[at..stop]).map_or(stop, |length| at + length);
        match *text.get(quote)? {
            b'>' if text[quote - 1] == b'/' => return Some((quote + 1, Kind::Empty(name))),
            b'>' => return Some((quote + 1, Kind::Start(name))),
            b'<' => return Some((quote, Kind::Unended(name))),
            mark => {
                let end = quote + 1 + memchr2(mark, b'<', &text[quote + 1..])?;
                if text[end] == b'<' {
                    return Some((end, Kind::Unended(name)));
                }
                at = end + 1;
            }
        }
    }
}

/// Names of open elements, the innermost last.
#[derive(Debug, Default)]
pub struct Open {
    text: Vec<u8>,
    /// Where each name stands in it.
    names: Vec<(usize, usize)>,
}

impl Open {
    /// How many.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// One more, inside the others.
    pub fn push(&mut self, name: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(name);
        self.names.push((start, self.text.len()));
    }

    /// From the outermost.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.names.iter().map(|(start, end)| &self.text[*start..*end])
    }

    /// Closes the innermost of that name and all inside it. How many they were; 0: none has that name.
    pub fn close(&mut self, name: &[u8]) -> usize {
        let place = self
            .names
            .iter()
            .rposition(|(start, end)| self.text[*start..*end] == *name);
        let Some(place) = place else { return 0 };
        let closed = self.names.len() - place;
        self.text.truncate(self.names[place].0);
        self.names.truncate(place);
        closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(text: &str) -> Option<(usize, Kind<'_>)> {
        match find(text.as_bytes(), 0) {
            Found::Markup { end, kind, .. } => Some((end, kind)),
            _ => None,
        }
    }

    #[test]
    fn a_tag_of_many_attributes_is_gone_over_once() {
        let attributes: String = (0..200_000).map(|n| format!(" k{n}='>'")).collect();
        let text = format!("<x{attributes}>");
        let whole = Found::Markup {
            start: 0,
            end: text.len(),
            kind: Kind::Start(b"x"),
        };
        assert_eq!(find(text.as_bytes(), 0), whole);
    }

    #[test]
    fn markup_is_told() {
        assert_eq!(one("<a>"), Some((3, Kind::Start(b"a"))));
        assert_eq!(one("<x:a b='>' c=\"/>'\" >."), Some((20, Kind::Start(b"x:a"))));
        assert_eq!(one("<a b='1'/>"), Some((10, Kind::Empty(b"a"))));
        assert_eq!(one("</a\n>"), Some((5, Kind::End(b"a"))));
        assert_eq!(one("<!-- <a> -- > -->"), Some((17, Kind::Other)));
        assert_eq!(one("<![CDATA[</a>]]>"), Some((16, Kind::Other)));
        assert_eq!(one("<?pi <a> ?>"), Some((11, Kind::Other)));
        assert_eq!(
            one("<!DOCTYPE a [<!-- '> --> <!ELEMENT b ']>'>] >"),
            Some((45, Kind::Doctype))
        );
        assert_eq!(one("<a b='1<c>"), Some((7, Kind::Unended(b"a"))));
        assert_eq!(one("<a b<c>"), Some((4, Kind::Unended(b"a"))));
        assert_eq!(one("< a>"), Some((1, Kind::Stray)));
        assert_eq!(one("<!a>"), Some((1, Kind::Stray)));
        for open in [
            "<",
            "<!",
            "<!-",
            "<!-->",
            "<![CDATA[]]",
            "<!DOCTYPE a [>",
            "<a",
            "<a b='>",
            "</a",
            "<?a>",
        ] {
            assert_eq!(find(open.as_bytes(), 0), Found::Open { start: 0 }, "{open}");
        }
        assert_eq!(find(b"text", 0), Found::Text);
        assert_eq!(local_name(b"x:a"), b"a");
    }

    #[test]
    fn elements_are_closed_by_name() {
        let mut open = Open::default();
        for name in ["a", "b", "a", "c"] {
            open.push(name.as_bytes());
        }
        assert_eq!(open.names().collect::<Vec<_>>(), [b"a", b"b", b"a", b"c"]);
        assert_eq!((open.close(b"x"), open.close(b"a"), open.len()), (0, 2, 2));
        assert_eq!((open.close(b"b"), open.close(b"a"), open.len()), (1, 1, 0));
    }

    proptest! {
        #[test]
        fn more_text_does_not_change_what_was_found(text in "[<>/!?a='\"\\[\\]C-]{0,30}", more in "[<>a='\"-]{0,10}") {
            let whole = format!("{text}{more}");
            if let found @ Found::Markup { start, end, .. } = find(text.as_bytes(), 0) {
                prop_assert!(start < end && end <= text.len());
                prop_assert_eq!(&find(whole.as_bytes(), 0), &found);
            }
        }
    }
}

//! What is well formed about attributes and references, whether or not anything is read from them.

use super::row::{Problem, not_xml, reference};
use crate::reject::Reason;
use memchr::memchr;
use quick_xml::events::BytesStart;

/// Names that are compared with each other; more are sorted first.
const FEW_NAMES: usize = 8;
/// Longest reference, `&` and `;` among its bytes: leading zeros of a number may make it longer than any that is needed.
pub const MAX_REFERENCE_BYTES: usize = 32;

/// Gives name and value of each attribute of a tag to `each`. Refuses a tag that has one twice (XML 1.0, 3.1, "Unique Att Spec").
pub fn attributes<'t>(
    tag: &'t BytesStart<'_>,
    mut each: impl FnMut(&'t str, &str) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut names: Vec<&str> = Vec::new();
    // Its own check for repeated names compares each with all.
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| not_xml(&error))?;
        names.push(attribute.key.0);
        each(attribute.key.0, attribute.value.as_ref())?;
    }
    match repeated(&mut names) {
        Some(name) => Err((Reason::RepeatedKey, format!("has the attribute `{name}` twice"))),
        None => Ok(()),
    }
}

fn repeated<'n>(names: &mut [&'n str]) -> Option<&'n str> {
    if names.len() <= FEW_NAMES {
        let mut later = names.iter().enumerate();
        return later
            .find(|(at, name)| names[..*at].contains(name))
            .map(|(_, name)| *name);
    }
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// Refuses a text with a `&` that begins no reference which is known.
pub fn references(mut text: &str) -> Result<(), Problem> {
    while let Some(at) = memchr(b'&', text.as_bytes()) {
        let (name, behind) = text[at + 1..].split_once(';').ok_or_else(|| not_xml(&NO_REFERENCE))?;
        reference(name)?;
        text = behind;
    }
    Ok(())
}

/// What is said of a `&` by itself.
pub const NO_REFERENCE: &str = "a & that begins no reference: write &amp;";

/// The attributes of a tag around rows, `<name …>` or `<name …/>`: what is wrong with them.
pub fn problem(tag: &str, name: usize) -> Option<String> {
    let content = tag.strip_prefix('<')?.strip_suffix('>')?;
    let content = content.strip_suffix('/').unwrap_or(content);
    let tag = BytesStart::from_content(content, name);
    let found = attributes(&tag, |_, value| references(value));
    found.err().map(|(_, message)| message)
}

/// Text between markup, as far as it is well formed: up to where a character or a reference may go on behind it.
pub fn text(text: &[u8], is_cut: bool) -> Result<usize, String> {
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) if is_cut && error.error_len().is_none() => {
            std::str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return Err("there are bytes which are no text".into()),
    };
    let last = text.rfind('&').filter(|at| is_cut && !text[*at..].contains(';'));
    let end = last
        .filter(|at| text.len() - at < MAX_REFERENCE_BYTES)
        .unwrap_or(text.len());
    references(&text[..end]).map_err(|(_, message)| format!("the text {message}"))?;
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_there_once() {
        let many: String = (0..20_000).map(|n| format!(" k{n}=''")).collect();
        for (tag, told) in [
            ("<x>".to_string(), None),
            ("<x a='1' b='1'/>".into(), None),
            (format!("<x{many}>"), None),
            ("<x a='1' a='2'/>".into(), Some("`a` twice")),
            (format!("<x{many} k7=''>"), Some("`k7` twice")),
            ("<x a='&'/>".into(), Some("write &amp;")),
            ("<x a='&b;'/>".into(), Some("`&b;`")),
            ("<x a=1>".into(), Some("is not XML")),
        ] {
            let found = problem(&tag, 1);
            assert_eq!(found.is_some(), told.is_some(), "{found:?}");
            assert!(found.unwrap_or_default().contains(told.unwrap_or_default()), "{told:?}");
        }
    }

    #[test]
    fn text_goes_on_behind_a_cut() {
        assert_eq!(text("a &amp; ü".as_bytes(), false), Ok(10));
        assert_eq!(text(b"a &am", true), Ok(2));
        assert_eq!(text(b"a \xc3", true), Ok(2));
        for (bad, is_cut) in [
            (&b"a &am"[..], false),
            (b"a\xc3", false),
            (b"\xff", true),
            (b"& ;", true),
            (b"&x;", false),
        ] {
            assert!(text(bad, is_cut).is_err(), "{}", bad.escape_ascii());
        }
        assert!(text(&[b"&", &[b'a'; MAX_REFERENCE_BYTES][..]].concat(), true).is_err());
    }
}

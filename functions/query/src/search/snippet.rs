//! Where a text has what is asked, for people.

use serde::Serialize;
use watershed_search::Query;

/// Characters of a text that are shown.
pub const MAX_CHARS: usize = 240;
/// Of those, how many stand before the first mark.
pub const CHARS_BEFORE: usize = 40;
/// Stands where something was cut away.
const CUT: char = '…';

/// A text, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snippet {
    /// What is shown.
    pub text: String,
    /// Where it has what is asked: first character and the one behind the last, counted from 0.
    pub marks: Vec<[usize; 2]>,
}

impl Snippet {
    /// Of a text. Where it is long, what is around its first mark.
    pub fn of(query: &Query, text: &str) -> Self {
        let marks = query.marks(text);
        let first = marks.first().map_or(0, |mark| mark.start);
        let begin = match text[..first].char_indices().rev().nth(CHARS_BEFORE - 1) {
            Some((begin, _)) if text.chars().nth(MAX_CHARS).is_some() => begin,
            _ => 0,
        };
        let end = text[begin..].char_indices().nth(MAX_CHARS);
        let end = end.map_or(text.len(), |(length, _)| begin + length);
        let (before, behind) = (begin > 0, end < text.len());
        let place = |byte: usize| usize::from(before) + text[begin..byte].chars().count();
        let shown = marks.iter().filter(|mark| mark.end <= end);
        Self {
            marks: shown.map(|mark| [place(mark.start), place(mark.end)]).collect(),
            text: before
                .then_some(CUT)
                .into_iter()
                .chain(text[begin..end].chars())
                .chain(behind.then_some(CUT))
                .collect(),
        }
    }

    /// Of several texts the first that has what is asked, or else the first; none: there is no text.
    pub fn of_first<'t>(query: &Query, texts: impl Iterator<Item = &'t str>) -> Option<Self> {
        let mut first = None;
        for text in texts {
            let snippet = Self::of(query, text);
            if !snippet.marks.is_empty() {
                return Some(snippet);
            }
            first.get_or_insert(snippet);
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(query: &str, text: &str) -> (String, Vec<String>) {
        let snippet = Snippet::of(&Query::parse(query).expect("a query"), text);
        let chars: Vec<char> = snippet.text.chars().collect();
        let marked = snippet
            .marks
            .iter()
            .map(|[begin, end]| chars[*begin..*end].iter().collect());
        (snippet.text.clone(), marked.collect())
    }

    #[test]
    fn a_short_text_is_shown_whole_and_a_long_one_around_its_first_mark() {
        let expected = |text: &str, marks: &[&str]| (text.to_string(), marks.iter().map(ToString::to_string).collect());
        assert_eq!(marked("åre", "Über Åre"), expected("Über Åre", &["Åre"]));
        let long = format!("{} Kennedy {} Kennedy", "ü".repeat(300), "y".repeat(300));
        let (text, marks) = marked("kennedy", &long);
        assert_eq!(marks, ["Kennedy"]);
        assert!(text.starts_with("…ü") && text.ends_with("y…"), "{text}");
        assert_eq!(text.chars().count(), MAX_CHARS + 2);
        let (text, marks) = marked("absent", &long);
        assert!(
            marks.is_empty() && text.starts_with('ü') && text.ends_with("ü…"),
            "{text}"
        );
    }

    #[test]
    fn of_several_texts_the_one_with_what_is_asked_is_shown() {
        let query = Query::parse("b").expect("a query");
        let shown = |texts: &[&str]| Snippet::of_first(&query, texts.iter().copied()).map(|snippet| snippet.text);
        assert_eq!(shown(&["a", "x b", "b"]).as_deref(), Some("x b"));
        assert_eq!(shown(&["a", "c"]).as_deref(), Some("a"));
        assert_eq!(shown(&[]), None);
    }
}

//! What is asked: words that all must be there, `"words in this order"`, `-words` that must not, and `beginnings*`.

use crate::words::words;
use std::ops::Range;

/// Longest text of a query, in bytes.
pub const MAX_QUERY_BYTES: usize = 1_024;
/// Most words of a query.
pub const MAX_WORDS: usize = 32;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub(crate) clauses: Vec<Clause>,
}

/// What stands between spaces, or in quotes: all of it must be there, or, if `not`, must not all be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clause {
    pub(crate) not: bool,
    pub(crate) all: Vec<Match>,
}

/// What a text of a row matches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Match {
    /// It has these words, one or more, behind each other.
    Words(Vec<String>),
    /// It has a word that begins so.
    Beginning(String),
}

/// Why a text is no query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadQuery {
    /// It is too long.
    #[error("the text is longer than {MAX_QUERY_BYTES} bytes: ask for fewer words")]
    TooLong,
    /// It has too many words.
    #[error("there are more than {MAX_WORDS} words: ask for fewer")]
    TooManyWords,
    /// Nothing is to be there.
    #[error("there is no word that is to be found: write one, of letters or digits, without - before it")]
    NoWord,
}

impl Query {
    /// Of any text.
    pub fn parse(text: &str) -> Result<Self, BadQuery> {
        if text.len() > MAX_QUERY_BYTES {
            return Err(BadQuery::TooLong);
        }
        let (mut clauses, mut count) = (Vec::new(), 0);
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let bare = rest.strip_prefix('-');
            let not = bare.is_some();
            let word = bare.unwrap_or(rest);
            let (all, behind) = if let Some(quoted) = word.strip_prefix('"') {
                let (phrase, behind) = quoted.split_once('"').unwrap_or((quoted, ""));
                (phrase_of(phrase), behind)
            } else {
                let end = word.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(word.len());
                (word_of(&word[..end]), &word[end..])
            };
            count += all.iter().map(Match::words).sum::<usize>();
            if count > MAX_WORDS {
                return Err(BadQuery::TooManyWords);
            }
            if !all.is_empty() {
                clauses.push(Clause { not, all });
            }
            rest = behind.trim_start();
        }
        if clauses.iter().all(|clause| clause.not) {
            return Err(BadQuery::NoWord);
        }
        Ok(Self { clauses })
    }

    /// What is to be there.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &Match> {
        self.clauses
            .iter()
            .filter(|clause| !clause.not)
            .flat_map(|clause| &clause.all)
    }

    /// Where a text has what is asked: in its bytes, ascending, none within another.
    pub fn marks(&self, text: &str) -> Vec<Range<usize>> {
        let words = words(text);
        let mut is_marked = vec![false; words.len()];
        for wanted in self.wanted() {
            match wanted {
                Match::Beginning(beginning) => {
                    for (word, mark) in words.iter().zip(&mut is_marked) {
                        *mark |= word.text.starts_with(beginning);
                    }
                }
                Match::Words(phrase) => {
                    for at in 0..(words.len() + 1).saturating_sub(phrase.len()) {
                        let run = &words[at..at + phrase.len()];
                        if run.iter().map(|word| &word.text).eq(phrase) {
                            is_marked[at..at + phrase.len()].fill(true);
                        }
                    }
                }
            }
        }
        let marked = words.into_iter().zip(is_marked);
        marked.filter(|(_, mark)| *mark).map(|(word, _)| word.range).collect()
    }
}

impl Match {
    fn words(&self) -> usize {
        match self {
            Self::Words(words) => words.len(),
            Self::Beginning(_) => 1,
        }
    }
}

fn phrase_of(text: &str) -> Vec<Match> {
    let words: Vec<String> = words(text).into_iter().map(|word| word.text).collect();
    if words.is_empty() {
        return Vec::new();
    }
    vec![Match::Words(words)]
}

/// What is joined by other characters than letters and digits is a phrase, but for a beginning at its end.
fn word_of(text: &str) -> Vec<Match> {
    let Some(text) = text.strip_suffix('*') else {
        return phrase_of(text);
    };
    let mut words: Vec<String> = words(text).into_iter().map(|word| word.text).collect();
    let beginning = words.pop().map(Match::Beginning);
    let before = (!words.is_empty()).then_some(Match::Words(words));
    before.into_iter().chain(beginning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrase(words: &[&str]) -> Match {
        Match::Words(words.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn words_phrases_beginnings_and_what_must_not_be_there() {
        let clause = |not, all: &[Match]| Clause { not, all: all.to_vec() };
        for (text, expected) in [
            (
                "New YORK",
                vec![clause(false, &[phrase(&["new"])]), clause(false, &[phrase(&["york"])])],
            ),
            (
                "\"new york\"-\"new jersey\" ",
                vec![
                    clause(false, &[phrase(&["new", "york"])]),
                    clause(true, &[phrase(&["new", "jersey"])]),
                ],
            ),
            (
                "jean-lu* -x* - -- \"\"",
                vec![
                    clause(false, &[phrase(&["jean"]), Match::Beginning("lu".into())]),
                    clause(true, &[Match::Beginning("x".into())]),
                ],
            ),
            ("\"open end", vec![clause(false, &[phrase(&["open", "end"])])]),
        ] {
            assert_eq!(Query::parse(text), Ok(Query { clauses: expected }), "{text}");
        }
    }

    #[test]
    fn what_asks_for_nothing_or_too_much_is_told() {
        for (text, expected) in [
            (String::new(), BadQuery::NoWord),
            ("-x -\"y z\"".into(), BadQuery::NoWord),
            ("* \" !!".into(), BadQuery::NoWord),
            ("a ".repeat(MAX_WORDS + 1), BadQuery::TooManyWords),
            ("a".repeat(MAX_QUERY_BYTES + 1), BadQuery::TooLong),
        ] {
            assert_eq!(Query::parse(&text), Err(expected), "{text}");
        }
        assert!(Query::parse(&"a ".repeat(MAX_WORDS)).is_ok());
    }

    #[test]
    fn marks_are_where_a_text_has_what_is_asked() {
        let text = "New York, new Jersey: the new yorker";
        let marked = |query: &str| -> Vec<&str> {
            let query = Query::parse(query).unwrap();
            query.marks(text).into_iter().map(|range| &text[range]).collect()
        };
        assert_eq!(marked("\"new york\""), ["New", "York"]);
        assert_eq!(marked("york*"), ["York", "yorker"]);
        assert_eq!(marked("new -jersey"), ["New", "new", "new"]);
        assert!(marked("absent").is_empty());
    }
}

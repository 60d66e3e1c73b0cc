//! The words of a text: what stands between characters that are neither letters nor digits, in lower case, without accents.
//!
//! Of scripts that put no space between words (Chinese, Japanese, Thai, …) each character is a word: a word there is found as a phrase of
//! its characters.

use std::ops::Range;
use tantivy::tokenizer::{AsciiFoldingFilter, TextAnalyzer, Token, TokenStream, Tokenizer};

/// Characters of a word that tell it from others; what is behind them is not looked at.
pub const MAX_WORD_CHARS: usize = 64;

/// A word, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// In bytes of the text.
    pub range: Range<usize>,
    /// As words are compared.
    pub text: String,
}

/// The words of a text, in their order.
pub fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    analyzer().token_stream(text).process(&mut |token| {
        found.push(Word {
            range: token.offset_from..token.offset_to,
            text: token.text.clone(),
        });
    });
    found
}

/// What makes words of a text.
pub(crate) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(Splitter::default())
        .filter(AsciiFoldingFilter)
        .build()
}

#[derive(Clone, Default)]
struct Splitter(Token);

struct Split<'a> {
    text: &'a str,
    /// Where the next word is looked for.
    at: usize,
    token: &'a mut Token,
}

impl Tokenizer for Splitter {
    type TokenStream<'a> = Split<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Split<'a> {
        self.0.reset();
        Split {
            text,
            at: 0,
            token: &mut self.0,
        }
    }
}

impl TokenStream for Split<'_> {
    fn advance(&mut self) -> bool {
        let rest = &self.text[self.at..];
        let Some((begin, first)) = rest.char_indices().find(|(_, c)| c.is_alphanumeric()) else {
            self.at = self.text.len();
            return false;
        };
        let is_in = |c: char| is_mark(c) || (c.is_alphanumeric() && !stands_alone(c) && !stands_alone(first));
        let behind = begin + first.len_utf8();
        let length = rest[behind..].find(|c| !is_in(c)).unwrap_or(rest.len() - behind);
        let word = &rest[begin..behind + length];
        let token = &mut *self.token;
        token.offset_from = self.at + begin;
        token.offset_to = token.offset_from + word.len();
        token.position = token.position.wrapping_add(1);
        token.text.clear();
        let letters = word.chars().flat_map(char::to_lowercase).filter(|c| !is_mark(*c));
        token.text.extend(letters.take(MAX_WORD_CHARS));
        self.at = token.offset_to;
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

/// An accent as a character of its own, behind its letter (Unicode, "Combining Diacritical Marks").
fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// A character of a script without spaces between words.
fn stands_alone(c: char) -> bool {
    matches!(c,
        // Thai, Lao, Burmese, Khmer.
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        // Kana and Han.
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_compared_without_case_accents_and_what_stands_between_them() {
        for (text, expected) in [
            ("John F. Kennedy-Intl", &["john", "f", "kennedy", "intl"][..]),
            ("São Paulo, Åre; ŁÓDŹ", &["sao", "paulo", "are", "lodz"]),
            ("Cafe\u{301} Straße İzmir", &["cafe", "strasse", "izmir"]),
            ("東京タワー", &["東", "京", "タ", "ワ", "ー"]),
            ("A320-214 3.5t", &["a320", "214", "3", "5t"]),
            ("Москва́", &["москва"]),
            ("—…!", &[]),
            ("", &[]),
        ] {
            assert_eq!(texts(text), expected, "{text}");
        }
    }

    #[test]
    fn a_long_word_is_known_by_its_beginning() {
        let long = "x".repeat(MAX_WORD_CHARS);
        assert_eq!(texts(&format!("{long}yz")), [long]);
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "à la Carte";
        let found: Vec<&str> = words(text).into_iter().map(|word| &text[word.range]).collect();
        assert_eq!(found, ["à", "la", "Carte"]);
    }
}

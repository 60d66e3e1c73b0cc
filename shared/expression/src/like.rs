//! `like`: `%` is any text, `_` any character, all else itself.

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Like(Vec<Piece>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Any,
    One,
    Char(char),
}

impl Like {
    pub(crate) fn new(pattern: &str) -> Self {
        let pieces = pattern.chars().map(|c| match c {
            '%' => Piece::Any,
            '_' => Piece::One,
            c => Piece::Char(c),
        });
        Self(pieces.collect())
    }

    /// True where the pattern is all of `text`. Goes back to the last `%` only: those before it have done their part.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (mut rest, mut piece) = (text, 0);
        let mut last_any: Option<(usize, &str)> = None;
        loop {
            let next = rest.chars().next();
            match (self.0.get(piece), next) {
                (Some(Piece::Any), _) => {
                    last_any = Some((piece, rest));
                    piece += 1;
                }
                (Some(Piece::One), Some(c)) => {
                    rest = &rest[c.len_utf8()..];
                    piece += 1;
                }
                (Some(Piece::Char(wanted)), Some(c)) if *wanted == c => {
                    rest = &rest[c.len_utf8()..];
                    piece += 1;
                }
                (None, None) => return true,
                _ => {
                    let Some((any, from)) = last_any else { return false };
                    let Some(c) = from.chars().next() else { return false };
                    rest = &from[c.len_utf8()..];
                    last_any = Some((any, rest));
                    piece = any + 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Like;
    use proptest::prelude::*;

    /// By the definition.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('%', rest)) => (0..=text.len()).any(|at| naive(rest, &text[at..])),
            Some(('_', rest)) => !text.is_empty() && naive(rest, &text[1..]),
            Some((c, rest)) => text.first() == Some(c) && naive(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn a_pattern_matches_as_it_is_defined(pattern in "[aé%_]{0,7}", text in "[aé]{0,7}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Like::new(&pattern).matches(&text), naive(&chars(&pattern), &chars(&text)));
        }
    }
}

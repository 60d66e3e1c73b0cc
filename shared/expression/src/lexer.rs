//! Text to tokens.

use crate::error::{Mistake, shown};

/// A word, number, text or sign of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name or keyword, in lower case.
    Word(String),
    /// A name in double quotes: never a keyword.
    Quoted(String),
    /// Digits as they are written.
    Number(String),
    /// In single quotes; a doubled one stands for one.
    Text(String),
    /// One of [`SIGNS`].
    Sign(&'static str),
    /// Behind the last.
    End,
}

/// A token and its bytes `start..end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) token: Token,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// Longest first.
const SIGNS: [&str; 16] = [
    "||", "<=", ">=", "<>", "!=", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ",",
];

/// The tokens of `text`, and [`Token::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<Placed>, Mistake> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, length) = token(&text[at..], first, at as u32)?;
        found.push(Placed {
            token,
            start: at as u32,
            end: (at + length) as u32,
        });
        at += length;
    }
    let end = text.len() as u32;
    found.push(Placed {
        token: Token::End,
        start: end,
        end,
    });
    Ok(found)
}

/// The token that `rest` begins with, and its bytes.
fn token(rest: &str, first: char, at: u32) -> Result<(Token, usize), Mistake> {
    if first.is_ascii_alphabetic() || first == '_' {
        let length = run(rest, |c| c.is_ascii_alphanumeric() || c == '_');
        return Ok((Token::Word(rest[..length].to_ascii_lowercase()), length));
    }
    let second = rest[first.len_utf8()..].chars().next();
    if first.is_ascii_digit() || (first == '.' && second.is_some_and(|c| c.is_ascii_digit())) {
        let length = number(rest);
        return Ok((Token::Number(rest[..length].to_string()), length));
    }
    match first {
        '\'' => quoted(rest, '\'', at).map(|(text, length)| (Token::Text(text), length)),
        '"' => quoted(rest, '"', at).map(|(text, length)| (Token::Quoted(text), length)),
        _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) => Ok((Token::Sign(sign), sign.len())),
            None => Err(Mistake::new(
                at,
                format!("{} is no part of an expression", shown(&first.to_string())),
                "write names, numbers, 'texts' and operators",
            )),
        },
    }
}

fn run(text: &str, is_in: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is_in(c)).unwrap_or(text.len())
}

/// Bytes of the number that `rest` begins with: digits, a point, an exponent.
fn number(rest: &str) -> usize {
    let digits = |from: usize| from + run(&rest[from..], |c| c.is_ascii_digit());
    let mut end = digits(0);
    if rest[end..].starts_with('.') {
        end = digits(end + 1);
    }
    if rest[end..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
        let exponent = digits(end + 1 + sign);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    end
}

/// The text between quotes, and its bytes with them.
fn quoted(rest: &str, quote: char, at: u32) -> Result<(String, usize), Mistake> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((place, c)) = chars.next() {
        if c != quote {
            text.push(c);
        } else if chars.next_if(|(_, next)| *next == quote).is_some() {
            text.push(quote);
        } else {
            return Ok((text, place + 1));
        }
    }
    Err(Mistake::new(
        at,
        format!("a text that does not end: {}", shown(rest)),
        format!("write {quote} at its end; one within it is doubled"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Token> {
        tokens(text).unwrap().into_iter().map(|placed| placed.token).collect()
    }

    #[test]
    fn tokens_are_told_apart() {
        use Token::{End, Number, Quoted, Sign, Text, Word};
        assert_eq!(
            read("Dep_Time>=1.5e-3||'it''s' \"end\"<>.5"),
            [
                Word("dep_time".into()),
                Sign(">="),
                Number("1.5e-3".into()),
                Sign("||"),
                Text("it's".into()),
                Quoted("end".into()),
                Sign("<>"),
                Number(".5".into()),
                End,
            ]
        );
        assert_eq!(
            read("1e x"),
            [Number("1".into()), Word("e".into()), Word("x".into()), End]
        );
    }

    #[test]
    fn what_is_no_token_is_told() {
        assert_eq!(tokens("a ? b").unwrap_err().at, 2);
        assert!(
            tokens("a = 'b")
                .unwrap_err()
                .message
                .starts_with("a text that does not end")
        );
    }
}

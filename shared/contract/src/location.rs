//! Which objects of the raw zone belong to a dataset.

use crate::{dataset::LocationPattern, diagnostic::shown, reader::At};
use regex::Regex;

/// Longest location, in bytes (Amazon S3, "Naming Amazon S3 objects": a key has at most 1,024).
pub const MAX_LOCATION_BYTES: usize = 1_024;
/// Before every location: the raw zone, whatever its bucket is called.
const RAW: &str = "s3://{raw}/";
/// Stands for the name of the schema object.
const MODEL: &str = "{model}";
/// What a location looks like.
const HELP: &str = "write s3://{raw}/folder/*.csv, where * is any characters but / and ** any";

/// The pattern of the schema object `model`.
pub(crate) fn read(at: &At<'_>, model: &str, datasets: usize) -> Option<LocationPattern> {
    let text = at.text()?;
    let Some(key) = text.strip_prefix(RAW).filter(|key| !key.is_empty()) else {
        at.error(format!("location {}", shown(text)), HELP);
        return None;
    };
    if datasets > 1 && !key.contains(MODEL) {
        at.error(
            "one location for several schema objects",
            "write {model} where the schema object's name stands in it",
        );
        return None;
    }
    let key = key.replace(MODEL, model);
    if text.len() > MAX_LOCATION_BYTES || key.len() > MAX_LOCATION_BYTES || key.contains(['{', '}']) {
        let help = format!("{HELP}, {{model}} the schema object's name; at most {MAX_LOCATION_BYTES} bytes");
        at.error(format!("location {}", shown(text)), help);
        return None;
    }
    let regex = Regex::new(&expression(&key)).expect("an escaped pattern of bounded length");
    Some(LocationPattern {
        text: format!("{RAW}{key}"),
        key: regex,
    })
}

/// A piece of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    /// `*`
    Segment,
    /// `**`
    Any,
}

fn pieces(key: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut rest = key.as_bytes();
    loop {
        rest = match rest {
            [] => return out,
            [b'*', b'*', tail @ ..] => {
                out.push(Piece::Any);
                tail
            }
            [b'*', tail @ ..] => {
                out.push(Piece::Segment);
                tail
            }
            [byte, tail @ ..] => {
                out.push(Piece::Byte(*byte));
                tail
            }
        };
    }
}

fn expression(key: &str) -> String {
    let any: Vec<String> = key
        .split("**")
        .map(|part| part.split('*').map(regex::escape).collect::<Vec<_>>().join("[^/]*"))
        .collect();
    format!(r"(?s)\A{}\z", any.join(".*"))
}

impl LocationPattern {
    fn pattern(&self) -> &str {
        self.text.strip_prefix(RAW).unwrap_or(&self.text)
    }

    /// The part before the first wildcard: no object outside of it matches.
    pub fn prefix(&self) -> &str {
        let key = self.pattern();
        key.split('*').next().unwrap_or(key)
    }

    /// True where some key matches both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let (a, b) = (pieces(self.pattern()), pieces(other.pattern()));
        // `reach[j]`: the rests of `a` from i and of `b` from j have a text in common; i counts down.
        let mut reach = vec![false; b.len() + 1];
        for i in (0..=a.len()).rev() {
            let below = std::mem::replace(&mut reach, vec![false; b.len() + 1]);
            for j in (0..=b.len()).rev() {
                let (right, down, across) = (
                    reach.get(j + 1).copied().unwrap_or(false),
                    below[j],
                    below.get(j + 1).copied().unwrap_or(false),
                );
                reach[j] = match (a.get(i), b.get(j)) {
                    (None, None) => true,
                    (Some(Piece::Byte(x)), Some(Piece::Byte(y))) => x == y && across,
                    (Some(Piece::Byte(x)), Some(wild)) => right || (takes(*wild, *x) && down),
                    (Some(wild), Some(Piece::Byte(y))) => down || (takes(*wild, *y) && right),
                    (Some(Piece::Byte(_)), None) | (None, Some(Piece::Byte(_))) => false,
                    (Some(_), Some(_)) => down || right,
                    (Some(_), None) => down,
                    (None, Some(_)) => right,
                };
            }
        }
        reach[0]
    }
}

fn takes(wild: Piece, byte: u8) -> bool {
    wild == Piece::Any || byte != b'/'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(key: &str) -> LocationPattern {
        LocationPattern {
            text: format!("{RAW}{key}"),
            key: Regex::new(&expression(key)).expect("valid"),
        }
    }

    #[test]
    fn a_star_stays_in_its_folder() {
        let one = pattern("a/*.csv");
        assert!(one.key.is_match("a/x.csv"));
        assert!(one.key.is_match("a/.csv"));
        for key in ["a/b/x.csv", "a/x.csvx", "b/a/x.csv", "a/xcsv", "a/x.csv\n"] {
            assert!(!one.key.is_match(key), "{key}");
        }
        assert!(pattern("a/**.csv").key.is_match("a/b/c\n/x.csv"));
        assert_eq!(one.prefix(), "a/");
    }

    #[test]
    fn overlap_is_exact() {
        for (a, b, expected) in [
            ("a/*.csv", "a/*.csv", true),
            ("a/*.csv", "a/*.parquet", false),
            ("a/*.csv", "a/x*", true),
            ("a/*.csv", "a/b/*.csv", false),
            ("a/**.csv", "a/b/*.csv", true),
            ("a/*", "a/b/c", false),
            ("a/**", "a/b/c", true),
            ("*a", "b*", true),
            ("*/b", "a*", false),
            ("*/b", "a**", true),
            ("a/x", "a/y", false),
            ("a*b*c", "ac", false),
            ("a*b*c", "abc", true),
        ] {
            assert_eq!(pattern(a).overlaps(&pattern(b)), expected, "{a} {b}");
            assert_eq!(pattern(b).overlaps(&pattern(a)), expected, "{b} {a}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// Against brute force over every short key.
        #[test]
        fn overlap_agrees_with_enumeration(a in "[ab/*]{0,4}", b in "[ab/*]{0,4}") {
            let (a, b) = (pattern(&a), pattern(&b));
            let mut keys = vec![String::new()];
            let mut all = keys.clone();
            for _ in 0..6 {
                keys = keys.iter().flat_map(|k| ["a", "b", "/"].map(|c| format!("{k}{c}"))).collect();
                all.extend(keys.iter().cloned());
            }
            let found = all.iter().any(|key| a.key.is_match(key) && b.key.is_match(key));
            proptest::prop_assert_eq!(a.overlaps(&b), found);
        }
    }
}

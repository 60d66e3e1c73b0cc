//! JSON: which keys its objects have, one object a line or all of them in one array.

use crate::{
    Refusal, Sure,
    sample::{Layout, Sample, max_rows},
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use std::{collections::HashSet, fmt};
use watershed_contract::{Encoding, limits::MAX_COLUMNS};
use watershed_decode::json as decoded;

/// Lines that are looked through for keys.
const MAX_LINES: usize = 50_000;

/// Of text that begins with a brace or a bracket.
pub fn sample(text: Vec<u8>, complete: bool) -> Result<Sample, Refusal> {
    let is_array = text.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'[');
    // What is not whole there, or stands around the array, is a record that is refused.
    let is_broken = is_array && complete && serde_json::from_slice::<IgnoredAny>(&text).is_err();
    let (layout, mut lines) = if is_array {
        (Layout::JsonArray, elements(&text))
    } else {
        (Layout::NdJson, text)
    };
    if !complete && !is_array {
        // The last line goes on behind the sample.
        let end = lines.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        lines.truncate(end);
    }
    let names = keys(&lines);
    if names.is_empty() {
        return Err(if is_array {
            Refusal::new(
                "the JSON array holds no objects with keys",
                "send one JSON object a line",
            )
        } else {
            Refusal::new(
                "no line is a JSON object by itself",
                "send one JSON object a line: jq -c . FILE > FILE.ndjson",
            )
        });
    }
    if names.len() > MAX_COLUMNS {
        return Err(Refusal::new(
            format!("the objects have more than {MAX_COLUMNS} keys between them"),
            "send fewer, or put what varies in one nested value",
        ));
    }
    let text_bytes = lines.len();
    let (block, left_out) = decoded::sample(lines, &names, max_rows(names.len()));
    Ok(Sample {
        label: String::new(),
        layout,
        layout_sure: Sure::Certain,
        encoding: Encoding::Utf8,
        complete,
        names,
        kinds: None,
        block,
        text_bytes,
        first_row: 0,
        left_out: left_out + usize::from(is_broken),
        notes: Vec::new(),
    })
}

/// The keys of all objects, as they come.
fn keys(lines: &[u8]) -> Vec<String> {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    for line in lines.split(|b| *b == b'\n').take(MAX_LINES) {
        for key in serde_json::from_slice(line).map(|Keys(keys)| keys).unwrap_or_default() {
            if found.len() <= MAX_COLUMNS && seen.insert(key.clone()) {
                found.push(key);
            }
        }
    }
    found
}

/// The keys of one object, in its order; its values are gone over.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Keys, M::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// The whole elements of an array, a line each.
fn elements(text: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(text.len());
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut whole = 0;
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let outside = depth == 0 || (depth == 1 && !in_string && matches!(byte, b'[' | b','));
        if outside {
            // The array's own brackets and commas.
            if whole < lines.len() {
                lines.push(b'\n');
                whole = lines.len();
            }
            if depth == 0 && *byte == b']' {
                break;
            }
            continue;
        }
        // White space may be a line end, which no element has in a string.
        lines.push(if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte });
    }
    lines.truncate(whole);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_taken_apart() {
        let text = br#" [ {"a": [1, 2], "b": "],\"{"} ,
 {"a":
 {"c": 3}}, {"cut": 1"#;
        let lines = String::from_utf8(elements(text)).expect("UTF-8");
        let lines: Vec<&str> = lines.lines().map(str::trim).collect();
        assert_eq!(lines, [r#"{"a": [1, 2], "b": "],\"{"}"#, r#"{"a":  {"c": 3}}"#]);
        assert_eq!(
            keys(
                br#"{"b":1,"a":2}
[1]
{"c":null}"#
            ),
            ["b", "a", "c"]
        );
    }
}

//! What the deployed API finds by words, for people.

use crate::{Error, Result, api::Api, table};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Characters of the bar of the best hit.
const BAR_CHARS: f64 = 10.0;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Words, "phrases", -not, beginning*.
    pub words: String,
    /// Most tables, and most rows; none: as the API has it.
    pub limit: Option<usize>,
    /// Only of this dataset.
    pub dataset: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, Deserialize)]
pub struct Found {
    tables: Vec<Described>,
    /// Rows, the best first.
    pub rows: Vec<Row>,
    /// Data files whose rows were not looked at.
    pub unindexed: u64,
}

#[derive(Debug, Clone, Deserialize)]
struct Described {
    table: String,
    score: f64,
    matched: Vec<Matched>,
}

#[derive(Debug, Clone, Deserialize)]
struct Matched {
    what: String,
    column: Option<String>,
    #[serde(flatten)]
    snippet: Snippet,
}

/// A row.
#[derive(Debug, Clone, Deserialize)]
pub struct Row {
    /// Of this table.
    pub table: String,
    score: f64,
    /// Its primary key.
    pub key: Map<String, Value>,
    columns: BTreeMap<String, Snippet>,
}

#[derive(Debug, Clone, Deserialize)]
struct Snippet {
    text: String,
    marks: Vec<[usize; 2]>,
}

impl Search {
    /// As the API is asked.
    pub fn path(&self) -> String {
        let limit = self.limit.map(|limit| limit.to_string());
        let parameters = [("limit", limit.as_ref()), ("dataset", self.dataset.as_ref())];
        let more = parameters.into_iter().filter_map(|(name, value)| Some((name, value?)));
        more.fold(format!("/search?q={}", encoded(&self.words)), |path, (name, value)| {
            format!("{path}&{name}={}", encoded(value))
        })
    }

    /// Asks the API.
    pub fn ask(&self, api: &Api) -> Result<Found> {
        let body = self.body(api)?;
        serde_json::from_slice(&body).map_err(Error::doing("the API's answer"))
    }

    /// The API's own answer.
    pub fn body(&self, api: &Api) -> Result<Vec<u8>> {
        api.get(&self.path())
    }
}

impl Found {
    /// For people.
    pub fn shown(&self) -> String {
        let scores = self.tables.iter().map(|table| table.score);
        let best = scores.clone().fold(0.0, f64::max);
        let tables = self.tables.iter().map(|table| {
            let matched: Vec<String> = table.matched.iter().map(Matched::shown).collect();
            vec![bar(table.score, best), table.table.clone(), matched.join("; ")]
        });
        let best = self.rows.iter().map(|row| row.score).fold(0.0, f64::max);
        let rows = self.rows.iter().map(|row| {
            let key: Vec<String> = row.key.values().map(cell).collect();
            let texts: Vec<String> = row
                .columns
                .iter()
                .map(|(name, snippet)| format!("{name}: {}", snippet.shown()))
                .collect();
            vec![bar(row.score, best), row.table.clone(), key.join(" "), texts.join("; ")]
        });
        let (tables, rows): (Vec<_>, Vec<_>) = (tables.collect(), rows.collect());
        let mut shown = String::new();
        for (title, found) in [("Tables", table::aligned(&tables)), ("Rows", table::aligned(&rows))] {
            if !found.is_empty() {
                shown += &format!("{title}\n{found}");
            }
        }
        if shown.is_empty() {
            shown += "nothing was found\n";
        }
        if self.unindexed > 0 {
            shown += &format!(
                "{} data files have no index yet: their rows were not looked at\n",
                self.unindexed
            );
        }
        shown
    }
}

impl Matched {
    fn shown(&self) -> String {
        match &self.column {
            Some(column) if self.what != "column" => format!("{} of {column}: {}", self.what, self.snippet.shown()),
            _ => format!("{}: {}", self.what, self.snippet.shown()),
        }
    }
}

impl Snippet {
    /// What is asked stands in brackets.
    fn shown(&self) -> String {
        let mut shown = String::new();
        for (at, char) in self.text.chars().enumerate() {
            if self.marks.iter().any(|[begin, _]| *begin == at) {
                shown.push('[');
            }
            shown.push(if char.is_control() { ' ' } else { char });
            if self.marks.iter().any(|[_, end]| *end == at + 1) {
                shown.push(']');
            }
        }
        shown
    }
}

fn cell(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), Into::into)
}

fn bar(score: f64, best: f64) -> String {
    let length = (BAR_CHARS * score / best).round().clamp(1.0, BAR_CHARS);
    "█".repeat(length as usize)
}

/// As a part of a query (RFC 3986, "Percent-Encoding").
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_asked_for_as_they_are() {
        let search = Search {
            words: "\"são paulo\" -x*&q=1".into(),
            limit: Some(3),
            dataset: Some("nyc.cities".into()),
        };
        assert_eq!(
            search.path(),
            "/search?q=%22s%C3%A3o%20paulo%22%20-x%2A%26q%3D1&limit=3&dataset=nyc.cities"
        );
    }

    #[test]
    fn what_was_found_is_marked() {
        let found: Found = serde_json::from_value(serde_json::json!({
            "tables": [{"dataset": "a", "table": "nyc.airports", "score": 2.0, "matched": [
                {"what": "column", "column": "name", "text": "name", "marks": [[0, 4]]},
                {"what": "description", "column": "faa", "text": "its name", "marks": [[4, 8]]}]}],
            "rows": [
                {"table": "nyc.airports", "score": 8.0, "key": {"faa": "JFK"}, "columns": {
                    "name": {"text": "John F Kennedy Intl", "marks": [[7, 14]]}}},
                {"table": "nyc.cities", "score": 4.0, "key": {"id": 7}, "columns": {
                    "name": {"text": "Kennedy", "marks": [[0, 7]]}}}],
            "searched": [], "unindexed": 2}))
        .expect("an answer");
        assert_eq!(
            found.shown(),
            "Tables\n██████████  nyc.airports  column: [name]; description of faa: its [name]\n\
             Rows\n██████████  nyc.airports  JFK  name: John F [Kennedy] Intl\n\
             █████       nyc.cities    7    name: [Kennedy]\n\
             2 data files have no index yet: their rows were not looked at\n"
        );
        let nothing = Found {
            tables: Vec::new(),
            rows: Vec::new(),
            unindexed: 0,
        };
        assert_eq!(nothing.shown(), "nothing was found\n");
    }
}

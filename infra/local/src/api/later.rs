//! Queries that Athena runs, from their start to their last row.

use super::{Answer, Api, Response, SIGNATURE, agent, read, shown};
use crate::{Error, Result, Ui, lake::Format};
use serde::Deserialize;
use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// Between two looks at a query.
const LOOK: Duration = Duration::from_millis(500);
/// Longest that one is waited for: Athena ends it itself after 30 minutes.
const MAX_WAIT: Duration = Duration::from_secs(31 * 60);
/// Most pages that are read of one.
const MAX_PAGES: usize = 10_000;

/// A query that was begun.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// What it is asked for by.
    pub id: String,
    state: String,
    estimated_bytes: u64,
}

impl Api {
    /// Has Athena begin a query.
    pub fn begin(&self, sql: &str) -> Result<Started> {
        let url = format!("{}/query", self.url);
        let post = agent().post(&url).header("authorization", SIGNATURE);
        let post = post
            .header("content-type", "text/plain")
            .header("prefer", "respond-async");
        let response = read(&url, post.send(sql))?;
        match response.status {
            202 => serde_json::from_slice(&response.body).map_err(Error::doing("the API's answer")),
            _ => Err(response.problem(sql)),
        }
    }

    /// Ends a query.
    pub fn end(&self, id: &str) -> Result<Response> {
        let url = format!("{}/query/{id}", self.url);
        read(&url, agent().delete(&url).header("authorization", SIGNATURE).call())
    }

    /// All rows of a query by Athena.
    pub fn ask_later(&self, sql: &str, ui: Ui) -> Result<Answer> {
        let started = self.begin(sql)?;
        let step = ui.step("Athena");
        step.note(format!("up to {} MiB", started.estimated_bytes.div_ceil(1 << 20)));
        let path = format!("/query/{}", started.id);
        let begun = Instant::now();
        let mut answer = loop {
            let response = self.send(&path, "application/json", None)?;
            match response.status {
                200 => break parsed(&response)?,
                202 => {
                    let state: Started = serde_json::from_slice(&response.body).map_err(Error::doing("a state"))?;
                    step.note(state.state.to_lowercase());
                }
                _ => return Err(response.problem(sql)),
            }
            if begun.elapsed() > MAX_WAIT {
                return Err(Error::new(format!(
                    "no rows after {} s: GET {path} tells more",
                    MAX_WAIT.as_secs()
                )));
            }
            sleep(LOOK);
        };
        for _ in 0..MAX_PAGES {
            let Some(next) = answer.next.take() else {
                step.done(&format!("{} rows", answer.rows.len()));
                return Ok(answer);
            };
            step.note(format!("{} rows", answer.rows.len()));
            let response = self.send(&format!("{path}?page={next}"), "application/json", None)?;
            if response.status != 200 {
                return Err(response.problem(sql));
            }
            let mut page = parsed(&response)?;
            answer.rows.append(&mut page.rows);
            answer.next = page.next;
        }
        Err(Error::new(format!(
            "more than {MAX_PAGES} pages: aggregate, or add LIMIT"
        )))
    }

    /// The same as text.
    pub fn print_later(&self, sql: &str, format: Format, ui: Ui) -> Result<String> {
        let answer = self.ask_later(sql, ui)?;
        match format {
            Format::Table => Ok(answer.table()),
            Format::Csv => Ok(answer.csv()),
            Format::Json => serde_json::to_string(&answer).map_err(Error::doing("the API's answer")),
        }
    }
}

fn parsed(response: &Response) -> Result<Answer> {
    serde_json::from_slice(&response.body).map_err(Error::doing("the API's answer"))
}

impl Answer {
    /// RFC 4180.
    fn csv(&self) -> String {
        let quoted = |text: &str| {
            if text.contains(['"', ',', '\n', '\r']) {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text.into()
            }
        };
        let cell = |value| quoted(&shown(value));
        let header: Vec<String> = self.columns.iter().map(|column| quoted(&column.name)).collect();
        let mut text = header.join(",") + "\n";
        for row in &self.rows {
            let cells: Vec<String> = self.columns.iter().map(|column| cell(row.get(&column.name))).collect();
            text += &(cells.join(",") + "\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_pages_are_csv() {
        let answer: Answer = serde_json::from_value(serde_json::json!({
            "columns": [{"name": "a", "type": "Utf8"}, {"name": "n", "type": "Int64"}],
            "rows": [{"a": "x, \"y\"", "n": 1}, {"a": null, "n": 2}], "tables": [], "bytesRead": 1}))
        .expect("an answer");
        assert_eq!(answer.csv(), "a,n\n\"x, \"\"y\"\"\",1\n,2\n");
    }
}

//! The deployed API, as a client of it sees it.

mod later;

use crate::{Emulator, Error, Result, Stack, lake::Format, table};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;

/// Longest until it answers: API Gateway itself gives up after 30 s.
const TIMEOUT: Duration = Duration::from_secs(40);
/// Largest answer that is read, in bytes: more than Lambda gives.
const MAX_ANSWER_BYTES: u64 = 16 << 20;

/// What a request is signed with. The emulator takes the caller's key from it, and does not check the signature.
pub const SIGNATURE: &str =
    "AWS4-HMAC-SHA256 Credential=test/20130101/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=none";

/// Where it is.
#[derive(Debug, Clone)]
pub struct Api {
    url: String,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Response {
    /// Of HTTP.
    pub status: u16,
    /// `content-type`.
    pub content_type: String,
    /// All of it.
    pub body: Vec<u8>,
}

/// Rows, and what was read for them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    columns: Vec<Column>,
    /// A value by the name of each column.
    pub rows: Vec<Map<String, Value>>,
    /// Of data files.
    pub bytes_read: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Column {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Problem {
    title: String,
    detail: String,
    at: Option<Place>,
}

#[derive(Debug, Deserialize)]
struct Place {
    line: usize,
    column: usize,
}

impl Api {
    /// Of that stack.
    pub fn new(emulator: &Emulator, stack: &Stack) -> Result<Self> {
        let id = stack.output("QueryApi")?;
        Ok(Self {
            url: format!("{}/_aws/execute-api/{id}/$default", emulator.endpoint()),
        })
    }

    /// Of what is deployed.
    pub async fn deployed(emulator: &Emulator) -> Result<Self> {
        let stack = Stack::find(emulator).await;
        let stack = stack.ok_or_else(|| Error::new("nothing is deployed").help("`cargo local deploy` does it"))?;
        Self::new(emulator, &stack)
    }

    /// What paths begin with.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A path, with that body if there is one.
    pub fn send(&self, path: &str, accept: &str, body: Option<(&str, &str)>) -> Result<Response> {
        let url = format!("{}{path}", self.url);
        let answer = match body {
            None => agent()
                .get(&url)
                .header("accept", accept)
                .header("authorization", SIGNATURE)
                .call(),
            Some((content_type, text)) => {
                let post = agent()
                    .post(&url)
                    .header("accept", accept)
                    .header("authorization", SIGNATURE);
                post.header("content-type", content_type).send(text)
            }
        };
        read(&url, answer)
    }

    /// The rows of a query.
    pub fn ask(&self, sql: &str) -> Result<Answer> {
        let body = self.query(sql, "application/json")?;
        serde_json::from_slice(&body).map_err(Error::doing("the API's answer"))
    }

    /// The answer to a query as text.
    pub fn print(&self, sql: &str, format: Format) -> Result<String> {
        let text = |body: Vec<u8>| String::from_utf8_lossy(&body).into_owned();
        match format {
            Format::Table => self.ask(sql).map(|answer| answer.table()),
            Format::Csv => self.query(sql, "text/csv").map(text),
            Format::Json => self.query(sql, "application/json").map(text),
        }
    }

    fn query(&self, sql: &str, accept: &str) -> Result<Vec<u8>> {
        let response = self.send("/query", accept, Some(("text/plain", sql)))?;
        match response.status {
            200 => Ok(response.body),
            202 => Err(
                Error::new("the query is too large for the function, and Athena runs it now")
                    .help("with --async its rows are waited for"),
            ),
            _ => Err(response.problem(sql)),
        }
    }

    /// What lies at a path, as JSON.
    pub fn get(&self, path: &str) -> Result<Vec<u8>> {
        let response = self.send(path, "application/json", None)?;
        match response.status {
            200 => Ok(response.body),
            _ => Err(response.problem(path)),
        }
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .build()
        .into()
}

fn read(url: &str, answer: std::result::Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Response> {
    let mut answer = answer.map_err(Error::doing(url))?;
    let header = answer
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    let content_type = header.unwrap_or_default().to_string();
    let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
    Ok(Response {
        status: answer.status().as_u16(),
        content_type,
        body: body.map_err(Error::doing(url))?,
    })
}

impl Response {
    /// What it says of a query that has no rows.
    fn problem(&self, sql: &str) -> Error {
        let said = format!(
            "the API answered {} with {}",
            self.status,
            String::from_utf8_lossy(&self.body)
        );
        match serde_json::from_slice::<Problem>(&self.body) {
            Ok(problem) => Error::new(problem.told(sql)),
            Err(_) => Error::new(said),
        }
    }
}

impl Problem {
    /// With the line of the SQL that it is about, and the place in it.
    fn told(&self, sql: &str) -> String {
        let mut told = format!("{}: {}", self.title.to_lowercase(), self.detail);
        let place = self.at.as_ref().filter(|at| at.line > 0 && at.column > 0);
        if let Some((line, at)) = place.and_then(|at| Some((sql.lines().nth(at.line - 1)?, at))) {
            told += &format!("\n  {line}\n  {:>width$}", "^", width = at.column);
        }
        told
    }
}

/// A value as text; null is empty.
fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

impl Answer {
    /// For people.
    pub fn table(&self) -> String {
        let names = || self.columns.iter().map(|column| column.name.clone());
        let rows = self
            .rows
            .iter()
            .map(|row| names().map(|name| shown(row.get(&name))).collect());
        let all: Vec<Vec<String>> = std::iter::once(names().collect()).chain(rows).collect();
        table::aligned(&all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_points_at_its_place() {
        let at = Some(Place { line: 2, column: 4 });
        let (title, detail) = ("The SQL cannot be run".into(), "no column `y`".into());
        let problem = Problem { title, detail, at };
        assert_eq!(
            problem.told("SELECT x,\n   y"),
            "the sql cannot be run: no column `y`\n     y\n     ^"
        );
    }

    #[test]
    fn rows_stand_under_their_names() {
        let answer: Answer = serde_json::from_value(serde_json::json!({
            "columns": [{"name": "origin", "type": "Utf8"}, {"name": "n", "type": "Int64"}],
            "rows": [{"origin": "EWR", "n": 12}, {"origin": null, "n": 3}], "tables": [], "bytesRead": 1}))
        .expect("an answer");
        assert_eq!(answer.table(), "origin  n\nEWR     12\n        3\n");
    }
}

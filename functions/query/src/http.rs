//! A request of the API and what is answered: payload format 2.0 (Amazon API Gateway, "Create AWS Lambda proxy integrations for HTTP
//! APIs").

use crate::problem::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Most bytes of a body: Lambda hands back 6 MB, with what is around it, and a third more where it is base64 (AWS Lambda, "Lambda quotas").
pub const MAX_BODY_BYTES: usize = 4_400_000;

/// What API Gateway sends.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// `/query`, decoded.
    pub raw_path: String,
    /// Names in lower case.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Decoded.
    #[serde(default)]
    pub query_string_parameters: BTreeMap<String, String>,
    /// Method, caller, stage.
    pub request_context: Context,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// Of a request what is not its own words.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// Method.
    pub http: Http,
    /// When the request came, in milliseconds since 1970.
    #[serde(default)]
    pub time_epoch: i64,
    /// Name of the stage, which may stand before the path.
    #[serde(default)]
    pub stage: String,
    /// Who calls, as the API's authoriser found out.
    #[serde(default)]
    pub authorizer: Value,
}

/// The request line.
#[derive(Debug, Clone, Deserialize)]
pub struct Http {
    /// `GET`.
    pub method: String,
}

/// What API Gateway gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// Of HTTP.
    pub status_code: u16,
    /// Names in lower case.
    pub headers: BTreeMap<&'static str, String>,
    /// Text, or bytes in base64.
    pub body: String,
    /// Which of both.
    pub is_base64_encoded: bool,
}

impl Request {
    /// The path behind the stage's name, without a slash at its end.
    pub fn path(&self) -> &str {
        let path = &*self.raw_path;
        let stage = &self.request_context.stage;
        let behind = path
            .strip_prefix('/')
            .and_then(|rest| rest.strip_prefix(stage.as_str()));
        let path = behind
            .filter(|rest| !stage.is_empty() && (rest.is_empty() || rest.starts_with('/')))
            .unwrap_or(path);
        path.trim_end_matches('/')
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Whether an answer that comes later is preferred (RFC 7240, "The respond-async Preference").
    pub fn prefers_later(&self) -> bool {
        let preferences = self.header("prefer").unwrap_or_default().split(',');
        let mut names = preferences.map(|preference| preference.split(';').next().unwrap_or_default().trim());
        names.any(|name| name.eq_ignore_ascii_case("respond-async"))
    }

    /// A parameter behind the question mark.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query_string_parameters.get(name).map(String::as_str)
    }

    /// Its body as text; none: empty.
    pub fn text(&self) -> Result<String, Problem> {
        let body = self.body.as_deref().unwrap_or_default();
        if !self.is_base64_encoded {
            return Ok(body.into());
        }
        let bytes = base64_simd::STANDARD.decode_to_vec(body).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.ok_or_else(|| Problem::bad_request("the body is no UTF-8 text"))
    }
}

impl Response {
    /// Of text.
    pub fn text(status_code: u16, content_type: &str, body: String) -> Self {
        Self {
            status_code,
            headers: BTreeMap::from([
                ("content-type", content_type.into()),
                ("cache-control", "no-store".into()),
            ]),
            body,
            is_base64_encoded: false,
        }
    }

    /// Of bytes.
    pub fn bytes(content_type: &str, body: &[u8]) -> Self {
        Self {
            is_base64_encoded: true,
            ..Self::text(200, content_type, base64_simd::STANDARD.encode_to_string(body))
        }
    }

    /// Of a value.
    pub fn json(body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("what is answered is JSON");
        Self::text(200, "application/json", body)
    }

    /// Of a value, with another status than 200.
    pub fn json_with(status_code: u16, body: &impl Serialize) -> Self {
        Self {
            status_code,
            ..Self::json(body)
        }
    }

    /// Of nothing.
    pub fn empty() -> Self {
        Self {
            headers: BTreeMap::from([("cache-control", "no-store".into())]),
            ..Self::text(204, "", String::new())
        }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.insert(name, value.into());
        self
    }
}

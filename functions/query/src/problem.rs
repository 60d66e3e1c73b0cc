//! What is answered where a request cannot be done (RFC 9457, "Problem Details for HTTP APIs").

use crate::http::Response;
use serde::Serialize;
use watershed_ports::{Kind, PortError};
use watershed_sql::{Place, SqlError, error::Limit};

/// A place in the SQL of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct At {
    /// From 1.
    pub line: u64,
    /// In characters, from 1.
    pub column: u64,
}

/// Why it cannot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Of HTTP.
    pub status: u16,
    /// The same for all of its kind.
    pub title: &'static str,
    /// Of this one.
    pub detail: String,
    /// Where in the SQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<At>,
    /// Methods that there are, where it is about that.
    #[serde(skip)]
    pub allow: Option<&'static str>,
}

impl Problem {
    fn new(status: u16, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            title,
            detail: detail.into(),
            at: None,
            allow: None,
        }
    }

    /// The request says what it may not.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(400, "The request cannot be read", detail)
    }

    /// The SQL is none.
    pub fn bad_sql(detail: impl Into<String>, place: Option<Place>) -> Self {
        Self {
            at: place.map(|Place { line, column }| At { line, column }),
            ..Self::new(400, "The SQL cannot be run", detail)
        }
    }

    /// Athena ran it, and it has no rows.
    pub fn failed(detail: impl Into<String>, place: Option<Place>) -> Self {
        Self {
            at: place.map(|Place { line, column }| At { line, column }),
            ..Self::new(422, "Athena could not run the query", detail)
        }
    }

    /// Athena failed, not the query.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(503, "Athena failed", detail)
    }

    /// It was there.
    pub fn gone(detail: impl Into<String>) -> Self {
        Self::new(410, "There is no such thing any more", detail)
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, "There is no such thing", detail)
    }

    /// There is, for others.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(403, "The caller may not see this", detail)
    }

    /// The path has other methods.
    pub fn not_allowed(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(405, "The path has no such method", format!("use {allow}"))
        }
    }

    /// None of what is accepted can be given.
    pub fn not_acceptable(detail: impl Into<String>) -> Self {
        Self::new(406, "The answer has no such form", detail)
    }

    /// The body is of a type that is not read.
    pub fn unsupported(detail: impl Into<String>) -> Self {
        Self::new(415, "The body has no such form", detail)
    }

    /// It takes more than it may.
    pub fn too_much(detail: impl Into<String>) -> Self {
        Self::new(422, "The query takes more than it may", detail)
    }

    /// As it is answered.
    pub fn response(&self) -> Response {
        let body = serde_json::to_string(self).expect("texts and numbers are JSON");
        let response = Response::text(self.status, "application/problem+json", body);
        match self.allow {
            Some(allow) => response.with("allow", allow),
            None => response,
        }
    }
}

impl From<PortError> for Problem {
    /// What happened goes to the log; the caller gets what it can do.
    fn from(error: PortError) -> Self {
        match error.kind {
            Kind::Transient | Kind::Conflict => {
                Self::new(503, "The lake does not answer", "send the request again in a moment")
            }
            Kind::Rejected | Kind::Fault => Self::new(
                500,
                "Something is wrong here",
                "the function's log says what, under this request's id",
            ),
        }
    }
}

impl From<SqlError> for Problem {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Invalid { message, place, .. } => Self::bad_sql(message, place),
            SqlError::Failed(message) => Self::new(422, "A value cannot be worked out", message),
            SqlError::Limit(Limit::Time, message) => Self::new(408, "The query takes too long", message),
            SqlError::Limit(Limit::Memory | Limit::Scan, message) => Self::too_much(message),
            SqlError::Port(error) => error.into(),
        }
    }
}

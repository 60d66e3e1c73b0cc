//! Four kinds of error, because there are four things to do about one.

use std::fmt;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Bad data: quarantine it and go on. An API answers 4xx.
    Rejected,
    /// May pass: leave the item to be delivered again. An API answers 503.
    Transient,
    /// Lost a race: plan again a few times, then as transient. An API answers 409.
    Conflict,
    /// A bug or a misconfiguration: fail the invocation. An API answers 500.
    Fault,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rejected => "rejected",
            Self::Transient => "transient",
            Self::Conflict => "conflict",
            Self::Fault => "fault",
        })
    }
}

/// A port's error: what to do, and what happened in words that a person can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PortError {
    /// What is to be done.
    pub kind: Kind,
    /// What happened, to what.
    pub message: String,
}

impl PortError {
    /// Of that kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// [`Kind::Rejected`].
    pub fn rejected(message: impl Into<String>) -> Self {
        Self::new(Kind::Rejected, message)
    }

    /// [`Kind::Transient`].
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(Kind::Transient, message)
    }

    /// [`Kind::Conflict`].
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, message)
    }

    /// [`Kind::Fault`].
    pub fn fault(message: impl Into<String>) -> Self {
        Self::new(Kind::Fault, message)
    }

    /// The same error, with what was being done before the colon.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }
}

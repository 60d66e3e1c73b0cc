//! Queries that an engine outside runs while nobody waits (Amazon Athena API, "StartQueryExecution").

use crate::PortError;
use async_trait::async_trait;

/// How far a query is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It waits for its turn.
    Queued,
    /// It runs.
    Running,
    /// Its rows can be read.
    Succeeded,
    /// It has none, for this reason.
    Failed {
        /// In the engine's words.
        reason: String,
        /// The engine failed, not the query.
        of_the_engine: bool,
    },
    /// Somebody cancelled it.
    Cancelled,
}

/// A query that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// How far it is.
    pub progress: Progress,
    /// What it read until now.
    pub bytes_read: u64,
}

impl Execution {
    /// It has just been started.
    pub const QUEUED: Self = Self {
        progress: Progress::Queued,
        bytes_read: 0,
    };
}

/// A column of a result, in the engine's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultColumn {
    /// Its name.
    pub name: String,
    /// `bigint`, `decimal`, `timestamp with time zone`.
    pub kind: String,
    /// Digits of a decimal.
    pub precision: u8,
    /// Those behind the point.
    pub scale: i8,
}

/// Some rows of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultPage {
    /// The columns, the same on each page.
    pub columns: Vec<ResultColumn>,
    /// Values as the engine writes them, one for each column; none: null.
    pub rows: Vec<Vec<Option<String>>>,
    /// What the page behind it is asked for by; none: that were all.
    pub next: Option<String>,
}

/// An engine that runs queries by itself.
#[async_trait]
pub trait Queries: Send + Sync {
    /// Starts a query, and gives what it is known by from then on. The same again for the same token, however often it is started, so that an
    /// answer that was lost costs no second run; another text under the same token is a fault.
    ///
    /// [`crate::Kind::Rejected`]: the engine cannot read the text, in its own words, without anything before them.
    async fn start(&self, sql: &str, token: &str) -> Result<String, PortError>;
    /// How far it is. [`crate::Kind::Rejected`]: there is no such query, or no more.
    async fn look(&self, id: &str) -> Result<Execution, PortError>;
    /// Rows of a query that succeeded, behind the pages before. [`crate::Kind::Rejected`]: there are none, or no more, or no such page.
    async fn page(&self, id: &str, after: Option<&str>) -> Result<ResultPage, PortError>;
    /// Ends it; one that has ended already is fine.
    async fn cancel(&self, id: &str) -> Result<(), PortError>;
}

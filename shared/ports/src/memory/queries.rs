//! An engine in memory that runs nothing: a test says what came of a query.

use super::lock;
use crate::{Execution, PortError, Progress, Queries, ResultColumn, ResultPage, faults::Faults};
use async_trait::async_trait;
use std::sync::Mutex;

/// Rows on a page.
const PAGE: usize = 3;

#[derive(Debug, Clone)]
struct Started {
    sql: String,
    token: String,
    execution: Execution,
    columns: Vec<ResultColumn>,
    rows: Vec<Vec<Option<String>>>,
}

/// Queries in the order they were started.
#[derive(Debug, Default)]
pub struct MemoryQueries {
    started: Mutex<Vec<Started>>,
    faults: Faults,
}

impl MemoryQueries {
    /// Without a query; its calls count in `faults`.
    pub fn new(faults: Faults) -> Self {
        Self {
            started: Mutex::default(),
            faults,
        }
    }

    /// Texts of all queries that were started, each once.
    pub fn started(&self) -> Vec<String> {
        lock(&self.started).iter().map(|query| query.sql.clone()).collect()
    }

    /// How far the `nth` query is from now on, without counting a call.
    pub fn set(&self, nth: usize, progress: Progress) {
        lock(&self.started)[nth].execution.progress = progress;
    }

    /// The `nth` query has succeeded, with these rows.
    pub fn succeed(&self, nth: usize, columns: Vec<ResultColumn>, rows: Vec<Vec<Option<String>>>) {
        let query = &mut lock(&self.started)[nth];
        query.execution.progress = Progress::Succeeded;
        (query.columns, query.rows) = (columns, rows);
    }

    fn find(&self, id: &str) -> Result<(usize, Started), PortError> {
        let started = lock(&self.started);
        let nth = id.strip_prefix("execution-").and_then(|nth| nth.parse().ok());
        let found = nth.and_then(|nth: usize| Some((nth, started.get(nth)?.clone())));
        found.ok_or_else(|| PortError::rejected(format!("there is no query {id}")))
    }
}

#[async_trait]
impl Queries for MemoryQueries {
    async fn start(&self, sql: &str, token: &str) -> Result<String, PortError> {
        self.faults.call("start", || {
            let mut started = lock(&self.started);
            let known = started.iter().position(|query| query.token == token);
            let nth = known.unwrap_or(started.len());
            match known {
                Some(known) if started[known].sql != sql => {
                    return Err(PortError::fault("the token is of another text"));
                }
                Some(_) => {}
                None => started.push(Started {
                    sql: sql.into(),
                    token: token.into(),
                    execution: Execution::QUEUED,
                    columns: Vec::new(),
                    rows: Vec::new(),
                }),
            }
            Ok(format!("execution-{nth}"))
        })
    }

    async fn look(&self, id: &str) -> Result<Execution, PortError> {
        self.faults.call("look", || Ok(self.find(id)?.1.execution))
    }

    async fn page(&self, id: &str, after: Option<&str>) -> Result<ResultPage, PortError> {
        self.faults.call("page", || {
            let (_, query) = self.find(id)?;
            if query.execution.progress != Progress::Succeeded {
                return Err(PortError::rejected("it has no rows"));
            }
            let begin: usize = after
                .map_or(Ok(0), str::parse)
                .map_err(|_| PortError::rejected("there is no such page"))?;
            let rows: Vec<_> = query.rows.iter().skip(begin).take(PAGE).cloned().collect();
            let end = begin + rows.len();
            Ok(ResultPage {
                columns: query.columns,
                rows,
                next: (end < query.rows.len()).then(|| end.to_string()),
            })
        })
    }

    async fn cancel(&self, id: &str) -> Result<(), PortError> {
        self.faults.call("cancel", || {
            let (nth, query) = self.find(id)?;
            if matches!(query.execution.progress, Progress::Queued | Progress::Running) {
                lock(&self.started)[nth].execution.progress = Progress::Cancelled;
            }
            Ok(())
        })
    }
}

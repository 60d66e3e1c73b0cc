//! `GET /search`: datasets and tables by what their contracts say of them, and rows by the words of the columns that those declare searchable.
//!
//! * `datasets`: an index of the contracts, made once. `rows`: the tables' indexes, which `index` made, and the rows that they find. `kept`: those
//!   that a warm instance has. [`snippet`]: where a text has what is asked.
//!
//! A table is searched in one state, the newest. Files that have no index yet are counted, so that nobody takes "not found" for "not there".

mod datasets;
mod kept;
mod rows;
pub mod snippet;

use crate::{
    Config, Ready,
    access::Access,
    failed,
    http::{Request, Response},
    problem::Problem,
};
use datasets::Datasets;
use kept::Kept;
use serde::Serialize;
use std::time::Duration;
use watershed_contract::{Contracts, Dataset};
use watershed_ops::{Invocation, Unit};
use watershed_ports::PortError;
use watershed_search::{IndexError, Query};
use watershed_sql::{SqlError, error::Limit};

/// Hits of each kind where nothing is said.
pub const DEFAULT_HITS: usize = 10;
/// Most hits of each kind.
pub const MAX_HITS: usize = 100;

/// What searching keeps from request to request.
pub(crate) struct Search {
    datasets: Datasets,
    kept: Kept,
}

/// What a request asks.
struct Asked<'r> {
    query: Query,
    limit: usize,
    /// Only of this dataset; none: of all.
    dataset: Option<&'r Dataset>,
}

#[derive(Serialize)]
struct Answer<'c> {
    tables: Vec<datasets::Hit<'c>>,
    #[serde(flatten)]
    rows: rows::Found,
}

impl Search {
    /// Nothing is read yet.
    pub(crate) fn new(contracts: &Contracts, index_bytes: usize) -> Result<Self, PortError> {
        let datasets = Datasets::new(contracts).map_err(|error| broken(&error))?;
        Ok(Self {
            datasets,
            kept: Kept::new(index_bytes),
        })
    }
}

fn broken(error: &IndexError) -> PortError {
    PortError::fault(error.to_string())
}

/// Searches for what the request asks.
pub(crate) async fn answer(
    ready: &Ready,
    config: &Config,
    invocation: &mut Invocation,
    request: &Request,
    access: Access,
) -> Result<Response, Problem> {
    let asked = asked(ready, request)?;
    let named = |dataset: &&std::sync::Arc<Dataset>| asked.dataset.is_none_or(|only| only.id == dataset.id);
    let tables = ready.search.datasets.find(&asked.query, asked.limit, asked.dataset);
    let tables = tables.map_err(|error| failed(invocation, broken(&error)))?;
    let datasets = ready.tables.contracts.iter().filter(named).map(|dataset| &**dataset);
    let search = rows::Search {
        tables: &ready.tables,
        kept: &ready.search.kept,
        query: &asked.query,
        limit: asked.limit,
        access,
    };
    let found = tokio::time::timeout(config.limits.time, search.find(datasets)).await;
    let (rows, damaged) = found
        .map_err(|_| too_long(config.limits.time))?
        .map_err(|error| failed(invocation, error))?;
    for what in damaged {
        failed(invocation, PortError::fault(what));
    }
    invocation.metric("RowsFound", Unit::Count, rows.rows.len() as f64);
    invocation.metric("FilesUnindexed", Unit::Count, rows.unindexed as f64);
    Ok(Response::json(&Answer { tables, rows }))
}

fn asked<'r>(ready: &'r Ready, request: &Request) -> Result<Asked<'r>, Problem> {
    const HELP: &str = "write /search?q=WORDS, with limit and dataset as you like";
    let known = ["q", "limit", "dataset"];
    if let Some(other) = request
        .query_string_parameters
        .keys()
        .find(|name| !known.contains(&name.as_str()))
    {
        return Err(Problem::bad_request(format!("there is no parameter {other}: {HELP}")));
    }
    let text = request
        .parameter("q")
        .ok_or_else(|| Problem::bad_request(format!("there is no q: {HELP}")))?;
    let query = Query::parse(text).map_err(|error| Problem::bad_request(format!("q cannot be read: {error}")))?;
    let limit = match request.parameter("limit") {
        None => DEFAULT_HITS,
        Some(limit) => limit
            .parse()
            .ok()
            .filter(|limit| (1..=MAX_HITS).contains(limit))
            .ok_or_else(|| Problem::bad_request(format!("limit is a number from 1 to {MAX_HITS}")))?,
    };
    let dataset = request
        .parameter("dataset")
        .map(|name| ready.tables.dataset(name).ok_or_else(|| ready.tables.unknown(name)))
        .transpose()?;
    Ok(Asked { query, limit, dataset })
}

fn too_long(limit: Duration) -> Problem {
    let what = format!(
        "the search took longer than {} s: ask for rarer words, or name a dataset",
        limit.as_secs()
    );
    SqlError::Limit(Limit::Time, what).into()
}

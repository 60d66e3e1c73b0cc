//! `POST /query`.

use crate::{
    Config, Ready,
    access::Access,
    answer::{Form, Rows},
    failed,
    http::{Request, Response},
    problem::Problem,
    tables::{State, rfc3339},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use watershed_ops::{Invocation, Unit};
use watershed_sql::{Query, Reference, SqlError};

/// A body of JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    sql: String,
}

/// Of which state of a table the rows are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Read {
    /// `database.table`.
    table: String,
    /// Its snapshot; none: it never had a row. As text: it has more digits than numbers of JSON mostly keep.
    snapshot: Option<String>,
    /// When that was made (RFC 3339).
    made: Option<String>,
}

impl Read {
    fn of(reference: &Reference, state: &State) -> Self {
        Self {
            table: reference.name.to_string(),
            snapshot: state.id.map(|id| id.to_string()),
            made: state.made_ms.and_then(rfc3339),
        }
    }
}

/// The SQL of a request: its body, or the `sql` of a body of JSON.
fn sql(request: &Request) -> Result<String, Problem> {
    let text = request.text()?;
    let content_type = request.header("content-type").unwrap_or("application/json");
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/json" => {
            let body: Result<Body, _> = serde_json::from_str(&text);
            let wrong = |error| {
                Problem::bad_request(format!(
                    "{error}: send {{\"sql\": \"SELECT …\"}}, or the SQL itself as text/plain"
                ))
            };
            Ok(body.map_err(wrong)?.sql)
        }
        "text/plain" | "application/sql" => Ok(text),
        other => Err(Problem::unsupported(format!(
            "{other}: send application/json, text/plain or application/sql"
        ))),
    }
}

/// Runs the SQL of a request over one state of each table that it names.
pub(crate) async fn answer(
    ready: &Ready,
    config: &Config,
    invocation: &mut Invocation,
    request: &Request,
    access: Access,
) -> Result<Response, Problem> {
    let form = Form::of(request.header("accept"))?;
    let query = Query::parse(&sql(request)?)?;
    match run(ready, config, invocation, &query, form, access).await {
        Ok(response) => Ok(response),
        Err(SqlError::Port(error)) => Err(failed(invocation, error)),
        Err(error) => Err(told(ready, &query, access, error)),
    }
}

async fn run(
    ready: &Ready,
    config: &Config,
    invocation: &mut Invocation,
    query: &Query,
    form: Form,
    access: Access,
) -> Result<Response, SqlError> {
    let mut inputs = BTreeMap::new();
    let mut read = Vec::with_capacity(query.tables.len());
    for reference in &query.tables {
        let (input, state) = ready.tables.input(reference, access).await?;
        read.push(Read::of(reference, &state));
        inputs.insert(Reference::clone(reference), input);
    }
    invocation.field("tables", read.iter().map(|read| read.table.clone()).collect::<Vec<_>>());
    let mut answer = ready.engine.run(query, &inputs).await?;
    let mut rows = Rows::new(form, Arc::clone(answer.schema()), config.rows)?;
    while let Some(batch) = answer.next().await? {
        rows.write(&batch)?;
    }
    let (count, bytes) = (rows.count(), answer.bytes_read());
    invocation.metric("RowsAnswered", Unit::Count, count as f64);
    invocation.metric("BytesRead", Unit::Bytes, bytes as f64);
    rows.finish(&read, bytes)
}

/// Of a column that is there for others, that is said.
fn told(ready: &Ready, query: &Query, access: Access, error: SqlError) -> Problem {
    if let SqlError::Invalid {
        column: Some(column), ..
    } = &error
    {
        let hides = |reference: &&Reference| {
            let described = ready.tables.described(&reference.name);
            described.is_some_and(|(_, spec)| access.hidden(spec).contains(column))
        };
        if let Some(reference) = query.tables.iter().find(hides) {
            return Problem::forbidden(format!(
                "column {column} of {} is personal: it takes a caller, or a scope, that the deployment names for it",
                reference.name
            ));
        }
    }
    error.into()
}

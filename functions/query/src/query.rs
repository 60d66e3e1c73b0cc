//! `POST /query`.

use crate::{
    Config, Ready,
    access::Access,
    answer::{Form, Rows},
    failed,
    http::{Request, Response},
    later,
    problem::Problem,
    tables::{State, rfc3339},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use watershed_lake::TableName;
use watershed_ops::{Invocation, Unit};
use watershed_sql::{Input, Pinned, Planned, Query, Reference, SqlError};

/// A body of JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    sql: String,
}

/// Of which state of a table the rows are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Of a table; without a state: it never had a row.
    pub(crate) fn of(table: &TableName, state: Option<&State>) -> Self {
        Self {
            table: table.to_string(),
            snapshot: state.and_then(|state| state.id).map(|id| id.to_string()),
            made: state.and_then(|state| state.made_ms).and_then(rfc3339),
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

/// The tables of a query, each as it was looked at.
pub(crate) struct Looked {
    inputs: BTreeMap<Reference, Input>,
    /// The same for Athena.
    pub(crate) pinned: BTreeMap<Reference, Pinned>,
    /// The same for the caller.
    pub(crate) read: Vec<Read>,
    /// Of some of them the caller sees what others may not.
    pub(crate) personal: bool,
}

/// Runs the SQL of a request over one state of each table that it names, or has Athena run it.
pub(crate) async fn answer(
    ready: &Ready,
    config: &Config,
    invocation: &mut Invocation,
    request: &Request,
    access: Access,
) -> Result<Response, Problem> {
    let form = Form::of(request.header("accept"))?;
    let query = Query::parse(&sql(request)?)?;
    let (looked, planned) = match plan(ready, invocation, &query, access).await {
        Ok(planned) => planned,
        Err(error) => return Err(told(ready, invocation, &query, access, error)),
    };
    let queries = ready.tables.ports.queries.as_deref().filter(|_| !query.is_explain());
    if let Some(queries) = queries.filter(|_| request.prefers_later() || planned.is_too_large()) {
        return later::start(
            (ready, queries, config),
            invocation,
            request,
            (&query, &looked, &planned),
        )
        .await;
    }
    match run(ready, config, invocation, planned, &looked.read, form).await {
        Ok(response) => Ok(response),
        Err(SqlError::Limit(limit, message)) if queries.is_some() => {
            let message = format!("{message}; or let Athena run it, by the header Prefer: respond-async");
            Err(SqlError::Limit(limit, message).into())
        }
        Err(error) => Err(told(ready, invocation, &query, access, error)),
    }
}

async fn plan(
    ready: &Ready,
    invocation: &mut Invocation,
    query: &Query,
    access: Access,
) -> Result<(Looked, Planned), SqlError> {
    let mut looked = Looked {
        inputs: BTreeMap::new(),
        pinned: BTreeMap::new(),
        read: Vec::with_capacity(query.tables.len()),
        personal: false,
    };
    for reference in &query.tables {
        let (input, state) = ready.tables.input(reference, access).await?;
        let seen = input.snapshot.columns.iter();
        let seen = seen.filter(|column| !input.hidden.contains(&column.name));
        let pinned = Pinned {
            snapshot: state.id,
            columns: seen.map(|column| column.name.clone()).collect(),
        };
        let described = ready.tables.described(&reference.name);
        looked.personal |= access.personal && described.is_some_and(|(_, spec)| !Access::NONE.hidden(spec).is_empty());
        looked.read.push(Read::of(&reference.name, Some(&state)));
        looked.pinned.insert(Reference::clone(reference), pinned);
        looked.inputs.insert(Reference::clone(reference), input);
    }
    let tables: Vec<_> = looked.read.iter().map(|read| read.table.clone()).collect();
    invocation.field("tables", tables);
    let planned = ready.engine.plan(query, &looked.inputs).await?;
    Ok((looked, planned))
}

async fn run(
    ready: &Ready,
    config: &Config,
    invocation: &mut Invocation,
    planned: Planned,
    read: &[Read],
    form: Form,
) -> Result<Response, SqlError> {
    let mut answer = ready.engine.begin(planned)?;
    let mut rows = Rows::new(form, Arc::clone(answer.schema()), config.rows)?;
    while let Some(batch) = answer.next().await? {
        rows.write(&batch)?;
    }
    let (count, bytes) = (rows.count(), answer.bytes_read());
    invocation.metric("RowsAnswered", Unit::Count, count as f64);
    invocation.metric("BytesRead", Unit::Bytes, bytes as f64);
    rows.finish(read, bytes, None)
}

/// Of a column that is there for others, that is said.
fn told(ready: &Ready, invocation: &mut Invocation, query: &Query, access: Access, error: SqlError) -> Problem {
    if let SqlError::Port(error) = error {
        return failed(invocation, error);
    }
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

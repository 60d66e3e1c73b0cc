//! Queries that Athena runs: begun by `POST /query`, asked for and ended by `GET` and `DELETE /query/{id}`.
//!
//! An id is a digest of who asks, of the text that Athena gets, which names the states of the tables, and of a slice of time. It is Athena's
//! token, too: a request that comes again, because its answer was lost, finds the same query.

use crate::{
    Config, Ready,
    access::{Access, caller},
    answer::{Form, Rows},
    failed,
    http::{Request, Response},
    problem::Problem,
    query::{Looked, Read},
    started::Started,
    values,
};
use serde::Serialize;
use watershed_lake::layout::Digest;
use watershed_ops::{Invocation, Unit};
use watershed_ports::{Execution, Kind, ObjectStore, PortError, Progress, Queries, ResultPage};
use watershed_sql::{Place, Planned, Query, SqlError, Trino};

/// How long the same query of the same caller is the same one, in milliseconds.
const SLICE_MS: i64 = 15 * 60 * 1_000;
/// How often one is begun again in that time, where it was cancelled or Athena failed.
const MAX_ATTEMPTS: u32 = 10;
/// When a caller shall ask again, in seconds.
const RETRY_AFTER_S: &str = "2";
/// Digits of an id.
const ID_DIGITS: usize = 32;

/// How far a query is, as that is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    id: &'a str,
    state: &'static str,
    estimated_bytes: u64,
    bytes_read: u64,
    tables: &'a [Read],
}

fn accepted(id: &str, started: &Started, execution: &Execution) -> Response {
    let told = Told {
        id,
        state: match execution.progress {
            Progress::Queued => "QUEUED",
            Progress::Running => "RUNNING",
            Progress::Succeeded => "SUCCEEDED",
            Progress::Failed { .. } => "FAILED",
            Progress::Cancelled => "CANCELLED",
        },
        estimated_bytes: started.estimated_bytes,
        bytes_read: execution.bytes_read,
        tables: &started.tables,
    };
    Response::json_with(202, &told).with("retry-after", RETRY_AFTER_S)
}

/// Has Athena begin what was planned here.
pub(crate) async fn start(
    (ready, queries, config): (&Ready, &dyn Queries, &Config),
    invocation: &mut Invocation,
    request: &Request,
    (query, looked, planned): (&Query, &Looked, &Planned),
) -> Result<Response, Problem> {
    let trino = query.to_trino(&looked.pinned)?;
    let store = &*ready.tables.ports.store;
    let caller = caller(request);
    let now = request.request_context.time_epoch / SLICE_MS;
    let mut slot = Slot::Spent;
    // One that was begun before the slice, too.
    for slice in [now - 1, now] {
        let found = Slot::find((store, queries, config), &caller, &trino.sql, slice).await;
        slot = found.map_err(|error| failed(invocation, error))?;
        if matches!(slot, Slot::Taken(..)) {
            break;
        }
    }
    let (id, started, execution) = match slot {
        Slot::Taken(id, started, execution) => (id, started, execution),
        Slot::Spent => {
            return Err(Problem::unavailable(format!(
                "it was begun {MAX_ATTEMPTS} times and ended without rows: try it again in a quarter of an hour"
            )));
        }
        Slot::Free(id) => {
            let execution = queries.start(&trino.sql, &id).await;
            let execution = execution.map_err(|error| match error.kind {
                Kind::Rejected => {
                    let (message, place) = located(&error.message, &trino.shifts);
                    Problem::bad_sql(format!("Athena: {message}"), place)
                }
                _ => failed(invocation, error),
            })?;
            let started = Started::new(caller, (looked, planned), &trino.shifts, execution);
            let started = started.map_err(|error| failed(invocation, error))?;
            let kept = started.keep(store, &config.lake_bucket, &id).await;
            kept.map_err(|error| failed(invocation, error))?;
            invocation.metric("QueriesStarted", Unit::Count, 1.0);
            (id, started, Execution::QUEUED)
        }
    };
    invocation.field("query", id.clone());
    let place = format!("{}/{id}", request.raw_path.trim_end_matches('/'));
    let response = accepted(&id, &started, &execution).with("location", place);
    Ok(if request.prefers_later() {
        response.with("preference-applied", "respond-async")
    } else {
        response
    })
}

/// What a query finds in a slice of time.
enum Slot {
    /// It runs, has its rows, or will never have any.
    Taken(String, Started, Execution),
    /// It can be begun under this id: it was not before, or was cancelled, or Athena itself failed.
    Free(String),
    /// It was begun as often as it may.
    Spent,
}

impl Slot {
    async fn find(
        (store, queries, config): (&dyn ObjectStore, &dyn Queries, &Config),
        caller: &str,
        sql: &str,
        slice: i64,
    ) -> Result<Self, PortError> {
        for attempt in 0..MAX_ATTEMPTS {
            let id = id_of(caller, sql, slice, attempt);
            let Some(started) = Started::find(store, &config.lake_bucket, &id).await? else {
                return Ok(Self::Free(id));
            };
            let execution = queries.look(&started.execution).await?;
            let again = match execution.progress {
                Progress::Failed { of_the_engine, .. } => of_the_engine,
                Progress::Cancelled => true,
                _ => false,
            };
            if !again {
                return Ok(Self::Taken(id, started, execution));
            }
        }
        Ok(Self::Spent)
    }
}

fn id_of(caller: &str, sql: &str, slice: i64, attempt: u32) -> String {
    let mut digest = Digest::new();
    digest.part(caller.as_bytes());
    digest.part(sql.as_bytes());
    digest.part(&slice.to_le_bytes());
    digest.part(&attempt.to_le_bytes());
    digest.hex()
}

/// A query of the caller's own. That of another is not there, either.
async fn own(
    ready: &Ready,
    config: &Config,
    invocation: &mut Invocation,
    request: &Request,
    id: &str,
) -> Result<Started, Problem> {
    let is_id = id.len() == ID_DIGITS && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let found = if is_id {
        Started::find(&*ready.tables.ports.store, &config.lake_bucket, id).await
    } else {
        Ok(None)
    };
    let found = found.map_err(|error| failed(invocation, error))?;
    found
        .filter(|started| started.caller == caller(request))
        .ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::not_found("there is no such query of yours: POST /query begins one, which is kept for some days")
}

/// How far a query is; its rows, a page at a time, when it has them.
pub(crate) async fn look(
    (ready, config): (&Ready, &Config),
    invocation: &mut Invocation,
    request: &Request,
    access: Access,
    id: &str,
) -> Result<Response, Problem> {
    let form = Form::of(request.header("accept"))?;
    let from = request
        .parameter("page")
        .map(Behind::read)
        .transpose()?
        .unwrap_or_default();
    let queries = ready.tables.ports.queries.as_deref().ok_or_else(unknown)?;
    let started = own(ready, config, invocation, request, id).await?;
    if started.personal && !access.personal {
        return Err(Problem::forbidden(
            "the query was begun by a caller who may see personal columns, which this one may not any more",
        ));
    }
    let execution = queries.look(&started.execution).await;
    let execution = execution.map_err(|error| gone_or_failed(invocation, error))?;
    match &execution.progress {
        Progress::Queued | Progress::Running => Ok(accepted(id, &started, &execution)),
        Progress::Cancelled => Err(Problem::gone("the query was cancelled: POST it again")),
        Progress::Failed {
            reason,
            of_the_engine: true,
        } => Err(Problem::unavailable(format!("{reason}: POST the query again"))),
        Progress::Failed { reason, .. } => {
            let (message, place) = located(reason, &started.shifts());
            Err(Problem::failed(message, place))
        }
        Progress::Succeeded => {
            let page = queries.page(&started.execution, from.after.as_deref()).await;
            let page = page.map_err(|error| gone_or_failed(invocation, error))?;
            let answered = rows(&started, &page, &from, form, execution.bytes_read);
            answered.map_err(|error| match error {
                SqlError::Port(error) => failed(invocation, error),
                error => error.into(),
            })
        }
    }
}

fn gone_or_failed(invocation: &mut Invocation, error: PortError) -> Problem {
    match error.kind {
        Kind::Rejected => Problem::gone(format!("Athena has this no more, or never had such a page: {error}")),
        _ => failed(invocation, error),
    }
}

/// Ends a query.
pub(crate) async fn cancel(
    (ready, config): (&Ready, &Config),
    invocation: &mut Invocation,
    request: &Request,
    id: &str,
) -> Result<Response, Problem> {
    let queries = ready.tables.ports.queries.as_deref().ok_or_else(unknown)?;
    let started = own(ready, config, invocation, request, id).await?;
    match queries.cancel(&started.execution).await {
        Ok(()) => Ok(Response::empty()),
        // What Athena has forgotten has ended.
        Err(error) if error.kind == Kind::Rejected => Ok(Response::empty()),
        Err(error) => Err(failed(invocation, error)),
    }
}

/// Where a page begins: behind so many rows of one of Athena's.
#[derive(Debug, Default, PartialEq, Eq)]
struct Behind {
    after: Option<String>,
    rows: usize,
}

impl Behind {
    fn read(token: &str) -> Result<Self, Problem> {
        let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(token).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let parts = text.as_deref().and_then(|text| text.split_once(' '));
        let read = parts.and_then(|(rows, after)| Some((rows.parse().ok()?, after)));
        let (rows, after) =
            read.ok_or_else(|| Problem::bad_request("page is none that an answer named: take its `next`"))?;
        Ok(Self {
            after: Some(after).filter(|after| !after.is_empty()).map(Into::into),
            rows,
        })
    }

    fn written(&self) -> String {
        let text = format!("{} {}", self.rows, self.after.as_deref().unwrap_or_default());
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(text)
    }
}

/// As many rows of Athena's page as an answer has room for.
fn rows(started: &Started, page: &ResultPage, from: &Behind, form: Form, bytes: u64) -> Result<Response, SqlError> {
    let planned = started.schema()?;
    let schema = values::schema(&planned, &page.columns)?;
    let left = page.rows.get(from.rows..).unwrap_or_default();
    let mut take = left.len();
    loop {
        let batch = values::batch(&schema, &left[..take]).map_err(|error| SqlError::Failed(error.to_string()))?;
        let mut rows = Rows::new(form, schema.clone(), take)?;
        match rows.write(&batch) {
            // The next page has the others.
            Err(SqlError::Limit(..)) if take > 1 => take /= 2,
            Err(error) => return Err(error),
            Ok(()) => {
                let next = if take < left.len() {
                    Some(Behind {
                        after: from.after.clone(),
                        rows: from.rows + take,
                    })
                } else {
                    page.next.clone().map(|next| Behind {
                        after: Some(next),
                        rows: 0,
                    })
                };
                return rows.finish(&started.tables, bytes, next.as_ref().map(Behind::written).as_deref());
            }
        }
    }
}

/// Athena tells places of its own text (`line 1:8: …`): the message without it, and where that is in the caller's.
fn located(message: &str, shifts: &[watershed_sql::Shift]) -> (String, Option<Place>) {
    let digits = |text: &str| text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let find = || {
        let begin = message.find("line ")?;
        let rest = &message[begin + "line ".len()..];
        let (line, rest) = rest.split_at(digits(rest));
        let rest = rest.strip_prefix(':')?;
        let (column, rest) = rest.split_at(digits(rest));
        let place = Trino::place(shifts, line.parse().ok()?, column.parse().ok()?);
        let rest = rest.trim_start_matches([':', ' ']);
        Some((format!("{}{rest}", &message[..begin]), Some(place)))
    };
    find().unwrap_or_else(|| (message.into(), None))
}

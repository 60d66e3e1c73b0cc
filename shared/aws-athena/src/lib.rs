//! [`Queries`] over Amazon Athena.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_athena::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{ColumnInfo, QueryExecution, QueryExecutionState, Row},
};
use std::sync::OnceLock;
use watershed_aws::port_error;
use watershed_ports::{Execution, PortError, Progress, Queries, ResultColumn, ResultPage};

/// Rows that Athena gives in one call at most (Amazon Athena API, "GetQueryResults").
const MAX_ROWS: i32 = 1_000;
/// The category of an error that is Athena's own (Amazon Athena API, "AthenaError").
const OF_ATHENA: i32 = 1;

/// What stands in the reason where Athena ended a query that read more than its workgroup lets it.
const OVER_THE_LIMIT: &str = "limit";

/// A workgroup, whose settings say where results go and what a query may read.
#[derive(Debug)]
pub struct Athena {
    config: SdkConfig,
    workgroup: String,
    client: OnceLock<Client>,
}

impl Athena {
    /// Of that account. The client is made on the first use: whoever never uses it pays nothing.
    pub fn new(config: &SdkConfig, workgroup: &str) -> Self {
        Self {
            config: config.clone(),
            workgroup: workgroup.into(),
            client: OnceLock::new(),
        }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| Client::new(&self.config))
    }
}

#[async_trait]
impl Queries for Athena {
    async fn start(&self, sql: &str, token: &str) -> Result<String, PortError> {
        let call = self.client().start_query_execution();
        let call = call
            .work_group(&self.workgroup)
            .query_string(sql)
            .client_request_token(token);
        let started = call.send().await.map_err(|error| {
            let refused = error.as_service_error();
            let invalid = refused.filter(|error| error.is_invalid_request_exception());
            let message = invalid.and_then(ProvideErrorMetadata::message).unwrap_or_default();
            if is_about_the_text(message) {
                PortError::rejected(message)
            } else {
                port_error("starting a query of Athena", &error)
            }
        })?;
        let id = started.query_execution_id;
        id.ok_or_else(|| PortError::fault("Athena started a query and gave it no id"))
    }

    async fn look(&self, id: &str) -> Result<Execution, PortError> {
        let call = self.client().get_query_execution().query_execution_id(id);
        let found = call
            .send()
            .await
            .map_err(|error| unknown(&format!("looking at the query {id} of Athena"), &error))?;
        found
            .query_execution
            .as_ref()
            .and_then(execution)
            .ok_or_else(|| PortError::fault(format!("Athena does not say how far the query {id} is")))
    }

    async fn page(&self, id: &str, after: Option<&str>) -> Result<ResultPage, PortError> {
        let call = self.client().get_query_results().query_execution_id(id);
        let call = call.max_results(MAX_ROWS).set_next_token(after.map(Into::into));
        let found = call
            .send()
            .await
            .map_err(|error| unknown(&format!("reading rows of the query {id} of Athena"), &error))?;
        let set = found
            .result_set
            .ok_or_else(|| PortError::fault(format!("the query {id} of Athena has no result")))?;
        let columns = set.result_set_metadata.and_then(|told| told.column_info);
        let columns: Vec<ResultColumn> = columns.unwrap_or_default().into_iter().map(column).collect();
        let rows = set.rows.unwrap_or_default().into_iter();
        // The first row of the first page has the names of the columns.
        let rows = rows.skip(usize::from(after.is_none())).map(values);
        Ok(ResultPage {
            rows: rows.collect(),
            columns,
            next: found.next_token,
        })
    }

    async fn cancel(&self, id: &str) -> Result<(), PortError> {
        let call = self.client().stop_query_execution().query_execution_id(id);
        let done = call.send().await;
        done.map(drop)
            .map_err(|error| unknown(&format!("cancelling the query {id} of Athena"), &error))
    }
}

/// Whether Athena refused what the query says, and not how it was asked: it then says where (`line 1:8: …`).
fn is_about_the_text(message: &str) -> bool {
    let place = message.find("line ").map(|at| &message[at + "line ".len()..]);
    place.is_some_and(|place| {
        let Some((line, rest)) = place.split_once(':') else {
            return false;
        };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits(line) && rest.split(':').next().is_some_and(digits)
    })
}

type Refusal<E> = SdkError<E, aws_sdk_athena::config::http::HttpResponse>;

/// Of what there is not, or no more, Athena says that the request is invalid.
fn unknown<E>(doing: &str, error: &Refusal<E>) -> PortError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    match code {
        Some("InvalidRequestException") => {
            let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
            PortError::rejected(message.unwrap_or("the request is invalid")).context(doing)
        }
        _ => port_error(doing, error),
    }
}

fn execution(told: &QueryExecution) -> Option<Execution> {
    let status = told.status.as_ref()?;
    let error = status.athena_error.as_ref();
    let reason = status.state_change_reason.as_deref();
    let failed = || Progress::Failed {
        reason: reason
            .or_else(|| error?.error_message.as_deref())
            .unwrap_or("Athena says no reason")
            .into(),
        of_the_engine: error.is_some_and(|error| error.error_category == Some(OF_ATHENA)),
    };
    let progress = match status.state.as_ref()? {
        QueryExecutionState::Queued => Progress::Queued,
        QueryExecutionState::Running => Progress::Running,
        QueryExecutionState::Succeeded => Progress::Succeeded,
        QueryExecutionState::Failed => failed(),
        // Nobody cancelled it, and it would end so again.
        QueryExecutionState::Cancelled if reason.is_some_and(|reason| reason.contains(OVER_THE_LIMIT)) => failed(),
        QueryExecutionState::Cancelled => Progress::Cancelled,
        _ => return None,
    };
    let bytes = told.statistics.as_ref().and_then(|told| told.data_scanned_in_bytes);
    Some(Execution {
        progress,
        bytes_read: bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or(0),
    })
}

fn column(told: ColumnInfo) -> ResultColumn {
    ResultColumn {
        name: told.name,
        kind: told.r#type,
        precision: told.precision.try_into().unwrap_or(0),
        scale: told.scale.try_into().unwrap_or(0),
    }
}

fn values(row: Row) -> Vec<Option<String>> {
    let data = row.data.unwrap_or_default().into_iter();
    data.map(|datum| datum.var_char_value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_athena::types::{AthenaError, QueryExecutionStatistics, QueryExecutionStatus};

    #[test]
    fn what_is_wrong_with_the_text_has_a_place_in_it() {
        for (message, expected) in [
            ("line 1:8: mismatched input 'x'. Expecting: ','", true),
            ("SYNTAX_ERROR: line 12:30: Column 'x' cannot be resolved", true),
            ("WorkGroup is not found", false),
            ("line up: there are too many", false),
            ("Unable to verify/create output bucket lake", false),
            ("", false),
        ] {
            assert_eq!(is_about_the_text(message), expected, "{message}");
        }
    }

    #[test]
    fn what_reads_more_than_it_may_was_not_cancelled_by_anybody() {
        let told = |reason: &str| {
            let status = QueryExecutionStatus::builder().state(QueryExecutionState::Cancelled);
            let status = status.state_change_reason(reason).build();
            execution(&QueryExecution::builder().status(status).build()).map(|told| told.progress)
        };
        let reason = "Query cancelled! : Bytes scanned limit was exceeded";
        let failed = Progress::Failed {
            reason: reason.into(),
            of_the_engine: false,
        };
        assert_eq!(told(reason), Some(failed));
        assert_eq!(told("Query cancelled by user"), Some(Progress::Cancelled));
    }

    #[test]
    fn a_failure_is_the_querys_or_athenas() {
        let told = |category| {
            let error = AthenaError::builder().error_category(category).build();
            let status = QueryExecutionStatus::builder()
                .state(QueryExecutionState::Failed)
                .state_change_reason("DIVISION_BY_ZERO")
                .athena_error(error);
            let statistics = QueryExecutionStatistics::builder().data_scanned_in_bytes(7);
            let told = QueryExecution::builder()
                .status(status.build())
                .statistics(statistics.build());
            execution(&told.build())
        };
        for (category, of_the_engine) in [(1, true), (2, false), (3, false)] {
            let reason = "DIVISION_BY_ZERO".into();
            let expected = Execution {
                progress: Progress::Failed { reason, of_the_engine },
                bytes_read: 7,
            };
            assert_eq!(told(category), Some(expected), "{category}");
        }
    }
}

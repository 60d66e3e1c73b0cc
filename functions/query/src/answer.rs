//! Rows as they are answered.

use crate::{
    http::{MAX_BODY_BYTES, Response},
    problem::Problem,
    query::Read,
};
use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_json::writer::{JsonArray, Writer, WriterBuilder};
use arrow_schema::{ArrowError, SchemaRef};
use serde_json::json;
use watershed_sql::{SqlError, error::Limit};

/// Media type of an Arrow IPC stream (IANA).
const ARROW: &str = "application/vnd.apache.arrow.stream";

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An object with columns, rows as objects, and what was read.
    Json,
    /// RFC 4180, with a header. Null is empty.
    Csv,
    /// An Arrow IPC stream.
    Arrow,
}

impl Form {
    /// The one that is accepted most (RFC 9110, "Accept"); JSON where nothing is said.
    pub fn of(accept: Option<&str>) -> Result<Self, Problem> {
        let accept = accept.unwrap_or("*/*");
        let accepted = accept.split(',').filter_map(|part| {
            let mut parameters = part.split(';').map(str::trim);
            let form = match parameters.next()?.to_ascii_lowercase().as_str() {
                "*/*" | "application/*" | "application/json" => Self::Json,
                "text/csv" | "text/*" => Self::Csv,
                ARROW => Self::Arrow,
                _ => return None,
            };
            let quality = parameters.find_map(|parameter| parameter.strip_prefix("q="));
            let quality: f64 = quality.map_or(Some(1.0), |quality| quality.parse().ok())?;
            (quality > 0.0).then_some((quality, form))
        });
        // Of those that are accepted as much the first.
        let best = accepted.fold(None, |best: Option<(f64, Self)>, next| match best {
            Some(best) if best.0 >= next.0 => Some(best),
            _ => Some(next),
        });
        best.map(|(_, form)| form)
            .ok_or_else(|| Problem::not_acceptable(format!("{accept}: accept application/json, text/csv or {ARROW}")))
    }
}

/// Rows on their way into an answer.
pub struct Rows {
    schema: SchemaRef,
    most: usize,
    count: usize,
    writer: Writes,
}

enum Writes {
    Json(Writer<Vec<u8>, JsonArray>),
    Csv(Vec<u8>),
    Arrow(StreamWriter<Vec<u8>>),
}

fn csv(text: &mut Vec<u8>, header: bool, batch: &RecordBatch) -> Result<(), ArrowError> {
    arrow_csv::WriterBuilder::new()
        .with_header(header)
        .build(text)
        .write(batch)
}

fn unwritable(error: &ArrowError) -> SqlError {
    SqlError::Failed(format!("the rows cannot be written so: {error}; accept {ARROW}"))
}

impl Rows {
    /// None yet.
    pub fn new(form: Form, schema: SchemaRef, most: usize) -> Result<Self, SqlError> {
        let writer = match form {
            Form::Json => Writes::Json(WriterBuilder::new().with_explicit_nulls(true).build(Vec::new())),
            Form::Csv => {
                let mut text = Vec::new();
                // The header is there without a row.
                let header = RecordBatch::new_empty(SchemaRef::clone(&schema));
                csv(&mut text, true, &header).map_err(|error| unwritable(&error))?;
                Writes::Csv(text)
            }
            Form::Arrow => {
                Writes::Arrow(StreamWriter::try_new(Vec::new(), &schema).map_err(|error| unwritable(&error))?)
            }
        };
        Ok(Self {
            schema,
            most,
            count: 0,
            writer,
        })
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Some more. An error: they are more than an answer has room for.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), SqlError> {
        self.count += batch.num_rows();
        if self.count > self.most {
            return Err(too_many(&format!("more than {} rows", self.most)));
        }
        let written = match &mut self.writer {
            Writes::Json(writer) => writer.write(batch),
            Writes::Csv(text) => csv(text, false, batch),
            Writes::Arrow(writer) => writer.write(batch),
        };
        written.map_err(|error| unwritable(&error))?;
        let bytes = match &self.writer {
            Writes::Json(writer) => writer.get_ref().len(),
            Writes::Csv(text) => text.len(),
            Writes::Arrow(writer) => writer.get_ref().len(),
        };
        if bytes > MAX_BODY_BYTES {
            return Err(too_many(&format!("more than {MAX_BODY_BYTES} bytes")));
        }
        Ok(())
    }

    /// All of them, and what was read for them. `next` is what rows behind them are asked for by.
    pub(crate) fn finish(self, read: &[Read], bytes_read: u64, next: Option<&str>) -> Result<Response, SqlError> {
        let response = match self.writer {
            Writes::Json(mut writer) => {
                writer.finish().map_err(|error| unwritable(&error))?;
                let rows = writer.into_inner();
                let rows = if rows.is_empty() {
                    "[]".into()
                } else {
                    String::from_utf8_lossy(&rows).into_owned()
                };
                let rows = serde_json::value::RawValue::from_string(rows);
                let rows =
                    rows.map_err(|error| SqlError::Failed(format!("the rows are no JSON: {error}; accept text/csv")))?;
                let columns: Vec<_> = self
                    .schema
                    .fields()
                    .iter()
                    .map(|field| json!({"name": field.name(), "type": field.data_type().to_string()}))
                    .collect();
                let tables = json!(read);
                Response::json(&Answered {
                    columns,
                    rows: &rows,
                    tables,
                    bytes_read,
                    next,
                })
            }
            Writes::Csv(text) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                Response::text(200, "text/csv; charset=utf-8; header=present", text)
            }
            Writes::Arrow(writer) => {
                let bytes = writer.into_inner().map_err(|error| unwritable(&error))?;
                Response::bytes(ARROW, &bytes)
            }
        };
        let snapshots = serde_json::to_string(read).unwrap_or_default();
        let response = match next {
            Some(next) => response.with("link", format!("<?page={next}>; rel=\"next\"")),
            None => response,
        };
        Ok(response
            .with("watershed-tables", snapshots)
            .with("watershed-bytes-read", bytes_read.to_string()))
    }
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Answered<'a> {
    columns: Vec<serde_json::Value>,
    rows: &'a serde_json::value::RawValue,
    tables: serde_json::Value,
    bytes_read: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

fn too_many(what: &str) -> SqlError {
    SqlError::Limit(
        Limit::Memory,
        format!("the answer has {what}: add LIMIT, or aggregate; whole tables are read from the lake itself"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_what_is_accepted_most() {
        for (accept, expected) in [
            (None, Form::Json),
            (Some("text/csv"), Form::Csv),
            (Some("text/html, text/csv;q=0.5, application/json;q=0.9"), Form::Json),
            (Some("Application/Vnd.Apache.Arrow.Stream"), Form::Arrow),
            (Some("text/csv, */*"), Form::Csv),
            (Some("application/json;q=0, text/csv;q=0.1"), Form::Csv),
        ] {
            assert_eq!(Form::of(accept), Ok(expected), "{accept:?}");
        }
        for accept in ["text/html", "application/json;q=0", "application/json;q=x", ""] {
            assert_eq!(Form::of(Some(accept)).unwrap_err().status, 406, "{accept}");
        }
    }
}

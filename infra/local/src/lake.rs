//! What the tables hold: counted from the catalog, and read by pyiceberg and DuckDB.

use crate::{Emulator, Error, Result, aws, command, venv::Python};
use serde::Deserialize;
use std::{collections::BTreeMap, process::Command};

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Table,
    /// One array of objects.
    Json,
    /// RFC 4180 with a header.
    Csv,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}

/// The reader that shares no code with Watershed.
#[derive(Debug, Clone)]
pub struct Reader {
    python: Python,
    endpoint: String,
}

impl Reader {
    /// Of that emulator's lake.
    pub fn new(python: &Python, emulator: &Emulator) -> Self {
        Self {
            python: python.clone(),
            endpoint: emulator.endpoint(),
        }
    }

    /// The answer of a query over `database.table`s. `database."table@SNAPSHOT"` is an earlier snapshot.
    pub fn sql(&self, query: &str, format: Format) -> Result<String> {
        self.run("sql", format, &[query])
    }

    /// The answers of several queries, each under its title; every table is read once.
    pub fn report(&self, titled: &[(&str, &str)], format: Format) -> Result<String> {
        let arguments: Vec<&str> = titled.iter().flat_map(|(title, query)| [*title, *query]).collect();
        self.run("report", format, &arguments)
    }

    /// Every table with its rows, files, bytes and snapshots.
    pub fn tables(&self, format: Format) -> Result<String> {
        self.run("tables", format, &[])
    }

    /// A table's history.
    pub fn snapshots(&self, table: &str, format: Format) -> Result<String> {
        self.run("snapshots", format, &[table])
    }

    /// Appends rows (a JSON array of objects in a file) as another engine would: with pyiceberg.
    pub fn append(&self, table: &str, rows: &std::path::Path) -> Result<String> {
        self.run("append", Format::Json, &[table, &rows.display().to_string()])
    }

    fn run(&self, action: &str, format: Format, arguments: &[&str]) -> Result<String> {
        let mut command: Command = self.python.script("lake.py");
        command.args([&self.endpoint, action, format.name()]).args(arguments);
        // What the reader says is enough: that it is a Python process is of no interest.
        command::output(&mut command).map_err(|error| {
            let text = error.to_string();
            Error::new(text.split_once(":\n").map_or(text.as_str(), |(_, said)| said))
        })
    }
}

/// The current snapshot of a table, from the metadata that the catalog points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Current {
    /// Its id.
    pub snapshot: i64,
    /// When it was made: milliseconds since 1970-01-01T00:00:00Z.
    pub made_ms: i64,
    /// Rows in the table.
    pub rows: u64,
    /// Snapshots that the table knows.
    pub snapshots: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    current_snapshot_id: Option<i64>,
    #[serde(default)]
    snapshots: Vec<Snapshot>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Snapshot {
    #[serde(rename = "snapshot-id")]
    id: i64,
    timestamp_ms: i64,
    #[serde(default)]
    summary: BTreeMap<String, String>,
}

/// Cheap looks at tables: no Python, one call to the catalog and one to the store.
#[derive(Debug, Clone)]
pub struct Watcher {
    glue: aws_sdk_glue::Client,
    s3: aws_sdk_s3::Client,
}

impl Watcher {
    /// Of that emulator's lake.
    pub fn new(emulator: &Emulator) -> Self {
        let endpoint = emulator.endpoint();
        Self {
            glue: aws_sdk_glue::Client::new(&aws::config(&endpoint)),
            s3: aws::s3(&endpoint),
        }
    }

    /// None: there is no such table yet, or it has no snapshot.
    pub async fn current(&self, database: &str, table: &str) -> Result<Option<Current>> {
        let answer = self.glue.get_table().database_name(database).name(table).send().await;
        let entry = match answer {
            Ok(answer) => answer.table,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(aws_sdk_glue::operation::get_table::GetTableError::is_entity_not_found_exception) =>
            {
                None
            }
            Err(error) => return Err(Error::new(format!("cannot look up {database}.{table}: {error}"))),
        };
        let location = entry.and_then(|entry| entry.parameters?.get("metadata_location").cloned());
        let Some(location) = location else { return Ok(None) };
        let malformed = || Error::new(format!("{database}.{table}: {location} is not a metadata location"));
        let (bucket, key) = watershed_lake::layout::split_uri(&location).ok_or_else(malformed)?;
        let object = self.s3.get_object().bucket(bucket).key(key).send().await;
        let object = object.map_err(Error::doing(location.clone()))?;
        let bytes = object
            .body
            .collect()
            .await
            .map_err(Error::doing(location.clone()))?
            .into_bytes();
        let metadata: Metadata = serde_json::from_slice(&bytes).map_err(Error::doing(location.clone()))?;
        Ok(metadata.current())
    }
}

impl Metadata {
    fn current(&self) -> Option<Current> {
        let id = self.current_snapshot_id?;
        let snapshot = self.snapshots.iter().find(|snapshot| snapshot.id == id)?;
        let rows = snapshot
            .summary
            .get("total-records")
            .and_then(|rows| rows.parse().ok())
            .unwrap_or(0);
        Some(Current {
            snapshot: id,
            made_ms: snapshot.timestamp_ms,
            rows,
            snapshots: self.snapshots.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_snapshot_is_read_from_metadata() {
        let text = r#"{"current-snapshot-id": 7, "snapshots": [
            {"snapshot-id": 3, "timestamp-ms": 1, "summary": {"total-records": "5"}},
            {"snapshot-id": 7, "timestamp-ms": 2, "summary": {"operation": "append", "total-records": "9"}}]}"#;
        let metadata: Metadata = serde_json::from_str(text).unwrap();
        assert_eq!(
            metadata.current(),
            Some(Current {
                snapshot: 7,
                made_ms: 2,
                rows: 9,
                snapshots: 2
            })
        );
        let empty: Metadata = serde_json::from_str("{}").unwrap();
        assert_eq!(empty.current(), None);
    }
}

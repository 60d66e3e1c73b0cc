//! [`Catalog`] over the AWS Glue Data Catalog. Glue's version id makes the swap of the metadata pointer atomic.
//!
//! Iceberg's Glue catalogs agree on what an entry looks like: parameters `table_type`, `metadata_location`,
//! `previous_metadata_location`; a storage descriptor with Hive's spelling of the columns and the location.

use async_trait::async_trait;
use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_glue::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata, SdkError},
    types::{Column, DatabaseInput, StorageDescriptor, TableInput},
};
use std::collections::{BTreeMap, HashMap};
use watershed_aws::port_error;
use watershed_ports::{Catalog, CatalogColumn, CatalogEntry, CatalogTable, Kind, PortError};

/// Longest column comment, in bytes (AWS Glue API, "Column").
pub const MAX_COMMENT_BYTES: usize = 255;
/// Longest table description, in bytes (AWS Glue API, "TableInput").
pub const MAX_DESCRIPTION_BYTES: usize = 2_048;

const TABLE_TYPE: &str = "table_type";
const ICEBERG: &str = "ICEBERG";
const METADATA_LOCATION: &str = "metadata_location";
const PREVIOUS_METADATA_LOCATION: &str = "previous_metadata_location";
const EXTERNAL_TABLE: &str = "EXTERNAL_TABLE";
/// There is no such table, or no such database.
const NOT_FOUND: &str = "EntityNotFoundException";
const ALREADY_EXISTS: &str = "AlreadyExistsException";
/// Codes that say that another was faster.
const CONFLICTS: [&str; 3] = [ALREADY_EXISTS, "ConcurrentModificationException", NOT_FOUND];
/// Codes that may pass although their status is that of a bad request.
const TRANSIENTS: [&str; 4] = [
    "OperationTimeoutException",
    "ResourceNotReadyException",
    "FederationSourceRetryableException",
    "InternalServiceException",
];

/// The catalog of the account and region.
#[derive(Debug, Clone)]
pub struct GlueCatalog {
    reads: Client,
    /// Without retries: a write whose lost answer is retried looks like a conflict with somebody else.
    writes: Client,
}

impl GlueCatalog {
    /// Of that configuration.
    pub fn new(config: &SdkConfig) -> Self {
        let once = Builder::from(config).retry_config(RetryConfig::disabled()).build();
        Self {
            reads: Client::new(config),
            writes: Client::from_conf(once),
        }
    }

    async fn create_table(&self, table: &CatalogTable) -> Result<(), (Option<String>, PortError)> {
        let doing = format!("creating table {}.{} in Glue", table.database, table.table);
        let input = table_input(table, None).map_err(|error| (None, error))?;
        let request = self
            .writes
            .create_table()
            .database_name(&table.database)
            .table_input(input);
        request.send().await.map(drop).map_err(|error| {
            let code = error.as_service_error().and_then(|e| e.code()).map(String::from);
            (code, write_error(&doing, &error))
        })
    }

    async fn create_database(&self, name: &str) -> Result<(), PortError> {
        let doing = format!("creating database {name} in Glue");
        let input = DatabaseInput::builder()
            .name(name)
            .build()
            .map_err(|e| PortError::fault(format!("{doing}: {e}")))?;
        match self.reads.create_database().database_input(input).send().await {
            Err(error) if error.as_service_error().and_then(|e| e.code()) != Some(ALREADY_EXISTS) => {
                Err(write_error(&doing, &error))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Catalog for GlueCatalog {
    async fn load(&self, database: &str, table: &str) -> Result<Option<CatalogEntry>, PortError> {
        let doing = format!("reading table {database}.{table} from Glue");
        let answer = match self.reads.get_table().database_name(database).name(table).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().and_then(|e| e.code()) == Some(NOT_FOUND) => return Ok(None),
            Err(error) => return Err(read_error(&doing, &error)),
        };
        let Some(found) = answer.table else { return Ok(None) };
        let parameters: BTreeMap<String, String> = found.parameters.unwrap_or_default().into_iter().collect();
        let is_iceberg = parameters
            .get(TABLE_TYPE)
            .is_some_and(|kind| kind.eq_ignore_ascii_case(ICEBERG));
        match (
            is_iceberg.then(|| parameters.get(METADATA_LOCATION)).flatten(),
            found.version_id,
        ) {
            (Some(location), Some(version)) => Ok(Some(CatalogEntry {
                metadata_location: location.clone(),
                version,
                parameters,
            })),
            _ => Err(PortError::fault(format!(
                "{doing}: it is not an Iceberg table; drop it, or give the contract another table name"
            ))),
        }
    }

    async fn create(&self, table: &CatalogTable) -> Result<(), PortError> {
        match self.create_table(table).await {
            Err((Some(code), _)) if code == NOT_FOUND => {
                self.create_database(&table.database).await?;
                self.create_table(table).await.map_err(|(_, error)| error)
            }
            other => other.map_err(|(_, error)| error),
        }
    }

    async fn swap(&self, expected: &CatalogEntry, table: &CatalogTable) -> Result<(), PortError> {
        let doing = format!("updating table {}.{} in Glue", table.database, table.table);
        let request = self
            .writes
            .update_table()
            .database_name(&table.database)
            .table_input(table_input(table, Some(expected))?)
            .version_id(&expected.version)
            .skip_archive(true);
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| write_error(&doing, &error))
    }
}

type Refusal<E> = SdkError<E, aws_sdk_glue::config::http::HttpResponse>;

fn read_error<E>(doing: &str, error: &Refusal<E>) -> PortError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let mut port = port_error(doing, error);
    if error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
        .is_some_and(|code| TRANSIENTS.contains(&code))
    {
        port.kind = Kind::Transient;
    }
    port
}

fn write_error<E>(doing: &str, error: &Refusal<E>) -> PortError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let mut port = read_error(doing, error);
    if error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
        .is_some_and(|code| CONFLICTS.contains(&code))
    {
        port.kind = Kind::Conflict;
    }
    port
}

fn table_input(table: &CatalogTable, expected: Option<&CatalogEntry>) -> Result<TableInput, PortError> {
    let mut parameters: HashMap<String, String> = expected
        .map(|entry| entry.parameters.clone())
        .unwrap_or_default()
        .into_iter()
        .collect();
    parameters.extend(table.parameters.clone());
    parameters.insert(TABLE_TYPE.into(), ICEBERG.into());
    parameters.insert(METADATA_LOCATION.into(), table.metadata_location.clone());
    match &table.previous_metadata_location {
        Some(previous) => parameters.insert(PREVIOUS_METADATA_LOCATION.into(), previous.clone()),
        None => parameters.remove(PREVIOUS_METADATA_LOCATION),
    };
    let wrong = |e: aws_sdk_glue::error::BuildError| PortError::fault(format!("table {}: {e}", table.table));
    let columns = table
        .columns
        .iter()
        .map(column)
        .collect::<Result<Vec<_>, _>>()
        .map_err(wrong)?;
    let storage = StorageDescriptor::builder()
        .set_columns(Some(columns))
        .location(&table.location)
        .build();
    TableInput::builder()
        .name(&table.table)
        .set_description(
            table
                .description
                .as_deref()
                .map(|text| cut(text, MAX_DESCRIPTION_BYTES)),
        )
        .table_type(EXTERNAL_TABLE)
        .set_parameters(Some(parameters))
        .storage_descriptor(storage)
        .build()
        .map_err(wrong)
}

fn column(column: &CatalogColumn) -> Result<Column, aws_sdk_glue::error::BuildError> {
    Column::builder()
        .name(&column.name)
        .r#type(&column.hive_type)
        .set_comment(column.comment.as_deref().map(|text| cut(text, MAX_COMMENT_BYTES)))
        .set_parameters(Some(column.parameters.clone().into_iter().collect()))
        .build()
}

fn cut(text: &str, max_bytes: usize) -> String {
    let mut end = text.len().min(max_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> CatalogTable {
        CatalogTable {
            database: "nyc".into(),
            table: "flights".into(),
            location: "s3://lake/preprocessed/nyc/flights".into(),
            metadata_location: "s3://lake/new.json".into(),
            previous_metadata_location: Some("s3://lake/old.json".into()),
            description: Some("é".repeat(MAX_DESCRIPTION_BYTES)),
            columns: vec![CatalogColumn {
                name: "tailnum".into(),
                hive_type: "string".into(),
                comment: None,
                parameters: BTreeMap::from([("iceberg.field.id".into(), "1".into())]),
            }],
            parameters: BTreeMap::from([("watershed.domain".into(), "aviation".into())]),
        }
    }

    #[test]
    fn foreign_parameters_stay_and_ours_win() {
        let parameters = [
            ("owner.team", "ops"),
            (METADATA_LOCATION, "s3://lake/old.json"),
            ("watershed.domain", "old"),
        ];
        let expected = CatalogEntry {
            metadata_location: "s3://lake/old.json".into(),
            version: "3".into(),
            parameters: parameters.map(|(k, v)| (k.into(), v.into())).into(),
        };
        let input = table_input(&table(), Some(&expected)).unwrap();
        let parameters = input.parameters().unwrap();
        assert_eq!(parameters["owner.team"], "ops");
        assert_eq!(parameters[METADATA_LOCATION], "s3://lake/new.json");
        assert_eq!(parameters[PREVIOUS_METADATA_LOCATION], "s3://lake/old.json");
        assert_eq!(parameters["watershed.domain"], "aviation");
        assert_eq!(parameters[TABLE_TYPE], ICEBERG);
        assert_eq!(input.description().map(str::len), Some(MAX_DESCRIPTION_BYTES));
    }
}

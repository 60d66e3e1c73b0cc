//! Facets, each with the schema that it is of. Tests check them by the classes that OpenLineage makes of its own schemas.

use crate::{
    columns::{Column, Origin},
    event::time,
    name::{Job, Name},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use watershed_lake::{TableSpec, lineage::RunRule};

/// What made the events.
pub const PRODUCER: &str = concat!("urn:watershed:", env!("CARGO_PKG_VERSION"));

fn facet(schema: &str, mut body: Value) -> Value {
    body["_producer"] = PRODUCER.into();
    body["_schemaURL"] = format!("https://openlineage.io/spec/facets/{schema}").into();
    body
}

pub fn job_type(is_stream: bool) -> Value {
    let processing = if is_stream { "STREAMING" } else { "BATCH" };
    let body = json!({"processingType": processing, "integration": "WATERSHED", "jobType": "TASK"});
    facet("2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet", body)
}

pub fn error(message: &str) -> Value {
    let body = json!({"message": message, "programmingLanguage": "RUST"});
    facet("1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet", body)
}

pub fn nominal_time(start_ms: i64, end_ms: i64) -> Value {
    let body = json!({"nominalStartTime": time(start_ms), "nominalEndTime": time(end_ms)});
    facet("1-0-1/NominalTimeRunFacet.json#/$defs/NominalTimeRunFacet", body)
}

pub fn parent(job: &Job, run_id: Uuid) -> Value {
    let body = json!({
        "run": {"runId": run_id.to_string()}, "job": {"namespace": job.namespace, "name": job.name},
    });
    facet("1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet", body)
}

pub fn schema(table: &TableSpec) -> Value {
    let field = |(at, column): (usize, &watershed_lake::Column)| {
        let mut field = json!({"name": column.name, "type": column.kind.to_string(), "ordinal_position": at + 1});
        if let Some(doc) = &column.doc {
            field["description"] = doc.as_str().into();
        }
        field
    };
    let fields: Vec<Value> = table.columns.iter().enumerate().map(field).collect();
    facet(
        "1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet",
        json!({"fields": fields}),
    )
}

pub fn data_source(name: &Name) -> Value {
    let body = json!({"name": name.namespace, "uri": name.namespace});
    facet("1-0-1/DatasourceDatasetFacet.json#/$defs/DatasourceDatasetFacet", body)
}

pub fn version(version: &str) -> Value {
    let schema = "1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet";
    facet(schema, json!({"datasetVersion": version}))
}

pub fn statistics((rows, files, bytes): (u64, u64, u64)) -> Value {
    let schema = "1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet";
    facet(schema, json!({"rowCount": rows, "fileCount": files, "size": bytes}))
}

pub fn assertions(rules: &[RunRule]) -> Value {
    let assertion = |rule: &RunRule| {
        let mut assertion = json!({"assertion": rule.name, "success": rule.holds});
        if let Some(column) = &rule.column {
            assertion["column"] = column.as_str().into();
        }
        assertion
    };
    let assertions: Vec<Value> = rules.iter().map(assertion).collect();
    let schema = "1-1-0/DataQualityAssertionsDatasetFacet.json#/$defs/DataQualityAssertionsDatasetFacet";
    facet(schema, json!({"assertions": assertions}))
}

pub fn column_lineage(columns: &[Column]) -> Value {
    let input = |origin: &Origin| {
        let mut transformation = json!({"type": origin.way.kind(), "subtype": origin.way.subtype()});
        transformation["masking"] = origin.is_masked.into();
        json!({
            "namespace": origin.dataset.namespace, "name": origin.dataset.name, "field": origin.column,
            "transformations": [transformation],
        })
    };
    let field = |column: &Column| {
        let inputs: Vec<Value> = column.origins.iter().map(input).collect();
        (column.name.clone(), json!({"inputFields": inputs}))
    };
    let fields: Map<String, Value> = columns.iter().map(field).collect();
    let schema = "1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet";
    facet(schema, json!({"fields": fields}))
}

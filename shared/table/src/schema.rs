//! The contract's columns against the metadata's schema. Pure; works on the metadata's JSON (Iceberg specification,
//! Appendix C "JSON serialization").

use serde_json::{Map, Value, json};
use watershed_lake::{Column, TableSpec};
use watershed_ports::PortError;

/// A schema of these columns, ids as they are.
pub fn schema(id: i64, columns: &[Column]) -> Value {
    let fields: Vec<Value> = columns.iter().map(field).collect();
    json!({"type": "struct", "schema-id": id, "fields": fields})
}

fn field(column: &Column) -> Value {
    let mut field = Map::new();
    field.insert("id".into(), column.id.into());
    field.insert("name".into(), column.name.clone().into());
    field.insert("required".into(), column.required.into());
    field.insert("type".into(), column.kind.to_string().into());
    if let Some(doc) = &column.doc {
        field.insert("doc".into(), doc.clone().into());
    }
    Value::Object(field)
}

/// The fields of a partition spec, numbered from `first_id`.
pub fn partition_fields(spec: &TableSpec, first_id: i64) -> Vec<Value> {
    let fields = (first_id..).zip(&spec.partition);
    fields
        .map(|(id, field)| {
            json!({"name": field.name, "transform": field.transform.to_string(),
                "source-id": spec.columns[field.column].id, "field-id": id})
        })
        .collect()
}

/// The fields of the sort order.
pub fn sort_fields(spec: &TableSpec) -> Vec<Value> {
    let fields = spec.sort.iter();
    fields
        .map(|field| {
            let (direction, nulls) = if field.descending {
                ("desc", "nulls-last")
            } else {
                ("asc", "nulls-first")
            };
            json!({"transform": "identity", "source-id": spec.columns[field.column].id,
                "direction": direction, "null-order": nulls})
        })
        .collect()
}

/// The schema that holds the spec's columns beside those it has, or none where it holds them already. New columns must be
/// optional; a column may become optional, and docs may change. Columns that the spec lacks stay.
///
/// Errors: a fault that says what the contract must say instead.
pub fn evolved(table: &str, current: &Value, spec: &TableSpec) -> Result<Option<Vec<Value>>, PortError> {
    let mut fields = current["fields"].as_array().cloned().unwrap_or_default();
    let before = fields.clone();
    for column in &spec.columns {
        let wrong = |what: String| {
            PortError::fault(format!(
                "table {table}, column `{}` (field id {}): {what}",
                column.name, column.id
            ))
        };
        let named = fields
            .iter()
            .find(|f| f["name"] == column.name.as_str())
            .and_then(|f| f["id"].as_i64());
        if let Some(id) = named.filter(|id| *id != i64::from(column.id)) {
            return Err(wrong(format!(
                "the table knows this name by field id {id}; give it that id in the contract"
            )));
        }
        let Some(known) = fields.iter_mut().find(|f| f["id"].as_i64() == Some(column.id.into())) else {
            if column.required {
                return Err(wrong(
                    "is new and required, but older rows have none; make it optional".into(),
                ));
            }
            fields.push(field(column));
            continue;
        };
        if known["name"] != column.name.as_str() {
            return Err(wrong(format!(
                "the table knows this id as {}; add a new id, do not rename",
                known["name"]
            )));
        }
        let kind = known["type"].as_str().map(|kind| kind.replace(' ', ""));
        if kind.as_deref() != Some(column.kind.to_string().as_str()) {
            let (wanted, held) = (column.kind, &known["type"]);
            return Err(wrong(format!(
                "is {wanted} in the contract but {held} in the table; add a new column instead"
            )));
        }
        let known = known
            .as_object_mut()
            .ok_or_else(|| wrong("the table's metadata is broken".into()))?;
        match (known["required"].as_bool(), column.required) {
            (Some(false), true) => {
                return Err(wrong(
                    "is required in the contract but may be null in the table; make it optional".into(),
                ));
            }
            (_, required) => known.insert("required".into(), required.into()),
        };
        match &column.doc {
            Some(doc) => known.insert("doc".into(), doc.clone().into()),
            None => known.remove("doc"),
        };
    }
    Ok((fields != before).then_some(fields))
}

/// Whether the fields of two partition specs say the same, ids aside.
pub fn same_partitioning(current: &Value, wanted: &[Value]) -> bool {
    let keys = ["name", "transform", "source-id"];
    let current = current.as_array().map_or(&[][..], Vec::as_slice);
    current.len() == wanted.len()
        && current
            .iter()
            .zip(wanted)
            .all(|(a, b)| keys.iter().all(|key| a[key] == b[key]))
}

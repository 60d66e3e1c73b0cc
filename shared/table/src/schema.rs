//! The contract's columns against the metadata's schema. Pure; works on the metadata's JSON (Iceberg specification,
//! Appendix C "JSON serialization").

use serde_json::{Map, Value, json};
use watershed_lake::{
    AddedColumn, Column, ColumnType, TableSpec, Transform,
    added::{FIRST_ADDED_ID, MAX_ADDED_OF_TABLE, added_id},
    table::ELEMENT,
};
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
    field.insert("type".into(), type_of(column));
    if let Some(doc) = &column.doc {
        field.insert("doc".into(), doc.clone().into());
    }
    Value::Object(field)
}

/// The column's type (Appendix C "Types").
fn type_of(column: &Column) -> Value {
    match (column.kind, &column.fields[..]) {
        (ColumnType::Struct, fields) => {
            json!({"type": "struct", "fields": fields.iter().map(field).collect::<Vec<_>>()})
        }
        (ColumnType::List, [element]) => json!({"type": "list", "element-id": element.id,
            "element-required": element.required, "element": type_of(element)}),
        (kind, _) => kind.to_string().into(),
    }
}

/// The columns that a schema has.
///
/// Errors: which one has a type that no contract knows.
pub fn columns(schema: &Value) -> Result<Vec<Column>, String> {
    let fields = schema["fields"].as_array().map_or(&[][..], Vec::as_slice);
    fields.iter().map(column).collect()
}

fn column(field: &Value) -> Result<Column, String> {
    let name = field["name"].as_str().unwrap_or_default();
    let held = &field["type"];
    let (kind, fields) = match held["type"].as_str() {
        Some("struct") => (ColumnType::Struct, columns(held)?),
        Some("list") => {
            let element = json!({"id": held["element-id"], "name": ELEMENT, "required": held["element-required"], "type": held["element"]});
            (ColumnType::List, vec![column(&element)?])
        }
        _ => {
            let kind =
                kind(field).ok_or_else(|| format!("column `{name}` has type {held}, which is none of Watershed's"))?;
            (kind, Vec::new())
        }
    };
    let id = field["id"].as_i64().and_then(|id| id.try_into().ok());
    Ok(Column {
        id: id.ok_or_else(|| format!("column `{name}` has no field id"))?,
        name: name.into(),
        kind,
        fields,
        required: field["required"].as_bool().unwrap_or_default(),
        doc: field["doc"].as_str().map(Into::into),
        classification: None,
        tags: Vec::new(),
    })
}

/// The largest field id of these fields and all that is in them.
pub fn last_id(fields: &[Value]) -> i64 {
    fn of_type(kind: &Value) -> i64 {
        let own = ["element-id", "key-id", "value-id"].map(|key| kind[key].as_i64().unwrap_or(0));
        let inside = ["element", "key", "value"].map(|key| kind.get(key).map_or(0, of_type));
        let fields = kind["fields"].as_array().map_or(0, |fields| last_id(fields));
        own.into_iter().chain(inside).fold(fields, i64::max)
    }
    let of_field = |field: &Value| field["id"].as_i64().unwrap_or(0).max(of_type(&field["type"]));
    fields.iter().map(of_field).max().unwrap_or(0)
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
/// optional; a column may become optional or wider, and docs may change. Columns that the spec lacks stay. The same holds of what
/// is in structs and lists.
///
/// Errors: a fault that says what the contract must say instead.
pub fn evolved(table: &str, current: &Value, spec: &TableSpec) -> Result<Option<Vec<Value>>, PortError> {
    let mut fields = current["fields"].as_array().cloned().unwrap_or_default();
    let before = fields.clone();
    evolve(
        &mut fields,
        &spec.columns,
        &|column| format!("table {table}, column `{column}`"),
        spec,
    )?;
    Ok((fields != before).then_some(fields))
}

/// `place` says where a column is.
fn evolve(
    fields: &mut Vec<Value>,
    columns: &[Column],
    place: &dyn Fn(&str) -> String,
    spec: &TableSpec,
) -> Result<(), PortError> {
    for column in columns {
        let wrong =
            |what: String| PortError::fault(format!("{} (field id {}): {what}", place(&column.name), column.id));
        let named = fields
            .iter()
            .find(|f| f["name"] == column.name.as_str())
            .and_then(|f| f["id"].as_i64());
        if let Some(id) = named.filter(|id| *id != i64::from(column.id)) {
            return Err(wrong(other_id(id, column, fields)));
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
        let inside = |name: &str| place(&format!("{}.{name}", column.name));
        let is_same = kind(known) == Some(column.kind);
        match (&mut known["type"], column.kind) {
            (Value::Object(held), ColumnType::Struct) if held["type"] == "struct" => {
                let mut held_fields = held["fields"].as_array().cloned().unwrap_or_default();
                evolve(&mut held_fields, &column.fields, &inside, spec)?;
                held.insert("fields".into(), held_fields.into());
            }
            (Value::Object(held), ColumnType::List) if held["type"] == "list" => {
                let mut element = vec![json!({"id": held["element-id"], "name": ELEMENT,
                    "required": held["element-required"], "type": held["element"]})];
                evolve(&mut element, &column.fields, &inside, spec)?;
                held.insert("element-required".into(), element[0]["required"].take());
                held.insert("element".into(), element[0]["type"].take());
            }
            _ if is_same => {}
            _ => widen(known, column, spec).map_err(wrong)?,
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
    Ok(())
}

/// The field's type, where it is one of ours.
fn kind(field: &Value) -> Option<ColumnType> {
    field["type"].as_str()?.replace(' ', "").parse().ok()
}

/// What the contract must say of a column whose name the table has by another id.
fn other_id(id: i64, column: &Column, fields: &[Value]) -> String {
    if id != i64::from(added_id(&column.name)) {
        return format!("the table knows this name by field id {id}; give it that id in the contract");
    }
    let held = fields.iter().find(|f| f["id"].as_i64() == Some(id));
    let held = held.map_or_else(String::new, |field| format!(", {}", field["type"]));
    format!(
        "the table has it since a source added it (field id {id}{held}): write watershed.fieldId: {id} and that type, required: false; \
         or give the column another name, with the source's under watershed.source"
    )
}

/// Gives the field the column's type, where the one that it has may become that.
fn widen(field: &mut Value, column: &Column, spec: &TableSpec) -> Result<(), String> {
    let (wanted, held) = (column.kind, field["type"].clone());
    match kind(field) {
        Some(narrower) if narrower.widens_to(wanted) => {}
        Some(wider) if wanted.widens_to(wider) => {
            return Err(format!(
                "is {wanted} in the contract but {held} in the table, which is wider and stays so: write {wider} in the contract"
            ));
        }
        _ => {
            return Err(format!(
                "is {wanted} in the contract but {held} in the table; add a new column instead"
            ));
        }
    }
    // Of these the partition value has the column's type, and manifests that are there have it as it was. Buckets are numbers
    // whatever the type, and the same ones (Iceberg specification, "Schema Evolution" and Appendix B).
    let is_bound = spec.partition.iter().find(|partition| {
        spec.columns[partition.column].id == column.id && !matches!(partition.transform, Transform::Bucket(_))
    });
    if let Some(partition) = is_bound {
        return Err(format!(
            "is {wanted} in the contract but {held} in the table, which is partitioned by it ({}): write {held} in the contract, or make a new table",
            partition.transform
        ));
    }
    field["type"] = wanted.to_string().into();
    Ok(())
}

/// The fields with the columns that a source added, or none where they are there already. Types may become wider.
///
/// Errors: a fault that says what the contract must say.
pub fn with_added(table: &str, current: &[Value], added: &[AddedColumn]) -> Result<Option<Vec<Value>>, PortError> {
    let mut fields = current.to_vec();
    for column in added {
        let wrong = |what: String| {
            PortError::fault(format!(
                "table {table}, column `{}`, which the source added (field id {}): {what}",
                column.name, column.id
            ))
        };
        if column.id != added_id(&column.name) {
            return Err(wrong(
                "is not the field id of that name; ingest the object again".into(),
            ));
        }
        let clash = |field: &&Value| {
            (field["id"].as_i64() == Some(column.id.into())) != (field["name"] == column.name.as_str())
        };
        if let Some(other) = fields.iter().find(clash) {
            return Err(wrong(format!(
                "the table has {} by field id {}: name the column in the contract, or ingest the object again if it does",
                other["name"], other["id"]
            )));
        }
        let Some(known) = fields.iter_mut().find(|f| f["id"].as_i64() == Some(column.id.into())) else {
            fields.push(field(&column.column()));
            continue;
        };
        let (wanted, held) = (column.kind, kind(known));
        if held.is_some_and(|held| held.widens_to(wanted)) {
            known["type"] = wanted.to_string().into();
        } else if held != Some(wanted) && !held.is_some_and(|held| wanted.widens_to(held)) {
            let held = &known["type"];
            return Err(wrong(format!(
                "is {wanted} in the source but {held} in the table: name it in the contract, with another name and watershed.source"
            )));
        }
    }
    let count = fields
        .iter()
        .filter(|f| f["id"].as_i64() >= Some(FIRST_ADDED_ID.into()))
        .count();
    if count > MAX_ADDED_OF_TABLE {
        return Err(PortError::fault(format!(
            "table {table} would have {count} columns that its contract does not name, and at most {MAX_ADDED_OF_TABLE} are allowed: \
             write watershed.unknownColumns: ignore or reject"
        )));
    }
    Ok((fields != current).then_some(fields))
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

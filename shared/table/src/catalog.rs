//! What the catalog says of a table, for engines and people that read the catalog only. Pure.

use iceberg::spec::{PrimitiveType, Schema, Type};
use std::collections::BTreeMap;
use watershed_lake::TableSpec;
use watershed_ports::{CatalogColumn, CatalogTable};

/// Column parameter: the contract's classification.
pub const CLASSIFICATION: &str = "watershed.classification";
/// Column parameter: comma-separated tags.
pub const TAGS: &str = "watershed.tags";

/// The catalog's entry for the table with that schema.
pub fn table(
    spec: &TableSpec,
    schema: &Schema,
    location: &str,
    metadata_location: String,
    previous_metadata_location: Option<String>,
) -> CatalogTable {
    CatalogTable {
        database: spec.name.database().into(),
        table: spec.name.table().into(),
        location: location.into(),
        metadata_location,
        previous_metadata_location,
        description: spec.doc.clone(),
        columns: columns(spec, schema),
        parameters: spec.properties.clone(),
    }
}

fn columns(spec: &TableSpec, schema: &Schema) -> Vec<CatalogColumn> {
    let fields = schema.as_struct().fields().iter();
    fields
        .map(|field| {
            let mut parameters = BTreeMap::from([
                ("iceberg.field.id".into(), field.id.to_string()),
                ("iceberg.field.optional".into(), (!field.required).to_string()),
                ("iceberg.field.current".into(), "true".into()),
            ]);
            if let Some(column) = spec.columns.iter().find(|column| column.id == field.id) {
                parameters.extend(column.classification.clone().map(|word| (CLASSIFICATION.into(), word)));
                if !column.tags.is_empty() {
                    parameters.insert(TAGS.into(), column.tags.join(","));
                }
            }
            CatalogColumn {
                name: field.name.clone(),
                hive_type: hive_type(&field.field_type),
                comment: field.doc.clone(),
                parameters,
            }
        })
        .collect()
}

/// Hive's spelling of a type, as Iceberg's own Glue catalog writes it.
fn hive_type(kind: &Type) -> String {
    match kind {
        Type::Primitive(PrimitiveType::Long) => "bigint".into(),
        Type::Primitive(PrimitiveType::Time | PrimitiveType::Uuid) => "string".into(),
        Type::Primitive(
            PrimitiveType::Timestamp
            | PrimitiveType::Timestamptz
            | PrimitiveType::TimestampNs
            | PrimitiveType::TimestamptzNs,
        ) => "timestamp".into(),
        Type::Primitive(PrimitiveType::Fixed(_)) => "binary".into(),
        Type::Primitive(other) => other.to_string(),
        Type::List(list) => format!("array<{}>", hive_type(&list.element_field.field_type)),
        Type::Map(map) => {
            format!(
                "map<{},{}>",
                hive_type(&map.key_field.field_type),
                hive_type(&map.value_field.field_type)
            )
        }
        Type::Struct(fields) => {
            let fields: Vec<String> = fields
                .fields()
                .iter()
                .map(|f| format!("{}:{}", f.name, hive_type(&f.field_type)))
                .collect();
            format!("struct<{}>", fields.join(","))
        }
    }
}

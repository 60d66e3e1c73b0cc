//! The columns of a table's schema, as ours. Pure.

use iceberg::spec::{NestedField, Schema, Type};
use watershed_lake::{Column, ColumnType};

/// In the schema's order, without what is said of them for people.
///
/// Errors: a column that is of none of our types.
pub fn of(schema: &Schema) -> Result<Vec<Column>, String> {
    let fields = schema.as_struct().fields().iter();
    fields.map(|field| column(field)).collect()
}

fn column(field: &NestedField) -> Result<Column, String> {
    let (kind, fields) = match &*field.field_type {
        Type::Primitive(primitive) => {
            let kind = primitive.to_string().parse::<ColumnType>();
            (
                kind.map_err(|error| format!("column `{}`: {error}", field.name))?,
                Vec::new(),
            )
        }
        Type::Struct(of) => {
            let fields: Result<_, String> = of.fields().iter().map(|field| column(field)).collect();
            (ColumnType::Struct, fields?)
        }
        Type::List(of) => (ColumnType::List, vec![column(&of.element_field)?]),
        Type::Map(_) => return Err(format!("column `{}` is a map", field.name)),
    };
    Ok(Column {
        id: field.id,
        name: field.name.clone(),
        kind,
        fields,
        required: field.required,
        doc: None,
        classification: None,
        tags: Vec::new(),
        searchable: false,
    })
}

//! A table's columns as arrow and as Iceberg write them.

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use std::{collections::HashMap, sync::Arc};
use watershed_lake::{Column, ColumnType, TableSpec};

/// The schema that batches of this table have: `Boolean`, `Int32`, `Int64`, `Float32`, `Float64`, `Decimal128`, `Date32`,
/// `Time64(us)`, `Timestamp(us)` with no zone or `UTC`, `Utf8`, `Binary`, and of these `Struct` and `List`. Nullable unless
/// required, and every field at every depth has its Iceberg id under `PARQUET:field_id`.
pub fn arrow_schema(spec: &TableSpec) -> SchemaRef {
    Arc::new(Schema::new(spec.columns.iter().map(field).collect::<Vec<_>>()))
}

fn field(column: &Column) -> Field {
    let id = (PARQUET_FIELD_ID_META_KEY.to_string(), column.id.to_string());
    Field::new(&column.name, arrow_type(column), !column.required).with_metadata(HashMap::from([id]))
}

/// The type that values of the column have: see [`arrow_schema`].
pub fn arrow_type(column: &Column) -> DataType {
    match column.kind {
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Int => DataType::Int32,
        ColumnType::Long => DataType::Int64,
        ColumnType::Float => DataType::Float32,
        ColumnType::Double => DataType::Float64,
        ColumnType::Decimal { precision, scale } => DataType::Decimal128(precision, scale.cast_signed()),
        ColumnType::Date => DataType::Date32,
        ColumnType::Time => DataType::Time64(TimeUnit::Microsecond),
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        ColumnType::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnType::String => DataType::Utf8,
        ColumnType::Binary => DataType::Binary,
        ColumnType::Struct => DataType::Struct(column.fields.iter().map(field).collect()),
        ColumnType::List => DataType::List(Arc::new(field(&column.fields[0]))),
    }
}

/// How many columns of a Parquet file the column is.
pub fn leaves(column: &Column) -> usize {
    column.all().filter(|field| !field.kind.is_nested()).count()
}

/// The schema as Iceberg's JSON (specification, Appendix C), without the columns' descriptions: what other writers put
/// into a data file's footer as `iceberg.schema`.
pub fn iceberg_schema_json(spec: &TableSpec) -> String {
    format!(
        r#"{{"type":"struct","schema-id":0,"fields":[{}]}}"#,
        fields_json(&spec.columns)
    )
}

fn fields_json(columns: &[Column]) -> String {
    let fields: Vec<String> = columns
        .iter()
        // A column's name is `[a-z][a-z0-9_]*`: nothing to escape.
        .map(|c| {
            format!(
                r#"{{"id":{},"name":"{}","required":{},"type":{}}}"#,
                c.id,
                c.name,
                c.required,
                type_json(c)
            )
        })
        .collect();
    fields.join(",")
}

fn type_json(column: &Column) -> String {
    match (column.kind, &column.fields[..]) {
        (ColumnType::Struct, fields) => format!(r#"{{"type":"struct","fields":[{}]}}"#, fields_json(fields)),
        (ColumnType::List, [element]) => format!(
            r#"{{"type":"list","element-id":{},"element-required":{},"element":{}}}"#,
            element.id,
            element.required,
            type_json(element)
        ),
        (kind, _) => format!(r#""{kind}""#),
    }
}

//! The table of a dataset's rows, joined with references.

use crate::{
    added::{added_id, nested_id},
    layout::Zone,
    table::{BadTableName, Column, ColumnType, ELEMENT, TableName, TableSpec, properties},
};

/// Added to the table name of the dataset.
pub const SUFFIX: &str = "_enriched";

/// Name of the enriched table of the dataset whose table that is.
pub fn name(table: &TableName) -> Result<TableName, BadTableName> {
    TableName::new(table.database(), &format!("{}{SUFFIX}", table.table()))
}

/// The enriched table of the dataset whose table is `data`: all its columns, then `added`. Partitions and order are the same, because both are
/// about columns of `data`.
pub fn spec(data: &TableSpec, added: Vec<Column>) -> Result<TableSpec, BadTableName> {
    let mut table = data.clone();
    table.name = name(&data.name)?;
    table.zone = Zone::Enriched;
    table.columns.extend(added);
    // The rows are found in the dataset's own table, and by way of what was joined would be many times.
    for column in &mut table.columns {
        column.searchable = false;
    }
    table.doc = Some(match &data.doc {
        Some(doc) => format!("{} with what references say: {doc}", data.name),
        None => format!("{} with what references say", data.name),
    });
    table.properties.insert(properties::ROLE.into(), "enriched".into());
    Ok(table)
}

/// A column that is added. Its field id is made of its name, so that columns come and go.
pub fn added(name: &str, kind: ColumnType, doc: &str) -> Column {
    Column::plain(added_id(name), name, kind, false, doc)
}

/// A column of labels: a list of texts.
pub fn labels(name: &str, doc: &str) -> Column {
    let id = nested_id(&format!("{name}.{ELEMENT}"));
    let element = Column::plain(id, ELEMENT, ColumnType::String, true, "A label");
    Column {
        fields: vec![element],
        ..added(name, ColumnType::List, doc)
    }
}

//! A draft as JSON: what was found, for machines and for who wants to know why.

use crate::{
    Draft,
    profile::{Column, Distinct},
    sample::Layout,
    temporal::epoch_word,
    yaml::{logical, physical},
};
use serde_json::{Value, json};

/// The report.
pub fn report(draft: &Draft) -> Value {
    let name = |index: &usize| draft.columns[*index].name.clone();
    json!({
        "table": format!("{}.{}", draft.place.database, draft.place.table),
        "location": draft.place.location,
        "format": layout(&draft.layout),
        "format_sure": draft.layout_sure.word(),
        "encoding": draft.encoding.name(),
        "rows": draft.rows,
        "complete": draft.complete,
        "left_out": draft.left_out,
        "nulls": draft.nulls,
        "notes": draft.notes,
        "primary_key": draft.key.as_ref().map(|key| {
            json!({"columns": key.columns.iter().map(name).collect::<Vec<_>>(), "sure": key.sure.word()})
        }),
        "partition": draft.partition.map(|partition| {
            json!({"column": name(&partition.column), "transform": "month", "sure": partition.sure.word()})
        }),
        "columns": draft.columns.iter().map(column).collect::<Vec<_>>(),
    })
}

fn layout(layout: &Layout) -> Value {
    match layout {
        Layout::Csv(format) => json!({
            "name": "csv",
            "delimiter": char::from(format.delimiter).to_string(),
            "quote": format.quote.map(|quote| char::from(quote).to_string()),
            "header": format.header,
        }),
        Layout::NdJson => json!({"name": "ndjson"}),
        Layout::JsonArray => json!({"name": "json_array"}),
        Layout::Parquet => json!({"name": "parquet"}),
    }
}

fn column(column: &Column) -> Value {
    json!({
        "name": column.name,
        "source": column.source,
        "logical_type": logical(column.kind),
        "physical_type": physical(column.kind),
        "sure": column.sure.word(),
        "formats": column.formats,
        "epoch": column.epoch.map(epoch_word),
        "nulls": column.nulls,
        "null_spellings": column.spellings,
        "distinct": match column.distinct {
            Distinct::Exactly(count) => json!(count),
            Distinct::Many => json!("many"),
        },
        "unique": column.unique,
        "min": column.ends.as_ref().map(|ends| &ends.min),
        "max": column.ends.as_ref().map(|ends| &ends.max),
        "lengths": column.lengths.map(|(shortest, longest)| [shortest, longest]),
        "examples": column.examples,
        "enum": column.values,
        "personal": column.personal,
        "notes": column.notes,
    })
}

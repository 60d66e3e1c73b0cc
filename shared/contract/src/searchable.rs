//! Columns whose texts are found by their words.

use crate::{dataset::Personal, order::FLATTEN, property::Property, reader::Map};
use watershed_lake::ColumnType;

/// Whether the column is one.
pub(crate) fn read(
    custom: Option<&Map<'_>>,
    kind: Option<ColumnType>,
    fields: &[Property<'_>],
    personal: Personal,
    is_inside: bool,
) -> bool {
    let Some(at) = custom.and_then(|custom| custom.get("searchable")) else {
        return false;
    };
    if at.flag() != Some(true) {
        return false;
    }
    let is_text = match kind {
        None | Some(ColumnType::String) => true,
        Some(ColumnType::List) => fields.iter().all(|element| element.column.kind == ColumnType::String),
        Some(_) => false,
    };
    if is_inside {
        at.error("searchable inside of a value", FLATTEN);
    } else if !is_text {
        at.error(
            "only text has words that are found",
            "write logicalType: string, or an array of strings; or remove it",
        );
    } else if personal != Personal::Keep {
        at.error(
            "a searchable column without its words",
            "remove it, or write personal: keep",
        );
    } else {
        return true;
    }
    false
}

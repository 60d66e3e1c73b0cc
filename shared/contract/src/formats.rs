//! What the watershed property says of formats that are not delimited text: where the records are, and how wide their fields.

use crate::{
    dataset::{FixedField, FixedFormat, Format, RaggedEnds, XmlFormat},
    diagnostic::shown,
    nested,
    path::{MAX_PATH_STEPS, XmlPath, xml_names, xml_path},
    property::Property,
    reader::Map,
};

/// Keys of a schema object that belong to one format.
pub(crate) const KEYS: [&str; 2] = ["records", "row"];
/// Keys of a property that belong to fixed width.
pub(crate) const FIELD_KEYS: [&str; 2] = ["start", "width"];
/// Longest line of fixed width that columns are read from, in bytes.
pub const MAX_FIXED_BYTES: i64 = 1_048_576;

/// The server's format with what the schema object `map` and its columns add. Whatever is of another format is reported.
pub(crate) fn read(wire: &Format, map: &Map<'_>, custom: Option<&Map<'_>>, columns: &[Property<'_>]) -> Format {
    let refuse = |key: &str, help: &str| {
        if let Some(custom) = custom {
            custom.refuse(&[key], help);
        }
    };
    nested::check_format(wire, columns);
    if !matches!(wire, Format::JsonArray { .. }) {
        refuse(
            "records",
            "only a server of format json with delimiter: array has it: remove it",
        );
    }
    if !matches!(wire, Format::Xml(_)) {
        refuse("row", "only a server of format xml has it: remove it");
    }
    if !matches!(wire, Format::Fixed(_)) {
        for custom in columns.iter().filter_map(|column| column.custom.as_ref()) {
            custom.refuse(&FIELD_KEYS, "only a server of format fixed has it: remove it");
        }
    }
    match wire {
        Format::JsonArray { .. } => Format::JsonArray {
            records: custom.and_then(records).unwrap_or_default(),
        },
        Format::Xml(_) => Format::Xml(XmlFormat {
            row: row(map, custom).unwrap_or_default(),
            columns: xml_columns(columns),
        }),
        Format::Fixed(_) => Format::Fixed(FixedFormat {
            columns: fixed(columns),
            ragged_ends: custom.and_then(ragged_ends).unwrap_or(RaggedEnds::Refuse),
        }),
        other => other.clone(),
    }
}

fn records(custom: &Map<'_>) -> Option<Vec<String>> {
    let at = custom.get("records")?;
    let keys: Vec<String> = at.text()?.split('.').map(Into::into).collect();
    if keys.len() > MAX_PATH_STEPS || keys.iter().any(String::is_empty) {
        at.wrong("the keys that lead to the array, with dots between them: data.items");
    }
    Some(keys)
}

fn row(map: &Map<'_>, custom: Option<&Map<'_>>) -> Option<Vec<String>> {
    const HELP: &str =
        "the local name of the element that is a row, order, or the path to it from the root, orders/order";
    let Some(at) = custom.and_then(|custom| custom.get("row")) else {
        custom
            .unwrap_or(map)
            .error("no row", format!("write row in the watershed property: {HELP}"));
        return None;
    };
    let names = xml_names(at.text()?);
    if names.is_none() {
        at.wrong(HELP);
    }
    names
}

/// Where each column stands; none around another.
fn xml_columns(columns: &[Property<'_>]) -> Vec<XmlPath> {
    let columns: Vec<&Property<'_>> = columns.iter().filter(|column| column.is_read).collect();
    let paths: Vec<Option<XmlPath>> = columns.iter().map(|column| xml_column(column)).collect();
    for (column, path) in columns.iter().zip(&paths) {
        let Some(path) = path.as_ref().filter(|path| path.attribute.is_none()) else {
            continue;
        };
        let is_inside =
            |other: &&XmlPath| other.elements.len() > path.elements.len() && other.elements.starts_with(&path.elements);
        if let Some(inside) = paths.iter().flatten().find(is_inside) {
            let message = format!(
                "source {} of {} has no text of its own: {} is in it",
                shown(&column.rule.source),
                column.column.name,
                shown(&inside.elements.join("/"))
            );
            column
                .at
                .error(message, "write the paths of elements that have no others in them");
        }
    }
    paths.into_iter().flatten().collect()
}

fn xml_column(column: &Property<'_>) -> Option<XmlPath> {
    let source = &column.rule.source;
    let path = xml_path(source);
    if path.is_none() && !source.is_empty() {
        column.at.error(
            format!("source {} of {} is no path", shown(source), column.column.name),
            "write local names without prefix: city, address/city, @id or address/@type",
        );
    }
    path
}

fn ragged_ends(custom: &Map<'_>) -> Option<RaggedEnds> {
    let at = custom.get("raggedEnds")?;
    at.word(&[("refuse", RaggedEnds::Refuse), ("pad", RaggedEnds::Pad)])
}

/// Where each column stands; no two in the same bytes.
fn fixed(columns: &[Property<'_>]) -> Vec<FixedField> {
    let columns: Vec<&Property<'_>> = columns.iter().filter(|column| column.is_read).collect();
    let fields: Vec<Option<FixedField>> = columns.iter().map(|column| fixed_field(column)).collect();
    let placed = || {
        columns
            .iter()
            .zip(&fields)
            .filter_map(|(column, field)| Some((column, (*field)?)))
    };
    let mut in_order: Vec<_> = placed().collect();
    in_order.sort_by_key(|(_, field)| field.start);
    for pair in in_order.windows(2) {
        let [(before, a), (column, b)] = pair else { continue };
        if b.start < a.end() {
            let message = format!(
                "column {} begins at byte {}, where {} ends at {}",
                column.column.name,
                b.start + 1,
                before.column.name,
                a.end()
            );
            column.at.error(message, "write columns that do not overlap");
        }
    }
    fields.into_iter().flatten().collect()
}

fn fixed_field(column: &Property<'_>) -> Option<FixedField> {
    let Some(custom) = &column.custom else {
        column.at.error(
            format!("column {} has no start and width", column.column.name),
            "write watershed: {start: 1, width: 8}, in bytes, from 1",
        );
        return None;
    };
    custom.refuse(
        &["source"],
        "a column of fixed width is found by start and width: remove it",
    );
    let number = |key: &str| {
        let at = custom.need(key, &format!("write {key}, in bytes; start counts from 1"))?;
        at.integer(1, MAX_FIXED_BYTES)
    };
    let (start, width) = (number("start"), number("width"));
    let field = FixedField {
        start: usize::try_from(start? - 1).ok()?,
        width: usize::try_from(width?).ok()?,
    };
    if field.end() as i64 > MAX_FIXED_BYTES {
        custom.error(
            format!("the column ends at byte {}", field.end()),
            format!("write a start and width that end at {MAX_FIXED_BYTES} at most"),
        );
    }
    Some(field)
}

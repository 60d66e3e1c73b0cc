//! Structs and lists: properties inside of properties (`properties` of `logicalType: object`, `items` of `logicalType: array`).

use crate::{
    bounds,
    dataset::{Format, Personal},
    diagnostic::shown,
    formats,
    order::FLATTEN,
    property::{self, Defaults, MAX_FIELD_ID, Property},
    reader::Map,
    rules,
};
use std::collections::BTreeSet;
use watershed_lake::{ColumnType, added::nested_id, table::ELEMENT};

/// Deepest field inside a column: a field of a struct, or the element of a list, is one below it.
pub const MAX_FIELD_DEPTH: usize = 8;
/// Most fields inside one column, those of all depths.
pub const MAX_NESTED_FIELDS: usize = 100;

/// How a property is come to.
pub(crate) struct Way<'d> {
    pub(crate) defaults: &'d Defaults,
    /// Names of the columns and fields around it.
    around: Vec<String>,
}

impl<'d> Way<'d> {
    /// Of columns.
    pub(crate) fn table(defaults: &'d Defaults) -> Self {
        Self {
            defaults,
            around: Vec::new(),
        }
    }

    fn below(&self, name: &str) -> Self {
        Self {
            defaults: self.defaults,
            around: self
                .around
                .iter()
                .map(String::as_str)
                .chain([name])
                .map(Into::into)
                .collect(),
        }
    }

    pub(crate) fn is_inside(&self) -> bool {
        !self.around.is_empty()
    }

    /// Field id of the property `name`, number `index`, where it has none of its own.
    pub(crate) fn default_id(&self, name: &str, index: usize) -> i64 {
        if self.is_inside() {
            i64::from(nested_id(&format!("{}.{name}", self.around.join("."))))
        } else {
            index as i64 + 1
        }
    }
}

/// What is in the property `map`, which is called `name` and found by `way`; nothing where its type is no nested one.
pub(crate) fn read<'a>(map: &Map<'a>, kind: ColumnType, name: &str, way: &Way<'_>) -> Vec<Property<'a>> {
    let (key, help) = match kind {
        ColumnType::Struct => (
            "properties",
            "write properties: what is in the object; or logicalType: string, which keeps its JSON text",
        ),
        ColumnType::List => (
            "items",
            "write items: {logicalType: …}, what an element is; or logicalType: string, which keeps its JSON text",
        ),
        _ => return Vec::new(),
    };
    let Some(at) = map.need(key, help) else {
        return Vec::new();
    };
    let way = way.below(name);
    if way.around.len() > MAX_FIELD_DEPTH {
        at.error(
            format!("a value nested more than {MAX_FIELD_DEPTH} deep"),
            "write logicalType: string here, which keeps its JSON text",
        );
        return Vec::new();
    }
    let fields: Vec<Property<'a>> = if kind == ColumnType::List {
        let path = format!("{}.items", map.path);
        let element = at.map().map(|item| item.called(path));
        element
            .map(|item| property::of(&at, &item, ELEMENT, &way, 0))
            .into_iter()
            .collect()
    } else {
        let items = at.list();
        if items.is_empty() && at.is_list() {
            at.error("an object of no properties", help);
        }
        let read = |(index, item)| property::read(item, &map.path, &way, index);
        items
            .iter()
            .take(MAX_NESTED_FIELDS + 1)
            .enumerate()
            .filter_map(read)
            .collect()
    };
    distinct(&fields, "field");
    fields.iter().for_each(check);
    fields
}

/// What is asked of columns only.
fn check(field: &Property<'_>) {
    for order in [&field.key, &field.partition].into_iter().flatten() {
        order.at.error(format!("{} inside of a value", order.at.name), FLATTEN);
    }
    if let Some(at) = &field.transform {
        at.error("transformLogic inside of a value", FLATTEN);
    }
    for rule in &field.quality {
        if rule
            .map()
            .is_some_and(|map| rules::is_checked(&map) && bounds::enumerates(&map).is_none())
        {
            rule.error("a quality rule inside of a value", FLATTEN);
        }
    }
    if let Some(custom) = &field.custom {
        custom.refuse(&formats::FIELD_KEYS, "only a column of fixed width has it: remove it");
    }
}

/// Nothing is hidden inside of a value that is shown: it would be hidden in the table, and in quarantine be seen with the rest.
pub(crate) fn personal(map: &Map<'_>, custom: Option<&Map<'_>>) -> Personal {
    const HELP: &str = "classify the whole column, with watershed.personal: drop or keep; or read what is in it as columns of \
        their own (watershed.source: a.b)";
    if let Some(at) = map.get("classification").filter(crate::personal::is_personal) {
        at.error("personal data inside of a value", HELP);
    }
    if let Some(custom) = custom {
        custom.refuse(&["personal"], HELP);
    }
    Personal::Keep
}

/// Names and sources that stand twice in one table or struct.
pub(crate) fn distinct(properties: &[Property<'_>], what: &str) {
    let (mut names, mut sources) = (BTreeSet::new(), BTreeSet::new());
    for property in properties {
        let name = &property.column.name;
        if !name.is_empty() && !names.insert(name.to_lowercase()) {
            property.at.error(
                format!("a second {what} {}", shown(name)),
                "write another name; upper and lower case are one",
            );
        } else if !name.is_empty() && property.is_read && !sources.insert(&property.rule.source) {
            let message = format!("a second {what} is read from {}", shown(&property.rule.source));
            property.at.error(message, "write another watershed.source");
        }
    }
}

/// Field ids of the table's columns and all that is in them, and how much that is.
pub(crate) fn check_all(columns: &[Property<'_>]) {
    let mut ids = BTreeSet::new();
    // Columns first: what is inside of one gives way to them.
    let mut waiting: Vec<&Property<'_>> = columns.iter().collect();
    while !waiting.is_empty() {
        for property in &waiting {
            let id = property.column.id;
            if !ids.insert(id) {
                let at = property.field_id.as_ref().unwrap_or(&property.at);
                let help = if i64::from(id) <= MAX_FIELD_ID {
                    "write one that no column has; without, it is the position from 1"
                } else {
                    "write watershed.fieldId, one that nothing else in the table has"
                };
                at.error(format!("fieldId {id} a second time"), help);
            }
        }
        waiting = waiting.iter().flat_map(|property| &property.fields).collect();
    }
    for column in columns {
        let count = column.column.all().count() - 1;
        if count > MAX_NESTED_FIELDS {
            column.at.error(
                format!("{count} fields inside of a column"),
                format!("write at most {MAX_NESTED_FIELDS}; logicalType: string keeps the JSON text of a value"),
            );
        }
    }
}

/// Only some formats have nested values.
pub(crate) fn check_format(wire: &Format, columns: &[Property<'_>]) {
    if matches!(wire, Format::NdJson | Format::JsonArray { .. } | Format::Parquet) {
        return;
    }
    for column in columns.iter().filter(|column| column.column.kind.is_nested()) {
        column.at.error(
            format!("a {} in a format that has none", column.column.kind),
            "only json and parquet have nested values: write logicalType: string",
        );
    }
}

//! What is said of how values are read and checked, and so nothing of rows that a query makes.

use crate::{
    drift, enrich, formats, number,
    property::Property,
    quality::QualityRule,
    reader::{At, Map},
    stream,
};
use watershed_lake::{SortField, TableSpec, layout::Zone, table::properties};

/// Keys of the schema object that are about reading. Those of other formats are refused with them.
const READING: [&str; 3] = ["nulls", "trim", "locale"];
/// Keys of a column that are about reading.
const READING_A_COLUMN: [&str; 13] = [
    "source",
    "nulls",
    "trim",
    "case",
    "true",
    "false",
    "epoch",
    "formats",
    "timeZone",
    "enum",
    "locale",
    "sourceUnit",
    "round",
];
/// Options of a type that say what its values must be.
const CHECKS: [&str; 7] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "pattern",
];

/// Reports what an aggregate does not have.
pub(crate) fn refuse(
    map: &Map<'_>,
    custom: Option<&Map<'_>>,
    columns: &[Property<'_>],
    (hides, quality): (bool, &[(At<'_>, QualityRule)]),
) {
    let keys = [&READING[..], &number::KEYS, &drift::KEYS, &stream::KEYS];
    if let Some(custom) = custom {
        custom.refuse(
            &keys.concat(),
            "rows of an aggregate are made by a query, not read: remove it",
        );
        custom.refuse(
            &enrich::KEYS,
            "an aggregate is not enriched: join the references in its query, and remove it",
        );
    }
    if hides {
        map.error(
            "a column of an aggregate that is hashed, redacted or dropped",
            "hide it where it is read, in the contract of the input, and write personal: keep here",
        );
    }
    for (at, _) in quality {
        at.error(
            "a quality rule of an aggregate, which is not checked",
            "write it of the input, or as a condition in the query, and remove it",
        );
    }
    for column in columns {
        refuse_column(column);
    }
    if columns.iter().all(|column| column.key.is_none()) {
        map.error(
            "an aggregate without primary key",
            "write primaryKey: true at the columns that the query groups by: they put its rows in order, and none may come twice",
        );
    }
}

fn refuse_column(column: &Property<'_>) {
    if let Some(custom) = &column.custom {
        let keys = [&READING_A_COLUMN[..], &number::KEYS, &formats::FIELD_KEYS];
        custom.refuse(&keys.concat(), "the column is made by a query, not read: remove it");
    }
    if let Some(options) = column.at.map().and_then(|map| map.get("logicalTypeOptions")?.map()) {
        options.refuse(
            &CHECKS,
            "values of an aggregate are not checked: write it as a condition in the query, and remove it",
        );
    }
    if let Some(at) = &column.transform {
        at.error("a computed column of an aggregate", "write the expression in the query");
    }
    if let Some(kind) = column.kind.filter(|kind| kind.is_nested()) {
        column.at.error(
            format!("a {kind} in an aggregate"),
            "write a column for each of its fields",
        );
    }
}

/// Makes of the table what an aggregate's is: in the zone of marts, in the order of its primary key unless it has one of its own.
pub(crate) fn shape(table: &mut TableSpec, primary_key: &[usize]) {
    table.zone = Zone::Mart;
    table.properties.insert(properties::ROLE.into(), "aggregate".into());
    if table.sort.is_empty() {
        let by = |column: &usize| SortField {
            column: *column,
            descending: false,
        };
        table.sort = primary_key.iter().map(by).collect();
    }
}

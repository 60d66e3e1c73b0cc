//! Partition, sort order and primary key: lists of columns, and the rules of Iceberg about them.

use crate::{
    diagnostic::{one_of, shown},
    property::{Position, Property},
    reader::{At, Map},
};
use std::collections::BTreeSet;
use watershed_lake::{ColumnType, PartitionField, SortField, Transform, table::is_identifier};

/// Most fields of a partition.
pub const MAX_PARTITION_FIELDS: usize = 8;
/// Most fields of a sort order.
pub const MAX_SORT_FIELDS: usize = 16;
/// Most buckets.
pub const MAX_BUCKETS: u32 = 4_096;
/// Widest truncation.
pub const MAX_TRUNCATE: u32 = 1_000_000_000;

/// What stands in the place of a struct or list.
pub(crate) const FLATTEN: &str = "read what is in it as a column of its own (watershed.source: a.b), and write that";

/// Indexes of the primary key's columns, in key order.
pub(crate) fn primary_key(properties: &[Property<'_>]) -> Vec<usize> {
    let key = ordered(properties, "primaryKeyPosition", |p| p.key.as_ref());
    for property in key.iter().map(|index| &properties[*index]) {
        // Iceberg specification, "Identifier Field IDs": float and double are none.
        if let (Some(ColumnType::Float | ColumnType::Double), Some(key)) = (property.kind, &property.key) {
            key.at.error(
                "a floating-point primary key",
                "write physicalType DECIMAL(p,s), or another key",
            );
        }
        if let (Some(kind), Some(key)) = (property.kind.filter(|kind| kind.is_nested()), &property.key) {
            key.at.error(format!("a {kind} as primary key"), FLATTEN);
        }
    }
    key
}

/// Indexes of the properties that have a position, by position; or by the document, where none of them says one.
fn ordered<'p>(
    properties: &'p [Property<'_>],
    word: &str,
    position: impl Fn(&'p Property<'_>) -> Option<&'p Position<'p>>,
) -> Vec<usize> {
    let mut found: Vec<_> = properties
        .iter()
        .enumerate()
        .filter_map(|(i, p)| position(p).map(|at| (at.place, i, at)))
        .collect();
    let any = found.iter().any(|(place, _, _)| place.is_some());
    let mut seen = BTreeSet::new();
    for (place, _, position) in &found {
        match place {
            None if any => position
                .at
                .error(format!("no {word}, where others have one"), format!("write {word}")),
            Some(n) if !seen.insert(*n) => {
                position
                    .at
                    .error(format!("{word} {n} a second time"), "number them from 1");
            }
            _ => {}
        }
    }
    found.sort_by_key(|(place, index, _)| (*place, *index));
    found.into_iter().map(|(_, index, _)| index).collect()
}

/// The partition: of the watershed property, or else every `partitioned` column as it is.
pub(crate) fn partition(properties: &[Property<'_>], custom: Option<&Map<'_>>) -> Vec<PartitionField> {
    let flagged = ordered(properties, "partitionKeyPosition", |p| p.partition.as_ref());
    let listed = custom.and_then(|c| c.get("partition"));
    let fields: Vec<(At<'_>, PartitionField)> = match &listed {
        Some(at) => at
            .list()
            .iter()
            .filter_map(|item| Some((item.clone(), field(item, properties)?)))
            .collect(),
        None => flagged
            .iter()
            .filter_map(|&column| {
                let at = &properties[column].partition.as_ref()?.at;
                let name = properties[column].column.name.clone();
                Some((
                    at.clone(),
                    PartitionField {
                        column,
                        transform: Transform::Identity,
                        name,
                    },
                ))
            })
            .collect(),
    };
    let mut columns: Vec<usize> = fields.iter().map(|(_, f)| f.column).collect();
    columns.dedup();
    if let Some(at) = listed.filter(|at| !flagged.is_empty() && columns != flagged && fields.len() == at.list().len()) {
        let names = |columns: &[usize]| {
            columns
                .iter()
                .map(|&c| properties[c].column.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        at.error(
            format!(
                "partition by {}, but partitioned: true at {}",
                names(&columns),
                names(&flagged)
            ),
            "write the same columns in the same order, or remove partitioned",
        );
    }
    check_partition(&fields, properties);
    fields.into_iter().map(|(_, field)| field).collect()
}

fn field(item: &At<'_>, properties: &[Property<'_>]) -> Option<PartitionField> {
    let map = item.map()?;
    map.only(&["column", "transform", "name"]);
    let column = column(&map.need("column", "write column: the name of a property")?, properties)?;
    let transform = map
        .get("transform")
        .map_or(Some(Transform::Identity), |at| transform(&at))?;
    let name = match map.get("name") {
        Some(at) => at.text()?.to_string(),
        None => default_name(&properties[column].column.name, transform),
    };
    Some(PartitionField {
        column,
        transform,
        name,
    })
}

/// As Iceberg's own builders name it (`PartitionSpec.Builder`).
fn default_name(column: &str, transform: Transform) -> String {
    let suffix = match transform {
        Transform::Identity => return column.into(),
        Transform::Year => "year",
        Transform::Month => "month",
        Transform::Day => "day",
        Transform::Hour => "hour",
        Transform::Bucket(_) => "bucket",
        Transform::Truncate(_) => "trunc",
    };
    format!("{column}_{suffix}")
}

fn column(at: &At<'_>, properties: &[Property<'_>]) -> Option<usize> {
    let name = at.text()?;
    let found = properties.iter().position(|p| p.column.name == name);
    if found.is_none() {
        let names: Vec<&str> = properties
            .iter()
            .map(|p| p.column.name.as_str())
            .filter(|n| !n.is_empty())
            .collect();
        at.error(format!("unknown column {}", shown(name)), one_of(name, &names));
    }
    found
}

const TRANSFORMS: [&str; 7] = ["identity", "year", "month", "day", "hour", "bucket[16]", "truncate[10]"];

fn transform(at: &At<'_>) -> Option<Transform> {
    let text = at.text()?;
    let width = |name: &str, limit: u32| {
        let width = text
            .strip_prefix(name)?
            .strip_prefix('[')?
            .strip_suffix(']')?
            .parse()
            .ok()?;
        (1..=limit).contains(&width).then_some(width)
    };
    let found = match text {
        "identity" => Some(Transform::Identity),
        "year" => Some(Transform::Year),
        "month" => Some(Transform::Month),
        "day" => Some(Transform::Day),
        "hour" => Some(Transform::Hour),
        _ => width("bucket", MAX_BUCKETS)
            .map(Transform::Bucket)
            .or_else(|| width("truncate", MAX_TRUNCATE).map(Transform::Truncate)),
    };
    if found.is_none() {
        let help = format!("{}, at most bucket[{MAX_BUCKETS}]", one_of(text, &TRANSFORMS));
        at.error(format!("unknown transform {}", shown(text)), help);
    }
    found
}

/// Iceberg specification, "Partition Transforms". No identity of a float: NaN and -0 make no folder that one can name.
fn applies(transform: Transform, kind: ColumnType) -> bool {
    use ColumnType as T;
    match transform {
        Transform::Identity => !matches!(kind, T::Float | T::Double | T::Binary | T::Struct | T::List),
        Transform::Year | Transform::Month | Transform::Day => matches!(kind, T::Date | T::Timestamp | T::TimestampTz),
        Transform::Hour => matches!(kind, T::Timestamp | T::TimestampTz),
        Transform::Bucket(_) => !matches!(kind, T::Float | T::Double | T::Boolean | T::Struct | T::List),
        Transform::Truncate(_) => matches!(kind, T::Int | T::Long | T::Decimal { .. } | T::String | T::Binary),
    }
}

fn allowed(kind: ColumnType) -> String {
    let all = [
        Transform::Identity,
        Transform::Year,
        Transform::Month,
        Transform::Day,
        Transform::Hour,
        Transform::Bucket(16),
        Transform::Truncate(10),
    ];
    let names: Vec<String> = all
        .into_iter()
        .filter(|t| applies(*t, kind))
        .map(|t| t.to_string())
        .collect();
    if kind.is_nested() {
        FLATTEN.into()
    } else if names.is_empty() {
        "choose another column".into()
    } else {
        format!("write one of {}", names.join(", "))
    }
}

fn is_calendar(transform: Transform) -> bool {
    matches!(
        transform,
        Transform::Year | Transform::Month | Transform::Day | Transform::Hour
    )
}

fn check_partition(fields: &[(At<'_>, PartitionField)], properties: &[Property<'_>]) {
    for (index, (at, field)) in fields.iter().enumerate() {
        let property = &properties[field.column];
        let (transform, name) = (field.transform, &field.name);
        if let Some(kind) = property.kind.filter(|kind| !applies(transform, *kind)) {
            let message = format!("{transform} of {}, which is of type {kind}", property.column.name);
            at.error(message, allowed(kind));
        }
        let same = |other: &PartitionField| {
            let both_calendar = is_calendar(transform) && is_calendar(other.transform);
            other.column == field.column && (other.transform == transform || both_calendar)
        };
        if fields[..index].iter().any(|(_, other)| same(other)) {
            at.error(
                format!("{transform} of {} after another of it", property.column.name),
                "write the finest one",
            );
        }
        let clash = fields[..index].iter().any(|(_, other)| other.name == *name);
        let own = transform == Transform::Identity && *name == property.column.name;
        if clash || (!own && properties.iter().any(|p| p.column.name == *name)) {
            at.error(format!("the name {} is taken", shown(name)), "write another name");
        } else if !own && !is_identifier(name) {
            at.error(
                format!("name {}", shown(name)),
                "write a-z, 0-9 and _, starting with a letter",
            );
        }
    }
    if let Some((at, _)) = fields.get(MAX_PARTITION_FIELDS) {
        at.error(
            format!("{} partition fields", fields.len()),
            format!("write at most {MAX_PARTITION_FIELDS}"),
        );
    }
}

/// The sort order: of the watershed property.
pub(crate) fn sort(properties: &[Property<'_>], custom: Option<&Map<'_>>) -> Vec<SortField> {
    let mut fields: Vec<SortField> = Vec::new();
    for item in custom.map(|c| c.list("sort")).unwrap_or_default() {
        let found = if item.is_text() {
            column(&item, properties).map(|c| (c, false))
        } else {
            sort_field(&item, properties)
        };
        let Some((column, descending)) = found else { continue };
        if let Some(kind) = properties[column].kind.filter(|kind| kind.is_nested()) {
            item.error(
                format!("sort by {}, which is a {kind}", properties[column].column.name),
                FLATTEN,
            );
        }
        if fields.iter().any(|f| f.column == column) {
            item.error(
                format!("{} a second time", properties[column].column.name),
                "sort by it once",
            );
        } else if fields.len() == MAX_SORT_FIELDS {
            item.error("one sort field more", format!("write at most {MAX_SORT_FIELDS}"));
        }
        fields.push(SortField { column, descending });
    }
    fields
}

fn sort_field(item: &At<'_>, properties: &[Property<'_>]) -> Option<(usize, bool)> {
    let map = item.map()?;
    map.only(&["column", "descending"]);
    let column = column(&map.need("column", "write column: the name of a property")?, properties)?;
    Some((column, map.flag("descending").unwrap_or(false)))
}

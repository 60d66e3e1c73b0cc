//! One property of a schema object: a column and how it is read.

use crate::{
    bounds::{self, Reading},
    computed,
    dataset::{Case, Checks, ColumnRule, Locale, Personal, TemporalFormat},
    diagnostic::shown,
    formats,
    nested::{self, Way},
    number, personal,
    reader::{At, Map},
    searchable,
    spellings::{booleans, nulls},
    temporal,
    types::{self, Typed},
    units,
};
use std::collections::BTreeSet;
use watershed_lake::{Column, ColumnType, added::added_id, table::is_identifier};

/// Largest field id of a column; Iceberg and its readers keep those near 2^31 for themselves (specification, "Reserved Field IDs").
pub const MAX_FIELD_ID: i64 = 999_999;

/// Keys of the watershed property of a column.
const KEYS: [&str; 14] = [
    "source",
    "fieldId",
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
    "personal",
    "searchable",
];

/// How the schema object says that its columns are read, where they do not say it themselves.
pub(crate) struct Defaults {
    pub(crate) nulls: BTreeSet<String>,
    pub(crate) trim: bool,
    pub(crate) number: number::NumberFormat,
    /// The format itself says how numbers are written.
    pub(crate) own_numbers: bool,
    pub(crate) locale: Locale,
}

/// A property that was read. Where something of it was reported, the rest stands in for it until the report is handed out.
pub(crate) struct Property<'a> {
    pub(crate) at: At<'a>,
    /// None: reported.
    pub(crate) kind: Option<ColumnType>,
    pub(crate) column: Column,
    pub(crate) rule: ColumnRule,
    /// Position in the primary key, where it is part of it.
    pub(crate) key: Option<Position<'a>>,
    /// Position among the partition's columns, where it is one.
    pub(crate) partition: Option<Position<'a>>,
    /// `fieldId`, where it is given.
    pub(crate) field_id: Option<At<'a>>,
    /// The watershed property.
    pub(crate) custom: Option<Map<'a>>,
    /// `transformLogic`.
    pub(crate) transform: Option<At<'a>>,
    /// It stands in the file.
    pub(crate) is_read: bool,
    /// Its quality rules.
    pub(crate) quality: Vec<At<'a>>,
    /// Of a struct or list what is in it.
    pub(crate) fields: Vec<Property<'a>>,
}

/// Place in an order, and where that is written; none: in the document's order.
pub(crate) struct Position<'a> {
    pub(crate) at: At<'a>,
    pub(crate) place: Option<i64>,
}

/// The property at `at`, which is number `index` of the table, or of the struct at `way`.
pub(crate) fn read<'a>(at: &At<'a>, owner: &str, way: &Way<'_>, index: usize) -> Option<Property<'a>> {
    let map = at.map()?;
    let name = map
        .need("name", "write name: the column's name")
        .and_then(|n| n.text())
        .unwrap_or_default();
    let map = if name.is_empty() {
        map
    } else {
        map.called(format!("{owner}.properties.{name}"))
    };
    check_name(&map, name);
    Some(of(at, &map, name, way, index))
}

/// The property `map`, whose name is known.
pub(crate) fn of<'a>(at: &At<'a>, map: &Map<'a>, name: &str, way: &Way<'_>, index: usize) -> Property<'a> {
    let defaults = way.defaults;
    let custom = map.custom();
    if let Some(custom) = &custom {
        custom.only(&[&KEYS[..], &number::KEYS, &formats::FIELD_KEYS, &units::KEYS].concat());
    }
    let options = map.get("logicalTypeOptions").and_then(|o| o.map());
    let typed = types::read(map, options.as_ref());
    let kind = typed.as_ref().map(|typed| typed.kind);
    let required = map.flag("required").unwrap_or(false);
    let key = position(map, "primaryKey", "primaryKeyPosition");
    if let (Some(key), false) = (&key, required) {
        key.at.error("a primary key that may be null", "write required: true");
    }
    check_unique(map, key.is_some());
    let partition = position(map, "partitioned", "partitionKeyPosition");
    let (unit, units) = units::read(custom.as_ref(), kind);
    let personal = if way.is_inside() {
        nested::personal(map, custom.as_ref())
    } else {
        personal::read(map, custom.as_ref(), kind, [key.as_ref(), partition.as_ref()])
    };
    let transform = map.get("transformLogic");
    let field_id = custom.as_ref().and_then(|c| c.get("fieldId"));
    let id = field_id
        .as_ref()
        .and_then(|id| read_id(id, name))
        .unwrap_or_else(|| way.default_id(name, index));
    let fields = kind.map_or_else(Vec::new, |kind| nested::read(map, kind, name, way));
    let searchable = searchable::read(custom.as_ref(), kind, &fields, personal, way.is_inside());
    let mut rule = rule(
        map,
        name,
        typed,
        options.as_ref(),
        custom.as_ref(),
        (required, defaults),
    );
    rule.number.units = units;
    rule.fields = fields.iter().map(|field| field.rule.clone()).collect();
    Property {
        at: at.clone(),
        kind,
        column: Column {
            id: i32::try_from(id).expect("bounded by MAX_FIELD_ID, or an added id"),
            name: name.into(),
            kind: kind.unwrap_or(ColumnType::String),
            fields: fields.iter().map(|field| field.column.clone()).collect(),
            required,
            doc: doc(map, unit),
            classification: map.text("classification").map(Into::into),
            tags: tags(map),
            searchable,
        },
        rule: ColumnRule {
            position: index,
            personal,
            ..rule
        },
        key,
        partition,
        field_id,
        is_read: computed::is_read(transform.as_ref(), custom.as_ref()),
        transform,
        quality: map.list("quality"),
        custom,
        fields,
    }
}

/// What it is, or else how it is made, and its unit.
fn doc(map: &Map<'_>, unit: Option<String>) -> Option<String> {
    let said = map.text("description").or_else(|| map.text("transformDescription"));
    let unit = unit.map(|unit| format!("[{unit}]"));
    let parts: Vec<String> = said.map(|text| text.trim().into()).into_iter().chain(unit).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// Below those of columns that sources add, or the one that this column had when a source added it.
fn read_id(at: &At<'_>, name: &str) -> Option<i64> {
    let added = i64::from(added_id(name));
    if at.is_spelled(&added.to_string()) {
        Some(added)
    } else {
        at.integer(1, MAX_FIELD_ID)
    }
}

fn check_name(map: &Map<'_>, name: &str) {
    if let Some(at) = map.get("name").filter(|_| !name.is_empty() && !is_identifier(name)) {
        let help = "write a-z, 0-9 and _, starting with a letter; the name in the file goes under watershed.source";
        at.error(format!("name {} is no column name", shown(name)), help);
    }
    if let Some(at) = map
        .get("physicalName")
        .filter(|at| at.is_text() && at.text() != Some(name))
    {
        at.error(
            "physicalName differs from name",
            "remove it: the column is called as name says; the name in the file goes under watershed.source",
        );
    }
}

fn check_unique(map: &Map<'_>, is_key: bool) {
    if let Some(at) = map.get("unique").filter(|_| !is_key)
        && at.flag() == Some(true)
    {
        let help = "make it the primary key, or write a quality rule (metric: duplicateValues, mustBe: 0)";
        at.error("unique is checked of a primary key only", help);
    }
}

/// A flag and its place in an order; -1 is the standard's word for none.
fn position<'a>(map: &Map<'a>, flag: &str, place: &str) -> Option<Position<'a>> {
    let place = map
        .get(place)
        .and_then(|at| Some((at.integer(-1, i64::from(i32::MAX))?, at)));
    let place = place.filter(|(n, _)| *n != -1);
    if let Some((0, at)) = &place {
        at.wrong("a position from 1");
    }
    if map.flag(flag) == Some(true) {
        let at = map.get(flag)?;
        return Some(Position {
            at,
            place: place.map(|(n, _)| n),
        });
    }
    if let Some((_, at)) = place {
        at.error(
            format!("{} without {flag}", at.name),
            format!("write {flag}: true, or remove it"),
        );
    }
    None
}

/// Tags; a comma would run into the next, because table properties hold them as one text.
pub(crate) fn tags(map: &Map<'_>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for at in map.list("tags") {
        match at.text() {
            Some(tag) if tag.contains(',') => at.error(format!("tag {}", shown(tag)), "write tags without comma"),
            Some(tag) if !found.iter().any(|known| known == tag) => found.push(tag.into()),
            _ => {}
        }
    }
    found
}

fn rule(
    map: &Map<'_>,
    name: &str,
    typed: Option<Typed>,
    options: Option<&Map<'_>>,
    custom: Option<&Map<'_>>,
    (required, defaults): (bool, &Defaults),
) -> ColumnRule {
    let kind = typed.as_ref().map(|typed| typed.kind);
    let trim = custom.and_then(|c| c.flag("trim")).unwrap_or(defaults.trim);
    let case = custom.and_then(|c| case(c, kind)).unwrap_or(Case::Keep);
    let temporal = temporal::read(kind, options, custom, defaults.locale);
    let source = custom.and_then(|c| c.text("source")).unwrap_or(name).to_string();
    let checks = typed
        .map(|typed| Reading {
            typed,
            case,
            zone: temporal.zone,
            required,
        })
        .map(|reading| bounds::read(&reading, map, options, custom))
        .unwrap_or_default();
    ColumnRule {
        source,
        literal: false,
        position: 0,
        personal: Personal::Keep,
        trim,
        nulls: custom
            .and_then(|c| nulls(c, trim))
            .unwrap_or_else(|| defaults.nulls.clone()),
        case,
        number: number(custom, kind, defaults),
        temporal,
        booleans: booleans(custom, kind),
        checks,
        computed: None,
        fields: Vec::new(),
    }
}

/// The rule of a column of text that says nothing itself.
pub(crate) fn rule_of_text(defaults: &Defaults) -> ColumnRule {
    ColumnRule {
        source: String::new(),
        literal: false,
        position: 0,
        personal: Personal::Keep,
        trim: defaults.trim,
        nulls: defaults.nulls.clone(),
        case: Case::Keep,
        number: number::NumberFormat::default(),
        temporal: TemporalFormat {
            patterns: Vec::new(),
            locale: Locale::default(),
            zone: None,
            epoch: None,
        },
        booleans: booleans(None, None),
        checks: Checks::default(),
        computed: None,
        fields: Vec::new(),
    }
}

fn number(custom: Option<&Map<'_>>, kind: Option<ColumnType>, defaults: &Defaults) -> number::NumberFormat {
    use ColumnType as T;
    let is_number = |kind| matches!(kind, T::Int | T::Long | T::Float | T::Double | T::Decimal { .. });
    let Some(custom) = custom else {
        return defaults.number.clone();
    };
    match kind {
        Some(kind) if !is_number(kind) => {
            custom.refuse(
                &number::KEYS,
                &format!("a column of type {kind} is no number: remove it"),
            );
            number::NumberFormat::default()
        }
        _ if defaults.own_numbers => {
            custom.refuse(&number::KEYS, number::JSON_HELP);
            number::NumberFormat::default()
        }
        _ => number::read(custom, &defaults.number),
    }
}

fn case(custom: &Map<'_>, kind: Option<ColumnType>) -> Option<Case> {
    let at = custom.get("case")?;
    if let Some(kind) = kind.filter(|kind| *kind != ColumnType::String) {
        at.error(
            "case does not apply",
            format!("a column of type {kind} has none: remove it"),
        );
        return None;
    }
    at.word(&[("keep", Case::Keep), ("upper", Case::Upper), ("lower", Case::Lower)])
}

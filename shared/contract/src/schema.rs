//! One schema object of a contract: a table and how its rows are read.

use crate::{
    age::Retention,
    aggregate, computed,
    dataset::{CsvFormat, Dataset, Format, LocationPattern, Personal},
    diagnostic::shown,
    dialect, drift, enrich,
    expectation::{self, Expectation},
    formats,
    nested::{self, Way},
    number, order,
    property::{self, Defaults, Property},
    reader::Map,
    retention::{self, Sla},
    rules, spellings,
    stream::{self, Source},
    temporal,
};
use std::collections::BTreeMap;
use watershed_lake::{
    PartitionField, TableName, TableSpec, layout::Zone, quarantine, table::is_identifier, table::properties,
};

/// Most columns of a table.
pub const MAX_COLUMNS: usize = 1_000;

/// Keys of the watershed property of a schema object.
const KEYS: [&str; 8] = [
    "database",
    "encoding",
    "nulls",
    "trim",
    "locale",
    "sort",
    "partition",
    "retention",
];

/// What the document says of all its schema objects.
pub(crate) struct Document {
    pub(crate) id: String,
    pub(crate) version: (u32, u32, u32),
    pub(crate) digest: String,
    pub(crate) domain: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) purpose: Option<String>,
}

/// What the server says of the objects, with the dialect's defaults.
pub(crate) type Wire = Format;

/// Where the rows come from, as the server says it.
pub(crate) enum Place {
    /// Objects of the raw zone.
    Objects(LocationPattern),
    /// The stream of that name.
    Stream(String),
    /// Other tables.
    Tables,
}

/// The dataset of the schema object `map`. `source` is none where it was reported. Complete only if nothing was reported.
pub(crate) fn read(
    map: &Map<'_>,
    (document, sla): (&Document, &Sla<'_>),
    id: String,
    source: Option<(Place, Wire)>,
) -> Option<Dataset> {
    let custom = map.custom();
    let custom = custom.as_ref();
    check_keys(map, custom);
    let (place, wire) = source.unzip();
    let known = wire.is_some();
    // Where the server was reported, the keys are read as CSV's, so that what is wrong with them is said at once.
    let wire = wire.unwrap_or_else(|| Format::Csv(CsvFormat::rfc4180(b',')));
    let (encoding, format) = (dialect::encoding(&wire, custom), dialect::format(&wire, map, custom));
    let defaults = defaults(custom, &format);
    let all = columns(map, &defaults);
    let hides = all.iter().any(|property| property.rule.is_private());
    let unknown = drift::read(custom, &format, &defaults, hides);
    let source_columns = all.iter().filter(|p| p.is_read).count();
    let (dropped, mut columns) = dropped(map, all);
    computed::read(&mut columns, &dropped);
    let read = known.then(|| formats::read(&format, map, custom, &columns));
    let format = read.unwrap_or(format);
    let (primary_key, quality) = (order::primary_key(&columns), rules::read(map, &columns, &dropped));
    let (partition, sort) = (order::partition(&columns, custom), order::sort(&columns, custom));
    let (retention, expectations) = promises((map, custom), sla, &columns, &partition);
    let streamed = matches!(place, Some(Place::Stream(_))).then(|| {
        stream::refuse((custom, &format), &columns, &unknown, &quality);
        stream::read(custom, &columns)
    });
    let is_made = matches!(place, Some(Place::Tables));
    if is_made {
        aggregate::refuse(map, custom, &columns, (hides, &quality));
    }
    let (names, rules) = columns.into_iter().map(|p| (p.column, p.rule)).unzip();
    let mut table = TableSpec {
        name: table_name(map, custom, document)?,
        zone: Zone::Preprocessed,
        columns: names,
        partition,
        sort,
        doc: doc(map, document),
        properties: table_properties(map, document, &id, &retention),
    };
    if is_made {
        aggregate::shape(&mut table, &primary_key);
    }
    let (source, quarantine) = source_of(map, custom, (place, streamed), &table)?;
    Some(Dataset {
        id,
        version: document.version,
        digest: document.digest.clone(),
        source,
        format,
        encoding,
        columns: rules,
        source_columns,
        dropped: dropped.into_iter().map(|p| p.rule.source).collect(),
        quality: quality.into_iter().map(|(_, rule)| rule).collect(),
        expectations,
        unknown,
        primary_key,
        retention,
        table,
        quarantine,
        enrichment: None,
        aggregation: None,
    })
}

/// How long rows and files are kept, and what is promised of the table.
fn promises(
    (map, custom): (&Map<'_>, Option<&Map<'_>>),
    sla: &Sla<'_>,
    columns: &[Property<'_>],
    partition: &[PartitionField],
) -> (Retention, Vec<Expectation>) {
    let retention = retention::read((map, custom), sla, columns, partition);
    (retention, expectation::read(map, sla, columns))
}

/// Where the rows come from, and the table of those that are refused; none where one was reported.
fn source_of(
    map: &Map<'_>,
    custom: Option<&Map<'_>>,
    (place, streamed): (Option<Place>, Option<stream::Declared<'_>>),
    table: &TableSpec,
) -> Option<(Source, TableSpec)> {
    let spec = if streamed.is_some() {
        quarantine::of_stream
    } else {
        quarantine::spec
    };
    let quarantine = spec(table)
        .inspect_err(|_| map.error("a name too long for the quarantine table", "write a shorter name"))
        .ok()?;
    let source = match (place?, streamed) {
        (Place::Stream(name), Some(declared)) => declared.stream(name, table, map)?,
        (Place::Stream(_), None) => return None,
        (Place::Tables, _) => Source::Tables,
        (Place::Objects(location), _) => {
            if let Some(custom) = custom {
                custom.refuse(&stream::KEYS, "only a server: stream of type kinesis has it: remove it");
            }
            Source::Objects(location)
        }
    };
    Some((source, quarantine))
}

fn check_keys(map: &Map<'_>, custom: Option<&Map<'_>>) {
    if let Some(custom) = custom {
        let known = [
            &KEYS[..],
            &dialect::KEYS,
            &formats::KEYS,
            &number::KEYS,
            &drift::KEYS,
            &enrich::KEYS,
            &stream::KEYS,
            &aggregate::KEYS,
        ];
        custom.only(&known.concat());
    }
    check_type(map);
}

fn doc(map: &Map<'_>, document: &Document) -> Option<String> {
    let own = map.text("description").map(|text| text.trim().into());
    own.or_else(|| document.purpose.clone())
}

/// The columns that are dropped, and those that are not.
fn dropped<'a>(map: &Map<'_>, all: Vec<Property<'a>>) -> (Vec<Property<'a>>, Vec<Property<'a>>) {
    let (dropped, columns): (Vec<_>, Vec<_>) = all.into_iter().partition(|p| p.rule.personal == Personal::Drop);
    if columns.is_empty() && !dropped.is_empty() {
        map.error("every column is dropped", "write personal: hash or redact of one");
    }
    (dropped, columns)
}

fn check_type(map: &Map<'_>) {
    if let Some(at) = map
        .get("logicalType")
        .filter(|at| at.is_text() && at.text() != Some("object"))
    {
        at.wrong("logicalType: object, or nothing");
    }
}

fn table_properties(map: &Map<'_>, document: &Document, id: &str, retention: &Retention) -> BTreeMap<String, String> {
    let mut tags = document.tags.clone();
    tags.extend(
        property::tags(map)
            .into_iter()
            .filter(|tag| !document.tags.contains(tag)),
    );
    let (major, minor, patch) = document.version;
    let mut all = vec![
        (properties::CONTRACT, id.to_string()),
        (properties::CONTRACT_VERSION, format!("{major}.{minor}.{patch}")),
        (properties::ROLE, "data".into()),
    ];
    all.extend(document.domain.clone().map(|domain| (properties::DOMAIN, domain)));
    let snapshots_ms = retention.snapshots_ms.map(|ms| ms.to_string());
    all.extend(snapshots_ms.map(|ms| (properties::MAX_SNAPSHOT_AGE, ms)));
    all.extend((!tags.is_empty()).then(|| (properties::TAGS, tags.join(","))));
    all.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
}

fn table_name(map: &Map<'_>, custom: Option<&Map<'_>>, document: &Document) -> Option<TableName> {
    const HELP: &str = "write a-z, 0-9 and _, starting with a letter";
    let name = map.get("physicalName").or_else(|| map.get("name"))?;
    let table = name.text()?;
    if !is_identifier(table) {
        name.error(format!("{} {} is no table name", name.name, shown(table)), HELP);
    }
    let database = match (custom.and_then(|c| c.get("database")), &document.domain) {
        (Some(at), _) => {
            let database = at.text()?;
            if !is_identifier(database) {
                at.error(format!("database {} is no database name", shown(database)), HELP);
            }
            database.to_string()
        }
        (None, Some(domain)) if is_identifier(domain) => domain.clone(),
        (None, _) => {
            map.error(
                "no database",
                "write database: name in the watershed property; a domain of a-z, 0-9 and _ does as well",
            );
            return None;
        }
    };
    TableName::new(&database, table).ok()
}

/// Every property, and what is to say of them together.
fn columns<'a>(map: &Map<'a>, defaults: &Defaults) -> Vec<Property<'a>> {
    let Some(list) = map.need("properties", "write properties: a list of columns") else {
        return Vec::new();
    };
    let items = list.list();
    if items.is_empty() || items.len() > MAX_COLUMNS {
        list.error(
            format!("{} properties", items.len()),
            format!("write 1 to {MAX_COLUMNS}"),
        );
    }
    let way = Way::table(defaults);
    let read = |(index, at)| property::read(at, &map.path, &way, index);
    let mut columns: Vec<_> = items.iter().take(MAX_COLUMNS).enumerate().filter_map(read).collect();
    for (position, column) in columns.iter_mut().filter(|column| column.is_read).enumerate() {
        column.rule.position = position;
    }
    nested::distinct(&columns, "column");
    nested::check_all(&columns);
    for column in &columns {
        if let Some(hidden) = columns.iter().find(|other| holds_hidden(column, other)) {
            let message = format!(
                "source {} shows {}, which is hidden",
                shown(&column.rule.source),
                shown(&hidden.rule.source)
            );
            column.at.error(
                message,
                "write the paths of what may be shown, or hash, redact or drop this column too",
            );
        }
    }
    columns
}

/// Whether the column, which is shown, is a JSON value that the other, which is not, lies in; or lies in the other.
fn holds_hidden(column: &Property<'_>, other: &Property<'_>) -> bool {
    let lies_in = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|path| path.starts_with(['.', '[']))
    };
    let (column_source, other_source) = (&column.rule.source, &other.rule.source);
    column.is_read
        && !column.rule.is_private()
        && other.rule.is_private()
        && (lies_in(other_source, column_source) || lies_in(column_source, other_source))
}

fn defaults(custom: Option<&Map<'_>>, format: &Format) -> Defaults {
    let trim = custom.and_then(|c| c.flag("trim")).unwrap_or(true);
    let own_numbers = matches!(format, Format::NdJson | Format::JsonArray { .. });
    let number = match custom {
        Some(custom) if own_numbers => {
            custom.refuse(&number::KEYS, number::JSON_HELP);
            number::NumberFormat::default()
        }
        Some(custom) => number::read(custom, &number::NumberFormat::default()),
        None => number::NumberFormat::default(),
    };
    Defaults {
        nulls: custom.and_then(|c| spellings::nulls(c, trim)).unwrap_or_default(),
        trim,
        number,
        own_numbers,
        locale: custom
            .and_then(temporal::locale)
            .map_or_else(Default::default, |(_, locale)| locale),
    }
}

//! A contract document: what it says of itself, its server, its schema objects.

use crate::{
    aggregate,
    dataset::{CsvFormat, Dataset, FixedFormat, Format, RaggedEnds, XmlFormat},
    diagnostic::{Errors, Report, shown},
    dialect::one_byte,
    enrich, location, property,
    reader::{At, Map},
    retention::Sla,
    schema::{self, Document, Place, Wire},
    stream,
    yaml::{self, Position},
};
use watershed_lake::layout::Digest;

/// Most schema objects of a contract.
pub const MAX_SCHEMAS: usize = 100;
/// Longest contract id, in bytes.
pub const MAX_ID_BYTES: usize = 200;
/// Largest part of a version: [`watershed_lake::SourceOrder`] keeps six digits.
pub const MAX_VERSION_PART: u32 = 999_999;

/// A dataset, where its schema object stands, and what is to be looked up in others.
pub(crate) struct Located {
    pub(crate) dataset: Dataset,
    pub(crate) position: Position,
    pub(crate) enrich: Option<enrich::Declared>,
    pub(crate) aggregate: Option<aggregate::Declared>,
}

/// The datasets of a contract, or everything that is wrong with it by itself.
pub(crate) fn read(file_name: &str, text: &str) -> Result<Vec<Located>, Errors> {
    let report = Report::new(file_name);
    let datasets = yaml::read(text.strip_prefix('\u{feff}').unwrap_or(text), &report).and_then(|root| {
        At::root(&root, &report)
            .map()
            .and_then(|map| datasets(&map, text, &report))
    });
    report.result(datasets)
}

/// None, or incomplete, where something was reported.
fn datasets(root: &Map<'_>, text: &str, report: &Report) -> Option<Vec<Located>> {
    let document = document(root, text);
    let objects = root.need("schema", "write schema: a list of tables");
    let items = objects.as_ref().map(At::list).unwrap_or_default();
    // Rows of aggregates come from no server.
    let server = if !items.is_empty() && items.iter().all(is_made) {
        None
    } else {
        server(root)
    };
    if let Some(at) = objects.filter(|_| items.is_empty() || items.len() > MAX_SCHEMAS) {
        at.error(
            format!("{} schema objects", items.len()),
            format!("write 1 to {MAX_SCHEMAS}"),
        );
    }
    let names: Vec<&str> = items.iter().filter_map(name_of).collect();
    let sla = Sla::read(root, &names);
    let mut found = Vec::new();
    for item in items.iter().take(MAX_SCHEMAS) {
        let Some(map) = item.map() else { continue };
        let name = map
            .need("name", "write name: the table's name")
            .and_then(|n| n.text())
            .unwrap_or_default();
        let map = if name.is_empty() {
            map
        } else {
            map.called(format!("schema.{name}"))
        };
        let id = if items.len() == 1 {
            document.id.clone()
        } else {
            format!("{}/{name}", document.id)
        };
        let custom = map.custom();
        let source = if is_made(item) {
            Some((Place::Tables, Format::Parquet))
        } else {
            server.as_ref().and_then(|server| {
                let place = server.place(name, items.len());
                Some((place?, server.wire.clone()?))
            })
        };
        let (enrich, aggregate) = (enrich::read(custom.as_ref()), aggregate::read(custom.as_ref()));
        let dataset = schema::read(&map, (&document, &sla), id, source);
        found.extend(dataset.map(|dataset| Located {
            dataset,
            position: map.position,
            enrich,
            aggregate,
        }));
    }
    // What was reported is enough of an answer; a dataset may be missing for nothing else.
    (report.count() > 0 || found.len() == items.len()).then_some(found)
}

/// The name of a schema object, where it has one that is right.
fn name_of<'a>(item: &At<'a>) -> Option<&'a str> {
    let name = item.is_map().then(|| item.map()?.get("name")).flatten()?;
    name.is_text().then(|| name.text()).flatten()
}

/// Whether the rows of a schema object are made of other tables.
fn is_made(item: &At<'_>) -> bool {
    let custom = item.is_map().then(|| item.map()?.custom()).flatten();
    custom.is_some_and(|custom| custom.get("aggregate").is_some())
}

fn document(root: &Map<'_>, text: &str) -> Document {
    let mut digest = Digest::new();
    digest.part(text.as_bytes());
    if let Some(at) = root.need("kind", "write kind: DataContract") {
        at.word(&[("DataContract", ())]);
    }
    if let Some(at) = root.need("apiVersion", "write apiVersion: v3.1.0") {
        at.word(&[("v3.1.0", ()), ("v3.0.2", ()), ("v3.0.1", ()), ("v3.0.0", ())]);
    }
    if let Some(at) = root.need("status", "write status: active") {
        at.text();
    }
    if root.custom().is_some() {
        root.error(
            "custom property watershed at the top",
            "write it in a schema object or a property",
        );
    }
    let description = root.get("description").and_then(|at| at.map());
    let purpose = description
        .and_then(|d| d.text("purpose"))
        .map(|text| text.trim().to_string());
    Document {
        id: id(root).unwrap_or_default(),
        version: version(root).unwrap_or_default(),
        digest: digest.hex(),
        domain: root.text("domain").map(Into::into),
        tags: property::tags(root),
        purpose,
    }
}

fn id(root: &Map<'_>) -> Option<String> {
    let at = root.need("id", "write id: a name that no other contract has")?;
    let text = at.text()?;
    if text.is_empty() || text.len() > MAX_ID_BYTES || !text.bytes().all(|b| b.is_ascii_graphic()) {
        at.error(
            format!("id {}", shown(text)),
            format!("write 1 to {MAX_ID_BYTES} ASCII characters without space"),
        );
        return None;
    }
    Some(text.into())
}

fn version(root: &Map<'_>) -> Option<(u32, u32, u32)> {
    let at = root.need("version", "write version: 1.0.0")?;
    let text = at.spelling()?;
    let part = |text: &str| {
        let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        text.parse::<u32>().ok().filter(|n| plain && *n <= MAX_VERSION_PART)
    };
    let parts: Option<Vec<u32>> = text.split('.').map(part).collect();
    let Some(&[major, minor, patch]) = parts.as_deref() else {
        let help = format!("write MAJOR.MINOR.PATCH (semver.org), each at most {MAX_VERSION_PART}: 1.0.0");
        at.error(format!("version {}", shown(text)), help);
        return None;
    };
    Some((major, minor, patch))
}

/// The server that is read.
struct Server<'a> {
    /// Its location, or the name of its stream.
    at: At<'a>,
    is_stream: bool,
    /// None: reported.
    wire: Option<Wire>,
}

impl Server<'_> {
    /// Where the rows of the schema object `model`, one of so many, come from; none: reported.
    fn place(&self, model: &str, datasets: usize) -> Option<Place> {
        if self.is_stream {
            stream::check_name(&self.at, datasets).map(Place::Stream)
        } else {
            location::read(&self.at, model, datasets).map(Place::Objects)
        }
    }
}

/// The server that stands for the raw zone, or the stream.
fn server<'a>(root: &Map<'a>) -> Option<Server<'a>> {
    const HELP: &str = "write a server: raw of type: s3 with location: s3://{raw}/folder/*.csv and format: csv; or a server: stream of type: kinesis with stream: its name and format: json";
    let servers = root.need("servers", HELP)?;
    let is =
        |map: &Map<'_>, key: &str, word: &str| map.get(key).is_some_and(|at| at.is_text() && at.text() == Some(word));
    let maps: Vec<Map<'a>> = servers.list().iter().filter_map(At::map).collect();
    let is_stream = |map: &Map<'_>| is(map, "server", "stream") && is(map, "type", "kinesis");
    let is_read = |map: &&Map<'_>| is(map, "server", "raw") || is_stream(map);
    let read: Vec<&Map<'a>> = maps.iter().filter(is_read).collect();
    let map = match read[..] {
        [map] => map.clone(),
        [_, second, ..] => {
            let name = if is_stream(second) { "stream" } else { "raw" };
            second.error(
                format!("a second server that is read, {name}"),
                "remove one: rows come from objects or from a stream",
            );
            return None;
        }
        [] => {
            servers.error("no server raw", HELP);
            return None;
        }
    };
    if is_stream(&map) {
        let map = map.called("servers.stream".into());
        let wire = stream_wire(&map);
        let at = map.need("stream", "write stream: the name of the Kinesis stream")?;
        return Some(Server {
            at,
            is_stream: true,
            wire,
        });
    }
    let map = map.called("servers.raw".into());
    if !is(&map, "type", "s3") {
        map.error("not of type s3", "write type: s3");
    }
    let wire = wire(&map);
    let at = map.need("location", "write location: s3://{raw}/folder/*.csv")?;
    Some(Server {
        at,
        is_stream: false,
        wire,
    })
}

/// What a record of a stream is.
fn stream_wire(server: &Map<'_>) -> Option<Wire> {
    let format = server.need("format", "write format: json or csv")?;
    if format.word(&[("json", true), ("csv", false)])? {
        server.refuse(&["delimiter"], "a record is one JSON object: remove it");
        return Some(Format::NdJson);
    }
    Some(Format::Csv(CsvFormat {
        header: false,
        ..CsvFormat::rfc4180(csv_delimiter(server)?)
    }))
}

fn csv_delimiter(server: &Map<'_>) -> Option<u8> {
    let expected = "one ASCII character, other than a quote; \"\\t\" is a tab";
    server.get("delimiter").map_or(Some(b','), |at| one_byte(&at, expected))
}

fn wire(server: &Map<'_>) -> Option<Wire> {
    let format = server.need("format", "write format: csv, json, xml, fixed or parquet")?;
    let delimiter = server.get("delimiter");
    let words = [
        ("csv", 'c'),
        ("json", 'j'),
        ("xml", 'x'),
        ("fixed", 'f'),
        ("parquet", 'p'),
    ];
    match format.word(&words)? {
        'c' => Some(Format::Csv(CsvFormat::rfc4180(csv_delimiter(server)?))),
        'j' => {
            let words = [("new_line", false), ("newline_delimited", false), ("array", true)];
            let array = delimiter.map_or(Some(false), |at| at.word(&words))?;
            let records = Vec::new();
            Some(if array {
                Format::JsonArray { records }
            } else {
                Format::NdJson
            })
        }
        other => {
            server.refuse(&["delimiter"], "this format has none: remove it");
            Some(match other {
                'x' => Format::Xml(XmlFormat::default()),
                'f' => Format::Fixed(FixedFormat {
                    columns: Vec::new(),
                    ragged_ends: RaggedEnds::Refuse,
                }),
                _ => Format::Parquet,
            })
        }
    }
}

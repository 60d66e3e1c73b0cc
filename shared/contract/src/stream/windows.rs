//! `windows`: how event time is cut, by which key, what is worked out, and what is watched.

use super::{Detect, OutputColumn, Window, aggregates, detectors};
use crate::{
    diagnostic::{one_of, shown},
    duration, order,
    property::Property,
    reader::{At, Map},
};
use std::sync::Arc;
use watershed_lake::{
    Column, ColumnType, TableSpec,
    layout::Digest,
    table::is_identifier,
    windows::{reserved, spec},
};
use watershed_stream::{Bounds, MAX_KEYS, MAX_STATE_BYTES, MIN_PERIOD_MS, MIN_STATE_BYTES, Spec, Timing, WindowSpec};

/// Kinds of windows of a stream: each has a state of its own.
pub const MAX_WINDOWS: usize = 16;
/// Columns of a window's key.
pub const MAX_KEY_COLUMNS: usize = 8;
/// Keys that a window's state holds, unless the contract says something else.
pub const DEFAULT_STATE_KEYS: usize = 100_000;
/// Bytes that a window's state holds, unless the contract says something else.
pub const DEFAULT_STATE_BYTES: usize = 64 << 20;

const KEYS: [&str; 11] = [
    "name",
    "key",
    "size",
    "slide",
    "offset",
    "gap",
    "max",
    "early",
    "aggregates",
    "detect",
    "bounds",
];
/// Tables that stand beside that of the dataset whatever its windows are.
const TAKEN: [&str; 3] = ["quarantine", "late", "anomalies"];

/// A window, before there is a table.
pub(super) struct Declared<'a> {
    at: Map<'a>,
    name: String,
    key: Vec<usize>,
    inputs: Vec<usize>,
    spec: Arc<Spec>,
    outputs: Vec<OutputColumn>,
    columns: Vec<Column>,
    detectors: Vec<Detect>,
}

impl Declared<'_> {
    pub(super) fn is_watched(&self) -> bool {
        !self.detectors.is_empty()
    }

    /// None, and a report, where the table cannot be called so.
    pub(super) fn with_table(self, data: &TableSpec, event_time: Option<usize>) -> Option<Window> {
        let key: Vec<&Column> = self.key.iter().map(|index| &data.columns[*index]).collect();
        let digest = self.digest(data, event_time);
        let table = spec(data, &self.name, &key, self.columns);
        let table = table.inspect_err(|_| self.at.error("a name too long for its table", "write a shorter name"));
        Some(Window {
            digest,
            table: table.ok()?,
            name: self.name,
            key: self.key,
            inputs: self.inputs,
            spec: self.spec,
            outputs: self.outputs,
            detectors: self.detectors,
        })
    }
}

impl Declared<'_> {
    fn digest(&self, data: &TableSpec, event_time: Option<usize>) -> String {
        let mut digest = Digest::new();
        digest.part(&self.spec.fingerprint().to_le_bytes());
        for columns in [event_time.as_slice(), &self.key, &self.inputs] {
            digest.part(&(columns.len() as u64).to_le_bytes());
            for column in columns.iter().map(|index| &data.columns[*index]) {
                digest.part(column.name.as_bytes());
                digest.part(column.kind.to_string().as_bytes());
            }
        }
        digest.hex()
    }
}

/// The windows of the watershed property. Where something of one was reported, it is left out.
pub(super) fn read<'a>(custom: &Map<'a>, columns: &[Property<'a>], timing: Timing) -> Vec<Declared<'a>> {
    let items = custom.list("windows");
    if let Some(at) = items.get(MAX_WINDOWS) {
        at.error(
            format!("{} windows", items.len()),
            format!("write at most {MAX_WINDOWS}"),
        );
    }
    let mut names = Vec::new();
    let mut found = Vec::new();
    for map in items.iter().take(MAX_WINDOWS).filter_map(At::map) {
        let Some(name) = map
            .need("name", "write name: that of its table, behind the dataset's")
            .and_then(|at| name(&at, &names))
        else {
            continue;
        };
        let map = map.called(format!("{}.windows.{name}", custom.path));
        names.push(name.clone());
        found.extend(window(map, name, columns, timing));
    }
    found
}

fn name(at: &At<'_>, names: &[String]) -> Option<String> {
    let name = at.text()?;
    if !is_identifier(name) || TAKEN.contains(&name) {
        let help = format!(
            "write a-z, 0-9 and _, starting with a letter, and none of {}",
            TAKEN.join(", ")
        );
        at.error(format!("a window named {}", shown(name)), help);
        return None;
    }
    if names.iter().any(|other| other == name) {
        at.error(format!("a second window {}", shown(name)), "write another name");
    }
    Some(name.into())
}

fn window<'a>(map: Map<'a>, name: String, columns: &[Property<'a>], timing: Timing) -> Option<Declared<'a>> {
    map.only(&KEYS);
    let key = key(&map, columns);
    let shape = shape(&map);
    let early = map.get("early").map(|at| duration::read(&at, MIN_PERIOD_MS));
    let bounds = bounds(&map, shape);
    let read = aggregates::read(&map, columns);
    let detectors = detectors::read(&map, &read);
    distinct(&map, &key, columns, &read.columns);
    let timing = Timing {
        early_ms: early.flatten(),
        ..timing
    };
    if read.aggregates.is_empty() {
        return None;
    }
    // What is left to be wrong is how sizes go together.
    let spec = Spec::new(shape?, timing, read.input_types, &read.aggregates, bounds);
    let spec = spec.map_err(|wrong| {
        for text in &wrong.0 {
            let (message, help) = text.rsplit_once(": ").unwrap_or((text, "write others"));
            map.error(message, help);
        }
    });
    Some(Declared {
        spec: Arc::new(spec.ok()?),
        at: map,
        name,
        key,
        inputs: read.inputs,
        outputs: read.outputs,
        columns: read.columns,
        detectors,
    })
}

/// The column that is named.
pub(super) fn column(at: &At<'_>, columns: &[Property<'_>]) -> Option<usize> {
    let name = at.text()?;
    let found = columns.iter().position(|column| column.column.name == name);
    if found.is_none() {
        let names: Vec<&str> = columns.iter().map(|column| column.column.name.as_str()).collect();
        at.error(format!("no column {}", shown(name)), one_of(name, &names));
    }
    found
}

fn key(map: &Map<'_>, columns: &[Property<'_>]) -> Vec<usize> {
    let items = map.list("key");
    if let Some(at) = items.get(MAX_KEY_COLUMNS) {
        at.error(
            format!("a key of {} columns", items.len()),
            format!("write at most {MAX_KEY_COLUMNS}"),
        );
    }
    let mut key = Vec::new();
    for at in &items {
        let Some(index) = column(at, columns) else { continue };
        let Property { kind, column, .. } = &columns[index];
        match kind {
            Some(ColumnType::Float | ColumnType::Double) => at.error(
                format!("a key of {}, which is of type {}", column.name, column.kind),
                "write physicalType DECIMAL(p,s), or another column",
            ),
            Some(kind) if kind.is_nested() => {
                at.error(format!("a key of {}, which is a {kind}", column.name), order::FLATTEN);
            }
            _ => {}
        }
        if key.contains(&index) {
            at.error(
                format!("{} a second time", column.name),
                "write each column of the key once",
            );
        } else {
            key.push(index);
        }
    }
    key
}

fn shape(map: &Map<'_>) -> Option<WindowSpec> {
    match (map.get("size"), map.get("gap")) {
        (Some(size), None) => {
            map.refuse(&["max"], "only a window with a gap has it: remove it");
            grid(map, duration::read(&size, MIN_PERIOD_MS)?)
        }
        (None, Some(gap)) => {
            map.refuse(&["slide", "offset"], "only a window with a size has it: remove it");
            let max = map.need("max", "write max: 4h, from the first record of a session to its last");
            let (gap_ms, max_ms) = (
                duration::read(&gap, MIN_PERIOD_MS),
                max.map(|at| duration::read(&at, MIN_PERIOD_MS)),
            );
            Some(WindowSpec::Session {
                gap_ms: gap_ms?,
                max_ms: max_ms??,
            })
        }
        _ => {
            map.error(
                "a window that has not just one of size and gap",
                "write size: 1h for windows of one length, or gap: 30m and max: 4h for sessions",
            );
            None
        }
    }
}

fn grid(map: &Map<'_>, size_ms: i64) -> Option<WindowSpec> {
    let offset = map.get("offset").map(|at| duration::read(&at, 0));
    let slide = map.get("slide").map(|at| (duration::read(&at, MIN_PERIOD_MS), at));
    let offset_ms = offset.unwrap_or(Some(0))?;
    let Some((slide_ms, at)) = slide else {
        return Some(WindowSpec::Tumbling { size_ms, offset_ms });
    };
    let slide_ms = slide_ms?;
    if slide_ms > size_ms {
        at.error(
            "a slide longer than the size leaves records between windows out",
            "write a slide of the size or less",
        );
        return None;
    }
    Some(WindowSpec::Hopping {
        size_ms,
        slide_ms,
        offset_ms,
    })
}

fn bounds(map: &Map<'_>, shape: Option<WindowSpec>) -> Bounds {
    let most = shape.and_then(WindowSpec::most_keys).unwrap_or(MAX_KEYS);
    let mut bounds = Bounds {
        keys: DEFAULT_STATE_KEYS.min(most),
        bytes: DEFAULT_STATE_BYTES,
    };
    let Some(map) = map.get("bounds").and_then(|at| at.map()) else {
        return bounds;
    };
    map.only(&["keys", "bytes"]);
    let read = |key: &str, least: usize, most: usize| {
        let found = map.get(key)?.integer(least as i64, most as i64)?;
        usize::try_from(found).ok()
    };
    bounds.keys = read("keys", 1, MAX_KEYS).unwrap_or(bounds.keys);
    bounds.bytes = read("bytes", MIN_STATE_BYTES, MAX_STATE_BYTES).unwrap_or(bounds.bytes);
    bounds
}

/// Every column of the table has its own name and field id.
fn distinct(map: &Map<'_>, key: &[usize], columns: &[Property<'_>], outputs: &[Column]) {
    let taken: Vec<&str> = reserved().collect();
    let mut names = taken.clone();
    let key = key.iter().map(|index| columns[*index].column.name.as_str());
    for name in key.chain(outputs.iter().map(|output| output.name.as_str())) {
        if names.contains(&name) {
            let help = format!("write another name; every window has {} already", taken.join(", "));
            map.error(format!("a second column {}", shown(name)), help);
            return;
        }
        names.push(name);
    }
    let mut ids: Vec<i32> = outputs.iter().flat_map(Column::all).map(|column| column.id).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        map.error(
            "two aggregates whose names make one field id",
            "write another name of one",
        );
    }
}

//! `detect` of a window: which of its columns are watched for anomalies, and how.

use super::{Detect, aggregates};
use crate::{
    diagnostic::{one_of, shown},
    reader::{At, Map},
};
use watershed_anomaly::{Setting, Settings};

/// Columns of a window that are watched.
pub const MAX_DETECTORS: usize = 16;

/// What is watched of a window with these aggregates.
pub(super) fn read(map: &Map<'_>, read: &aggregates::Read) -> Vec<Detect> {
    let items = map.list("detect");
    if let Some(at) = items.get(MAX_DETECTORS) {
        at.error(
            format!("{} columns to be watched", items.len()),
            format!("write at most {MAX_DETECTORS}"),
        );
    }
    let mut found: Vec<Detect> = Vec::new();
    for map in items.iter().filter_map(At::map) {
        let at = map.need("column", "write column: the name of an aggregate that is a number");
        let settings = settings(&map);
        let Some(output) = at.as_ref().and_then(|at| watched(at, read)) else {
            continue;
        };
        if found.iter().any(|other| other.output == output) {
            map.error("a column that is watched twice", "write it once");
        }
        found.push(Detect { output, settings });
    }
    found
}

fn watched(at: &At<'_>, read: &aggregates::Read) -> Option<usize> {
    let name = at.text()?;
    let numbers: Vec<&str> = read
        .columns
        .iter()
        .filter(|column| column.kind.is_number())
        .map(|column| column.name.as_str())
        .collect();
    if !numbers.contains(&name) {
        let help = match numbers[..] {
            [] => "write an aggregate that is a number".into(),
            _ => one_of(name, &numbers),
        };
        at.error(format!("no aggregate {} that is a number", shown(name)), help);
        return None;
    }
    read.columns.iter().position(|column| column.name == name)
}

/// The settings of the detector are called as they are there, in this language's spelling: `alarm_score` is `alarmScore`.
fn settings(map: &Map<'_>) -> Settings {
    let keys: Vec<(String, Setting)> = Settings::ALL
        .iter()
        .map(|setting| (spelled(setting.name), *setting))
        .collect();
    let known: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
    map.only(&[&["column"], &known[..]].concat());
    let mut settings = Settings::default();
    for (key, Setting { name, low, high, .. }) in &keys {
        let Some(at) = map.get(key) else { continue };
        let value = at.number().and_then(|text| text.parse::<f64>().ok());
        match value {
            Some(value) if (*low..=*high).contains(&value) => {
                *settings.get_mut(name).expect("a setting that is listed") = value;
            }
            Some(_) => at.wrong(&format!("a number from {low} to {high}")),
            None => {}
        }
    }
    settings
}

fn spelled(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_string();
    words.fold(first, |text, word| {
        let (head, tail) = word.split_at(1);
        text + &head.to_uppercase() + tail
    })
}

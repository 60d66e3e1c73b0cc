//! Erasure: the rows with a key go from a dataset's table, and from the enriched one, which follows it.
//!
//! Who asks is not done when rows were rewritten: files may have been packed or replaced meanwhile. So the tables are looked at again and again,
//! until no file that lives has such a row; only then the message is done with. What was before is in snapshots until those expire, and in files
//! until these are swept after that: a record ([`Erased`]) lets `housekeep` look for when that is over.
//!
//! **What this is not.** The bucket keeps versions of what was swept for a while. Raw objects have them still, and bring them back when they are ingested again: what the sources are
//! stands in the log. Refused rows in quarantine, late rows, windows and records in a stream are not looked at. Where a column is hashed, the value is
//! to be given as the table has it.

use crate::{
    Compact, Ports,
    key::{Key, Matcher},
    message::Unit,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use watershed_lake::{
    LakeLocation, TableName, TableSpec,
    erasure::{CleanTable, Erased},
    layout::{digest_in_path, digest_prefix},
};
use watershed_ops::{Invocation, Level, Unit as Of};
use watershed_ports::PortError;
use watershed_table::{
    current::{Current, LiveFile},
    object,
};

/// Seconds between two looks at whether all is gone.
pub const LOOK_AGAIN_S: u32 = 60;
/// Looks after which rows that are there still are a fault: some hours, in which everything that is under way is done.
pub const MAX_LOOKS: u32 = 240;
/// Names of sources that one line of the log has.
const MAX_SOURCES_TOLD: usize = 100;

/// "Of this dataset, no row shall have that key."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// The dataset's table.
    pub dataset: TableName,
    /// Columns and values.
    pub key: Key,
    /// What who asks calls it, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// The same as a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// What is asked for.
    pub erase: Erasure,
    /// How often was looked.
    #[serde(default)]
    pub looks: u32,
}

/// Files of one table that have such rows.
struct Holding {
    name: TableName,
    table: Current,
    files: Vec<LiveFile>,
}

/// Looks at the dataset's tables, asks for every file to be rewritten that has such rows, and for the next look.
pub async fn erase(compact: &Compact, invocation: &mut Invocation, ask: &Ask) -> Result<(), PortError> {
    let Erasure {
        dataset: name,
        key,
        request,
    } = &ask.erase;
    let (dataset, spec) = compact.spec(name)?;
    if dataset.table.name != *name {
        let what = format!("{name} is no dataset's own table: name {}", dataset.table.name);
        return Err(PortError::fault(what));
    }
    let ports = compact.ports().await;
    let of_dataset = holding(ports, spec, key).await?;
    let enriched = match &dataset.enrichment {
        Some(enrichment) => holding(ports, &enrichment.table, key).await?,
        None => None,
    };
    let count = |held: &Option<Holding>| held.as_ref().map_or(0, |held| held.files.len());
    let left = count(&of_dataset) + count(&enriched);
    let columns: Vec<String> = key.0.keys().cloned().collect();
    let fields = json!({"table": name, "request": request, "columns": columns, "looks": ask.looks, "files": count(&of_dataset), "enriched_files": count(&enriched)});
    if left == 0 {
        let clean = |held: Holding| {
            Some(CleanTable {
                table: held.name,
                made_ms: held.table.made_ms()?,
            })
        };
        let erased = Erased {
            request: request.clone(),
            dataset: name.clone(),
            columns,
            tables: of_dataset.into_iter().chain(enriched).filter_map(clean).collect(),
            gone_ms: None,
        };
        remember(compact, ports, &erased).await?;
        invocation.log(Level::Info, "erased", fields);
        invocation.metric("KeysErased", Of::Count, 1.0);
        return Ok(());
    }
    invocation.log(Level::Info, "erasing", fields);
    if let Some(held) = of_dataset {
        ask_for(ports, invocation, name, key, &held).await?;
    }
    if ask.looks >= MAX_LOOKS {
        let what = format!(
            "{name}: after {MAX_LOOKS} looks {left} files have rows with the key still; what rewrites them fails"
        );
        return Err(PortError::fault(what));
    }
    let next = Ask {
        looks: ask.looks + 1,
        ..ask.clone()
    };
    let body = serde_json::to_string(&next).expect("texts and numbers are JSON");
    ports.own.send_after(body, LOOK_AGAIN_S).await
}

/// Where there are tables, there are snapshots of before.
async fn remember(compact: &Compact, ports: &Ports, erased: &Erased) -> Result<(), PortError> {
    if erased.tables.is_empty() {
        return Ok(());
    }
    let uri = LakeLocation::bucket(&compact.config.lake_bucket).open_erasure(erased);
    let body = serde_json::to_vec(erased).expect("texts and numbers are JSON");
    object::put(&*ports.store, &uri, body.into()).await
}

/// None: there is no such table.
async fn holding(ports: &Ports, spec: &TableSpec, key: &Key) -> Result<Option<Holding>, PortError> {
    let store = &*ports.store;
    let Some(table) = Current::load(store, &*ports.catalog, &spec.name).await? else {
        return Ok(None);
    };
    let matcher = Matcher::new(spec, &table.columns()?, key)?;
    let mut files = Vec::new();
    for file in table.files(store).await? {
        if matcher.is_in(store, &file).await? {
            files.push(file);
        }
    }
    Ok(Some(Holding {
        name: spec.name.clone(),
        table,
        files,
    }))
}

/// A message for each file. Says which sources they are of.
async fn ask_for(
    ports: &Ports,
    invocation: &mut Invocation,
    name: &TableName,
    key: &Key,
    held: &Holding,
) -> Result<(), PortError> {
    let Holding { table, files, .. } = held;
    let packable = table.packable(&*ports.store).await?;
    let packable: BTreeSet<&str> = packable.iter().map(LiveFile::uri).collect();
    let unit = |file: &LiveFile| {
        let source = digest_in_path(table.location(), file.uri())?;
        let path = file.uri().strip_prefix(&digest_prefix(table.location(), source))?;
        Some(Unit {
            compact: name.clone(),
            source: source.into(),
            files: vec![path.into()],
            erase: Some(key.clone()),
        })
        .filter(|_| packable.contains(file.uri()))
    };
    let units: Option<Vec<Unit>> = files.iter().map(unit).collect();
    let units = units.ok_or_else(|| {
        PortError::fault(format!(
            "{name}: another engine wrote files that have such rows, or deleted rows by files of deletes: delete them with that engine"
        ))
    })?;
    let digests: BTreeSet<&str> = units.iter().map(|unit| unit.source.as_str()).collect();
    let sources = table.sources(&*ports.store, digests.into_iter()).await?;
    let told: Vec<&String> = sources.values().take(MAX_SOURCES_TOLD).collect();
    let fields = json!({"table": name, "sources": sources.len(), "first": told});
    if !units.is_empty() {
        invocation.log(Level::Info, "sources have the rows still", fields);
        ports.own.send_all(units.iter().map(Unit::body).collect()).await?;
    }
    Ok(())
}

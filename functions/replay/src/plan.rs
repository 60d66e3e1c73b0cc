//! Which sources are to be done again, written down before the first of them is.

use crate::{
    Ports, Replay,
    quarantine::{self, Filter, MAX_SOURCES, Sources, Tally},
    request::{Over, Selection},
    store,
};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};
use watershed_contract::Dataset;
use watershed_lake::{
    ReplayRequest, TableName,
    layout::{ReplayPlaces, split_uri},
    message::NO_SEQUENCER,
};
use watershed_ports::{Listed, ObjectStore, PortError};
use watershed_table::{current::Current, object};

/// Objects that are looked up at the same time.
const MAX_CONCURRENT_LOOKUPS: usize = 16;
/// Sources that a plan names of those that it leaves out.
const MAX_EXAMPLES: usize = 20;

/// A replay as it was planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it is.
    pub head: Head,
    /// What is to be done, by their addresses.
    pub sources: Vec<Planned>,
}

/// The first line of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// What was asked for.
    pub request: ReplayRequest,
    /// Quarantined rows that the request selects, by reason.
    pub selected: BTreeMap<String, u64>,
    /// Sources that are no longer in the raw zone: their rows stay as they are.
    pub gone: u64,
    /// Objects that no contract's location matches.
    pub unmatched: u64,
    /// Some of both.
    pub left_out: Vec<String>,
}

/// Every other line: a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Key in the raw bucket.
    pub key: String,
    /// Entity tag of the object as it is now.
    pub etag: String,
    /// Its size.
    pub bytes: u64,
    /// When it was written: milliseconds since 1970-01-01T00:00:00Z.
    pub modified_ms: i64,
    /// The order in which its table holds it.
    pub sequencer: String,
    /// Its table.
    pub table: TableName,
    /// Its quarantined rows.
    pub quarantined: u64,
}

/// The plan that stands in the lake, or a new one, which stands there then.
///
/// Errors: a fault where the name was given to another request.
pub async fn plan(replay: &Replay, request: &ReplayRequest, places: &ReplayPlaces) -> Result<Plan, PortError> {
    let ports = replay.ports().await;
    if let Some(plan) = load(&*ports.store, places).await? {
        if plan.head.request != *request {
            let id = &request.replay;
            return Err(PortError::fault(format!(
                "replay {id} is the name of another request: choose a name that was not used"
            )));
        }
        return Ok(plan);
    }
    let selection = Selection::of(request).map_err(|e| PortError::fault(e.to_string()))?;
    let plan = make(replay, ports, request, &selection).await?;
    object::put(&*ports.store, &places.plan, plan.text()?.into()).await?;
    Ok(plan)
}

/// The plan that stands in the lake.
pub async fn load(store: &dyn ObjectStore, places: &ReplayPlaces) -> Result<Option<Plan>, PortError> {
    let Some(text) = store::get(store, &places.plan).await? else {
        return Ok(None);
    };
    let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let head = parse(&places.plan, lines.next().unwrap_or_default())?;
    let sources = lines.map(|line| parse(&places.plan, line)).collect::<Result<_, _>>()?;
    Ok(Some(Plan { head, sources }))
}

fn parse<T: DeserializeOwned>(uri: &str, line: &[u8]) -> Result<T, PortError> {
    serde_json::from_slice(line).map_err(|e| PortError::fault(format!("{uri} is not a plan: {e}")))
}

impl Plan {
    fn text(&self) -> Result<Vec<u8>, PortError> {
        let fault = |e: serde_json::Error| PortError::fault(format!("a plan as JSON: {e}"));
        let mut text = serde_json::to_vec(&self.head).map_err(fault)?;
        for source in &self.sources {
            text.push(b'\n');
            serde_json::to_writer(&mut text, source).map_err(fault)?;
        }
        Ok(text)
    }

    /// Tables of its sources.
    pub fn tables(&self) -> BTreeSet<&TableName> {
        self.sources.iter().map(|source| &source.table).collect()
    }
}

async fn make(
    replay: &Replay,
    ports: &Ports,
    request: &ReplayRequest,
    selection: &Selection<'_>,
) -> Result<Plan, PortError> {
    let mut head = Head {
        request: request.clone(),
        selected: BTreeMap::new(),
        gone: 0,
        unmatched: 0,
        left_out: Vec::new(),
    };
    let mut scanned = None;
    let found = match selection.over {
        Over::Quarantine(rows) => {
            let Some(dataset) = replay.contracts.by_table(&rows.table) else {
                let table = &rows.table;
                return Err(PortError::fault(format!(
                    "no contract describes table {table}: mend `table`"
                )));
            };
            let filter = Filter {
                reasons: &rows.reasons,
                sources: Sources::Prefix(replay.source(&rows.prefix)),
                times_us: selection.times_us.clone(),
            };
            let tallies = tallies(ports, dataset, &filter).await?;
            for (reason, rows) in tallies.values().flat_map(|tally| &tally.selected) {
                *head.selected.entry(reason.clone()).or_default() += rows;
            }
            let found = look_up(replay, ports, &tallies, &mut head).await?;
            scanned = Some((&dataset.id, tallies));
            found
        }
        Over::Objects(objects) => list(replay, ports, &objects.prefix, &selection.times_us).await?,
    };
    let mut sources = Vec::new();
    for (dataset, objects) in by_dataset(replay, found, &mut head) {
        let known = scanned.as_ref().filter(|(id, _)| **id == dataset.id);
        sources.extend(planned(replay, ports, dataset, objects, known.map(|(_, tallies)| tallies)).await?);
    }
    sources.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(Plan { head, sources })
}

/// The quarantined rows of the dataset, by source.
async fn tallies(ports: &Ports, dataset: &Dataset, filter: &Filter<'_>) -> Result<BTreeMap<String, Tally>, PortError> {
    let table = Current::load(&*ports.store, &*ports.catalog, &dataset.quarantine.name).await?;
    match table {
        Some(table) => quarantine::scan(&*ports.store, (&table, &dataset.quarantine), filter).await,
        None => Ok(BTreeMap::new()),
    }
}

/// The sources as they are in the raw zone now.
async fn look_up(
    replay: &Replay,
    ports: &Ports,
    tallies: &BTreeMap<String, Tally>,
    head: &mut Head,
) -> Result<Vec<Listed>, PortError> {
    let lookups = tallies.keys().map(|source| async move {
        let key = split_uri(source).map_or("", |(_, key)| key);
        let object = ports.store.find(&replay.raw_bucket, key).await?;
        Ok::<_, PortError>((source, object.filter(|_| *source == replay.source(key))))
    });
    let found: Vec<_> = stream::iter(lookups)
        .buffered(MAX_CONCURRENT_LOOKUPS)
        .try_collect()
        .await?;
    let mut objects = Vec::with_capacity(found.len());
    for (source, object) in found {
        if let Some(object) = object {
            objects.push(object);
        } else {
            head.gone += 1;
            head.leave_out(source);
        }
    }
    Ok(objects)
}

/// The objects of the raw zone under the prefix, written in that time.
async fn list(replay: &Replay, ports: &Ports, prefix: &str, times_us: &Range<i64>) -> Result<Vec<Listed>, PortError> {
    let mut objects: Vec<Listed> = Vec::new();
    let mut after: Option<String> = None;
    // Ends: each page begins behind the last, and there are at most MAX_SOURCES objects that are kept.
    loop {
        let page = ports.store.list(&replay.raw_bucket, prefix, after.as_deref()).await?;
        let Some(last) = page.last() else {
            return Ok(objects);
        };
        after = Some(last.key.clone());
        let is_folder = |object: &Listed| object.meta.bytes == 0 && object.key.ends_with('/');
        let wanted =
            |object: &Listed| times_us.contains(&object.modified_ms.saturating_mul(1_000)) && !is_folder(object);
        objects.extend(page.into_iter().filter(wanted));
        if objects.len() > MAX_SOURCES {
            let what = format!("more than {MAX_SOURCES} objects: narrow the replay by prefix, from or to");
            return Err(PortError::fault(what));
        }
    }
}

fn by_dataset<'a>(
    replay: &'a Replay,
    objects: Vec<Listed>,
    head: &mut Head,
) -> impl Iterator<Item = (&'a Dataset, Vec<Listed>)> + use<'a> {
    let mut datasets: BTreeMap<&str, (&Dataset, Vec<Listed>)> = BTreeMap::new();
    for object in objects {
        if let Some(dataset) = replay.contracts.find_by_key(&object.key) {
            let entry = datasets.entry(&dataset.id).or_insert_with(|| (&**dataset, Vec::new()));
            entry.1.push(object);
        } else {
            head.unmatched += 1;
            head.leave_out(&object.key);
        }
    }
    datasets.into_values()
}

/// The objects with what their tables know of them. `known`: their quarantined rows, where those were looked for before.
async fn planned(
    replay: &Replay,
    ports: &Ports,
    dataset: &Dataset,
    objects: Vec<Listed>,
    known: Option<&BTreeMap<String, Tally>>,
) -> Result<Vec<Planned>, PortError> {
    let sources: Vec<String> = objects.iter().map(|object| replay.source(&object.key)).collect();
    let held = match Current::load(&*ports.store, &*ports.catalog, &dataset.table.name).await? {
        Some(table) => {
            table
                .holdings(&*ports.store, sources.iter().map(String::as_str))
                .await?
        }
        None => BTreeMap::new(),
    };
    let quarantined = if let Some(known) = known {
        Cow::Borrowed(known)
    } else {
        let all_reasons = Filter {
            reasons: &[],
            sources: Sources::These(sources.iter().cloned().collect()),
            times_us: i64::MIN..i64::MAX,
        };
        Cow::Owned(tallies(ports, dataset, &all_reasons).await?)
    };
    let plan = objects.into_iter().zip(&sources).map(|(object, source)| Planned {
        sequencer: held
            .get(source)
            .map_or(NO_SEQUENCER, |held| held.order.sequencer())
            .into(),
        quarantined: quarantined.get(source).map_or(0, |tally| tally.rows),
        key: object.key,
        etag: object.meta.etag,
        bytes: object.meta.bytes,
        modified_ms: object.modified_ms,
        table: dataset.table.name.clone(),
    });
    Ok(plan.collect())
}

impl Head {
    fn leave_out(&mut self, what: &str) {
        if self.left_out.len() < MAX_EXAMPLES {
            self.left_out.push(what.into());
        }
    }
}

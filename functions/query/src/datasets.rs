//! `GET /datasets` and `GET /datasets/{name}`: what the contracts say, and what the catalog has of it.

use crate::{
    access::Access,
    tables::{Tables, rfc3339},
};
use serde::Serialize;
use watershed_contract::{Contracts, Dataset};
use watershed_lake::{Column, TableName, TableSpec, table::properties};
use watershed_ports::PortError;

/// Snapshots that are told of a table, the newest.
const MAX_SNAPSHOTS: usize = 20;

/// A dataset and its tables.
#[derive(Debug, Serialize)]
pub struct Described<T> {
    name: String,
    version: String,
    description: Option<String>,
    domain: Option<String>,
    tags: Vec<String>,
    tables: Vec<T>,
}

/// A table by its name.
#[derive(Debug, Serialize)]
pub struct Brief {
    name: String,
    role: String,
}

/// A dataset with all that is known of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Full {
    #[serde(flatten)]
    dataset: Described<FullTable>,
    /// Digest of its contract's text.
    contract_digest: String,
    /// Where its rows come from: a pattern of objects, a stream, or other tables.
    source: String,
    /// Rows that were refused, and wait in the quarantine.
    quarantined_rows: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
/// A table with all that is known of it.
pub struct FullTable {
    name: String,
    role: String,
    description: Option<String>,
    columns: Vec<FullColumn>,
    partitioned_by: Vec<String>,
    /// What it is made of.
    made_of: Vec<String>,
    /// What is made of it.
    makes: Vec<String>,
    /// None: it has no rows yet.
    now: Option<Now>,
}

#[derive(Debug, Serialize)]
struct FullColumn {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    required: bool,
    description: Option<String>,
    classification: Option<String>,
    tags: Vec<String>,
    /// `GET /search` finds rows by its words.
    searchable: bool,
    /// The caller may read it.
    readable: bool,
}

#[derive(Debug, Serialize)]
struct Now {
    rows: u64,
    files: u64,
    bytes: u64,
    /// When rows came or went last (RFC 3339).
    changed: Option<String>,
    /// The newest first.
    snapshots: Vec<SnapshotOf>,
}

#[derive(Debug, Serialize)]
struct SnapshotOf {
    id: String,
    made: Option<String>,
}

fn role(spec: &TableSpec) -> String {
    spec.properties.get(properties::ROLE).cloned().unwrap_or_default()
}

fn described<T>(dataset: &Dataset, tables: Vec<T>) -> Described<T> {
    let table = &dataset.table;
    let property = |name: &str| table.properties.get(name).cloned();
    let tags = property(properties::TAGS).unwrap_or_default();
    Described {
        name: dataset.id.clone(),
        version: dataset.version_text(),
        description: table.doc.clone(),
        domain: property(properties::DOMAIN),
        tags: tags.split(',').filter(|tag| !tag.is_empty()).map(Into::into).collect(),
        tables,
    }
}

fn brief(table: &TableSpec) -> Brief {
    Brief {
        name: table.name.to_string(),
        role: role(table),
    }
}

/// All datasets, by name.
pub fn all(contracts: &Contracts) -> Vec<Described<Brief>> {
    let brief = |dataset: &Dataset| described(dataset, dataset.tables().map(brief).collect());
    let mut all: Vec<_> = contracts.iter().map(|dataset| brief(dataset)).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// The dataset of that name, or that a table of that name is made of; none: there is no such thing.
pub async fn one(tables: &Tables, name: &str, access: Access) -> Result<Option<Full>, PortError> {
    let Some(dataset) = tables.dataset(name) else {
        return Ok(None);
    };
    let mut found = Vec::new();
    let mut quarantined_rows = 0;
    for spec in dataset.tables() {
        let now = now(tables, &spec.name).await?;
        if spec.name == dataset.quarantine.name {
            quarantined_rows = now.as_ref().map_or(0, |now| now.rows);
        }
        found.push(full(tables, dataset, spec, access, now));
    }
    let source = match (dataset.location(), dataset.stream()) {
        (Some(location), _) => location.text.clone(),
        (None, Some(stream)) => format!("kinesis://{}", stream.name),
        (None, None) => "other tables".into(),
    };
    Ok(Some(Full {
        contract_digest: dataset.digest.clone(),
        source,
        quarantined_rows,
        dataset: described(dataset, found),
    }))
}

async fn now(tables: &Tables, name: &TableName) -> Result<Option<Now>, PortError> {
    let Some(current) = tables.current(name).await? else {
        return Ok(None);
    };
    let total = |key| current.total(key).unwrap_or_default();
    let snapshots = current.snapshots();
    let newest = snapshots.iter().rev().take(MAX_SNAPSHOTS);
    Ok(Some(Now {
        rows: total("total-records"),
        files: total("total-data-files"),
        bytes: total("total-files-size"),
        changed: current.made_ms().and_then(rfc3339),
        snapshots: newest
            .map(|(id, made)| SnapshotOf {
                id: id.to_string(),
                made: rfc3339(*made),
            })
            .collect(),
    }))
}

fn full(tables: &Tables, dataset: &Dataset, spec: &TableSpec, access: Access, now: Option<Now>) -> FullTable {
    let column = |column: &Column| FullColumn {
        name: column.name.clone(),
        kind: column.kind.to_string(),
        required: column.required,
        description: column.doc.clone(),
        classification: column.classification.clone(),
        tags: column.tags.clone(),
        searchable: column.searchable,
        readable: access.allows(column),
    };
    let (made_of, makes) = lineage(tables, dataset, spec);
    FullTable {
        name: spec.name.to_string(),
        role: role(spec),
        description: spec.doc.clone(),
        columns: spec.columns.iter().map(column).collect(),
        partitioned_by: spec
            .partition
            .iter()
            .map(|field| format!("{}({})", field.transform, spec.columns[field.column].name))
            .collect(),
        made_of,
        makes,
        now,
    }
}

/// Tables that this one is made of, and those that are made of it.
fn lineage(tables: &Tables, dataset: &Dataset, spec: &TableSpec) -> (Vec<String>, Vec<String>) {
    let makes = tables.contracts.iter().flat_map(|other| {
        let enrichment = other
            .enrichment
            .iter()
            .filter(|enrichment| other.table.name == spec.name || enrichment.references().contains(&&spec.name));
        let aggregation = other
            .aggregation
            .iter()
            .filter(|aggregation| aggregation.reads(&spec.name));
        let enriched = enrichment.map(|enrichment| enrichment.table.name.to_string());
        enriched.chain(aggregation.map(|_| other.table.name.to_string()))
    });
    let enrichment = dataset
        .enrichment
        .iter()
        .filter(|enrichment| enrichment.table.name == spec.name);
    let joined = enrichment.flat_map(|enrichment| {
        let references = enrichment.references().into_iter().map(ToString::to_string);
        std::iter::once(dataset.table.name.to_string()).chain(references)
    });
    let aggregation = dataset.aggregation.iter().filter(|_| dataset.table.name == spec.name);
    let inputs = aggregation.flat_map(|aggregation| aggregation.inputs.iter().map(|input| input.table.to_string()));
    let made_of = joined.chain(inputs);
    (made_of.collect(), makes.collect())
}

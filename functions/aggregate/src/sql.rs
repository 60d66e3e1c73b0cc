//! The query of an aggregate, over the states of an epoch.

use crate::{
    SERVICE, Target,
    config::SqlBounds,
    epoch::Moment,
    part::{Parts, Value},
};
use std::{collections::BTreeMap, num::NonZeroUsize, path::Path, sync::Arc};
use watershed_contract::Contracts;
use watershed_lake::TableName;
use watershed_ports::{ObjectStore, PortError};
use watershed_sql::{Answer, Engine, Input, Limits, Query, Reference, Snapshot, SqlError};
use watershed_table::current::Current;

/// One: rows then come in the same order whenever the query runs, and sums of floats are the same.
const THREADS: NonZeroUsize = NonZeroUsize::MIN;

/// What runs queries over the files of that store.
pub fn engine(store: Arc<dyn ObjectStore>, bounds: &SqlBounds, scratch: &Path) -> Result<Engine, PortError> {
    let limits = Limits {
        memory_bytes: bounds.memory_bytes,
        scan_bytes: bounds.scan_bytes,
        time: bounds.time,
        disk_bytes: bounds.spill_bytes,
        scratch: scratch.into(),
        threads: THREADS,
    };
    Engine::new(store, limits)
}

/// The inputs at one moment.
pub struct Prepared {
    /// Which.
    pub moment: Moment,
    /// Their snapshots.
    pub snapshot_ids: BTreeMap<TableName, Option<i64>>,
    inputs: BTreeMap<TableName, Arc<Snapshot>>,
}

impl Prepared {
    /// Reads their manifests.
    pub async fn of(store: &dyn ObjectStore, moment: &Moment) -> Result<Self, PortError> {
        let (mut snapshot_ids, mut inputs) = (BTreeMap::new(), BTreeMap::new());
        for (name, metadata) in &moment.inputs {
            let current = Current::at(store, metadata).await?;
            snapshot_ids.insert(name.clone(), current.snapshot_id());
            inputs.insert(name.clone(), Arc::new(Snapshot::load(store, &current).await?));
        }
        Ok(Self {
            moment: moment.clone(),
            snapshot_ids,
            inputs,
        })
    }
}

/// Runs the query of an aggregate over these inputs: with a part, over the rows of mapped inputs that lie in it.
pub async fn run(
    engine: &Engine,
    contracts: &Contracts,
    target: Target<'_>,
    prepared: &Prepared,
    part: Option<(&Parts<'_>, &Value)>,
) -> Result<Answer, PortError> {
    let aggregation = target.aggregation;
    let query = Query::parse(&aggregation.sql).map_err(|error| told(target, error))?;
    for named in &query.tables {
        if named.as_of_ms.is_some() || !aggregation.reads(&named.name) {
            let what = format!(
                "{}: {} reads {}, which is no input as it is now: name it in inputs, and no time",
                target.dataset.table.name, aggregation.file, named.name
            );
            return Err(PortError::fault(what));
        }
    }
    let mut inputs = BTreeMap::new();
    for input in &aggregation.inputs {
        let snapshot = prepared.inputs.get(&input.table);
        let snapshot =
            snapshot.ok_or_else(|| PortError::fault(format!("the epoch has no state of {}", input.table)))?;
        let filter = part.zip(input.column).map(|((parts, value), column)| {
            let spec = crate::spec_of(contracts, &input.table);
            parts.filter(value, &spec.columns[column])
        });
        let reference = Reference {
            name: input.table.clone(),
            as_of_ms: None,
        };
        let input = Input {
            filter,
            ..Input::whole(Arc::clone(snapshot))
        };
        inputs.insert(reference, input);
    }
    engine.run(&query, &inputs).await.map_err(|error| told(target, error))
}

/// What is wrong with a query, for whoever wrote it.
pub fn told(target: Target<'_>, error: SqlError) -> PortError {
    let file = &target.aggregation.file;
    let what = match error {
        SqlError::Port(error) => return error.context(file),
        SqlError::Invalid {
            message,
            place: Some(place),
            ..
        } => format!("{file}: {place}: {message}"),
        SqlError::Limit(_, message) => format!("{file}: {message}; or give {SERVICE} more (the template's parameters)"),
        other => format!("{file}: {other}"),
    };
    PortError::fault(what)
}

//! The tables of the lake: what contracts describe and the catalog knows.

use crate::{Ports, access::Access, problem::Problem};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use watershed_contract::{Contracts, Dataset};
use watershed_lake::{TableName, TableSpec};
use watershed_ports::PortError;
use watershed_sql::{Input, Reference, Snapshot, SqlError};
use watershed_table::current::Current;

/// States whose manifests a warm instance keeps.
const MAX_KEPT: usize = 64;
/// How alike names are where one may be meant by the other (Jaro-Winkler).
const ALIKE: f64 = 0.8;

/// One state of a table.
#[derive(Debug)]
pub struct State {
    /// Its columns and files.
    pub snapshot: Arc<Snapshot>,
    /// Where its objects lie, with no slash at the end.
    pub location: String,
    /// The id of its snapshot; none: it never had a row.
    pub id: Option<i64>,
    /// When that was made, in milliseconds since 1970.
    pub made_ms: Option<i64>,
}

/// All of them.
pub struct Tables {
    /// What describes them.
    pub contracts: Contracts,
    /// Where they are.
    pub ports: Ports,
    /// By the address of their metadata, which is written once.
    kept: Mutex<HashMap<String, Arc<State>>>,
}

impl Tables {
    pub(crate) fn new(contracts: Contracts, ports: Ports) -> Self {
        Self {
            contracts,
            ports,
            kept: Mutex::default(),
        }
    }

    /// The dataset that a table is made of, and the table's own description.
    pub fn described(&self, name: &TableName) -> Option<(&Dataset, &TableSpec)> {
        let dataset = self.contracts.by_table(name)?;
        Some((dataset, dataset.table_of(name)?))
    }

    /// The name that may have been meant.
    pub fn nearest(&self, name: &str) -> Option<String> {
        let tables = self.contracts.iter().flat_map(|dataset| dataset.tables());
        let names = tables.map(|table| table.name.to_string());
        let scored = names.map(|known| {
            let bare = known.split_once('.').map_or("", |(_, table)| table);
            let likeness = strsim::jaro_winkler(&known, name).max(strsim::jaro_winkler(bare, name));
            (likeness, known)
        });
        let best = scored
            .filter(|(likeness, _)| *likeness > ALIKE)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        best.map(|(_, known)| known)
    }

    /// What a query gets of a table that it names.
    ///
    /// Errors: there is no such table, or it was not there then.
    pub async fn input(&self, reference: &Reference, access: Access) -> Result<(Input, Arc<State>), SqlError> {
        let name = &reference.name;
        let Some((_, spec)) = self.described(name) else {
            let near = self.nearest(&name.to_string());
            let help = near.map_or("GET /datasets tells which there are".into(), |near| {
                format!("did you mean {near}?")
            });
            return Err(SqlError::invalid(format!("there is no table {name}: {help}")));
        };
        let state = match reference.as_of_ms {
            None => self.now(name).await?.ok_or_else(|| no_rows_yet(name))?,
            Some(ms) => self.state_then(name, ms).await?,
        };
        let input = Input {
            hidden: access.hidden(spec),
            ..Input::whole(Arc::clone(&state.snapshot))
        };
        Ok((input, state))
    }

    /// The dataset of that name, or that a table of that name is made of.
    pub fn dataset(&self, name: &str) -> Option<&Dataset> {
        let table: Option<TableName> = name.parse().ok();
        let by_table = || table.and_then(|table| self.contracts.by_table(&table));
        self.contracts.by_id(name).or_else(by_table).map(|dataset| &**dataset)
    }

    /// What is told where there is none.
    pub fn unknown(&self, name: &str) -> Problem {
        let near = self.nearest(name);
        let help = near.map_or(String::new(), |near| format!(": did you mean {near}?"));
        Problem::not_found(format!("there is no dataset or table {name}{help}"))
    }

    /// As it is now; none: it never had a row.
    pub async fn now(&self, name: &TableName) -> Result<Option<Arc<State>>, PortError> {
        let entry = self.ports.catalog.load(name.database(), name.table()).await?;
        let Some(uri) = entry.map(|entry| entry.metadata_location) else {
            return Ok(None);
        };
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = kept().get(&uri) {
            return Ok(Some(Arc::clone(state)));
        }
        let state = Arc::new(self.load(&Current::at(&*self.ports.store, &uri).await?).await?);
        let mut kept = kept();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(uri, Arc::clone(&state));
        Ok(Some(state))
    }

    async fn state_then(&self, name: &TableName, ms: i64) -> Result<Arc<State>, SqlError> {
        let current = self.current(name).await?.ok_or_else(|| no_rows_yet(name))?;
        let Some(then) = current.as_of(ms) else {
            let since = current
                .snapshots()
                .first()
                .and_then(|(_, made)| rfc3339(*made))
                .unwrap_or_default();
            return Err(SqlError::invalid(format!(
                "{name} is not known as it was then: its oldest snapshot that is kept is of {since} (the contract's retention says how long)"
            )));
        };
        Ok(Arc::new(self.load(&then).await?))
    }

    async fn load(&self, current: &Current) -> Result<State, PortError> {
        Ok(State {
            snapshot: Arc::new(Snapshot::load(&*self.ports.store, current).await?),
            location: current.location().into(),
            id: current.snapshot_id(),
            made_ms: current.made_ms(),
        })
    }

    /// Its metadata as it is now; none: it never had a row.
    pub async fn current(&self, name: &TableName) -> Result<Option<Current>, PortError> {
        Current::load(&*self.ports.store, &*self.ports.catalog, name).await
    }
}

fn no_rows_yet(name: &TableName) -> SqlError {
    SqlError::invalid(format!("{name} has no rows yet: it is made with the first of them"))
}

/// Of milliseconds since 1970.
pub fn rfc3339(ms: i64) -> Option<String> {
    let time = chrono::DateTime::from_timestamp_millis(ms)?;
    Some(time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}

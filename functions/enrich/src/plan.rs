//! What is to be done when a table has changed: which sources of the dataset's table are to be enriched anew.

use crate::{
    Enrich, Ports, Target,
    epoch::Moment,
    message::Unit,
    prepared::{by_source, source_of},
    touch::touches,
};
use async_trait::async_trait;
use std::collections::BTreeSet;
use watershed_contract::Dataset;
use watershed_follow::{Follower, Planned, Unit as _, held, plan, states};
use watershed_lake::{TableName, layout::derived_source};
use watershed_ops::now_ms;
use watershed_ports::PortError;
use watershed_table::current::{Current, LiveFile};

/// Who looks at the tables of an enrichment.
pub(crate) struct Planner<'p> {
    pub(crate) enrich: &'p Enrich,
    pub(crate) ports: &'p Ports,
    pub(crate) target: Target<'p>,
}

impl Planner<'_> {
    /// Where the dataset's table lies.
    fn location(&self) -> String {
        self.enrich.lake.table(&self.target.dataset.table)
    }

    /// Looks at the tables of the dataset's enrichment, and asks for every source that is to be made anew.
    pub async fn plan(&self) -> Result<Planned, PortError> {
        let uri = self.enrich.lake.enrichment(self.table());
        plan(self, (&*self.ports.store, &*self.ports.own), &uri, now_ms()).await
    }

    /// The sources of which files came to the dataset's table, or went.
    async fn moved(&self, since: &Moment, now: &Moment) -> Result<BTreeSet<String>, PortError> {
        if since.input == now.input {
            return Ok(BTreeSet::new());
        }
        let (store, location) = (&*self.ports.store, self.location());
        let [before, input] = [&since.input, &now.input].map(|uri| Current::at(store, uri));
        let difference = input.await?.since(&before.await?, store).await?;
        let files = difference.added.iter().chain(&difference.removed);
        Ok(files.map(|file| source_of(&location, file).to_string()).collect())
    }

    /// The sources that what came to the references or went can have changed. A fault: that is not known.
    async fn touched(&self, since: &Moment, now: &Moment) -> Result<BTreeSet<String>, PortError> {
        if since.contract != now.contract {
            return Err(PortError::fault("the contract is another"));
        }
        let (store, location) = (&*self.ports.store, self.location());
        let mut sources = BTreeSet::new();
        let mut all: Option<Vec<LiveFile>> = None;
        for (name, metadata) in &now.references {
            let before = since.references.get(name);
            if before == Some(metadata) {
                continue;
            }
            let Some(before) = before else {
                return Err(PortError::fault(format!("{name} was no reference before")));
            };
            let (before, state) = (Current::at(store, before).await?, Current::at(store, metadata).await?);
            let difference = state.since(&before, store).await?;
            let changed = [difference.added, difference.removed].concat();
            if changed.is_empty() {
                continue;
            }
            let reference = self
                .enrich
                .contracts
                .by_table(name)
                .expect("a reference has a contract");
            let files = match &mut all {
                Some(files) => files,
                none => none.insert(Current::at(store, &now.input).await?.files(store).await?),
            };
            let touched = files
                .iter()
                .filter(|file| touches(self.target, &reference.table, &changed, file));
            sources.extend(touched.map(|file| source_of(&location, file).to_string()));
        }
        Ok(sources)
    }
}

#[async_trait]
impl Follower for Planner<'_> {
    type Moment = Moment;

    fn dataset(&self) -> &Dataset {
        self.target.dataset
    }

    fn table(&self) -> &TableName {
        &self.target.enrichment.table.name
    }

    fn ask(&self, source: &str, epoch: u64) -> String {
        let unit = Unit {
            enrich: self.table().clone(),
            source: source.into(),
            epoch,
        };
        unit.body()
    }

    async fn differing(&self, since: &Moment, now: &Moment) -> Vec<Result<BTreeSet<String>, PortError>> {
        vec![self.moved(since, now).await, self.touched(since, now).await]
    }

    /// The tables as the catalog has them now, or the one that is not there.
    async fn moment(&self) -> Result<Result<Moment, TableName>, PortError> {
        let Target { dataset, enrichment } = self.target;
        let names = [vec![&dataset.table.name], enrichment.references()].concat();
        let mut found = match states(&*self.ports.catalog, names).await? {
            Ok(found) => found,
            Err(missing) => return Ok(Err(missing)),
        };
        let input = found.remove(&dataset.table.name).expect("it was looked for");
        Ok(Ok(Moment {
            contract: dataset.digest.clone(),
            contract_version: dataset.version,
            input,
            references: found,
        }))
    }

    /// All sources that the dataset's table has files of, and those that the enriched table has files of still.
    async fn everything(&self, moment: &Moment) -> Result<BTreeSet<String>, PortError> {
        let (store, location) = (&*self.ports.store, self.location());
        let Target { dataset, enrichment } = self.target;
        let input = Current::at(store, &moment.input).await?;
        let mut sources: BTreeSet<String> = by_source(&location, input.files(store).await?).into_keys().collect();
        let table = &enrichment.table;
        let ours = (&table.name, &*self.enrich.lake.table(table));
        let prefix = derived_source(&dataset.table.name, "");
        sources.extend(held(store, &*self.ports.catalog, ours, &prefix).await?);
        Ok(sources)
    }
}

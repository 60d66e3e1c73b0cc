//! What is to be done when a table has changed: a new epoch, and the sources that it asks for.

use crate::{
    Enrich, Ports, Target,
    epoch::{self, Epoch, Moment},
    message::Unit,
    prepared::{by_source, source_of},
    touch::touches,
};
use std::collections::{BTreeMap, BTreeSet};
use watershed_contract::Dataset;
use watershed_lake::{TableName, layout::derived_source};
use watershed_ops::now_ms;
use watershed_ports::{Kind, PortError};
use watershed_table::current::{Current, LiveFile};

/// Times that an epoch is planned anew because somebody else was faster.
const MAX_ATTEMPTS: usize = 4;

/// What came of a look at the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planned {
    /// A table is not there yet: nothing can be made.
    Waiting(TableName),
    /// All is asked for already.
    Nothing,
    /// Sources were asked for.
    Asked {
        /// The epoch.
        epoch: u64,
        /// How many.
        sources: usize,
        /// All of them were asked for, and why.
        everything: Option<String>,
    },
}

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

    /// Looks at the tables of the dataset's enrichment, and asks for every source that is to be made anew. Does the same however often it is
    /// called: who was stopped before all was sent leaves it to the next.
    pub async fn plan(&self) -> Result<Planned, PortError> {
        let Target { dataset, enrichment } = self.target;
        let uri = self.enrich.lake.enrichment(&enrichment.table.name);
        let (ports, store) = (self.ports, &*self.ports.store);
        for _ in 0..MAX_ATTEMPTS {
            // Before the tables are looked at: who makes an epoch of older states than somebody else's finds that the other was faster.
            let (last, etag) = epoch::load(store, &uri).await?.unzip();
            if let Some(last) = &last {
                is_newest(dataset, last)?;
            }
            let moment = match self.moment().await? {
                Ok(moment) => moment,
                Err(missing) => return Ok(Planned::Waiting(missing)),
            };
            let (next, etag) = match (Epoch::after(last.as_ref(), moment, now_ms()), last, etag) {
                (None, Some(last), Some(_)) if last.sent => return Ok(Planned::Nothing),
                (None, Some(last), Some(etag)) => (last, etag),
                (Some(next), _, etag) => match epoch::swap(store, &uri, &next, etag.as_deref()).await {
                    Ok(etag) => (next, etag),
                    Err(error) if error.kind == Kind::Conflict => continue,
                    Err(error) => return Err(error),
                },
                (None, ..) => unreachable!("without a last epoch there is a next"),
            };
            let (sources, everything) = self.sources(&next).await?;
            let unit = |source: &String| Unit {
                enrich: enrichment.table.name.clone(),
                source: source.clone(),
                epoch: next.number,
            };
            let bodies: Vec<String> = sources.iter().map(|source| unit(source).body()).collect();
            if !bodies.is_empty() {
                ports.own.send_all(bodies).await?;
            }
            let (number, sent) = (next.number, next.sent());
            match epoch::swap(store, &uri, &sent, Some(&etag)).await {
                Ok(_) => {}
                // Somebody made the next epoch, which asks for the same once more: that changes nothing.
                Err(error) if error.kind == Kind::Conflict => {}
                Err(error) => return Err(error),
            }
            return Ok(Planned::Asked {
                epoch: number,
                sources: sources.len(),
                everything,
            });
        }
        Err(PortError::transient(format!(
            "{}: others planned {MAX_ATTEMPTS} epochs meanwhile",
            enrichment.table.name
        )))
    }

    /// The tables as the catalog has them now, or the one that is not there.
    async fn moment(&self) -> Result<Result<Moment, TableName>, PortError> {
        let Target { dataset, enrichment } = self.target;
        let mut found = BTreeMap::new();
        for name in [&dataset.table.name].into_iter().chain(enrichment.references()) {
            let Some(entry) = self.ports.catalog.load(name.database(), name.table()).await? else {
                return Ok(Err(name.clone()));
            };
            found.insert(name.clone(), entry.metadata_location);
        }
        let input = found.remove(&dataset.table.name).expect("it was looked for");
        Ok(Ok(Moment {
            contract: dataset.digest.clone(),
            contract_version: dataset.version,
            input,
            references: found,
        }))
    }

    /// The sources that differ from what was made of earlier moments, by their digests; and why all of them do, where they do.
    async fn sources(&self, epoch: &Epoch) -> Result<(BTreeSet<String>, Option<String>), PortError> {
        let mut all = epoch.since.is_none().then(|| "nothing was made yet".to_string());
        let mut sources = BTreeSet::new();
        for pair in epoch.moments().windows(2) {
            let (since, now) = (pair[0], pair[1]);
            // Of everything as well: what went may be on its way to the enriched table, which does not have it yet.
            for found in [self.moved(since, now).await, self.touched(since, now).await] {
                match found {
                    Ok(found) => sources.extend(found),
                    // The state before was forgotten and swept, say.
                    Err(error) if error.kind == Kind::Fault => drop(all.get_or_insert(error.message)),
                    Err(error) => return Err(error),
                }
            }
        }
        if all.is_some() {
            sources.extend(self.everything(&epoch.moment).await?);
        }
        Ok((sources, all))
    }

    /// The sources of which files came to the dataset's table, or went.
    async fn moved(&self, since: &Moment, now: &Moment) -> Result<BTreeSet<String>, PortError> {
        if since.input == now.input {
            return Ok(BTreeSet::new());
        }
        let (store, location) = (&*self.ports.store, self.location());
        let [before, input] = [&since.input, &now.input].map(|uri| Current::at(store, uri));
        let (before, input) = (before.await?, input.await?);
        // Files that were packed are the same rows of the same sources.
        if input.has_the_rows_of(&before) {
            return Ok(BTreeSet::new());
        }
        let difference = input.since(&before, store).await?;
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
            if state.has_the_rows_of(&before) {
                continue;
            }
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

    /// All sources that the dataset's table has files of, and those that the enriched table has files of still.
    async fn everything(&self, moment: &Moment) -> Result<BTreeSet<String>, PortError> {
        let (store, location) = (&*self.ports.store, self.location());
        let Target { dataset, enrichment } = self.target;
        let input = Current::at(store, &moment.input).await?;
        let mut sources: BTreeSet<String> = by_source(&location, input.files(store).await?).into_keys().collect();
        let enriched = &enrichment.table;
        if let Some(made) = Current::load(store, &*self.ports.catalog, &enriched.name).await? {
            let files = by_source(&self.enrich.lake.table(enriched), made.files(store).await?);
            let named = made.sources(store, files.keys().map(String::as_str)).await?;
            let prefix = derived_source(&dataset.table.name, "");
            let ours = named.values().filter_map(|source| source.strip_prefix(&prefix));
            sources.extend(ours.map(str::to_string));
        }
        Ok(sources)
    }
}

/// While a newer contract is deployed, instances with the older one still run: they leave the work to the others.
fn is_newest(dataset: &Dataset, last: &Epoch) -> Result<(), PortError> {
    if last.moment.contract_version <= dataset.version {
        return Ok(());
    }
    let (major, minor, patch) = last.moment.contract_version;
    Err(PortError::transient(format!(
        "version {} of contract {} is older than {major}.{minor}.{patch}, which enriched last: to go back, write a higher version",
        dataset.version_text(),
        dataset.id
    )))
}

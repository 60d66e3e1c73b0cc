//! What is to be done when a table has changed: a new epoch, and the sources that it asks for.

use crate::epoch::{self, Epoch, Moment};
use async_trait::async_trait;
use std::collections::BTreeSet;
use watershed_contract::Dataset;
use watershed_lake::TableName;
use watershed_ports::{Kind, ObjectStore, PortError, Queue};

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

/// Who looks at the tables that a table follows.
#[async_trait]
pub trait Follower: Sync {
    /// States of those tables.
    type Moment: Moment;

    /// The dataset whose contract says what is made.
    fn dataset(&self) -> &Dataset;

    /// The table that is made.
    fn table(&self) -> &TableName;

    /// The tables as the catalog has them now, or the one that is not there.
    async fn moment(&self) -> Result<Result<Self::Moment, TableName>, PortError>;

    /// The sources that differ between two moments, told in as many ways as there are. A fault: that way does not tell, and all may differ.
    async fn differing(&self, since: &Self::Moment, now: &Self::Moment) -> Vec<Result<BTreeSet<String>, PortError>>;

    /// All sources of that moment, and those that the table has files of still.
    async fn everything(&self, moment: &Self::Moment) -> Result<BTreeSet<String>, PortError>;

    /// The message that asks for a source, in that epoch.
    fn ask(&self, source: &str, epoch: u64) -> String;
}

/// Looks at the tables, and asks by `own` for every source that is to be made anew. The epoch stands at `uri`. Does the same however often
/// it is called: who was stopped before all was sent leaves it to the next.
pub async fn plan<F: Follower>(
    follower: &F,
    (store, own): (&dyn ObjectStore, &dyn Queue),
    uri: &str,
    now_ms: i64,
) -> Result<Planned, PortError> {
    for _ in 0..MAX_ATTEMPTS {
        // Before the tables are looked at: who makes an epoch of older states than somebody else's finds that the other was faster.
        let (last, etag) = epoch::load::<F::Moment>(store, uri).await?.unzip();
        if let Some(last) = &last {
            is_newest(follower.dataset(), last)?;
        }
        let moment = match follower.moment().await? {
            Ok(moment) => moment,
            Err(missing) => return Ok(Planned::Waiting(missing)),
        };
        let (next, etag) = match (Epoch::after(last.as_ref(), moment, now_ms), last, etag) {
            (None, Some(last), Some(_)) if last.sent => return Ok(Planned::Nothing),
            (None, Some(last), Some(etag)) => (last, etag),
            (Some(next), _, etag) => match epoch::swap(store, uri, &next, etag.as_deref()).await {
                Ok(etag) => (next, etag),
                Err(error) if error.kind == Kind::Conflict => continue,
                Err(error) => return Err(error),
            },
            (None, ..) => unreachable!("without a last epoch there is a next"),
        };
        let (sources, everything) = sources(follower, &next).await?;
        let ask = |source: &String| follower.ask(source, next.number);
        let bodies: Vec<String> = sources.iter().map(ask).collect();
        if !bodies.is_empty() {
            own.send_all(bodies).await?;
        }
        let (number, sent) = (next.number, next.sent());
        match epoch::swap(store, uri, &sent, Some(&etag)).await {
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
        follower.table()
    )))
}

/// The sources that differ from what was made of earlier moments; and why all of them do, where they do.
async fn sources<F: Follower>(
    follower: &F,
    epoch: &Epoch<F::Moment>,
) -> Result<(BTreeSet<String>, Option<String>), PortError> {
    let mut all = epoch.since.is_none().then(|| "nothing was made yet".to_string());
    let mut sources = BTreeSet::new();
    for pair in epoch.moments().windows(2) {
        // Of everything as well: what went may be on its way to the table, which does not have it yet.
        for found in follower.differing(pair[0], pair[1]).await {
            match found {
                Ok(found) => sources.extend(found),
                // The state before was forgotten and swept, say.
                Err(error) if error.kind == Kind::Fault => drop(all.get_or_insert(error.message)),
                Err(error) => return Err(error),
            }
        }
    }
    if all.is_some() {
        sources.extend(follower.everything(&epoch.moment).await?);
    }
    Ok((sources, all))
}

/// While a newer contract is deployed, instances with the older one still run: they leave the work to the others.
fn is_newest<M: Moment>(dataset: &Dataset, last: &Epoch<M>) -> Result<(), PortError> {
    if last.moment.contract_version() <= dataset.version {
        return Ok(());
    }
    let (major, minor, patch) = last.moment.contract_version();
    Err(PortError::transient(format!(
        "version {} of contract {} is older than {major}.{minor}.{patch}, which was at work last: to go back, write a higher version",
        dataset.version_text(),
        dataset.id
    )))
}

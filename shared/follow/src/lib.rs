//! Tables that follow other tables: what is made of them is made anew, a source at a time, when they change.
//!
//! * [`epoch`]: which states of the other tables a table is made of, one after the other.
//! * [`plan`](mod@plan): when a table has changed, the next epoch, and a message for each source that it asks for. What differs between two
//!   states is for a [`Follower`] to say.
//! * [`message`]: what a function that follows is asked.
//!
//! Right however often messages come and in whatever order: who looks at the tables reads the epoch first, who makes a source makes it of the
//! newest epoch, and its commit request has the epoch's number as its order.

pub mod epoch;
pub mod message;
pub mod plan;

pub use epoch::{Epoch, Moment};
pub use message::{Asked, BadMessage, Scheduled, Unit};
pub use plan::{Follower, Planned, plan};

use std::collections::{BTreeMap, BTreeSet};
use watershed_contract::Dataset;
use watershed_lake::{SourceOrder, TableName, layout::digest_in_path};
use watershed_ports::{Catalog, ObjectStore, PortError};
use watershed_table::current::Current;

/// Whether the table has what was made of the source in that epoch, or a newer one.
pub async fn is_done(
    store: &dyn ObjectStore,
    catalog: &dyn Catalog,
    table: &TableName,
    source: &str,
    epoch: u64,
) -> Result<bool, PortError> {
    let Some(made) = Current::load(store, catalog, table).await? else {
        return Ok(false);
    };
    let held = made.holdings(store, std::iter::once(source)).await?;
    Ok(held
        .get(source)
        .is_some_and(|held| held.order >= SourceOrder::epoch(epoch)))
}

/// Where the metadata of these tables lies now; or the one that is not there.
pub async fn states(
    catalog: &dyn Catalog,
    names: Vec<&TableName>,
) -> Result<Result<BTreeMap<TableName, String>, TableName>, PortError> {
    let mut found = BTreeMap::new();
    for name in names {
        let Some(entry) = catalog.load(name.database(), name.table()).await? else {
            return Ok(Err(name.clone()));
        };
        found.insert(name.clone(), entry.metadata_location);
    }
    Ok(Ok(found))
}

/// What is behind `prefix` in the names of the sources that the table, which lies at `location`, has files of.
pub async fn held(
    store: &dyn ObjectStore,
    catalog: &dyn Catalog,
    (table, location): (&TableName, &str),
    prefix: &str,
) -> Result<BTreeSet<String>, PortError> {
    let Some(made) = Current::load(store, catalog, table).await? else {
        return Ok(BTreeSet::new());
    };
    let files = made.files(store).await?;
    let digests: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| digest_in_path(location, file.uri()))
        .collect();
    let named = made.sources(store, digests.into_iter()).await?;
    let ours = named.values().filter_map(|source| source.strip_prefix(prefix));
    Ok(ours.map(str::to_string).collect())
}

/// What came of making a source; where that failed, after another look at the tables. The states that it is to be made of may be gone: then
/// there are newer ones, and the message finds those when it comes again. What came of the look is no answer to what was asked, and does not
/// stand in its place.
pub async fn or_look(
    done: Result<(), PortError>,
    look: impl Future<Output = Result<(), PortError>>,
) -> Result<(), PortError> {
    if let Err(error) = &done {
        let looked = look.await;
        looked.map_err(|other| other.context(format!("after: {error}")))?;
    }
    done
}

/// The newest epoch of the table, which stands at `uri`, for one who makes something of it by that contract. Transient: there is none, or it is
/// of another contract. While one is deployed, both are at work: what the other makes of an epoch would have its order, and stay.
pub async fn newest<M: Moment>(
    store: &dyn ObjectStore,
    uri: &str,
    table: &TableName,
    dataset: &Dataset,
) -> Result<Epoch<M>, PortError> {
    let Some((epoch, _)) = epoch::load::<M>(store, uri).await? else {
        let what = format!("{table} has no epoch: one is made when a table changes");
        return Err(PortError::transient(what));
    };
    if epoch.moment.contract() != dataset.digest {
        let what = format!("{table} is of another contract in epoch {}", epoch.number);
        return Err(PortError::transient(what));
    }
    Ok(epoch)
}

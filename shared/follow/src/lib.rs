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
pub use message::{Asked, BadMessage, Unit};
pub use plan::{Follower, Planned, plan};

use watershed_contract::Dataset;
use watershed_lake::{SourceOrder, TableName};
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

//! Epochs: which states of other tables an enriched table is made of, one after the other. They stand in one object of each enriched table,
//! which is swapped by its entity tag, so that everyone who works on the table works on the same states, and each epoch is of newer ones
//! than that before it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use watershed_lake::TableName;
use watershed_ports::{ObjectStore, PortError};
use watershed_table::object;

/// Format of the object.
const VERSION: u32 = 1;

/// States of tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// Digest of the contract, which says what is done.
    pub contract: String,
    /// Its version: of two that are deployed at once, the newer one goes on.
    pub contract_version: (u32, u32, u32),
    /// Where the metadata of the dataset's table lies.
    pub input: String,
    /// Where those of the references lie.
    pub references: BTreeMap<TableName, String>,
}

/// The newest epoch of an enriched table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epoch {
    version: u32,
    /// From 1.
    pub number: u64,
    /// What it is made of.
    pub moment: Moment,
    /// What was made of an earlier moment, or is asked for, needs to be made again only where it differs since; none: everything is to be
    /// made.
    pub since: Option<Moment>,
    /// All sources that it asks for stand in the queue.
    pub sent: bool,
}

impl Epoch {
    /// The epoch of that moment that follows on `last`; none: `last` is of it already.
    pub fn after(last: Option<&Self>, moment: Moment) -> Option<Self> {
        let Some(last) = last else {
            return Some(Self {
                version: VERSION,
                number: 1,
                moment,
                since: None,
                sent: false,
            });
        };
        (last.moment != moment).then(|| Self {
            version: VERSION,
            number: last.number + 1,
            moment,
            // What was not asked for yet is asked for now.
            since: if last.sent {
                Some(last.moment.clone())
            } else {
                last.since.clone()
            },
            sent: false,
        })
    }

    /// The same once all that it asks for stands in the queue.
    #[must_use]
    pub fn sent(self) -> Self {
        Self { sent: true, ..self }
    }
}

/// The newest epoch and the entity tag of its object; none: there is none yet.
pub async fn load(store: &dyn ObjectStore, uri: &str) -> Result<Option<(Epoch, String)>, PortError> {
    let mut id = object::id(uri)?;
    let Some(found) = store.find(&id.bucket, &id.key).await? else {
        return Ok(None);
    };
    id.if_match = Some(found.meta.etag.clone());
    let bytes = store.read(&id).await.map_err(|error| match error.kind {
        // Written anew meanwhile.
        watershed_ports::Kind::Rejected => PortError::transient(error.message),
        _ => error,
    })?;
    let bad = |what: &str| PortError::fault(format!("{uri} is no epoch ({what}): delete it, and all is made anew"));
    let epoch: Epoch = serde_json::from_slice(&bytes).map_err(|error| bad(&error.to_string()))?;
    if epoch.version != VERSION {
        return Err(bad(&format!("of version {}, not {VERSION}", epoch.version)));
    }
    Ok(Some((epoch, found.meta.etag)))
}

/// Writes it in the place of the one with that entity tag; gives its own. A conflict: somebody else wrote meanwhile.
pub async fn swap(
    store: &dyn ObjectStore,
    uri: &str,
    epoch: &Epoch,
    expected: Option<&str>,
) -> Result<String, PortError> {
    let id = object::id(uri)?;
    let body = serde_json::to_vec(epoch).expect("texts and numbers are JSON");
    store.put_if(&id.bucket, &id.key, body.into(), expected).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(input: &str) -> Moment {
        Moment {
            contract: "c".into(),
            contract_version: (1, 0, 0),
            input: input.into(),
            references: BTreeMap::new(),
        }
    }

    #[test]
    fn what_was_not_asked_for_is_asked_for_by_the_next() {
        let first = Epoch::after(None, moment("1")).expect("the first");
        assert_eq!((first.number, &first.since, first.sent), (1, &None, false));
        assert_eq!(Epoch::after(Some(&first), moment("1")), None);
        let second = Epoch::after(Some(&first), moment("2")).expect("another");
        assert_eq!((second.number, &second.since), (2, &None), "the first was not sent");
        let sent = second.sent();
        let third = Epoch::after(Some(&sent), moment("3")).expect("another");
        assert_eq!((third.number, &third.since), (3, &Some(moment("2"))));
        let fourth = Epoch::after(Some(&third), moment("4")).expect("another");
        assert_eq!(
            fourth.since,
            Some(moment("2")),
            "what is new since the last that was sent"
        );
    }
}

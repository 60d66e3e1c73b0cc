//! Epochs: which states of other tables a table is made of, one after the other. They stand in one object of each such table,
//! which is swapped by its entity tag, so that everyone who works on the table works on the same states, and each epoch is of newer ones
//! than that before it.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use watershed_ports::{ObjectStore, PortError};
use watershed_table::object;

/// Format of the object.
const VERSION: u32 = 1;
/// Moments of epochs that were not sent that an epoch remembers. With more, everything is made anew.
const MAX_UNSENT: usize = 16;

/// States of tables, and the contract that says what is made of them.
pub trait Moment: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync {
    /// Digest of the contract, which says what is done.
    fn contract(&self) -> &str;

    /// Its version: of two that are deployed at once, the newer one goes on.
    fn contract_version(&self) -> (u32, u32, u32);
}

/// The newest epoch of a table that is made of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "M: Deserialize<'de>"))]
pub struct Epoch<M> {
    version: u32,
    /// From the time of the first, in milliseconds since 1970: one that is made after its object was deleted is greater than all before.
    pub number: u64,
    /// What it is made of.
    pub moment: M,
    /// What was made of an earlier moment, or is asked for, needs to be made again only where it differs since; none: everything is to be
    /// made.
    pub since: Option<M>,
    /// Moments between that and its own, in their order, of epochs that may have been asked for in part: what came with one and went with
    /// the next is to be made anew, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsent: Vec<M>,
    /// All sources that it asks for stand in the queue.
    pub sent: bool,
}

impl<M: Moment> Epoch<M> {
    /// The epoch of that moment that follows on `last`; none: `last` is of it already. The first is made at `now_ms`.
    pub fn after(last: Option<&Self>, moment: M, now_ms: i64) -> Option<Self> {
        let Some(last) = last else {
            return Some(Self {
                version: VERSION,
                number: now_ms.unsigned_abs(),
                moment,
                since: None,
                unsent: Vec::new(),
                sent: false,
            });
        };
        if last.moment == moment {
            return None;
        }
        // What was not asked for yet is asked for now.
        let (since, unsent) = if last.sent {
            (Some(last.moment.clone()), Vec::new())
        } else {
            let unsent = last.unsent.iter().chain([&last.moment]);
            (last.since.clone(), unsent.cloned().collect())
        };
        let too_many = unsent.len().saturating_sub(MAX_UNSENT);
        Some(Self {
            version: VERSION,
            number: last.number + 1,
            moment,
            since: since.filter(|_| too_many == 0),
            unsent: unsent[too_many..].to_vec(),
            sent: false,
        })
    }

    /// The moments that something may have been made of, and its own, in their order.
    pub fn moments(&self) -> Vec<&M> {
        let before = self.since.iter().chain(&self.unsent);
        before.chain([&self.moment]).collect()
    }

    /// The same once all that it asks for stands in the queue.
    #[must_use]
    pub fn sent(self) -> Self {
        Self { sent: true, ..self }
    }
}

/// The newest epoch and the entity tag of its object; none: there is none yet.
pub async fn load<M: Moment>(store: &dyn ObjectStore, uri: &str) -> Result<Option<(Epoch<M>, String)>, PortError> {
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
    let epoch: Epoch<M> = serde_json::from_slice(&bytes).map_err(|error| bad(&error.to_string()))?;
    if epoch.version != VERSION {
        return Err(bad(&format!("of version {}, not {VERSION}", epoch.version)));
    }
    Ok(Some((epoch, found.meta.etag)))
}

/// Writes it in the place of the one with that entity tag; gives its own. A conflict: somebody else wrote meanwhile.
pub async fn swap<M: Moment>(
    store: &dyn ObjectStore,
    uri: &str,
    epoch: &Epoch<M>,
    expected: Option<&str>,
) -> Result<String, PortError> {
    let id = object::id(uri)?;
    let body = serde_json::to_vec(epoch).expect("texts and numbers are JSON");
    store.put_if(&id.bucket, &id.key, body.into(), expected).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The state of one table.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct State(String);

    impl Moment for State {
        fn contract(&self) -> &'static str {
            "c"
        }
        fn contract_version(&self) -> (u32, u32, u32) {
            (1, 0, 0)
        }
    }

    fn moment(input: &str) -> State {
        State(input.into())
    }

    #[test]
    fn what_was_not_asked_for_is_asked_for_by_the_next() {
        let next = |last: &Epoch<State>, input| Epoch::after(Some(last), moment(input), 0).expect("another");
        let first = Epoch::after(None, moment("1"), 70).expect("the first");
        assert_eq!((first.number, &first.since, first.sent), (70, &None, false));
        assert_eq!(Epoch::after(Some(&first), moment("1"), 80), None);
        let second = next(&first, "2");
        assert_eq!((second.number, &second.since), (71, &None), "the first was not sent");
        assert_eq!(second.unsent, [moment("1")]);
        let third = next(&second.sent(), "3");
        assert_eq!((third.number, &third.since), (72, &Some(moment("2"))));
        assert_eq!(third.unsent, []);
        let fourth = next(&third, "4");
        assert_eq!(
            fourth.moments(),
            [&moment("2"), &moment("3"), &moment("4")],
            "what is new since the last that was sent"
        );
    }

    #[test]
    fn of_many_that_were_not_sent_the_last_are_remembered() {
        let mut epoch = Epoch::after(None, moment("x"), 1).expect("the first").sent();
        for number in 0..=MAX_UNSENT {
            assert_eq!(epoch.unsent.len(), number.saturating_sub(1));
            epoch = Epoch::after(Some(&epoch), moment(&number.to_string()), 1).expect("another");
        }
        assert_eq!(epoch.since, Some(moment("x")));
        let next = Epoch::after(Some(&epoch), moment("y"), 1).expect("another");
        assert_eq!((next.since, next.unsent.len()), (None, MAX_UNSENT));
    }
}

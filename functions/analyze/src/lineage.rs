//! A shard that begins: what it takes over from those that were split or merged into it.
//!
//! Lambda reads parents to their end before it reads their children (AWS Lambda Developer Guide, "Using Lambda to process records from Amazon
//! Kinesis Data Streams"), so what parents' checkpoints hold is all of it. A parent that never had a record has no checkpoint: then it
//! would have taken over from its own parents, and what it would have is worked out.

use crate::{
    checkpoint::Head,
    ports::Ports,
    rows::keys::owner,
    shard::{Location, Shard},
    watch::Watch,
};
use std::collections::{BTreeMap, BTreeSet};
use watershed_contract::Stream;
use watershed_kinesis::HashRange;
use watershed_lake::LakeLocation;
use watershed_ports::PortError;
use watershed_stream::{Firing, State};

/// Shards that are looked through for those that a shard takes over from. A stream that was split so often without a record in between is none.
pub const MAX_ANCESTORS: usize = 1_000;

/// The shards of a stream.
pub struct Lineage {
    shards: BTreeMap<String, watershed_ports::Shard>,
}

impl Lineage {
    /// As Kinesis tells it.
    pub async fn list(ports: &Ports, stream: &str) -> Result<Self, PortError> {
        let shards = ports.shards.list(stream).await?;
        Ok(Self {
            shards: shards.into_iter().map(|shard| (shard.id.clone(), shard)).collect(),
        })
    }

    /// Shards of which none was made: records may come to them.
    pub fn open(&self) -> impl Iterator<Item = &str> {
        let parents: BTreeSet<&String> = self.shards.values().flat_map(|shard| &shard.parents).collect();
        let open = self.shards.keys().filter(move |shard| !parents.contains(shard));
        open.map(String::as_str)
    }

    /// The shard, which has no checkpoint, as it begins.
    ///
    /// # Errors
    /// The ports'; transient where Kinesis does not list the shard (yet).
    pub async fn begin(
        &self,
        ports: &Ports,
        lake: &LakeLocation,
        stream: &Stream,
        shard: &str,
    ) -> Result<Shard, PortError> {
        if !self.shards.contains_key(shard) {
            let message = format!("{}/{shard} is not among the shards that Kinesis lists", stream.name);
            return Err(PortError::transient(message));
        }
        let mut known = BTreeMap::new();
        let mut waiting: Vec<String> = self.parents(shard);
        let mut seen = BTreeSet::new();
        while let Some(id) = waiting.pop() {
            if !seen.insert(id.clone()) {
                continue;
            }
            if seen.len() > MAX_ANCESTORS {
                let message = format!("{}/{shard} comes of more than {MAX_ANCESTORS} shards", stream.name);
                return Err(PortError::fault(message));
            }
            let location = Location::new(lake, &stream.name, &id);
            match Shard::load(ports, stream, &location).await? {
                None => waiting.extend(self.parents(&id)),
                Some(mut parent) => {
                    hand_over(ports, stream, &location, &mut parent).await?;
                    known.insert(id, parent);
                }
            }
        }
        Ok(self.made(stream, shard, &mut known))
    }

    fn parents(&self, shard: &str) -> Vec<String> {
        self.shards
            .get(shard)
            .map_or_else(Vec::new, |shard| shard.parents.clone())
    }

    /// What a shard without checkpoint has of its parents. As many steps deep as it has ancestors without one, which are `known` from then on.
    fn made(&self, stream: &Stream, shard: &str, known: &mut BTreeMap<String, Shard>) -> Shard {
        let mut child = Shard::new(stream, Head::new(&stream.name, shard));
        let ids = self.parents(shard);
        for id in &ids {
            if !known.contains_key(id) {
                let parent = self.made(stream, id, known);
                known.insert(id.clone(), parent);
            }
        }
        if ids.is_empty() {
            return child;
        }
        let owns = self.owner(shard, &ids);
        let parents: Vec<&Shard> = ids.iter().map(|id| &known[id]).collect();
        for (at, window) in stream.windows.iter().enumerate() {
            let states: Vec<State> = parents.iter().map(|parent| parent.states[at].clone()).collect();
            let watches: Vec<Watch> = parents.iter().map(|parent| parent.watches[at].clone()).collect();
            let fired = parents.iter().flat_map(|parent| &parent.inherited[at]);
            // What an ancestor's ancestors fired is told by one of its children.
            let mut fired: Vec<Firing> = fired.filter(|firing| owns(&firing.key)).cloned().collect();
            let mut state = State::inherit(&window.spec, shard, states, &owns);
            fired.append(&mut state.take_fired());
            child.states[at] = state;
            child.inherited[at] = fired;
            child.watches[at] = Watch::inherit(window, watches, &owns);
        }
        child
    }

    /// Whether the shard takes over a key of its parents. Of a merge it takes all. Of a split each key goes to one of the halves: by its hash,
    /// or, where that is no hash of the parent's, because records are not put by what windows are keyed by, by its hash scaled into the
    /// parent's range.
    fn owner(&self, shard: &str, parents: &[String]) -> impl Fn(&[u8]) -> bool + use<> {
        let range = |shard: &watershed_ports::Shard| HashRange {
            first: shard.first_hash,
            last: shard.last_hash,
        };
        let own = self.shards.get(shard).map(range);
        let parent = match parents {
            [parent] => self.shards.get(parent).map(range).or_else(|| self.halves(parent)),
            _ => None,
        };
        move |key: &[u8]| {
            let (Some(own), Some(parent)) = (own, parent) else {
                return true;
            };
            let hash = owner(key);
            if parent.holds(hash) {
                return own.holds(hash);
            }
            // Not of all hashes, or it would hold this one.
            let span = parent.last - parent.first + 1;
            own.holds(parent.first + hash % span)
        }
    }

    /// What a shard held that is not listed any more: what its children hold.
    fn halves(&self, parent: &str) -> Option<HashRange> {
        let children = self
            .shards
            .values()
            .filter(|shard| shard.parents == [parent.to_string()]);
        let ranges: Vec<(u128, u128)> = children.map(|shard| (shard.first_hash, shard.last_hash)).collect();
        Some(HashRange {
            first: ranges.iter().map(|(first, _)| *first).min()?,
            last: ranges.iter().map(|(_, last)| *last).max()?,
        })
    }
}

/// From now on nobody works on the parent: an invocation that still does fails, and the clock leaves it alone. What it had to send is sent,
/// for it may be that nobody else does any more.
async fn hand_over(ports: &Ports, stream: &Stream, location: &Location, parent: &mut Shard) -> Result<(), PortError> {
    parent.head.outbox.deliver(ports).await?;
    if !parent.head.handed_over {
        parent.head.handed_over = true;
        let checkpoint = parent.encode(stream);
        parent.swap(ports, location, checkpoint).await?;
    }
    Ok(())
}

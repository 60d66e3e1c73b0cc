//! Indexes that a warm instance keeps, up to a bound: those that were used last.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use watershed_lake::{TableName, layout::IndexPlaces};
use watershed_ports::{Kind, ObjectStore, PortError};
use watershed_search::Index;
use watershed_table::{indexed, object};

/// Which files of a table have indexes, and of how many pieces.
pub(super) type Listed = Arc<BTreeMap<String, usize>>;

/// What is kept.
pub(super) struct Kept {
    most_bytes: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    listed: HashMap<TableName, Listed>,
    indexes: HashMap<String, (Arc<Index>, u64)>,
    /// Addresses by when they were used last.
    used: BTreeMap<u64, String>,
    uses: u64,
    bytes: usize,
}

/// An index, or why there is none.
pub(super) enum Got {
    Index(Arc<Index>),
    /// It is not there any more.
    Gone,
    /// It says what.
    Damaged(String),
}

impl Kept {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self {
            most_bytes,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which of these files have indexes. What has one keeps it, so the lake is asked only where one is not known to.
    pub(super) async fn listed(
        &self,
        store: &dyn ObjectStore,
        table: &TableName,
        places: &IndexPlaces,
        mut files: impl Iterator<Item = &str>,
    ) -> Result<Listed, PortError> {
        let known = self.state().listed.get(table).cloned();
        if let Some(known) = known.filter(|known| files.all(|file| known.contains_key(file))) {
            return Ok(known);
        }
        let listed = Arc::new(indexed::list(store, places, &places.prefix()).await?);
        self.state().listed.insert(table.clone(), Arc::clone(&listed));
        Ok(listed)
    }

    /// What is known of the table's files is known no more.
    pub(super) fn forget(&self, table: &TableName) {
        self.state().listed.remove(table);
    }

    /// The index at that address.
    pub(super) async fn get(&self, store: &dyn ObjectStore, uri: &str) -> Result<Got, PortError> {
        if let Some(index) = self.state().get(uri) {
            return Ok(Got::Index(index));
        }
        let bytes = match store.read(&object::id(uri)?).await {
            Err(error) if error.kind == Kind::Rejected => return Ok(Got::Gone),
            bytes => bytes.map_err(|error| error.context(format!("reading {uri}")))?,
        };
        let index = match Index::open(&bytes) {
            Ok(index) => Arc::new(index),
            Err(error) => return Ok(Got::Damaged(format!("{uri}: {error}; delete it, and it is made anew"))),
        };
        self.state().keep(uri, &index, self.most_bytes);
        Ok(Got::Index(index))
    }
}

impl State {
    fn get(&mut self, uri: &str) -> Option<Arc<Index>> {
        let (index, used) = self.indexes.get_mut(uri)?;
        self.uses += 1;
        let before = std::mem::replace(used, self.uses);
        if let Some(uri) = self.used.remove(&before) {
            self.used.insert(self.uses, uri);
        }
        Some(Arc::clone(index))
    }

    fn keep(&mut self, uri: &str, index: &Arc<Index>, most_bytes: usize) {
        if index.bytes() > most_bytes || self.indexes.contains_key(uri) {
            return;
        }
        while self.bytes + index.bytes() > most_bytes {
            let Some((_, oldest)) = self.used.pop_first() else {
                break;
            };
            if let Some((gone, _)) = self.indexes.remove(&oldest) {
                self.bytes -= gone.bytes();
            }
        }
        self.uses += 1;
        self.bytes += index.bytes();
        self.used.insert(self.uses, uri.into());
        self.indexes.insert(uri.into(), (Arc::clone(index), self.uses));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watershed_search::Builder;

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let builder = Builder::new(&["a".into()], 0).expect("a builder");
        let bytes = builder.finish().expect("an index");
        let index = Arc::new(Index::open(&bytes).expect("an index"));
        let (mut state, most) = (State::default(), 2 * index.bytes());
        for uri in ["1", "2"] {
            state.keep(uri, &index, most);
        }
        assert!(state.get("1").is_some());
        state.keep("3", &index, most);
        assert!(state.get("2").is_none());
        assert!(state.get("1").is_some() && state.get("3").is_some());
        assert_eq!(state.bytes, most);
        state.keep("4", &index, index.bytes() - 1);
        assert!(state.get("4").is_none(), "it has no room at all");
    }
}

//! How many keys repeat an earlier one. Memory flat in the keys.

use super::{
    ascending::Ascending,
    search::{MAX_KEYS_IN_MEMORY, Search},
};
use std::{
    io,
    path::{Path, PathBuf},
};
use watershed_contract::limits::MAX_DUPLICATE_RULES;

/// Keys that one counter holds in memory: all of a dataset's hold together what the primary key holds.
pub const MAX_COUNTED_IN_MEMORY: usize = MAX_KEYS_IN_MEMORY / MAX_DUPLICATE_RULES;

/// Counts keys that repeat an earlier one.
pub struct Repeats {
    mode: Mode,
    keys: u64,
    /// Repetitions that were told at once.
    told: u64,
    scratch: PathBuf,
    limit: usize,
}

enum Mode {
    /// Every key so far is greater than the one before.
    Ascending(Ascending),
    Search(Search),
}

impl Repeats {
    /// Scratch files go to the folder `scratch`, which must be.
    pub fn new(scratch: &Path) -> Self {
        Self::with_limit(scratch, MAX_COUNTED_IN_MEMORY)
    }

    fn with_limit(scratch: &Path, limit: usize) -> Self {
        Self {
            mode: Mode::Ascending(Ascending::default()),
            keys: 0,
            told: 0,
            scratch: scratch.into(),
            limit,
        }
    }

    /// Takes up a key.
    pub fn insert(&mut self, key: u128) -> io::Result<()> {
        let ordinal = self.keys;
        self.keys += 1;
        let fresh = match &mut self.mode {
            Mode::Search(search) => search.insert(key, ordinal)?,
            Mode::Ascending(ascending) => {
                if ascending.push(key, &self.scratch)? {
                    return Ok(());
                }
                let mut search = Search::new(&self.scratch, self.limit);
                let mut earlier = 0;
                std::mem::take(ascending).replay(&mut |key| {
                    search.insert(key, earlier)?;
                    earlier += 1;
                    Ok(())
                })?;
                let fresh = search.insert(key, ordinal)?;
                self.mode = Mode::Search(search);
                fresh
            }
        };
        self.told += u64::from(!fresh);
        Ok(())
    }

    /// How many repeat an earlier one.
    pub fn finish(self) -> io::Result<u64> {
        match self.mode {
            Mode::Ascending(_) => Ok(0),
            Mode::Search(search) => Ok(self.told + search.repeated()?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn repetitions_are_all_keys_less_the_different_ones(
            keys in proptest::collection::vec(0_u128..60, 0..200),
            limit in 0_usize..80,
        ) {
            let scratch = tempfile::tempdir().unwrap();
            let mut repeats = Repeats::with_limit(scratch.path(), limit);
            for key in &keys {
                repeats.insert(*key).unwrap();
            }
            let different: HashSet<_> = keys.iter().collect();
            prop_assert_eq!(repeats.finish().unwrap(), (keys.len() - different.len()) as u64);
            prop_assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
        }
    }
}

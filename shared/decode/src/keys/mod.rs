//! Primary keys within one object: which row has a key that an earlier one has. Memory flat in rows.
//!
//! Keys of at most 128 bits are taken as they are, others as their digest (XXH3). As long as each is greater than the one before, none
//! can be a repetition, and they are only noted down, as differences ([`Ascending`]): exports mostly come in the order of
//! their key. From the first one that is not, keys are looked up: the first ones are held, the others go to scratch files by hash and are
//! compared at the end ([`Search`]).

mod ascending;
mod key;
mod order;
mod repeats;
mod search;

pub use key::{compare, keys};
pub use order::{KeyRange, NotAscending};
pub use repeats::{MAX_COUNTED_IN_MEMORY, Repeats};
pub use search::{MAX_DUPLICATES, MAX_KEYS_IN_MEMORY, TooManyDuplicates};

use ascending::Ascending;
use order::InOrder;
use search::Search;
use std::{
    io,
    path::{Path, PathBuf},
};

/// Finds repeated keys.
pub struct KeyIndex {
    mode: Mode,
    ordinal: u64,
    duplicates: Vec<u64>,
    scratch: PathBuf,
    limit: usize,
}

enum Mode {
    /// First pass, every key so far greater than the one before.
    Ascending(Ascending),
    /// First pass: find out.
    Search(Search),
    /// Of a part: whether they ascend is all that is asked.
    InOrder(InOrder),
    /// Second pass: the first one found these ordinals, in order.
    Known { next: usize },
}

impl KeyIndex {
    /// Holds at most [`MAX_KEYS_IN_MEMORY`]; scratch files go to the folder `scratch`, which must be.
    pub fn new(scratch: &Path) -> Self {
        Self::with_limit(scratch, MAX_KEYS_IN_MEMORY)
    }

    fn with_limit(scratch: &Path, limit: usize) -> Self {
        Self {
            mode: Mode::Ascending(Ascending::default()),
            ordinal: 0,
            duplicates: Vec::new(),
            scratch: scratch.into(),
            limit,
        }
    }

    /// For a part of an object, whose keys are unique if they ascend and those of the parts do ([`KeyIndex::order`]).
    pub fn in_order() -> Self {
        Self {
            mode: Mode::InOrder(InOrder::default()),
            ..Self::known(Vec::new())
        }
    }

    /// Of a part: the first and last of its keys; none, where it has none; an error, where they do not ascend.
    pub fn order(&self) -> Result<Option<KeyRange>, NotAscending> {
        match &self.mode {
            Mode::InOrder(order) => order.range(),
            _ => Ok(None),
        }
    }

    /// For a second pass over the same rows, where the first found these.
    pub fn known(duplicates: Vec<u64>) -> Self {
        Self {
            mode: Mode::Known { next: 0 },
            ordinal: 0,
            duplicates,
            scratch: PathBuf::new(),
            limit: 0,
        }
    }

    /// False where the key is known to have come before.
    #[inline]
    pub fn insert(&mut self, key: u128) -> io::Result<bool> {
        let ordinal = self.ordinal;
        self.ordinal += 1;
        if let Mode::Ascending(ascending) = &mut self.mode
            && ascending.push(key, &self.scratch)?
        {
            return Ok(true);
        }
        self.look_up(key, ordinal)
    }

    fn look_up(&mut self, key: u128, ordinal: u64) -> io::Result<bool> {
        let fresh = match &mut self.mode {
            Mode::Known { next } => {
                let duplicate = self.duplicates.get(*next) == Some(&ordinal);
                *next += usize::from(duplicate);
                return Ok(!duplicate);
            }
            Mode::InOrder(order) => {
                order.push(key);
                return Ok(true);
            }
            Mode::Search(search) => search.insert(key, ordinal)?,
            Mode::Ascending(ascending) => {
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
        if !fresh {
            self.duplicates.push(ordinal);
        }
        Ok(fresh)
    }

    /// True where more rows repeat a key than one object may have.
    pub fn too_many(&self) -> bool {
        self.duplicates.len() > MAX_DUPLICATES
    }

    /// None: every duplicate was told by [`KeyIndex::insert`]. Otherwise the ordinals of all of them, for a second pass.
    pub fn finish(mut self) -> io::Result<Result<Option<Vec<u64>>, TooManyDuplicates>> {
        let Mode::Search(search) = self.mode else {
            return Ok(Ok(None));
        };
        let told = self.duplicates.len();
        if let Err(too_many) = search.duplicates(&mut self.duplicates)? {
            return Ok(Err(too_many));
        }
        if self.duplicates.len() == told {
            return Ok(Ok(None));
        }
        self.duplicates.sort_unstable();
        Ok(Ok(Some(self.duplicates)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn both_passes_find_every_repetition_once(
            ascending in proptest::collection::vec(1_u128..1 << 60, 0..100),
            then in proptest::collection::vec(0_u128..40, 0..200),
            limit in 0_usize..150,
        ) {
            let mut last = 20;
            let ascending = ascending.iter().map(|step| {
                last += step;
                last
            });
            let keys: Vec<u128> = ascending.chain(then).collect();
            let scratch = tempfile::tempdir().unwrap();
            let mut before = HashSet::new();
            let expected: Vec<u64> = (0..).zip(&keys).filter(|(_, key)| !before.insert(**key)).map(|(at, _)| at).collect();
            let mut index = KeyIndex::with_limit(scratch.path(), limit);
            let mut told = Vec::new();
            for (at, key) in (0..).zip(&keys) {
                if !index.insert(*key).unwrap() {
                    told.push(at);
                }
            }
            if let Some(all) = index.finish().unwrap().unwrap() {
                prop_assert_eq!(&all, &expected);
                let mut second = KeyIndex::known(all);
                told = (0..).zip(&keys).filter(|(_, key)| !second.insert(**key).unwrap()).map(|(at, _)| at).collect();
            }
            prop_assert_eq!(told, expected);
            prop_assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
        }
    }
}

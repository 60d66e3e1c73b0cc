//! Keys that come in any order.

use super::key::{Mixed, mix};
use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// Keys held in memory: what fits a table of 2^20 places, about 18 MB.
pub const MAX_KEYS_IN_MEMORY: usize = 917_504;
/// Rows of one object that may repeat a key. More, and the key is not the key.
pub const MAX_DUPLICATES: usize = 2_000_000;
/// Scratch files: each is loaded alone, so that a billion keys take 24 bytes × 4 million at a time.
const BUCKETS: usize = 256;
/// Write buffer of a scratch file.
const BUCKET_BUFFER_BYTES: usize = 16 * 1024;
/// A key and the row's ordinal.
const ENTRY_BYTES: usize = 24;

/// More rows repeat a key than [`MAX_DUPLICATES`].
#[derive(Debug, thiserror::Error)]
#[error("more than {MAX_DUPLICATES} rows repeat a primary key: mend the contract's primary key, or the file")]
pub struct TooManyDuplicates;

/// The first keys in memory, the others in scratch files.
pub struct Search {
    seen: HashSet<u128, Mixed>,
    limit: usize,
    scratch: PathBuf,
    buckets: Vec<Bucket>,
}

impl Search {
    /// Holds at most `limit` keys.
    pub fn new(scratch: &Path, limit: usize) -> Self {
        Self {
            seen: HashSet::default(),
            limit,
            scratch: scratch.into(),
            buckets: Vec::new(),
        }
    }

    /// False where the key is among those held.
    pub fn insert(&mut self, key: u128, ordinal: u64) -> io::Result<bool> {
        if self.seen.len() < self.limit {
            return Ok(self.seen.insert(key));
        }
        if self.seen.contains(&key) {
            return Ok(false);
        }
        if self.buckets.is_empty() {
            self.buckets = (0..BUCKETS)
                .map(|number| Bucket::create(&self.scratch, number))
                .collect::<io::Result<_>>()?;
        }
        // The high bits choose the file: the low ones chose the place in the table.
        self.buckets[(mix(key) >> 56) as usize % BUCKETS].push(key, ordinal)?;
        Ok(true)
    }

    /// How many keys in the scratch files repeat another there.
    pub fn repeated(self) -> io::Result<u64> {
        let mut found = 0;
        for bucket in self.buckets {
            found += repeated(&bucket.entries()?).count() as u64;
        }
        Ok(found)
    }

    /// Appends the ordinals of the keys in the scratch files that repeat another there.
    pub fn duplicates(self, found: &mut Vec<u64>) -> io::Result<Result<(), TooManyDuplicates>> {
        for bucket in self.buckets {
            bucket.duplicates(found)?;
            if found.len() > MAX_DUPLICATES {
                return Ok(Err(TooManyDuplicates));
            }
        }
        Ok(Ok(()))
    }
}

struct Bucket {
    file: BufWriter<File>,
}

impl Bucket {
    /// The file has no name once it is open: nothing stays behind, whatever happens.
    fn create(scratch: &Path, number: usize) -> io::Result<Self> {
        let path = scratch.join(format!("keys-{number:03}"));
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(Self {
            file: BufWriter::with_capacity(BUCKET_BUFFER_BYTES, file),
        })
    }

    fn push(&mut self, key: u128, ordinal: u64) -> io::Result<()> {
        self.file.write_all(&key.to_le_bytes())?;
        self.file.write_all(&ordinal.to_le_bytes())
    }

    fn duplicates(self, found: &mut Vec<u64>) -> io::Result<()> {
        found.extend(repeated(&self.entries()?).take(MAX_DUPLICATES + 1));
        Ok(())
    }

    /// Keys and ordinals, in order.
    fn entries(self) -> io::Result<Vec<(u128, u64)>> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        let entries = file.stream_position()? as usize / ENTRY_BYTES;
        file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(file);
        let mut keys = Vec::with_capacity(entries);
        let mut entry = [0; ENTRY_BYTES];
        for _ in 0..entries {
            reader.read_exact(&mut entry)?;
            let (key, ordinal) = entry.split_at(16);
            keys.push((
                u128::from_le_bytes(*key.first_chunk().expect("16 bytes")),
                u64::from_le_bytes(*ordinal.first_chunk().expect("8 bytes")),
            ));
        }
        keys.sort_unstable();
        Ok(keys)
    }
}

/// Ordinals of the entries that repeat the key before them.
fn repeated(entries: &[(u128, u64)]) -> impl Iterator<Item = u64> {
    let pairs = entries.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    pairs.map(|pair| pair[1].1)
}

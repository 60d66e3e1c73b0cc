//! Primary keys within one object: which row has a key that an earlier one has. Exact up to a 128-bit digest (XXH3), memory flat
//! in rows: the first keys are held, the others go to scratch files by digest and are compared at the end.

use arrow_array::{
    Array, ArrayRef,
    cast::AsArray,
    types::{
        Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, Time64MicrosecondType,
        TimestampMicrosecondType,
    },
};
use arrow_schema::{DataType, TimeUnit};
use std::{
    collections::HashSet,
    fs::File,
    hash::{BuildHasherDefault, Hasher},
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};
use xxhash_rust::xxh3::xxh3_128;

/// Keys held in memory: what fits a table of 2^20 places, about 18 MB.
pub const MAX_KEYS_IN_MEMORY: usize = 917_504;
/// Rows of one object that may repeat a key. More, and the key is not the key.
pub const MAX_DUPLICATES: usize = 2_000_000;
/// Scratch files: each is loaded alone, so that a billion keys take 24 bytes × 4 million at a time.
const BUCKETS: usize = 256;
/// Write buffer of a scratch file.
const BUCKET_BUFFER_BYTES: usize = 16 * 1024;
/// A digest and the row's ordinal.
const ENTRY_BYTES: usize = 24;

/// Finds repeated keys.
pub struct KeyIndex {
    mode: Mode,
    ordinal: u64,
    duplicates: Vec<u64>,
}

enum Mode {
    /// First pass: find out.
    Search {
        seen: HashSet<u128, Identity>,
        limit: usize,
        scratch: PathBuf,
        spilled: Option<Spill>,
    },
    /// Second pass: the first one found these ordinals, in order.
    Known { next: usize },
}

/// More rows repeat a key than [`MAX_DUPLICATES`].
#[derive(Debug, thiserror::Error)]
#[error("more than {MAX_DUPLICATES} rows repeat a primary key: mend the contract's primary key, or the file")]
pub struct TooManyDuplicates;

impl KeyIndex {
    /// Holds at most [`MAX_KEYS_IN_MEMORY`]; scratch files go to the folder `scratch`, which must be.
    pub fn new(scratch: &Path) -> Self {
        Self::with_limit(scratch, MAX_KEYS_IN_MEMORY)
    }

    fn with_limit(scratch: &Path, limit: usize) -> Self {
        let mode = Mode::Search {
            seen: HashSet::default(),
            limit,
            scratch: scratch.into(),
            spilled: None,
        };
        Self {
            mode,
            ordinal: 0,
            duplicates: Vec::new(),
        }
    }

    /// For a second pass over the same rows, where the first found these.
    pub fn known(duplicates: Vec<u64>) -> Self {
        Self {
            mode: Mode::Known { next: 0 },
            ordinal: 0,
            duplicates,
        }
    }

    /// False where the key is known to have come before.
    pub fn insert(&mut self, key: u128) -> io::Result<bool> {
        let ordinal = self.ordinal;
        self.ordinal += 1;
        match &mut self.mode {
            Mode::Known { next } => {
                let duplicate = self.duplicates.get(*next) == Some(&ordinal);
                *next += usize::from(duplicate);
                Ok(!duplicate)
            }
            Mode::Search {
                seen,
                limit,
                scratch,
                spilled,
            } => {
                let fresh = if seen.len() < *limit {
                    seen.insert(key)
                } else if seen.contains(&key) {
                    false
                } else {
                    if spilled.is_none() {
                        *spilled = Some(Spill::create(scratch)?);
                    }
                    spilled.as_mut().map_or(Ok(()), |spill| spill.push(key, ordinal))?;
                    true
                };
                if !fresh {
                    self.duplicates.push(ordinal);
                }
                Ok(fresh)
            }
        }
    }

    /// True where more rows repeat a key than one object may have.
    pub fn too_many(&self) -> bool {
        self.duplicates.len() > MAX_DUPLICATES
    }

    /// None: every duplicate was told by [`KeyIndex::insert`]. Otherwise the ordinals of all of them, for a second pass.
    pub fn finish(mut self) -> io::Result<Result<Option<Vec<u64>>, TooManyDuplicates>> {
        let Mode::Search {
            spilled: Some(spill), ..
        } = self.mode
        else {
            return Ok(Ok(None));
        };
        let told = self.duplicates.len();
        for bucket in spill.buckets {
            bucket.duplicates(&mut self.duplicates)?;
            if self.duplicates.len() > MAX_DUPLICATES {
                return Ok(Err(TooManyDuplicates));
            }
        }
        if self.duplicates.len() == told {
            return Ok(Ok(None));
        }
        self.duplicates.sort_unstable();
        Ok(Ok(Some(self.duplicates)))
    }
}

struct Spill {
    buckets: Vec<Bucket>,
}

impl Spill {
    fn create(scratch: &Path) -> io::Result<Self> {
        let buckets = (0..BUCKETS)
            .map(|number| Bucket::create(scratch, number))
            .collect::<io::Result<_>>()?;
        Ok(Self { buckets })
    }

    fn push(&mut self, key: u128, ordinal: u64) -> io::Result<()> {
        // The high bits choose the file: the low ones chose the place in the table.
        let bucket = &mut self.buckets[(key >> 120) as usize % BUCKETS];
        bucket.file.write_all(&key.to_le_bytes())?;
        bucket.file.write_all(&ordinal.to_le_bytes())
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

    fn duplicates(self, found: &mut Vec<u64>) -> io::Result<()> {
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
        let repeated = keys
            .windows(2)
            .filter(|pair| pair[0].0 == pair[1].0)
            .map(|pair| pair[1].1);
        found.extend(repeated.take(MAX_DUPLICATES + 1));
        Ok(())
    }
}

/// Keys are digests already.
#[derive(Debug, Default, Clone, Copy)]
struct IdentityHasher(u64);
type Identity = BuildHasherDefault<IdentityHasher>;

impl Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes
            .iter()
            .fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }
    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

/// Digests of the rows' keys: each value as fixed-width or length-prefixed bytes, nulls apart.
pub fn digests(columns: &[ArrayRef]) -> Vec<u128> {
    let rows = columns.first().map_or(0, Array::len);
    let mut bytes = Vec::new();
    (0..rows)
        .map(|row| {
            bytes.clear();
            for column in columns {
                bytes.push(u8::from(column.is_valid(row)));
                if column.is_valid(row) {
                    append(column, row, &mut bytes);
                }
            }
            xxh3_128(&bytes)
        })
        .collect()
}

fn append(column: &ArrayRef, row: usize, out: &mut Vec<u8>) {
    match column.data_type() {
        DataType::Boolean => out.push(u8::from(column.as_boolean().value(row))),
        DataType::Int32 => out.extend(column.as_primitive::<Int32Type>().value(row).to_le_bytes()),
        DataType::Int64 => out.extend(column.as_primitive::<Int64Type>().value(row).to_le_bytes()),
        DataType::Float32 => out.extend(column.as_primitive::<Float32Type>().value(row).to_le_bytes()),
        DataType::Float64 => out.extend(column.as_primitive::<Float64Type>().value(row).to_le_bytes()),
        DataType::Decimal128(..) => out.extend(column.as_primitive::<Decimal128Type>().value(row).to_le_bytes()),
        DataType::Date32 => out.extend(column.as_primitive::<Date32Type>().value(row).to_le_bytes()),
        DataType::Time64(_) => out.extend(column.as_primitive::<Time64MicrosecondType>().value(row).to_le_bytes()),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            out.extend(
                column
                    .as_primitive::<TimestampMicrosecondType>()
                    .value(row)
                    .to_le_bytes(),
            );
        }
        DataType::Utf8 => append_bytes(column.as_string::<i32>().value(row).as_bytes(), out),
        DataType::Binary => append_bytes(column.as_binary::<i32>().value(row), out),
        other => unreachable!("{other} is not the type of a column"),
    }
}

fn append_bytes(value: &[u8], out: &mut Vec<u8>) {
    out.extend((value.len() as u64).to_le_bytes());
    out.extend(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_passes_find_every_repetition_once(keys in proptest::collection::vec(0_u128..40, 0..200), limit in 0_usize..50) {
            let keys: Vec<u128> = keys.iter().map(|key| xxh3_128(&key.to_le_bytes())).collect();
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

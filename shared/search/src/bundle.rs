//! An index as bytes: a head, then its files.
//!
//! ```text
//! WSIX  format u32  checksum u64 (XXH3 of all behind it)  first row u64  files u32
//! then for each file: length of its name u32, its name, its length u64, its bytes
//! ```
//! All numbers are little endian. tantivy names files by a number drawn at random: here it is 0, so that the same rows give the same bytes.

use crate::IndexError;
use bytes::Bytes;
use std::path::{Path, PathBuf};
use tantivy::{
    Index,
    directory::{Directory, RamDirectory},
};
use watershed_lake::layout::INDEX_FORMAT;
use xxhash_rust::xxh3::xxh3_64;

const MAGIC: &[u8; 4] = b"WSIX";
/// Of magic, format and checksum.
const HEAD_BYTES: usize = 16;
/// tantivy's list of what there is.
const META: &str = "meta.json";
/// The number that stands for the one drawn at random, as names and as the list have it.
const NO_NUMBER: [&str; 2] = [
    "00000000000000000000000000000000",
    "00000000-0000-0000-0000-000000000000",
];

/// Files of an index.
type Files = Vec<(String, Vec<u8>)>;

fn files(index: &Index) -> Result<Files, IndexError> {
    let segments = index.searchable_segment_metas()?;
    let drawn = segments.first().map(|segment| segment.id().uuid_string());
    let drawn = drawn.ok_or_else(|| IndexError("has no part".into()))?;
    let dashed = [&drawn[..8], &drawn[8..12], &drawn[12..16], &drawn[16..20], &drawn[20..]].join("-");
    let directory = index.directory();
    let io = |path: &Path, error: &dyn std::fmt::Display| IndexError(format!("has no {}: {error}", path.display()));
    let meta = directory
        .atomic_read(Path::new(META))
        .map_err(|error| io(Path::new(META), &error))?;
    let meta = String::from_utf8_lossy(&meta).replace(&dashed, NO_NUMBER[1]);
    let mut found = vec![(META.to_string(), meta.replace(&drawn, NO_NUMBER[0]).into_bytes())];
    let mut paths: Vec<PathBuf> = index.load_metas()?.list_segment_files().into_iter().collect();
    paths.sort();
    for path in paths {
        // The list names more than there is: no row is deleted.
        if !directory.exists(&path).map_err(|error| io(&path, &error))? {
            continue;
        }
        let bytes = directory.atomic_read(&path).map_err(|error| io(&path, &error))?;
        found.push((path.to_string_lossy().replace(&drawn, NO_NUMBER[0]), bytes));
    }
    Ok(found)
}

/// The bytes of an index of one part.
pub(crate) fn write(index: &Index, first_row: u64) -> Result<Bytes, IndexError> {
    let files = files(index)?;
    let size: usize = files.iter().map(|(name, bytes)| name.len() + bytes.len() + 12).sum();
    let mut out = Vec::with_capacity(HEAD_BYTES + 12 + size);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&INDEX_FORMAT.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&first_row.to_le_bytes());
    out.extend_from_slice(&(files.len() as u32).to_le_bytes());
    for (name, bytes) in files {
        out.extend_from_slice(&(name.len() as u32).to_le_bytes());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(&bytes);
    }
    let checksum = xxh3_64(&out[HEAD_BYTES..]);
    out[8..HEAD_BYTES].copy_from_slice(&checksum.to_le_bytes());
    Ok(out.into())
}

/// Takes from the front of bytes.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn take(&mut self, length: u64) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
}

/// Its files, and the row of its file that is its first one.
pub(crate) fn read(bytes: &[u8]) -> Result<(RamDirectory, u64), IndexError> {
    let mut rest = Rest(bytes);
    let damaged = |what: &str| IndexError(format!("is damaged: {what}"));
    if rest.take(4) != Some(MAGIC) {
        return Err(damaged("it does not begin as one"));
    }
    let format = rest.u32();
    if format != Some(INDEX_FORMAT) {
        return Err(damaged(&format!("format {format:?}, not {INDEX_FORMAT}")));
    }
    if rest.u64() != Some(xxh3_64(rest.0)) {
        return Err(damaged("its checksum is another"));
    }
    let directory = RamDirectory::create();
    let mut files = || {
        let first_row = rest.u64()?;
        for _ in 0..rest.u32()? {
            let length = rest.u32()?;
            let name = std::str::from_utf8(rest.take(length.into())?).ok()?;
            let length = rest.u64()?;
            directory.atomic_write(Path::new(name), rest.take(length)?).ok()?;
        }
        Some(first_row)
    };
    let first_row = files().ok_or_else(|| damaged("it ends too early"))?;
    Ok((directory, first_row))
}

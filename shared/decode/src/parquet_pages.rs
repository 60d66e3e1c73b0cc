//! How large the pages of a Parquet file say they are. The library makes room for what a page's header says before it looks at the page:
//! a file of two thousand bytes would take two gigabytes of memory.

use crate::reject::{ObjectReject, Reason, shown};
use parquet::file::{
    metadata::{ColumnChunkMetaData, ParquetMetaData},
    reader::ChunkReader,
};
use std::io::{BufRead, BufReader, Read};

/// Largest page, decompressed, in bytes. Writers make pages of one megabyte, unless one value is larger.
pub const MAX_PAGE_BYTES: u32 = 128 << 20;
/// Most pages of the columns that are read: each costs a look at the file. Writers make pages of 20,000 rows, or larger ones.
const MAX_PAGES: usize = 1 << 20;
/// Longest header of a page: it holds the least and the greatest value of the page.
const MAX_HEADER_BYTES: u64 = 16 << 20;
/// Structs and lists inside each other in a header.
const MAX_DEPTH: u8 = 8;

/// Refuses a file with a page that is too large in a column that is `wanted`. Headers alone are read; where one is none, the library says so later.
pub fn check(
    file: &impl ChunkReader,
    metadata: &ParquetMetaData,
    wanted: impl Fn(usize) -> bool,
) -> Result<(), ObjectReject> {
    let mut pages = 0;
    for group in metadata.row_groups() {
        for (_, column) in group.columns().iter().enumerate().filter(|(index, _)| wanted(*index)) {
            let largest = largest_page(file, column, &mut pages);
            if pages > MAX_PAGES {
                let message = format!("the columns have more than {MAX_PAGES} pages: write larger ones");
                return Err(ObjectReject::safe(Reason::Limit, message));
            }
            if largest > MAX_PAGE_BYTES {
                let message = format!(
                    "column {} has a page of {largest} bytes, the largest that is read has {MAX_PAGE_BYTES}: write smaller pages",
                    shown(column.column_path().string().as_bytes())
                );
                let told = format!(
                    "a column has a page of {largest} bytes, the largest that is read has {MAX_PAGE_BYTES}: write smaller pages"
                );
                return Err(ObjectReject::new(Reason::Limit, message).without(told));
            }
        }
    }
    Ok(())
}

/// Of the column's pages, as far as their headers can be read; and counts them.
fn largest_page(file: &impl ChunkReader, column: &ColumnChunkMetaData, pages: &mut usize) -> u32 {
    let (mut at, length) = column.byte_range();
    let end = at.saturating_add(length);
    let mut largest = 0;
    while at < end && *pages <= MAX_PAGES {
        *pages += 1;
        let Ok(read) = file.get_read(at) else { break };
        let mut header = Compact {
            input: BufReader::new(read.take(MAX_HEADER_BYTES)),
            read: 0,
        };
        let Some(page) = header.page() else { break };
        largest = largest.max(page.bytes);
        at += header.read + u64::from(page.compressed_bytes);
    }
    largest
}

/// What a page's header says of its size.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    bytes: u32,
    compressed_bytes: u32,
}

/// Thrift's compact protocol (Apache Thrift, "Thrift Compact protocol encoding"), as far as page headers need it.
struct Compact<R> {
    input: BufReader<R>,
    /// Bytes of it so far.
    read: u64,
}

impl<R: Read> Compact<R> {
    /// `PageHeader` of Parquet's `parquet.thrift`: field 2 is the size, 3 the compressed size.
    fn page(&mut self) -> Option<Page> {
        let (mut field, mut bytes, mut compressed) = (0_i64, None, None);
        loop {
            let head = self.byte()?;
            let kind = head & 0x0f;
            if kind == 0 {
                let (bytes, compressed) = (bytes?, compressed?);
                return Some(Page {
                    bytes: u32::try_from(bytes).ok()?,
                    compressed_bytes: u32::try_from(compressed).ok()?,
                });
            }
            field = match head >> 4 {
                0 => self.number()?,
                more => field + i64::from(more),
            };
            match field {
                2 if kind == 5 => bytes = Some(self.number()?),
                3 if kind == 5 => compressed = Some(self.number()?),
                _ => self.skip(kind, 0)?,
            }
        }
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match kind {
            1 | 2 => Some(()),
            3 => self.bytes(1),
            4..=6 => self.varint().map(drop),
            7 => self.bytes(8),
            8 => {
                let length = self.varint()?;
                self.bytes(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let length = if head >> 4 == 15 {
                    self.varint()?
                } else {
                    u64::from(head >> 4)
                };
                // In a list, either word of a boolean is a byte.
                let kind = if matches!(head & 0x0f, 1 | 2) { 3 } else { head & 0x0f };
                (0..length).try_for_each(|_| self.skip(kind, depth + 1))
            }
            12 => loop {
                let head = self.byte()?;
                let kind = head & 0x0f;
                if kind == 0 {
                    return Some(());
                }
                if head >> 4 == 0 {
                    self.number()?;
                }
                self.skip(kind, depth + 1)?;
            },
            _ => None,
        }
    }

    /// Goes over so many.
    fn bytes(&mut self, mut count: u64) -> Option<()> {
        while count > 0 {
            let there = self.input.fill_buf().ok()?.len();
            let taken = usize::try_from(count).map_or(there, |count| count.min(there));
            if taken == 0 {
                return None;
            }
            self.input.consume(taken);
            self.read += taken as u64;
            count -= taken as u64;
        }
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.input.fill_buf().ok()?.first()?;
        self.bytes(1)?;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// Zigzag.
    fn number(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(bytes: &[u8]) -> Option<(Page, u64)> {
        let mut header = Compact {
            input: BufReader::with_capacity(3, bytes),
            read: 0,
        };
        Some((header.page()?, header.read))
    }

    #[test]
    fn headers_are_read_to_their_end() {
        // type 0, sizes 32 and 36, a struct with numbers, a list, a boolean and a text in it; then the page.
        let header = b"\x15\x00\x15\x40\x15\x48\x2c\x15\x08\x15\x00\x18\x03abc\x19\x25\x02\x04\x11\x00\x00page";
        let size = (header.len() - 4) as u64;
        let expected = Page {
            bytes: 32,
            compressed_bytes: 36,
        };
        assert_eq!(page(header), Some((expected, size)));
        assert_eq!(page(&header[..10]), None);
        assert_eq!(page(b"\x15\x00\x15\x40\x00"), None, "without a compressed size");
        assert_eq!(page(&[0x1c; 100]), None, "too deep");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            if let Some((_, read)) = page(&bytes) {
                prop_assert!(read <= bytes.len() as u64);
            }
        }
    }
}

//! Which objects are read in parts, and how they are cut. Pure: the same object is cut the same way however often it is asked.

use super::text::Begun;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;
use watershed_contract::{Dataset, Encoding, Format, OnFailure, UnknownColumns};
use watershed_decode::{BLOCK_BYTES, Compression, keys};
use watershed_ports::MAX_LISTED;
use watershed_sink::arrow_schema;

/// Objects above this size are cut into parts that are read in parallel.
pub const SPLIT_ABOVE_BYTES: NonZeroU64 = NonZeroU64::new(512 << 20).expect("above 0");
/// Size of such a part, unless there would be more than [`MAX_PARTS`].
pub const PART_BYTES: NonZeroU64 = NonZeroU64::new(256 << 20).expect("above 0");
/// Objects above this size that cannot be cut so are read in a chain of parts, one after the other.
pub const CHAIN_ABOVE_BYTES: NonZeroU64 = NonZeroU64::new(2 << 30).expect("above 0");
/// Decompressed text of such a part: some minutes, where an invocation has fifteen.
pub const LINK_BYTES: NonZeroU64 = NonZeroU64::new(8 << 30).expect("above 0");
/// Most parts of an object: their records, and the mark that they were joined, are one page of a listing.
pub const MAX_PARTS: u32 = 999;
const _: () = assert!((MAX_PARTS as usize) < MAX_LISTED);
/// Bytes of the beginning that every part looks at: what stands before the records, and the block behind it that the reader looks at.
pub const BEGINNING_BYTES: usize = 2 * BLOCK_BYTES;

/// What a large object is, and how large its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// See [`SPLIT_ABOVE_BYTES`].
    pub split_above: NonZeroU64,
    /// See [`PART_BYTES`].
    pub part: NonZeroU64,
    /// See [`CHAIN_ABOVE_BYTES`].
    pub chain_above: NonZeroU64,
    /// See [`LINK_BYTES`].
    pub link: NonZeroU64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            split_above: SPLIT_ABOVE_BYTES,
            part: PART_BYTES,
            chain_above: CHAIN_ABOVE_BYTES,
            link: LINK_BYTES,
        }
    }
}

/// How an object is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Cut {
    /// Into ranges of bytes, each with the lines that begin in it; all are known at once.
    Lines {
        /// Of a range; the last may be shorter.
        part_bytes: NonZeroU64,
        /// Number of ranges.
        parts: u32,
    },
    /// Into pieces of which each is found by reading the one before.
    Chain {
        /// Of a piece, or a block more.
        part_bytes: NonZeroU64,
    },
}

impl Cut {
    /// Names the cut in keys.
    pub fn name(self) -> String {
        match self {
            Self::Lines { part_bytes, .. } => format!("lines-{part_bytes}"),
            Self::Chain { part_bytes } => format!("chain-{part_bytes}"),
        }
    }

    /// Bytes of a part.
    pub fn part_bytes(self) -> u64 {
        match self {
            Self::Lines { part_bytes, .. } | Self::Chain { part_bytes } => part_bytes.get(),
        }
    }

    /// How many parts are known from the beginning.
    pub fn first_parts(self) -> u32 {
        match self {
            Self::Lines { parts, .. } => parts,
            Self::Chain { .. } => 1,
        }
    }
}

/// Stands for [`Cut::name`] where an object is not cut.
pub const WHOLE: &str = "whole";

/// Whether objects of the dataset may be read in parts, each without a look at the others; or why not. Whatever is asked of an object as
/// a whole belongs here.
pub fn splits(dataset: &Dataset) -> Result<(), &'static str> {
    if !matches!(dataset.format, Format::Csv(_) | Format::NdJson | Format::Fixed(_)) {
        return Err("where a record of its format begins, only what stands before it tells");
    }
    // Rules that refuse rows look at each by itself.
    if dataset
        .quality
        .iter()
        .any(|rule| rule.on_failure != OnFailure::RejectRow)
    {
        return Err("a quality rule of its contract is of the object as a whole");
    }
    if matches!(dataset.unknown, UnknownColumns::Add(_)) {
        return Err("its contract adds unknown columns, which are those of the object as a whole");
    }
    let schema = arrow_schema(&dataset.table);
    let types = dataset
        .primary_key
        .iter()
        .map(|column| schema.field(*column).data_type());
    if !dataset.primary_key.is_empty() && !keys::compare(types) {
        return Err(
            "its primary key is not of numbers, dates and times of 128 bits at most, so that parts cannot tell that it is unique",
        );
    }
    Ok(())
}

/// True where an object of that size may be cut.
pub fn is_large(bytes: u64, sizes: &Sizes) -> bool {
    bytes > sizes.split_above.min(sizes.chain_above).get()
}

/// How a large object that begins so is cut; or why it is not.
pub fn cut(dataset: &Dataset, bytes: u64, beginning: &[u8], sizes: &Sizes) -> Result<Cut, &'static str> {
    splits(dataset)?;
    let cannot = match lines(dataset, bytes, beginning)? {
        Ok(()) if bytes > sizes.split_above.get() => {
            let part_bytes = sizes
                .part
                .max(NonZeroU64::new(bytes.div_ceil(MAX_PARTS.into())).unwrap_or(sizes.part));
            let parts = bytes.div_ceil(part_bytes.get());
            let parts = u32::try_from(parts).map_err(|_| "it has too many parts")?;
            return Ok(Cut::Lines { part_bytes, parts });
        }
        Ok(()) => "it is not large enough",
        Err(why) => why,
    };
    if bytes > sizes.chain_above.get() {
        let part_bytes = sizes.link;
        Ok(Cut::Chain { part_bytes })
    } else {
        Err(cannot)
    }
}

/// Whether a record is a line that any range of bytes shows, and if not, why. An error: the object cannot be cut at all.
fn lines(dataset: &Dataset, bytes: u64, beginning: &[u8]) -> Result<Result<(), &'static str>, &'static str> {
    if Compression::of(beginning) != Compression::Plain {
        return Ok(Err("it is compressed"));
    }
    let Ok(begun) = Begun::open(Box::new(beginning), Compression::Plain, dataset) else {
        return Err("it is refused as a whole");
    };
    let looked_at = begun.place().offset + BLOCK_BYTES as u64;
    if looked_at > BEGINNING_BYTES as u64 && bytes > BEGINNING_BYTES as u64 {
        return Err("what stands before its first record is too long");
    }
    if let Format::Csv(format) = &dataset.format
        && !format.records_are_lines()
    {
        return Ok(Err(
            "its records may have several lines: write multiline: false in the contract, if they have not",
        ));
    }
    if !matches!(
        dataset.encoding,
        Encoding::Utf8 | Encoding::Latin1 | Encoding::Windows1252
    ) {
        return Ok(Err("line ends of its encoding have two bytes"));
    }
    if begun.line_end() != b'\n' {
        return Ok(Err("its lines end with a carriage return alone"));
    }
    Ok(Ok(()))
}

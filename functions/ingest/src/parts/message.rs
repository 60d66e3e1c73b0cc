//! What the function says to itself of large objects: messages on its own queue, and records of parts in the lake.

use super::plan::Cut;
use crate::event::Created;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use watershed_lake::StagedFile;

/// A message on the raw queue that is no event of S3. Means the same however often and in whatever order it comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "watershed", rename_all = "snake_case")]
pub enum Message {
    /// "Read this part, and join the parts if it was the last."
    Part(Part),
    /// "Read this object in one pass, whatever its size."
    Whole(Whole),
}

impl Message {
    /// The key that says it is one of ours.
    pub const TAG: &'static str = "watershed";

    /// `X-Ray` trace header of the event that it came of.
    pub fn trace(&self) -> Option<&str> {
        match self {
            Self::Part(part) => part.trace.as_deref(),
            Self::Whole(whole) => whole.trace.as_deref(),
        }
    }
}

/// A part of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Of which.
    pub object: Created,
    /// Digest of the contract that it was planned by.
    pub contract: String,
    /// How the object is cut.
    pub cut: Cut,
    /// Which part, from 0.
    pub index: u32,
    /// The records that begin at or behind this byte of the (decompressed) object…
    pub start: u64,
    /// …and before this one are the part's. In a chain the last one is that of a block, and may be some more.
    pub end: u64,
    /// See [`Message::trace`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// An object that is not to be read in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whole {
    /// Which.
    pub object: Created,
    /// Why not.
    pub why: String,
    /// See [`Message::trace`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// What came of a part: a function of the object, the contract and the cut.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Digest of the contract.
    pub contract: String,
    /// Rows in the data files.
    pub accepted: u64,
    /// Refused rows by the code of their reason.
    pub refused: BTreeMap<String, u64>,
    /// Bytes read of the object.
    pub bytes_in: u64,
    /// Line ends: of the first part from the object's beginning, of others from their first record.
    pub lines: u64,
    /// First and last primary key, as `decode::keys::KeyRange` writes them; none: it has no rows, or the table has no key.
    pub keys: Option<String>,
    /// Data files, below the table's staged prefix.
    pub data: Vec<StagedFile>,
    /// Files of refused rows whose lines count from the part's first, below `PartPlaces::refused`.
    pub quarantine: Vec<StagedFile>,
    /// In a chain: where the next part begins; none: the object ends here.
    pub next: Option<u64>,
    /// Why the object must be read in one pass, if it must: then nothing else counts.
    pub whole: Option<String>,
}

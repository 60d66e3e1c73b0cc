//! What functions say to each other, as JSON.

use crate::{added::AddedColumn, lineage::Run, table::TableName};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Data files that one request may name. With [`MAX_REQUEST_BYTES`] it bounds the queue's message.
pub const MAX_FILES_PER_REQUEST: usize = 5_000;
/// Largest request as JSON, in bytes (Amazon SQS quotas: a message has at most 1 MiB; the rest is for attributes).
pub const MAX_REQUEST_BYTES: usize = 1_000_000;

/// Position of a version of a source among the versions of that source, or of a record among those of a stream's shard. Compared
/// bytewise; only values of one kind of source are ever compared, and each constructor makes them so that this is their order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceOrder(String);

/// Of an object that no event told of: any event's is newer.
pub const NO_SEQUENCER: &str = "0";

/// Hex digits that an S3 sequencer is padded to.
const SEQUENCER_WIDTH: usize = 32;
/// Decimal digits that a sequence number of Kinesis has at most (Amazon Kinesis Data Streams API Reference, "SequenceNumberRange":
/// `0|([1-9]\d{0,128})`).
const MAX_SEQUENCE_DIGITS: usize = 129;
/// Decimal digits of the largest sub-sequence number, and of the largest epoch.
const SUB_SEQUENCE_WIDTH: usize = 20;

/// Is no sequence number of Kinesis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a sequence number of Kinesis: give the record's, 1 to {MAX_SEQUENCE_DIGITS} decimal digits")]
pub struct BadSequenceNumber(pub String);

impl SourceOrder {
    /// Of a version of an S3 object, read by a version of its contract. The sequencer comes first: a newer object wins over a
    /// newer contract. Amazon S3, "Event message structure": pad the shorter sequencer with zeros on the right, then compare
    /// as text.
    pub fn s3(sequencer: &str, contract_version: (u32, u32, u32)) -> Self {
        let (major, minor, patch) = contract_version;
        let sequencer = sequencer.to_ascii_uppercase();
        Self(format!(
            "{sequencer:0<SEQUENCER_WIDTH$}.{major:06}.{minor:06}.{patch:06}"
        ))
    }

    /// Of a record of a shard of a Kinesis stream, or of all up to it. Sequence numbers ascend within a shard, as numbers of any
    /// length (Amazon Kinesis Data Streams, "Amazon Kinesis Data Streams Terminology and concepts"); `sub_sequence` is the place in an
    /// aggregated record, and 0 of any other (the same, "KPL aggregation"). The number of digits comes first, so that longer numbers
    /// are greater.
    ///
    /// Errors: `sequence_number` is none.
    pub fn kinesis(sequence_number: &str, sub_sequence: u64) -> Result<Self, BadSequenceNumber> {
        let digits = match sequence_number.trim_start_matches('0') {
            "" if !sequence_number.is_empty() => "0",
            digits => digits,
        };
        let length = digits.len();
        if length == 0 || length > MAX_SEQUENCE_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(BadSequenceNumber(sequence_number.into()));
        }
        Ok(Self(format!(
            "{length:03}.{digits}.{sub_sequence:0SUB_SEQUENCE_WIDTH$}"
        )))
    }

    /// Of what was made in the `number`-th epoch of a table that is made of others.
    pub fn epoch(number: u64) -> Self {
        Self(format!("{number:0SUB_SEQUENCE_WIDTH$}"))
    }

    /// The sequencer that [`Self::s3`] was given, padded: given to it again, it is of the same order.
    pub fn sequencer(&self) -> &str {
        self.0.split_once('.').map_or(&self.0, |(sequencer, _)| sequencer)
    }

    /// The text that is compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A data file that stands in the lake, and that no snapshot names yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StagedFile {
    /// Relative to [`CommitRequest::prefix`].
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
}

/// "Of this source, the table shall hold these files and no others, unless it knows of a newer version." With [`Self::append`]: "of
/// this source, what lies between these two positions is these files."
///
/// Sent to the commit queue by every function that makes data files. Means the same however often and in whatever order it
/// arrives. No files: the version has no rows for this table (and whatever older versions had, goes).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitRequest {
    /// `database.table`.
    pub table: TableName,
    /// Id of the contract that describes the table: the committer creates it from there.
    pub contract: String,
    /// What the rows were made of: `s3://bucket/key`, or `kinesis://stream/shard`.
    pub source: String,
    /// Which version of the source this is; of an append, the position of the last record that is in it.
    pub order: SourceOrder,
    /// Names this very request; equal for the same files of the same version. 32 hex digits.
    pub token: String,
    /// `s3://bucket/key/` that every path is relative to: below the source's prefix, of an append below the position's
    /// ([`crate::layout::position_prefix`]).
    pub prefix: String,
    /// At most [`MAX_FILES_PER_REQUEST`].
    pub files: Vec<StagedFile>,
    /// `X-Ray` trace header of the invocation that made the request, so that one trace spans the flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Columns of the files that the contract does not name: the committer adds them to the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<AddedColumn>,
    /// The files come beside those that the table holds of the source; none: they replace them. A source is of one kind for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub append: Option<Append>,
    /// Who made the files, of what; none: nothing is told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
}

/// A request does not fit in one message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{source_uri} makes {files} files of {table}, more than one request names ({MAX_FILES_PER_REQUEST} files, {MAX_REQUEST_BYTES} bytes): partition by a coarser transform"
)]
pub struct TooManyFiles {
    files: usize,
    source_uri: String,
    table: TableName,
}

/// "What lies behind `after`, up to and with the request's order." Requests of one source follow on each other without gap or overlap,
/// so of each source the last position is all that the table needs to remember: whoever sends them must give the same files when it
/// does the same positions again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Append {
    /// The order of the request before; none: this is the source's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<SourceOrder>,
}

impl CommitRequest {
    /// The request with its token, which is a digest of everything that the request means.
    pub fn new(
        table: TableName,
        contract: String,
        source: String,
        order: SourceOrder,
        prefix: String,
        files: Vec<StagedFile>,
        trace: Option<String>,
    ) -> Self {
        let mut digest = crate::layout::Digest::new();
        for part in [&table.to_string(), &source, &order.0, &prefix] {
            digest.part(part.as_bytes());
        }
        for file in &files {
            digest.part(file.path.as_bytes());
            digest.part(&file.bytes.to_le_bytes());
        }
        let token = digest.hex();
        Self {
            table,
            contract,
            source,
            order,
            token,
            prefix,
            files,
            trace,
            added: Vec::new(),
            append: None,
            run: None,
        }
    }

    /// The same, made by that run. It is no part of what the request means, nor of its token.
    #[must_use]
    pub fn made_by(mut self, run: Run) -> Self {
        self.run = Some(run);
        self
    }

    /// The same as an append to what the table holds of the source up to `after`; none: the first. It is part of what the request
    /// means: of its token, too.
    #[must_use]
    pub fn appending(mut self, after: Option<SourceOrder>) -> Self {
        let mut digest = crate::layout::Digest::new();
        digest.part(self.token.as_bytes());
        digest.part(b"append");
        // No order is empty.
        digest.part(after.as_ref().map_or("", SourceOrder::as_str).as_bytes());
        self.token = digest.hex();
        self.append = Some(Append { after });
        self
    }

    /// The same with columns that the contract does not name. They are part of what the request means: of its token, too.
    #[must_use]
    pub fn with_added(mut self, added: Vec<AddedColumn>) -> Self {
        if !added.is_empty() {
            let mut digest = crate::layout::Digest::new();
            digest.part(self.token.as_bytes());
            for column in &added {
                digest.part(&column.id.to_le_bytes());
                digest.part(column.name.as_bytes());
                digest.part(column.kind.to_string().as_bytes());
            }
            self.token = digest.hex();
        }
        self.added = added;
        self
    }

    /// The message of the commit queue. Where all does not fit in one, it does not say who made the files.
    ///
    /// Errors: it names more than one message may.
    pub fn body(&self) -> Result<String, TooManyFiles> {
        let json = |request: &Self| serde_json::to_string(request).expect("texts, numbers and lists of them are JSON");
        let mut body = json(self);
        if body.len() > MAX_REQUEST_BYTES && self.run.is_some() {
            body = json(&Self {
                run: None,
                ..self.clone()
            });
        }
        if self.files.len() > MAX_FILES_PER_REQUEST || body.len() > MAX_REQUEST_BYTES {
            return Err(TooManyFiles {
                files: self.files.len(),
                source_uri: self.source.clone(),
                table: self.table.clone(),
            });
        }
        Ok(body)
    }

    /// Where a staged file lies.
    pub fn uri(&self, file: &StagedFile) -> String {
        format!("{}{}", self.prefix, file.path)
    }
}

/// A snapshot was made. `detail` of the EventBridge event of the same name, source [`EVENT_SOURCE`].
///
/// At least once, in no order: a consumer works from its own last snapshot to the table's current one, and takes this
/// as a reason to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableChanged {
    /// `database.table`.
    pub table: TableName,
    /// `data` or `quarantine`.
    pub role: String,
    /// Id of the contract.
    pub contract: String,
    /// The new current snapshot.
    pub snapshot_id: i64,
    /// The one before, if any.
    pub parent_snapshot_id: Option<i64>,
    /// Iceberg sequence number of the snapshot.
    pub sequence_number: i64,
    /// When it was made: milliseconds since 1970-01-01T00:00:00Z.
    pub timestamp_ms: i64,
    /// Iceberg's word: `append`, `overwrite`, `delete`, `replace`.
    pub operation: String,
    /// Files that came.
    pub added_files: u64,
    /// Files that went.
    pub removed_files: u64,
    /// Rows that came.
    pub added_rows: u64,
    /// Rows that went.
    pub removed_rows: u64,
    /// Rows in the table now.
    pub total_rows: u64,
    /// Partitions touched, as `name=value/…`; none where there are more than [`MAX_EVENT_PARTITIONS`].
    pub partitions: Option<Vec<String>>,
}

/// `source` of every EventBridge event that Watershed sends.
pub const EVENT_SOURCE: &str = "watershed";
/// `detail-type` of [`TableChanged`].
pub const TABLE_CHANGED: &str = "TableChanged";
/// Partitions that a [`TableChanged`] lists (Amazon EventBridge: an entry has at most 256 KiB).
pub const MAX_EVENT_PARTITIONS: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_newer_object_wins_then_a_newer_contract() {
        let order = |s, v| SourceOrder::s3(s, v);
        assert!(order("0055AED6DCD90281E5", (1, 0, 0)) < order("0055AED6DCD90281E6", (1, 0, 0)));
        assert!(order("0055AED6DCD90281E5", (9, 0, 0)) < order("0055AED6DCD90281E6", (1, 0, 0)));
        assert!(order("0055", (1, 9, 0)) < order("0055", (1, 10, 0)));
        assert!(
            order("0055", (1, 0, 0)) < order("005501", (1, 0, 0)),
            "padded on the right"
        );
        assert_eq!(order("00ab", (1, 0, 0)), order("00AB", (1, 0, 0)));
        let first = order("0055AED6DCD90281E5", (1, 0, 0));
        assert_eq!(order(first.sequencer(), (1, 0, 0)), first);
        assert!(order(NO_SEQUENCER, (1, 0, 0)) < order("01", (0, 0, 1)));
    }

    #[test]
    fn epochs_are_compared_as_numbers() {
        let orders = [0, 9, 10, 1 << 40, u64::MAX].map(SourceOrder::epoch);
        assert!(orders.is_sorted_by(|a, b| a < b));
    }

    fn kinesis(number: &str, sub: u64) -> SourceOrder {
        SourceOrder::kinesis(number, sub).unwrap()
    }

    #[test]
    fn sequence_numbers_are_compared_as_numbers() {
        let longest = "9".repeat(MAX_SEQUENCE_DIGITS);
        let ascending = [
            kinesis("0", 0),
            kinesis("9", 0),
            kinesis("10", 0),
            kinesis("49590338271490256608559692538361571095921575989136588898", 0),
            kinesis("49590338271490256608559692538361571095921575989136588898", 9),
            kinesis("49590338271490256608559692538361571095921575989136588898", 10),
            kinesis("49590338271490256608559692538361571095921575989136588898", u64::MAX),
            kinesis("49590338271490256608559692540925702759324208523137515618", 0),
            kinesis(&longest, 0),
        ];
        assert!(ascending.is_sorted_by(|a, b| a < b));
        assert_eq!(kinesis("007", 1), kinesis("7", 1));
        for bad in ["", "-1", "1.5", "0x10", " 1", "١", &format!("1{longest}")] {
            let error = SourceOrder::kinesis(bad, 0).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("`{bad}` is not a sequence number")),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_two_sequence_numbers_are_compared_as_numbers(a: (u128, u64), b: (u128, u64)) {
            let order = |(number, sub): (u128, u64)| kinesis(&number.to_string(), sub);
            prop_assert_eq!(order(a).cmp(&order(b)), a.cmp(&b));
        }
    }

    #[test]
    fn an_append_is_told_by_its_key_and_what_was_sent_before_it_still_reads() {
        let replace = CommitRequest::new(
            "a.b".parse().unwrap(),
            "c".into(),
            "kinesis://clicks/shardId-000000000000".into(),
            kinesis("7", 0),
            "s3://lake/x/".into(),
            Vec::new(),
            None,
        );
        let first = replace.clone().appending(None);
        let next = replace.clone().appending(Some(kinesis("5", 0)));
        assert_ne!(replace.token, first.token);
        assert_ne!(first.token, next.token);
        let text = |request: &CommitRequest| serde_json::to_string(request).unwrap();
        assert!(!text(&replace).contains("append"));
        assert!(text(&first).ends_with(r#""append":{}}"#), "{}", text(&first));
        for request in [replace, first, next] {
            assert_eq!(serde_json::from_str::<CommitRequest>(&text(&request)).unwrap(), request);
        }
    }
}

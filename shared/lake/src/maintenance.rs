//! What is asked of a table's keeper beside new files: the second kind of message on the commit queue.

use crate::{
    layout::Digest,
    message::{CommitRequest, StagedFile},
    table::TableName,
};
use serde::{Deserialize, Serialize, de::IgnoredAny};

/// A message of the commit queue.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all are of the large kind")]
pub enum TableRequest {
    /// Files of a source.
    Commit(CommitRequest),
    /// Housekeeping.
    Maintain(MaintenanceRequest),
}

impl TableRequest {
    /// Of JSON: what has a key `maintain` is a [`MaintenanceRequest`], all else a [`CommitRequest`].
    ///
    /// Errors: what the JSON of that kind lacks or has too much.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Kind {
            maintain: Option<IgnoredAny>,
        }
        let kind: Kind = serde_json::from_str(text)?;
        if kind.maintain.is_some() {
            serde_json::from_str(text).map(Self::Maintain)
        } else {
            serde_json::from_str(text).map(Self::Commit)
        }
    }

    /// The table that it is for.
    pub fn table(&self) -> &TableName {
        match self {
            Self::Commit(request) => &request.table,
            Self::Maintain(request) => &request.table,
        }
    }

    /// Id of the contract that describes the table.
    pub fn contract(&self) -> &str {
        match self {
            Self::Commit(request) => &request.contract,
            Self::Maintain(request) => &request.contract,
        }
    }
}

/// "Of this table, what is older than that shall go." Sent to the commit queue; means the same however often and in whatever
/// order it arrives, and where nothing is so old, changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceRequest {
    /// `database.table`.
    pub table: TableName,
    /// Id of the contract that describes the table.
    pub contract: String,
    /// What is to be done.
    pub maintain: Maintain,
    /// `X-Ray` trace header of the invocation that made the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Maintain {
    /// Forget the snapshots that are older at that time than the table's properties say. No row changes.
    ExpireSnapshots {
        /// Milliseconds since 1970-01-01T00:00:00Z; a time that is yet to come counts as now.
        as_of_ms: i64,
        /// Of those made before that time not even the newest stay that the table keeps whatever their age: they have rows that were erased.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        erased_before_ms: Option<i64>,
    },
    /// Remove every data file whose rows are all older. A file that has one row which is not, or whose time is null, stays.
    RemoveBefore {
        /// Column of dates or timestamps that says how old a row is. A timestamp without zone is taken as UTC.
        column: String,
        /// Microseconds since 1970-01-01T00:00:00Z. Of dates, the days before the one that this lies in.
        before_us: i64,
    },
    /// These files for those: see [`Swap`].
    Swap(Swap),
}

/// Live files that one swap may replace. With paths of some 150 bytes it is far below what a message holds.
pub const MAX_SWAPPED_FILES: usize = 1_000;

/// "Of this source, these live files are replaced by those staged ones, which have the same rows." All are of one partition. It counts only as
/// a whole, and only while every file that it replaces lives: who packs files loses to whoever brings newer ones, whatever comes first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Swap {
    /// `s3://bucket/key/` of the source's prefix ([`crate::layout::source_prefix`]), which every path is relative to: what is packed stays the
    /// source's, so that a newer version of it replaces it.
    pub prefix: String,
    /// Paths of the files that go, at most [`MAX_SWAPPED_FILES`].
    pub replaced: Vec<String>,
    /// Files that come.
    pub files: Vec<StagedFile>,
    /// Rows of those that go that are in none of those that come: 0, unless rows are to be erased.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub erased_rows: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands on references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Swap {
    fn digest(&self, digest: &mut Digest) {
        digest.part(self.prefix.as_bytes());
        // How many of each come first: no path is taken for one of the other kind.
        for count in [self.replaced.len() as u64, self.files.len() as u64, self.erased_rows] {
            digest.part(&count.to_le_bytes());
        }
        for path in self.replaced.iter().chain(self.files.iter().map(|file| &file.path)) {
            digest.part(path.as_bytes());
        }
        for file in &self.files {
            digest.part(&file.bytes.to_le_bytes());
        }
    }
}

impl MaintenanceRequest {
    /// Names this very request in a snapshot's summary: 32 hex digits, a digest of all that it means.
    pub fn token(&self) -> String {
        let mut digest = Digest::new();
        digest.part(self.table.to_string().as_bytes());
        match &self.maintain {
            Maintain::ExpireSnapshots {
                as_of_ms,
                erased_before_ms,
            } => {
                digest.part(&as_of_ms.to_le_bytes());
                if let Some(before_ms) = erased_before_ms {
                    digest.part(&before_ms.to_le_bytes());
                }
            }
            Maintain::RemoveBefore { column, before_us } => {
                digest.part(column.as_bytes());
                digest.part(&before_us.to_le_bytes());
            }
            Maintain::Swap(swap) => swap.digest(&mut digest),
        }
        digest.hex()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_read_and_what_is_neither_says_what_is_wrong() {
        let commit = r#"{"table":"a.b","contract":"c","source":"s3://raw/x","order":"01","token":"t","prefix":"s3://lake/x/","files":[]}"#;
        assert!(
            matches!(TableRequest::parse(commit), Ok(TableRequest::Commit(request)) if request.source == "s3://raw/x")
        );
        for maintain in [
            Maintain::ExpireSnapshots {
                as_of_ms: 5,
                erased_before_ms: None,
            },
            Maintain::ExpireSnapshots {
                as_of_ms: 5,
                erased_before_ms: Some(4),
            },
            Maintain::RemoveBefore {
                column: "at".into(),
                before_us: -1,
            },
            Maintain::Swap(swap("s3://lake/t/data/0a/", &["1/a", "1/b"], &["2/c"])),
        ] {
            let request = MaintenanceRequest {
                table: "a.b".parse().unwrap(),
                contract: "c".into(),
                maintain,
                trace: None,
            };
            let text = serde_json::to_string(&request).unwrap();
            assert_eq!(TableRequest::parse(&text).unwrap(), TableRequest::Maintain(request));
        }
        let error = |text: &str| TableRequest::parse(text).unwrap_err().to_string();
        assert!(error("{").contains("EOF"));
        assert!(error("{}").contains("missing field `table`"));
        assert!(error(r#"{"maintain":{"vacuum":{}}}"#).contains("unknown variant `vacuum`"));
    }

    fn swap(prefix: &str, replaced: &[&str], files: &[&str]) -> Swap {
        let staged = |path: &&str| StagedFile {
            path: (*path).into(),
            bytes: 7,
            rows: 3,
        };
        Swap {
            prefix: prefix.into(),
            replaced: replaced.iter().map(|path| (*path).into()).collect(),
            files: files.iter().map(staged).collect(),
            erased_rows: 0,
        }
    }

    #[test]
    fn swaps_that_mean_other_things_have_other_tokens() {
        let token = |swap| {
            let request = MaintenanceRequest {
                table: "a.b".parse().unwrap(),
                contract: "c".into(),
                maintain: Maintain::Swap(swap),
                trace: None,
            };
            request.token()
        };
        let one = swap("p/", &["a", "b"], &["c"]);
        assert_eq!(token(one.clone()), token(one.clone()));
        for other in [
            swap("q/", &["a", "b"], &["c"]),
            swap("p/", &["a"], &["b", "c"]),
            swap("p/", &["a", "b", "c"], &[]),
            Swap {
                erased_rows: 1,
                ..one.clone()
            },
        ] {
            assert_ne!(token(one.clone()), token(other));
        }
    }
}

//! What is remembered of an erasure (`compact` → `housekeep`): which states of which tables have no row with the key any more. Whether what came
//! before them is gone is looked at when it can be. The key's values stand nowhere.

use crate::{layout::Digest, table::TableName};
use serde::{Deserialize, Serialize};

/// "From these states on, no row of these tables has that key."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erased {
    /// What who asked calls it: a ticket's number, say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The dataset's table.
    pub dataset: TableName,
    /// The key's columns.
    pub columns: Vec<String>,
    /// The tables that were looked at.
    pub tables: Vec<CleanTable>,
    /// When nothing that came before was there any more, in milliseconds since 1970; none: not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_ms: Option<i64>,
}

/// A state of a table in which no row has the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CleanTable {
    /// `database.table`.
    pub table: TableName,
    /// When its snapshot was made, in milliseconds since 1970. All before it may have such rows.
    pub made_ms: i64,
}

impl Erased {
    /// Tells it from others: of the same key at the same states there is one.
    pub fn digest(&self) -> String {
        let mut digest = Digest::new();
        digest.part(
            &serde_json::to_vec(&(&self.request, &self.dataset, &self.columns, &self.tables))
                .expect("texts and numbers are JSON"),
        );
        digest.hex()
    }
}

//! Which states of other tables an enriched table is made of.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use watershed_lake::TableName;

/// The newest epoch of an enriched table.
pub type Epoch = watershed_follow::Epoch<Moment>;

/// States of tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// Digest of the contract, which says what is done.
    pub contract: String,
    /// Its version: of two that are deployed at once, the newer one goes on.
    pub contract_version: (u32, u32, u32),
    /// Where the metadata of the dataset's table lies.
    pub input: String,
    /// Where those of the references lie.
    pub references: BTreeMap<TableName, String>,
}

impl watershed_follow::Moment for Moment {
    fn contract(&self) -> &str {
        &self.contract
    }

    fn contract_version(&self) -> (u32, u32, u32) {
        self.contract_version
    }
}

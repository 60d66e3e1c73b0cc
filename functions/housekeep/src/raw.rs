//! How long raw objects are kept: the contracts' `retention.raw`, as lifecycle rules of the raw bucket. S3 carries them out.

use std::sync::Arc;
use watershed_contract::{Contracts, Dataset};
use watershed_ports::LifecycleRule;

/// What the ids of our rules begin with. Rules with other ids are the stack's, or somebody else's.
pub const OWN: &str = "contract:";

/// One for each dataset that says so, in the order of their ids.
pub fn rules(contracts: &Contracts) -> Vec<LifecycleRule> {
    let rule = |dataset: &Arc<Dataset>| {
        let raw = dataset.retention.raw?;
        Some(LifecycleRule {
            id: format!("{OWN}{}", dataset.id),
            prefix: dataset.location()?.prefix().into(),
            infrequent_days: raw.infrequent_days,
            archive_days: raw.archive_days,
            expire_days: raw.expire_days,
        })
    };
    let mut rules: Vec<LifecycleRule> = contracts.iter().filter_map(rule).collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules
}

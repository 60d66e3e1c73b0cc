//! How long raw objects are kept: the contracts' `retention.raw`, as lifecycle rules of the raw bucket. S3 carries them out.

use watershed_contract::Contracts;
use watershed_ports::LifecycleRule;

/// What the ids of our rules begin with. Rules with other ids are the stack's, or somebody else's.
pub const OWN: &str = "contract:";

/// One for each dataset that says so, in the order of their ids.
pub fn rules(contracts: &Contracts) -> Vec<LifecycleRule> {
    let datasets = contracts
        .iter()
        .filter_map(|dataset| Some((dataset, dataset.retention.raw?)));
    let rule = |(dataset, raw): (
        &std::sync::Arc<watershed_contract::Dataset>,
        watershed_contract::RawRetention,
    )| LifecycleRule {
        id: format!("{OWN}{}", dataset.id),
        prefix: dataset.location.prefix().into(),
        infrequent_days: raw.infrequent_days,
        archive_days: raw.archive_days,
        expire_days: raw.expire_days,
    };
    let mut rules: Vec<LifecycleRule> = datasets.map(rule).collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules
}

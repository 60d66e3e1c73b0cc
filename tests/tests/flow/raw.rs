//! What contracts say of raw objects stands among the raw bucket's lifecycle rules, beside the template's own.

use crate::cloud;
use aws_sdk_s3::types::{
    ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, Transition, TransitionStorageClass,
};
use serde_json::json;
use std::sync::PoisonError;
use watershed_local::aws;
use watershed_tests::{Cloud, cloud::wait, invoke::invoke};

/// The template's.
const OF_THE_TEMPLATE: [&str; 3] = ["abort-multipart", "noncurrent", "tiers"];

fn rules(cloud: &Cloud) -> Vec<LifecycleRule> {
    let s3 = aws::s3(&cloud.emulator.endpoint());
    let get = s3.get_bucket_lifecycle_configuration();
    let found = wait(get.bucket(cloud.output("RawBucket")).send()).unwrap_or_else(|error| panic!("{error:?}"));
    found.rules.unwrap_or_default()
}

/// What `lines.odcs.yaml` says.
fn of_lines(table: &str) -> LifecycleRule {
    let archive = Transition::builder()
        .days(60)
        .storage_class(TransitionStorageClass::GlacierIr);
    LifecycleRule::builder()
        .id(format!("contract:flow-{table}"))
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix(format!("flow/{table}/")).build())
        .transitions(archive.build())
        .expiration(LifecycleExpiration::builder().days(400).build())
        .build()
        .expect("a rule has a status")
}

#[test]
fn contracts_rules_stand_beside_the_templates() {
    let cloud = cloud();
    let _flowing = cloud.deliveries.read().unwrap_or_else(PoisonError::into_inner);
    let ids = |rules: &[LifecycleRule]| rules.iter().filter_map(|rule| rule.id.clone()).collect::<Vec<_>>();
    let of_the_template = rules(cloud);
    assert_eq!(ids(&of_the_template), OF_THE_TEMPLATE);
    for time in ["first", "second"] {
        let answer = invoke(cloud.emulator.port(), cloud.output("HousekeepFunction"), &json!({}));
        assert_eq!(answer["failed"], 0, "{time}: {answer}");
        let (ours, others): (Vec<_>, Vec<_>) = rules(cloud)
            .into_iter()
            .partition(|rule| rule.id().is_some_and(|id| id.starts_with("contract:")));
        assert_eq!(others, of_the_template, "{time}");
        assert_eq!(ours, [of_lines("killed"), of_lines("large")], "{time}");
    }
    // What it asked of the committer is done before others stop deliveries.
    cloud.settle();
}

//! The function with its real adapters. Ignored: it needs an AWS endpoint (`AWS_ENDPOINT_URL`, region and credentials), the
//! bucket `WATERSHED_LAKE_BUCKET`, and the rows of one version in `ROWS` (`AA=American,UA=United`), its source in `SOURCE` and its
//! number in `VERSION`.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use common::{contracts, event, invocation, request};
use watershed_aws_s3::S3Store;
use watershed_commit::{Commit, Config, handle};
use watershed_ports::ObjectStore;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

#[tokio::test]
#[ignore = "needs an AWS endpoint"]
async fn commits_one_version() {
    let lake = variable("WATERSHED_LAKE_BUCKET");
    let contracts = contracts();
    let spec = contracts.by_id("nycflights13-airlines").unwrap().table.clone();
    let text = variable("ROWS");
    let rows: Vec<[&str; 2]> = text
        .split(',')
        .filter_map(|row| row.split_once('='))
        .map(|(a, b)| [a, b])
        .collect();
    let (request, objects) = request(
        &spec,
        &lake,
        &variable("SOURCE"),
        variable("VERSION").parse().unwrap(),
        &rows,
    );
    let store = S3Store::new(&watershed_aws::sdk_config().await);
    for (key, bytes) in objects {
        store.put(&lake, &key, bytes.into()).await.unwrap();
    }
    let config = Config {
        contracts: "/opt".into(),
        lake_bucket: lake,
        event_bus: "default".into(),
        sends_lineage: false,
    };
    let commit = Commit::new(config, contracts);
    let body = serde_json::to_string(&request).unwrap();
    let response = handle(&commit, invocation(), event(&[("m".into(), body)]))
        .await
        .unwrap();
    assert_eq!(response.failures, []);
}

//! A contract is mended and deployed, and what it had refused is ingested again.

use crate::cloud;
use serde_json::json;
use std::{fs, sync::PoisonError};
use watershed_lake::replay::{QuarantineSelection, ReplayRequest};
use watershed_local::{Stack, Ui, replay};
use watershed_tests::cloud::wait;

#[test]
fn refused_rows_pass_once_the_contract_is_mended() {
    let cloud = cloud();
    // The stack is deployed anew, so nothing else may be under way.
    let _alone = cloud.deliveries.write().unwrap_or_else(PoisonError::into_inner);
    cloud.put("flow/mended/a.csv", "id,amount\n1,1\n2,\"2,50\"\n3,x\n");
    cloud.put("flow/mended/b.csv", "id,amount\n4,\"4,00\"\n");
    cloud.put("flow/mended/c.csv", "id,amount\n5,5\n");
    cloud.until_rows("flow", "mended", 2);
    cloud.until_rows("flow", "mended_quarantine", 3);
    cloud.settle();
    let path = cloud.home().contracts().join("mended.odcs.yaml");
    let text = fs::read_to_string(&path).expect("the contract is there");
    let mended = text
        .replace("version: 1.0.0", "version: 1.1.0")
        .replace("decimalSeparator: \".\"", "decimalSeparator: \",\"");
    fs::write(&path, mended).expect("the contract can be written");
    wait(Stack::deploy(cloud.home(), &cloud.emulator, Ui::Silent)).unwrap_or_else(|error| panic!("{error}"));
    let request = ReplayRequest {
        replay: "commas".parse().expect("a name"),
        quarantine: Some(QuarantineSelection {
            table: "flow.mended".parse().expect("a table"),
            reasons: vec!["type".into()],
            prefix: "flow/mended/".into(),
            from: Some("2026-01-01".into()),
            to: None,
        }),
        objects: None,
    };
    let report = wait(replay::ask(&cloud.emulator, &request, Ui::Silent)).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.complete, "{report:?}");
    assert_eq!(
        (report.sources.planned, report.sources.done, report.rows.passed),
        (2, 2, 2)
    );
    let found = cloud.ask("SELECT id, amount::VARCHAR AS amount FROM flow.mended ORDER BY id");
    let row = |id: u64, amount: &str| json!({"id": id, "amount": amount});
    assert_eq!(
        found,
        json!([row(1, "1.00"), row(2, "2.50"), row(4, "4.00"), row(5, "5.00")])
    );
    let left = cloud.ask("SELECT raw, contract_version FROM flow.mended_quarantine");
    assert_eq!(left, json!([{"raw": "3,x", "contract_version": "1.1.0"}]));
}

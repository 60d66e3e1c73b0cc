//! The data contracts, as the rest of the Open Data Contract Standard's ecosystem sees them.

use std::{fs, path::PathBuf};
use watershed_local::{command, venv::Venv};
use watershed_tests::{home, python};

fn contracts() -> Vec<PathBuf> {
    let folders = [home().contracts(), home().root().join("tests/contracts")];
    let entries = folders
        .iter()
        .flat_map(|dir| fs::read_dir(dir).expect("the folder is there"));
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    paths
        .filter(|path| path.to_string_lossy().ends_with(".odcs.yaml"))
        .collect()
}

#[test]
fn datacontract_lint_accepts_every_contract() {
    let checks = python(Venv::Checks);
    let contracts = contracts();
    assert!(contracts.len() >= 5, "{contracts:?}");
    for contract in contracts {
        let lint = command::output(checks.tool("datacontract").arg("lint").arg(&contract));
        lint.unwrap_or_else(|error| panic!("{}: {error}", contract.display()));
    }
}

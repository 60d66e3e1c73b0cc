//! What the tests of `ingest` share: contracts as text, a job over bytes, files read back.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use arrow_array::{Array, RecordBatch, cast::AsArray};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Write},
    path::Path,
    sync::Arc,
};
use watershed_contract::Dataset;
use watershed_decode::{HashKey, Treatment, quarantine::Origin};
use watershed_ingest::pipeline::{self, Job, PipelineError, Report, Table};

/// A contract with these servers and schema lines.
pub fn dataset(format: &str, schema: &str) -> Arc<Dataset> {
    let text = format!(
        "version: 1.2.0\nkind: DataContract\napiVersion: v3.1.0\nid: things\nstatus: active\ndomain: test\n\
         servers:\n  - {{server: raw, type: s3, location: \"s3://{{raw}}/things/*\", {format}}}\n\
         schema:\n  - name: things\n{schema}"
    );
    let mut datasets = watershed_contract::parse("things.odcs.yaml", &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    datasets.remove(0)
}

/// RFC 1952.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Data files as they were handed on, by table and path.
pub type Files = BTreeMap<(String, String), Vec<u8>>;

/// Runs a job over `bytes`.
pub fn run(dataset: &Arc<Dataset>, bytes: &[u8]) -> Result<(Report, Files), PipelineError> {
    let folder = tempfile::tempdir().unwrap();
    let job = Job {
        treatment: Arc::new(Treatment::new(dataset, Some(HashKey::new(b"a key of the tests"))).unwrap()),
        dataset: Arc::clone(dataset),
        origin: Origin {
            source: "s3://raw/things/one".into(),
            version: "v1".into(),
            time_us: 1_357_034_400_000_000,
            contract_version: dataset.version_text(),
        },
        scratch: folder.path().into(),
        sink_memory_bytes: 1 << 20,
    };
    let mut files = Files::new();
    let mut open = || Ok(Box::new(std::io::Cursor::new(bytes.to_vec())) as Box<dyn Read + Send>);
    let report = pipeline::run(&job, &mut open, &mut |file| {
        let table = if file.table == Table::Data {
            "data"
        } else {
            "quarantine"
        };
        files.insert((table.into(), file.staged.path.clone()), std::fs::read(&file.local)?);
        std::fs::remove_file(&file.local)?;
        Ok(())
    })?;
    let kept: Vec<_> = report
        .data
        .iter()
        .chain(&report.quarantine)
        .map(|file| file.path.clone())
        .collect();
    files.retain(|(_, path), _| kept.contains(path));
    let left: Vec<_> = walk(folder.path());
    assert!(left.is_empty(), "scratch is left behind: {left:?}");
    Ok((report, files))
}

fn walk(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(walk(&entry.path()));
        } else {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

/// The rows of a table's files, in the files' order.
pub fn rows(files: &Files, table: &str) -> Vec<RecordBatch> {
    files
        .iter()
        .filter(|((of, _), _)| of == table)
        .flat_map(|(_, bytes)| batches(bytes))
        .collect()
}

/// The rows of a Parquet file.
pub fn batches(bytes: &[u8]) -> Vec<RecordBatch> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.parquet");
    std::fs::write(&path, bytes).unwrap();
    let file = File::open(&path).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    reader.build().unwrap().map(Result::unwrap).collect()
}

/// A column's values as text; null as `None`.
pub fn texts(batches: &[RecordBatch], column: &str) -> Vec<Option<String>> {
    let mut out = Vec::new();
    for batch in batches {
        let array = batch
            .column_by_name(column)
            .unwrap_or_else(|| panic!("no column {column}"));
        let text = arrow_cast::cast(array, &arrow_schema::DataType::Utf8).unwrap();
        out.extend(text.as_string::<i32>().iter().map(|value| value.map(String::from)));
        assert_eq!(array.len(), text.len());
    }
    out
}

/// The bytes of a quarantine's rows.
pub fn raws(batches: &[RecordBatch]) -> Vec<Vec<u8>> {
    let of = |batch: &RecordBatch| -> Vec<Vec<u8>> {
        batch
            .column_by_name("raw")
            .unwrap()
            .as_binary::<i32>()
            .iter()
            .map(|raw| raw.unwrap().to_vec())
            .collect()
    };
    batches.iter().flat_map(of).collect()
}

/// A row's values behind its first column as one text, structs and lists among them.
fn shown(batch: &RecordBatch, row: usize) -> String {
    fn value(array: &dyn Array, row: usize) -> String {
        if array.is_null(row) {
            return "-".into();
        }
        if let Some(list) = array.as_list_opt::<i32>() {
            let values = list.value(row);
            let all: Vec<String> = (0..values.len()).map(|at| value(&values, at)).collect();
            return format!("[{}]", all.join(" "));
        }
        if let Some(fields) = array.as_struct_opt() {
            let all: Vec<String> = fields.columns().iter().map(|column| value(column, row)).collect();
            return format!("({})", all.join(" "));
        }
        let text = arrow_cast::cast(&array.slice(row, 1), &arrow_schema::DataType::Utf8).unwrap();
        text.as_string::<i32>().value(0).into()
    }
    let columns = batch.columns().iter().skip(1);
    columns.map(|column| value(column, row)).collect::<Vec<_>>().join(" ")
}

/// The same of all rows.
pub fn all_shown(batches: &[RecordBatch]) -> Vec<String> {
    batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(|row| shown(batch, row)))
        .collect()
}

/// `2 | type required`: rows that were accepted, and the reasons of the others; `! header`: why the object was refused.
pub fn outcome(dataset: &Arc<Dataset>, bytes: &[u8]) -> (String, Report) {
    let (report, files) = run(dataset, bytes).unwrap_or_else(|error| panic!("{error}"));
    let reasons = texts(&rows(&files, "quarantine"), "reason");
    let reasons: Vec<String> = reasons.into_iter().flatten().collect();
    let told = match &report.object {
        Some(reject) => format!("! {}", reject.reason),
        None => format!("{} | {}", report.accepted, reasons.join(" ")),
    };
    (told.trim_end().into(), report)
}

//! `cargo local try`: the very code of the `ingest` function on local files, without any cloud.

use crate::{Error, Result, Ui};
use indicatif::DecimalBytes;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Instant, UNIX_EPOCH},
};
use watershed_contract::{Dataset, OnFailure};
use watershed_decode::{HashKey, RuleResult, Treatment, quarantine::Origin};
use watershed_ingest::pipeline::{self, Emitted, Job, Report, Table};

/// Memory for rows that wait for their order: the function's default.
const SINK_MEMORY_BYTES: usize = 64 * 1024 * 1024;
/// Key of hashed columns: any will do to look at what comes of a file, and the deployed one is nobody's here.
const TRIAL_HASH_KEY: &[u8] = b"cargo local try";
/// Refused rows that are shown for each file.
const MAX_SHOWN: usize = 10;

/// What to do.
pub struct Trial {
    /// The contract document.
    pub contract: PathBuf,
    /// Which dataset of the document, where it describes several.
    pub dataset: Option<String>,
    /// Where Parquet and quarantine go; none: nowhere, they are only made.
    pub out: Option<PathBuf>,
    /// The files.
    pub inputs: Vec<PathBuf>,
    /// One JSON object instead of text.
    pub json: bool,
}

/// What came of one file.
struct Tried {
    input: PathBuf,
    report: Report,
    seconds: f64,
    shown: Vec<crate::refused::Refused>,
}

impl Trial {
    /// Runs every file, prints what came of it. True: nothing was refused.
    pub fn run(&self) -> Result<bool> {
        let dataset = self.dataset()?;
        let scratch = tempfile::tempdir().map_err(Error::doing("cannot make a scratch folder"))?;
        let mut all = Vec::new();
        for (number, input) in self.inputs.iter().enumerate() {
            let tried = self.one(&dataset, input, &scratch.path().join(number.to_string()))?;
            if !self.json {
                print(&tried, &dataset);
            }
            all.push(tried);
        }
        if self.json {
            let files: Vec<Value> = all.iter().map(machine).collect();
            println!("{}", json!({"table": dataset.table.name.to_string(), "files": files}));
        } else if let Some(out) = &self.out {
            println!("written to {}", out.display());
        }
        Ok(all
            .iter()
            .all(|tried| tried.report.rejected == 0 && tried.report.object.is_none()))
    }

    fn dataset(&self) -> Result<Arc<Dataset>> {
        let name = self.contract.display().to_string();
        let text = fs::read_to_string(&self.contract).map_err(Error::doing(&name))?;
        let datasets = watershed_contract::parse(&name, &text).map_err(|errors| Error::new(errors.to_string()))?;
        let known: Vec<String> = datasets
            .iter()
            .map(|dataset| dataset.table.name.table().to_string())
            .collect();
        let fitting: Vec<Arc<Dataset>> = datasets
            .into_iter()
            .filter(|dataset| {
                self.dataset
                    .as_deref()
                    .is_none_or(|wanted| wanted == dataset.table.name.table())
            })
            .collect();
        match fitting.len() {
            1 => fitting[0].stream().map_or(Ok(Arc::clone(&fitting[0])), |stream| {
                Err(
                    Error::new(format!("{name} is about the stream {}, not about files", stream.name))
                        .help("send records with `cargo local stream`, and look at the tables with `cargo local sql`"),
                )
            }),
            _ => Err(Error::new(format!("{name} describes {}", known.join(", "))).help("choose one with --dataset")),
        }
    }

    fn one(&self, dataset: &Arc<Dataset>, input: &Path, scratch: &Path) -> Result<Tried> {
        let doing = || input.display().to_string();
        let meta = fs::metadata(input).map_err(Error::doing(doing()))?;
        if meta.is_dir() {
            return Err(Error::new(format!("{} is a folder", doing())).help("name the files in it"));
        }
        fs::create_dir_all(scratch).map_err(Error::doing(scratch.display()))?;
        let modified = meta
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let time_us = modified.map_or(0, |since| since.as_micros() as i64);
        let treatment = Treatment::new(dataset, Some(HashKey::new(TRIAL_HASH_KEY))).map_err(Error::doing(doing()))?;
        let job = Job {
            treatment: Arc::new(treatment),
            dataset: Arc::clone(dataset),
            origin: Origin {
                source: doing(),
                version: format!("{}-{time_us}", meta.len()),
                time_us,
                contract_version: dataset.version_text(),
            },
            scratch: scratch.into(),
            sink_memory_bytes: SINK_MEMORY_BYTES,
        };
        let ui = if self.json { Ui::Silent } else { Ui::Shown };
        let step = Arc::new(ui.bytes(&doing(), meta.len()));
        let mut open = || -> io::Result<Box<dyn Read + Send>> {
            Ok(Box::new(Watched {
                file: File::open(input)?,
                read: 0,
                step: Arc::clone(&step),
            }))
        };
        let mut taken = Taken {
            trial: self,
            dataset,
            input,
            shown: Vec::new(),
        };
        let begun = Instant::now();
        let report = pipeline::run(&job, &mut open, &mut |file| taken.take(&file)).map_err(Error::doing(doing()))?;
        let seconds = begun.elapsed().as_secs_f64();
        step.clear();
        Ok(Tried {
            input: input.into(),
            report,
            seconds,
            shown: taken.shown,
        })
    }
}

/// Takes the files over: to the output folder, or to nowhere.
struct Taken<'a> {
    trial: &'a Trial,
    dataset: &'a Dataset,
    input: &'a Path,
    shown: Vec<crate::refused::Refused>,
}

impl Taken<'_> {
    fn take(&mut self, file: &Emitted) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let table = match file.table {
            Table::Data => &self.dataset.table,
            Table::Quarantine => &self.dataset.quarantine,
        };
        if file.table == Table::Quarantine {
            self.shown.extend(crate::refused::read(
                &file.local,
                MAX_SHOWN.saturating_sub(self.shown.len()),
            )?);
        }
        match &self.trial.out {
            None => fs::remove_file(&file.local)?,
            Some(out) => {
                let stem = self.input.file_name().unwrap_or_default();
                let target = out.join(table.name.table()).join(stem).join(&file.staged.path);
                target.parent().map_or(Ok(()), fs::create_dir_all)?;
                // Scratch may be another file system, where a rename does not reach.
                fs::rename(&file.local, &target)
                    .or_else(|_| fs::copy(&file.local, &target).and_then(|_| fs::remove_file(&file.local)))?;
            }
        }
        Ok(())
    }
}

fn print(tried: &Tried, dataset: &Dataset) {
    let Tried {
        input,
        report,
        seconds,
        shown,
    } = tried;
    let rows = report.accepted + report.rejected;
    println!("{} → {}", input.display(), dataset.table.name);
    if let Some(reject) = &report.object {
        println!("  refused whole: {reject}");
        rules(report);
        return;
    }
    let (rate, speed) = (rows as f64 / seconds, (report.bytes_in as f64 / seconds) as u64);
    println!(
        "  {rows} rows, {} in {seconds:.2} s: {rate:.0} rows/s, {}/s",
        DecimalBytes(report.bytes_in),
        DecimalBytes(speed)
    );
    let bytes: u64 = report.data.iter().map(|file| file.bytes).sum();
    let files = match report.data.len() {
        0 => String::new(),
        1 => format!(", in a file of {}", DecimalBytes(bytes)),
        several => format!(", in {several} files of {} together", DecimalBytes(bytes)),
    };
    println!("  {} accepted{files}", report.accepted);
    if !report.added.is_empty() {
        let added = report.added.iter();
        let added: Vec<String> = added
            .map(|column| format!("{} ({}, fieldId {})", column.name, column.kind, column.id))
            .collect();
        println!("  columns that the contract does not name, added: {}", added.join(", "));
    }
    if !report.missing_columns.is_empty() {
        let missing = report.missing_columns.join(", ");
        println!("  columns that the file lacks, null: {missing}");
    }
    if report.rejected > 0 {
        let reasons: Vec<String> = report
            .by_reason
            .iter()
            .map(|(reason, rows)| format!("{rows} {reason}"))
            .collect();
        println!("  {} quarantined: {}", report.rejected, reasons.join(", "));
        for row in shown {
            println!("    line {}, byte {}: {}", row.line, row.byte_offset, row.message);
        }
        let more = report.rejected.saturating_sub(shown.len() as u64);
        if more > 0 {
            println!("    … and {more} more");
        }
    }
    rules(report);
}

/// What came of the contract's quality rules.
fn rules(report: &Report) {
    let width = |of: &dyn Fn(&RuleResult) -> usize| report.quality.iter().map(of).max().unwrap_or(0);
    let (name, found) = (
        width(&|rule| rule.rule.chars().count()),
        width(&|rule| rule.found.chars().count()),
    );
    for result in &report.quality {
        let RuleResult {
            rule,
            found: value,
            wanted,
            ..
        } = result;
        let verdict = match (result.passed, result.on_failure) {
            (true, _) => "holds",
            (false, OnFailure::RejectRow) => "rows refused",
            (false, OnFailure::RejectObject) => "object refused",
            (false, OnFailure::Warn) => "warning",
        };
        println!("  rule {rule:name$}  found {value:found$}  wanted {wanted}: {verdict}");
    }
}

fn machine(tried: &Tried) -> Value {
    let report = &tried.report;
    let reasons: BTreeMap<&str, u64> = report
        .by_reason
        .iter()
        .map(|(reason, rows)| (reason.code(), *rows))
        .collect();
    let quality: Vec<Value> = report
        .quality
        .iter()
        .map(|result| {
            json!({
                "rule": result.rule,
                "column": result.column,
                "found": result.found,
                "wanted": result.wanted,
                "passed": result.passed,
            })
        })
        .collect();
    let rows = report.accepted + report.rejected;
    json!({
        "input": tried.input,
        "rows": rows,
        "accepted": report.accepted,
        "quarantined": report.rejected,
        "by_reason": reasons,
        "refused": report.object.as_ref().map(ToString::to_string),
        "quality": quality,
        "files": report.data.len(),
        "added_columns": report.added,
        "missing_columns": report.missing_columns,
        "bytes_in": report.bytes_in,
        "seconds": tried.seconds,
        "rows_per_second": rows as f64 / tried.seconds,
        "bytes_per_second": report.bytes_in as f64 / tried.seconds,
    })
}

/// A file that shows how far it was read.
struct Watched {
    file: File,
    read: u64,
    step: Arc<crate::ui::Step>,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read += read as u64;
        self.step.at(self.read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_of_a_stream_is_told_apart() {
        let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts/departures.odcs.yaml");
        let trial = Trial {
            contract,
            dataset: None,
            out: None,
            inputs: Vec::new(),
            json: false,
        };
        let told = trial.run().expect_err("no file has rows of it").to_string();
        assert!(told.contains("is about the stream departures"), "{told}");
    }
}

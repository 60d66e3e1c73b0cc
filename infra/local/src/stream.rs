//! `cargo local stream`: files as a stream, each row at its event time or faster, by a client of Kinesis.

pub mod outbox;
pub mod pace;
pub mod rows;
mod send;
mod tell;

use crate::{Emulator, Error, Home, Result, Ui, aws, ui::Step};
use outbox::{MAX_REQUEST_RECORDS, Outbox};
use pace::{Pace, Speed};
use rows::{Columns, Row, Rows, names};
use send::{Sender, Sent};
use std::{
    fs::{self, File},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tell::Told;
use watershed_contract::Dataset;
use watershed_lake::ColumnType;

/// Rows that are due so soon go with those that are due now.
const GATHER_MS: i64 = 20;
/// Longest sleep, so that progress moves.
const NAP: Duration = Duration::from_millis(500);
/// Between two lines of progress.
const SHOW_EVERY: Duration = Duration::from_millis(100);

/// What to do.
#[derive(Debug)]
pub struct Replay {
    /// A contract document, or the table of one of the home's.
    pub contract: String,
    /// The files.
    pub inputs: Vec<PathBuf>,
    /// How fast.
    pub speed: Speed,
    /// The stream; none: that of the contract, or else one that is called as the table.
    pub stream: Option<String>,
    /// Makes the stream with so many shards, where it is not there.
    pub shards: Option<i32>,
    /// Records that are sent at most.
    pub limit: Option<u64>,
    /// Column of the event time; none: the contract's `eventTime`, or else its one timestamp.
    pub time: Option<String>,
    /// Column of the partition key; none: the first of the primary key.
    pub key: Option<String>,
    /// No later record of a key is in the stream before an earlier one, whatever fails.
    pub strict: bool,
    /// One JSON object instead of text.
    pub json: bool,
}

impl Replay {
    /// Sends the files and says what was sent.
    pub async fn run(&self, home: &Home, emulator: &Emulator) -> Result<()> {
        let ui = if self.json { Ui::Silent } else { Ui::Shown };
        let report = self.send(home, emulator, ui).await?;
        println!("{}", if self.json { report.json() } else { report.table() });
        if report.is_void() {
            let error = Error::new("no row could be sent: all were left out");
            return Err(error.help(
                "see whether --contract, --time and --key are those of the file, and its format the contract's",
            ));
        }
        Ok(())
    }

    /// Sends the files.
    pub async fn send(&self, home: &Home, emulator: &Emulator, ui: Ui) -> Result<Report> {
        let dataset = self.dataset(home)?;
        let columns = self.columns(&dataset)?;
        let stream = self.stream.clone().unwrap_or_else(|| called(&dataset));
        let kinesis = aws_sdk_kinesis::Client::new(&aws::config(&emulator.endpoint()));
        send::ensure(&kinesis, &stream, self.shards).await?;
        let mut run = Run {
            replay: self,
            pace: Pace::new(self.speed, now_ms()),
            outbox: Outbox::new(self.strict),
            sender: Sender::new(kinesis, stream.clone()),
            told: Told::default(),
            step: ui.step(&format!("Streaming to {stream}")),
            shown: Instant::now(),
            held: None,
        };
        let read = run.files(&dataset, &columns).await;
        // Also of a file that breaks off: what stood before is sent.
        run.flush().await?;
        read?;
        run.step.clear();
        let Run { sender, told, .. } = run;
        Ok(Report {
            stream,
            told,
            sent: sender.sent,
        })
    }

    fn dataset(&self, home: &Home) -> Result<Arc<Dataset>> {
        let file = PathBuf::from(&self.contract);
        let files = if file.is_file() {
            vec![file.clone()]
        } else {
            contracts(home)?
        };
        let mut known = Vec::new();
        for path in files {
            let name = path.display().to_string();
            let text = fs::read_to_string(&path).map_err(Error::doing(&name))?;
            let datasets = watershed_contract::parse(&name, &text).map_err(|errors| Error::new(errors.to_string()))?;
            known.extend(datasets);
        }
        let names: Vec<String> = known.iter().map(|dataset| dataset.table.name.to_string()).collect();
        let of_name = |dataset: &&Arc<Dataset>| {
            let name = &dataset.table.name;
            self.contract == name.table() || self.contract == name.to_string()
        };
        match (&known[..], file.is_file()) {
            ([one], true) => Ok(Arc::clone(one)),
            (several, true) => {
                Err(Error::new(format!("{} describes {}", self.contract, several.len())).help("split it"))
            }
            (all, false) => all.iter().find(of_name).cloned().ok_or_else(|| {
                Error::new(format!("{} is no file, and no table of a contract", self.contract))
                    .help(format!("write the path of a contract, or one of {}", names.join(", ")))
            }),
        }
    }

    fn columns(&self, dataset: &Dataset) -> Result<Columns> {
        let stamps = dataset.columns.iter().zip(&dataset.table.columns);
        let stamps =
            stamps.filter(|(_, column)| matches!(column.kind, ColumnType::Timestamp | ColumnType::TimestampTz));
        let stamps: Vec<&str> = stamps.map(|(rule, _)| rule.source.as_str()).collect();
        let first_key = || {
            dataset
                .primary_key
                .first()
                .map(|at| dataset.columns[*at].source.clone())
        };
        let missing = |option: &str, what: &str| {
            Error::new(format!("the contract of {} does not say {what}", dataset.table.name))
                .help(format!("write {option} with one of {}", names(dataset).join(", ")))
        };
        let declared = dataset.stream().and_then(|stream| stream.event_time);
        let declared = declared.map(|at| dataset.columns[at].source.clone());
        let time = match (self.time.clone().or(declared), &stamps[..]) {
            (Some(time), _) => time,
            (None, [one]) => (*one).to_string(),
            (None, _) => {
                return Err(missing(
                    "--time",
                    "which column is the event time: it has not one timestamp",
                ));
            }
        };
        let key = self.key.clone().or_else(first_key);
        let key = key.ok_or_else(|| missing("--key", "which column is the partition key: it has no primary key"))?;
        Ok(Columns { time, key })
    }
}

/// The stream of a contract: the one that it names, or one that is called as its table.
fn called(dataset: &Dataset) -> String {
    dataset
        .stream()
        .map_or_else(|| dataset.table.name.table().to_string(), |stream| stream.name.clone())
}

/// What was sent.
#[derive(Debug)]
pub struct Report {
    stream: String,
    told: Told,
    sent: Sent,
}

impl Report {
    /// In one line.
    pub fn line(&self) -> String {
        self.told.line(&self.sent)
    }

    /// For people.
    pub fn table(&self) -> String {
        self.told.table(&self.stream, &self.sent)
    }

    /// Rows were read, and none was sent.
    fn is_void(&self) -> bool {
        self.sent.records == 0 && self.told.has_left_out()
    }

    /// For machines.
    pub fn json(&self) -> String {
        self.told.json(&self.stream, &self.sent)
    }
}

fn contracts(home: &Home) -> Result<Vec<PathBuf>> {
    let dir = home.contracts();
    let mut files = Vec::new();
    for entry in fs::read_dir(&dir).map_err(Error::doing(dir.display()))? {
        let path = entry.map_err(Error::doing(dir.display()))?.path();
        if path.to_string_lossy().ends_with(".odcs.yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// One run, over all files.
struct Run<'a> {
    replay: &'a Replay,
    pace: Pace,
    outbox: Outbox,
    sender: Sender,
    told: Told,
    step: Step,
    shown: Instant,
    /// A row that is not due yet.
    held: Option<outbox::Outgoing>,
}

impl Run<'_> {
    /// Sends the rows of all files, but for the last ones, which wait.
    async fn files(&mut self, dataset: &Dataset, columns: &Columns) -> Result<()> {
        for input in &self.replay.inputs {
            let name = input.display().to_string();
            let file = File::open(input).map_err(Error::doing(&name))?;
            let rows = Rows::open(&name, file, dataset, columns.clone())?;
            if !self.file(rows).await? {
                break;
            }
        }
        Ok(())
    }

    /// Sends the rows of a file. False: the limit is reached.
    async fn file(&mut self, mut rows: Rows<'_>) -> Result<bool> {
        loop {
            let taken = self.sender.sent.records + self.outbox.len() as u64;
            if self.replay.limit.is_some_and(|limit| taken >= limit) {
                return Ok(false);
            }
            let record = match self.held.take() {
                Some(record) => record,
                None => match rows.next_row()? {
                    None => return Ok(true),
                    Some(Row::LeftOut(why)) => {
                        self.told.left_out(why);
                        continue;
                    }
                    Some(Row::Record(record)) => record,
                },
            };
            let ahead_ms = self.pace.due_ms(record.time_ms).saturating_sub(now_ms());
            if ahead_ms > GATHER_MS {
                self.held = Some(record);
                self.flush().await?;
                self.show();
                tokio::time::sleep(Duration::from_millis(ahead_ms as u64).min(NAP)).await;
                continue;
            }
            self.told.row(&record);
            self.outbox.push(record);
            if self.outbox.len() >= MAX_REQUEST_RECORDS {
                self.sender.send(&mut self.outbox).await?;
                self.show();
            }
        }
    }

    /// Sends all that waits.
    async fn flush(&mut self) -> Result<()> {
        while !self.outbox.is_empty() {
            self.sender.send(&mut self.outbox).await?;
        }
        Ok(())
    }

    fn show(&mut self) {
        if self.shown.elapsed() >= SHOW_EVERY {
            self.shown = Instant::now();
            self.step.note(self.told.line(&self.sender.sent));
        }
    }
}

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replay(contract: &str) -> Replay {
        Replay {
            contract: contract.into(),
            inputs: Vec::new(),
            speed: Speed::Max,
            stream: None,
            shards: None,
            limit: None,
            time: None,
            key: Some("device".into()),
            strict: false,
            json: false,
        }
    }

    #[test]
    fn a_contract_of_a_stream_says_which_stream_and_which_time() {
        let text = "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\n\
             servers: [{server: stream, type: kinesis, stream: plant-readings, format: json}]\n\
             schema:\n- name: readings\n  customProperties: [{property: watershed, value: {database: d, stream: {eventTime: at}}}]\n  \
             properties:\n  - {name: made, logicalType: timestamp}\n  - {name: at, logicalType: timestamp, required: true}\n  \
             - {name: device, logicalType: string}\n";
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("t.odcs.yaml");
        fs::write(&file, text).expect("written");
        let replay = replay(&file.display().to_string());
        let dataset = replay
            .dataset(&Home::new(None).expect("a repository"))
            .expect("a contract");
        assert_eq!(called(&dataset), "plant-readings");
        assert_eq!(replay.columns(&dataset).expect("columns").time, "at");
    }
}

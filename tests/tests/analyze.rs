//! Records through the deployed function on the local cloud, while its processes are killed, every record is delivered twice and shards split and
//! merge: then the tables hold what DuckDB works out of the same records.

#[path = "analyze/compare.rs"]
mod compare;
#[path = "analyze/input.rs"]
mod input;
#[path = "analyze/producer.rs"]
mod producer;
#[path = "analyze/trouble.rs"]
mod trouble;

use producer::Producer;
use serde_json::json;
use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};
use trouble::{Kills, Trouble, failed};
use watershed_tests::{Cloud, invoke::post};

/// The stream, its contract's table, and the table's database.
const TABLE: &str = "metered";
const DATABASE: &str = "streams";
/// Names of the function, and of the one that makes snapshots of its files.
const FUNCTION: &str = "watershed-analyze";
const COMMITTER: &str = "watershed-commit";
/// Each run has some of everything; what takes minutes has only the large one.
const FEW: Plan = Plan {
    folder: "analyze",
    records: 20_000,
    kills: Kills {
        pause: Duration::from_secs(1),
        failures: 10,
    },
    committers_killed_after: &[],
};
const MANY: Plan = Plan {
    folder: "analyze-many",
    records: 1_000_000,
    kills: Kills {
        pause: Duration::from_secs(5),
        failures: 200,
    },
    committers_killed_after: &[5, 30],
};
/// What a killed committer had in hand comes again after a minute: the least that the template allows.
const COMMITS: [(&str, &str); 2] = [("CommitTimeoutSeconds", "60"), ("CommitVisibilitySeconds", "60")];
/// Says how many in the large run.
const RECORDS_VARIABLE: &str = "WATERSHED_STREAM_RECORDS";
/// In so many goes they are sent: between two of them something may happen.
const GOES: u64 = 50;
/// After which of them a shard splits, and after which two merge. Before, so many hundredths of what was sent stand in the tables: there is
/// something to take over, and something to come.
const SPLIT_AFTER: u64 = 20;
const MERGE_AFTER: u64 = 35;
const ARRIVED_PERCENT: u64 = 60;
/// Records of a batch of the second mapping: others than of the first.
const TWIN_BATCH: u64 = 700;
/// Longest without anything that arrives.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks.
const POLL: Duration = Duration::from_millis(100);

/// What is to happen.
struct Plan {
    folder: &'static str,
    records: u64,
    kills: Kills,
    /// After these goes committers are killed.
    committers_killed_after: &'static [u64],
}

/// A cloud with a stream that two mappings bring to the function, and what is sent.
struct Run {
    cloud: Cloud,
    producer: Producer,
    trouble: Trouble,
    committers: Trouble,
    begun: Instant,
}

#[test]
fn records_are_in_tables_and_windows_as_a_batch_computation_has_them() {
    run(&FEW);
}

#[test]
#[ignore = "a million records take minutes: cargo test --workspace --test analyze -- --ignored --nocapture"]
fn a_million_records_are_in_tables_and_windows_as_a_batch_computation_has_them() {
    let records = std::env::var(RECORDS_VARIABLE);
    let records = records.map_or(MANY.records, |records| records.parse().expect("a number of records"));
    run(&Plan { records, ..MANY });
}

fn run(plan: &Plan) {
    let (mut run, records) = (Run::start(plan), plan.records);
    for go in 0..GOES {
        let upto = |go: u64| records * go / GOES;
        run.producer.send(upto(go)..upto(go + 1));
        run.trouble.may_happen(&run.cloud);
        if plan.committers_killed_after.contains(&go) {
            run.committers.happens(&run.cloud);
        }
        if go == SPLIT_AFTER || go == MERGE_AFTER {
            run.until(upto(go + 1) * ARRIVED_PERCENT / 100);
            if go == SPLIT_AFTER {
                run.producer.split();
            } else {
                run.producer.merge();
            }
        }
    }
    let closing = run.producer.close(records);
    let sent_after = run.begun.elapsed();
    let all = records + closing.len() as u64;
    assert_eq!(run.until(all), all, "more than were sent");
    let took = run.begun.elapsed();
    run.until_delivered(&closing);
    run.cloud.settle();
    println!(
        "{all} records: sent in {:.1} s, in their tables after {:.1} s, {:.0} a second; {} processes killed, and {} committers; {} invocations failed",
        sent_after.as_secs_f64(),
        took.as_secs_f64(),
        all as f64 / took.as_secs_f64(),
        run.trouble.killed,
        run.committers.killed,
        failed(&run.cloud),
    );
    assert!(failed(&run.cloud) > 0, "no kill hit an invocation");
    assert!(
        run.committers.killed > 0 || plan.committers_killed_after.is_empty(),
        "no committer was running"
    );
    for queue in ["StreamDeadLettersUrl", "CommitDeadLettersUrl"] {
        assert_eq!(run.cloud.depth(queue), 0, "{queue}");
    }
    compare::tables(&run.cloud, &run.producer.files());
}

impl Run {
    fn start(plan: &Plan) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(plan.folder);
        let parameters = [&[("StreamName", TABLE)], &COMMITS[..]].concat();
        let cloud = Cloud::start_with(&dir, &[(TABLE, TABLE)], &parameters);
        let twin = json!({
            "EventSourceArn": format!("arn:aws:kinesis:us-east-1:000000000000:stream/{TABLE}"), "FunctionName": FUNCTION,
            "StartingPosition": "TRIM_HORIZON", "BatchSize": TWIN_BATCH, "BisectBatchOnFunctionError": true,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        });
        post(cloud.emulator.port(), "/2015-03-31/event-source-mappings/", &twin);
        Self {
            producer: Producer::new(&cloud, TABLE, plan.records, &dir),
            trouble: Trouble::new(&cloud, FUNCTION, plan.kills),
            committers: Trouble::new(&cloud, COMMITTER, plan.kills),
            cloud,
            begun: Instant::now(),
        }
    }

    /// Waits until so many stand in the table or in quarantine; gives how many.
    fn until(&mut self, wanted: u64) -> u64 {
        let (mut last, mut changed) = (0, Instant::now());
        while last < wanted {
            let rows = |table: &str| self.cloud.current(DATABASE, table).map_or(0, |current| current.rows);
            let arrived = rows(TABLE) + rows(&format!("{TABLE}_quarantine"));
            if arrived != last {
                (last, changed) = (arrived, Instant::now());
            }
            self.in_time(changed, &format!("{arrived} of {wanted} arrived"));
        }
        last
    }

    /// Waits until both mappings have handed on these records, the last ones of their shards.
    fn until_delivered(&mut self, last: &[String]) {
        let begun = Instant::now();
        loop {
            let files = fs::read_dir(self.cloud.home().streams()).expect("the poller has a folder");
            let files = files.map(|file| file.expect("the folder can be read").path());
            let checkpoints = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
            let texts = checkpoints.map(|path| fs::read_to_string(path).unwrap_or_default());
            let done = |text: &String| {
                last.iter()
                    .all(|number| text.contains(&format!(r#"{{"after":"{number}"}}"#)))
            };
            if texts.filter(done).count() == 2 {
                return;
            }
            self.in_time(begun, "both mappings are at their end");
        }
    }

    /// Waits a moment in which something may happen.
    fn in_time(&mut self, since: Instant, what: &str) {
        if since.elapsed() > PATIENCE {
            let log = fs::read_to_string(self.cloud.home().streams().join("log")).unwrap_or_default();
            let _ = watershed_local::logs::print(
                &self.cloud.python,
                &self.cloud.emulator,
                None,
                PATIENCE.as_secs(),
                false,
            );
            panic!("not for {} s: {what}\n{log}", PATIENCE.as_secs());
        }
        self.trouble.may_happen(&self.cloud);
        thread::sleep(POLL);
    }
}

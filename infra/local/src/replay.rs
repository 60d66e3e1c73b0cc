//! `cargo local replay`: asks the local cloud for a replay, and waits until it is done.

use crate::{Emulator, Error, Result, Stack, Ui, aws};
use bytes::Bytes;
use std::time::{Duration, Instant};
use watershed_aws_events::EventBridge;
use watershed_aws_s3::S3Store;
use watershed_lake::{
    LakeLocation, ReplayRequest, layout::ReplayPlaces, message::EVENT_SOURCE, replay::REPLAY_REQUESTED,
};
use watershed_ports::EventBus as _;
use watershed_replay::{Report, report, store};

/// Longest until it is done, without any source being done in between.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks at it.
const POLL: Duration = Duration::from_millis(500);

/// Prints what came of the replay.
pub async fn run(emulator: &Emulator, request: &ReplayRequest, json: bool) -> Result<()> {
    let ui = if json { Ui::Silent } else { Ui::Shown };
    let report = ask(emulator, request, ui).await?;
    if json {
        println!(
            "{}",
            serde_json::to_string(&report).map_err(Error::doing("the report as JSON"))?
        );
    } else {
        print!("{}", described(&report));
    }
    Ok(())
}

/// Sends the request as a person would, through the event bus, and waits for the report.
pub async fn ask(emulator: &Emulator, request: &ReplayRequest, ui: Ui) -> Result<Report> {
    let stack = Stack::find(emulator)
        .await
        .ok_or_else(|| Error::new("nothing is deployed").help("deploy it: `cargo local deploy`"))?;
    let detail = serde_json::to_string(request).map_err(Error::doing("the request as JSON"))?;
    let bus = EventBridge::new(&aws::config(&emulator.endpoint()), stack.output("EventBus")?);
    bus.publish(EVENT_SOURCE, REPLAY_REQUESTED, detail)
        .await
        .map_err(|error| Error::new(error.to_string()))?;
    wait(emulator, &stack, request, ui).await
}

/// What lies in the lake of a replay.
struct Watched {
    store: S3Store,
    places: ReplayPlaces,
}

async fn wait(emulator: &Emulator, stack: &Stack, request: &ReplayRequest, ui: Ui) -> Result<Report> {
    let watched = Watched {
        store: S3Store::new(&aws::config(&emulator.endpoint())),
        places: LakeLocation::bucket(stack.output("LakeBucket")?).replay(&request.replay),
    };
    let step = ui.step("Planning");
    let mut seen = Instant::now();
    let plan = loop {
        if let Some(plan) = watched.read(&watched.places.plan).await? {
            break plan;
        }
        rest(seen, request).await?;
    };
    let planned = plan.split(|byte| *byte == b'\n').count().saturating_sub(1) as u64;
    step.done(&format!("{planned} sources"));
    let step = ui.counted("Ingested again", planned);
    let mut before = 0;
    seen = Instant::now();
    loop {
        if let Some(report) = watched.read(&watched.places.report).await? {
            step.done(&format!("{planned} sources"));
            return serde_json::from_slice(&report).map_err(Error::doing(&watched.places.report));
        }
        let answers = report::answers(&watched.store, &watched.places).await;
        let done = answers.map_err(|error| Error::new(error.to_string()))?.len() as u64;
        step.at(done);
        if done > before {
            (before, seen) = (done, Instant::now());
        }
        rest(seen, request).await?;
    }
}

impl Watched {
    async fn read(&self, uri: &str) -> Result<Option<Bytes>> {
        let read = store::get(&self.store, uri).await;
        read.map_err(|error| Error::new(error.to_string()))
    }
}

async fn rest(seen: Instant, request: &ReplayRequest) -> Result<()> {
    if seen.elapsed() > PATIENCE {
        let seconds = PATIENCE.as_secs();
        return Err(Error::new(format!("replay {}: nothing happened for {seconds} s", request.replay)).help(
            "`cargo local logs replay` says what it does, `cargo local logs ingest` why a source fails; asked for again by the same \
             --name, it goes on",
        ));
    }
    tokio::time::sleep(POLL).await;
    Ok(())
}

/// For people.
fn described(report: &Report) -> String {
    let (sources, rows) = (&report.sources, &report.rows);
    let mut text = format!(
        "\n  {:>9} rows were in quarantine\n  {:>9} of them passed\n  {:>9} are in quarantine now\n  {:>9} are in the tables now\n",
        rows.quarantined_before, rows.passed, rows.quarantined, rows.accepted
    );
    for (reason, rows) in &report.quarantined_by_reason {
        text.push_str(&format!("    {rows:>9} still refused: {reason}\n"));
    }
    for (count, what) in [
        (
            sources.superseded,
            "sources were overwritten meanwhile: their newer version counts",
        ),
        (
            sources.gone,
            "sources are not in the raw bucket any more: their rows stay in quarantine",
        ),
        (sources.unmatched, "objects match no contract's location"),
        (
            sources.pending,
            "sources are not ingested: see `cargo local logs ingest`",
        ),
        (
            sources.uncommitted,
            "sources are not committed: see `cargo local logs commit`",
        ),
    ] {
        if count > 0 {
            text.push_str(&format!("  {count:>9} {what}\n"));
        }
    }
    for example in &report.examples {
        text.push_str(&format!("              {example}\n"));
    }
    text
}

//! Runs the event source mappings of Kinesis streams: finds out which there are, and reads their shards.

use super::{
    checkpoint::{self, Checkpoint},
    client::Client,
    log::Log,
    now_ms,
    reader::{self, Source},
    settings::Mapping,
};
use crate::{Error, Result};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// Between two looks at the mappings.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two looks at the shards of a stream; also when a shard has ended.
const SHARDS_EVERY: Duration = Duration::from_secs(2);
/// Its log, in its folder.
const LOG: &str = "log";

/// A poller in a thread of this process. Dropping it stops it.
#[derive(Debug)]
pub struct Poller {
    stop: watch::Sender<bool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Poller {
    /// Starts one for the local cloud at `endpoint`; checkpoints and log lie in `dir`.
    pub fn start(endpoint: &str, dir: &Path) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Error::doing("cannot start the asynchronous runtime"))?;
        let poll = Poll::new(endpoint, dir)?;
        let (stop, stopped) = watch::channel(false);
        let thread = thread::spawn(move || {
            runtime.block_on(poll.run(stopped));
            // Invocations under way end by themselves: the emulator goes next.
            runtime.shutdown_background();
        });
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A poller, for whatever runs it.
#[derive(Debug)]
pub struct Poll {
    client: Client,
    dir: PathBuf,
    log: Arc<Log>,
}

/// A mapping that is read.
#[derive(Debug)]
struct Running {
    mapping: Mapping,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Poll {
    /// Of the local cloud at `endpoint`.
    pub fn new(endpoint: &str, dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).map_err(Error::doing(dir.display()))?;
        Ok(Self {
            client: Client::new(endpoint),
            dir: dir.into(),
            log: Arc::new(Log::open(&dir.join(LOG))?),
        })
    }

    /// Until `stop` is true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut running = BTreeMap::new();
        while !*stop.borrow() {
            match self.client.mappings().await {
                Ok(mappings) => self.follow(&mappings, &mut running),
                Err(error) => self.log.say_once("mappings", &error.to_string()),
            }
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                changed = stop.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Begins what is new, stops what is gone; what was changed is stopped first and begun at a later look.
    fn follow(&self, mappings: &[serde_json::Value], running: &mut BTreeMap<String, Running>) {
        let mut wanted = BTreeMap::new();
        let mut known = BTreeSet::new();
        for value in mappings {
            let id = value["UUID"].as_str().unwrap_or_default().to_string();
            match Mapping::read(value) {
                Ok(mapping) if mapping.enabled => drop(wanted.insert(id.clone(), mapping)),
                Ok(_) => {}
                Err(wrong) => self.log.say_once(&format!("mapping {id}"), &wrong.join("; ")),
            }
            known.insert(id);
        }
        for (id, run) in running.iter() {
            if wanted.get(id) != Some(&run.mapping) {
                let _ = run.stop.send(true);
            }
        }
        running.retain(|id, run| {
            let finished = run.task.is_finished();
            if finished && !known.contains(id) {
                let _ = fs::remove_file(checkpoint::path(&self.dir, id));
            }
            !finished
        });
        for (id, mapping) in wanted {
            running.entry(id).or_insert_with(|| self.begin(mapping));
        }
    }

    fn begin(&self, mapping: Mapping) -> Running {
        let (stop, stopped) = watch::channel(false);
        let (client, log) = (self.client.clone(), Arc::clone(&self.log));
        let (path, of) = (checkpoint::path(&self.dir, &mapping.id), mapping.clone());
        let task = tokio::spawn(async move {
            let what = format!("mapping {}", of.id);
            if let Err(error) = read_stream(client, Arc::clone(&log), of, path, stopped).await {
                log.say_once(&what, &error.to_string());
            }
        });
        Running { mapping, stop, task }
    }
}

/// Reads the shards of a mapping's stream, parents before children. An error ends it; it is begun again at the next look.
async fn read_stream(
    client: Client,
    log: Arc<Log>,
    mapping: Mapping,
    checkpoint: PathBuf,
    mut stop: watch::Receiver<bool>,
) -> Result<()> {
    let source = Arc::new(Source {
        role_arn: client.role(&mapping.function_arn).await?,
        retention_ms: client.retention_ms(&mapping.stream_arn).await?,
        checkpoint: Checkpoint::open(checkpoint)?,
        mapping,
        client,
        log,
    });
    let (mut shards, mut reading) = (JoinSet::new(), BTreeSet::new());
    while !*stop.borrow() {
        let listed = source.client.shards(&source.mapping.stream_arn).await;
        match listed.and_then(|listed| source.checkpoint.look(&listed, source.mapping.settings.start, now_ms())) {
            Ok(readable) => {
                for (shard, position) in readable {
                    if reading.insert(shard.clone()) {
                        let (source, stop) = (Arc::clone(&source), stop.clone());
                        shards.spawn(async move {
                            reader::read(source, shard.clone(), position, stop).await;
                            shard
                        });
                    }
                }
            }
            Err(error) => source
                .log
                .say_once(&format!("mapping {}", source.mapping.id), &error.to_string()),
        }
        tokio::select! {
            () = sleep(SHARDS_EVERY) => {}
            Some(Ok(shard)) = shards.join_next() => drop(reading.remove(&shard)),
            changed = stop.changed() => if changed.is_err() { break },
        }
    }
    while shards.join_next().await.is_some() {}
    Ok(())
}

//! Reads one shard to its end: does what [`Shard`] wants done, and tells it what came of it.

use super::{
    answer::Answer,
    checkpoint::Checkpoint,
    client::{Client, Read},
    discard::Discarded,
    lane::Work,
    log::Log,
    now_ms,
    record::Origin,
    settings::Mapping,
    shard::{Position, Shard},
};
use crate::Result;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

/// Between two reads of a shard that has no more ("Lambda polls each shard … at a base rate of once per second").
const READ_EVERY: Duration = Duration::from_secs(1);
/// Between two reads of a shard that has more: it allows five reads a second.
const READ_ON_EVERY: Duration = Duration::from_millis(200);
/// Until a destination that cannot be told is told again.
const TELL_AGAIN: Duration = Duration::from_secs(5);

/// What all shards of a mapping have in common.
#[derive(Debug)]
pub struct Source {
    /// The mapping.
    pub mapping: Mapping,
    /// ARN of the function's role.
    pub role_arn: String,
    /// How long the stream keeps records.
    pub retention_ms: i64,
    /// Calls.
    pub client: Client,
    /// What happens is said here.
    pub log: Arc<Log>,
    /// How far it is.
    pub checkpoint: Checkpoint,
}

enum Event {
    Answered(usize, Answer),
    Told(usize),
    Read(Result<Option<Read>>, Option<String>),
}

struct Reader {
    source: Arc<Source>,
    origin: Arc<Origin>,
    shard: Shard,
    begin: Position,
    iterator: Option<String>,
    next_read: Instant,
    reading: bool,
    calls: JoinSet<Event>,
}

/// Until the end of the shard, or until `stop` is true and nothing is under way.
pub async fn read(source: Arc<Source>, shard: String, begin: Position, mut stop: watch::Receiver<bool>) {
    let origin = Origin {
        stream_arn: source.mapping.stream_arn.clone(),
        shard,
        role_arn: source.role_arn.clone(),
    };
    let mut reader = Reader {
        shard: Shard::new(&source.mapping.settings, source.retention_ms),
        origin: Arc::new(origin),
        source,
        begin,
        iterator: None,
        next_read: Instant::now(),
        reading: false,
        calls: JoinSet::new(),
    };
    reader.say("is read");
    loop {
        let stopping = *stop.borrow();
        if !stopping {
            reader.begin_work();
        }
        reader.keep();
        if reader.shard.ended() {
            return reader.say("was read to its end");
        }
        if stopping && reader.calls.is_empty() {
            return;
        }
        let wake = reader.wake().filter(|_| !stopping);
        tokio::select! {
            Some(done) = reader.calls.join_next() => match done {
                Ok(event) => reader.happened(event),
                Err(error) => reader.say(&format!("a call broke off: {error}")),
            },
            () = sleep(wake.unwrap_or_default()), if wake.is_some() => {}
            Ok(()) = stop.changed(), if !stopping => {}
            else => return,
        }
    }
}

impl Reader {
    /// Begins all that is to be done now.
    fn begin_work(&mut self) {
        for (lane, work) in self.shard.work(now_ms()) {
            match work {
                Work::Invoke(event, _) => {
                    let source = Arc::clone(&self.source);
                    let invoke = async move {
                        let answer = source.client.invoke(&source.mapping.function_arn, event).await;
                        Event::Answered(lane, answer)
                    };
                    self.calls.spawn(invoke);
                }
                Work::Discard(discarded) => {
                    let (source, origin) = (Arc::clone(&self.source), Arc::clone(&self.origin));
                    self.calls.spawn(async move {
                        tell(&source, &origin, &discarded).await;
                        Event::Told(lane)
                    });
                }
            }
        }
        if !self.reading && self.shard.wants_records() {
            self.reading = true;
            let position = self.shard.read_position().unwrap_or_else(|| self.begin.clone());
            let (client, origin) = (self.source.client.clone(), Arc::clone(&self.origin));
            let (iterator, at) = (self.iterator.clone(), self.next_read);
            self.calls.spawn(async move {
                sleep_until(at).await;
                read_on(&client, &origin, &position, iterator).await
            });
        }
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Answered(lane, answer) => {
                match &answer {
                    Answer::Returned(_) => {}
                    Answer::Failed(error) => self.say(&format!("the function failed ({error})")),
                    Answer::Unreached(error) => self.say_once(&format!("the function was not reached: {error}")),
                }
                self.shard.answered(lane, &answer, now_ms());
            }
            Event::Told(lane) => self.shard.discarded(lane, now_ms()),
            Event::Read(read, iterator) => {
                self.reading = false;
                self.iterator = iterator;
                self.took(read);
            }
        }
    }

    fn took(&mut self, read: Result<Option<Read>>) {
        let mut pause = READ_EVERY;
        match read {
            Err(error) => self.say_once(&format!("cannot be read: {error}")),
            // At once, with a new iterator.
            Ok(None) => (self.iterator, pause) = (None, Duration::ZERO),
            Ok(Some(read)) => {
                self.shard.read(read.records, now_ms());
                if read.behind {
                    pause = READ_ON_EVERY;
                }
                if read.next.is_none() {
                    self.shard.close();
                }
                self.iterator = read.next;
            }
        }
        self.next_read = Instant::now() + pause;
    }

    /// Writes down how far it is.
    fn keep(&self) {
        let (checkpoint, shard) = (&self.source.checkpoint, self.origin.shard.as_str());
        let kept = match self.shard.position() {
            _ if self.shard.ended() => checkpoint.end(shard),
            Some(position) => checkpoint.advance(shard, position),
            None => Ok(()),
        };
        if let Err(error) = kept {
            self.say_once(&format!("its checkpoint cannot be written: {error}"));
        }
    }

    fn wake(&self) -> Option<Duration> {
        let wake_ms = self.shard.wake_ms()?;
        Some(Duration::from_millis((wake_ms - now_ms()).max(1) as u64))
    }

    fn say(&self, happened: &str) {
        self.source.log.say(&name(&self.source, &self.origin), happened);
    }

    fn say_once(&self, happened: &str) {
        self.source.log.say_once(&name(&self.source, &self.origin), happened);
    }
}

async fn read_on(client: &Client, origin: &Origin, position: &Position, iterator: Option<String>) -> Event {
    let iterator = match iterator {
        Some(iterator) => iterator,
        None => match client.iterator(&origin.stream_arn, &origin.shard, position).await {
            Ok(iterator) => iterator,
            Err(error) => return Event::Read(Err(error), None),
        },
    };
    Event::Read(client.records(origin, &iterator).await, Some(iterator))
}

/// Tells the destination, however long that takes: what was not told would be lost.
async fn tell(source: &Source, origin: &Origin, discarded: &Discarded) {
    let Mapping {
        stream_arn,
        function_arn,
        settings,
        ..
    } = &source.mapping;
    let what = name(source, origin);
    let (first, last, records) = (&discarded.first, &discarded.last, discarded.records);
    source.log.say(
        &what,
        &format!(
            "gives up {records} records, {first} to {last}: {:?}",
            discarded.condition
        ),
    );
    let Some(destination) = &settings.on_failure else {
        return;
    };
    let record = discarded.invocation_record(stream_arn, function_arn, &origin.shard, now_ms());
    while let Err(error) = source.client.tell(destination, &record.to_string()).await {
        source
            .log
            .say_once(&what, &format!("the destination cannot be told of them: {error}"));
        sleep(TELL_AGAIN).await;
    }
}

/// `stream/shard → function`, for the log.
fn name(source: &Source, origin: &Origin) -> String {
    let last = |arn: &str| arn.rsplit(['/', ':']).next().unwrap_or_default().to_string();
    let (stream, function) = (last(&source.mapping.stream_arn), last(&source.mapping.function_arn));
    format!("{stream}/{} → {function}", origin.shard)
}

//! One turn of a shard, from its checkpoint to the next. What is made stands in the lake before the checkpoint says so, and the checkpoint says
//! what is to be sent before it is: so whoever comes next, after whatever happened, goes on from the one or the other.

use crate::{
    SERVICE,
    decoder::Decoder,
    output::Outputs,
    pipeline::{Counts, Pipeline, Stopped},
    ports::Ports,
    shard::{Location, Shard},
};
use futures::{StreamExt, TryStreamExt, stream};
use std::path::Path;
use std::sync::Arc;
use watershed_contract::{Dataset, Stream};
use watershed_kinesis::{Event, Sequence};
use watershed_lake::{CommitRequest, LakeLocation, Run, SourceOrder, StagedFile, TableSpec, layout::generation_prefix};
use watershed_ops::{Stopwatch, scratch};
use watershed_ports::PortError;
use watershed_sink::{FinishedFile, SinkError};

/// Files that are uploaded at the same time.
const MAX_CONCURRENT_UPLOADS: usize = 8;

/// What a turn needs beside the shard.
pub struct Turn<'a> {
    /// The outside.
    pub ports: &'a Ports,
    /// The lake.
    pub lake: &'a LakeLocation,
    /// Folder for scratch files.
    pub scratch: &'a Path,
    /// The dataset of the stream.
    pub dataset: &'a Arc<Dataset>,
    /// Its stream.
    pub stream: &'a Stream,
    /// Trace header to hand on.
    pub trace: Option<&'a str>,
}

/// What came of a turn.
#[derive(Debug, Default)]
pub struct Done {
    /// What was done.
    pub counts: Counts,
    /// Kinesis records that were here before.
    pub duplicates: u64,
    /// The first record for which there was no time.
    pub left: Option<Sequence>,
    /// Keys that had to go.
    pub evicted: u64,
    /// Bytes of the checkpoint; none: nothing changed.
    pub checkpoint_bytes: Option<usize>,
    /// Windows whose state could not be used any more.
    pub dropped: Vec<String>,
}

/// Laps of a turn.
pub mod lap {
    /// Reading the checkpoint, or looking whether it is the one that is known.
    pub const READ: &str = "read_ms";
    /// Decoding, checking, windows and detectors.
    pub const WORK: &str = "work_ms";
    /// Making Parquet files.
    pub const FILES: &str = "files_ms";
    /// Putting them into the lake.
    pub const UPLOAD: &str = "upload_ms";
    /// Writing state as bytes.
    pub const ENCODE: &str = "encode_ms";
    /// Swapping the checkpoint.
    pub const SWAP: &str = "swap_ms";
    /// Sending requests and alerts.
    pub const SEND: &str = "send_ms";
}

/// Up to where a shard has come.
struct Reached {
    last: Option<Sequence>,
    ticks: u64,
    arrival_ms: i64,
}

impl Turn<'_> {
    /// Where the shard's checkpoint lies.
    pub fn location(&self, shard: &str) -> Location {
        Location::new(self.lake, &self.stream.name, shard)
    }

    /// Records, as far as there is time.
    pub async fn records(
        &self,
        shard: &mut Shard,
        decoder: &mut Decoder,
        event: &Event<'_>,
        in_time: &dyn Fn() -> bool,
        watch: &mut Stopwatch,
    ) -> Result<Done, PortError> {
        self.deliver(shard).await?;
        watch.lap(lap::SEND);
        let last = shard.head.last;
        let known = event
            .records
            .partition_point(|entry| last.is_some_and(|last| entry.sequence <= last));
        let (duplicates, fresh) = (known as u64, event.records[known..].to_vec());
        let fresh = Event { records: fresh };
        let Some(end) = fresh.records.last() else {
            return Ok(Done {
                duplicates,
                ..Done::default()
            });
        };
        // What was here before may come again at any time, as from a mapping that is made anew.
        if shard.head.handed_over {
            let message = "got records after a shard that was made of it did: replay the stream's archive from there";
            return Err(PortError::fault(message).context(shard.source()));
        }
        let (end, mut arrival_ms) = (end.sequence, end.arrival_ms);
        let folder = scratch::folder(self.scratch)?;
        let evicted = shard.evicted();
        let outputs = self.outputs(shard, folder.path(), end);
        let mut pipeline = Pipeline::new(self.dataset, self.stream, shard, outputs);
        pipeline.inherited().map_err(port_error)?;
        let left = pipeline.records(&fresh, decoder, in_time).map_err(port_error)?;
        let (outputs, counts, alerts) = pipeline.finish();
        watch.lap(lap::WORK);
        let mut reached = end;
        if let Some(left) = left {
            let done = fresh.records.iter().take_while(|entry| entry.sequence < left).last();
            let done = done.expect("some records were worked on, or none is left");
            (reached, arrival_ms) = (done.sequence, done.arrival_ms);
        }
        shard.head.outbox.alerts = alerts;
        let reached = Reached {
            last: Some(reached),
            ticks: 0,
            arrival_ms,
        };
        let checkpoint_bytes = self.commit(shard, outputs, reached, watch).await?;
        Ok(Done {
            counts,
            duplicates,
            left,
            evicted: shard.evicted().saturating_sub(evicted),
            checkpoint_bytes: Some(checkpoint_bytes),
            dropped: std::mem::take(&mut shard.dropped),
        })
    }

    /// The clock stands there, and no record that came before is waited for.
    pub async fn clock(&self, shard: &mut Shard, idle_until_ms: i64, watch: &mut Stopwatch) -> Result<Done, PortError> {
        let may_fire = shard.states.iter().any(|state| state.may_fire_by(idle_until_ms));
        let Some(last) = shard.head.last.filter(|_| may_fire) else {
            return Ok(Done::default());
        };
        self.deliver(shard).await?;
        let folder = scratch::folder(self.scratch)?;
        let outputs = self.outputs(shard, folder.path(), last);
        let mut pipeline = Pipeline::new(self.dataset, self.stream, shard, outputs);
        pipeline.idle_until(idle_until_ms).map_err(port_error)?;
        let (outputs, counts, alerts) = pipeline.finish();
        shard.head.outbox.alerts = alerts;
        let reached = Reached {
            last: Some(last),
            ticks: shard.head.ticks + 1,
            arrival_ms: shard.head.arrival_ms,
        };
        let checkpoint_bytes = self.commit(shard, outputs, reached, watch).await?;
        Ok(Done {
            counts,
            checkpoint_bytes: Some(checkpoint_bytes),
            ..Done::default()
        })
    }

    fn outputs(&self, shard: &Shard, folder: &Path, end: Sequence) -> Outputs<'_> {
        let provenance = self.dataset.provenance(&shard.source(), &end.to_string());
        Outputs::new(self.dataset.tables(), folder.into(), provenance)
    }

    /// The files to the lake, then the checkpoint, then what it says is to be sent. How many bytes the checkpoint has.
    async fn commit(
        &self,
        shard: &mut Shard,
        outputs: Outputs<'_>,
        reached: Reached,
        watch: &mut Stopwatch,
    ) -> Result<usize, PortError> {
        let tables = outputs.finish().map_err(|error| port_error(error.into()))?;
        watch.lap(lap::FILES);
        let generation = shard.head.generation;
        (shard.head.last, shard.head.ticks, shard.head.arrival_ms) = (reached.last, reached.ticks, reached.arrival_ms);
        shard.head.generation += 1;
        let order = shard.head.order().expect("records were worked on");
        let mut uploads = Vec::new();
        shard.head.outbox.requests.clear();
        for (table, files) in tables {
            let (location, digest) = (self.lake.table(table), &self.dataset.digest);
            let prefix = generation_prefix(&location, &shard.source(), &order, generation, digest);
            let request = self.request(
                shard,
                &order,
                table,
                prefix,
                files.iter().map(FinishedFile::staged).collect(),
            );
            let uris = request.files.iter().map(|file| request.uri(file));
            uploads.extend(uris.zip(files));
            request.body().map_err(|error| PortError::fault(error.to_string()))?;
            shard.head.outbox.requests.push(request);
        }
        stream::iter(uploads)
            .map(async |(uri, file): (String, FinishedFile)| {
                scratch::hand_over(&*self.ports.store, &uri, &file.local).await
            })
            .buffer_unordered(MAX_CONCURRENT_UPLOADS)
            .try_collect::<Vec<()>>()
            .await?;
        watch.lap(lap::UPLOAD);
        let (location, checkpoint) = (self.location(&shard.head.shard), shard.encode(self.stream));
        let bytes = checkpoint.len();
        watch.lap(lap::ENCODE);
        shard.swap(self.ports, &location, checkpoint).await?;
        watch.lap(lap::SWAP);
        shard.delivered = false;
        self.deliver(shard).await?;
        watch.lap(lap::SEND);
        Ok(bytes)
    }

    /// What lies between the table's last request and this one.
    fn request(
        &self,
        shard: &mut Shard,
        order: &SourceOrder,
        table: &TableSpec,
        prefix: String,
        files: Vec<StagedFile>,
    ) -> CommitRequest {
        let after = shard.head.after.insert(table.name.to_string(), order.clone());
        let (contract, trace) = (self.dataset.id.clone(), self.trace.map(Into::into));
        CommitRequest::new(
            table.name.clone(),
            contract,
            shard.source(),
            order.clone(),
            prefix,
            files,
            trace,
        )
        .appending(after)
        .made_by(Run::of(SERVICE))
    }

    async fn deliver(&self, shard: &mut Shard) -> Result<(), PortError> {
        if !shard.delivered {
            shard.head.outbox.deliver(self.ports).await?;
            shard.delivered = true;
        }
        Ok(())
    }
}

fn port_error(stopped: Stopped) -> PortError {
    match stopped {
        Stopped::Output(error @ SinkError::Io { .. }) => PortError::fault(format!("the scratch folder: {error}")),
        Stopped::Output(error) => PortError::fault(error.to_string()),
        Stopped::Bug(what) => PortError::fault(what),
    }
}

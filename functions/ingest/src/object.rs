//! One object: from the store through the pipeline to the lake, and the two requests to the committer.

use crate::{
    SERVICE,
    event::Created,
    parts::{Cut, Joined, Record, Sizes},
    pipeline::{self, Emitted, Job, PipelineError, Report, Table},
    ports::Ports,
    told,
};
use bytes::Bytes;
use futures::StreamExt;
use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::mpsc;
use watershed_contract::Dataset;
use watershed_decode::{HashKey, Treatment, quarantine::Origin};
use watershed_lake::{
    AddedColumn, CommitRequest, LakeLocation, Run, SourceOrder, StagedFile, TableSpec, layout::staged_prefix,
    lineage::RunRule,
};
use watershed_ops::scratch;
use watershed_ports::{Kind, ObjectId, ObjectStore, PortError};
use watershed_sink::SinkError;

/// Times that a stream which broke is opened again from where it broke.
pub const MAX_REOPENS: u32 = 3;
/// Pieces of the object that wait to be decoded.
const MAX_PIECES_WAITING: usize = 16;
/// Finished files that wait to be uploaded, while one is.
const MAX_FILES_WAITING: usize = 1;

/// Where things go.
#[derive(Debug, Clone)]
pub struct Places {
    /// The lake.
    pub lake: LakeLocation,
    /// Secret with the key of hashed columns.
    pub hash_secret: Option<String>,
    /// Folder for scratch files.
    pub scratch: PathBuf,
    /// Memory for rows that wait for their order.
    pub sink_memory_bytes: usize,
    /// What a large object is, and how large its parts.
    pub sizes: Sizes,
}

/// What came of an object.
#[derive(Debug)]
pub enum Outcome {
    /// Its rows are in the lake, and the committer knows by these requests.
    Ingested(Report, Requests),
    /// It is read in parts: these were asked for.
    Cut(Cut),
    /// A part of it is read, or was before; others are not yet.
    Part(Option<Box<Record>>),
    /// The parts of it, which were all read, are in the lake as one, and the committer knows.
    Joined(Joined, Requests),
    /// It was cut, and must be read in one pass for this reason: asked for.
    Uncut(String),
    /// It is gone or was overwritten; the newer version has an event of its own.
    Superseded(String),
}

/// What the committer was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requests {
    /// Which version of the source it is.
    pub order: SourceOrder,
    /// Token of the request to the dataset's table.
    pub data_token: String,
    /// Token of the request to its quarantine.
    pub quarantine_token: String,
}

/// Ingests one version of one object. Does the same however often it is called.
///
/// Errors: transient where it may be tried again; fault where someone must act.
pub async fn ingest(
    ports: &Ports,
    places: &Places,
    dataset: &Arc<Dataset>,
    created: &Created,
    trace: Option<&str>,
) -> Result<Outcome, PortError> {
    let source = &created.source;
    let folder = scratch::folder(&places.scratch)?;
    let job = job(ports, places, dataset, created, folder.path()).await?;
    let id = object_id(created);
    let prefixes = Prefixes::of(places, dataset, created);
    let work = move |hands: Hands| pipeline::run(&job, &mut || hands.open(id.clone(), 0), &mut |file| hands.take(file));
    let report = match drive(ports, &prefixes, work).await {
        Err(error) if error.kind == Kind::Rejected => return Ok(Outcome::Superseded(error.message)),
        other => other.map_err(|error| error.context(source.uri()))?,
    };
    let made = Made {
        data: &report.data,
        added: &report.added,
        quarantine: &report.quarantine,
        rules: report.quality.iter().map(told::rule).collect(),
        refused: report.object.as_ref().map(|reject| reject.reason.code().into()),
    };
    let requests = commit(ports, dataset, created, prefixes, made, trace).await?;
    Ok(Outcome::Ingested(report, requests))
}

/// What is to be done with the object, in that folder.
pub(crate) async fn job(
    ports: &Ports,
    places: &Places,
    dataset: &Arc<Dataset>,
    created: &Created,
    scratch: &Path,
) -> Result<Job, PortError> {
    let source = &created.source;
    Ok(Job {
        treatment: Arc::new(treatment(ports, places, dataset).await?),
        dataset: Arc::clone(dataset),
        origin: Origin {
            source: source.uri(),
            version: source.version().into(),
            time_us: created.time_us,
            contract_version: dataset.version_text(),
        },
        scratch: scratch.into(),
        sink_memory_bytes: places.sink_memory_bytes,
    })
}

/// The version that the event tells of.
pub(crate) fn object_id(created: &Created) -> ObjectId {
    let source = &created.source;
    ObjectId {
        bucket: source.bucket.clone(),
        key: source.key.clone(),
        version_id: source.version_id.clone(),
        if_match: Some(source.etag.clone()),
    }
}

/// What was made of an object.
#[derive(Debug, Clone)]
pub(crate) struct Made<'a> {
    /// Files of the dataset's table.
    pub(crate) data: &'a [StagedFile],
    /// Columns of those files that the contract does not name.
    pub(crate) added: &'a [AddedColumn],
    /// Files of its quarantine.
    pub(crate) quarantine: &'a [StagedFile],
    /// What came of the contract's rules, as far as they were checked of the whole object.
    pub(crate) rules: Vec<RunRule>,
    /// Why all of it was refused, where it was: the code of the reason.
    pub(crate) refused: Option<String>,
}

/// Asks for the commit of an object's files: the dataset's, and the quarantine's.
pub(crate) async fn commit(
    ports: &Ports,
    dataset: &Dataset,
    created: &Created,
    prefixes: Prefixes,
    made: Made<'_>,
    trace: Option<&str>,
) -> Result<Requests, PortError> {
    let Made {
        data,
        added,
        quarantine,
        rules,
        refused,
    } = made;
    let source = &created.source;
    let order = SourceOrder::s3(&source.sequencer, dataset.version);
    let request = |table: &TableSpec, prefix: String, files: &[StagedFile]| {
        let (table, contract, files, trace) = (
            table.name.clone(),
            dataset.id.clone(),
            files.to_vec(),
            trace.map(Into::into),
        );
        CommitRequest::new(table, contract, source.uri(), order.clone(), prefix, files, trace)
    };
    let run = Run {
        replay: created.replay.clone(),
        ..Run::of(SERVICE).checked(rules)
    };
    let data = request(&dataset.table, prefixes.data, data).with_added(added.to_vec());
    let data = data.made_by(run.clone());
    let quarantine = request(&dataset.quarantine, prefixes.quarantine, quarantine);
    let quarantine = quarantine.made_by(run.failing(refused));
    send(ports, &data).await?;
    send(ports, &quarantine).await?;
    Ok(Requests {
        order,
        data_token: data.token,
        quarantine_token: quarantine.token,
    })
}

/// What is done with personal columns. The key is asked for only where a column needs it.
async fn treatment(ports: &Ports, places: &Places, dataset: &Dataset) -> Result<Treatment, PortError> {
    let key = match &places.hash_secret {
        Some(name) if dataset.needs_hash_key() => Some(HashKey::new(ports.secrets.secret(name).await?.reveal())),
        _ => None,
    };
    Treatment::new(dataset, key).map_err(|error| {
        PortError::fault(format!(
            "{}: {error}: name a secret in WATERSHED_HASH_SECRET",
            dataset.table.name
        ))
    })
}

async fn send(ports: &Ports, request: &CommitRequest) -> Result<(), PortError> {
    let body = request.body().map_err(|error| PortError::fault(error.to_string()))?;
    ports.commits.send(body).await
}

/// Where the files of the two tables go.
pub(crate) struct Prefixes {
    pub(crate) data: String,
    pub(crate) quarantine: String,
}

impl Prefixes {
    /// Of that object.
    pub(crate) fn of(places: &Places, dataset: &Dataset, created: &Created) -> Self {
        let prefix = |table: &TableSpec| staged_prefix(&places.lake.table(table), &created.source, &dataset.digest);
        Self {
            data: prefix(&dataset.table),
            quarantine: prefix(&dataset.quarantine),
        }
    }
}

/// What the pipeline, on its own thread, asks of the ports.
enum Ask {
    /// An object from that byte on.
    Open(ObjectId, u64, mpsc::Sender<io::Result<Bytes>>),
    /// Take this file over.
    Upload(Emitted),
}

/// The ports, as a pipeline on its own thread has them.
pub(crate) struct Hands(mpsc::Sender<Ask>);

impl Hands {
    /// The object from that byte on.
    pub(crate) fn open(&self, id: ObjectId, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let (sender, receiver) = mpsc::channel(MAX_PIECES_WAITING);
        let asked = self.0.blocking_send(Ask::Open(id, offset, sender));
        asked.map_err(|_| closed())?;
        Ok(Box::new(Pieces {
            receiver,
            current: Bytes::new(),
            ended: false,
        }))
    }

    /// Hands a file on.
    pub(crate) fn take(&self, file: Emitted) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.0.blocking_send(Ask::Upload(file)).map_err(|_| closed().into())
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the upload failed")
}

/// Does `work` on a thread of its own, and what it asks of the ports.
pub(crate) async fn drive<T: Send + 'static>(
    ports: &Ports,
    prefixes: &Prefixes,
    work: impl FnOnce(Hands) -> Result<T, PipelineError> + Send + 'static,
) -> Result<T, PortError> {
    let (asks, mut asked) = mpsc::channel(MAX_FILES_WAITING);
    let pipeline = tokio::task::spawn_blocking(move || work(Hands(asks)));
    let mut failed = None;
    while let Some(ask) = asked.recv().await {
        match ask {
            Ask::Open(id, offset, pieces) => drop(tokio::spawn(feed(Arc::clone(&ports.store), id, offset, pieces))),
            Ask::Upload(file) => {
                if let Err(error) = upload(ports, file, prefixes).await {
                    failed = Some(error);
                    // The pipeline learns it from the closed channel.
                    break;
                }
            }
        }
    }
    drop(asked);
    let ended = pipeline
        .await
        .map_err(|e| PortError::fault(format!("the pipeline ended by itself: {e}")))?;
    match failed {
        Some(error) => Err(error),
        None => ended.map_err(port_error),
    }
}

fn port_error(error: PipelineError) -> PortError {
    match error {
        PipelineError::Input(error) => match error.downcast::<PortError>() {
            Ok(port) => port,
            Err(io) => PortError::fault(format!("the scratch folder: {io}")),
        },
        PipelineError::Output(error @ SinkError::Io { .. }) => PortError::fault(format!("the scratch folder: {error}")),
        PipelineError::Output(error) => PortError::fault(error.to_string()),
    }
}

async fn upload(ports: &Ports, file: Emitted, prefixes: &Prefixes) -> Result<(), PortError> {
    let prefix = match file.table {
        Table::Data => &prefixes.data,
        Table::Quarantine => &prefixes.quarantine,
    };
    scratch::hand_over(&*ports.store, &format!("{prefix}{}", file.staged.path), &file.local).await
}

/// Sends the object from that byte on piece by piece, and opens it again where the stream breaks.
async fn feed(store: Arc<dyn ObjectStore>, id: ObjectId, mut offset: u64, pieces: mpsc::Sender<io::Result<Bytes>>) {
    let mut reopened = 0;
    loop {
        let broke = match store.open(&id, offset).await {
            Err(error) => error,
            Ok((meta, mut stream)) => {
                let mut broke = None;
                while let Some(piece) = stream.next().await {
                    match piece {
                        Err(error) => broke = Some(error),
                        Ok(piece) => {
                            offset += piece.len() as u64;
                            if pieces.send(Ok(piece)).await.is_err() {
                                return;
                            }
                        }
                    }
                    if broke.is_some() {
                        break;
                    }
                }
                match broke {
                    None if offset >= meta.bytes => return,
                    None => PortError::transient(format!("the stream ended after {offset} of {} bytes", meta.bytes)),
                    Some(error) => error,
                }
            }
        };
        if broke.kind != Kind::Transient || reopened == MAX_REOPENS {
            let _ = pieces
                .send(Err(io::Error::new(io::ErrorKind::ConnectionAborted, broke)))
                .await;
            return;
        }
        reopened += 1;
    }
}

/// The pieces as one stream.
struct Pieces {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
    ended: bool,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(piece) => self.current = piece?,
                None => self.ended = true,
            }
        }
        let taken = self.current.split_to(self.current.len().min(buffer.len()));
        buffer[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}

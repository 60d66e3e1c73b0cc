//! A shard as it is worked on: its checkpoint, opened.

use crate::{
    checkpoint::{BadCheckpoint, Checkpoint, Head},
    ports::Ports,
    watch::Watch,
};
use bytes::Bytes;
use futures::TryStreamExt;
use std::sync::Arc;
use watershed_contract::{Stream, Window};
use watershed_lake::{LakeLocation, layout::split_uri};
use watershed_ports::{Kind, Listed, ObjectId, PortError};
use watershed_stream::{Firing, State};

/// Everything that is known of a shard.
pub struct Shard {
    /// Positions, and what is to be sent.
    pub head: Head,
    /// Open windows, for each kind of window.
    pub states: Vec<State>,
    /// Detectors, for each kind of window.
    pub watches: Vec<Watch>,
    /// What fired when it took over from its parents, for each kind of window.
    pub inherited: Vec<Vec<Firing>>,
    /// Entity tag of the checkpoint; none: there is none.
    pub etag: Option<String>,
    /// What the checkpoint says is to be sent was sent.
    pub delivered: bool,
    /// Windows of the checkpoint that the contract does not have any more, or not so.
    pub dropped: Vec<String>,
}

/// Where a shard's checkpoint lies.
pub struct Location {
    bucket: String,
    key: String,
}

impl Location {
    /// Of that shard.
    pub fn new(lake: &LakeLocation, stream: &str, shard: &str) -> Self {
        let uri = lake.checkpoint(stream, shard);
        let (bucket, key) = split_uri(&uri).expect("a lake location is an S3 URI");
        Self {
            bucket: bucket.into(),
            key: key.into(),
        }
    }

    /// The checkpoint's bytes and entity tag; none: there is none.
    async fn read(&self, ports: &Ports) -> Result<Option<(Bytes, String)>, PortError> {
        let id = ObjectId::current(&self.bucket, &self.key);
        let (meta, stream) = match ports.store.open(&id, 0).await {
            Err(error) if error.kind == Kind::Rejected => return Ok(None),
            opened => opened?,
        };
        let pieces: Vec<Bytes> = stream.try_collect().await?;
        let bytes: Bytes = match <[Bytes; 1]>::try_from(pieces) {
            Ok([whole]) => whole,
            Err(pieces) => pieces.concat().into(),
        };
        if bytes.len() as u64 != meta.bytes {
            let (found, wanted) = (bytes.len(), meta.bytes);
            return Err(PortError::transient(format!(
                "{self}: the stream ended after {found} of {wanted} bytes"
            )));
        }
        Ok(Some((bytes, meta.etag)))
    }

    /// What is known of the checkpoint without reading it; none: there is none.
    pub async fn find(&self, ports: &Ports) -> Result<Option<Listed>, PortError> {
        ports.store.find(&self.bucket, &self.key).await
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

impl Shard {
    /// Of that head, with nothing open.
    pub fn new(stream: &Stream, head: Head) -> Self {
        let begun = |window: &Window| State::new(Arc::clone(&window.spec), &origin(&head));
        Self {
            states: stream.windows.iter().map(begun).collect(),
            watches: stream.windows.iter().map(Watch::new).collect(),
            inherited: vec![Vec::new(); stream.windows.len()],
            head,
            etag: None,
            delivered: true,
            dropped: Vec::new(),
        }
    }

    /// As its checkpoint has it; none: there is none.
    ///
    /// # Errors
    /// The store's; fault where the object is no checkpoint.
    pub async fn load(ports: &Ports, stream: &Stream, location: &Location) -> Result<Option<Self>, PortError> {
        let Some((bytes, etag)) = location.read(ports).await? else {
            return Ok(None);
        };
        let wrong = |BadCheckpoint(what)| {
            PortError::fault(format!(
                "{location} is no checkpoint: {what}; restore an older version of the object"
            ))
        };
        let Checkpoint { head, mut states } = Checkpoint::decode(&bytes).map_err(wrong)?;
        let mut shard = Self {
            etag: Some(etag),
            delivered: false,
            ..Self::new(stream, head)
        };
        for (at, window) in stream.windows.iter().enumerate() {
            let known = states.remove(&state_name(window));
            match known.map(|state| State::decode(&window.spec, &state)) {
                Some(Ok(state)) => shard.states[at] = state,
                Some(Err(_)) => shard.dropped.push(window.name.clone()),
                // It is declared since.
                None => {}
            }
            let watched = states.remove(&watch_name(window));
            if let Some(watch) = watched.and_then(|bytes| Watch::decode(window, &bytes)) {
                shard.watches[at] = watch;
            }
        }
        let others = states.keys().filter_map(|name| name.strip_prefix(STATE));
        shard.dropped.extend(others.map(Into::into));
        Ok(Some(shard))
    }

    /// Its checkpoint. The same of the same.
    pub fn encode(&self, stream: &Stream) -> Bytes {
        let mut states = Vec::with_capacity(2 * stream.windows.len());
        for (window, (state, watch)) in stream.windows.iter().zip(self.states.iter().zip(&self.watches)) {
            states.push((state_name(window), state.encode()));
            if !window.detectors.is_empty() {
                states.push((watch_name(window), watch.encode()));
            }
        }
        self.head.encode(&states)
    }

    /// Puts its checkpoint where that lies which it was read from.
    ///
    /// # Errors
    /// Conflict where it is no longer there: somebody else went on.
    pub async fn swap(&mut self, ports: &Ports, location: &Location, checkpoint: Bytes) -> Result<(), PortError> {
        let (bucket, key, etag) = (&location.bucket, &location.key, self.etag.as_deref());
        let put = ports.store.put_if(bucket, key, checkpoint, etag).await;
        self.etag = Some(put.map_err(|error| error.context(location))?);
        Ok(())
    }

    /// What rows are made of: `kinesis://STREAM/SHARD`.
    pub fn source(&self) -> String {
        format!("kinesis://{}/{}", self.head.stream, self.head.shard)
    }

    /// Bytes that it takes, about.
    pub fn weight(&self) -> usize {
        let windows: usize = self.states.iter().map(State::weight).sum();
        windows + self.watches.iter().map(Watch::weight).sum::<usize>()
    }

    /// Keys that had to go: of windows since the shard began, of detectors since it was read.
    pub fn evicted(&self) -> u64 {
        let windows: u64 = self.states.iter().map(|state| state.evicted().keys).sum();
        windows + self.watches.iter().map(Watch::evicted).sum::<u64>()
    }
}

/// Begins the names of windows' states.
const STATE: &str = "window ";

/// Of a window that is declared otherwise, or called otherwise, there is none.
fn state_name(window: &Window) -> String {
    format!("{STATE}{} {}", window.name, window.digest)
}

fn watch_name(window: &Window) -> String {
    format!("detectors {} {}", window.name, window.digest)
}

/// What windows that begin now name as their origin. The first ones have the shard's name; those of a window that is declared later count
/// their records anew, and must not be taken for the first.
fn origin(head: &Head) -> String {
    match head.generation {
        0 => head.shard.clone(),
        generation => format!("{}#{generation}", head.shard),
    }
}

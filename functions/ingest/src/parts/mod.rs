//! Large objects: cut into parts that parallel invocations read, and joined by whoever finds the last one done.
//!
//! ```text
//! event ─▶ plan ─▶ a message a part ─▶ part: read, data files, refused rows, record ─▶ all records there? ─▶ join ─▶ two commit requests
//!                                       chain: read, …, record ─▶ message of the next part ──────────────┘
//! ```
//! Everything that a part or the join writes is a function of the object, the contract and the cut, so that messages may come in any
//! order and any number of times. Of two that join at once both write the same and ask for the same commit.

mod join;
mod message;
mod plan;
mod read;
mod text;

pub use join::Joined;
pub use message::{Message, Part, Record, Whole};
pub use plan::{
    BEGINNING_BYTES, CHAIN_ABOVE_BYTES, Cut, LINK_BYTES, MAX_PARTS, PART_BYTES, SPLIT_ABOVE_BYTES, Sizes, splits,
};

use crate::{
    event::Created,
    object::{self, Hands, Made, Outcome, Places, Prefixes, Requests},
    pipeline::{self, Refused},
    ports::Ports,
    replayed,
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use plan::WHOLE;
use read::Ended;
use std::{io, sync::Arc};
use watershed_contract::Dataset;
use watershed_lake::{
    StagedFile,
    layout::{PartPlaces, split_uri},
};
use watershed_ops::scratch;
use watershed_ports::{Kind, ObjectId, PortError};

/// What one pass calls the attempt that says why an object is refused, behind the first.
const REFUSED_ATTEMPT: u32 = 2;
/// Records that are read at a time.
const RECORDS_AT_ONCE: usize = 8;

/// What is the same for everything done with one object.
pub struct Large<'a> {
    /// What is reached.
    pub ports: &'a Ports,
    /// Where things go.
    pub places: &'a Places,
    /// Its contract.
    pub dataset: &'a Arc<Dataset>,
    /// The object.
    pub created: &'a Created,
    /// Trace header of its event.
    pub trace: Option<&'a str>,
}

/// What becomes of an object that an event tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planned {
    /// Parts are asked for.
    Cut(Cut),
    /// It is to be read in one pass; of a large one, why.
    Whole(Option<&'static str>),
}

impl Large<'_> {
    /// Cuts the object, where it is large, and asks for its parts.
    ///
    /// Errors: [`Kind::Rejected`] where the object is gone or overwritten.
    pub async fn plan(&self) -> Result<Planned, PortError> {
        let sizes = &self.places.sizes;
        if !plan::is_large(self.created.bytes, sizes) {
            return Ok(Planned::Whole(None));
        }
        if let Err(why) = splits(self.dataset) {
            return Ok(Planned::Whole(Some(why)));
        }
        let beginning = self.beginning().await?;
        let cut = match plan::cut(self.dataset, self.created.bytes, &beginning, sizes) {
            Ok(cut) => cut,
            Err(why) => return Ok(Planned::Whole(Some(why))),
        };
        let places = self.part_places(&cut.name());
        // Whoever sends the event again wants the parts joined again.
        let mark = places.joined_mark();
        let (bucket, key) = split(&mark);
        self.ports.store.delete(bucket, key).await?;
        for index in 0..cut.first_parts() {
            let start = u64::from(index) * cut.part_bytes();
            self.ask_for(cut, index, start).await?;
        }
        self.mark(&places.planned()).await?;
        Ok(Planned::Cut(cut))
    }

    /// Reads a part, unless it was, and joins the parts, if all were. Does the same however often it is called.
    pub async fn part(&self, part: &Part) -> Result<Outcome, PortError> {
        let source = &self.created.source;
        let places = self.places.lake.parts(source, &part.contract, &part.cut.name());
        let mut done = self.done(&places).await?;
        if done.contains(&places.joined_mark()) {
            return Ok(Outcome::Part(None));
        }
        if part.contract != self.dataset.digest {
            return self.plan_again().await;
        }
        let mut record = None;
        if !done.contains(&places.record(part.index)) {
            match self.read(part, &places).await {
                Err(error) if error.kind == Kind::Rejected => return Ok(Outcome::Superseded(error.message)),
                Err(error) => return Err(error.context(format!("part {} of {}", part.index, self.uri()))),
                Ok(Ended::Refused(refused)) => return self.refuse(refused).await,
                Ok(Ended::Done(new)) => {
                    let body = serde_json::to_vec(&new);
                    let body = body.map_err(|e| PortError::fault(format!("a part's record as JSON: {e}")))?;
                    self.ports.put(&places.record(part.index), body.into()).await?;
                    record = Some(new);
                }
            }
            done = self.done(&places).await?;
        }
        match part.cut {
            Cut::Lines { parts, .. } if done.len() >= parts as usize => self.join(&places, parts).await,
            Cut::Lines { .. } => Ok(Outcome::Part(record)),
            Cut::Chain { .. } => self.go_on(part, &places, record).await,
        }
    }

    /// The next part of a chain, or the join behind the last.
    async fn go_on(&self, part: &Part, places: &PartPlaces, record: Option<Box<Record>>) -> Result<Outcome, PortError> {
        let read = match &record {
            Some(record) => record.as_ref().clone(),
            None => self.record(places, part.index).await?,
        };
        match (read.next, read.whole) {
            (Some(_), _) if part.index + 1 >= MAX_PARTS => {
                let why = format!("it has more than {MAX_PARTS} parts of {} bytes", part.cut.part_bytes());
                Err(PortError::fault(format!(
                    "{}: {why}: set a greater LinkMb of the stack",
                    self.uri()
                )))
            }
            (Some(next), None) => {
                self.ask_for(part.cut, part.index + 1, next).await?;
                Ok(Outcome::Part(record))
            }
            _ => self.join(places, part.index + 1).await,
        }
    }

    /// The contract's text changed since the part was asked for: other parts may be done by the old one. All are asked for by the new one,
    /// once.
    async fn plan_again(&self) -> Result<Outcome, PortError> {
        let replanned = async {
            let beginning = self.beginning().await?;
            let cut = plan::cut(self.dataset, self.created.bytes, &beginning, &self.places.sizes);
            let planned = self.part_places(&cut.map_or(WHOLE.into(), Cut::name)).planned();
            let (bucket, key) = split(&planned);
            let is_planned = !self.ports.store.list(bucket, key, None).await?.is_empty();
            match cut {
                _ if is_planned => Ok(Outcome::Part(None)),
                Ok(cut) => self.plan().await.map(|_| Outcome::Cut(cut)),
                Err(why) => {
                    let uncut = self.in_one_pass(why).await?;
                    self.mark(&planned).await?;
                    Ok(uncut)
                }
            }
        };
        match replanned.await {
            Err(error) if error.kind == Kind::Rejected => Ok(Outcome::Superseded(error.message)),
            other => other,
        }
    }

    async fn read(&self, part: &Part, places: &PartPlaces) -> Result<Ended, PortError> {
        let folder = scratch::folder(&self.places.scratch)?;
        let job = object::job(self.ports, self.places, self.dataset, self.created, folder.path()).await?;
        let beginning = self.beginning().await?;
        let mut prefixes = self.prefixes();
        // Their lines count from the part's first: they wait for the join.
        prefixes.quarantine = places.refused();
        let (id, bytes) = (object::object_id(self.created), self.created.bytes);
        let (part, places) = (part.clone(), places.clone());
        let work = move |hands: Hands| {
            let mut open = |offset: u64| -> io::Result<Box<dyn io::Read + Send>> {
                // A store does not open an object at its end.
                if offset >= bytes {
                    Ok(Box::new(io::empty()))
                } else {
                    hands.open(id.clone(), offset)
                }
            };
            read::run(&job, &part, &places, &beginning, &mut open, &mut |file| {
                hands.take(file)
            })
        };
        object::drive(self.ports, &prefixes, work).await
    }

    /// The object becomes one row of the quarantine, as it would in one pass.
    async fn refuse(&self, refused: Refused) -> Result<Outcome, PortError> {
        let folder = scratch::folder(&self.places.scratch)?;
        let job = object::job(self.ports, self.places, self.dataset, self.created, folder.path()).await?;
        let prefixes = self.prefixes();
        let work = move |hands: Hands| pipeline::refuse(&job, REFUSED_ATTEMPT, refused, &mut |file| hands.take(file));
        let report = object::drive(self.ports, &prefixes, work).await?;
        let requests = self.commit(prefixes, &report.data, &report.quarantine).await?;
        Ok(Outcome::Ingested(report, requests))
    }

    /// All parts are done.
    async fn join(&self, places: &PartPlaces, parts: u32) -> Result<Outcome, PortError> {
        let outcome = match self.joined(places, parts).await? {
            Err(why) => self.in_one_pass(&why).await?,
            Ok(mut joined) => {
                let prefixes = self.prefixes();
                if !joined.waiting.is_empty() {
                    joined.quarantine = self.join_quarantine(places, &prefixes, &joined).await?;
                }
                let requests = self.commit(prefixes, &joined.data, &joined.quarantine).await?;
                let outcome = Outcome::Joined(joined, requests);
                // Before the mark, behind which nobody would come back to do it.
                replayed::tell(self.ports, &self.places.lake, self.created, &outcome).await?;
                outcome
            }
        };
        // Only now: until then whatever comes again joins again.
        self.mark(&places.joined_mark()).await?;
        Ok(outcome)
    }

    /// Columns are not added by parts: [`splits`] says so.
    async fn commit(
        &self,
        prefixes: Prefixes,
        data: &[StagedFile],
        quarantine: &[StagedFile],
    ) -> Result<Requests, PortError> {
        let made = Made {
            data,
            added: &[],
            quarantine,
            rules: Vec::new(),
            refused: None,
        };
        object::commit(self.ports, self.dataset, self.created, prefixes, made, self.trace).await
    }

    /// The records together; or why the object must be read in one pass.
    async fn joined(&self, places: &PartPlaces, parts: u32) -> Result<Result<Joined, String>, PortError> {
        let mut joined = Joined::default();
        let records = (0..parts).map(|index| self.record(places, index));
        let mut records = std::pin::pin!(futures::stream::iter(records).buffered(RECORDS_AT_ONCE));
        while let Some(record) = records.try_next().await? {
            if let Err(why) = joined.add(record) {
                return Ok(Err(why));
            }
        }
        Ok(Ok(joined))
    }

    async fn join_quarantine(
        &self,
        places: &PartPlaces,
        prefixes: &Prefixes,
        joined: &Joined,
    ) -> Result<Vec<StagedFile>, PortError> {
        let folder = scratch::folder(&self.places.scratch)?;
        let job = object::job(self.ports, self.places, self.dataset, self.created, folder.path()).await?;
        let (to, from, waiting) = (places.joined(), places.refused(), joined.waiting.clone());
        let work = move |hands: Hands| {
            let mut open = |file: &StagedFile| hands.open(current(&format!("{from}{}", file.path)), 0);
            join::quarantine(&job, &to, &waiting, &mut open, &mut |file| hands.take(file))
        };
        object::drive(self.ports, prefixes, work).await.map_err(still_there)
    }

    async fn in_one_pass(&self, why: &str) -> Result<Outcome, PortError> {
        self.send(&Message::Whole(Whole {
            object: self.created.clone(),
            why: why.into(),
            trace: self.trace.map(Into::into),
        }))
        .await?;
        Ok(Outcome::Uncut(why.into()))
    }

    async fn ask_for(&self, cut: Cut, index: u32, start: u64) -> Result<(), PortError> {
        self.send(&Message::Part(Part {
            object: self.created.clone(),
            contract: self.dataset.digest.clone(),
            cut,
            index,
            start,
            end: start + cut.part_bytes(),
            trace: self.trace.map(Into::into),
        }))
        .await
    }

    async fn send(&self, message: &Message) -> Result<(), PortError> {
        let body = serde_json::to_string(message);
        let body = body.map_err(|e| PortError::fault(format!("a message of a part as JSON: {e}")))?;
        self.ports.parts.send(body).await
    }

    async fn beginning(&self) -> Result<Bytes, PortError> {
        let id = object::object_id(self.created);
        self.ports.store.read_range(&id, 0, BEGINNING_BYTES as u64).await
    }

    async fn record(&self, places: &PartPlaces, index: u32) -> Result<Record, PortError> {
        let uri = places.record(index);
        let body = self.ports.store.read(&current(&uri)).await.map_err(still_there)?;
        serde_json::from_slice(&body).map_err(|e| PortError::fault(format!("the part's record {uri}: {e}")))
    }

    /// Records that are there.
    async fn done(&self, places: &PartPlaces) -> Result<Vec<String>, PortError> {
        let prefix = places.records();
        let (bucket, key) = split(&prefix);
        let listed = self.ports.store.list(bucket, key, None).await?;
        Ok(listed
            .into_iter()
            .map(|object| format!("s3://{bucket}/{}", object.key))
            .collect())
    }

    /// An object whose being there says it all.
    async fn mark(&self, uri: &str) -> Result<(), PortError> {
        self.ports.put(uri, Bytes::from_static(b"{}\n")).await
    }

    fn part_places(&self, plan: &str) -> PartPlaces {
        let source = &self.created.source;
        self.places.lake.parts(source, &self.dataset.digest, plan)
    }

    fn prefixes(&self) -> Prefixes {
        Prefixes::of(self.places, self.dataset, self.created)
    }

    fn uri(&self) -> String {
        self.created.source.uri()
    }
}

fn split(uri: &str) -> (&str, &str) {
    split_uri(uri).expect("a lake location is an S3 URI")
}

fn current(uri: &str) -> ObjectId {
    let (bucket, key) = split(uri);
    ObjectId::current(bucket, key)
}

/// What a part left is gone: that says nothing of the object, which must not be taken for overwritten.
fn still_there(error: PortError) -> PortError {
    match error.kind {
        Kind::Rejected => PortError::fault(format!("{}: send the event of the object again", error.message)),
        _ => error,
    }
}

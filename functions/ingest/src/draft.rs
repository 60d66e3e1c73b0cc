//! An object that no contract matches: its beginning is looked at, and a draft contract and a report are laid down beside the lake's tables.

use crate::{event::Created, ports::Ports};
use bytes::Bytes;
use std::io::Cursor;
use watershed_infer::{Draft, FOOTER_END_BYTES, Refusal, SAMPLE_BYTES, Sample, Sparse, footer_bytes, is_parquet};
use watershed_lake::LakeLocation;
use watershed_ports::{Kind, ObjectId, PortError};

/// What came of an object that no contract matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drafted {
    /// A draft lies at this place.
    Contract(String),
    /// A report lies at this place, and says why there is no draft.
    Refused(String, Refusal),
    /// The object is no data: a marker, a checksum, empty.
    NoData,
    /// It is gone or was overwritten.
    Superseded(String),
}

/// Drafts a contract for one object. Does the same however often it is called.
pub async fn draft(ports: &Ports, lake: &LakeLocation, created: &Created) -> Result<Drafted, PortError> {
    let source = &created.source;
    if !watershed_infer::is_data(&source.key, created.bytes) {
        return Ok(Drafted::NoData);
    }
    // Of the current version only: an event of an older one that comes late must not write over the newer one's draft.
    let id = ObjectId {
        if_match: Some(source.etag.clone()),
        ..ObjectId::current(&source.bucket, &source.key)
    };
    let drafted = match draft_of(ports, &id, created).await {
        Err(error) if error.kind == Kind::Rejected => return Ok(Drafted::Superseded(error.message)),
        other => other?,
    };
    let places = lake.draft(&source.key);
    let report = match &drafted {
        Ok(draft) => draft.report(),
        Err(refusal) => serde_json::json!({"refused": refusal.message, "help": refusal.help}),
    };
    ports.put(&places.report, format!("{report:#}\n").into()).await?;
    match drafted {
        Ok(draft) => {
            ports.put(&places.contract, draft.yaml().into()).await?;
            Ok(Drafted::Contract(places.contract))
        }
        Err(refusal) => Ok(Drafted::Refused(places.report, refusal)),
    }
}

async fn draft_of(ports: &Ports, id: &ObjectId, created: &Created) -> Result<Result<Draft, Refusal>, PortError> {
    let beginning = ports.store.read_range(id, 0, SAMPLE_BYTES as u64).await?;
    let end = footer(ports, id, created.bytes, &beginning).await?;
    let (key, bytes) = (id.key.clone(), created.bytes);
    let work = move || {
        let sample = match end {
            Some(end) => Sample::parquet(Sparse::new(bytes, beginning, end), &key),
            None => Sample::read(Beginning::new(beginning, bytes), &key),
        };
        sample.and_then(|sample| Draft::of(&[sample], &key))
    };
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|e| PortError::fault(format!("the draft ended by itself: {e}")))
}

/// The footer of a Parquet file that goes on behind its beginning.
async fn footer(ports: &Ports, id: &ObjectId, bytes: u64, beginning: &Bytes) -> Result<Option<Bytes>, PortError> {
    if !is_parquet(beginning) || bytes <= beginning.len() as u64 {
        return Ok(None);
    }
    let end = ports
        .store
        .read_range(id, bytes.saturating_sub(FOOTER_END_BYTES), bytes)
        .await?;
    match footer_bytes(&end, bytes) {
        None => Ok(None),
        Some(length) => ports.store.read_range(id, bytes - length, bytes).await.map(Some),
    }
}

/// The first bytes of an object. Behind them comes an error where the object goes on, so that a cut record is not taken for a whole one.
struct Beginning {
    bytes: Cursor<Bytes>,
    goes_on: bool,
}

impl Beginning {
    fn new(beginning: Bytes, bytes: u64) -> Self {
        Self {
            goes_on: bytes > beginning.len() as u64,
            bytes: Cursor::new(beginning),
        }
    }
}

impl std::io::Read for Beginning {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.bytes.read(buffer)? {
            0 if self.goes_on && !buffer.is_empty() => Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

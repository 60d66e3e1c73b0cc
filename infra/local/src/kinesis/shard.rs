//! One shard: what was read of it, its lanes, and from where to read on after a restart.
//!
//! No clock and no call. Lambda's semantics are in [`Lane`]; here is what lanes have in common.

use super::{
    answer::Answer,
    lane::{Lane, MAX_PAYLOAD_BYTES, Work},
    record::{Record, Sequence},
    settings::Settings,
};
use serde::{Deserialize, Serialize};

/// Where a shard is read on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// With its oldest record.
    TrimHorizon,
    /// With what came at this time or later: milliseconds since 1970.
    AtTimestamp(i64),
    /// With this record.
    At(String),
    /// With the one behind this.
    After(String),
}

/// A shard that is read.
#[derive(Debug)]
pub struct Shard {
    settings: Settings,
    /// Oldest record that may be handed on: what the mapping says, or else what the stream keeps.
    max_age_ms: i64,
    lanes: Vec<Lane>,
    last_read: Option<Sequence>,
    closed: bool,
}

impl Shard {
    /// Of which nothing was read yet. `retention_ms`: how long the stream keeps records.
    pub fn new(settings: &Settings, retention_ms: i64) -> Self {
        Self {
            settings: settings.clone(),
            max_age_ms: settings.max_age_ms.map_or(retention_ms, |max| max.min(retention_ms)),
            lanes: (0..settings.lanes.max(1)).map(|_| Lane::default()).collect(),
            last_read: None,
            closed: false,
        }
    }

    /// More shall be read: there is room. A payload a lane is held, and what one read more brings.
    pub fn wants_records(&self) -> bool {
        let held: usize = self.lanes.iter().map(Lane::bytes).sum();
        !self.closed && held < MAX_PAYLOAD_BYTES * self.lanes.len()
    }

    /// Takes up what was read. What it had already is left out.
    pub fn read(&mut self, records: Vec<Record>, now_ms: i64) {
        for record in records {
            if self.last_read.as_ref().is_some_and(|last| record.sequence <= *last) {
                continue;
            }
            self.last_read = Some(record.sequence.clone());
            let lane = lane_of(&record.partition_key, self.lanes.len());
            self.lanes[lane].push(record, now_ms);
        }
    }

    /// There will be no more records: it was split or merged.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// What is to be done now, and in which lane.
    pub fn work(&mut self, now_ms: i64) -> Vec<(usize, Work)> {
        let (settings, closed, max_age_ms) = (&self.settings, self.closed, self.max_age_ms);
        let lanes = self.lanes.iter_mut().enumerate();
        lanes
            .filter_map(|(number, lane)| Some((number, lane.next(settings, closed, max_age_ms, now_ms)?)))
            .collect()
    }

    /// What came of an invocation.
    pub fn answered(&mut self, lane: usize, answer: &Answer, now_ms: i64) {
        self.lanes[lane].answered(&self.settings, answer, now_ms);
    }

    /// The destination knows of what was given up.
    pub fn discarded(&mut self, lane: usize, now_ms: i64) {
        self.lanes[lane].discarded(now_ms);
    }

    /// When there may be something to do without anything else happening.
    pub fn wake_ms(&self) -> Option<i64> {
        self.lanes.iter().filter_map(|lane| lane.wake_ms(&self.settings)).min()
    }

    /// Where to read on, so that no record is skipped of which the work is not done. None: where it was begun.
    pub fn position(&self) -> Option<Position> {
        match self.lanes.iter().filter_map(Lane::oldest).min() {
            Some(oldest) => Some(Position::At(oldest.to_string())),
            None => self.last_read.as_ref().map(|last| Position::After(last.to_string())),
        }
    }

    /// Where the next record is read.
    pub fn read_position(&self) -> Option<Position> {
        self.last_read.as_ref().map(|last| Position::After(last.to_string()))
    }

    /// It is closed and the work of all records is done: children may be read.
    pub fn ended(&self) -> bool {
        self.closed && self.lanes.iter().all(Lane::is_empty)
    }
}

/// Records of one key are in one lane (FNV-1a of 64 bits; its high bits hang too little on short keys, so they are mixed once more).
fn lane_of(partition_key: &str, lanes: usize) -> usize {
    let hash = partition_key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    ((mixed >> 33) % lanes as u64) as usize
}

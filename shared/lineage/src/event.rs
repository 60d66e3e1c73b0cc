//! A run event.

use crate::{
    facet::{self, PRODUCER},
    name::Job,
};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};
use uuid::{Builder, Uuid};
use watershed_lake::{LakeLocation, layout::Digest};

/// The event's own schema.
pub const SCHEMA_URL: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It began: of runs that take more than one invocation.
    Start,
    /// It is done.
    Complete,
    /// Nothing came of it.
    Fail,
}

impl State {
    /// OpenLineage's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "START",
            Self::Complete => "COMPLETE",
            Self::Fail => "FAIL",
        }
    }
}

/// A run came to a state.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEvent {
    /// Which run.
    pub run_id: Uuid,
    /// Of which job.
    pub job: Job,
    /// To which state.
    pub state: State,
    /// When, in milliseconds since 1970-01-01T00:00:00Z.
    pub time_ms: i64,
    /// What is said of the run.
    pub run_facets: Map<String, Value>,
    /// Datasets that were read.
    pub inputs: Vec<Value>,
    /// Datasets that were written.
    pub outputs: Vec<Value>,
}

impl RunEvent {
    /// Of nothing yet.
    pub fn new(run_id: Uuid, job: Job, state: State, time_ms: i64) -> Self {
        Self {
            run_id,
            job,
            state,
            time_ms,
            run_facets: Map::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// As the specification has it.
    pub fn json(&self) -> Value {
        json!({
            "eventTime": time(self.time_ms),
            "eventType": self.state.word(),
            "producer": PRODUCER,
            "schemaURL": SCHEMA_URL,
            "run": {"runId": self.run_id.to_string(), "facets": self.run_facets},
            "job": {
                "namespace": self.job.namespace, "name": self.job.name,
                "facets": {"jobType": facet::job_type(self.job.is_stream)},
            },
            "inputs": self.inputs,
            "outputs": self.outputs,
        })
    }

    /// Where it lies in the lake: said again, it lies there again.
    pub fn place(&self, lake: &LakeLocation) -> String {
        let day = &time(self.time_ms)[..DAY_BYTES];
        lake.lineage(&self.job.name, day, &self.run_id.to_string(), self.state.word())
    }
}

/// Bytes of the day in a time: `2013-02-09`.
const DAY_BYTES: usize = 10;

/// RFC 3339, in milliseconds and UTC.
pub fn time(ms: i64) -> String {
    // A snapshot's time is one of the calendar.
    let time = DateTime::from_timestamp_millis(ms).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The id of the run that does what these parts say: always the same. A UUID of version 8, whose bits are ours (RFC 9562, 5.8).
pub fn run_id(parts: &[&str]) -> Uuid {
    let mut digest = Digest::new();
    for part in parts {
        digest.part(part.as_bytes());
    }
    Builder::from_custom_bytes(digest.bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_does_the_same_has_the_same_id() {
        let one = run_id(&["commit", "a"]);
        assert_eq!(one, run_id(&["commit", "a"]));
        assert_ne!(one, run_id(&["commita", ""]));
        assert_eq!(one.get_version_num(), 8);
    }

    #[test]
    fn an_event_lies_by_job_and_day() {
        let lake = LakeLocation::bucket("lake");
        let table = "nyc.flights".parse().expect("a name");
        let event = RunEvent::new(
            Uuid::nil(),
            Job::of(&lake, "ingest", &table),
            State::Fail,
            1_360_454_399_999,
        );
        let place = "s3://lake/lineage/ingest.nyc.flights/2013-02-09/00000000-0000-0000-0000-000000000000-FAIL.json";
        assert_eq!(event.place(&lake), place);
        assert_eq!(event.json()["eventTime"], "2013-02-09T23:59:59.999Z");
    }
}

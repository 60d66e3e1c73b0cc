//! What the function is asked: by a person, through EventBridge or directly, or by itself, to go on.

use chrono::{DateTime, NaiveDate};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::ops::Range;
use watershed_lake::{
    ReplayId, ReplayRequest,
    replay::{ObjectSelection, QuarantineSelection, REPLAY_REQUESTED},
};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A replay is asked for.
    Begin(ReplayRequest),
    /// One goes on.
    GoOn(GoOn),
}

/// The function's message to itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoOn {
    /// Of which replay.
    pub replay: ReplayId,
    /// With what.
    pub go_on: Step,
}

/// What a replay does after it was planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Send the sources from that one of the plan on.
    Send {
        /// Its number, from 0.
        from: usize,
    },
    /// Look whether all are done.
    Look {
        /// Looks before this one.
        before: u32,
    },
}

/// A request that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a request for a replay: {0}; send {{\"replay\": \"a-name\", \"quarantine\": {{\"table\": \"database.table\", \"reasons\": [...]}}}} \
     or {{\"replay\": \"a-name\", \"objects\": {{\"prefix\": \"key/begins/so\"}}}}, each with from and to where wanted"
)]
pub struct BadRequest(pub String);

/// Which sources, with times as microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<'a> {
    /// By what.
    pub over: Over<'a>,
    /// Made then.
    pub times_us: Range<i64>,
}

/// By what sources are selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over<'a> {
    /// By their quarantined rows.
    Quarantine(&'a QuarantineSelection),
    /// By themselves.
    Objects(&'a ObjectSelection),
}

impl Work {
    /// Of a message's body, or of what the function was invoked with.
    pub fn parse(mut value: Value) -> Result<Self, BadRequest> {
        if let Some(kind) = value.get("detail-type") {
            if kind != REPLAY_REQUESTED {
                return Err(BadRequest(format!("an event {kind}")));
            }
            value = value["detail"].take();
        }
        let bad = |error: serde_json::Error| BadRequest(error.to_string());
        if value.get("go_on").is_some() {
            return serde_json::from_value(value).map(Self::GoOn).map_err(bad);
        }
        let request: ReplayRequest = serde_json::from_value(value).map_err(bad)?;
        // Told now, not when the plan is made.
        Selection::of(&request)?;
        Ok(Self::Begin(request))
    }
}

impl<'a> Selection<'a> {
    /// What the request selects.
    pub fn of(request: &'a ReplayRequest) -> Result<Self, BadRequest> {
        let (over, from, to) = match (&request.quarantine, &request.objects) {
            (Some(rows), None) => (Over::Quarantine(rows), &rows.from, &rows.to),
            (None, Some(objects)) => (Over::Objects(objects), &objects.from, &objects.to),
            (Some(_), Some(_)) => return Err(BadRequest("both quarantine and objects".into())),
            (None, None) => return Err(BadRequest("neither quarantine nor objects".into())),
        };
        let from_us = from.as_deref().map_or(Ok(i64::MIN), micros)?;
        let to_us = to.as_deref().map_or(Ok(i64::MAX), micros)?;
        if from_us >= to_us {
            return Err(BadRequest("from is not before to".into()));
        }
        Ok(Self {
            over,
            times_us: from_us..to_us,
        })
    }
}

/// RFC 3339, or a date, which begins at midnight in UTC.
fn micros(text: &str) -> Result<i64, BadRequest> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.timestamp_micros());
    }
    let date: NaiveDate = text
        .parse()
        .map_err(|_| BadRequest(format!("`{text}` is neither 2013-01-31 nor 2013-01-31T12:00:00Z")))?;
    Ok(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_and_the_bare_request_are_the_same() {
        let request = json!({"replay": "mended", "quarantine": {"table": "nyc.flights", "reasons": ["type"], "from": "2013-01-31"}});
        let event = json!({"detail-type": "ReplayRequested", "source": "watershed", "detail": request});
        let work = Work::parse(request).unwrap();
        assert_eq!(Work::parse(event).unwrap(), work);
        let Work::Begin(request) = work else { panic!("{work:?}") };
        let selection = Selection::of(&request).unwrap();
        assert_eq!(selection.times_us.start, 1_359_590_400_000_000);
    }

    #[test]
    fn the_event_files_are_what_they_are() {
        let file = |name: &str| -> Value {
            let path = format!("{}/../../events/replay/{name}.json", env!("CARGO_MANIFEST_DIR"));
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
        };
        let inner = |value: &Value| serde_json::from_str(value.as_str().unwrap()).unwrap();
        let entry = &file("put-events")[0];
        let event = json!({"detail-type": entry["DetailType"], "detail": inner(&entry["Detail"])});
        let queued = inner(&file("requested-in-sqs")["Records"][0]["body"]);
        for value in [file("rows-by-reason"), file("objects-by-prefix"), event, queued] {
            assert!(matches!(Work::parse(value), Ok(Work::Begin(_))));
        }
    }

    #[test]
    fn it_goes_on_as_it_said() {
        let go_on = GoOn {
            replay: "a".parse().unwrap(),
            go_on: Step::Send { from: 7 },
        };
        let text = serde_json::to_value(&go_on).unwrap();
        assert_eq!(Work::parse(text).unwrap(), Work::GoOn(go_on));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |value: Value| Work::parse(value).unwrap_err().to_string();
        assert!(error(json!({"replay": "a"})).contains("neither quarantine nor objects"));
        assert!(error(json!({"replay": "a", "objects": {"prefix": "", "from": "yesterday"}})).contains("`yesterday`"));
        assert!(
            error(json!({"replay": "a", "objects": {"prefix": ""}, "quarantine": {"table": "a.b"}})).contains("both")
        );
        assert!(error(json!({"replay": "a", "quarantine": {"table": "flights"}})).contains("database.table"));
        assert!(error(json!({"detail-type": "TableChanged", "detail": {}})).contains("TableChanged"));
        let reversed = json!({"replay": "a", "objects": {"prefix": "", "from": "2013-02-01", "to": "2013-01-01"}});
        assert!(error(reversed).contains("before"));
    }
}

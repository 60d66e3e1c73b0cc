//! What is known of a dataset's expectations from one look to the next, and what is still to be told of it. It is written before it is told, so
//! that whoever comes next tells it, under the same id.

use crate::{
    Monitor, Ports,
    decide::{Decision, Facts, Finding},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use watershed_contract::Dataset;
use watershed_lake::{layout::Digest, lineage::RunRule, message::EVENT_SOURCE};
use watershed_lineage::{Checked, Lineage, event::time};
use watershed_ports::{Kind, ObjectId, PortError};
use watershed_table::object;

/// `detail-type` of what tells that expectations are broken, all those that are.
pub const EXPECTATION_FAILED: &str = "ExpectationFailed";
/// `detail-type` of what tells that all hold again.
pub const EXPECTATION_HELD: &str = "ExpectationHeld";

/// What is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// When the dataset was first looked at, in milliseconds since 1970-01-01T00:00:00Z.
    pub since_ms: i64,
    /// When it was found so.
    pub checked_ms: i64,
    /// Of its table.
    pub facts: Facts,
    /// What came of each expectation.
    pub findings: Vec<Finding>,
    /// Times that something else was broken than before.
    pub changes: u64,
    /// That something else is broken than before is to be told; none: it is as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub news: Option<News>,
    /// All of it was told.
    pub is_told: bool,
}

/// Something to be announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct News {
    /// `detail-type` of the event.
    pub kind: String,
    /// Its detail, as text.
    pub detail: String,
}

impl State {
    /// The state that comes next; none: all is as it was. How old the newest rows are changes all the time, and is no change.
    pub fn after(
        before: Option<&Self>,
        dataset: &Dataset,
        facts: Facts,
        decision: &Decision,
        (since_ms, now_ms): (i64, i64),
    ) -> Option<Self> {
        let shape = |findings: &[Finding]| -> Vec<(String, bool)> {
            findings
                .iter()
                .map(|finding| (finding.name.clone(), finding.holds))
                .collect()
        };
        let broken = |findings: &[Finding]| -> Vec<String> {
            let broken = findings.iter().filter(|finding| !finding.holds);
            broken.map(|finding| finding.name.clone()).collect()
        };
        let known = before.map_or(&[][..], |state| &state.findings);
        if before.is_some_and(|state| state.facts == facts && shape(known) == shape(&decision.findings)) {
            return None;
        }
        let is_news = broken(known) != broken(&decision.findings);
        let changes = before.map_or(0, |state| state.changes) + u64::from(is_news);
        Some(Self {
            since_ms,
            checked_ms: now_ms,
            facts,
            findings: decision.findings.clone(),
            changes,
            news: is_news.then(|| news(dataset, &decision.findings, changes, now_ms)),
            is_told: false,
        })
    }
}

fn news(dataset: &Dataset, findings: &[Finding], change: u64, now_ms: i64) -> News {
    let table = dataset.table.name.to_string();
    let mut digest = Digest::new();
    for part in [table.as_bytes(), &change.to_le_bytes()] {
        digest.part(part);
    }
    let broken: Vec<&Finding> = findings.iter().filter(|finding| !finding.holds).collect();
    let said = broken
        .iter()
        .map(|it| format!("{} is {}, expected {}", it.name, it.found, it.wanted));
    let said: Vec<String> = said.collect();
    let kind = if broken.is_empty() {
        EXPECTATION_HELD
    } else {
        EXPECTATION_FAILED
    };
    let what = if broken.is_empty() {
        "all expectations hold again".to_string()
    } else {
        said.join("; ")
    };
    let detail = json!({
        "id": digest.hex(), "dataset": dataset.id, "table": table, "time": time(now_ms), "what": what, "broken": broken,
    });
    News {
        kind: kind.into(),
        detail: detail.to_string(),
    }
}

/// The state as it lies in the lake.
pub struct Kept {
    place: ObjectId,
    etag: Option<String>,
    /// None: the dataset was never looked at.
    pub state: Option<State>,
}

/// The one of the dataset.
pub async fn load(monitor: &Monitor, ports: &Ports, dataset: &Dataset) -> Result<Kept, PortError> {
    let uri = monitor.lake.expectations(&dataset.table.name);
    let place = object::id(&uri)?;
    let mut kept = Kept {
        place,
        etag: None,
        state: None,
    };
    let (bucket, key) = (&kept.place.bucket, &kept.place.key);
    let Some(found) = ports.store.find(bucket, key).await? else {
        return Ok(kept);
    };
    let etag = found.meta.etag;
    let same = ObjectId {
        if_match: Some(etag.clone()),
        ..kept.place.clone()
    };
    // Swapped meanwhile: whoever did it looks, too.
    let body = ports.store.read(&same).await.map_err(object::still_named)?;
    let state = serde_json::from_slice(&body);
    kept.state = Some(state.map_err(|error| {
        PortError::fault(format!(
            "{uri} is no state of expectations ({error}): remove it, and all is looked at anew"
        ))
    })?);
    kept.etag = Some(etag);
    Ok(kept)
}

impl Kept {
    /// Makes it this one. Transient where another was faster: it looks, too.
    pub async fn put(&mut self, ports: &Ports, state: State) -> Result<(), PortError> {
        let body = Bytes::from(serde_json::to_vec(&state).expect("texts and numbers are JSON"));
        let (bucket, key) = (&self.place.bucket, &self.place.key);
        let put = ports.store.put_if(bucket, key, body, self.etag.as_deref()).await;
        let etag = put.map_err(|error| match error.kind {
            Kind::Conflict => PortError::transient(error.message),
            _ => error,
        })?;
        self.etag = Some(etag);
        self.state = Some(state);
        Ok(())
    }

    /// Tells what is to be told, and then that it was.
    pub async fn tell(&mut self, monitor: &Monitor, ports: &Ports, dataset: &Dataset) -> Result<(), PortError> {
        let Some(state) = self.state.clone().filter(|state| !state.is_told) else {
            return Ok(());
        };
        let lineage = Lineage {
            lake: &monitor.lake,
            contracts: &monitor.contracts,
        };
        let rule = |finding: &Finding| RunRule {
            name: finding.name.clone(),
            column: finding.column.clone(),
            holds: finding.holds,
        };
        let rules: Vec<RunRule> = state.findings.iter().map(rule).collect();
        let event = lineage.of_expectations(&Checked {
            dataset,
            snapshot_id: state.facts.snapshot_id,
            rules: &rules,
            time_ms: state.checked_ms,
        });
        let body = event.json().to_string().into();
        object::put(&*ports.store, &event.place(&monitor.lake), body).await?;
        if let Some(news) = &state.news {
            ports.bus.publish(EVENT_SOURCE, &news.kind, news.detail.clone()).await?;
        }
        let told = State { is_told: true, ..state };
        self.put(ports, told).await
    }
}

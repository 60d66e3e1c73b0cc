//! Windows that have fired: to their table, and shown to their detectors.

use crate::{
    alert::alert,
    outbox::MAX_ALERTS,
    output::Outputs,
    pipeline::Stopped,
    rows::{self, AnomalyRow},
    watch::{Said, Watch, watched},
};
use watershed_contract::{Dataset, Window};
use watershed_stream::Firing;

/// What closing windows have brought so far.
#[derive(Debug, Default)]
pub struct Found {
    /// Anomalies that are not written yet.
    pub anomalies: Vec<AnomalyRow>,
    /// Alerts of the first anomalies.
    pub alerts: Vec<String>,
}

/// Takes the firings of one kind of window, a piece at a time, so that no more than a piece is in memory.
pub struct Closing<'p, 't> {
    /// Whose windows these are.
    pub dataset: &'t Dataset,
    /// Which kind of window.
    pub window: &'t Window,
    /// Where rows go.
    pub outputs: &'p mut Outputs<'t>,
    /// What watches the windows.
    pub watch: &'p mut Watch,
    /// How many there were.
    pub fired: &'p mut u64,
    /// What comes of it.
    pub found: &'p mut Found,
    /// What stopped it: firings are left alone from then on.
    pub stopped: Result<(), Stopped>,
}

impl Closing<'_, '_> {
    /// The next piece.
    pub fn take(&mut self, firings: &[Firing]) {
        if self.stopped.is_ok() {
            self.stopped = self.fired(firings);
        }
    }

    fn fired(&mut self, firings: &[Firing]) -> Result<(), Stopped> {
        let table = &self.window.table;
        let schema = self.outputs.schema(table);
        for batch in rows::windows(self.window, &self.dataset.table, firings, &schema) {
            self.outputs.write(table, batch?)?;
        }
        *self.fired += firings.len() as u64;
        for firing in firings {
            let said = self.watch.observe(self.window, firing);
            for said in said.into_iter().filter(|said| said.verdict.alarm) {
                self.anomaly(firing, said)?;
            }
        }
        Ok(())
    }

    fn anomaly(&mut self, firing: &Firing, Said { detector, verdict }: Said) -> Result<(), Stopped> {
        let (window, table) = (self.window, &self.window.table.name);
        let Some(reason) = verdict.reason else { return Ok(()) };
        let column = &watched(window, &window.detectors[detector]).name;
        let key = rows::keys::key_json(window, &firing.key).map_err(|e| Stopped::Bug(e.to_string()))?;
        let row = AnomalyRow {
            id: rows::anomaly_id(table, firing.id(), column),
            window: window.name.clone(),
            key,
            time_ms: firing.start_ms,
            column: column.clone(),
            reason,
            score: verdict.score,
            revision: firing.revision,
        };
        if self.found.alerts.len() < MAX_ALERTS {
            self.found.alerts.push(alert(table, &row));
        }
        self.found.anomalies.push(row);
        Ok(())
    }
}

//! Events of what was done.

use crate::{
    columns,
    event::{RunEvent, State, run_id},
    facet,
    name::{Job, Name},
};
use serde_json::{Map, Value, json};
use watershed_contract::{Contracts, Dataset};
use watershed_lake::{
    CommitRequest, LakeLocation, Maintain, MaintenanceRequest, ReplayId, TableSpec,
    lineage::{Landed, PERIOD_MS, Period, Run, RunRule},
};

/// Whose lineage it is.
#[derive(Clone, Copy)]
pub struct Lineage<'l> {
    /// Where tables lie.
    pub lake: &'l LakeLocation,
    /// What they are.
    pub contracts: &'l Contracts,
}

/// What became of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// Its sources are known.
    Planned,
    /// Its report is written; false: not all of it is done.
    Reported(bool),
}

/// A table that was looked at, and whether its expectations hold.
#[derive(Debug, Clone, Copy)]
pub struct Checked<'c> {
    /// Whose table it is.
    pub dataset: &'c Dataset,
    /// The state that was looked at; none: there is no such table yet.
    pub snapshot_id: Option<i64>,
    /// What came of each expectation.
    pub rules: &'c [RunRule],
    /// When, in milliseconds since 1970-01-01T00:00:00Z.
    pub time_ms: i64,
}

impl Lineage<'_> {
    /// Of a request that is in that snapshot. Of an append, the hour before its own, where it is the first of its hour. None: its run is not
    /// told, or is told with others; or it has no files: what it took away, if anything, only the table's history says.
    pub fn of_request(&self, request: &CommitRequest, landed: &Landed) -> Option<RunEvent> {
        let run = request.run.as_ref()?;
        let dataset = self.contracts.by_table(&request.table)?;
        let table = dataset.table_of(&request.table)?;
        let job = Job::of(self.lake, &run.job, &dataset.table.name);
        let source = Name::source(&request.source);
        if request.append.is_some() {
            return landed
                .before
                .as_ref()
                .map(|period| self.period(job, (dataset, table), source.as_ref(), period));
        }
        if request.files.is_empty() {
            return None;
        }
        let state = if run.failed.is_some() {
            State::Fail
        } else {
            State::Complete
        };
        let mut event = RunEvent::new(run_id(&["commit", &request.token]), job, state, landed.made_ms);
        if let Some(why) = &run.failed {
            event.run_facets.insert("errorMessage".into(), facet::error(why));
        }
        if let Some(replay) = &run.replay {
            let (parent, id) = self.replay_run(replay);
            event.run_facets.insert("parent".into(), facet::parent(&parent, id));
        }
        event.inputs = self.inputs(run, source.as_ref());
        let files = &request.files;
        let rows = files.iter().map(|file| file.rows).sum();
        let bytes = files.iter().map(|file| file.bytes).sum();
        let columns = columns::of(self.lake, self.contracts, dataset, table, source.as_ref());
        let output = self.table(table, landed.snapshot_id, &columns);
        event.outputs = vec![counted(output, (rows, files.len() as u64, bytes))];
        Some(event)
    }

    /// Of maintenance that made that snapshot. None: it changes no file.
    pub fn of_maintenance(&self, request: &MaintenanceRequest, landed: &Landed) -> Option<RunEvent> {
        let dataset = self.contracts.by_table(&request.table)?;
        let table = dataset.table_of(&request.table)?;
        let (function, counts) = match &request.maintain {
            Maintain::ExpireSnapshots { .. } => return None,
            Maintain::RemoveBefore { .. } => ("housekeep", None),
            Maintain::Swap(swap) => {
                let (rows, bytes) = swap
                    .files
                    .iter()
                    .fold((0, 0), |(rows, bytes), file| (rows + file.rows, bytes + file.bytes));
                ("compact", Some((rows, swap.files.len() as u64, bytes)))
            }
        };
        let job = Job::of(self.lake, function, &dataset.table.name);
        let id = run_id(&["maintain", self.lake.root(), &request.token()]);
        let mut event = RunEvent::new(id, job, State::Complete, landed.made_ms);
        event.inputs = vec![called(&Name::table(self.lake, table), &Map::new())];
        let output = self.table(table, landed.snapshot_id, &[]);
        event.outputs = vec![match counts {
            Some(counts) => counted(output, counts),
            None => output,
        }];
        Some(event)
    }

    fn period(
        &self,
        mut job: Job,
        (dataset, table): (&Dataset, &TableSpec),
        source: Option<&Name>,
        period: &Period,
    ) -> RunEvent {
        job.is_stream = true;
        let end_ms = period.start_ms + PERIOD_MS;
        let name = table.name.to_string();
        let id = run_id(&["period", self.lake.root(), &name, &period.start_ms.to_string()]);
        let mut event = RunEvent::new(id, job, State::Complete, end_ms);
        let nominal = facet::nominal_time(period.start_ms, end_ms);
        event.run_facets.insert("nominalTime".into(), nominal);
        event.inputs = source.into_iter().map(|name| called(name, &Map::new())).collect();
        let columns = columns::of(self.lake, self.contracts, dataset, table, source);
        let output = self.table(table, period.snapshot_id, &columns);
        event.outputs = vec![counted(output, (period.rows, period.files, period.bytes))];
        event
    }

    /// Of a replay, at that time. It is the parent of what its sources are made of.
    pub fn of_replay(&self, id: &ReplayId, became: Replay, time_ms: i64) -> RunEvent {
        let (job, run_id) = self.replay_run(id);
        let state = match became {
            Replay::Planned => State::Start,
            Replay::Reported(true) => State::Complete,
            Replay::Reported(false) => State::Fail,
        };
        RunEvent::new(run_id, job, state, time_ms)
    }

    fn replay_run(&self, id: &ReplayId) -> (Job, uuid::Uuid) {
        let id = run_id(&["replay", self.lake.root(), &id.to_string()]);
        (Job::named(self.lake, "replay"), id)
    }

    /// Of a look at the expectations of a dataset: a run that reads its table.
    pub fn of_expectations(&self, checked: &Checked<'_>) -> RunEvent {
        let table = &checked.dataset.table;
        let job = Job::of(self.lake, "monitor", &table.name);
        let parts = [
            "monitor",
            self.lake.root(),
            &table.name.to_string(),
            &checked.time_ms.to_string(),
        ];
        let mut event = RunEvent::new(run_id(&parts), job, State::Complete, checked.time_ms);
        let mut looked_at = called(&Name::table(self.lake, table), &version(checked.snapshot_id));
        looked_at["inputFacets"] = json!({"dataQualityAssertions": facet::assertions(checked.rules)});
        event.inputs = vec![looked_at];
        event
    }

    fn inputs(&self, run: &Run, source: Option<&Name>) -> Vec<Value> {
        let mut inputs: Vec<Value> = source.iter().map(|name| called(name, &Map::new())).collect();
        inputs.extend(run.inputs.iter().filter_map(|read| {
            let table = self.contracts.by_table(&read.table)?.table_of(&read.table)?;
            Some(called(&Name::table(self.lake, table), &version(read.snapshot_id)))
        }));
        if let Some(first) = inputs.first_mut().filter(|_| !run.rules.is_empty()) {
            first["inputFacets"] = json!({"dataQualityAssertions": facet::assertions(&run.rules)});
        }
        inputs
    }

    fn table(&self, table: &TableSpec, snapshot_id: i64, columns: &[columns::Column]) -> Value {
        let name = Name::table(self.lake, table);
        let mut facets = version(Some(snapshot_id));
        facets.insert("schema".into(), facet::schema(table));
        facets.insert("dataSource".into(), facet::data_source(&name));
        if !columns.is_empty() {
            facets.insert("columnLineage".into(), facet::column_lineage(columns));
        }
        called(&name, &facets)
    }
}

fn version(snapshot_id: Option<i64>) -> Map<String, Value> {
    let version = snapshot_id.map(|id| ("version".into(), facet::version(&id.to_string())));
    version.into_iter().collect()
}

fn called(name: &Name, facets: &Map<String, Value>) -> Value {
    json!({"namespace": name.namespace, "name": name.name, "facets": facets})
}

fn counted(mut output: Value, counts: (u64, u64, u64)) -> Value {
    output["outputFacets"] = json!({"outputStatistics": facet::statistics(counts)});
    output
}

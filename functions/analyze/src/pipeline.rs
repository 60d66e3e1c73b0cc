//! Records of a shard, from bytes to rows of the stream's tables: unpack, decode, check, put in windows, watch what closes. Sync and local:
//! what it changes is the shard's state in memory, what it makes are files in a scratch folder.

use crate::{
    closing::{Closing, Found},
    decoder::Decoder,
    output::Outputs,
    rows::{self, LateReason, LateRow, Place, StreamOrigin},
    shard::Shard,
    values,
};
use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use std::collections::BTreeMap;
use watershed_contract::{Dataset, Stream};
use watershed_decode::{DecodedRecords, Reason, personal, reject::DecodeError};
use watershed_kinesis::{Batch, Event, Sequence, Unpacker, UserRecord};
use watershed_sink::SinkError;
use watershed_stream::{Outcome, Position, Record, State};

/// What was done.
#[derive(Debug, Default)]
pub struct Counts {
    /// Records, those of aggregates each.
    pub records: u64,
    /// Rows in the table.
    pub accepted: u64,
    /// Rows in quarantine, by why.
    pub refused: BTreeMap<Reason, u64>,
    /// Rows of the table of late rows.
    pub late: u64,
    /// Firings of windows.
    pub fired: u64,
    /// Anomalies.
    pub anomalies: u64,
}

/// What stops the work; nothing is said about the records.
#[derive(Debug)]
pub enum Stopped {
    /// The scratch folder.
    Output(SinkError),
    /// A bug.
    Bug(String),
}

impl From<SinkError> for Stopped {
    fn from(error: SinkError) -> Self {
        Self::Output(error)
    }
}

impl From<ArrowError> for Stopped {
    fn from(error: ArrowError) -> Self {
        Self::Bug(error.to_string())
    }
}

impl From<DecodeError> for Stopped {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Object(reject) => Self::Bug(format!("records were refused as an object: {reject}")),
            DecodeError::Input(error) => Self::Bug(format!("records in memory could not be read: {error}")),
        }
    }
}

/// The work on a shard.
pub struct Pipeline<'a, 's> {
    dataset: &'a Dataset,
    stream: &'a Stream,
    shard: &'s mut Shard,
    origin: StreamOrigin,
    outputs: Outputs<'a>,
    refused: Vec<(Place, watershed_decode::RejectedRow)>,
    late: Vec<Late>,
    found: Found,
    counts: Counts,
}

/// A row that missed windows, by the number of its record.
struct Late {
    number: usize,
    row: LateRow,
}

impl<'a, 's> Pipeline<'a, 's> {
    /// On that shard.
    pub fn new(dataset: &'a Dataset, stream: &'a Stream, shard: &'s mut Shard, outputs: Outputs<'a>) -> Self {
        let origin = StreamOrigin {
            source: shard.source(),
            shard: shard.head.shard.clone(),
            contract_version: dataset.version_text(),
        };
        Self {
            dataset,
            stream,
            shard,
            origin,
            outputs,
            refused: Vec::new(),
            late: Vec::new(),
            found: Found::default(),
            counts: Counts::default(),
        }
    }

    /// What fired when the shard took over from its parents.
    pub fn inherited(&mut self) -> Result<(), Stopped> {
        for (at, fired) in std::mem::take(&mut self.shard.inherited).into_iter().enumerate() {
            let (_, mut closing) = self.closing(at);
            closing.take(&fired);
            closing.stopped?;
        }
        self.write()
    }

    /// All records, or as many as there is time for: then the first that was left.
    pub fn records(
        &mut self,
        event: &Event<'_>,
        decoder: &mut Decoder,
        in_time: &dyn Fn() -> bool,
    ) -> Result<Option<Sequence>, Stopped> {
        let private = decoder.is_private();
        let (mut unpacker, mut batch) = (Unpacker::new(event), Batch::default());
        while unpacker.fill(&mut batch) {
            let first = &event.records[batch.records[0].entry as usize];
            if !in_time() && self.counts.records > 0 {
                return Ok(Some(first.sequence));
            }
            self.counts.records += batch.records.len() as u64;
            let place = |record: &UserRecord| {
                let entry = &event.records[record.entry as usize];
                Place {
                    sequence: entry.sequence,
                    sub: record.sub,
                    arrival_ms: entry.arrival_ms,
                }
            };
            let places: Vec<Place> = batch.records.iter().map(place).collect();
            decoder.read(&mut batch, |run| self.rows(run, &places, private))?;
            for late in &mut self.late {
                if !private {
                    late.row.raw = batch.data(&batch.records[late.number]).to_vec();
                }
            }
            self.write()?;
        }
        Ok(None)
    }

    /// The clock says that no record is waited for that came before this time.
    pub fn idle_until(&mut self, arrival_ms: i64) -> Result<(), Stopped> {
        for at in 0..self.shard.states.len() {
            let (state, mut closing) = self.closing(at);
            state.idle_until(arrival_ms, &mut |fired| closing.take(&fired));
            closing.stopped?;
        }
        self.write()
    }

    /// The files, what was done, and alerts.
    pub fn finish(self) -> (Outputs<'a>, Counts, Vec<String>) {
        (self.outputs, self.counts, self.found.alerts)
    }

    /// A run of records that are read.
    fn rows(&mut self, run: DecodedRecords, places: &[Place], private: bool) -> Result<(), Stopped> {
        let numbers: Vec<usize> = run.accepted().collect();
        let batch = run.decoded.batch;
        self.counts.accepted += numbers.len() as u64;
        for row in run.decoded.rejected {
            *self.counts.refused.entry(row.reason).or_default() += 1;
            self.refused.push((places[row.line as usize], row));
        }
        let times = match self.stream.event_time {
            Some(column) => values::event_times(&batch, column),
            None => numbers.iter().map(|number| places[*number].arrival_ms).collect(),
        };
        let missed = self.windows(&batch, &numbers, places, &times)?;
        for (row, windows) in missed {
            // What is hidden is so in the table's columns already.
            let raw = if private {
                personal::typed_line(&batch, row, |_| false)
            } else {
                Vec::new()
            };
            let of_all = windows.len() == self.stream.windows.len()
                && windows.iter().all(|(_, reason)| reason.code() == windows[0].1.code());
            for (window, reason) in windows.into_iter().take(if of_all { 1 } else { usize::MAX }) {
                self.late.push(Late {
                    number: numbers[row],
                    row: LateRow {
                        place: places[numbers[row]],
                        raw: raw.clone(),
                        reason,
                        window: (!of_all).then(|| self.stream.windows[window].name.clone()),
                        event_ms: times[row],
                    },
                });
            }
        }
        self.outputs.write(&self.dataset.table, batch)?;
        Ok(())
    }

    /// Puts rows into their windows. Which rows missed which windows, and why.
    fn windows(
        &mut self,
        batch: &RecordBatch,
        numbers: &[usize],
        places: &[Place],
        times: &[i64],
    ) -> Result<BTreeMap<usize, Vec<(usize, LateReason)>>, Stopped> {
        let stream = self.stream;
        let mut missed = BTreeMap::<usize, Vec<(usize, LateReason)>>::new();
        for (at, window) in stream.windows.iter().enumerate() {
            let keys = values::Keys::of(window, batch)?;
            let (values, width) = (values::inputs(window, batch), window.inputs.len());
            let record = |(row, number): (usize, &usize)| {
                let place = places[*number];
                Record {
                    position: position(place),
                    arrival_ms: place.arrival_ms,
                    event_ms: times[row],
                    key: keys.get(row),
                    values: &values[row * width..(row + 1) * width],
                }
            };
            let records: Vec<Record<'_>> = numbers.iter().enumerate().map(record).collect();
            let (mut row, mut untyped) = (0, None);
            let told = |_: &Record<'_>, outcome| {
                if let Outcome::Untyped { input } = outcome {
                    untyped = Some(input);
                } else if let Some(reason) = LateReason::of(outcome) {
                    missed.entry(row).or_default().push((at, reason));
                }
                row += 1;
            };
            let (state, mut closing) = self.closing(at);
            state.add_all(&records, told, &mut |fired| closing.take(&fired));
            closing.stopped?;
            if let Some(input) = untyped {
                let message = format!("window {}: input {input} has values of another type", window.name);
                return Err(Stopped::Bug(message));
            }
        }
        Ok(missed)
    }

    /// Where firings of a kind of window go, and the state that they come of.
    fn closing(&mut self, at: usize) -> (&mut State, Closing<'_, 'a>) {
        let closing = Closing {
            dataset: self.dataset,
            window: &self.stream.windows[at],
            outputs: &mut self.outputs,
            watch: &mut self.shard.watches[at],
            fired: &mut self.counts.fired,
            found: &mut self.found,
            stopped: Ok(()),
        };
        (&mut self.shard.states[at], closing)
    }

    /// Writes what was collected.
    fn write(&mut self) -> Result<(), Stopped> {
        let (refused, late) = (std::mem::take(&mut self.refused), std::mem::take(&mut self.late));
        if !refused.is_empty() {
            let table = &self.dataset.quarantine;
            let batch = rows::refused(&self.origin, &self.outputs.schema(table), &refused)?;
            self.outputs.write(table, batch)?;
        }
        if !late.is_empty() {
            self.counts.late += late.len() as u64;
            let late: Vec<LateRow> = late.into_iter().map(|late| late.row).collect();
            let table = &self.stream.late;
            let batch = rows::late(&self.origin, &self.outputs.schema(table), &late)?;
            self.outputs.write(table, batch)?;
        }
        let anomalies = std::mem::take(&mut self.found.anomalies);
        if let Some(table) = self.stream.anomalies.as_ref().filter(|_| !anomalies.is_empty()) {
            self.counts.anomalies += anomalies.len() as u64;
            let batch = rows::anomalies(&self.outputs.schema(table), &anomalies)?;
            self.outputs.write(table, batch)?;
        }
        Ok(())
    }
}

fn position(place: Place) -> Position {
    Position {
        high: place.sequence.high,
        sequence: place.sequence.low,
        sub: place.sub.into(),
    }
}
